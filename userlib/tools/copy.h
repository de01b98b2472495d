/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What load and dump share. */
#ifndef IOBMD_TOOL_COPY_H
#define IOBMD_TOOL_COPY_H

#include <stdbool.h>
#include <stdint.h>

/* Copy this much at a time; with O_DIRECT whole blocks at aligned offsets and addresses */
#define COPY_CHUNK	(8ul << 20)
#define COPY_BLOCK	4096ul

/**
 * struct progress - the progress of a long copy, for a terminal
 * @total: Bytes to copy, or 0 if that is not known.
 * @started: On the monotonic clock, in ns.
 * @shown: When it was shown last.
 * @on: Whether stderr is a terminal.
 */
struct progress {
	uint64_t total;
	uint64_t started;
	uint64_t shown;
	bool on;
};

uint64_t now(void);
void progress_start(struct progress *progress, uint64_t total);
void progress_show(struct progress *progress, uint64_t done);
void progress_end(struct progress *progress);

/**
 * struct file - what is copied from or to
 * @fd: Its descriptor.
 * @name: For messages.
 * @direct: Whether O_DIRECT is on.
 */
struct file {
	int fd;
	const char *name;
	bool direct;
};

void file_open(struct file *file, const char *path, int flags, const char *stdio);
void file_direct(struct file *file, bool on);

#endif /* IOBMD_TOOL_COPY_H */
