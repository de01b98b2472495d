// SPDX-License-Identifier: GPL-2.0
/* The ceilings: per buffer, per user, descriptors and files. */
#include "composite.h"
#include "fd_pass.h"
#include "users.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define USER_MIB	4
#define USER_CEILING	(USER_MIB * MIB)
#define FILE_MAX	"/proc/sys/fs/file-max"

FIXTURE(limits)
{
	uint64_t max_buffer_mib;
	uint64_t max_user_mib;
	uint64_t file_max;
	int listed;
	int device;
};

FIXTURE_SETUP(limits)
{
	self->max_buffer_mib = parameter("max_buffer_mib");
	self->max_user_mib = parameter("max_user_mib");
	self->file_max = file_number(FILE_MAX, "");
	self->listed = buffers_listed(0);
	ASSERT_LE(0, self->listed);
	ASSERT_EQ(0, parameter_set("max_user_mib", USER_MIB));
	self->device = iobmd_open();
	ASSERT_LE(0, self->device);
}

/* Also where the test has died or has given its rights away */
FIXTURE_TEARDOWN_PARENT(limits)
{
	EXPECT_EQ(0, parameter_set("max_buffer_mib", self->max_buffer_mib));
	EXPECT_EQ(0, parameter_set("max_user_mib", self->max_user_mib));
	EXPECT_EQ(0, file_write_number(FILE_MAX, self->file_max));
	EXPECT_EQ(self->listed, buffers_listed(0));
}

static int create(int device, uint64_t capacity)
{
	return create_on(device, capacity, IOBMD_HUGE_NONE);
}

TEST_F(limits, buffer_just_at_its_ceiling_works)
{
	int fd;

	ASSERT_EQ(0, parameter_set("max_buffer_mib", 1));
	fd = iobmd_create(MIB);
	ASSERT_LE(0, fd);
	EXPECT_EQ(MIB, IOBMD_INFO(fd, capacity));
	close(fd);
}

TEST_F(limits, buffer_over_its_ceiling_is_refused)
{
	ASSERT_EQ(0, parameter_set("max_buffer_mib", 1));
	EXPECT_ERRNO(EFBIG, iobmd_create(MIB + 1));
	EXPECT_EQ(self->listed, buffers_listed(0));
}

TEST_F(limits, composite_may_be_as_large_as_a_buffer)
{
	int fd = iobmd_create(512 * KIB), composite;

	ASSERT_EQ(0, parameter_set("max_buffer_mib", 1));
	composite = compose(0, part(fd, 0, 0), part(fd, 0, 0));
	ASSERT_LE(0, composite);
	EXPECT_EQ(MIB, IOBMD_INFO(composite, capacity));
	EXPECT_ERRNO(EFBIG, compose(0, part(fd, 0, 0), part(fd, 0, 0), part(fd, 0, 1)));
	EXPECT_ERRNO(EFBIG, compose(0, part(composite, 0, 0), part(fd, 0, 1)));
	close(composite);
	EXPECT_EQ(0, iobmd_resize(fd, 1));
	close(fd);
}

TEST_F(limits, growing_a_buffer_just_to_its_ceiling_works)
{
	int fd = iobmd_create(1);

	ASSERT_EQ(0, parameter_set("max_buffer_mib", 1));
	EXPECT_EQ(0, iobmd_resize(fd, MIB));
	EXPECT_EQ(MIB, IOBMD_INFO(fd, capacity));
	close(fd);
}

TEST_F(limits, growing_a_buffer_over_its_ceiling_is_refused)
{
	int fd = iobmd_create(5);

	ASSERT_EQ(0, parameter_set("max_buffer_mib", 1));
	EXPECT_ERRNO(EFBIG, iobmd_resize(fd, MIB + 1));
	EXPECT_EQ(5, IOBMD_INFO(fd, capacity));
	EXPECT_EQ(5, IOBMD_INFO(fd, length));
	EXPECT_EQ(page_size(), IOBMD_INFO(fd, allocated));
	close(fd);
}

