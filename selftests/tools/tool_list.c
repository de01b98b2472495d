// SPDX-License-Identifier: GPL-2.0
/* The command iobmd: what it shows of buffers, and of what uses them. */
#include "fuse_server.h"
#include "tool.h"

#define NAME	"tool list"

static struct outcome outcome;

/* A buffer with a name, and where the list may have it */
FIXTURE(list)
{
	int fd;
	uint64_t id;
};

FIXTURE_SETUP(list)
{
	self->fd = iobmd_create(3 * page_size() + 100);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, iobmd_set_name(self->fd, NAME));
	self->id = IOBMD_INFO(self->fd, id);
}

FIXTURE_TEARDOWN(list)
{
	close(self->fd);
}

/* Copies the object of the buffer @id out of the JSON of all; "" if it is not there. */
static void json_of(uint64_t id, char *object, size_t size)
{
	char start[64];
	const char *found, *end;

	snprintf(start, sizeof(start), "\"id\": %" PRIu64 ",\n", id);
	found = strstr(outcome.out, start);
	end = found ? strstr(found, "\n]\n}") : NULL;
	snprintf(object, size, "%.*s", end ? (int)(end - found) : 0, found ? found : "");
}

static bool has(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	printf("# %s is not in:\n# %s\n", part, text);
	return false;
}

TEST_F(list, json_tells_sizes_and_the_holder)
{
	char object[8192], member[64];

	tool_run(&outcome, "list", "--json");
	EXPECT_DONE(&outcome);
	ASSERT_TRUE(json_is_valid(outcome.out));
	EXPECT_TRUE(has(outcome.out, "\"complete\": true"));
	json_of(self->id, object, sizeof(object));
	snprintf(member, sizeof(member), "\"capacity\": %zu,", 3 * page_size() + 100);
	EXPECT_TRUE(has(object, member));
	snprintf(member, sizeof(member), "\"allocated\": %zu,", 4 * page_size());
	EXPECT_TRUE(has(object, member));
	EXPECT_TRUE(has(object, "\"name\": \"" NAME "\""));
	EXPECT_TRUE(has(object, "\"seals\": [\n]"));
	snprintf(member, sizeof(member), "\"pid\": %d,\n\"command\": \"tool_list\",\n\"fd\": %d,\n",
		 getpid(), self->fd);
	EXPECT_TRUE(has(object, member));
	EXPECT_TRUE(has(object, "\"rights\": \"rws\""));
}

TEST_F(list, the_table_has_a_line_with_holder_and_rights)
{
	char holder[64], *line;

	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_SHRINK | IOBMD_SEAL_SEAL));
	tool_run(&outcome, "list", "--bytes");
	EXPECT_DONE(&outcome);
	line = strstr(outcome.out, NAME);
	ASSERT_NE(NULL, line);
	line[strcspn(line, "\n")] = '\0';
	snprintf(holder, sizeof(holder), "  s--l   %d:%d rws tool_list", getpid(), self->fd);
	EXPECT_TRUE(has(line, holder));
	snprintf(holder, sizeof(holder), "%zu", 3 * page_size() + 100);
	EXPECT_TRUE(has(line, holder));
}

TEST_F(list, a_mapping_without_a_descriptor_is_a_holder)
{
	void *map = map_buffer(self->fd, PROT_READ);
	char object[8192], member[160];

	ASSERT_NE(MAP_FAILED, map);
	close(self->fd);
	self->fd = -1;
	tool_run(&outcome, "list", "--json");
	json_of(self->id, object, sizeof(object));
	snprintf(member, sizeof(member),
		 "\"kind\": \"mapping\",\n\"pid\": %d,\n\"command\": \"tool_list\",\n\"rights\": \"r--\",\n\"length\": %zu\n",
		 getpid(), 4 * page_size());
	EXPECT_TRUE(has(object, member));
	EXPECT_TRUE(has(object, "\"seals\": null"));
	munmap(map, 4 * page_size());
}

TEST_F(list, a_window_and_a_read_only_descriptor_are_told_apart)
{
	int window = iobmd_window(self->fd, page_size(), 100);
	int reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	char text[64];

	tool_run(&outcome, "list");
	EXPECT_DONE(&outcome);
	snprintf(text, sizeof(text), "%d:%d rw- tool_list (window 100)\n", getpid(), window);
	EXPECT_TRUE(has(outcome.out, text));
	snprintf(text, sizeof(text), "%d:%d r-- tool_list\n", getpid(), reader);
	EXPECT_TRUE(has(outcome.out, text));
	close(reader);
	close(window);
}

