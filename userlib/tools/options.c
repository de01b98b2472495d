// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the subcommands share: options, and running a command. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/*
 * Like getopt_long(3), with long options and -h only, and with messages of one line.
 * Does not return for --help or an error.
 */
int option_next(int argc, char **argv, const struct option *options, const char *help)
{
	const char *last;
	int option;

	opterr = 0;
	option = getopt_long(argc, argv, ":h", options, NULL);
	switch (option) {
	case 'h':
		fputs(help, stdout);
		output_check();
		exit(EXIT_SUCCESS);
	case ':':
		usage_error("%.60s needs a value", argv[optind - 1]);
	case '?':
		last = argv[optind - 1];
		if (!optopt)
			usage_error("no such option: %.60s", last);
		if (!strncmp(last, "--", 2) && strchr(last, '='))
			usage_error("the option takes no value: %.60s", last);
		usage_error("no such option: -%c", optopt);
	}
	return option;
}

void option_no_more(int argc, char **argv)
{
	if (optind < argc)
		usage_error("one argument too many: %.60s", argv[optind]);
}

/* Cuts off what follows the first "--"; NULL if there is none. */
char **command_split(int *argc, char **argv)
{
	int i;

	for (i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		if (!argv[i + 1])
			usage_error("no command after --");
		argv[i] = NULL;
		*argc = i;
		return &argv[i + 1];
	}
	return NULL;
}

/*
 * The command replaces this process, so that it gets signals and its exit status is
 * returned. It inherits @fd and gets its number in the environment.
 */
void command_run(int fd, char **command)
{
	char number[16];
	int err;

	snprintf(number, sizeof(number), "%d", fd);
	if (fcntl(fd, F_SETFD, 0) || setenv("IOBMD_FD", number, 1))
		fail(errno, "the descriptor cannot be passed on");
	output_check();
	execvp(command[0], command);
	err = errno;
	fprintf(stderr, "iobmd %s: %.200s: %s\n", subcommand_name, command[0], strerror(err));
	exit(err == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

static void window_parse(const char *text, struct view *view)
{
	const char *colon = strchr(text, ':');
	char *offset;

	if (!colon)
		usage_error("--window: not OFFSET:LENGTH: %.60s", text);
	offset = strndup(text, colon - text);
	if (!offset)
		fail(ENOMEM, "--window");
	view->flags |= IOBMD_DERIVE_F_WINDOW;
	view->offset = option_size("--window", offset);
	view->length = option_size("--window", colon + 1);
	free(offset);
	if (!view->length)
		usage_error("--window: empty: %.60s", text);
}

/* Returns whether @option is one of VIEW_OPTIONS. */
bool view_option(int option, const char *value, struct view *view)
{
	switch (option) {
	case 'r':
		view->flags |= IOBMD_DERIVE_F_READ_ONLY;
		return true;
	case 'H':
		view->flags |= IOBMD_DERIVE_F_HOLD;
		return true;
	case 'w':
		window_parse(value, view);
		return true;
	}
	return false;
}
