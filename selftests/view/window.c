// SPDX-License-Identifier: GPL-2.0
/* DERIVE: a window shows and reaches a part of the buffer, by every way in. */
#include "machine.h"
#include "peer.h"
#include "pin.h"

#include <sys/mman.h>

FIXTURE(window)
{
	size_t page;
	uint64_t size;		/* of the buffer: a huge page, two pages and a bit */
	uint64_t start;		/* of the window: in the huge page */
	uint64_t length;	/* beyond it, and not whole pages */
	uint64_t end;
	int fd;
	uint8_t *map;		/* all of the buffer, filled with the pattern of seed 1 */
	int window;
};

FIXTURE_VARIANT(window)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(window, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(window, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(window)
{
	self->page = page_size();
	self->size = huge_page_size() + 3 * self->page + 100;
	self->start = huge_page_size() - 3 * self->page;
	self->length = 5 * self->page - 7;
	self->end = self->start + self->length;
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	fill_pattern(self->map, 0, self->size, 1);
	self->window = iobmd_window(self->fd, self->start, self->length);
	ASSERT_LE(0, self->window);
}

FIXTURE_TEARDOWN(window)
{
}

#define map_window(self, prot)						\
	mmap(NULL, page_round((self)->length), prot, MAP_SHARED, (self)->window, 0)

TEST_F(window, must_begin_with_a_page_and_lie_within_the_length)
{
	const uint64_t page = self->page, size = self->size, huge = UINT64_MAX;
	const struct {
		uint64_t offset, length;
	} bad[] = {
		{ 0, 0 }, { page, 0 }, { 1, 1 }, { page - 1, 1 }, { page + 1, 1 }, { 512, page },
		{ 0, size + 1 }, { page, size - page + 1 }, { page, size },
		{ page_round(size), 1 }, { page_round(size) - page, page }, { size, 1 },
		{ size - 1, 1 }, { 2 * size, 1 }, { 0, 1ull << 63 }, { 0, huge },
		{ page, huge - page + 1 }, { page, huge - page + 2 }, { 1ull << 63, 1 },
		{ 1ull << 63, 1ull << 63 }, { huge - page + 1, 1 }, { huge - page + 1, page },
		{ huge - page + 1, 2 * page }, { huge, 1 }, { huge, huge }, { page, huge },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_ERRNO(EINVAL, iobmd_window(self->fd, bad[i].offset, bad[i].length));
}

TEST_F(window, may_be_of_any_bytes_within_the_length)
{
	const uint64_t page = self->page, size = self->size;
	const struct {
		uint64_t offset, length;
	} good[] = {
		{ 0, 1 }, { 0, page - 1 }, { 0, page }, { 0, page + 1 }, { 0, size - 1 },
		{ 0, size }, { page, 1 }, { page, size - page }, { page_round(size) - page, 100 },
		{ page_round(size) - page, 1 }, { self->start, size - self->start },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int fd = iobmd_window(self->fd, good[i].offset, good[i].length);

		ASSERT_LE(0, fd);
		EXPECT_EQ(good[i].length, IOBMD_INFO(fd, capacity));
		EXPECT_EQ(good[i].length, lseek(fd, 0, SEEK_END));
		close(fd);
	}
}

TEST_F(window, says_what_it_shows)
{
	struct iobmd_get_info info, whole;
	uint64_t huge = huge_page_size();
	struct stat st;

	ASSERT_EQ(0, iobmd_get_info(self->fd, &whole));
	ASSERT_EQ(0, iobmd_get_info(self->window, &info));
	EXPECT_EQ(whole.id, info.id);
	EXPECT_EQ(self->length, info.capacity);
	EXPECT_EQ(self->length, info.length);
	EXPECT_EQ(page_round(self->length), info.allocated);
	EXPECT_EQ(whole.huge_bytes ? huge - self->start : 0, info.huge_bytes);
	EXPECT_EQ(variant->huge == IOBMD_HUGE_PREFER, whole.huge_bytes != 0);
	EXPECT_EQ(IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE, info.rights);
	ASSERT_EQ(0, fstat(self->window, &st));
	EXPECT_EQ(self->length, st.st_size);
	EXPECT_EQ(page_round(self->length) / 512, st.st_blocks);
	EXPECT_EQ(info.id, st.st_ino);
	EXPECT_EQ(self->size, IOBMD_INFO(self->fd, length));
}

TEST_F(window, cannot_change_the_sizes_or_seal)
{
	EXPECT_ERRNO(EACCES, iobmd_resize(self->window, 2 * self->size));
	EXPECT_ERRNO(EACCES, iobmd_set_length(self->window, 1));
	EXPECT_ERRNO(EACCES, iobmd_seal(self->window, IOBMD_SEAL_SHRINK));
	EXPECT_EQ(0, iobmd_set_name(self->window, "window"));
}

TEST_F(window, is_mapped_from_its_start_to_its_end)
{
	const uint64_t page = self->page, end = page_round(self->length);
	uint8_t *map = map_window(self, PROT_READ | PROT_WRITE);
	const struct {
		uint64_t offset, length;
	} bad[] = {
		{ 0, end + 1 }, { page, end }, { end, 1 }, { end, page }, { end - page, 2 * page },
		{ 1ull << 62, page }, { -page, page }, { -self->start, page },
	};

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, self->start, self->length, 1));
	map[page] ^= 1;
	EXPECT_EQ(map[page], self->map[self->start + page]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(MAP_FAILED, mmap(NULL, bad[i].length, PROT_READ, MAP_SHARED,
					   self->window, bad[i].offset));
		EXPECT_MAP_ERRNO(EINVAL, iobmd_map(self->window, 0, NULL, bad[i].offset,
						   bad[i].length));
	}
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, self->window, end - page);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, self->start + end - page, page - 7, 1));
}