TEST_F(list, an_export_is_shown_with_its_holder)
{
	int dmabuf = iobmd_export(self->fd, 0, 0, page_size());
	char text[128];

	ASSERT_LE(0, dmabuf);
	tool_run(&outcome, "list", "--bytes");
	EXPECT_DONE(&outcome);
	snprintf(text, sizeof(text), "EXPORTS\n%d:%d tool_list (dma-buf %zu)\n", getpid(), dmabuf,
		 page_size());
	EXPECT_TRUE(has(outcome.out, text));
	tool_run(&outcome, "list", "--json");
	EXPECT_TRUE(json_is_valid(outcome.out));
	EXPECT_TRUE(has(outcome.out, "\"kind\": \"export\""));
	close(dmabuf);
}

TEST_F(list, a_terminal_gets_nothing_that_it_would_obey)
{
	char name[16];

	ASSERT_EQ(0, iobmd_set_name(self->fd, "\\\xc3\xa4\xff\""));
	ASSERT_EQ(0, prctl(PR_GET_NAME, name));
	prctl(PR_SET_NAME, "\033[2J\"\\\n");
	tool_run(&outcome, "list");
	EXPECT_TRUE(has(outcome.out, "\\134\\303\\244\\377\""));
	EXPECT_TRUE(has(outcome.out, "\\033[2J"));
	EXPECT_EQ(NULL, strchr(outcome.out, '\033'));
	tool_run(&outcome, "list", "--json");
	EXPECT_TRUE(json_is_valid(outcome.out));
	EXPECT_TRUE(has(outcome.out, "\\\\134\\\\303\\\\244\\\\377\\\""));
	prctl(PR_SET_NAME, name);
}

TEST_F(list, forty_columns_are_enough)
{
	const char *line;

	setenv("COLUMNS", "40", 1);
	tool_run(&outcome, "list");
	EXPECT_DONE(&outcome);
	for (line = outcome.out; *line; line += strcspn(line, "\n") + 1)
		EXPECT_GE(40, strcspn(line, "\n"));
	EXPECT_TRUE(has(outcome.out, "USED BY"));
	tool_run(&outcome, "top");
	EXPECT_DONE(&outcome);
	for (line = outcome.out; *line; line += strcspn(line, "\n") + 1)
		EXPECT_GE(40, strcspn(line, "\n"));
	unsetenv("COLUMNS");
}

TEST_F(list, top_has_the_largest_first)
{
	int larger = iobmd_create(20 * page_size());
	const char *first, *second;

	ASSERT_EQ(0, iobmd_set_name(larger, "larger"));
	tool_run(&outcome, "top");
	EXPECT_DONE(&outcome);
	first = strstr(outcome.out, "larger");
	second = strstr(outcome.out, NAME);
	EXPECT_NE(NULL, first);
	EXPECT_LT(first, second);
	EXPECT_TRUE(has(outcome.out, "reserve: "));
	close(larger);
}

TEST_F(list, a_user_sees_its_own_buffers_only)
{
	int end = event_create(), ready = event_create();
	pid_t pid;

	IN_CHILD(pid) {
		int own = iobmd_create(1);

		close(self->fd);
		iobmd_set_name(own, "a user's own");
		EXPECT_EQ(0, setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534));
		/* Another user is not dumpable, and /proc says so. */
		prctl(PR_SET_DUMPABLE, 1);
		event_post(ready);
		event_await(end);
	}
	event_await(ready);
	tool_run_with(&(struct start) {
		.uid = 65534, .arguments = { "list", "--json" },
	}, &outcome);
	event_post(end);
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(0, outcome.status);
	EXPECT_TRUE(json_is_valid(outcome.out));
	EXPECT_TRUE(has(outcome.out, "\"complete\": false"));
	EXPECT_TRUE(has(outcome.out, "\"a user's own\""));
	EXPECT_EQ(NULL, strstr(outcome.out, NAME));
	close(end);
	close(ready);
}

