// SPDX-License-Identifier: GPL-2.0
/* COMPOSE and composites while others resize, close, seal and map at the same time. */
#include "composite.h"
#include "peer.h"

#include <pthread.h>

#define ROUNDS	100

FIXTURE(compose_race)
{
	size_t page;
	struct member a;	/* a huge page and three pages */
	struct member b;	/* three pages and a bit */
};

FIXTURE_VARIANT(compose_race)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(compose_race, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(compose_race, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(compose_race)
{
	self->page = page_size();
	ASSERT_TRUE(member_create(&self->a, huge_page_size() + 3 * self->page, variant->huge, 1));
	ASSERT_TRUE(member_create(&self->b, 3 * self->page + 100, variant->huge, 2));
}

/* Whichever call wins the race, nothing is leaked. */
FIXTURE_TEARDOWN(compose_race)
{
	EXPECT_EQ(0, iobmd_resize(self->a.fd, 1));
	EXPECT_EQ(0, iobmd_resize(self->b.fd, 1));
	EXPECT_EQ(2, buffers_listed(0));
}

/* A composite that has come about has all its memory until it is closed. */
TEST_F_TIMEOUT(compose_race, part_is_refused_or_stays_while_its_buffer_shrinks, 120)
{
	const uint64_t last = self->a.size - self->page;
	int made = 0, refused = 0;
	pid_t pid;

	IN_CHILD(pid) {
		while (true) {
			iobmd_resize(self->a.fd, self->page);
			iobmd_resize(self->a.fd, self->a.size);
		}
	}
	for (int i = 0; (i < ROUNDS || !made || !refused) && i < 100 * ROUNDS; i++) {
		int fd = compose(0, part(self->b.fd, 0, self->page),
				 part(self->a.fd, last, self->page));
		uint8_t *map;

		if (fd < 0) {
			ASSERT_EQ(EINVAL, errno);
			refused++;
			continue;
		}
		made++;
		map = map_buffer(fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, (void *)map);
		ASSERT_EQ(0, faults(map + self->page, i & 1));
		ASSERT_EQ(1, pwrite(fd, "x", 1, self->page));
		ASSERT_EQ('x', map[self->page]);
		close(fd);
		munmap(map, 2 * self->page);
	}
	EXPECT_LT(0, made);
	EXPECT_LT(0, refused);
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_status(pid));
}

struct storm {
	int target;		/* the descriptor that changes what it is */
	const int *sources;
	size_t count;
	bool stop;
};

static void *storm(void *argument)
{
	struct storm *storm = argument;

	for (size_t i = 0; !__atomic_load_n(&storm->stop, __ATOMIC_SEQ_CST); i++) {
		if (i % (storm->count + 1) == storm->count)
			close(storm->target);
		else
			dup3(storm->sources[i % (storm->count + 1)], storm->target, O_CLOEXEC);
	}
	return NULL;
}

/* The descriptor of a part is closed and opened as something else all the time. */
TEST_F_TIMEOUT(compose_race, descriptors_change_meanwhile, 120)
{
	int composite = compose(0, part(self->b.fd, 0, self->page),
				part(self->a.fd, 0, self->page));
	int sources[] = {
		self->a.fd, eventfd(0, EFD_CLOEXEC), composite, self->b.fd,
		iobmd_derive(self->a.fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0),
	};
	struct storm args = { 200, sources, ARRAY_SIZE(sources), false };
	uint8_t expected[] = { self->a.map[5], self->b.map[5] }, bytes[2];
	pthread_t thread;
	int made = 0;

	ASSERT_EQ(0, pthread_create(&thread, NULL, storm, &args));
	for (int i = 0; (i < ROUNDS || !made) && i < 100 * ROUNDS; i++) {
		int fd = compose(0, part(200, 0, self->page), part(self->b.fd, 0, self->page),
				 part(200, 0, self->page));

		if (fd < 0) {
			ASSERT_TRUE(errno == EBADF || errno == EINVAL || errno == EACCES);
			continue;
		}
		made++;
		ASSERT_EQ(3 * self->page, IOBMD_INFO(fd, length));
		ASSERT_EQ(1, pread(fd, &bytes[0], 1, 5));
		ASSERT_EQ(1, pread(fd, &bytes[1], 1, self->page + 5));
		ASSERT_TRUE(bytes[0] == expected[0] || bytes[0] == expected[1]);
		ASSERT_EQ(expected[1], bytes[1]);
		close(fd);
	}
	__atomic_store_n(&args.stop, true, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LT(0, made);
	close(200);
	close(composite);
}

/* The array changes while the kernel reads it. */
TEST_F_TIMEOUT(compose_race, composite_is_of_what_was_read_once, 120)
{
	struct iobmd_compose_part *parts = shared_memory(self->page);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)parts);
	parts[0] = part(self->a.fd, 0, self->page);
	parts[1] = parts[0];
	IN_CHILD(pid) {
		for (uint64_t i = 0; true; i++) {
			__atomic_store_n(&parts->length, i % 3 ? (i % 7) * self->page : UINT64_MAX,
					 __ATOMIC_SEQ_CST);
			__atomic_store_n(&parts->offset, i % 5 ? (i % 4) * self->page : -self->page,
					 __ATOMIC_SEQ_CST);
		}
	}
	for (int i = 0; i < ROUNDS; i++) {
		int fd = iobmd_compose(0, parts, 2);
		uint64_t length;
		uint8_t *map;

		if (fd < 0) {
			ASSERT_EQ(EINVAL, errno);
			continue;
		}
		length = IOBMD_INFO(fd, length);
		ASSERT_EQ(0, length % self->page);
		map = map_buffer(fd, PROT_READ);
		ASSERT_NE(MAP_FAILED, (void *)map);
		ASSERT_EQ(0, faults(map + length - 1, false));
		munmap(map, length);
		close(fd);
	}
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_status(pid));
}

