// SPDX-License-Identifier: GPL-2.0
/* libiobmd: mappings. */
#include "library.h"
#include "machine.h"

#include <sys/syscall.h>

#define LOWEST_ADDRESS	"/proc/sys/vm/mmap_min_addr"

/* Of the whole process, in pages. */
static size_t address_space(void)
{
	char text[128] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return strtoul(text, NULL, 10);
}

static void *map_by_kernel(void *address, size_t length, int prot, int flags, int fd,
			   off64_t offset)
{
#ifdef SYS_mmap2
	return (void *)syscall(SYS_mmap2, address, length, prot, flags, fd, offset / 4096);
#else
	return (void *)syscall(SYS_mmap, address, length, prot, flags, fd, offset);
#endif
}

/*
 * The library calls this one: it plays the thread that maps something, for that
 * many times, just before the library does so at a given address.
 */
static int taken_rooms;

void *mmap64(void *address, size_t length, int prot, int flags, int fd, off64_t offset)
{
	bool taken = flags & MAP_FIXED_NOREPLACE && fd >= 0 && taken_rooms;
	void *got;

	if (taken) {
		taken_rooms--;
		occupy(address);
	}
	got = map_by_kernel(address, length, prot, flags, fd, offset);
	if (taken)
		munmap(address, page_size());
	return got;
}

TEST_F(library, mapping_is_exact_to_the_byte)
{
	uint64_t parts[][2] = {
		{ 0, 1 }, { 5, 10 }, { self->page - 1, 2 }, { self->page, self->page },
		{ 1, self->size - 1 }, { self->size - 1, 1 }, { self->page + 1, 2 * self->page },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		struct iobmd_mapping *mapping = MARKER;
		uint8_t *address;

		ASSERT_EQ(0, iobmd_mapping_create(self->buffer, 0, NULL, parts[i][0], parts[i][1],
						  &mapping));
		address = iobmd_mapping_address(mapping);
		EXPECT_EQ(parts[i][0], iobmd_mapping_offset(mapping));
		EXPECT_EQ(parts[i][1], iobmd_mapping_length(mapping));
		EXPECT_EQ(-1, check_pattern(address, parts[i][0], parts[i][1], 0));
		EXPECT_EQ(0, faults(address + parts[i][1] - 1, true));
		iobmd_mapping_free(mapping);
		EXPECT_EQ(0, count_mappings(self->id));
	}
}

TEST_F(library, mapping_of_length_0_goes_to_the_length)
{
	ASSERT_EQ(0, iobmd_buffer_set_length(self->buffer, self->page + 50));
	ASSERT_EQ(0, iobmd_mapping_create(self->buffer, 0, NULL, 7, 0, &self->mapping));
	EXPECT_EQ(self->page + 43, iobmd_mapping_length(self->mapping));
	EXPECT_EQ(7, iobmd_mapping_offset(self->mapping));
}

TEST_F(library, mapping_beyond_the_length_is_refused)
{
	uint64_t high = 1ull << 63, all = UINT64_MAX, length = self->page + 50;
	uint64_t parts[][2] = {
		{ length, 0 }, { length, 1 }, { length + 1, 0 }, { 0, length + 1 },
		{ length - 1, 2 }, { 5, length }, { 0, high }, { high, 0 }, { high, high },
		{ 0, all }, { 1, all }, { self->page, all }, { all, 0 }, { all, 1 },
		{ all, 2 }, { all - self->page + 1, self->page }, { all, all },
		{ self->page, all - self->page + 2 },
	};
	struct iobmd_mapping *mapping = MARKER;

	ASSERT_EQ(0, iobmd_buffer_set_length(self->buffer, length));
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		EXPECT_EQ(-EINVAL, iobmd_mapping_create(self->buffer, 0, NULL, parts[i][0],
							parts[i][1], &mapping));
	EXPECT_EQ(MARKER, mapping);
	EXPECT_EQ(0, count_mappings(self->id));
}

TEST_F(library, mapping_of_an_empty_buffer_is_refused)
{
	struct iobmd_mapping *mapping = MARKER;

	ASSERT_EQ(0, iobmd_buffer_set_length(self->buffer, 0));
	EXPECT_EQ(-EINVAL, iobmd_mapping_create(self->buffer, 0, NULL, 0, 0, &mapping));
	EXPECT_EQ(MARKER, mapping);
}