/* In a mount namespace any process can have a file with the path of a buffer. */
TEST_F(list, a_file_with_such_a_path_is_no_buffer)
{
	void *map;
	int fd;

	fd = open("/dev/iobmd:77777", O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		SKIP(return, "no file can be made in /dev");
	ASSERT_EQ(0, ftruncate(fd, page_size()));
	map = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	tool_run(&outcome, "list", "--json");
	EXPECT_EQ(NULL, strstr(outcome.out, "\"kind\": \"mapping\""));
	munmap(map, page_size());
	unlink("/dev/iobmd:77777");
	close(fd);
}

/* In a /dev of its own: the path, and the inode number, of the buffer @id. */
static void *map_forged(uint64_t id)
{
	struct stat status = { .st_ino = 0 };
	char path[64];
	int fd = -1;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/dev", "tmpfs", 0, NULL))
		return MAP_FAILED;
	snprintf(path, sizeof(path), "/dev/iobmd:%" PRIu64, id);
	/* tmpfs counts its inodes. */
	while (status.st_ino < id) {
		close(fd);
		unlink(path);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || ftruncate(fd, page_size()) || fstat(fd, &status))
			return MAP_FAILED;
	}
	return status.st_ino == id ? mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0) :
				     MAP_FAILED;
}

TEST_F(list, where_two_descriptors_tell_the_device_a_forged_mapping_is_none)
{
	int end = event_create(), ready = event_create();
	char object[8192], member[64];
	void *map;
	pid_t pid;

	if (self->id < 3)
		SKIP(return, "a file in a new tmpfs has a larger inode number");
	IN_CHILD(pid) {
		EXPECT_NE(MAP_FAILED, map_forged(self->id));
		event_post(ready);
		event_await(end);
	}
	event_await(ready);
	map = map_buffer(self->fd, PROT_READ);
	tool_run(&outcome, "list", "--json");
	event_post(end);
	EXPECT_EQ(0, child_status(pid));
	json_of(self->id, object, sizeof(object));
	snprintf(member, sizeof(member), "\"kind\": \"mapping\",\n\"pid\": %d,", getpid());
	EXPECT_TRUE(has(object, member));
	snprintf(member, sizeof(member), "\"kind\": \"mapping\",\n\"pid\": %d,", pid);
	EXPECT_EQ(NULL, strstr(object, member));
	munmap(map, 4 * page_size());
	close(end);
	close(ready);
}

TEST_F(list, info_tells_of_a_descriptor_in_another_process)
{
	char target[32], member[64];

	snprintf(target, sizeof(target), "%d:%d", getpid(), self->fd);
	tool_run(&outcome, "info", "--json", target);
	EXPECT_DONE(&outcome);
	EXPECT_TRUE(json_is_valid(outcome.out));
	snprintf(member, sizeof(member), "\"id\": %" PRIu64, self->id);
	EXPECT_TRUE(has(outcome.out, member));
	EXPECT_TRUE(has(outcome.out, "\"direction\": \"both\""));
	tool_run_fd(self->fd, &outcome, "info");
	EXPECT_DONE(&outcome);
	EXPECT_TRUE(has(outcome.out, "rights          rws\n"));
}

TEST_F(list, info_of_what_is_no_buffer_is_one_line)
{
	char target[32];

	snprintf(target, sizeof(target), "%d:%d", getpid(), 1000);
	tool_run(&outcome, "info", target);
	EXPECT_COMPLAINT(1, "has no descriptor 1000", &outcome);
	tool_run(&outcome, "info", "2147483647:0");
	EXPECT_COMPLAINT(1, "no process 2147483647", &outcome);
	snprintf(target, sizeof(target), "%d:%d", getpid(), STDERR_FILENO);
	tool_run(&outcome, "info", target);
	EXPECT_COMPLAINT(1, "not of a buffer", &outcome);
}

/* The server would wait, or pretend. */
TEST(a_foreign_file_is_no_buffer_and_is_asked_nothing)
{
	struct fuse_server server = { .fd = -1 };
	char target[32];

	if (!fuse_server_start(&server, 0))
		SKIP(return, "no FUSE: %s", strerror(errno));
	snprintf(target, sizeof(target), "%d:%d", getpid(), server.fd);
	tool_run(&outcome, "info", target);
	EXPECT_COMPLAINT(1, "not of a buffer", &outcome);
	tool_run(&outcome, "dump", "--from", target);
	EXPECT_COMPLAINT(1, "not of a buffer", &outcome);
	tool_run_fd(server.fd, &outcome, "dump");
	EXPECT_COMPLAINT(1, "not of a buffer", &outcome);
	EXPECT_EQ(0, shared_load(server.ioctls));
	fuse_server_stop(&server);
}

TEST_HARNESS_MAIN