/* Faults of one process, shrinks of another that cut the huge page or leave it alone. */
TEST_F_TIMEOUT(compose_race, mapping_is_whole_while_its_buffer_is_resized, 120)
{
	const uint64_t page = self->page, kept = 5 * page;
	int fd = compose(0, part(self->a.fd, page, kept - page), part(self->b.fd, 0, page));
	pid_t pid;

	IN_CHILD(pid) {
		for (int i = 0; i < ROUNDS; i++) {
			uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);

			ASSERT_NE(MAP_FAILED, (void *)map);
			for (uint64_t at = 0; at < kept; at += page)
				ASSERT_EQ(0, faults(map + at, i & 1));
			ASSERT_EQ(-1, check_pattern(map, page, 64, 1));
			ASSERT_EQ(-1, check_pattern(map + kept - 2 * page, kept - page, 64, 1));
			ASSERT_EQ(-1, check_pattern(map + kept - page, 0, 64, 2));
			munmap(map, kept);
		}
	}
	while (waitpid(pid, NULL, WNOHANG | WNOWAIT) == 0) {
		ASSERT_EQ(-1, iobmd_resize(self->a.fd, kept - 1));
		ASSERT_EQ(EBUSY, errno);
		if (iobmd_resize(self->a.fd, kept))
			ASSERT_EQ(EBUSY, errno);
		ASSERT_EQ(0, iobmd_resize(self->a.fd, self->a.size));
	}
	EXPECT_EQ(0, child_status(pid));
	close(fd);
}

/* Either the seal is set and nothing can write any more, or there is a composite. */
TEST_F_TIMEOUT(compose_race, seal_against_writing_or_composite, 120)
{
	for (int i = 0; i < 40; i++) {
		int fd = iobmd_create_huge(4 * self->page, variant->huge);
		int ready = event_create(), status;
		pid_t pid;

		IN_CHILD(pid) {
			int composite;

			event_post(ready);
			do {
				composite = compose(0, part(fd, 0, 0));
				if (composite >= 0) {
					ASSERT_EQ(1, pwrite(composite, "x", 1, 0));
					close(composite);
				}
			} while (composite >= 0);
			ASSERT_EQ(EPERM, errno);
		}
		event_await(ready);
		do {
			status = iobmd_seal(fd, IOBMD_SEAL_WRITE);
			if (status)
				ASSERT_EQ(EBUSY, errno);
		} while (status);
		EXPECT_EQ(0, child_status(pid));
		EXPECT_ERRNO(EPERM, compose(0, part(fd, 0, 0)));
		EXPECT_EQ(0, close(compose(IOBMD_COMPOSE_F_READ_ONLY, part(fd, 0, 0))));
		close(ready);
		close(fd);
	}
}

/* Again and again a composite of the one before and of a page more, or of that alone. */
static void compose_on_and_on(struct __test_metadata *_metadata, int member)
{
	const uint64_t page = page_size();
	int fd = compose(0, part(member, 0, 0));

	for (int i = 0; i < ROUNDS; i++) {
		int next = compose(0, part(i % 3 ? fd : member, 0, 3 * page),
				   part(member, page, page));
		uint8_t *map = map_buffer(next, PROT_READ);

		ASSERT_NE(MAP_FAILED, (void *)map);
		ASSERT_EQ(-1, check_pattern(map, 0, 64, 2));
		ASSERT_EQ(-1, check_pattern(map + 3 * page, page, 64, 2));
		munmap(map, 4 * page);
		close(fd);
		fd = next;
	}
}

TEST_F_TIMEOUT(compose_race, many_make_and_free_at_once, 120)
{
	pid_t pids[4];

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		IN_CHILD(pids[i]) {
			compose_on_and_on(_metadata, self->b.fd);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		EXPECT_EQ(0, child_status(pids[i]));
}

TEST_HARNESS_MAIN
