/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests read from the machine and set in it: /proc, the module's
 * parameters, the scratch disk, memory cgroups.
 */
#ifndef IOBMD_TEST_MACHINE_H
#define IOBMD_TEST_MACHINE_H

#include "iobmd_test.h"

#include <glob.h>
#include <sys/mman.h>

#define CGROUP_ROOT	"/sys/fs/cgroup"
#define PARAMETERS	"/sys/module/iobmd/parameters"

/* 0, or -1 with errno set. */
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
 * The number behind @key at the start of a line, and with no key the first
 * number of the file; all ones where there is none.
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

/* Has all of memory compacted, again and again; ends with its parent or by SIGKILL. */
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
 * Free memory, in bytes. /proc/meminfo does not count the free pages that each
 * CPU keeps at hand, which are many after a large buffer has gone.
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

/* How much of it is free in pieces of a huge page and more, in bytes. */
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

/* Processes that the OOM killer has taken since boot. */
static inline uint64_t oom_kills(void)
{
	return file_number("/proc/vmstat", "oom_kill ");
}

#define PAGES_AT_HAND	"/proc/sys/vm/percpu_pagelist_high_fraction"

/* Each processor keeps free pages at hand, also huge ones: as few as can be, or as usual. */
static inline int keep_few_at_hand(bool few)
{
	return file_write_number(PAGES_AT_HAND, few ? 1000000 : 0);
}

/*
 * Has processors put those back that are too many, an eighth each time. Nobody else
 * can use them, and they keep huge pages around them from being put together: of
 * 16 KiB pages it can be a tenth of the memory.
 */
static inline void pages_at_hand_free(void)
{
	uint64_t usual = file_number(PAGES_AT_HAND, "");

	keep_few_at_hand(true);
	for (int i = 0; i < 64; i++)
		file_write("/proc/sys/vm/stat_refresh", "1");
	file_write_number(PAGES_AT_HAND, usual);
}

/* Gives caches back and puts free memory together. */
static inline void memory_tidy(void)
{
	sync();
	file_write("/proc/sys/vm/drop_caches", "3");
	pages_at_hand_free();
	file_write("/proc/sys/vm/compact_memory", "1");
}

/*
 * Has slabs that nobody uses freed, which KASAN otherwise keeps for a while to
 * see who still uses them.
 */
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
#define DISK_BYTES	(64 * MIB)	/* of the scratch disk, and no other */

/* The scratch disk is told by its size; it may be written to. False if there is none. */
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

/* Moves the caller. */
static inline int cgroup_join(const struct cgroup *group)
{
	return cgroup_set(group, "cgroup.procs", 0);
}

#endif /* IOBMD_TEST_MACHINE_H */
