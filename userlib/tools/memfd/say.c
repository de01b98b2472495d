// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Messages on standard error, which belongs to the program: they must neither end nor
 * block it, nor appear in another file.
 */
#include "memfd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static struct {
	bool known;
	dev_t device;
	ino64_t inode;
} standard_error;

/* To be called before the program can have replaced it. */
void memfd_say_prepare(void)
{
	struct stat64 st;

	if (fstat64(STDERR_FILENO, &st))
		return;
	standard_error.device = st.st_dev;
	standard_error.inode = st.st_ino;
	standard_error.known = true;
}

static bool is_replaced(void)
{
	struct stat64 st;

	return !standard_error.known || fstat64(STDERR_FILENO, &st) ||
	       st.st_dev != standard_error.device || st.st_ino != standard_error.inode;
}

static bool would_block(void)
{
	struct pollfd end = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&end, 1, 0) != 1 || !(end.revents & POLLOUT);
}

/* Without a SIGPIPE that was not pending before. */
static void write_line(const char *line, size_t length)
{
	static const struct timespec no_time;
	sigset_t pending, sigpipe, saved;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	if (sigpending(&pending) || pthread_sigmask(SIG_BLOCK, &sigpipe, &saved))
		return;
	if (memfd_next()->write(STDERR_FILENO, line, length) < 0 && errno == EPIPE &&
	    !sigismember(&pending, SIGPIPE))
		(void)sigtimedwait(&sigpipe, NULL, &no_time);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

/* Writes one line at once, bypassing the program's streams. Preserves errno. */
void memfd_say(const char *format, ...)
{
	int saved_errno = errno, length;
	char line[512];
	va_list args;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length >= (int)sizeof(line))
		length = sizeof(line) - 1;
	for (int i = 0; i < length; i++) {
		if (line[i] < 0x20 || line[i] > 0x7e)
			line[i] = '?';
	}
	if (length > 0 && !is_replaced() && !would_block()) {
		line[length] = '\n';
		write_line(line, length + 1);
	}
	errno = saved_errno;
}