TEST_F(limits, buffer_over_a_lowered_ceiling_can_be_shrunk)
{
	int fd = iobmd_create(3 * MIB);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, parameter_set("max_buffer_mib", 1));
	EXPECT_EQ(0, iobmd_resize(fd, MIB));
	close(fd);
}

TEST_F(limits, half_of_the_memory_is_a_buffers_default_ceiling)
{
	uint64_t memory = meminfo("MemTotal:");

	ASSERT_EQ(0, parameter_set("max_buffer_mib", 0));
	EXPECT_ERRNO(EFBIG, iobmd_create(memory / 2 + 8 * MIB));
}

/* Messages of the kernel, warnings and worse, since @log was at its end */
static int warnings(int log)
{
	char record[2048];
	int count = 0;
	ssize_t length;

	while ((length = read(log, record, sizeof(record) - 1)) > 0) {
		record[length] = 0;
		count += atoi(record) <= 4;
	}
	return count;
}

TEST_F(limits, absurd_capacities_are_refused_without_a_word)
{
	static const uint64_t sizes[] = {
		1ull << 40, 1ull << 62, (1ull << 63) - 1, 1ull << 63,
		-4096ull, -4095ull, -2ull, -1ull,
	};
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	uint64_t kills = oom_kills();

	ASSERT_LE(0, log);
	ASSERT_LE(0, lseek(log, 0, SEEK_END));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (uint32_t huge = IOBMD_HUGE_PREFER; huge <= IOBMD_HUGE_NONE; huge++) {
			EXPECT_ERRNO(EFBIG, iobmd_create_huge(sizes[i], huge));
		}
	}
	EXPECT_EQ(self->listed, buffers_listed(0));
	EXPECT_EQ(kills, oom_kills());
	EXPECT_EQ(0, warnings(log));
	close(log);
}

TEST_F(limits, user_just_at_the_ceiling_works)
{
	ASSERT_EQ(0, become(USER_ONE));
	EXPECT_LE(0, create(self->device, USER_CEILING));
}

TEST_F(limits, user_over_the_ceiling_is_refused)
{
	ASSERT_EQ(0, become(USER_ONE));
	EXPECT_ERRNO(EDQUOT, create(self->device, USER_CEILING + 1));
	EXPECT_LE(0, create(self->device, USER_CEILING));
}

TEST_F(limits, two_buffers_of_a_user_add_up)
{
	ASSERT_EQ(0, become(USER_ONE));
	ASSERT_LE(0, create(self->device, USER_CEILING - page_size()));
	EXPECT_ERRNO(EDQUOT, create(self->device, page_size() + 1));
	EXPECT_LE(0, create(self->device, page_size()));
	EXPECT_ERRNO(EDQUOT, create(self->device, 1));
}

