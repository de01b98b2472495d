// SPDX-License-Identifier: LGPL-2.1-or-later
/* Ends of the program: one line that says what is wrong and what to do. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

const char *subcommand_name;

/* Cuts off what is too long: an argument may be as long as the kernel allows. */
static void message(const char *format, va_list arguments)
{
	char text[400];

	vsnprintf(text, sizeof(text), format, arguments);
	fprintf(stderr, "iobmd%s%s: %s", subcommand_name ? " " : "",
		subcommand_name ? subcommand_name : "", text);
}

void usage_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	message(format, arguments);
	va_end(arguments);
	fprintf(stderr, " (iobmd %s%s--help)\n", subcommand_name ? subcommand_name : "",
		subcommand_name ? " " : "");
	exit(EXIT_USAGE);
}

void fail(int err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	message(format, arguments);
	va_end(arguments);
	if (err)
		fprintf(stderr, ": %s", strerror(err));
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

/* Ends the program if @err is an error of opening /dev/iobmd. */
void check_device(int err)
{
	if (err == ENOENT || err == ENXIO || err == ENODEV)
		fail(0, IOBMD_DEVICE ": %s; is the module loaded? sudo modprobe iobmd; "
		     "iobmd doctor says more", strerror(err));
	if (err == EACCES || err == EPERM)
		fail(0, IOBMD_DEVICE ": %s; are you in the group iobmd? iobmd doctor says more",
		     strerror(err));
}

/* Like realloc(3) for an array, but cannot fail. */
void *allocate(void *old, size_t count, size_t size)
{
	void *memory = reallocarray(old, count ? count : 1, size);

	if (!memory)
		fail(ENOMEM, "%zu times %zu bytes", count, size);
	return memory;
}

/*
 * Output that could not be written, for example to a full disk, is a failure. EPIPE is
 * not: the reader has seen what it wanted.
 */
void output_check(void)
{
	struct pollfd output = { .fd = STDOUT_FILENO };
	int failed = ferror(stdout);

	errno = 0;
	if (!fflush(stdout) && !failed)
		return;
	if (errno == EPIPE || (poll(&output, 1, 0) == 1 && output.revents & POLLERR))
		exit(EXIT_FAILURE);
	fail(errno, "standard output cannot be written");
}
