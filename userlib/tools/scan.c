// SPDX-License-Identifier: LGPL-2.1-or-later
/* Finds buffers and their users: debugfs lists all buffers, /proc their users. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "scan.h"
#include "tool.h"

#define PATH_PROC	64

/* The index of @id, or where to insert it: the buffers are sorted. */
static size_t position(const struct scan *scan, uint64_t id)
{
	size_t low = 0, high = scan->nr_buffers;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (scan->buffers[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_known(const struct scan *scan, uint64_t id)
{
	size_t at = position(scan, id);

	return at < scan->nr_buffers && scan->buffers[at].id == id;
}

/* Finds the buffer or adds it. */
struct seen *scan_buffer(struct scan *scan, uint64_t id)
{
	size_t at = position(scan, id);
	struct seen *seen;

	if (is_known(scan, id))
		return &scan->buffers[at];
	scan->buffers = allocate(scan->buffers, scan->nr_buffers + 1, sizeof(*seen));
	seen = &scan->buffers[at];
	memmove(seen + 1, seen, (scan->nr_buffers++ - at) * sizeof(*seen));
	*seen = (struct seen) { .id = id, .seals = SEALS_UNKNOWN };
	return seen;
}

void user_add(struct user **users, size_t *count, const struct user *user)
{
	*users = allocate(*users, *count + 1, sizeof(*user));
	(*users)[(*count)++] = *user;
}

/* Escaped, since a process chooses its own name. */
static void read_command(pid_t pid, char command[NAME_SHOWN])
{
	char path[PATH_PROC], line[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
	text_escape(command, NAME_SHOWN, line);
}

static void add_descriptor(struct scan *scan, const struct seen *found, struct user *user)
{
	struct seen *seen = scan_buffer(scan, found->id);

	if (!seen->listed) {
		memcpy(seen->name, found->name, sizeof(seen->name));
		seen->allocated = found->allocated;
		seen->huge_bytes = found->huge_bytes;
		if (found->capacity > seen->capacity) {
			seen->capacity = found->capacity;
			seen->length = found->length;
		}
	}
	seen->seals = found->seals;
	read_command(user->pid, user->command);
	user_add(&seen->users, &seen->nr_users, user);
}

static bool link_is_ours(pid_t pid, int fd)
{
	char path[PATH_PROC], target[32];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	return !strncmp(target, IOBMD_DEVICE ":", strlen(IOBMD_DEVICE ":")) ||
	       !strncmp(target, "/dmabuf:", strlen("/dmabuf:"));
}

/*
 * The process may have replaced the descriptor since fdinfo was read, even by a file of a
 * FUSE server, which may never answer and chooses the inode number. So no server is asked,
 * and one descriptor is not enough.
 */
static void learn_device(struct scan *scan, pid_t pid, int fd, uint64_t id)
{
	char path[PATH_PROC];
	struct statx status;
	dev_t device;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &status))
		return;
	if (!(status.stx_mask & STATX_INO) || status.stx_ino != id)
		return;
	device = makedev(status.stx_dev_major, status.stx_dev_minor);
	if (device == scan->claimed)
		scan->device = device;
	scan->claimed = device;
}

static void scan_fd(struct scan *scan, pid_t pid, int fd)
{
	struct user user;
	struct seen seen;

	if (!link_is_ours(pid, fd))
		return;
	switch (fd_read(pid, fd, &seen, &user)) {
	case FD_BUFFER:
		add_descriptor(scan, &seen, &user);
		if (!scan->device)
			learn_device(scan, pid, fd, seen.id);
		break;
	case FD_EXPORT:
		read_command(pid, user.command);
		user_add(&scan->exports, &scan->nr_exports, &user);
		break;
	case FD_HIDDEN:
	case FD_OTHER:
		break;
	}
}

static void scan_fds(struct scan *scan, pid_t pid)
{
	char path[PATH_PROC];
	struct dirent *entry;
	uint64_t fd;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	while (fds && (entry = readdir(fds)))
		if (number_parse(entry->d_name, INT_MAX, &fd))
			scan_fd(scan, pid, fd);
	if (fds)
		closedir(fds);
}

/* All mappings of a buffer in a process are one user. */
static void add_mapping(struct scan *scan, uint64_t id, pid_t pid, uint64_t bytes, bool writable)
{
	struct seen *seen = scan_buffer(scan, id);
	struct user *last = seen->nr_users ? &seen->users[seen->nr_users - 1] : NULL;
	struct user user = {
		.kind = USER_MAPPING,
		.pid = pid,
		.fd = -1,
		.rights = "r--",
	};

	if (!last || last->kind != USER_MAPPING || last->pid != pid) {
		read_command(pid, user.command);
		user_add(&seen->users, &seen->nr_users, &user);
		last = &seen->users[seen->nr_users - 1];
	}
	last->length += bytes;
	if (writable)
		last->rights[1] = 'w';
}

/*
 * The inode number is the ID of the buffer, also for a mapping made through a dma-buf.
 * Any process can have a file with such a path in a mount namespace of its own, but not
 * on that device. If the device is not known, because there are less than two descriptors,
 * require the buffer to be in the list of all buffers; without that list, which only root
 * can read, there are but the user's own processes.
 */
static bool is_mapping_of_buffer(const struct scan *scan, dev_t device, uint64_t id)
{
	if (scan->device)
		return device == scan->device;
	if (major(device))
		return false;
	if (scan->complete)
		return is_known(scan, id);
	return !scan->claimed || device == scan->claimed;
}

static void scan_mapping(struct scan *scan, pid_t pid, const char *line)
{
	unsigned long long start, end, inode;
	unsigned int dev_major, dev_minor;
	char permissions[5];
	int path = 0;

	if (sscanf(line, "%llx-%llx %4s %*x %x:%x %llu %n", &start, &end, permissions,
		   &dev_major, &dev_minor, &inode, &path) < 6 || !path)
		return;
	if (strncmp(line + path, IOBMD_DEVICE ":", strlen(IOBMD_DEVICE ":")))
		return;
	if (!is_mapping_of_buffer(scan, makedev(dev_major, dev_minor), inode))
		return;
	add_mapping(scan, inode, pid, end - start, permissions[1] == 'w');
}

static void scan_mappings(struct scan *scan, pid_t pid)
{
	char path[PATH_PROC];
	char *line = NULL;
	size_t size = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	while (maps && getline(&line, &size, maps) >= 0)
		scan_mapping(scan, pid, line);
	if (maps)
		fclose(maps);
	free(line);
}

static void processes_visit(struct scan *scan, void (*visit)(struct scan *scan, pid_t pid))
{
	struct dirent *entry;
	uint64_t pid;
	DIR *proc = opendir("/proc");

	while (proc && (entry = readdir(proc)))
		if (number_parse(entry->d_name, INT_MAX, &pid))
			visit(scan, pid);
	if (proc)
		closedir(proc);
}

/* Descriptors first: they reveal the device of the mappings. */
void scan_make(struct scan *scan)
{
	memset(scan, 0, sizeof(*scan));
	scan_debugfs(scan);
	processes_visit(scan, scan_fds);
	processes_visit(scan, scan_mappings);
}

void scan_free(struct scan *scan)
{
	for (size_t i = 0; i < scan->nr_buffers; i++)
		free(scan->buffers[i].users);
	free(scan->buffers);
	free(scan->exports);
}
