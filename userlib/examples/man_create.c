// SPDX-License-Identifier: 0BSD
/* Huge pages of node 0 if available, else other memory. */
#include <iobmd.h>

int create(int device, uint64_t capacity, struct iobmd_buffer **buffer)
{
	const struct iobmd_buffer_options options = {
		.flags = IOBMD_CREATE_F_NODE,
		.capacity = capacity,
		.huge = IOBMD_HUGE_REQUIRE,
		.node = 0,
	};

	if (iobmd_buffer_create_with(device, &options, sizeof(options), buffer) == 0)
		return 0;
	return iobmd_buffer_create(device, capacity, 0, 0, buffer);
}
