// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd: the command for buffers of the module iobmd, for interactive use and scripts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* The Makefile defines the version; otherwise take that of the library's header. */
#ifndef IOBMD_VERSION
#include <iobmd.h>
#endif

static const struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} subcommands[] = {
	{ "list", tool_list, "all buffers, and what uses them" },
	{ "top", tool_top, "the same, updated, the largest first" },
	{ "info", tool_info, "show everything about one descriptor" },
	{ "create", tool_create, "create a buffer for a command" },
	{ "load", tool_load, "load a file or a pipe into a buffer" },
	{ "dump", tool_dump, "write a buffer to a file or a pipe" },
	{ "send", tool_send, "send a buffer over a UNIX socket" },
	{ "receive", tool_receive, "receive a buffer from a UNIX socket, for a command" },
	{ "doctor", tool_doctor, "check what works here, and advise on the rest" },
	{ "bench", tool_bench, "compare with other shared memory of this machine" },
};

static const struct subcommand *subcommand_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++)
		if (!strcmp(subcommands[i].name, name))
			return &subcommands[i];
	return NULL;
}

static int show_help(void)
{
	puts("usage: iobmd COMMAND [OPTION]... [ARGUMENT]...\n\n"
	     "Buffers of kernel memory that processes, the kernel and devices share.\n");
	for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++)
		printf("  %-8s  %s\n", subcommands[i].name, subcommands[i].summary);
	puts("\n  --help     print this text; iobmd COMMAND --help shows the options\n"
	     "  --version  print the version\n\n"
	     "Exit status: 0 on success, 1 on failure, 2 for wrong arguments; or that of the command\n"
	     "that was run.");
	return EXIT_SUCCESS;
}

static int show_version(void)
{
	puts("iobmd " IOBMD_VERSION);
	return EXIT_SUCCESS;
}

static int run(int argc, char **argv)
{
	const struct subcommand *subcommand;

	if (argc < 2)
		usage_error("no command");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return show_help();
	if (!strcmp(argv[1], "--version"))
		return show_version();
	subcommand = subcommand_find(argv[1]);
	if (!subcommand)
		usage_error("no such command: %.60s", argv[1]);
	subcommand_name = subcommand->name;
	return subcommand->run(argc - 1, argv + 1);
}

/*
 * Otherwise a buffer would be opened in the place of a closed standard input or output.
 * What takes that place fails in use, and a command that is run does not inherit it.
 */
static void fill_closed(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int flags = (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC;

		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) != fd)
			fail(errno, "/dev/null");
	}
}

/* No setlocale(3): numbers and JSON must be the same everywhere. */
int main(int argc, char **argv)
{
	int status;

	fill_closed();
	status = run(argc, argv);
	output_check();
	return status;
}
