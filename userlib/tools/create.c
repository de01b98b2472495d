// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd create: a new buffer for a command. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "tool.h"

#define DEFAULT_CAPACITY	(1024 * 1024)

static const char help[] =
	"usage: iobmd create [OPTION]... -- COMMAND [ARGUMENT]...\n\n"
	"Creates a buffer and runs COMMAND, which inherits its descriptor. The environment\n"
	"variable IOBMD_FD has the number.\n\n"
	"  --capacity SIZE    in bytes, or with K, M, G or T (default: 1M)\n"
	CREATION_HELP
	"  --help             print this text\n";

static uint32_t huge_parse(const char *text)
{
	static const char *const words[] = {
		[IOBMD_HUGE_PREFER]	= "prefer",
		[IOBMD_HUGE_NONE]	= "none",
		[IOBMD_HUGE_REQUIRE]	= "require",
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(text, words[i]))
			return i;
	usage_error("--huge: not prefer, none or require: \"%.60s\"", text);
}

/* Returns whether @option is one of CREATION_OPTIONS. */
bool creation_option(int option, const char *value, struct creation *creation)
{
	switch (option) {
	case 'c':
		creation->args.capacity = option_size("--capacity", value);
		if (!creation->args.capacity)
			usage_error("--capacity: a buffer has at least one byte");
		return true;
	case 'n':
		if (strlen(value) > IOBMD_NAME_MAX)
			usage_error("--name: more than %d bytes: %.60s", IOBMD_NAME_MAX, value);
		creation->name = value;
		return true;
	case 'u':
		creation->args.huge = huge_parse(value);
		return true;
	case 'N':
		creation->args.node = option_number("--node", value, INT_MAX);
		creation->args.flags |= IOBMD_CREATE_F_NODE;
		return true;
	case 'a':
		creation->args.alignment = option_size("--alignment", value);
		return true;
	}
	return view_option(option, value, &creation->view);
}

static void fail_create(int err, const struct creation *creation)
{
	char size[SIZE_SHOWN], limit[SIZE_SHOWN];

	check_device(err);
	size_show(creation->args.capacity, size);
	if (err == EFBIG)
		fail(0, "%s is over the ceiling of one buffer, %s (max_buffer_mib)", size,
		     size_show(ceiling("max_buffer_mib", 2), limit));
	if (err == EDQUOT)
		fail(0, "%s more is over the ceiling of one user, %s (max_user_mib)", size,
		     size_show(ceiling("max_user_mib", 4), limit));
	if (err == EINVAL)
		fail(0, "no such buffer: --alignment is no power of two up to a huge page, "
		     "--node is not there, or with --huge require %s is no multiple of a huge page",
		     size);
	if (err == ENOMEM)
		fail(0, "there is no memory for %s%s", size,
		     creation->args.huge == IOBMD_HUGE_REQUIRE ? " in huge pages" : "");
	fail(err, "no buffer of %s", size);
}

/* Returns a descriptor with all rights, or ends the program. */
int creation_make(struct creation *creation)
{
	int fd, err;

	if (!creation->args.capacity)
		creation->args.capacity = DEFAULT_CAPACITY;
	fd = buffer_create(&creation->args);
	if (fd < 0)
		fail_create(-fd, creation);
	err = creation->name ? buffer_set_name(fd, creation->name) : 0;
	if (err == -EINVAL)
		fail(0, "--name: control characters are not allowed");
	if (err)
		fail(-err, "--name");
	return fd;
}

int tool_create(int argc, char **argv)
{
	static const struct option options[] = { CREATION_OPTIONS, OPTIONS_END };
	struct creation creation = { .name = NULL };
	char **command = command_split(&argc, argv);
	int option;

	while ((option = option_next(argc, argv, options, help)) != -1)
		creation_option(option, optarg, &creation);
	option_no_more(argc, argv);
	if (!command)
		usage_error("no command: iobmd create [OPTION]... -- COMMAND");
	command_run(buffer_pass_on(creation_make(&creation), &creation.view), command);
}
