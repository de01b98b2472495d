// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd doctor: checks what works here, and advises on the rest. */
#include <stdio.h>
#include <stdlib.h>

#include "doctor.h"
#include "tool.h"

static const char help[] =
	"usage: iobmd doctor [--json]\n\n"
	"Checks the module, the kernel, permissions, huge pages, the reserve and the IOMMU, and\n"
	"advises what to do. Exits with 1 if buffers cannot be created here.\n\n"
	"  --json  print JSON\n"
	"  --help  print this text\n";

static const char *const verdicts[] = {
	[VERDICT_OK]	= "ok",
	[VERDICT_NOTE]	= "note",
	[VERDICT_FAIL]	= "fail",
};

static void print_json(const struct finding *findings)
{
	json_begin(NULL, '[');
	for (int i = 0; i < NR_CHECKS; i++) {
		json_begin(NULL, '{');
		json_string("check", findings[i].what);
		json_string("status", verdicts[findings[i].verdict]);
		json_string("text", findings[i].text);
		json_string("advice", findings[i].advice);
		json_end('}');
	}
	json_end(']');
	puts("");
}

static void print_text(const struct finding *findings)
{
	for (int i = 0; i < NR_CHECKS; i++) {
		printf("%-4s  %-10s  %s\n", verdicts[findings[i].verdict], findings[i].what,
		       findings[i].text);
		if (findings[i].advice[0])
			printf("      %s\n", findings[i].advice);
	}
}

int tool_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		OPTIONS_END
	};
	struct finding findings[NR_CHECKS] = { { .what = NULL } };
	int status = EXIT_SUCCESS;
	bool json = false;

	while (option_next(argc, argv, options, help) != -1)
		json = true;
	option_no_more(argc, argv);
	check_all(findings);
	if (json)
		print_json(findings);
	else
		print_text(findings);
	for (int i = 0; i < NR_CHECKS; i++)
		if (findings[i].verdict == VERDICT_FAIL)
			status = EXIT_FAILURE;
	return status;
}
