// SPDX-License-Identifier: GPL-2.0
/* The makes of buffers: iobmd in each policy, and with its reserve. */

#include "reserve.h"

#include "bench.h"

/* How long the reserve may take to fill */
#define READY_NS	30000000000ull

static int iobmd_peer_create(struct buffer *buffer)
{
	struct iobmd_create args = {
		.size = sizeof(args),
		.capacity = buffer->size,
		.huge = buffer->peer->argument,
	};
	static int device = -1;

	if (device < 0)
		device = iobmd_open();
	if (device < 0)
		return -errno;
	buffer->fd = ioctl(device, IOBMD_IOC_CREATE, &args);
	return buffer->fd < 0 ? -errno : 0;
}

static int iobmd_peer_resize(struct buffer *buffer, uint64_t size)
{
	return iobmd_resize(buffer->fd, size) ? -errno : 0;
}

static int iobmd_peer_export(struct buffer *buffer)
{
	int fd = iobmd_export(buffer->fd, 0, 0, 0);

	return fd < 0 ? -errno : fd;
}

const struct peer iobmd_peer = {
	.name = "iobmd",
	.what = "iobmd, huge pages where they fit (the default)",
	.ours = true,
	.argument = IOBMD_HUGE_PREFER,
	.create = iobmd_peer_create,
	.resize = iobmd_peer_resize,
	.export = iobmd_peer_export,
	.destroy = file_destroy,
};

const struct peer iobmd_none_peer = {
	.name = "iobmd-none",
	.what = "iobmd without huge pages (NONE)",
	.ours = true,
	.argument = IOBMD_HUGE_NONE,
	.create = iobmd_peer_create,
	.resize = iobmd_peer_resize,
	.export = iobmd_peer_export,
	.destroy = file_destroy,
};

const struct peer iobmd_require_peer = {
	.name = "iobmd-require",
	.what = "iobmd with nothing but huge pages (REQUIRE)",
	.ours = true,
	.huge_unit = true,
	.argument = IOBMD_HUGE_REQUIRE,
	.create = iobmd_peer_create,
	.resize = iobmd_peer_resize,
	.export = iobmd_peer_export,
	.destroy = file_destroy,
};

/*
 * Huge pages that the module's reserve has zeroed before, as many as are about to be
 * taken, on each node. It is off while others are measured: its worker would disturb
 * them.
 */

static int reserve_ready(uint64_t size)
{
	uint64_t huge = bench_huge_page_size();
	uint64_t give_up = clock_now() + READY_NS;

	if (!huge || size < huge)
		return NO_SUCH_THING;
	if (access(RESERVE_STATISTICS, R_OK) || reserve_set(reserve_size(size / huge)))
		return -errno;
	while (!reserve_is_full()) {
		if (clock_now() > give_up)
			return -ENOMEM;
		sched_yield();
	}
	return 0;
}

static void reserve_rest(void)
{
	reserve_set(0);
}

const struct peer iobmd_reserve_peer = {
	.name = "iobmd-reserve",
	.what = "iobmd, what it takes being in the module's reserve of zeroed huge pages",
	.ours = true,
	.argument = IOBMD_HUGE_PREFER,
	.ready = reserve_ready,
	.rest = reserve_rest,
	.create = iobmd_peer_create,
	.resize = iobmd_peer_resize,
	.destroy = file_destroy,
};

/* What the administrator has set, and what was before. */
static struct {
	uint64_t mib;
	uint64_t pages;
	uint64_t ns;
	pid_t keeper;
} reserve_before;

static void reserve_restore(void)
{
	if (reserve_before.mib != UINT64_MAX)
		parameter_set("reserve_mib", reserve_before.mib);
}

/* Restores the reserve when SIGUSR1 comes: at the end, or when @benchmark dies. */
static void reserve_keep(pid_t benchmark)
{
	sigset_t end;

	sigemptyset(&end);
	sigaddset(&end, SIGUSR1);
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	if (getppid() == benchmark)
		sigwaitinfo(&end, NULL);
	reserve_restore();
	_exit(0);
}

/* A process of its own does not care what ends the benchmark. */
static void reserve_start_keeper(void)
{
	pid_t benchmark = getpid();
	sigset_t all, before;

	fflush(NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	reserve_before.keeper = fork();
	if (reserve_before.keeper == 0)
		reserve_keep(benchmark);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void reserve_begin(void)
{
	reserve_before.mib = parameter("reserve_mib");
	reserve_start_keeper();
	reserve_before.pages = reserve_number("refilled");
	reserve_before.ns = reserve_number("zeroing_ns");
	reserve_rest();
}

/* What is spent elsewhere is spent all the same. */
void reserve_end(void)
{
	uint64_t pages = reserve_number("refilled") - reserve_before.pages;
	uint64_t ns = reserve_number("zeroing_ns") - reserve_before.ns;

	if (options.measure && pages)
		printf("\nThe reserve has zeroed %llu huge pages in the background, %.2f us each\n",
		       (unsigned long long)pages, ns / 1e3 / pages);
	if (reserve_before.keeper > 0) {
		kill(reserve_before.keeper, SIGUSR1);
		waitpid(reserve_before.keeper, NULL, 0);
	} else {
		reserve_restore();
	}
}
