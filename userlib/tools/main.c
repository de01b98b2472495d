// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd: the command for buffers of the module iobmd, for interactive use and scripts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	{ "top", tool_top, "the same, again and again, the largest first" },
	{ "info", tool_info, "all about one descriptor" },
	{ "create", tool_create, "make a buffer for a command" },
	{ "load", tool_load, "a file or a pipe into a buffer" },
	{ "dump", tool_dump, "a buffer into a file or a pipe" },
	{ "send", tool_send, "pass a buffer on, over a UNIX socket" },
	{ "receive", tool_receive, "take a buffer from a UNIX socket, for a command" },
	{ "doctor", tool_doctor, "what works here, and what to do about the rest" },
	{ "bench", tool_bench, "compare with what else this machine has" },
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
	puts("\n  --help     this text; iobmd COMMAND --help tells the options\n"
	     "  --version  the version\n\n"
	     "Exit status: 0, 1 if it failed, 2 if the arguments are wrong; of a command that\n"
	     "is run, its own.");
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

/* No setlocale(3): numbers and JSON must be the same everywhere. */
int main(int argc, char **argv)
{
	int status = run(argc, argv);

	output_check();
	return status;
}
