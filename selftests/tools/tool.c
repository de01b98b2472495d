// SPDX-License-Identifier: GPL-2.0
/* The command iobmd: what it answers to wrong arguments, and where nothing works. */
#include <sys/mount.h>

#include "tool.h"

static struct outcome outcome;

TEST(wrong_arguments_are_one_line_and_exit_2)
{
	static const char *const wrong[][6] = {
		{ NULL },
		{ "lsit" },
		{ "--nonsense" },
		{ "list", "--nonsense" },
		{ "list", "-x" },
		{ "list", "more" },
		{ "list", "--json=5" },
		{ "top", "--interval", "soon" },
		{ "top", "--count" },
		{ "info" },
		{ "info", "5:" },
		{ "info", ":5" },
		{ "info", "0:5" },
		{ "info", "1:2:3" },
		{ "info", "99999999999:5" },
		{ "create" },
		{ "create", "true" },
		{ "create", "--" },
		{ "create", "--node", "-1", "--", "true" },
		{ "create", "--huge", "perhaps", "--", "true" },
		{ "create", "--window", "5", "--", "true" },
		{ "create", "--window", "0:0", "--", "true" },
		{ "create", "--name", "a name of more than thirty-one by", "--", "true" },
		{ "load", "--to", "1:1", "file", "--", "true" },
		{ "load", "--capacity", "1M", "file" },
		{ "load", "file" },
		{ "dump", "file", "file" },
		{ "send" },
		{ "send", "" },
		{ "receive", "socket" },
		{ "doctor", "now" },
		{ "bench", "now" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct start start = { .fd = 0 };

		memcpy(start.arguments, wrong[i], sizeof(wrong[i]));
		tool_run_with(&start, &outcome);
		EXPECT_COMPLAINT(2, "--help)\n", &outcome);
		EXPECT_EQ(0, outcome.out_size) {
			TH_LOG("%s %s", wrong[i][0], wrong[i][1]);
		}
	}
}

TEST(what_is_no_size_is_not_taken_for_one)
{
	static const char *const wrong[] = {
		"", "64X", "-1", "+1", " 1", "1e9", "0x10", "1.5G", "64MB", "M",
		"18446744073709551616", "16777216T",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		tool_run(&outcome, "create", "--capacity", wrong[i], "--", "true");
		EXPECT_COMPLAINT(2, "not a size: \"", &outcome);
	}
	tool_run(&outcome, "create", "--capacity", "0", "--", "true");
	EXPECT_COMPLAINT(2, "at least one byte", &outcome);
}

TEST(a_capacity_over_the_ceiling_names_the_ceiling)
{
	tool_run(&outcome, "create", "--capacity", "16777215T", "--", "true");
	EXPECT_COMPLAINT(1, "max_buffer_mib", &outcome);
}

TEST(an_argument_of_100_kilobytes_is_refused_in_a_short_line)
{
	size_t size = 100 * 1024;
	char *large = malloc(size + 1);

	ASSERT_NE(NULL, large);
	memset(large, '9', size);
	large[size] = '\0';
	tool_run(&outcome, "create", "--capacity", large, "--", "true");
	EXPECT_COMPLAINT(2, "not a size", &outcome);
	EXPECT_GT(300, strlen(outcome.err));
	tool_run(&outcome, large);
	EXPECT_COMPLAINT(2, "no such command", &outcome);
	EXPECT_GT(300, strlen(outcome.err));
	free(large);
}

TEST(every_command_has_help)
{
	static const char *const commands[] = {
		"list", "top", "info", "create", "load", "dump", "send", "receive", "doctor",
		"bench",
	};
	char first[64];

	tool_run(&outcome, "--help");
	EXPECT_DONE(&outcome);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		tool_run(&outcome, commands[i], "--help");
		EXPECT_DONE(&outcome);
		snprintf(first, sizeof(first), "usage: iobmd %s", commands[i]);
		EXPECT_EQ(0, strncmp(outcome.out, first, strlen(first)));
	}
}

