// SPDX-License-Identifier: 0BSD
/* What a buffer is made of. */
#include <stdio.h>
#include <iobmd.h>

void show(const struct iobmd_buffer *buffer)
{
	struct iobmd_buffer_info info;

	if (iobmd_buffer_get_info(buffer, &info, sizeof(info)))
		return;
	printf("buffer %llu: %llu of %llu bytes in huge pages, %s\n",
	       (unsigned long long)info.id, (unsigned long long)info.huge_bytes,
	       (unsigned long long)info.allocated,
	       info.rights & IOBMD_RIGHT_WRITE ? "writable" : "read-only");
}
