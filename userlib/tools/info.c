// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd info: everything about one descriptor. */
#include <stdlib.h>
#include <unistd.h>

#include "scan.h"
#include "tool.h"

static const char help[] =
	"usage: iobmd info [--json] [PID:FD]\n\n"
	"Shows everything about a descriptor of a buffer: FD of the process PID (default:\n"
	"$IOBMD_FD).\n\n"
	"  --json  print JSON\n"
	"  --help  print this text\n";

static const char *const huge_words[] = { "prefer", "none", "require" };
static const char *const direction_words[] = { "none", "out", "in", "both" };

static const char *word(const char *const *words, size_t count, uint32_t number)
{
	return number < count ? words[number] : "unknown";
}

/**
 * struct facts - what is printed
 * @seen: What fdinfo reports.
 * @user: The process and its descriptor.
 * @info: What IOBMD_IOC_GET_INFO returns, which is more.
 * @have_info: Whether the descriptor could be taken, so that @info is valid.
 */
struct facts {
	struct seen seen;
	struct user user;
	struct iobmd_get_info info;
	bool have_info;
};

/* fdinfo may be readable where pidfd_getfd(2) is refused (kernel.yama.ptrace_scope). */
static void gather(const struct target *target, struct facts *facts)
{
	pid_t pid = target->pid ? target->pid : getpid();
	bool known = fd_read(pid, target->fd, &facts->seen, &facts->user) == FD_BUFFER;
	int fd = target_try(target);

	if (!known && fd < 0)
		target_fail(-fd, target);
	if (!known)
		fail(0, "descriptor %d is not of a buffer", target->fd);
	facts->have_info = fd >= 0 && !buffer_get_info(fd, &facts->info);
	if (fd >= 0)
		close(fd);
}

static void print_json(const struct facts *facts)
{
	const struct iobmd_get_info *info = &facts->info;

	json_begin(NULL, '{');
	json_number("pid", facts->user.pid);
	json_number("fd", facts->user.fd);
	json_string("rights", facts->user.rights);
	json_seen(&facts->seen);
	if (facts->have_info) {
		json_number("alignment", info->alignment);
		json_string("direction", word(direction_words, ARRAY_SIZE(direction_words),
					      info->direction));
		json_string("huge", word(huge_words, ARRAY_SIZE(huge_words), info->huge));
		if (info->node < 0)
			json_null("node");
		else
			json_number("node", info->node);
		json_number("page_size", info->page_size);
		json_number("huge_page_size", info->huge_page_size);
	}
	json_end('}');
	puts("");
}

static void print_size(const char *title, uint64_t size)
{
	char shown[SIZE_SHOWN];

	printf("%-15s %llu", title, (unsigned long long)size);
	if (size >= 1024)
		printf(" (%s)", size_show(size, shown));
	puts("");
}

static void print_seals(uint32_t seals)
{
	printf("%-15s", "seals");
	for (size_t i = 0; i < ARRAY_SIZE(seal_names); i++)
		if (seals & 1u << i)
			printf(" %s", seal_names[i]);
	puts(seals ? "" : " none");
}

static void print_info(const struct iobmd_get_info *info)
{
	print_size("alignment", info->alignment);
	printf("%-15s %s\n", "direction",
	       word(direction_words, ARRAY_SIZE(direction_words), info->direction));
	printf("%-15s %s\n", "huge", word(huge_words, ARRAY_SIZE(huge_words), info->huge));
	if (info->node >= 0)
		printf("%-15s %d\n", "node", info->node);
	print_size("page size", info->page_size);
	print_size("huge page size", info->huge_page_size);
}

static void print_text(const struct facts *facts)
{
	printf("%-15s %d:%d\n", "descriptor", facts->user.pid, facts->user.fd);
	printf("%-15s %llu\n", "id", (unsigned long long)facts->seen.id);
	printf("%-15s %s\n", "name", facts->seen.name);
	print_size("capacity", facts->seen.capacity);
	print_size("length", facts->seen.length);
	print_size("allocated", facts->seen.allocated);
	print_size("in huge pages", facts->seen.huge_bytes);
	printf("%-15s %s\n", "rights", facts->user.rights);
	print_seals(facts->seen.seals);
	if (facts->have_info)
		print_info(&facts->info);
}

int tool_info(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		OPTIONS_END
	};
	struct target target;
	struct facts facts;
	bool json = false;
	int option;

	while ((option = option_next(argc, argv, options, help)) != -1)
		json |= option == 'j';
	target_parse(optind < argc ? argv[optind++] : NULL, &target);
	option_no_more(argc, argv);
	gather(&target, &facts);
	if (json)
		print_json(&facts);
	else
		print_text(&facts);
	return EXIT_SUCCESS;
}
