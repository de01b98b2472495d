// SPDX-License-Identifier: GPL-2.0
/* What one task does with a buffer keeps no other for long, and no wait is without end. */
#include "composite.h"
#include "machine.h"
#include "modules.h"
#include "pin.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#define RT_RUNTIME	"/proc/sys/kernel/sched_rt_runtime_us"
#define CPU1		"/sys/devices/system/cpu/cpu1/online"

/* A grow that its memory cgroup slows down: from and to, in bytes */
#define SLOW_FROM	(4 * MIB)
#define SLOW_TO		(256 * MIB)

FIXTURE(waits)
{
	size_t page;
	int fd;
	int pipe[2];
	int64_t rt_runtime;
	struct cgroup group;
};

FIXTURE_SETUP(waits)
{
	self->page = page_size();
	self->rt_runtime = (int64_t)file_number(RT_RUNTIME, "");
	self->fd = iobmd_create_huge(16 * self->page, IOBMD_HUGE_NONE);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(0, cgroup_create(&self->group, "iobmd_waits"));
}

FIXTURE_TEARDOWN_PARENT(waits)
{
	EXPECT_EQ(0, file_write_number(RT_RUNTIME, self->rt_runtime));
	if (exists(CPU1))
		EXPECT_EQ(0, file_write(CPU1, "1"));
	AWAIT(!cgroup_free(&self->group) || errno == ENOENT);
	EXPECT_EQ(0, buffers_listed(0));
}

static ssize_t put_page(int in, int fd, off_t offset)
{
	return splice(fd, &offset, in, NULL, page_size(), SPLICE_F_NONBLOCK);
}

static int run_on_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* Occupies CPU 1 for good, so that no other task of it ever runs. */
static pid_t hog_start(uint64_t *running)
{
	struct sched_param priority = { .sched_priority = 50 };
	pid_t pid = child_fork();

	if (pid)
		return pid;
	if (run_on_cpu(1) || sched_setscheduler(0, SCHED_FIFO, &priority))
		_exit(1);
	shared_count(running);
	for (;;)
		;
}

/* Ends before @pid does by itself, or kills it: its status, or -1 for one that was stuck. */
static int status_within(pid_t pid, int seconds)
{
	struct timespec end, now;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec)
			return -1;
		sched_yield();
	}
}

/*
 * A refused resize or seal has all CPUs put what they have in batches, and does not
 * wait for one that cannot.
 */
