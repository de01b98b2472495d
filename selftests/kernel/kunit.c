// SPDX-License-Identifier: GPL-2.0
/*
 * The KUnit tests, which modules/kunit/ has: a kernel with KUnit runs them when their
 * module is loaded. Each of their cases becomes one of this program. `-t CASE' shows
 * one of them only; all run.
 */
#include "modules.h"

#include <dirent.h>

#define KUNIT_KO	"selftests/modules/kunit/iobmd_kunit.ko"
#define KUNIT_DIR	"/sys/kernel/debug/kunit"
#define OUR_SUITES	"iobmd_"

/* The name that was asked for with -t, or NULL for all. */
static const char *wanted;

/* @name is as KUnit prints it: CASE, or CASE # SKIP REASON. */
static void report(const char *suite, bool ok, char *name)
{
	char *comment = strstr(name, " # ");

	if (comment)
		*comment = 0;
	if (wanted && strcmp(wanted, name))
		return;
	if (comment && !strncmp(comment + 3, "SKIP", 4))
		ksft_test_result_skip("%s.%s: %s\n", suite, name, comment + 7);
	else
		ksft_test_result(ok, "%s.%s\n", suite, name);
}

/* The result of a case: "ok 1 NAME" or "not ok 1 NAME". Returns where the name is, or NULL. */
static char *find_name(char *line, bool *ok)
{
	int number, name = 0;

	*ok = !strncmp(line, "ok ", 3);
	if (sscanf(line, *ok ? "ok %d %n" : "not ok %d %n", &number, &name) != 1 || !name)
		return NULL;
	return line + name;
}

/* What says no more than that there is a suite */
static bool is_header(const char *line)
{
	return !strncmp(line, "KTAP version ", 13) || !strncmp(line, "# Subtest: ", 11) ||
	       !strncmp(line, "# module: ", 10);
}

/*
 * Passes on what a suite has logged: the results of its cases, which are indented
 * once, and what stands between them. Fails if some are missing.
 */
static void report_suite(const char *suite)
{
	int planned = -1, cases = 0;
	char path[PATH_MAX], text[1024], *line = text + 4, *name;
	FILE *log;
	bool ok;

	snprintf(path, sizeof(path), KUNIT_DIR "/%s/results", suite);
	log = fopen(path, "re");
	while (log && fgets(text, sizeof(text), log)) {
		text[strcspn(text, "\n")] = 0;
		if (strncmp(text, "    ", 4) || sscanf(line, "1..%d", &planned) == 1)
			continue;
		name = find_name(line, &ok);
		if (name) {
			report(suite, ok, name);
			cases++;
		} else if (!is_header(line)) {
			ksft_print_msg("%s\n", line);
		}
	}
	if (log)
		fclose(log);
	if (planned != cases)
		ksft_test_result_fail("%s: %d results of %d\n", suite, cases, planned);
}

static int is_our_suite(const struct dirent *entry)
{
	return !strncmp(entry->d_name, OUR_SUITES, strlen(OUR_SUITES));
}

static void report_suites(void)
{
	struct dirent **suites;
	int nr = scandir(KUNIT_DIR, &suites, is_our_suite, alphasort);

	for (int i = 0; i < nr; i++) {
		report_suite(suites[i]->d_name);
		free(suites[i]);
	}
	if (nr > 0)
		free(suites);
	else
		ksft_test_result_fail("no suite has run: is KUnit disabled (kunit.enable=0)?\n");
}

/* iobmd comes back, for the tests that follow. */
static bool modules_go(void)
{
	return !module_unload("iobmd_kunit") && buffers_listed(0) == 0 &&
	       !module_unload("iobmd") && !module_load(IOBMD_KO);
}

int main(int argc, char **argv)
{
	char unloading[] = "can_be_unloaded_afterwards";

	if (argc == 3 && !strcmp(argv[1], "-t"))
		wanted = argv[2];
	ksft_print_header();
	if (!exists(KUNIT_DIR))
		ksft_exit_skip("this kernel has no KUnit\n");

	module_unload("iobmd_kunit");
	if (module_load(KUNIT_KO))
		ksft_exit_fail_msg("cannot load %s: %s\n", KUNIT_KO, strerror(errno));
	report_suites();
	report("modules", modules_go(), unloading);
	ksft_set_plan(ksft_test_num());
	ksft_finished();
}