TEST_F(window, is_mapped_by_the_ioctl_likewise)
{
	uint8_t *map = iobmd_map(self->window, IOBMD_MAP_F_PREFAULT, NULL, 0, 0);
	uint8_t *tail = iobmd_map(self->window, 0, NULL, 2 * self->page, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_NE(MAP_FAILED, tail);
	EXPECT_EQ(-1, check_pattern(map, self->start, self->length, 1));
	EXPECT_EQ(-1, check_pattern(tail, self->start + 2 * self->page,
				    self->length - 2 * self->page, 1));
}

TEST_F(window, mapping_does_not_grow_out_of_it)
{
	uint64_t mapped = page_round(self->length);
	uint8_t *map = map_window(self, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_MAP_ERRNO(EFAULT, mremap(map, mapped, mapped + self->page, MREMAP_MAYMOVE));
	EXPECT_MAP_ERRNO(EFAULT, mremap(map, self->page, 2 * self->page, MREMAP_MAYMOVE));
	EXPECT_MAP_ERRNO(EFAULT, mremap(map, 0, mapped + self->page, MREMAP_MAYMOVE));
	EXPECT_EQ(-1, check_pattern(map, self->start, self->length, 1));
	EXPECT_EQ(map, mremap(map, mapped, mapped - self->page, 0));
	EXPECT_EQ(SIGSEGV, faults(map + mapped - self->page, false));
	EXPECT_EQ(-1, check_pattern(map, self->start, mapped - self->page, 1));

	/* The kernel unmaps the place first, and then asks us. */
	EXPECT_EQ(-1, remap_file_pages(map, self->page, 0, mapped / self->page, 0));
	EXPECT_EQ(SIGSEGV, faults(map, false));
}

/* Two neighbours that are also neighbours in the buffer stay two. */
TEST_F(window, mapping_does_not_merge_with_its_neighbour)
{
	uint8_t *room = mmap(NULL, 4 * self->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(room, mmap(room, self->page, PROT_READ, MAP_SHARED | MAP_FIXED, self->fd,
			     self->start - self->page));
	ASSERT_EQ(room + self->page, mmap(room + self->page, self->page, PROT_READ,
					  MAP_SHARED | MAP_FIXED, self->window, 0));
	EXPECT_EQ(-1, check_pattern(room, self->start - self->page, 2 * self->page, 1));
	EXPECT_MAP_ERRNO(EFAULT, mremap(room + self->page, self->page, 2 * self->page,
					MREMAP_MAYMOVE));
}

TEST_F(window, is_read_and_written_from_its_start_to_its_end)
{
	uint8_t data[256];

	ASSERT_EQ(100, pread(self->window, data, 100, 0));
	EXPECT_EQ(-1, check_pattern(data, self->start, 100, 1));
	ASSERT_EQ(3, pread(self->window, data, 100, self->length - 3));
	EXPECT_EQ(-1, check_pattern(data, self->end - 3, 3, 1));
	EXPECT_EQ(0, pread(self->window, data, 1, self->length));
	EXPECT_EQ(0, pread(self->window, data, 1, self->length + 1));
	EXPECT_EQ(0, pread(self->window, data, 1, INT64_MAX - 1));
	EXPECT_ERRNO(EINVAL, pread(self->window, data, 1, -1));

	memset(data, 0xee, sizeof(data));
	ASSERT_EQ(5, pwrite(self->window, data, 100, self->length - 5));
	EXPECT_EQ(-1, check_bytes(self->map + self->end - 5, 5, 0xee));
	EXPECT_EQ(-1, check_pattern(self->map + self->end, self->end, 100, 1));
	ASSERT_EQ(1, pwrite(self->window, data, 1, 0));
	EXPECT_EQ(0xee, self->map[self->start]);
	EXPECT_EQ(-1, check_pattern(self->map + self->start - 100, self->start - 100, 100, 1));
	EXPECT_ERRNO(ENOSPC, pwrite(self->window, data, 1, self->length));
}

TEST_F(window, is_sought_in_from_its_start_to_its_end)
{
	EXPECT_EQ(self->length, lseek(self->window, 0, SEEK_END));
	EXPECT_EQ(0, lseek(self->window, -(off_t)self->length, SEEK_END));
	EXPECT_ERRNO(EINVAL, lseek(self->window, -(off_t)self->length - 1, SEEK_END));
	EXPECT_ERRNO(EINVAL, lseek(self->window, self->length + 1, SEEK_SET));
	EXPECT_EQ(self->length, lseek(self->window, self->length, SEEK_SET));
}

TEST_F(window, is_spliced_from_its_start_to_its_end)
{
	uint8_t *data = malloc(self->size);
	int pipe[2];
	off_t at = 0;

	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	ASSERT_EQ(self->length, splice(self->window, &at, pipe[1], NULL, self->size, 0));
	EXPECT_EQ(self->length, at);
	ASSERT_EQ(self->length, read(pipe[0], data, self->size));
	EXPECT_EQ(-1, check_pattern(data, self->start, self->length, 1));
	EXPECT_EQ(0, splice(self->window, &at, pipe[1], NULL, 1, 0));
	at = self->length - 1;
	EXPECT_EQ(1, splice(self->window, &at, pipe[1], NULL, 2, 0));
	free(data);
}

TEST_F(window, is_synced_within)
{
	const uint32_t in = IOBMD_DIRECTION_IN;

	EXPECT_EQ(0, iobmd_sync(self->window, 0, 0, in));
	EXPECT_EQ(0, iobmd_sync(self->window, 0, self->length, in));
	EXPECT_EQ(0, iobmd_sync(self->window, self->length - 1, 1, in));
	EXPECT_ERRNO(EINVAL, iobmd_sync(self->window, 0, self->length + 1, in));
	EXPECT_ERRNO(EINVAL, iobmd_sync(self->window, self->length, 0, in));
	EXPECT_ERRNO(EINVAL, iobmd_sync(self->window, self->length, 1, in));
	EXPECT_ERRNO(EINVAL, iobmd_sync(self->window, 1, UINT64_MAX, in));
	EXPECT_ERRNO(EINVAL, iobmd_sync(self->window, 1ull << 63, 1ull << 63, in));
	EXPECT_ERRNO(EINVAL, iobmd_sync(self->window, 0, 0, 0));
	EXPECT_ERRNO(EINVAL, iobmd_sync(self->window, 0, 0, 4));
}

TEST_F(window, is_exported_from_its_start_to_its_end)
{
	int dmabuf = iobmd_export(self->window, 0, self->page, 0);
	uint64_t size = page_round(self->length) - self->page;
	uint8_t *map;

	ASSERT_LE(0, dmabuf);
	EXPECT_EQ(size, lseek(dmabuf, 0, SEEK_END));
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, self->start + self->page, self->length - self->page, 1));
	EXPECT_MAP_ERRNO(EFAULT, mremap(map, size, size + self->page, MREMAP_MAYMOVE));
	EXPECT_ERRNO(EINVAL, iobmd_export(self->window, 0, 0, self->length + 1));
	EXPECT_ERRNO(EINVAL, iobmd_export(self->window, 0, page_round(self->length), 0));
	EXPECT_ERRNO(EINVAL, iobmd_export(self->window, 0, 1, 1));
	EXPECT_ERRNO(EINVAL, iobmd_export(self->window, 0, self->page, UINT64_MAX));
}

TEST_F(window, of_a_window_counts_from_and_stays_within_it)
{
	int inner = iobmd_window(self->window, self->page, self->page + 1);
	int copy = iobmd_derive(self->window, 0, 0, 0);
	uint8_t data[64];

	ASSERT_LE(0, inner);
	EXPECT_EQ(self->page + 1, IOBMD_INFO(inner, length));
	ASSERT_EQ(1, pread(inner, data, 64, self->page));
	EXPECT_EQ(pattern_byte(self->start + 2 * self->page, 1), data[0]);
	EXPECT_EQ(self->length, IOBMD_INFO(copy, length));
	EXPECT_ERRNO(EINVAL, iobmd_window(self->window, 0, self->length + 1));
	EXPECT_ERRNO(EINVAL, iobmd_window(self->window, page_round(self->length), 1));
	EXPECT_ERRNO(EINVAL, iobmd_window(inner, 0, self->page + 2));
	EXPECT_ERRNO(EINVAL, iobmd_window(inner, 2 * self->page, 1));
	EXPECT_EQ(IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE, IOBMD_INFO(inner, rights));
}

TEST_F(window, keeps_the_buffer_when_all_else_is_closed)
{
	uint64_t id = IOBMD_INFO(self->fd, id);
	uint8_t *map;

	munmap(self->map, self->size);
	close(self->fd);
	map = map_window(self, PROT_READ);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, self->start, self->length, 1));
	munmap(map, page_round(self->length));
	EXPECT_EQ(1, buffer_listed(id));
	close(self->window);
	EXPECT_EQ(0, buffer_listed(id));
}

TEST_F(window, keeps_the_buffer_from_shrinking_into_it)
{
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->end - 1));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->start));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, 1));
	EXPECT_EQ(self->size, IOBMD_INFO(self->fd, capacity));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->end));
	EXPECT_EQ(0, iobmd_resize(self->fd, 2 * self->size));
	EXPECT_EQ(self->length, IOBMD_INFO(self->window, length));
	close(self->window);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

/* The length is but a number: a window shows memory. */
TEST_F(window, stays_what_it_is_when_the_length_changes)
{
	uint8_t byte;

	ASSERT_EQ(0, iobmd_set_length(self->fd, 0));
	EXPECT_EQ(self->length, IOBMD_INFO(self->window, length));
	EXPECT_EQ(1, pread(self->window, &byte, 1, self->length - 1));
	EXPECT_ERRNO(EINVAL, iobmd_window(self->fd, 0, 1));
	EXPECT_LE(0, iobmd_window(self->window, 0, 1));
}

TEST_HARNESS_MAIN