TEST_F(library, mapping_refuses_unknown_flags)
{
	struct iobmd_mapping *mapping = MARKER;

	for (int bit = 3; bit < 32; bit++)
		if (1u << bit != IOBMD_MAPPING_GUARD)
			EXPECT_EQ(-EINVAL, iobmd_mapping_create(self->buffer, 1u << bit, NULL,
								0, 0, &mapping));
	EXPECT_EQ(MARKER, mapping);
}

TEST_F(library, mapping_outlives_the_handle)
{
	ASSERT_EQ(0, iobmd_mapping_create(self->buffer, 0, NULL, 0, 0, &self->mapping));
	iobmd_buffer_free(self->buffer);
	self->buffer = NULL;
	EXPECT_EQ(-1, check_pattern(iobmd_mapping_address(self->mapping), 0, self->size, 0));
	iobmd_mapping_free(self->mapping);
	self->mapping = NULL;
	EXPECT_EQ(0, count_mappings(self->id));
}

TEST_F(library, mapping_read_only_can_be_read_only)
{
	uint8_t *address;

	ASSERT_EQ(0, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_READ_ONLY, NULL, 9, 0,
					  &self->mapping));
	address = iobmd_mapping_address(self->mapping);
	EXPECT_EQ(-1, check_pattern(address, 9, self->size - 9, 0));
	EXPECT_EQ(SIGSEGV, faults(address, true));
}

TEST_F(library, mapping_prefault_fills_the_page_tables)
{
	ASSERT_EQ(0, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_PREFAULT, NULL, 0, 0,
					  &self->mapping));
	EXPECT_EQ(4 * self->page, smaps_bytes(iobmd_mapping_address(self->mapping), 1, "Rss"));
}

TEST_F(library, mapping_fixed_goes_where_it_is_told)
{
	uint8_t *address = find_free(4 * self->page) + self->page + 3;

	ASSERT_EQ(0, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_FIXED, address,
					  self->page + 3, 20, &self->mapping));
	EXPECT_EQ(address, iobmd_mapping_address(self->mapping));
	EXPECT_EQ(-1, check_pattern(address, self->page + 3, 20, 0));
}

TEST_F(library, mapping_fixed_replaces_nothing)
{
	uint32_t flags[] = { IOBMD_MAPPING_FIXED, IOBMD_MAPPING_FIXED | IOBMD_MAPPING_GUARD };
	uint8_t *address = find_free(8 * self->page) + 2 * self->page;
	struct iobmd_mapping *mapping = MARKER;

	for (int guard = 0; guard < 2; guard++) {
		for (int i = -guard; i < 4 + guard; i++) {
			uint8_t *taken = occupy(address + i * self->page);

			ASSERT_NE(MAP_FAILED, taken);
			memset(taken, 0x5a, self->page);
			EXPECT_EQ(-EEXIST, iobmd_mapping_create(self->buffer, flags[guard],
								address, 0, 0, &mapping));
			EXPECT_EQ(-1, check_bytes(taken, self->page, 0x5a));
			munmap(taken, self->page);
			EXPECT_TRUE(is_free(address - 2 * self->page, 8 * self->page));
		}
	}
	EXPECT_EQ(MARKER, mapping);
}

TEST_F(library, mapping_refuses_an_address_that_does_not_fit)
{
	uint8_t *address = find_free(8 * self->page) + self->page;
	struct iobmd_mapping *mapping = MARKER;

	EXPECT_EQ(-EINVAL, iobmd_mapping_create(self->buffer, 0, address, 0, 0, &mapping));
	EXPECT_EQ(-EINVAL, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_FIXED, address, 1, 0,
						&mapping));
	EXPECT_EQ(-EINVAL, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_FIXED, address + 1, 0,
						0, &mapping));
	EXPECT_EQ(-ENOMEM, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_FIXED,
						(void *)-(2 * page_size()), 0, 0, &mapping));
	EXPECT_EQ(MARKER, mapping);
}