TEST_F(limits, two_processes_of_a_user_add_up)
{
	pid_t pid;

	ASSERT_EQ(0, become(USER_ONE));
	ASSERT_LE(0, create(self->device, USER_CEILING / 2));
	IN_CHILD(pid) {
		EXPECT_ERRNO(EDQUOT, create(self->device, USER_CEILING / 2 + 1));
		EXPECT_LE(0, create(self->device, USER_CEILING / 2));
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(limits, user_who_frees_a_buffer_may_make_another)
{
	ASSERT_EQ(0, become(USER_ONE));
	for (int i = 0; i < 10; i++) {
		int fd = create(self->device, USER_CEILING);

		ASSERT_LE(0, fd);
		close(fd);
	}
}

/* The account of a user who has no buffer left ends: so one stays. */
TEST_F(limits, freed_buffer_gives_back_while_another_lives)
{
	uint64_t rest = USER_CEILING - page_size();

	ASSERT_EQ(0, become(USER_ONE));
	ASSERT_LE(0, create(self->device, page_size()));
	for (int i = 0; i < 3; i++) {
		int fd = create(self->device, rest);

		ASSERT_LE(0, fd);
		EXPECT_ERRNO(EDQUOT, create(self->device, 1));
		close(fd);
	}
}

TEST_F(limits, buffer_of_which_a_mapping_is_left_still_counts)
{
	void *map;
	int fd;

	ASSERT_EQ(0, become(USER_ONE));
	fd = create(self->device, USER_CEILING);
	map = map_buffer(fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, map);
	close(fd);
	EXPECT_ERRNO(EDQUOT, create(self->device, 1));
	munmap(map, USER_CEILING);
	EXPECT_LE(0, create(self->device, USER_CEILING));
}

TEST_F(limits, growing_counts)
{
	int fd;

	ASSERT_EQ(0, become(USER_ONE));
	fd = create(self->device, MIB);
	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EDQUOT, iobmd_resize(fd, USER_CEILING + 1));
	EXPECT_EQ(MIB, IOBMD_INFO(fd, capacity));
	EXPECT_EQ(MIB, IOBMD_INFO(fd, length));
	EXPECT_EQ(MIB, IOBMD_INFO(fd, allocated));
	EXPECT_EQ(0, iobmd_resize(fd, USER_CEILING));
	EXPECT_ERRNO(EDQUOT, create(self->device, 1));
}

TEST_F(limits, shrinking_gives_back)
{
	int fd;

	ASSERT_EQ(0, become(USER_ONE));
	fd = create(self->device, USER_CEILING);
	ASSERT_EQ(0, iobmd_resize(fd, MIB));
	EXPECT_LE(0, create(self->device, USER_CEILING - MIB));
	EXPECT_ERRNO(EDQUOT, create(self->device, 1));
}

TEST_F(limits, refused_calls_do_not_count)
{
	int fd;

	ASSERT_EQ(0, parameter_set("max_buffer_mib", USER_MIB));
	ASSERT_EQ(0, become(USER_ONE));
	fd = create(self->device, 1);
	for (int i = 0; i < 3; i++) {
		EXPECT_ERRNO(EFBIG, create(self->device, USER_CEILING + 1));
		EXPECT_ERRNO(EDQUOT, create(self->device, USER_CEILING));
		EXPECT_ERRNO(EFBIG, iobmd_resize(fd, USER_CEILING + 1));
		EXPECT_ERRNO(EINVAL, iobmd_resize(fd, 0));
	}
	EXPECT_LE(0, create(self->device, USER_CEILING - page_size()));
}

TEST_F(limits, root_is_exempt)
{
	int fd = create(self->device, 2 * USER_CEILING);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, iobmd_resize(fd, 3 * USER_CEILING));
	close(fd);
}

/*
 * A grow: the creator pays, and the ceiling applies unless both the creator
 * and the caller are exempt.
 */
