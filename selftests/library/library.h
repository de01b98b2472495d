/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of libiobmd share. */
#ifndef IOBMD_TEST_LIBRARY_H
#define IOBMD_TEST_LIBRARY_H

#include "iobmd_test.h"

#include <iobmd.h>
#include <sys/mman.h>

#define MARKER ((void *)0xcccc)

static inline struct iobmd_buffer *create_buffer(uint64_t capacity)
{
	struct iobmd_buffer *buffer = NULL;
	int device = iobmd_device_open();

	if (iobmd_buffer_create(device, capacity, 0, 0, &buffer))
		buffer = NULL;
	close(device);
	return buffer;
}

static inline uint64_t buffer_id(const struct iobmd_buffer *buffer)
{
	struct iobmd_buffer_info info = { .id = 0 };

	return iobmd_buffer_get_info(buffer, &info, sizeof(info)) ? 0 : info.id;
}

static inline struct iobmd_buffer *duplicate(const struct iobmd_buffer *buffer)
{
	struct iobmd_buffer *twin = NULL;

	int fd = fcntl(iobmd_buffer_fd(buffer), F_DUPFD_CLOEXEC, 0);

	return iobmd_buffer_from_fd(fd, &twin) ? NULL : twin;
}

static inline uint8_t *buffer_address(struct iobmd_buffer *buffer)
{
	struct iobmd_address_segment segment = { .address = NULL };

	return iobmd_buffer_get_address_range(buffer, 0, &segment) ? MARKER : segment.address;
}

/* Descriptors that the process has. */
static inline int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Takes a page of address space; MAP_FAILED where something is already. */
static inline void *occupy(void *address)
{
	return mmap(address, page_size(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

static inline bool is_free(void *address, size_t size)
{
	void *got = mmap(address, size, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return got != MAP_FAILED && !munmap(got, size);
}

/* Free address space; nothing else in the process maps meanwhile. */
static inline uint8_t *find_free(size_t size)
{
	void *got = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(got, size);
	return got;
}

/* Three pages and a bit, each byte as its offset says */
FIXTURE(library)
{
	struct iobmd_buffer *buffer;
	struct iobmd_mapping *mapping;
	uint64_t page, size, id;
};

FIXTURE_SETUP(library)
{
	self->page = page_size();
	self->size = 3 * self->page + 100;
	self->buffer = create_buffer(self->size);
	ASSERT_NE(NULL, self->buffer);
	self->mapping = NULL;
	self->id = buffer_id(self->buffer);
	ASSERT_EQ(0, iobmd_mapping_create(self->buffer, 0, NULL, 0, 0, &self->mapping));
	fill_pattern(iobmd_mapping_address(self->mapping), 0, self->size, 0);
	iobmd_mapping_free(self->mapping);
	self->mapping = NULL;
}

FIXTURE_TEARDOWN(library)
{
	iobmd_mapping_free(self->mapping);
	iobmd_buffer_free(self->buffer);
}

#endif /* IOBMD_TEST_LIBRARY_H */
