// SPDX-License-Identifier: LGPL-2.1-or-later
/* Files and progress of load and dump. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "copy.h"
#include "tool.h"

#define SECOND	1000000000ull

uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

void progress_start(struct progress *progress, uint64_t total)
{
	progress->total = total;
	progress->started = now();
	progress->shown = progress->started;
	progress->on = isatty(STDERR_FILENO);
}

/* Shows nothing for less than a second of work. */
void progress_show(struct progress *progress, uint64_t done)
{
	uint64_t time = now();
	char text[3][SIZE_SHOWN];
	double speed;

	if (!progress->on || time - progress->shown < SECOND)
		return;
	speed = (double)done * SECOND / (time - progress->started);
	progress->shown = time;
	fprintf(stderr, "\r%s", size_show(done, text[0]));
	if (progress->total)
		fprintf(stderr, " of %s", size_show(progress->total, text[1]));
	fprintf(stderr, ", %s/s\033[K", size_show(speed, text[2]));
}

void progress_end(struct progress *progress)
{
	if (progress->shown != progress->started)
		fputs("\r\033[K", stderr);
}

/* Checked here, since an empty buffer is dumped without a write. */
static void check_stdio(const struct file *file, int access)
{
	int flags = fcntl(file->fd, F_GETFL);
	int allowed = flags & O_ACCMODE;

	if (flags < 0)
		fail(errno, "%s", file->name);
	if (flags & O_PATH || (allowed != O_RDWR && allowed != access))
		fail(0, "%s is closed, or not open for %s", file->name,
		     access == O_RDONLY ? "reading" : "writing");
}

/* No path, and "-", mean standard input or output, named @stdio in messages. */
void file_open(struct file *file, const char *path, int flags, const char *stdio)
{
	file->direct = false;
	if (!path || !strcmp(path, "-")) {
		file->fd = (flags & O_ACCMODE) == O_RDONLY ? STDIN_FILENO : STDOUT_FILENO;
		file->name = stdio;
		check_stdio(file, flags & O_ACCMODE);
		return;
	}
	file->name = path;
	file->fd = open(path, flags | O_CLOEXEC, 0666);
	if (file->fd < 0)
		fail(errno, "%.200s", path);
	file_direct(file, true);
}

/* Not every file supports it, and flags of inherited files are not changed. */
void file_direct(struct file *file, bool on)
{
	int flags = fcntl(file->fd, F_GETFL);

	if (flags >= 0 && !fcntl(file->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT))
		file->direct = on;
}
