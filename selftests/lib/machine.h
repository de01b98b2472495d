/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading and changing the state of the machine: /proc, the module's parameters, the
 * scratch disk, memory cgroups.
 */
#ifndef IOBMD_TEST_MACHINE_H
#define IOBMD_TEST_MACHINE_H

#include "iobmd_test.h"

#include <glob.h>
#include <sys/mman.h>

#define CGROUP_ROOT	"/sys/fs/cgroup"
#define PARAMETERS	"/sys/module/iobmd/parameters"

/* Returns 0, or -1 with errno set. */
static inline int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written;
	int saved_errno;

	if (fd < 0)
		return -1;
	written = write(fd, text, strlen(text));
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return written == (ssize_t)strlen(text) ? 0 : -1;
}

static inline int file_write_number(const char *path, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return file_write(path, text);
}

/*
 * The number that follows @key at the start of a line, or without a key the first
 * number of the file; all ones if there is none.
 */
static inline uint64_t file_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	uint64_t value = UINT64_MAX;
	size_t length = strlen(key);
	char line[512];

	while (file && value == UINT64_MAX && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, key, length))
			value = strtoull(line + length, NULL, 10);
	}
	if (file)
		fclose(file);
	return value;
}

/* Compacts all memory repeatedly, in a process that ends with its parent or by SIGKILL. */
static inline pid_t compaction_start(void)
{
	pid_t pid = child_fork();

	while (pid == 0)
		file_write("/proc/sys/vm/compact_memory", "1");
	return pid;
}

static inline void compaction_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	child_status(pid);
}

/* A line of /proc/meminfo, in bytes. */
static inline uint64_t meminfo(const char *key)
{
	return file_number("/proc/meminfo", key) * KIB;
}

/*
 * Free memory, in bytes. /proc/meminfo does not include the per-CPU lists of free
 * pages, which are long after a large buffer was freed.
 */
static inline uint64_t memory_free(void)
{
	FILE *zones = fopen("/proc/zoneinfo", "re");
	uint64_t pages = 0, value;
	char line[256];

	while (zones && fgets(line, sizeof(line), zones)) {
		if (sscanf(line, " pages free %" SCNu64, &value) == 1 ||
		    sscanf(line, " count: %" SCNu64, &value) == 1)
			pages += value;
	}
	if (zones)
		fclose(zones);
	return pages * page_size();
}

/* How much memory is free in blocks of at least a huge page, in bytes. */
static inline uint64_t memory_free_huge(void)
{
	FILE *zones = fopen("/proc/buddyinfo", "re");
	uint64_t bytes = 0, huge = huge_page_size(), size, count;
	char *at, line[256];
	int read;

	while (zones && fgets(line, sizeof(line), zones)) {
		at = strstr(line, "zone ");
		if (!at || sscanf(at, "zone %*s%n", &read) < 0)
			continue;
		size = page_size();
		for (at += read; sscanf(at, "%" SCNu64 "%n", &count, &read) == 1; at += read) {
			if (size >= huge)
				bytes += count * size;
			size *= 2;
		}
	}
	if (zones)
		fclose(zones);
	return bytes;
}

/* Processes killed by the OOM killer since boot. */
static inline uint64_t oom_kills(void)
{
	return file_number("/proc/vmstat", "oom_kill ");
}

#define PAGES_AT_HAND	"/proc/sys/vm/percpu_pagelist_high_fraction"

/*
 * Sets the size of the per-CPU lists of free pages, which may include huge pages:
 * minimal, or the default.
 */
static inline int keep_few_at_hand(bool few)
{
	return file_write_number(PAGES_AT_HAND, few ? 1000000 : 0);
}

/*
 * Makes CPUs shrink their lists of free pages, by an eighth each time. Pages on the
 * lists are useless to others and prevent huge pages around them from forming: with
 * pages of 16 KiB they can hold a tenth of the memory.
 */
static inline void pages_at_hand_free(void)
{
	uint64_t usual = file_number(PAGES_AT_HAND, "");

	keep_few_at_hand(true);
	for (int i = 0; i < 64; i++)
		file_write("/proc/sys/vm/stat_refresh", "1");
	file_write_number(PAGES_AT_HAND, usual);
}

/* Drops caches and compacts free memory. */
static inline void memory_tidy(void)
{
	sync();
	file_write("/proc/sys/vm/drop_caches", "3");
	pages_at_hand_free();
	file_write("/proc/sys/vm/compact_memory", "1");
}

/* Frees unused slabs, which KASAN keeps for a while to detect uses after free. */
static inline void slabs_shrink(void)
{
	glob_t caches;

	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches))
		return;
	for (size_t i = 0; i < caches.gl_pathc; i++)
		file_write(caches.gl_pathv[i], "1");
	globfree(&caches);
}

static inline uint64_t parameter(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETERS "/%s", name);
	return file_number(path, "");
}

static inline int parameter_set(const char *name, uint64_t value)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETERS "/%s", name);
	return file_write_number(path, value);
}

#define SECTOR		512u
#define DISK_BYTES	(64 * MIB)	/* only the scratch disk has this size */

/* Finds the scratch disk, which may be overwritten, by its size. False if there is none. */
static inline bool disk_find(char path[64])
{
	for (char letter = 'a'; letter <= 'z'; letter++) {
		snprintf(path, 64, "/sys/block/vd%c/size", letter);
		if (file_number(path, "") * SECTOR != DISK_BYTES)
			continue;
		snprintf(path, 64, "/dev/vd%c", letter);
		return true;
	}
	return false;
}

static inline int disk_open(int flags)
{
	char path[64];

	return disk_find(path) ? open(path, O_RDWR | O_CLOEXEC | flags) : -1;
}

struct cgroup {
	char path[64];
};

static inline int cgroup_create(struct cgroup *group, const char *name)
{
	file_write(CGROUP_ROOT "/cgroup.subtree_control", "+memory");
	snprintf(group->path, sizeof(group->path), CGROUP_ROOT "/%s_%d", name, getpid());
	return mkdir(group->path, 0700);
}

static inline int cgroup_free(const struct cgroup *group)
{
	return rmdir(group->path);
}

static inline int cgroup_set(const struct cgroup *group, const char *file, uint64_t value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", group->path, file);
	return file_write_number(path, value);
}

static inline uint64_t cgroup_number(const struct cgroup *group, const char *file,
				     const char *key)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", group->path, file);
	return file_number(path, key);
}

/* Bytes charged to the group. */
static inline uint64_t cgroup_charged(const struct cgroup *group)
{
	return cgroup_number(group, "memory.current", "");
}

/* Moves the caller into the group. */
static inline int cgroup_join(const struct cgroup *group)
{
	return cgroup_set(group, "cgroup.procs", 0);
}

#endif /* IOBMD_TEST_MACHINE_H */