TEST_F(library, mapping_at_a_low_address_needs_the_right_to_it)
{
	struct iobmd_mapping *mapping = MARKER;
	uint64_t lowest = file_number(LOWEST_ADDRESS, "");
	pid_t pid;

	/* Debian's is 4096 on arm64, not above the first page. */
	ASSERT_EQ(0, file_write_number(LOWEST_ADDRESS, 16 * self->page));
	IN_CHILD(pid) {
		ASSERT_EQ(0, setuid(65534));
		EXPECT_EQ(-EPERM, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_FIXED,
						       (void *)page_size(), 0, 0, &mapping));
		EXPECT_EQ(-EPERM, iobmd_mapping_create(self->buffer,
						       IOBMD_MAPPING_FIXED | IOBMD_MAPPING_GUARD,
						       (void *)(2 * page_size()), 0, 0, &mapping));
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(0, file_write_number(LOWEST_ADDRESS, lowest));
}

/* The guard before such an address would lie beyond the end of the address space. */
TEST_F(library, mapping_guard_needs_a_page_before_the_address)
{
	struct iobmd_mapping *mapping = MARKER;
	uint32_t flags = IOBMD_MAPPING_FIXED | IOBMD_MAPPING_GUARD;

	EXPECT_EQ(-EPERM, iobmd_mapping_create(self->buffer, flags, NULL, 0, 0, &mapping));
	EXPECT_EQ(-EINVAL, iobmd_mapping_create(self->buffer, flags, NULL, 5, 0, &mapping));
	for (uintptr_t address = 1; address < self->page; address += 97)
		EXPECT_EQ(-EINVAL, iobmd_mapping_create(self->buffer, flags, (void *)address,
							0, 0, &mapping));
	EXPECT_EQ(-EPERM, iobmd_mapping_create(self->buffer, flags, (void *)5, 5, 1, &mapping));
	EXPECT_EQ(MARKER, mapping);
}

static void expect_guarded(struct __test_metadata *_metadata,
			   const struct iobmd_mapping *mapping)
{
	uint64_t page = page_size(), offset = iobmd_mapping_offset(mapping);
	uint8_t *address = iobmd_mapping_address(mapping);
	uint8_t *end = address + iobmd_mapping_length(mapping);

	EXPECT_EQ(-1, check_pattern(address, offset, end - address, 0));
	EXPECT_EQ(0, faults(end - 1, true));
	address -= offset % page;
	end = address_round(end, page);
	EXPECT_EQ(SIGSEGV, faults(address - 1, false));
	EXPECT_EQ(SIGSEGV, faults(address - page, true));
	EXPECT_EQ(SIGSEGV, faults(end, false));
	EXPECT_EQ(SIGSEGV, faults(end + page - 1, true));
}

TEST_F(library, mapping_guard_stands_on_both_sides)
{
	uint64_t parts[][2] = {
		{ 0, 0 }, { 5, 10 }, { self->page, self->page }, { self->page + 1, self->page },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		ASSERT_EQ(0, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_GUARD, NULL,
						  parts[i][0], parts[i][1], &self->mapping));
		expect_guarded(_metadata, self->mapping);
		iobmd_mapping_free(self->mapping);
		self->mapping = NULL;
	}
}

TEST_F(library, mapping_guard_is_unmapped_too)
{
	uint8_t *address = find_free(6 * self->page) + self->page;

	ASSERT_EQ(0, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_GUARD | IOBMD_MAPPING_FIXED,
					  address, 0, 0, &self->mapping));
	EXPECT_EQ(address, iobmd_mapping_address(self->mapping));
	expect_guarded(_metadata, self->mapping);
	EXPECT_FALSE(is_free(address - self->page, self->page));
	EXPECT_FALSE(is_free(address + 4 * self->page, self->page));
	iobmd_mapping_free(self->mapping);
	self->mapping = NULL;
	EXPECT_TRUE(is_free(address - self->page, 6 * self->page));
}

TEST_F(library, mapping_guard_goes_elsewhere_when_another_thread_was_faster)
{
	taken_rooms = 3;
	EXPECT_EQ(0, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_GUARD, NULL, 0, 0,
					  &self->mapping));
	EXPECT_EQ(0, taken_rooms);
	expect_guarded(_metadata, self->mapping);
}

