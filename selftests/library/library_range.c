// SPDX-License-Identifier: GPL-2.0
/* libiobmd: the address range of a handle. */
#include "library.h"
#include "machine.h"

#include <pthread.h>
#include <sys/resource.h>

#define THREADS 4

TEST_F(library, address_range_shows_the_buffer_and_is_mapped_once)
{
	struct iobmd_address_segment segment;

	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, 0, &segment));
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
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, 0, &segment));
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
	EXPECT_EQ(0, iobmd_buffer_get_address_range(self->buffer, 0, &segment));
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
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, 0, &segment));
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
	uint64_t large = 2 * (huge_page_size() ?: 2 * MIB);
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
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, 0, &segment));
	EXPECT_EQ(address, segment.address);
	EXPECT_EQ(1, segment.length);
	EXPECT_EQ(SIGBUS, faults(address + self->page, false));
	ASSERT_EQ(0, iobmd_buffer_resize(self->buffer, self->size));
	EXPECT_EQ(address, buffer_address(self->buffer));
	EXPECT_EQ(0, faults(address + self->page, false));
}

/* Each step outgrows the range; where it lies, it cannot grow. */
TEST_F(library, address_range_that_is_appended_to_takes_few_mappings)
{
	uint64_t steps = 128, space = file_number("/proc/self/statm", "");
	uint8_t *address;

	for (uint64_t i = 1; i <= steps; i++) {
		ASSERT_EQ(0, iobmd_buffer_resize(self->buffer, i * 4 * self->page));
		address = buffer_address(self->buffer);
		ASSERT_NE(MARKER, address);
		ASSERT_EQ(0, faults(address + i * 4 * self->page - 1, true));
	}
	EXPECT_GE(10, count_mappings(self->id));
	EXPECT_GE(4 * 4 * steps, file_number("/proc/self/statm", "") - space);
	EXPECT_EQ(SIGBUS, faults(address + steps * 4 * self->page, false));
}

static int set_limit(int which, uint64_t soft)
{
	struct rlimit limit;

	getrlimit(which, &limit);
	limit.rlim_cur = soft;
	return setrlimit(which, &limit);
}

TEST_F(library, address_range_does_without_room_to_grow_where_there_is_none)
{
	uint64_t space = file_number("/proc/self/statm", "") * self->page;
	uint8_t *address;
	pid_t pid;

	IN_CHILD(pid) {
		address = buffer_address(self->buffer);
		occupy(address + 4 * self->page);
		ASSERT_EQ(0, iobmd_buffer_resize(self->buffer, 8 * MIB));
		address = buffer_address(self->buffer);
		ASSERT_NE(MARKER, address);
		occupy(address + 8 * MIB);
		ASSERT_EQ(0, iobmd_buffer_resize(self->buffer, 9 * MIB));
		ASSERT_EQ(0, set_limit(RLIMIT_AS, space + 20 * MIB));
		ASSERT_NE(MARKER, buffer_address(self->buffer));
	}
	EXPECT_EQ(0, child_status(pid));
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

struct flicker {
	struct iobmd_buffer *buffer;
	bool stop;
};

static void *flicker_length(void *arg)
{
	uint64_t lengths[] = { 4 * MIB, 1, 4 * MIB, 0, 1, 0 };
	struct flicker *flicker = arg;

	for (int i = 0; !__atomic_load_n(&flicker->stop, __ATOMIC_RELAXED); i = (i + 1) % 6)
		if (iobmd_buffer_set_length(flicker->buffer, lengths[i]))
			break;
	return NULL;
}

TEST(address_range_works_while_the_length_changes)
{
	struct flicker flicker = { .buffer = create_buffer(4 * MIB) };
	pthread_t thread;

	ASSERT_NE(NULL, flicker.buffer);
	pthread_create(&thread, NULL, flicker_length, &flicker);
	for (int round = 0; round < 3000; round++) {
		struct iobmd_buffer *twin = duplicate(flicker.buffer);
		struct iobmd_address_segment segment;

		ASSERT_EQ(0, iobmd_buffer_get_address_range(twin, 0, &segment));
		ASSERT_TRUE(segment.length == 0 || segment.length == 1 ||
			    segment.length == 4 * MIB);
		if (segment.length)
			ASSERT_EQ(0, faults((char *)segment.address + segment.length - 1, true));
		iobmd_buffer_free(twin);
	}
	__atomic_store_n(&flicker.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	iobmd_buffer_free(flicker.buffer);
}

/* Reading a sealed buffer takes no handle derived for that. */
TEST_F(library, address_range_of_a_sealed_buffer_is_read_only)
{
	struct iobmd_address_segment segment;

	ASSERT_EQ(0, iobmd_buffer_seal(self->buffer, IOBMD_SEAL_WRITE));
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, 0, &segment));
	EXPECT_EQ(self->size, segment.length);
	EXPECT_EQ(IOBMD_MAPPING_READ_ONLY, segment.flags);
	EXPECT_EQ(0, faults(segment.address, false));
	EXPECT_EQ(SIGSEGV, faults(segment.address, true));
}

