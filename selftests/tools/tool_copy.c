// SPDX-License-Identifier: GPL-2.0
/* The command iobmd: what goes into buffers, out of them, and to other processes. */
#include <linux/loop.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fd_pass.h"
#include "modules.h"
#include "tool.h"

#define SOURCE	"/tmp/iobmd-tool-source"
#define RESULT	"/tmp/iobmd-tool-result"
#define SOCKET	"/tmp/iobmd-tool-socket"

static struct outcome outcome;

FIXTURE(copy)
{
	int fd;
	size_t page;
};

FIXTURE_SETUP(copy)
{
	self->page = page_size();
	self->fd = iobmd_create(2 * self->page);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(copy)
{
	close(self->fd);
	unlink(SOURCE);
	unlink(RESULT);
	unlink(SOCKET);
}

static int write_source(size_t size, uint8_t seed)
{
	uint8_t *bytes = malloc(size + 1);
	int fd = open(SOURCE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err = !bytes || fd < 0;

	if (!err)
		fill_pattern(bytes, 0, size, seed);
	err = err || write(fd, bytes, size) != (ssize_t)size;
	free(bytes);
	close(fd);
	return err;
}

/* Whether both files are the same, byte by byte */
static bool is_same(void)
{
	uint8_t bytes[2][65536];
	int source = open(SOURCE, O_RDONLY | O_CLOEXEC);
	int copy = open(RESULT, O_RDONLY | O_CLOEXEC);
	bool same = source >= 0 && copy >= 0;
	ssize_t count = 1;

	while (same && count > 0) {
		count = read(source, bytes[0], sizeof(bytes[0]));
		same = count >= 0 && read(copy, bytes[1], sizeof(bytes[1])) == count &&
		       !memcmp(bytes[0], bytes[1], count);
	}
	close(source);
	close(copy);
	return same;
}

static const size_t sizes[] = {
	0, 1, 4095, 4096, 4097, 100000, (8 << 20) + 4096, (17 << 20) + 123,
};

TEST(a_file_comes_back_bit_by_bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, write_source(sizes[i], i));
		tool_run(&outcome, "load", SOURCE, "--", IOBMD_TOOL, "dump", RESULT);
		EXPECT_DONE(&outcome);
		EXPECT_TRUE(is_same()) {
			TH_LOG("%zu bytes", sizes[i]);
		}
	}
	unlink(SOURCE);
	unlink(RESULT);
}

TEST(a_pipe_comes_back_bit_by_bit)
{
	char command[512];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, write_source(sizes[i], i));
		snprintf(command, sizeof(command),
			 "cat " SOURCE " | %s load -- %s dump | cat >" RESULT, IOBMD_TOOL,
			 IOBMD_TOOL);
		EXPECT_EQ(0, system(command));
		EXPECT_TRUE(is_same()) {
			TH_LOG("%zu bytes", sizes[i]);
		}
	}
	unlink(SOURCE);
	unlink(RESULT);
}

TEST_F(copy, a_pipe_goes_into_huge_pages)
{
	int huge = iobmd_create_huge(IOBMD_INFO(self->fd, huge_page_size), IOBMD_HUGE_REQUIRE);
	char command[512];

	if (huge < 0)
		SKIP(return, "no huge page: %s", strerror(errno));
	close(huge);
	ASSERT_EQ(0, write_source(100000, 7));
	snprintf(command, sizeof(command),
		 "cat " SOURCE " | %s load --huge require -- %s dump >" RESULT, IOBMD_TOOL,
		 IOBMD_TOOL);
	EXPECT_EQ(0, system(command));
	EXPECT_TRUE(is_same());
}

/* The source as a block device, or -1 where there are none such. */
static int source_device(void)
{
	int control, number, device, source = open(SOURCE, O_RDWR | O_CLOEXEC);
	char path[32];

	kernel_module_load("loop", NULL);
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	number = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	device = number < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
	if (device >= 0 && ioctl(device, LOOP_SET_FD, source)) {
		close(device);
		device = -1;
	}
	close(source);
	return device;
}

TEST_F(copy, a_block_device_is_read_from_where_it_is)
{
	uint8_t *map;
	int device;

	ASSERT_EQ(0, write_source(8 * self->page, 9));
	device = source_device();
	if (device < 0)
		SKIP(return, "no loop device: %s", strerror(errno));
	ASSERT_EQ(self->page, lseek(device, self->page, SEEK_SET));
	tool_run_with(&(struct start) {
		.fd = self->fd, .in = device, .arguments = { "load" },
	}, &outcome);
	EXPECT_DONE(&outcome);
	EXPECT_EQ(7 * self->page, IOBMD_INFO(self->fd, length));
	/* No more than was left of it was expected. */
	EXPECT_EQ(7 * self->page, IOBMD_INFO(self->fd, capacity));
	map = map_buffer(self->fd, PROT_READ);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_EQ(-1, check_pattern(map, self->page, 7 * self->page, 9));
	munmap(map, 7 * self->page);
	EXPECT_EQ(0, ioctl(device, LOOP_CLR_FD));
	close(device);
}

