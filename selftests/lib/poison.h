/* SPDX-License-Identifier: GPL-2.0 */
/* Simulated hardware memory errors. */
#ifndef IOBMD_TEST_POISON_H
#define IOBMD_TEST_POISON_H

#include "machine.h"
#include "modules.h"

#include <linux/kernel-page-flags.h>
#include <sys/mman.h>

#define UNPOISON	"/sys/kernel/debug/hwpoison/unpoison-pfn"
#define KPF(flag)	(1ull << KPF_##flag)

/* The kernel's flags of the page of @frame. @kpageflags: /proc/kpageflags. */
static inline uint64_t page_flags(int kpageflags, uint64_t frame)
{
	uint64_t flags = 0;

	pread(kpageflags, &flags, sizeof(flags), frame * sizeof(flags));
	return flags;
}

/*
 * Injects a hardware error into the page at @address. The kernel may kill the caller,
 * or report that it could only mark the page.
 */
static inline void memory_poison(void *address)
{
	pid_t pid = child_fork();

	if (pid == 0) {
		signal(SIGBUS, SIG_DFL);
		faults(address, false);
		madvise(address, page_size(), MADV_HWPOISON);
		_exit(0);
	}
	child_status(pid);
}

/*
 * Returns the page of this frame, which must be free, to the kernel; otherwise it would
 * prevent a huge page there for good. False if it is not free yet. Does nothing after
 * an error of another kind, or if this kernel does not support it.
 */
static inline bool memory_unpoison(uint64_t frame)
{
	if (!exists(UNPOISON) && kernel_module_load("hwpoison_inject", NULL))
		return true;
	return !file_write_number(UNPOISON, frame) || errno == EOPNOTSUPP;
}

#endif /* IOBMD_TEST_POISON_H */
