// SPDX-License-Identifier: 0BSD
/* A ring without an end: the buffer mapped twice, side by side. */
#include <iobmd.h>

int mirror(int device, struct iobmd_buffer *ring, struct iobmd_buffer **mirrored)
{
	struct iobmd_part parts[] = {
		{ .buffer = ring },
		{ .buffer = ring },
	};

	return iobmd_buffer_compose(device, parts, 2, 0, mirrored);
}