TEST_F(library, mapping_guard_gives_up_when_other_threads_are_always_faster)
{
	struct iobmd_mapping *mapping = MARKER;
	size_t space = address_space();

	taken_rooms = INT_MAX;
	EXPECT_EQ(-EAGAIN, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_GUARD, NULL, 0, 0,
						&mapping));
	EXPECT_EQ(MARKER, mapping);
	EXPECT_EQ(space, address_space());
}

TEST(mapping_guard_takes_no_more_address_space_than_it_says)
{
	struct iobmd_buffer *buffer = create_buffer(16 * MIB);
	size_t space = address_space(), pages = 2 + 16 * MIB / page_size();

	ASSERT_NE(NULL, buffer);
	for (int i = 0; i < 5; i++) {
		struct iobmd_mapping *mapping = NULL;

		ASSERT_EQ(0, iobmd_mapping_create(buffer, IOBMD_MAPPING_GUARD, NULL, 0, 0,
						  &mapping));
		EXPECT_EQ(space + pages, address_space());
		iobmd_mapping_free(mapping);
		EXPECT_EQ(space, address_space());
	}
	iobmd_buffer_free(buffer);
}

/*
 * Makes mappings until the process may have no more; they go with the process. Below
 * the last is room for what comes next: it becomes inaccessible, as a guard is. Another
 * is given back, so that the kernel maps what merges with this one.
 */
static void fill_map_count(size_t page)
{
	uint8_t *next, *last = NULL, *other = NULL;

	for (int prot = PROT_READ;; prot ^= PROT_READ | PROT_WRITE) {
		next = mmap(NULL, page, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (next == MAP_FAILED)
			break;
		other = last;
		last = next;
	}
	munmap(other, page);
	munmap(last, page);
	mmap(last, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
	     MAP_FIXED_NOREPLACE, -1, 0);
}

/* A guard beside the room is the same mapping for the kernel: to cut it takes one more. */
TEST_F(library, mapping_guard_that_finds_no_mapping_left_leaves_nothing)
{
	struct iobmd_mapping *mapping = MARKER, *before;
	struct iobmd_buffer *large = create_buffer(8 * MIB);
	size_t space;
	pid_t pid;

	ASSERT_NE(NULL, large);
	IN_CHILD(pid) {
		ASSERT_EQ(0, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_GUARD, NULL, 0, 0,
						  &before));
		fill_map_count(self->page);
		space = address_space();
		for (int i = 0; i < 20; i++)
			EXPECT_EQ(-ENOMEM, iobmd_mapping_create(i % 2 ? large : self->buffer,
								IOBMD_MAPPING_GUARD, NULL, 0, 0,
								&mapping));
		EXPECT_EQ(space, address_space());
		EXPECT_EQ(MARKER, mapping);
		iobmd_mapping_free(before);
		EXPECT_GT(space, address_space());
	}
	EXPECT_EQ(0, child_status(pid));
	iobmd_buffer_free(large);
}

TEST(mapping_of_a_huge_page_keeps_it)
{
	uint64_t huge = huge_page_size();
	struct iobmd_buffer *buffer = create_buffer(huge ? 8 * huge : 1);
	uint32_t flags[] = { 0, IOBMD_MAPPING_GUARD };
	struct iobmd_buffer_info info;

	ASSERT_NE(NULL, buffer);
	ASSERT_EQ(0, iobmd_buffer_get_info(buffer, &info, sizeof(info)));
	if (!huge || info.huge_bytes != info.allocated)
		SKIP(goto out, "no huge pages to be had");
	for (int i = 0; i < 2; i++) {
		for (uint64_t offset = 0; offset < 2 * huge; offset += huge / 2 + 5) {
			struct iobmd_mapping *mapping = NULL;
			uint8_t *address;

			ASSERT_EQ(0, iobmd_mapping_create(buffer, flags[i] | IOBMD_MAPPING_PREFAULT,
							  NULL, offset, 4 * huge, &mapping));
			address = iobmd_mapping_address(mapping);
			EXPECT_EQ(offset % huge, (uintptr_t)address % huge);
			EXPECT_LE(3 * huge, smaps_bytes(address, 1, "FilePmdMapped"));
			iobmd_mapping_free(mapping);
		}
	}
out:
	iobmd_buffer_free(buffer);
}

TEST_HARNESS_MAIN
