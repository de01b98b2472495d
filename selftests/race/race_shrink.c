// SPDX-License-Identifier: GPL-2.0
/*
 * A shrink races with users of the memory that it would free, in every kind of use:
 * either it is refused and changes nothing, or the memory cannot be accessed from
 * then on, when it may have been allocated again.
 */
#include "machine.h"
#include "pin.h"

#include <sys/mman.h>

#define OURS		0x5a	/* all that is ever written to the buffer, and lies on the disk */
#define THEIRS		0xee	/* what the next owner of its memory writes */
#define PAGES		4	/* that one use concerns, at most */
#define SHRINKS		20
#define USES_IN_A_ROW	16

/* What user and resizer share. */
struct arena {
	uint64_t uses;		/* grows also while the user rests */
	uint64_t successes;
	uint64_t attempts;	/* to shrink */
	uint64_t holds;		/* odd: the user holds a part of the tail */
	uint64_t foreign;	/* bytes that the buffer never had */
	bool stop;
	bool hold;		/* in the next use, for an attempt at least */
	int fd;
	int disk;
	uint8_t *map;
	uint64_t cut, size;
	unsigned int seed;
	uint8_t *page;		/* the user's own memory, PAGES of them */
};

static bool stopped(const struct arena *arena)
{
	return __atomic_load_n(&arena->stop, __ATOMIC_SEQ_CST);
}

/* While an attempt to shrink begins and ends */
static void wait_for_attempt(struct arena *arena)
{
	uint64_t attempts = shared_load(&arena->attempts);

	while (shared_load(&arena->attempts) < attempts + 2 && !stopped(arena))
		shared_count(&arena->uses);
}

/* Called while the kernel has a part of the tail on behalf of the user */
static void hold(struct arena *arena)
{
	if (!arena->hold)
		return;
	shared_count(&arena->holds);
	wait_for_attempt(arena);
	shared_count(&arena->holds);
}

static bool foreign(const uint8_t *bytes, size_t length)
{
	const uint64_t ours = OURS * 0x0101010101010101ull;
	const uint64_t *words = (const uint64_t *)bytes;

	for (size_t i = 0; i < length; i++) {
		if (i % 8 == 0 && (words[i / 8] == 0 || words[i / 8] == ours))
			i += 7;
		else if (bytes[i] != 0 && bytes[i] != OURS)
			return true;
	}
	return false;
}

static bool look(struct arena *arena, ssize_t length)
{
	if (length > 0 && foreign(arena->page, length))
		shared_count(&arena->foreign);
	return length > 0;
}

/* A page of the tail, PAGES before its end at the latest. */
static uint64_t somewhere(struct arena *arena)
{
	uint64_t pages = (arena->size - arena->cut) / page_size() - PAGES;

	return arena->cut + rand_r(&arena->seed) % pages * page_size();
}

static bool by_touching(struct arena *arena)
{
	uint64_t at = somewhere(arena);

	return !faults(arena->map + at, rand_r(&arena->seed) & 1);
}

static bool by_writing(struct arena *arena)
{
	memset(arena->page, OURS, PAGES * page_size());
	return pwrite(arena->fd, arena->page, PAGES * page_size(), somewhere(arena)) > 0;
}

static bool by_reading(struct arena *arena)
{
	return look(arena, pread(arena->fd, arena->page, PAGES * page_size(), somewhere(arena)));
}

/* The disk writes to the buffer, by DMA. */
static bool by_filling_from_disk(struct arena *arena)
{
	return pread(arena->disk, arena->map + somewhere(arena), PAGES * page_size(), 0) > 0;
}

static bool by_storing_on_disk(struct arena *arena)
{
	uint64_t place = PAGES * page_size();
	ssize_t length = pwrite(arena->disk, arena->map + somewhere(arena), place, place);

	return length > 0 && look(arena, pread(arena->disk, arena->page, length, place));
}

static bool by_pipe(struct arena *arena)
{
	struct iovec iov = { arena->map + somewhere(arena), PAGES * page_size() };
	int pipe[2];
	bool done;

	if (pipe2(pipe, O_CLOEXEC))
		return false;
	done = vmsplice(pipe[1], &iov, 1, 0) > 0;
	if (done) {
		hold(arena);
		look(arena, read(pipe[0], arena->page, PAGES * page_size()));
	}
	close(pipe[0]);
	close(pipe[1]);
	return done;
}

static bool by_ring(struct arena *arena)
{
	int ring = ring_pin(arena->map + somewhere(arena), PAGES * page_size());

	if (ring < 0)
		return false;
	hold(arena);
	ring_unpin(ring);
	close(ring);
	return true;
}

static bool by_export(struct arena *arena)
{
	int dmabuf = iobmd_export(arena->fd, 0, somewhere(arena), PAGES * page_size());

	if (dmabuf < 0)
		return false;
	hold(arena);
	close(dmabuf);
	return true;
}

static bool by_another_process(struct arena *arena)
{
	pid_t pid = child_fork();
	bool touched = true;

	if (pid == 0) {
		for (uint64_t at = arena->cut; at < arena->size; at += page_size())
			touched &= !faults(arena->map + at, true);
		_exit(!touched);
	}
	return child_status(pid) == 0;
}

FIXTURE(race_shrink)
{
	struct arena *arena;
};

FIXTURE_VARIANT(race_shrink)
{
	bool (*use)(struct arena *arena);
	uint32_t huge;
};

#define SMALL(how)	{ .use = (how), .huge = IOBMD_HUGE_NONE }
#define LARGE(how)	{ .use = (how), .huge = IOBMD_HUGE_PREFER }

