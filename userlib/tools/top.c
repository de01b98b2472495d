// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd top: the largest buffers, updated, and what is left for others. */
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "scan.h"
#include "tool.h"

static const char help[] =
	"usage: iobmd top [OPTION]...\n\n"
	"Shows the buffers, the largest first, until Ctrl-C or q and Enter; once if the output\n"
	"is not a terminal.\n\n"
	"  --interval SECONDS  time between updates (default: 2)\n"
	"  --count N           exit after N updates\n"
	"  --bytes             print sizes in bytes\n"
	"  --help              print this text\n";

/* Go to the upper left corner and overwrite: clearing first would flicker. */
#define TERMINAL_HOME	"\033[H\033[J"

/* Lines that are not buffers. */
#define HEAD_ROWS	6

static int larger_first(const void *a, const void *b)
{
	const struct seen *left = a, *right = b;

	if (left->allocated != right->allocated)
		return left->allocated < right->allocated ? 1 : -1;
	return left->id < right->id ? -1 : 1;
}

static int output_rows(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return INT_MAX;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row)
		return 24 - HEAD_ROWS;
	return size.ws_row > HEAD_ROWS ? size.ws_row - HEAD_ROWS : 1;
}

/* Fits into 40 columns. */
static void print_sums(const struct scan *scan)
{
	uint64_t allocated = 0, huge = 0, others = memory_total() / 32;
	uint64_t available = memory_available();
	char text[2][SIZE_SHOWN];

	for (size_t i = 0; i < scan->nr_buffers; i++) {
		allocated += scan->buffers[i].allocated;
		huge += scan->buffers[i].huge_bytes;
	}
	printf("%zu buffers: %s, huge %s\n", scan->nr_buffers,
	       size_show(allocated, text[0]), size_show(huge, text[1]));
	available = available > others ? available - others : 0;
	printf("left: %s\n", size_show(available, text[0]));
	printf("max: a buffer %s, a user %s\n", size_show(ceiling("max_buffer_mib", 2), text[0]),
	       size_show(ceiling("max_user_mib", 4), text[1]));
}

static void print_reserve(void)
{
	char text[2][SIZE_SHOWN];
	uint64_t target, held;

	if (file_key(IOBMD_DEBUGFS "/reserve", "target", &target) &&
	    file_key(IOBMD_DEBUGFS "/reserve", "held", &held))
		printf("reserve: %s of %s\n", size_show(held, text[0]), size_show(target, text[1]));
	else if (file_number(IOBMD_SYSFS "/parameters/reserve_mib", &target))
		printf("reserve: up to %s\n", size_show(target << 20, text[0]));
}

static void show(struct look *look)
{
	struct scan scan;

	scan_make(&scan);
	qsort(scan.buffers, scan.nr_buffers, sizeof(*scan.buffers), larger_first);
	look->width = output_width();
	look->rows = output_rows();
	if (isatty(STDOUT_FILENO))
		fputs(TERMINAL_HOME, stdout);
	print_sums(&scan);
	print_reserve();
	scan_print(&scan, look);
	scan_free(&scan);
	output_check();
}

/* Leaves the terminal settings unchanged, so nothing has to be restored. */
static bool wait_for_quit(uint64_t seconds)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[64];

	if (!isatty(STDIN_FILENO))
		input.fd = -1;
	if (poll(&input, 1, seconds * 1000) <= 0)
		return false;
	return !fgets(line, sizeof(line), stdin) || line[0] == 'q';
}

int tool_top(int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'n' },
		{ "bytes", no_argument, NULL, 'b' },
		OPTIONS_END
	};
	uint64_t interval = 2, count = isatty(STDOUT_FILENO) ? 0 : 1;
	struct look look = { .bytes = false };
	int option;

	while ((option = option_next(argc, argv, options, help)) != -1) {
		if (option == 'i')
			interval = option_number("--interval", optarg, INT_MAX / 1000);
		else if (option == 'n')
			count = option_number("--count", optarg, INT_MAX);
		look.bytes |= option == 'b';
	}
	option_no_more(argc, argv);
	module_required();
	for (uint64_t i = 1; ; i++) {
		show(&look);
		if (i == count || wait_for_quit(interval))
			return EXIT_SUCCESS;
	}
}