TEST(the_version_is_a_number)
{
	tool_run(&outcome, "--version");
	EXPECT_DONE(&outcome);
	EXPECT_EQ(0, strncmp(outcome.out, "iobmd ", 6));
	EXPECT_TRUE(isdigit(outcome.out[6]));
}

TEST(the_exit_status_is_that_of_the_command)
{
	tool_run(&outcome, "create", "--", "sh", "-c", "exit 3");
	EXPECT_EQ(3, outcome.status);
	tool_run(&outcome, "create", "--", "true", "--help");
	EXPECT_DONE(&outcome);
	tool_run(&outcome, "create", "--", "/there/is/no/such/program");
	EXPECT_COMPLAINT(127, "No such file", &outcome);
	tool_run(&outcome, "create", "--", "/etc/passwd");
	EXPECT_COMPLAINT(126, "Permission denied", &outcome);
}

TEST(the_doctor_is_content_with_the_module)
{
	tool_run(&outcome, "doctor");
	EXPECT_DONE(&outcome);
	EXPECT_NE(NULL, strstr(outcome.out, "ok    module"));
	tool_run(&outcome, "doctor", "--json");
	EXPECT_DONE(&outcome);
	EXPECT_TRUE(json_is_valid(outcome.out));
}

/* As if the module were not loaded */
static int hide_the_device(void)
{
	return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount("none", "/dev", "tmpfs", 0, NULL) ||
	       mount("none", "/sys/module", "tmpfs", 0, NULL);
}

TEST(without_the_module_it_says_what_to_do)
{
	pid_t pid;

	IN_CHILD(pid) {
		int null = open("/dev/null", O_RDWR);

		ASSERT_EQ(0, hide_the_device());
		tool_run_with(&(struct start) {
			.in = null, .arguments = { "create", "--", "true" },
		}, &outcome);
		EXPECT_COMPLAINT(1, "sudo modprobe iobmd; iobmd doctor says more", &outcome);
		tool_run_with(&(struct start) { .in = null, .arguments = { "list" } }, &outcome);
		EXPECT_COMPLAINT(1, "sudo modprobe iobmd; iobmd doctor says more", &outcome);
		tool_run_with(&(struct start) { .in = null, .arguments = { "doctor" } }, &outcome);
		EXPECT_EQ(1, outcome.status);
		EXPECT_NE(NULL, strstr(outcome.out, "fail  module"));
		EXPECT_NE(NULL, strstr(outcome.out, "sudo modprobe iobmd"));
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST(without_rights_it_says_what_to_do)
{
	tool_run_with(&(struct start) {
		.uid = 65534, .arguments = { "create", "--", "true" },
	}, &outcome);
	EXPECT_COMPLAINT(1, "group iobmd? iobmd doctor says more", &outcome);
	tool_run_with(&(struct start) { .uid = 65534, .arguments = { "doctor" } }, &outcome);
	EXPECT_EQ(1, outcome.status);
	EXPECT_NE(NULL, strstr(outcome.out, "fail  rights"));
}

TEST(output_that_cannot_be_written_is_a_failure)
{
	int full = open("/dev/full", O_WRONLY);

	tool_run_with(&(struct start) { .out = full, .arguments = { "list" } }, &outcome);
	EXPECT_COMPLAINT(1, "No space left", &outcome);
	tool_run_with(&(struct start) { .out = full, .arguments = { "doctor", "--json" } },
		      &outcome);
	EXPECT_COMPLAINT(1, "No space left", &outcome);
	close(full);
}

TEST(a_pipe_without_a_reader_is_no_reason_for_words)
{
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	close(ends[0]);
	tool_run_with(&(struct start) { .out = ends[1], .arguments = { "list" } }, &outcome);
	EXPECT_NE(0, outcome.status);
	EXPECT_STREQ("", outcome.err);
	close(ends[1]);
}

TEST_HARNESS_MAIN
