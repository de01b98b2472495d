// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd list: all buffers and their users. */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "scan.h"
#include "tool.h"

static const char help[] =
	"usage: iobmd list [OPTION]...\n\n"
	"Lists buffers with their descriptors and mappings: all buffers for root, else those of\n"
	"your own processes.\n\n"
	"  --bytes  print sizes in bytes\n"
	"  --json   print everything as JSON\n"
	"  --help   print this text\n\n"
	"USED BY: PID:FD of a descriptor or PID of a mapping; r, w, s: may read, write, resize;\n"
	"the command. SEALS: s, g, w: cannot shrink, grow, be written; l: no more seals.\n";

/* Without the module an empty list would be misleading. */
void module_required(void)
{
	if (access(IOBMD_SYSFS, F_OK) && access(IOBMD_DEVICE, F_OK))
		fail(0, "the module is not loaded: sudo modprobe iobmd; iobmd doctor says more");
}

static void print_json(const struct scan *scan)
{
	json_begin(NULL, '{');
	json_begin("buffers", '[');
	for (size_t i = 0; i < scan->nr_buffers; i++) {
		const struct seen *seen = &scan->buffers[i];

		json_begin(NULL, '{');
		json_seen(seen);
		json_begin("users", '[');
		for (size_t user = 0; user < seen->nr_users; user++)
			json_user(&seen->users[user],
				  seen->users[user].kind == USER_DESCRIPTOR);
		json_end(']');
		json_end('}');
	}
	json_end(']');
	json_begin("exports", '[');
	for (size_t i = 0; i < scan->nr_exports; i++)
		json_user(&scan->exports[i], false);
	json_end(']');
	json_bool("complete", scan->complete);
	json_end('}');
	puts("");
}

int tool_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "bytes", no_argument, NULL, 'b' },
		{ "json", no_argument, NULL, 'j' },
		OPTIONS_END
	};
	struct look look = { .rows = INT_MAX };
	struct scan scan;
	bool json = false;
	int option;

	while ((option = option_next(argc, argv, options, help)) != -1) {
		json |= option == 'j';
		look.bytes |= option == 'b';
	}
	option_no_more(argc, argv);
	module_required();
	scan_make(&scan);
	look.width = output_width();
	if (json)
		print_json(&scan);
	else
		scan_print(&scan, &look);
	if (!json)
		scan_print_exports(&scan, &look);
	scan_free(&scan);
	return EXIT_SUCCESS;
}