TEST(the_new_buffer_is_as_large_as_the_file)
{
	ASSERT_EQ(0, write_source(5000, 0));
	tool_run(&outcome, "load", "--name", "five", SOURCE, "--", IOBMD_TOOL, "info", "--json");
	EXPECT_DONE(&outcome);
	EXPECT_NE(NULL, strstr(outcome.out, "\"name\": \"five\""));
	EXPECT_NE(NULL, strstr(outcome.out, "\"capacity\": 5000,\n\"length\": 5000,"));
	tool_run(&outcome, "load", "--capacity", "1M", "--read-only", SOURCE, "--", IOBMD_TOOL,
		 "info", "--json");
	EXPECT_DONE(&outcome);
	EXPECT_NE(NULL, strstr(outcome.out, "\"capacity\": 1048576,\n\"length\": 5000,"));
	EXPECT_NE(NULL, strstr(outcome.out, "\"rights\": \"r--\""));
	unlink(SOURCE);
}

TEST_F(copy, a_buffer_that_there_is_gets_the_length_of_the_file)
{
	ASSERT_EQ(0, write_source(100, 1));
	tool_run_fd(self->fd, &outcome, "load", SOURCE);
	EXPECT_DONE(&outcome);
	EXPECT_EQ(100, IOBMD_INFO(self->fd, length));
	EXPECT_EQ(2 * self->page, IOBMD_INFO(self->fd, capacity));
	ASSERT_EQ(0, write_source(5 * self->page + 1, 2));
	tool_run_fd(self->fd, &outcome, "load", SOURCE);
	EXPECT_DONE(&outcome);
	EXPECT_EQ(5 * self->page + 1, IOBMD_INFO(self->fd, length));
	tool_run_fd(self->fd, &outcome, "dump", RESULT);
	EXPECT_DONE(&outcome);
	EXPECT_TRUE(is_same());
}

TEST_F(copy, what_does_not_fit_into_a_window_is_refused)
{
	int window = iobmd_window(self->fd, 0, self->page);

	ASSERT_EQ(0, write_source(self->page, 1));
	tool_run_fd(window, &outcome, "load", SOURCE);
	EXPECT_DONE(&outcome);
	ASSERT_EQ(0, write_source(self->page + 1, 1));
	tool_run_fd(window, &outcome, "load", SOURCE);
	EXPECT_COMPLAINT(1, "more than fits", &outcome);
	close(window);
}

TEST_F(copy, a_read_only_descriptor_is_not_loaded)
{
	int reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);

	ASSERT_EQ(0, write_source(10, 1));
	tool_run_fd(reader, &outcome, "load", SOURCE);
	EXPECT_COMPLAINT(1, "reading only", &outcome);
	tool_run_fd(self->fd, &outcome, "load", "/tmp");
	EXPECT_COMPLAINT(1, "Is a directory", &outcome);
	tool_run_fd(self->fd, &outcome, "load", "/no/such/file");
	EXPECT_COMPLAINT(1, "No such file", &outcome);
	EXPECT_EQ(2 * self->page, IOBMD_INFO(self->fd, length));
	close(reader);
}

TEST_F(copy, what_is_no_file_leaves_the_length)
{
	int directory = open("/tmp", O_RDONLY | O_CLOEXEC);

	ASSERT_EQ(0, iobmd_set_length(self->fd, 5));
	tool_run_fd(self->fd, &outcome, "load", "/tmp");
	EXPECT_COMPLAINT(1, "Is a directory", &outcome);
	tool_run_with(&(struct start) {
		.fd = self->fd, .in = directory, .arguments = { "load" },
	}, &outcome);
	EXPECT_COMPLAINT(1, "Is a directory", &outcome);
	EXPECT_EQ(5, IOBMD_INFO(self->fd, length));
	close(directory);
}

TEST_F(copy, a_full_disk_is_a_failure_of_dump)
{
	tool_run_fd(self->fd, &outcome, "dump", "/dev/full");
	EXPECT_COMPLAINT(1, "No space left", &outcome);
}

TEST_F(copy, dump_into_a_pipe_without_a_reader_is_silent)
{
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	close(ends[0]);
	tool_run_with(&(struct start) {
		.fd = self->fd, .out = ends[1], .arguments = { "dump" },
	}, &outcome);
	EXPECT_NE(0, outcome.status);
	EXPECT_STREQ("", outcome.err);
	close(ends[1]);
}

/* The descriptor that the command opens next must not take the place of the closed one. */
TEST_F(copy, a_closed_standard_output_or_input_is_not_the_buffer)
{
	ASSERT_EQ(0, write_source(2 * self->page, 4));
	tool_run_fd(self->fd, &outcome, "load", SOURCE);
	ASSERT_EQ(0, iobmd_set_length(self->fd, self->page));
	tool_run_with(&(struct start) {
		.fd = self->fd, .out = -1, .arguments = { "dump" },
	}, &outcome);
	EXPECT_COMPLAINT(1, "standard output is closed", &outcome);
	tool_run_with(&(struct start) {
		.fd = self->fd, .in = -1, .arguments = { "load" },
	}, &outcome);
	EXPECT_COMPLAINT(1, "standard input is closed", &outcome);
	EXPECT_EQ(self->page, IOBMD_INFO(self->fd, length));
	ASSERT_EQ(0, iobmd_set_length(self->fd, 2 * self->page));
	tool_run_fd(self->fd, &outcome, "dump", RESULT);
	EXPECT_TRUE(is_same());
}