TEST_F(waits, busy_resize_and_seal_get_on_beside_a_real_time_task)
{
	uint64_t *running = shared_memory(sizeof(*running));
	pid_t hog, pid;
	int status;

	if (!exists(CPU1))
		SKIP(return, "one processor");
	ASSERT_EQ(self->page, put_page(self->pipe[1], self->fd, 8 * self->page));
	ASSERT_EQ(0, run_on_cpu(0));
	ASSERT_EQ(0, file_write(RT_RUNTIME, "-1"));
	hog = hog_start(running);
	AWAIT(shared_load(running));

	IN_CHILD(pid) {
		EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
		EXPECT_ERRNO(EBUSY, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	}
	status = status_within(pid, 20);
	kill(hog, SIGKILL);
	child_status(hog);
	EXPECT_EQ(0, status);
	if (status < 0)
		child_status(pid);
	EXPECT_EQ(16 * self->page, IOBMD_INFO(self->fd, capacity));
}

/* Nothing that a resize does depends on a CPU that comes or goes. */
TEST_F(waits, cpu_goes_offline_during_resizes_and_large_creates)
{
	pid_t plug, pid;
	int fd;

	if (!exists(CPU1))
		SKIP(return, "one processor");
	ASSERT_EQ(self->page, put_page(self->pipe[1], self->fd, 8 * self->page));
	IN_CHILD(plug) {
		for (;;) {
			ASSERT_EQ(0, file_write(CPU1, "0"));
			ASSERT_EQ(0, file_write(CPU1, "1"));
		}
	}
	IN_CHILD(pid) {
		for (int i = 0; i < 40; i++) {
			EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
			fd = iobmd_create(16 * MIB);
			ASSERT_LE(0, fd);
			EXPECT_EQ(0, iobmd_resize(fd, 32 * MIB));
			EXPECT_EQ(0, iobmd_resize(fd, 1));
			close(fd);
		}
	}
	EXPECT_EQ(0, child_status(pid));
	kill(plug, SIGKILL);
	child_status(plug);
}

/* A buffer that grows in a group whose high limit slows that down. */
struct slow {
	int fd;
	pid_t pid;
};

static int resize_as_file(int fd, uint64_t capacity)
{
	return ftruncate(fd, capacity);
}

static pid_t slow_grow(const struct cgroup *group, int fd, int (*resize)(int, uint64_t))
{
	pid_t pid = child_fork();

	if (pid)
		return pid;
	if (cgroup_join(group))
		_exit(2);
	_exit(resize(fd, SLOW_TO) ? 1 : 0);
}

/*
 * The creator, which pays, and the child that grows the buffer are in the group: a few
 * pages take a second and more. 0 when that is under way.
 */
static int slow_start(struct slow *slow, const struct cgroup *group,
		      int (*resize)(int, uint64_t))
{
	if (cgroup_set(group, "memory.high", SLOW_FROM + 2 * MIB) || cgroup_join(group))
		return -1;
	slow->fd = iobmd_create_huge(SLOW_FROM, IOBMD_HUGE_NONE);
	slow->pid = slow_grow(group, slow->fd, resize);
	if (file_write(CGROUP_ROOT "/cgroup.procs", "0") || slow->fd < 0)
		return -1;
	AWAIT(cgroup_charged(group) > SLOW_FROM + 3 * MIB);
	return 0;
}

/* It has not ended. */
static bool slow_goes_on(const struct slow *slow)
{
	return IOBMD_INFO(slow->fd, capacity) == SLOW_FROM &&
	       waitpid(slow->pid, NULL, WNOHANG) == 0;
}

/* It can be killed, and then it is as if it had not begun. */
#define SLOW_STOP(slow) do {						\
	kill((slow)->pid, SIGKILL);					\
	EXPECT_EQ(128 + SIGKILL, child_status((slow)->pid));		\
	EXPECT_EQ(SLOW_FROM, IOBMD_INFO((slow)->fd, capacity));		\
	EXPECT_EQ(SLOW_FROM, IOBMD_INFO((slow)->fd, allocated));	\
	close((slow)->fd);						\
} while (0)

/* The calls that protect others from the task that grows the buffer do not wait. */
TEST_F(waits, grow_lets_in_holds_windows_parts_and_exports)
{
	int hold, window, dmabuf, composite, reader;
	struct slow slow;

	ASSERT_EQ(0, slow_start(&slow, &self->group, iobmd_resize));
	hold = iobmd_derive(slow.fd, IOBMD_DERIVE_F_HOLD, 0, 0);
	window = iobmd_window(slow.fd, self->page, self->page);
	reader = iobmd_derive(slow.fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	dmabuf = iobmd_export(slow.fd, 0, 0, 0);
	composite = compose(0, part(slow.fd, 0, self->page), part(slow.fd, 0, self->page));
	EXPECT_EQ(0, iobmd_set_length(slow.fd, self->page));
	EXPECT_EQ(1, pwrite(slow.fd, "x", 1, 0));
	EXPECT_NE(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED, reader, 0));
	EXPECT_TRUE(slow_goes_on(&slow));
	EXPECT_LE(0, hold);
	EXPECT_LE(0, window);
	EXPECT_LE(0, reader);
	EXPECT_LE(0, dmabuf);
	EXPECT_LE(0, composite);
	SLOW_STOP(&slow);
	EXPECT_ERRNO(EBUSY, iobmd_resize(hold, self->page));
}

