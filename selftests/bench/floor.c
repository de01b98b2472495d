// SPDX-License-Identifier: GPL-2.0
/* What no buffer can do faster: the same work on memory that the process has already. */

#include "iobmd_test.h"

#include "bench.h"

#define IOCTLS	1000

/* A command that no file knows: into the kernel, a look at the descriptor, and back. */
static int ioctl_run(struct trial *trial)
{
	static int null = -1;

	if (null < 0)
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < IOCTLS; i++) {
		if (!ioctl(null, 0) || errno != ENOTTY)
			return -EIO;
	}
	trial->calls = IOCTLS;
	return 0;
}

const struct operation floor_ioctl = {
	.name = "empty ioctl",
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.run = ioctl_run,
};

static int memset_run(struct trial *trial)
{
	memset(trial->buffer->map, 0, trial->size);
	return 0;
}

const struct operation floor_memset = {
	.name = "memset",
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.run = memset_run,
};

/*
 * The huge zero page serves all reads of memory that has not been written: a fault, an
 * entry in the page table and no work on the page.
 */
static int faults_prepare(struct trial *trial)
{
	uint64_t huge = bench_huge_page_size(), length = trial->size + 2 * huge;
	uint8_t *map = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	trial->data = map;
	madvise(map, length, MADV_HUGEPAGE);
	return 0;
}

static int faults_run(struct trial *trial)
{
	uint64_t huge = bench_huge_page_size();
	uintptr_t start = ((uintptr_t)trial->data + huge - 1) / huge * huge;

	for (uintptr_t at = 0; at < trial->size; at += huge)
		(void)*(const volatile uint64_t *)(start + at);
	return 0;
}

static void faults_finish(struct trial *trial)
{
	if (trial->data)
		munmap(trial->data, trial->size + 2 * bench_huge_page_size());
}

const struct operation floor_faults = {
	.name = "PMD faults",
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.prepare = faults_prepare,
	.run = faults_run,
	.finish = faults_finish,
};

static int cycle_run(struct trial *trial)
{
	memset_run(trial);
	return faults_run(trial);
}

const struct operation floor_cycle = {
	.name = "memset and PMD faults",
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.prepare = faults_prepare,
	.run = cycle_run,
	.finish = faults_finish,
};

static int sum_run(struct trial *trial)
{
	trial->note = pages_sum(trial->buffer->map, trial->size);
	return 0;
}

const struct operation floor_sum = {
	.name = "reading all",
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.again = true,
	.run = sum_run,
};
