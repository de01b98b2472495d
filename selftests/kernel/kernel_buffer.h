/* SPDX-License-Identifier: GPL-2.0 */
/* A buffer, mapped and with stamps, and another module that has not yet got hold of it. */
#ifndef IOBMD_TEST_KERNEL_BUFFER_H
#define IOBMD_TEST_KERNEL_BUFFER_H

#include "kernel_peer.h"
#include "pin.h"

FIXTURE(kernel_buffer)
{
	size_t page;
	uint64_t size;
	int fd;
	int peer;
	uint8_t *map;
};

FIXTURE_VARIANT(kernel_buffer)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(kernel_buffer, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(kernel_buffer, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(kernel_buffer)
{
	self->page = page_size();
	self->size = 2 * huge_page_size() + 5 * self->page;
	self->peer = kernel_load();
	ASSERT_LE(0, self->peer);
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	stamp_pages(self->map, self->size);
}

FIXTURE_TEARDOWN_PARENT(kernel_buffer)
{
	EXPECT_EQ(0, kernel_unload());
	EXPECT_EQ(0, buffers_listed(0));
}

#endif /* IOBMD_TEST_KERNEL_BUFFER_H */
