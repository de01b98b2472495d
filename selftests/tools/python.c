// SPDX-License-Identifier: GPL-2.0
/*
 * The package iobmd for Python. Its tests are written for Python's unittest, in
 * python/test_*.py: a case here is a class of them. Its examples run, too.
 */
#include "iobmd_test.h"

#define PYTHON		"/usr/bin/python3"
#define EXTENSION	IOBMD_PYTHON_DIR "/iobmd/_iobmd.abi3.so"

/* Runs @command in a shell and shows what it prints: its exit status. */
static int run(struct __test_metadata *_metadata, const char *command)
{
	char line[512];
	FILE *output;
	int status;

	setenv("PYTHONPATH", IOBMD_PYTHON_DIR, true);
	setenv("PYTHONDONTWRITEBYTECODE", "1", true);
	if (chdir(IOBMD_PYTHON_TESTS))
		return -1;
	output = popen(command, "re");
	if (!output)
		return -1;
	while (fgets(line, sizeof(line), output)) {
		line[strcspn(line, "\n")] = '\0';
		TH_LOG("%s", line);
	}
	status = pclose(output);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void run_python(struct __test_metadata *_metadata, const char *arguments)
{
	char command[512];

	if (access(PYTHON, X_OK) || access(EXTENSION, R_OK))
		SKIP(return, "no " PYTHON " or no " EXTENSION);
	snprintf(command, sizeof(command), PYTHON " -W error %s 2>&1", arguments);
	EXPECT_EQ(0, run(_metadata, command));
}

TEST(a_buffer_is_made)
{
	run_python(_metadata, "-m unittest -v test_buffer.Create");
}

TEST(a_handle_is_closed)
{
	run_python(_metadata, "-m unittest -v test_buffer.Handle");
}

TEST(a_buffer_is_changed)
{
	run_python(_metadata, "-m unittest -v test_buffer.Change");
}

TEST(a_handle_shows_less)
{
	run_python(_metadata, "-m unittest -v test_buffer.Derive");
}

TEST(views_are_the_memory)
{
	run_python(_metadata, "-m unittest -v test_view.Memory");
}

TEST(views_survive_a_resize)
{
	run_python(_metadata, "-m unittest -v test_view.Resize");
}

TEST(arrays_are_the_memory)
{
	run_python(_metadata, "-m unittest -v test_view.Numpy");
}

TEST(nothing_is_left)
{
	run_python(_metadata, "-m unittest -v test_view.Leaks");
}

TEST(a_socket_hands_over)
{
	run_python(_metadata, "-m unittest -v test_handover.Socket");
}

TEST(multiprocessing_hands_over)
{
	run_python(_metadata, "-m unittest -v test_handover.Multiprocessing");
}

TEST(examples_run)
{
	run_python(_metadata, IOBMD_PYTHON_EXAMPLES "/frames.py");
}

TEST_HARNESS_MAIN