FIXTURE_VARIANT_ADD(race_shrink, touching) SMALL(by_touching);
FIXTURE_VARIANT_ADD(race_shrink, touching_of_huge_pages) LARGE(by_touching);
FIXTURE_VARIANT_ADD(race_shrink, writing) SMALL(by_writing);
FIXTURE_VARIANT_ADD(race_shrink, writing_of_huge_pages) LARGE(by_writing);
FIXTURE_VARIANT_ADD(race_shrink, reading) SMALL(by_reading);
FIXTURE_VARIANT_ADD(race_shrink, reading_of_huge_pages) LARGE(by_reading);
FIXTURE_VARIANT_ADD(race_shrink, filling_from_disk) SMALL(by_filling_from_disk);
FIXTURE_VARIANT_ADD(race_shrink, filling_from_disk_of_huge_pages) LARGE(by_filling_from_disk);
FIXTURE_VARIANT_ADD(race_shrink, storing_on_disk) SMALL(by_storing_on_disk);
FIXTURE_VARIANT_ADD(race_shrink, storing_on_disk_of_huge_pages) LARGE(by_storing_on_disk);
FIXTURE_VARIANT_ADD(race_shrink, pipe) SMALL(by_pipe);
FIXTURE_VARIANT_ADD(race_shrink, pipe_of_huge_pages) LARGE(by_pipe);
FIXTURE_VARIANT_ADD(race_shrink, ring) SMALL(by_ring);
FIXTURE_VARIANT_ADD(race_shrink, ring_of_huge_pages) LARGE(by_ring);
FIXTURE_VARIANT_ADD(race_shrink, export) SMALL(by_export);
FIXTURE_VARIANT_ADD(race_shrink, export_of_huge_pages) LARGE(by_export);
FIXTURE_VARIANT_ADD(race_shrink, another_process) SMALL(by_another_process);
FIXTURE_VARIANT_ADD(race_shrink, another_process_of_huge_pages) LARGE(by_another_process);

/* The end of the first huge page stays, and what comes after it goes. */
FIXTURE_SETUP(race_shrink)
{
	struct arena *arena = shared_memory(sizeof(*arena));

	ASSERT_NE(MAP_FAILED, arena);
	self->arena = arena;
	arena->size = 2 * huge_page_size();
	arena->cut = huge_page_size() + 3 * page_size();
	arena->fd = iobmd_create_huge(arena->size, variant->huge);
	ASSERT_LE(0, arena->fd);
	arena->map = map_buffer(arena->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, arena->map);
	arena->page = shared_memory(PAGES * page_size());
	ASSERT_NE(MAP_FAILED, arena->page);
	arena->disk = disk_open(O_DIRECT);
	ASSERT_LE(0, arena->disk);
	memset(arena->page, OURS, PAGES * page_size());
	ASSERT_EQ(PAGES * page_size(), pwrite(arena->disk, arena->page, PAGES * page_size(), 0));
	memset(arena->map, OURS, arena->size);
}

FIXTURE_TEARDOWN(race_shrink)
{
	munmap(self->arena->map, self->arena->size);
	close(self->arena->fd);
	close(self->arena->disk);
}

static void use_until_stopped(struct arena *arena, bool (*use)(struct arena *arena))
{
	while (!stopped(arena)) {
		for (int i = 0; i < USES_IN_A_ROW; i++) {
			arena->hold = i == 0;
			if (use(arena))
				shared_count(&arena->successes);
			shared_count(&arena->uses);
		}
		wait_for_attempt(arena);
	}
}

/* What was going on has ended, and what comes sees the new size. */
static void await_uses(struct arena *arena)
{
	uint64_t seen = shared_load(&arena->uses);

	AWAIT(shared_load(&arena->uses) >= seen + 2);
}

/* Allocates as much memory as has become free: nothing else may access it. */
static void take_the_memory(struct __test_metadata *_metadata, struct arena *arena,
			    uint32_t huge)
{
	uint64_t size = arena->size - arena->cut;
	int fd = iobmd_create_huge(size, huge);
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_bytes(map, size, 0));
	memset(map, THEIRS, size);
	await_uses(arena);
	EXPECT_EQ(-1, check_bytes(map, size, THEIRS));
	munmap(map, size);
	close(fd);
}

static void grow_again(struct __test_metadata *_metadata, struct arena *arena)
{
	ASSERT_EQ(0, iobmd_resize(arena->fd, arena->size));
	EXPECT_FALSE(foreign(arena->map + arena->cut, arena->size - arena->cut));
}

TEST_F_TIMEOUT(race_shrink, is_refused_or_nobody_gets_at_it, 600)
{
	struct arena *arena = self->arena;
	unsigned int shrinks = 0;
	pid_t pid;

	if (variant->use == by_ring && !kernel_registers_files())
		SKIP(return, "this kernel's io_uring does not register such memory");
	IN_CHILD(pid) {
		use_until_stopped(arena, variant->use);
	}
	await_uses(arena);
	while (shrinks < SHRINKS && !_metadata->exit_code) {
		uint64_t holds = shared_load(&arena->holds);

		if (!iobmd_resize(arena->fd, arena->cut)) {
			shrinks++;
			EXPECT_FALSE(holds % 2 && shared_load(&arena->holds) == holds);
			EXPECT_EQ(SIGBUS, faults(arena->map + arena->cut, true));
			take_the_memory(_metadata, arena, variant->huge);
			grow_again(_metadata, arena);
		} else {
			EXPECT_EQ(EBUSY, errno);
			EXPECT_EQ(arena->size, IOBMD_INFO(arena->fd, capacity));
		}
		shared_count(&arena->attempts);
	}
	__atomic_store_n(&arena->stop, true, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(0, arena->foreign);
	EXPECT_LT(0, arena->successes);
	EXPECT_EQ(-1, check_bytes(arena->map, arena->cut, OURS));
}

TEST_HARNESS_MAIN