static void ignore(int signal)
{
}

/* Signals that end waits, so many microseconds apart; 0: no more. */
static int signals_every(int us)
{
	struct sigaction action = { .sa_handler = ignore };
	struct itimerval timer = { .it_value.tv_usec = us, .it_interval.tv_usec = us };

	return sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &timer, NULL) ? -1 : 0;
}

/* A resize or a seal has to wait for it, but not against a signal. */
TEST_F(waits, resize_and_seal_behind_a_grow_end_with_a_signal)
{
	struct slow slow;

	ASSERT_EQ(0, slow_start(&slow, &self->group, iobmd_resize));
	ASSERT_EQ(0, signals_every(200000));
	EXPECT_ERRNO(EINTR, iobmd_resize(slow.fd, self->page));
	EXPECT_ERRNO(EINTR, iobmd_resize(slow.fd, 2 * SLOW_FROM));
	EXPECT_ERRNO(EINTR, iobmd_seal(slow.fd, IOBMD_SEAL_SHRINK));
	ASSERT_EQ(0, signals_every(0));
	EXPECT_TRUE(slow_goes_on(&slow));
	EXPECT_EQ(0, IOBMD_INFO(slow.fd, seals));
	SLOW_STOP(&slow);
}

/* Nor does ftruncate(2) hold the inode's lock all that time, as no signal ends a wait for it. */
TEST_F(waits, ftruncate_holds_up_no_call_that_does_not_resize)
{
	struct slow slow;

	ASSERT_EQ(0, slow_start(&slow, &self->group, resize_as_file));
	EXPECT_ERRNO(EPERM, fchmod(slow.fd, 0600));
	EXPECT_ERRNO(EPERM, futimens(slow.fd, NULL));
	ASSERT_EQ(0, signals_every(200000));
	EXPECT_ERRNO(EINTR, ftruncate(slow.fd, self->page));
	EXPECT_ERRNO(EINTR, fallocate(slow.fd, 0, 0, 2 * SLOW_FROM));
	ASSERT_EQ(0, signals_every(0));
	EXPECT_TRUE(slow_goes_on(&slow));
	SLOW_STOP(&slow);
}

/* Writers are denied only once nothing is in the way of a seal any more. */
TEST_F(waits, refused_seal_does_not_disturb_a_mapping)
{
	uint64_t *sealing = shared_memory(sizeof(*sealing));
	uint8_t *map;
	pid_t pid;

	ASSERT_EQ(self->page, put_page(self->pipe[1], self->fd, 8 * self->page));
	IN_CHILD(pid) {
		for (;;) {
			EXPECT_ERRNO(EBUSY, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
			shared_count(sealing);
		}
	}
	AWAIT(shared_load(sealing));
	while (shared_load(sealing) < 20) {
		map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, map);
		*map = 'x';
		munmap(map, 16 * self->page);
		sched_yield();
	}
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_status(pid));
}

/* Others that shrink again and again keep no hold away. */
TEST_F(waits, hold_gets_in_between_refused_shrinks)
{
	uint64_t *shrinking = shared_memory(sizeof(*shrinking));
	pid_t pids[3];

	ASSERT_EQ(self->page, put_page(self->pipe[1], self->fd, 8 * self->page));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		IN_CHILD(pids[i]) {
			for (;;) {
				EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
				shared_count(shrinking);
			}
		}
	}
	AWAIT(shared_load(shrinking) >= ARRAY_SIZE(pids));
	for (int i = 0; i < 20; i++) {
		int hold = iobmd_derive(self->fd, IOBMD_DERIVE_F_HOLD, 0, 0);

		ASSERT_LE(0, hold);
		close(hold);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		kill(pids[i], SIGKILL);
		EXPECT_EQ(128 + SIGKILL, child_status(pids[i]));
	}
}

TEST_HARNESS_MAIN
