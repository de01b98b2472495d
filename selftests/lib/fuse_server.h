/* SPDX-License-Identifier: GPL-2.0 */
/* A file whose every answer the test decides: a FUSE server in a child process. */
#ifndef IOBMD_TEST_FUSE_SERVER_H
#define IOBMD_TEST_FUSE_SERVER_H

#include <linux/fuse.h>
#include <sys/mount.h>

#include "iobmd_test.h"
#include "modules.h"

#define FUSE_FILE_NODE	2
#define FUSE_NEVER	INT_MIN		/* an ioctl that gets no answer */

/**
 * struct fuse_server - a server, and a file of it
 * @directory: Where it is mounted.
 * @fd: The file.
 * @pid: Of the server.
 * @ioctls: How many it was asked; shared with the server.
 */
struct fuse_server {
	char directory[32];
	int fd;
	pid_t pid;
	uint64_t *ioctls;
};

static inline void fuse_attr_fill(struct fuse_attr *attr, uint64_t node)
{
	*attr = (struct fuse_attr){
		.ino = node, .nlink = 1, .size = 4096, .blksize = 4096,
		.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0777 : S_IFREG | 0666,
	};
}

/* Bytes of the answer to @request, put at @answer; -1 for none. */
static inline ssize_t fuse_answer(const struct fuse_in_header *request, void *answer,
				  int ioctl_result, uint64_t *ioctls)
{
	struct fuse_entry_out entry = { .nodeid = FUSE_FILE_NODE, .attr_valid = 1 };
	struct fuse_init_out init = { .major = 7, .minor = 31, .max_write = 4096 };
	struct fuse_ioctl_out result = { .result = ioctl_result };
	struct fuse_attr_out attr = { .attr_valid = 1 };
	struct fuse_open_out opened = { .fh = 1 };

	switch (request->opcode) {
	case FUSE_INIT:
		return memcpy(answer, &init, sizeof(init)) ? sizeof(init) : 0;
	case FUSE_LOOKUP:
		fuse_attr_fill(&entry.attr, FUSE_FILE_NODE);
		return memcpy(answer, &entry, sizeof(entry)) ? sizeof(entry) : 0;
	case FUSE_GETATTR:
		fuse_attr_fill(&attr.attr, request->nodeid);
		return memcpy(answer, &attr, sizeof(attr)) ? sizeof(attr) : 0;
	case FUSE_OPEN:
		return memcpy(answer, &opened, sizeof(opened)) ? sizeof(opened) : 0;
	case FUSE_IOCTL:
		shared_count(ioctls);
		if (ioctl_result == FUSE_NEVER)
			return -1;
		return memcpy(answer, &result, sizeof(result)) ? sizeof(result) : 0;
	case FUSE_FORGET:
	case FUSE_RELEASE:
	case FUSE_INTERRUPT:
		return request->opcode == FUSE_RELEASE ? 0 : -1;
	default:
		return 0;
	}
}

static inline void fuse_serve(int device, int ioctl_result, uint64_t *ioctls)
{
	struct { struct fuse_out_header header; char body[256]; } answer;
	_Alignas(8) static char request[FUSE_MIN_READ_BUFFER + 4096];
	const struct fuse_in_header *header = (void *)request;
	ssize_t size;

	while (read(device, request, sizeof(request)) >= (ssize_t)sizeof(*header)) {
		size = fuse_answer(header, answer.body, ioctl_result, ioctls);
		if (size < 0)
			continue;
		answer.header = (struct fuse_out_header){
			.len = sizeof(answer.header) + size, .unique = header->unique,
		};
		if (write(device, &answer, answer.header.len) < 0)
			break;
	}
}

/* False where the machine has no FUSE. */
static inline bool fuse_server_start(struct fuse_server *server, int ioctl_result)
{
	char options[64], path[64];
	int device;

	kernel_module_load("fuse", NULL);
	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(server->directory, sizeof(server->directory), "/tmp/iobmd-fuse-XXXXXX");
	server->ioctls = shared_memory(page_size());
	if (device < 0 || !mkdtemp(server->directory))
		return false;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	if (mount("iobmd", server->directory, "fuse", MS_NOSUID | MS_NODEV, options))
		return false;

	server->pid = child_fork();
	if (server->pid == 0) {
		fuse_serve(device, ioctl_result, server->ioctls);
		_exit(0);
	}
	close(device);
	snprintf(path, sizeof(path), "%s/iobmd:5 (deleted)", server->directory);
	server->fd = open(path, O_RDWR | O_CLOEXEC);
	return server->fd >= 0;
}

static inline void fuse_server_stop(struct fuse_server *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	close(server->fd);
	umount2(server->directory, MNT_DETACH);
	rmdir(server->directory);
}

#endif /* IOBMD_TEST_FUSE_SERVER_H */
