// SPDX-License-Identifier: GPL-2.0
/* libiobmd: handles of buffers, their address range, mappings, sockets. */
#include "iobmd_test.h"

#include <iobmd.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define MARKER ((void *)0xcccc)
#define THREADS 4

static struct iobmd_buffer *create_buffer(uint64_t capacity)
{
	struct iobmd_buffer *buffer = NULL;
	int device = iobmd_device_open();

	iobmd_buffer_create(device, capacity, 0, 0, &buffer);
	close(device);
	return buffer;
}

static uint64_t buffer_id(const struct iobmd_buffer *buffer)
{
	struct iobmd_get_info info = { .id = 0 };

	iobmd_buffer_get_info(buffer, &info);
	return info.id;
}

static struct iobmd_buffer *duplicate(const struct iobmd_buffer *buffer)
{
	struct iobmd_buffer *twin = NULL;

	iobmd_buffer_from_fd(fcntl(iobmd_buffer_fd(buffer), F_DUPFD_CLOEXEC, 0), &twin);
	return twin;
}

static uint8_t *buffer_address(struct iobmd_buffer *buffer)
{
	struct iobmd_address_segment segment = { .address = NULL };

	return iobmd_get_address_range(buffer, &segment) ? MARKER : segment.address;
}

/* Descriptors that the process has. */
static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Takes a page of address space; MAP_FAILED where something is already. */
static void *occupy(void *address)
{
	return mmap(address, page_size(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

static bool is_free(void *address, size_t size)
{
	void *got = mmap(address, size, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return got != MAP_FAILED && !munmap(got, size);
}

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

/*
 * The library calls this one: it plays the thread that maps something, for that
 * many times, just before the library does so at a given address.
 */
static int taken_rooms;

int ioctl(int fd, unsigned long request, ...)
{
	struct iobmd_map *args;
	va_list list;
	int ret;

	va_start(list, request);
	args = va_arg(list, void *);
	va_end(list);
	if (request != IOBMD_IOC_MAP || !(args->flags & IOBMD_MAP_F_FIXED) || !taken_rooms)
		return syscall(SYS_ioctl, fd, request, args);

	taken_rooms--;
	occupy((void *)(uintptr_t)args->address);
	ret = syscall(SYS_ioctl, fd, request, args);
	munmap((void *)(uintptr_t)args->address, page_size());
	return ret;
}

/* Free address space; nothing else in the process maps meanwhile. */
static uint8_t *find_free(size_t size)
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

TEST(free_accepts_null)
{
	iobmd_buffer_free(NULL);
	iobmd_mapping_free(NULL);
}

TEST(create_passes_each_argument)
{
	struct iobmd_get_info info;
	struct iobmd_buffer *buffer;
	int device = iobmd_device_open();

	ASSERT_LE(0, device);
	ASSERT_EQ(0, iobmd_buffer_create(device, 12345, 64 * KIB, IOBMD_DIRECTION_IN, &buffer));
	memset(&info, 0xcc, sizeof(info));
	EXPECT_EQ(0, iobmd_buffer_get_info(buffer, &info));
	EXPECT_EQ(12345, info.capacity);
	EXPECT_EQ(12345, info.length);
	EXPECT_EQ(64 * KIB, info.alignment);
	EXPECT_EQ(IOBMD_DIRECTION_IN, info.direction);
	iobmd_buffer_free(buffer);
	close(device);
}

TEST(create_with_passes_what_create_cannot)
{
	struct iobmd_create args = {
		.size = sizeof(args), .capacity = 4 * MIB, .huge = IOBMD_HUGE_NONE,
	};
	struct iobmd_get_info info;
	struct iobmd_buffer *buffer;
	int device = iobmd_device_open();

	ASSERT_EQ(0, iobmd_buffer_create_with(device, &args, &buffer));
	EXPECT_EQ(0, iobmd_buffer_get_info(buffer, &info));
	EXPECT_EQ(IOBMD_HUGE_NONE, info.huge);
	EXPECT_EQ(0, info.huge_bytes);
	iobmd_buffer_free(buffer);
	close(device);
}

TEST(create_that_fails_says_why_and_leaves_the_handle_alone)
{
	struct { struct iobmd_create known; uint64_t unknown; } newer = {
		.known = { .size = sizeof(newer), .capacity = 1 }, .unknown = 1,
	};
	struct iobmd_create older = { .size = 8, .capacity = 1 };
	int device = iobmd_device_open(), null = open("/dev/null", O_RDWR);
	struct iobmd_buffer *buffer = MARKER;
	int fds = open_fds();

	EXPECT_EQ(-EBADF, iobmd_buffer_create(-1, 1, 0, 0, &buffer));
	EXPECT_EQ(-ENOTTY, iobmd_buffer_create(null, 1, 0, 0, &buffer));
	EXPECT_EQ(-EINVAL, iobmd_buffer_create(device, 0, 0, 0, &buffer));
	EXPECT_EQ(-EINVAL, iobmd_buffer_create(device, 1, 3, 0, &buffer));
	EXPECT_EQ(-EINVAL, iobmd_buffer_create(device, 1, 0, 4, &buffer));
	EXPECT_EQ(-EFBIG, iobmd_buffer_create(device, 1ull << 62, 0, 0, &buffer));
	EXPECT_EQ(-EINVAL, iobmd_buffer_create_with(device, &older, &buffer));
	EXPECT_EQ(-E2BIG, iobmd_buffer_create_with(device, &newer.known, &buffer));
	EXPECT_EQ(MARKER, buffer);
	EXPECT_EQ(fds, open_fds());
	close(null);
	close(device);
}

TEST(descriptors_are_close_on_exec)
{
	struct iobmd_buffer *buffer = create_buffer(1);
	int device = iobmd_device_open();

	EXPECT_EQ(FD_CLOEXEC, fcntl(device, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(iobmd_buffer_fd(buffer), F_GETFD));
	iobmd_buffer_free(buffer);
	close(device);
}

TEST(create_and_free_a_hundred_times_leaves_nothing)
{
	int fds = open_fds();

	for (int i = 0; i < 100; i++) {
		struct iobmd_buffer *buffer = create_buffer(page_size());

		ASSERT_NE(NULL, buffer);
		ASSERT_NE(MARKER, buffer_address(buffer));
		iobmd_buffer_free(buffer);
	}
	EXPECT_EQ(fds, open_fds());
}

TEST_F(library, from_fd_takes_the_descriptor_over)
{
	int fd = dup(iobmd_buffer_fd(self->buffer));
	struct iobmd_buffer *twin;

	ASSERT_EQ(0, iobmd_buffer_from_fd(fd, &twin));
	EXPECT_EQ(fd, iobmd_buffer_fd(twin));
	EXPECT_EQ(self->id, buffer_id(twin));
	iobmd_buffer_free(twin);
	EXPECT_ERRNO(EBADF, fcntl(fd, F_GETFD));
}

TEST_F(library, from_fd_refuses_other_files_and_leaves_them_open)
{
	int fds[] = { open("/dev/null", O_RDWR), iobmd_device_open(), event_create(),
		      socket(AF_INET, SOCK_DGRAM, 0), open("/dev/urandom", O_RDONLY) };
	struct iobmd_buffer *buffer = MARKER;

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		EXPECT_EQ(-ENOTTY, iobmd_buffer_from_fd(fds[i], &buffer));
		EXPECT_EQ(0, close(fds[i]));
	}
	EXPECT_EQ(-EBADF, iobmd_buffer_from_fd(-1, &buffer));
	EXPECT_EQ(MARKER, buffer);
}

TEST_F(library, length_and_capacity_are_exact)
{
	struct iobmd_get_info info;
	uint64_t length;

	EXPECT_EQ(0, iobmd_buffer_set_length(self->buffer, 7));
	EXPECT_EQ(0, iobmd_buffer_get_length(self->buffer, &length));
	EXPECT_EQ(7, length);
	EXPECT_EQ(-EINVAL, iobmd_buffer_set_length(self->buffer, self->size + 1));
	EXPECT_EQ(0, iobmd_buffer_resize(self->buffer, self->size + 1));
	EXPECT_EQ(0, iobmd_buffer_get_info(self->buffer, &info));
	EXPECT_EQ(self->size + 1, info.capacity);
	EXPECT_EQ(self->size + 1, info.length);
	EXPECT_EQ(-EINVAL, iobmd_buffer_resize(self->buffer, 0));
	EXPECT_EQ(-EFBIG, iobmd_buffer_resize(self->buffer, 1ull << 62));
}

TEST_F(library, name_of_up_to_31_bytes_is_set_and_taken_away)
{
	const char *longest = "0123456789012345678901234567890";
	char too_long[33] = "", value[64];
	int fd = iobmd_buffer_fd(self->buffer);

	EXPECT_EQ(0, iobmd_buffer_set_name(self->buffer, longest));
	EXPECT_TRUE(fdinfo_get(fd, "name", value));
	EXPECT_STREQ(longest, value);
	memset(too_long, 'x', 32);
	EXPECT_EQ(-EINVAL, iobmd_buffer_set_name(self->buffer, too_long));
	EXPECT_EQ(-EINVAL, iobmd_buffer_set_name(self->buffer, "a\n"));
	EXPECT_TRUE(fdinfo_get(fd, "name", value));
	EXPECT_STREQ(longest, value);
	EXPECT_EQ(0, iobmd_buffer_set_name(self->buffer, NULL));
	EXPECT_TRUE(fdinfo_get(fd, "name", value));
	EXPECT_STREQ("", value);
}

TEST_F(library, what_fails_writes_nothing)
{
	struct iobmd_address_segment segment;
	struct iobmd_mapping *mapping = MARKER;
	struct iobmd_get_info info;
	uint64_t length;

	memset(&segment, 0xcc, sizeof(segment));
	memset(&info, 0xcc, sizeof(info));
	memset(&length, 0xcc, sizeof(length));
	close(iobmd_buffer_fd(self->buffer));
	EXPECT_EQ(-EBADF, iobmd_get_address_range(self->buffer, &segment));
	EXPECT_EQ(-EBADF, iobmd_buffer_get_info(self->buffer, &info));
	EXPECT_EQ(-EBADF, iobmd_buffer_get_length(self->buffer, &length));
	EXPECT_EQ(-EBADF, iobmd_mapping_create(self->buffer, 0, NULL, 0, 0, &mapping));
	EXPECT_EQ(-EBADF, iobmd_buffer_set_length(self->buffer, 1));
	EXPECT_EQ(-EBADF, iobmd_buffer_resize(self->buffer, 1));
	EXPECT_EQ(-EBADF, iobmd_buffer_set_name(self->buffer, ""));
	EXPECT_EQ(-1, check_bytes(&segment, sizeof(segment), 0xcc));
	EXPECT_EQ(-1, check_bytes(&info, sizeof(info), 0xcc));
	EXPECT_EQ(-1, check_bytes(&length, sizeof(length), 0xcc));
	EXPECT_EQ(MARKER, mapping);
}

TEST_F(library, address_range_shows_the_buffer_and_is_mapped_once)
{
	struct iobmd_address_segment segment;

	ASSERT_EQ(0, iobmd_get_address_range(self->buffer, &segment));
	EXPECT_EQ(self->size, segment.length);
	EXPECT_EQ(-1, check_pattern(segment.address, 0, self->size, 0));
	EXPECT_EQ(0, faults(segment.address, true));
	EXPECT_EQ(segment.address, buffer_address(self->buffer));
	EXPECT_EQ(1, count_mappings(self->id));
}

TEST_F(library, address_range_ends_with_the_handle)
{
	struct iobmd_buffer *twin = duplicate(self->buffer);

	ASSERT_NE(MARKER, buffer_address(twin));
	EXPECT_EQ(0, iobmd_buffer_resize(twin, 64 * MIB));
	ASSERT_NE(MARKER, buffer_address(twin));
	EXPECT_LE(1, count_mappings(self->id));
	iobmd_buffer_free(twin);
	EXPECT_EQ(0, count_mappings(self->id));
}

TEST_F(library, address_range_stays_put_within_the_capacity)
{
	struct iobmd_address_segment segment;
	uint8_t *address;

	ASSERT_EQ(0, iobmd_buffer_set_length(self->buffer, 1));
	address = buffer_address(self->buffer);
	ASSERT_NE(MARKER, address);
	occupy(address + self->page);
	occupy(address + 4 * self->page);
	ASSERT_EQ(0, iobmd_buffer_set_length(self->buffer, self->size));
	ASSERT_EQ(0, iobmd_get_address_range(self->buffer, &segment));
	EXPECT_EQ(address, segment.address);
	EXPECT_EQ(self->size, segment.length);
	EXPECT_EQ(-1, check_pattern(address, 0, self->size, 0));
	EXPECT_EQ(1, count_mappings(self->id));
}

TEST_F(library, address_range_of_length_0_is_null_until_there_is_something)
{
	struct iobmd_address_segment segment = { .address = MARKER, .length = 1 };
	uint8_t *address;

	ASSERT_EQ(0, iobmd_buffer_set_length(self->buffer, 0));
	EXPECT_EQ(0, iobmd_get_address_range(self->buffer, &segment));
	EXPECT_EQ(NULL, segment.address);
	EXPECT_EQ(0, segment.length);
	ASSERT_EQ(0, iobmd_buffer_set_length(self->buffer, self->size));
	address = buffer_address(self->buffer);
	EXPECT_EQ(-1, check_pattern(address, 0, self->size, 0));
	ASSERT_EQ(0, iobmd_buffer_set_length(self->buffer, 0));
	EXPECT_EQ(address, buffer_address(self->buffer));
}

/* The page after the range is taken, so that it cannot grow in place. */
TEST_F(library, address_range_follows_growth_by_another_process)
{
	uint8_t *old = buffer_address(self->buffer);
	struct iobmd_address_segment segment;
	pid_t pid;

	ASSERT_NE(MARKER, old);
	occupy(old + 4 * self->page);
	IN_CHILD(pid) {
		struct iobmd_buffer *twin = duplicate(self->buffer);

		EXPECT_EQ(0, iobmd_buffer_resize(twin, 8 * MIB));
		fill_pattern(buffer_address(twin), 0, 8 * MIB, 1);
	}
	ASSERT_EQ(0, child_status(pid));
	ASSERT_EQ(0, iobmd_get_address_range(self->buffer, &segment));
	EXPECT_EQ(8 * MIB, segment.length);
	EXPECT_NE(old, segment.address);
	EXPECT_EQ(-1, check_pattern(segment.address, 0, 8 * MIB, 1));
	EXPECT_EQ(-1, check_pattern(old, 0, self->size, 1));
	old[0] ^= 1;
	EXPECT_EQ(old[0], *(uint8_t *)segment.address);
	EXPECT_EQ(segment.address, buffer_address(self->buffer));
}

/* The kernel leaves a page or more free after what it aligns for huge pages. */
TEST_F(library, address_range_grows_in_place_where_there_is_room)
{
	uint64_t large = 4 * MIB;
	uint8_t *address;

	ASSERT_EQ(0, iobmd_buffer_resize(self->buffer, large));
	address = buffer_address(self->buffer);
	ASSERT_NE(MARKER, address);
	if (!is_free(address + large, self->page))
		SKIP(return, "something lies right after the range");
	ASSERT_EQ(0, iobmd_buffer_resize(self->buffer, large + self->page));
	EXPECT_EQ(address, buffer_address(self->buffer));
	EXPECT_EQ(0, faults(address + large, true));
	EXPECT_EQ(1, count_mappings(self->id));
}

TEST_F(library, address_range_survives_shrinking_and_growing_back)
{
	uint8_t *address = buffer_address(self->buffer);
	struct iobmd_address_segment segment;

	ASSERT_NE(MARKER, address);
	ASSERT_EQ(0, iobmd_buffer_resize(self->buffer, 1));
	ASSERT_EQ(0, iobmd_get_address_range(self->buffer, &segment));
	EXPECT_EQ(address, segment.address);
	EXPECT_EQ(1, segment.length);
	EXPECT_EQ(SIGBUS, faults(address + self->page, false));
	ASSERT_EQ(0, iobmd_buffer_resize(self->buffer, self->size));
	EXPECT_EQ(address, buffer_address(self->buffer));
	EXPECT_EQ(0, faults(address + self->page, false));
}

struct racer {
	bool *start;
	struct iobmd_buffer *buffer;
	uint8_t *address;
};

/* Spins, so that all are running when it starts. */
static void *race_for_address(void *arg)
{
	struct racer *racer = arg;

	while (!__atomic_load_n(racer->start, __ATOMIC_ACQUIRE))
		;
	racer->address = buffer_address(racer->buffer);
	return NULL;
}

TEST_F(library, address_range_is_one_for_threads_that_race)
{
	struct racer racers[THREADS];
	pthread_t threads[THREADS];

	for (int round = 0; round < 200; round++) {
		struct iobmd_buffer *twin = duplicate(self->buffer);
		bool start = false;

		for (int i = 0; i < THREADS; i++) {
			racers[i] = (struct racer){ &start, twin, NULL };
			pthread_create(&threads[i], NULL, race_for_address, &racers[i]);
		}
		__atomic_store_n(&start, true, __ATOMIC_RELEASE);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		for (int i = 0; i < THREADS; i++)
			ASSERT_EQ(racers[0].address, racers[i].address);
		ASSERT_EQ(-1, check_pattern(racers[0].address, 0, self->size, 0));
		ASSERT_EQ(1, count_mappings(self->id));
		iobmd_buffer_free(twin);
	}
}

static void *flicker_length(void *arg)
{
	uint64_t lengths[] = { 4 * MIB, 1, 4 * MIB, 0, 1, 0 };

	for (int i = 0;; i = (i + 1) % 6) {
		iobmd_buffer_set_length(arg, lengths[i]);
		pthread_testcancel();
	}
	return NULL;
}

TEST(address_range_works_while_the_length_changes)
{
	struct iobmd_buffer *buffer = create_buffer(4 * MIB);
	pthread_t thread;

	ASSERT_NE(NULL, buffer);
	pthread_create(&thread, NULL, flicker_length, buffer);
	for (int round = 0; round < 3000; round++) {
		struct iobmd_buffer *twin = duplicate(buffer);
		struct iobmd_address_segment segment;

		ASSERT_EQ(0, iobmd_get_address_range(twin, &segment));
		ASSERT_TRUE(segment.length == 0 || segment.length == 1 || segment.length == 4 * MIB);
		if (segment.length)
			ASSERT_EQ(0, faults((char *)segment.address + segment.length - 1, true));
		iobmd_buffer_free(twin);
	}
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	iobmd_buffer_free(buffer);
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

	for (int bit = 4; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, iobmd_mapping_create(self->buffer, 1u << bit, NULL, 0, 0,
							&mapping));
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
						(void *)-(16 * self->page), 0, 0, &mapping));
	EXPECT_EQ(MARKER, mapping);
}

TEST_F(library, mapping_at_a_low_address_needs_the_right_to_it)
{
	struct iobmd_mapping *mapping = MARKER;
	pid_t pid;

	IN_CHILD(pid) {
		ASSERT_EQ(0, setuid(65534));
		EXPECT_EQ(-EPERM, iobmd_mapping_create(self->buffer, IOBMD_MAPPING_FIXED,
						       (void *)self->page, 0, 0, &mapping));
		EXPECT_EQ(-EPERM, iobmd_mapping_create(self->buffer,
						       IOBMD_MAPPING_FIXED | IOBMD_MAPPING_GUARD,
						       (void *)(2 * self->page), 0, 0, &mapping));
	}
	EXPECT_EQ(0, child_status(pid));
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
	end = (uint8_t *)page_round((uintptr_t)end);
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

TEST(mapping_of_a_huge_page_keeps_it)
{
	struct iobmd_buffer *buffer = create_buffer(16 * MIB);
	uint32_t flags[] = { 0, IOBMD_MAPPING_GUARD };
	struct iobmd_get_info info;

	ASSERT_NE(NULL, buffer);
	ASSERT_EQ(0, iobmd_buffer_get_info(buffer, &info));
	if (!info.huge_page_size || info.huge_bytes != info.allocated)
		SKIP(goto out, "no huge pages to be had");
	for (int i = 0; i < 2; i++) {
		for (uint64_t offset = 0; offset < 4 * MIB; offset += MIB + 5) {
			struct iobmd_mapping *mapping = NULL;
			uint8_t *address;

			ASSERT_EQ(0, iobmd_mapping_create(buffer, flags[i] | IOBMD_MAPPING_PREFAULT,
							  NULL, offset, 8 * MIB, &mapping));
			address = iobmd_mapping_address(mapping);
			EXPECT_EQ(offset % info.huge_page_size,
				  (uintptr_t)address % info.huge_page_size);
			EXPECT_LE(3 * info.huge_page_size,
				  smaps_bytes(address, 1, "FilePmdMapped"));
			iobmd_mapping_free(mapping);
		}
	}
out:
	iobmd_buffer_free(buffer);
}

FIXTURE(library_socket)
{
	struct iobmd_buffer *buffer, *received;
	int pair[2];
};

FIXTURE_VARIANT(library_socket)
{
	int type;
};

FIXTURE_VARIANT_ADD(library_socket, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(library_socket, datagram) { .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(library_socket, seqpacket) { .type = SOCK_SEQPACKET };

FIXTURE_SETUP(library_socket)
{
	self->received = MARKER;
	self->buffer = create_buffer(100);
	ASSERT_NE(NULL, self->buffer);
	ASSERT_EQ(0, socketpair(AF_UNIX, variant->type | SOCK_CLOEXEC, 0, self->pair));
}

FIXTURE_TEARDOWN(library_socket)
{
	if (self->received != MARKER)
		iobmd_buffer_free(self->received);
	iobmd_buffer_free(self->buffer);
	close(self->pair[0]);
	close(self->pair[1]);
}

static ssize_t send_fds(int socket, size_t bytes, int fd, size_t count)
{
	char payload[8] = { 0 }, control[CMSG_SPACE(253 * sizeof(int))] = { 0 };
	struct iovec iov = { payload, bytes };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *rights = (struct cmsghdr *)control;

	rights->cmsg_len = CMSG_LEN(count * sizeof(int));
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	for (size_t i = 0; i < count; i++)
		((int *)CMSG_DATA(rights))[i] = fd;
	if (count) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	return sendmsg(socket, &message, 0);
}

TEST_F(library_socket, hands_a_buffer_to_another_process)
{
	pid_t pid;

	IN_CHILD(pid) {
		ASSERT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
		fill_pattern(buffer_address(self->received), 0, 100, 3);
	}
	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	ASSERT_EQ(0, child_status(pid));
	EXPECT_EQ(-1, check_pattern(buffer_address(self->buffer), 0, 100, 3));
}

TEST_F(library_socket, hands_over_one_buffer_at_a_time_in_order)
{
	struct iobmd_buffer *second = create_buffer(200);

	ASSERT_EQ(0, iobmd_buffer_send(second, self->pair[0]));
	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	ASSERT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
	EXPECT_EQ(buffer_id(second), buffer_id(self->received));
	EXPECT_EQ(FD_CLOEXEC, fcntl(iobmd_buffer_fd(self->received), F_GETFD));
	iobmd_buffer_free(self->received);
	ASSERT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
	EXPECT_EQ(buffer_id(self->buffer), buffer_id(self->received));
	iobmd_buffer_free(second);
}

TEST_F(library_socket, receives_beside_credentials)
{
	int on = 1;

	ASSERT_EQ(0, setsockopt(self->pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	ASSERT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
	EXPECT_EQ(buffer_id(self->buffer), buffer_id(self->received));
}

#define TICKS 50

static volatile sig_atomic_t ticks;
static int enough_ticks;

static void count_tick(int sig)
{
	(void)sig;
	if (++ticks == TICKS)
		event_post(enough_ticks);
}

/* A signal each millisecond; after enough of them posts the event. */
static void ticks_start(void)
{
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction action = { .sa_handler = count_tick };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void ticks_stop(void)
{
	struct itimerval off = { { 0, 0 }, { 0, 0 } };

	setitimer(ITIMER_REAL, &off, NULL);
}

TEST_F(library_socket, receive_is_not_interrupted_by_signals)
{
	pid_t pid;

	enough_ticks = event_create();
	IN_CHILD(pid) {
		event_await(enough_ticks);
		EXPECT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	}
	ticks_start();
	EXPECT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
	ticks_stop();
	EXPECT_LE(TICKS, ticks);
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(library_socket, send_is_not_interrupted_by_signals)
{
	int queued = 0;
	pid_t pid;

	while (send(self->pair[0], "", 1, MSG_DONTWAIT) == 1)
		queued++;
	ASSERT_LT(0, queued);
	enough_ticks = event_create();
	IN_CHILD(pid) {
		char byte;

		event_await(enough_ticks);
		while (queued--)
			EXPECT_EQ(1, recv(self->pair[1], &byte, 1, 0));
	}
	ticks_start();
	EXPECT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	ticks_stop();
	EXPECT_LE(TICKS, ticks);
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(library_socket, tells_that_nothing_is_there_or_no_room)
{
	int ret;

	fcntl(self->pair[0], F_SETFL, O_NONBLOCK);
	fcntl(self->pair[1], F_SETFL, O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, iobmd_buffer_receive(self->pair[1], &self->received));
	do {
		ret = iobmd_buffer_send(self->buffer, self->pair[0]);
	} while (!ret);
	EXPECT_EQ(-EAGAIN, ret);
	EXPECT_EQ(MARKER, self->received);
}

TEST_F(library_socket, tells_that_nobody_is_there)
{
	int error = variant->type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;

	close(self->pair[1]);
	EXPECT_EQ(error, iobmd_buffer_send(self->buffer, self->pair[0]));
	if (variant->type != SOCK_DGRAM)
		EXPECT_EQ(-ECONNRESET, iobmd_buffer_receive(self->pair[0], &self->received));
	EXPECT_EQ(MARKER, self->received);
}

TEST_F(library_socket, receives_what_was_sent_before_the_other_end_closed)
{
	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	close(self->pair[0]);
	EXPECT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
}

/* Each of these is refused, and each descriptor that came is closed. */
TEST_F(library_socket, refuses_what_is_no_buffer)
{
	struct { size_t bytes, fds; bool foreign; int error; } messages[] = {
		{ 1, 0, false, -EBADMSG }, { 1, 2, false, -EBADMSG }, { 1, 253, false, -EBADMSG },
		{ 1, 1, true, -ENOTTY }, { 2, 1, false, -EBADMSG },
	};
	int null = open("/dev/null", O_RDWR), fds = open_fds();
	size_t count = sizeof(messages) / sizeof(*messages) - (variant->type == SOCK_STREAM);

	for (size_t i = 0; i < count; i++) {
		ASSERT_EQ((ssize_t)messages[i].bytes,
			  send_fds(self->pair[0], messages[i].bytes,
				   messages[i].foreign ? null : iobmd_buffer_fd(self->buffer),
				   messages[i].fds));
		EXPECT_EQ(messages[i].error,
			  iobmd_buffer_receive(self->pair[1], &self->received));
		EXPECT_EQ(fds, open_fds());
	}
	EXPECT_EQ(MARKER, self->received);
	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	EXPECT_EQ(0, iobmd_buffer_receive(self->pair[1], &self->received));
	close(null);
}

TEST_F(library_socket, tells_that_the_table_of_descriptors_is_full)
{
	struct rlimit limit = { .rlim_cur = next_fd(), .rlim_max = 4096 };

	ASSERT_EQ(0, iobmd_buffer_send(self->buffer, self->pair[0]));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, iobmd_buffer_receive(self->pair[1], &self->received));
	EXPECT_EQ(MARKER, self->received);
}

TEST_F(library_socket, refuses_other_files)
{
	int inet = socket(AF_INET, variant->type == SOCK_STREAM ? SOCK_STREAM : SOCK_DGRAM, 0);
	int null = open("/dev/null", O_RDWR);
	int alone = socket(AF_UNIX, variant->type, 0);

	EXPECT_EQ(-EAFNOSUPPORT, iobmd_buffer_send(self->buffer, inet));
	EXPECT_EQ(-EAFNOSUPPORT, iobmd_buffer_receive(inet, &self->received));
	EXPECT_EQ(-ENOTSOCK, iobmd_buffer_send(self->buffer, null));
	EXPECT_EQ(-ENOTSOCK, iobmd_buffer_receive(null, &self->received));
	EXPECT_EQ(-EBADF, iobmd_buffer_send(self->buffer, -1));
	EXPECT_EQ(-EBADF, iobmd_buffer_receive(-1, &self->received));
	EXPECT_EQ(-ENOTCONN, iobmd_buffer_send(self->buffer, alone));
	EXPECT_EQ(MARKER, self->received);
	close(alone);
	close(null);
	close(inet);
}

TEST_HARNESS_MAIN