TEST_F(library, address_range_for_reading_stands_beside_the_other)
{
	struct iobmd_address_segment first, second, again;
	uint8_t *bytes;

	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, IOBMD_MAPPING_READ_ONLY,
						    &first));
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, 0, &second));
	EXPECT_EQ(IOBMD_MAPPING_READ_ONLY, first.flags);
	EXPECT_EQ(0, second.flags);
	EXPECT_NE(first.address, second.address);
	EXPECT_EQ(SIGSEGV, faults(first.address, true));
	bytes = second.address;
	bytes[5] ^= 1;
	EXPECT_EQ(bytes[5], ((uint8_t *)first.address)[5]);
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, IOBMD_MAPPING_READ_ONLY,
						    &again));
	EXPECT_EQ(first.address, again.address);
	for (int bit = 0; bit < 32; bit++)
		if (1u << bit != IOBMD_MAPPING_READ_ONLY)
			EXPECT_EQ(-EINVAL, iobmd_buffer_get_address_range(self->buffer, 1u << bit,
									  &again));
}

TEST_F(library, address_range_that_is_put_back_lets_the_buffer_be_sealed)
{
	struct iobmd_address_segment segment;

	ASSERT_NE(MARKER, buffer_address(self->buffer));
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, IOBMD_MAPPING_READ_ONLY,
						    &segment));
	EXPECT_EQ(-EBUSY, iobmd_buffer_seal(self->buffer, IOBMD_SEAL_WRITE));
	iobmd_buffer_put_address_range(self->buffer);
	EXPECT_EQ(0, count_mappings(self->id));
	EXPECT_EQ(0, iobmd_buffer_seal(self->buffer, IOBMD_SEAL_WRITE));
	EXPECT_EQ(-1, check_pattern(buffer_address(self->buffer), 0, self->size, 0));
}

TEST_F(library, pointer_is_null_unless_all_of_it_lies_within)
{
	struct { uint64_t offset, length; bool within; } parts[] = {
		{ 0, 0, true }, { 0, self->size, true }, { 0, self->size + 1, false },
		{ 1, self->size, false }, { self->size, 0, true }, { self->size, 1, false },
		{ self->size + 1, 0, false }, { UINT64_MAX, 2, false }, { 2, UINT64_MAX, false },
		{ 7, 9, true },
	};
	struct iobmd_address_segment segment, none = { .length = 0 };

	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, 0, &segment));
	ASSERT_EQ(0, iobmd_mapping_create(self->buffer, 0, NULL, 0, 0, &self->mapping));
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		uint64_t offset = parts[i].offset, length = parts[i].length;
		char *mapped = iobmd_mapping_address(self->mapping), *start = segment.address;

		EXPECT_EQ(parts[i].within ? start + offset : NULL,
			  iobmd_segment_at(&segment, offset, length));
		EXPECT_EQ(parts[i].within ? mapped + offset : NULL,
			  iobmd_mapping_at(self->mapping, offset, length));
	}
	EXPECT_EQ(NULL, iobmd_segment_at(&none, 0, 0));
}

TEST_HARNESS_MAIN
