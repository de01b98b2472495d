// SPDX-License-Identifier: 0BSD
/* The sum of all bytes in use, wherever they are mapped. */
#include <iobmd.h>

long sum(struct iobmd_buffer *buffer)
{
	struct iobmd_address_segment segment;
	const unsigned char *bytes;
	int err = iobmd_buffer_get_address_range(buffer, 0, &segment);
	long sum = 0;

	if (err)
		return err;
	bytes = segment.address;
	for (uint64_t i = 0; i < segment.length; i++)
		sum += bytes[i];
	return sum;
}