TEST_F(limits, of_the_creator_applies_to_an_exempt_caller)
{
	int grown = event_create(), sockets[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	IN_CHILD(pid) {
		ASSERT_EQ(0, become(USER_ONE));
		fd = create(self->device, MIB);
		ASSERT_EQ(0, fd_send(sockets[0], fd));
		event_await(grown);
		EXPECT_EQ(USER_CEILING, IOBMD_INFO(fd, capacity));
		EXPECT_ERRNO(EDQUOT, create(self->device, 1));
	}
	fd = fd_receive(sockets[1]);
	EXPECT_ERRNO(EDQUOT, iobmd_resize(fd, USER_CEILING + 1));
	EXPECT_EQ(MIB, IOBMD_INFO(fd, capacity));
	EXPECT_EQ(0, iobmd_resize(fd, USER_CEILING));
	event_post(grown);
	EXPECT_EQ(0, child_status(pid));
	close(fd);
}

TEST_F(limits, of_an_exempt_creator_applies_to_another_caller)
{
	int fd = iobmd_create(MIB), large = iobmd_create(2 * USER_CEILING);
	pid_t pid;

	ASSERT_LE(0, large);
	IN_CHILD(pid) {
		ASSERT_EQ(0, become(USER_ONE));
		EXPECT_ERRNO(EDQUOT, iobmd_resize(fd, MIB + 1));
		EXPECT_EQ(MIB, IOBMD_INFO(fd, capacity));
		EXPECT_EQ(MIB, IOBMD_INFO(fd, allocated));
		EXPECT_EQ(0, iobmd_resize(fd, MIB / 2));
	}
	EXPECT_EQ(0, child_status(pid));
	close(large);
	IN_CHILD(pid) {
		ASSERT_EQ(0, become(USER_ONE));
		EXPECT_EQ(0, iobmd_resize(fd, USER_CEILING));
		EXPECT_ERRNO(EDQUOT, iobmd_resize(fd, USER_CEILING + 1));
		/* Nothing of it counts for the caller. */
		EXPECT_LE(0, create(self->device, USER_CEILING));
	}
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(0, iobmd_resize(fd, 2 * USER_CEILING));
	close(fd);
}

TEST_F(limits, buffers_of_another_user_do_not_count)
{
	int full = event_create(), done = event_create();
	pid_t other;

	IN_CHILD(other) {
		ASSERT_EQ(0, become(USER_TWO));
		EXPECT_LE(0, create(self->device, USER_CEILING));
		event_post(full);
		event_await(done);
	}
	event_await(full);
	ASSERT_EQ(0, become(USER_ONE));
	EXPECT_LE(0, create(self->device, USER_CEILING));
	event_post(done);
	EXPECT_EQ(0, child_status(other));
}

TEST_F(limits, real_user_counts_not_the_effective_one)
{
	pid_t pid;

	ASSERT_EQ(0, setresuid(USER_ONE, USER_TWO, 0));
	ASSERT_LE(0, create(self->device, USER_CEILING));
	IN_CHILD(pid) {
		ASSERT_EQ(0, setresuid(USER_ONE, 0, 0) ?: become(USER_ONE));
		EXPECT_ERRNO(EDQUOT, create(self->device, 1));
	}
	EXPECT_EQ(0, child_status(pid));
	IN_CHILD(pid) {
		ASSERT_EQ(0, setresuid(USER_TWO, 0, 0) ?: become(USER_TWO));
		EXPECT_LE(0, create(self->device, USER_CEILING));
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(limits, lowered_user_ceiling_leaves_what_there_is)
{
	int fd;

	ASSERT_EQ(0, setresuid(USER_ONE, USER_ONE, 0));
	fd = create(self->device, USER_CEILING);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, setresuid(USER_ONE, 0, 0));
	ASSERT_EQ(0, parameter_set("max_user_mib", 1));
	ASSERT_EQ(0, become(USER_ONE));
	EXPECT_ERRNO(EDQUOT, create(self->device, 1));
	EXPECT_EQ(USER_CEILING, IOBMD_INFO(fd, capacity));
	EXPECT_EQ(0, iobmd_resize(fd, MIB));
	EXPECT_ERRNO(EDQUOT, iobmd_resize(fd, MIB + 1));
}

TEST_F(limits, full_descriptor_table_leaves_no_buffer)
{
	struct rlimit limit = { .rlim_cur = next_fd(), .rlim_max = RLIM_INFINITY };
	struct rlimit old;
	int fd;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit.rlim_max = old.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_ERRNO(EMFILE, create(self->device, MIB));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(self->listed, buffers_listed(0));
	fd = create(self->device, MIB);
	EXPECT_LE(0, fd);
	close(fd);
}

/* The kernel counts files by processor, and sees one too many only when there are many. */
#define MANY_FILES	256

TEST_F(limits, full_file_table_leaves_no_buffer)
{
	for (int i = 0; i < MANY_FILES; i++)
		ASSERT_LE(0, open("/dev/null", O_RDONLY | O_CLOEXEC));
	ASSERT_EQ(0, setresuid(USER_ONE, USER_ONE, 0));
	ASSERT_EQ(0, setresuid(USER_ONE, 0, 0));
	ASSERT_EQ(0, file_write_number(FILE_MAX, 1));
	ASSERT_EQ(0, setresuid(USER_ONE, USER_ONE, 0));
	EXPECT_ERRNO(ENFILE, create(self->device, USER_CEILING));
	ASSERT_EQ(0, setresuid(USER_ONE, 0, 0));
	ASSERT_EQ(0, file_write_number(FILE_MAX, self->file_max));
	EXPECT_EQ(self->listed, buffers_listed(0));
	ASSERT_EQ(0, become(USER_ONE));
	EXPECT_LE(0, create(self->device, USER_CEILING));
}

TEST_HARNESS_MAIN