/* A command that knows nothing of buffers would write its output into it. */
TEST_F(copy, create_leaves_closed_what_is_closed)
{
	tool_run_with(&(struct start) {
		.in = -1, .out = -1,
		.arguments = { "create", "--", "sh", "-c",
			       "test ! -e /proc/$$/fd/0 -a ! -e /proc/$$/fd/1 -a $IOBMD_FD -gt 2" },
	}, &outcome);
	EXPECT_DONE(&outcome);
}

TEST_F(copy, dump_of_another_process_leaves_it_alone)
{
	char target[32];

	ASSERT_EQ(0, write_source(2 * self->page, 3));
	tool_run_fd(self->fd, &outcome, "load", SOURCE);
	snprintf(target, sizeof(target), "%d:%d", getpid(), self->fd);
	tool_run(&outcome, "dump", "--from", target, RESULT);
	EXPECT_DONE(&outcome);
	EXPECT_TRUE(is_same());
	/* The hold that it had is gone. */
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(copy, create_passes_on_what_is_asked_for)
{
	char member[128];

	tool_run(&outcome, "create", "--capacity", "1M", "--name", "made", "--huge", "none",
		 "--read-only", "--", IOBMD_TOOL, "info", "--json");
	EXPECT_DONE(&outcome);
	EXPECT_NE(NULL, strstr(outcome.out, "\"rights\": \"r--\""));
	EXPECT_NE(NULL, strstr(outcome.out, "\"name\": \"made\",\n\"capacity\": 1048576,"));
	EXPECT_NE(NULL, strstr(outcome.out, "\"huge\": \"none\""));
	snprintf(member, sizeof(member), "%zu:100", self->page);
	tool_run(&outcome, "create", "--window", member, "--", IOBMD_TOOL, "info", "--json");
	EXPECT_DONE(&outcome);
	EXPECT_NE(NULL, strstr(outcome.out, "\"rights\": \"rw-\""));
	EXPECT_NE(NULL, strstr(outcome.out, "\"capacity\": 100,\n\"length\": 100,"));
	tool_run(&outcome, "create", "--window", "1:1", "--", "true");
	EXPECT_COMPLAINT(1, "OFFSET is no multiple", &outcome);
}

/* What connects to the socket gets; tries until it is there. */
static int receive(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd;

	AWAIT(!connect(connection, (struct sockaddr *)&address, sizeof(address)));
	fd = fd_receive(connection);
	close(connection);
	return fd;
}

TEST_F(copy, what_is_sent_read_only_is_read_only)
{
	pid_t pid = child_fork();
	int fd;

	if (pid == 0) {
		tool_exec(&(struct start) {
			.fd = self->fd, .arguments = { "send", "--read-only", SOCKET },
		}, STDERR_FILENO, STDERR_FILENO);
	}
	fd = receive();
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(-1, access(SOCKET, F_OK));
	EXPECT_EQ(IOBMD_INFO(self->fd, id), IOBMD_INFO(fd, id));
	EXPECT_READ_ONLY(fd);
	close(fd);
}

TEST_F(copy, receive_gets_what_send_shows)
{
	pid_t pid = child_fork();

	if (pid == 0) {
		tool_exec(&(struct start) {
			.fd = self->fd,
			.arguments = { "send", "--count", "2", "--window", "0:7", SOCKET },
		}, STDERR_FILENO, STDERR_FILENO);
	}
	for (int i = 0; i < 2; i++) {
		tool_run(&outcome, "receive", "--wait", "60", SOCKET, "--", IOBMD_TOOL, "info",
			 "--json");
		EXPECT_DONE(&outcome);
		EXPECT_NE(NULL, strstr(outcome.out, "\"capacity\": 7,"));
		EXPECT_NE(NULL, strstr(outcome.out, "\"rights\": \"rw-\""));
	}
	EXPECT_EQ(0, child_status(pid));
	tool_run(&outcome, "receive", SOCKET, "--", "true");
	EXPECT_COMPLAINT(1, "No such file", &outcome);
}

TEST_F(copy, a_signal_ends_send_and_removes_the_socket)
{
	pid_t pid = child_fork();

	if (pid == 0) {
		tool_exec(&(struct start) { .fd = self->fd, .arguments = { "send", SOCKET } },
			  STDERR_FILENO, STDERR_FILENO);
	}
	AWAIT(!access(SOCKET, F_OK));
	kill(pid, SIGINT);
	EXPECT_EQ(128 + SIGINT, child_status(pid));
	EXPECT_EQ(-1, access(SOCKET, F_OK));
	tool_run_fd(self->fd, &outcome, "send", "/tmp");
	EXPECT_COMPLAINT(1, "there already", &outcome);
}

TEST_HARNESS_MAIN
