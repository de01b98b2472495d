// SPDX-License-Identifier: GPL-2.0
/* The examples of the manual pages do what the pages say. */
#include "iobmd_test.h"
#include "machine.h"

#include <iobmd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#undef _GNU_SOURCE
#include "../../userlib/examples/man_create.c"
#include "../../userlib/examples/man_frame.c"
#include "../../userlib/examples/man_lend.c"
#include "../../userlib/examples/man_load.c"
#include "../../userlib/examples/man_mirror.c"
#include "../../userlib/examples/man_publish.c"
#include "../../userlib/examples/man_show.c"
#include "../../userlib/examples/man_shrink.c"
#include "../../userlib/examples/man_stdin.c"
#include "../../userlib/examples/man_sum.c"
#include "../../userlib/examples/man_window.c"

FIXTURE(examples)
{
	int device;
	uint64_t page;
	struct iobmd_buffer *buffer;	/* four pages; handles of others are in made */
	struct iobmd_buffer *made;
	struct iobmd_address_segment segment;
};

FIXTURE_SETUP(examples)
{
	self->page = page_size();
	self->made = NULL;
	self->device = iobmd_device_open();
	ASSERT_LE(0, self->device);
	ASSERT_EQ(0, iobmd_buffer_create(self->device, 4 * self->page, 0, 0, &self->buffer));
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->buffer, 0, &self->segment));
}

FIXTURE_TEARDOWN(examples)
{
	iobmd_buffer_free(self->made);
	iobmd_buffer_free(self->buffer);
	close(self->device);
}

TEST_F(examples, create_falls_back_where_huge_pages_do_not_fit)
{
	struct iobmd_buffer_info info;

	ASSERT_EQ(0, create(self->device, self->page, &self->made));
	ASSERT_EQ(0, iobmd_buffer_get_info(self->made, &info, sizeof(info)));
	EXPECT_EQ(self->page, info.capacity);
	EXPECT_EQ(IOBMD_HUGE_PREFER, info.huge);
	show(self->made);
}

TEST_F(examples, lent_handle_reads_and_holds)
{
	struct iobmd_buffer_info info;
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	EXPECT_EQ(0, lend(self->buffer, pair[0]));
	ASSERT_EQ(0, iobmd_buffer_receive(pair[1], &self->made));
	ASSERT_EQ(0, iobmd_buffer_get_info(self->made, &info, sizeof(info)));
	EXPECT_EQ(0, info.rights & IOBMD_RIGHT_WRITE);
	EXPECT_EQ(-EBUSY, iobmd_buffer_resize(self->buffer, self->page));
	close(pair[0]);
	close(pair[1]);
}

TEST_F(examples, shrink_waits_until_the_hold_is_gone)
{
	int fd = share_page(iobmd_buffer_fd(self->buffer), 3 * self->page, self->page);
	pid_t pid;

	ASSERT_LE(0, fd);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-EBUSY, iobmd_buffer_resize(self->buffer, self->page));

	/* Another process has it for a while. */
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		usleep(100000);
		_exit(0);
	}
	close(fd);
	EXPECT_EQ(0, shrink(self->buffer, self->page));
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
}

TEST_F(examples, published_buffer_never_changes)
{
	struct iobmd_address_segment segment;
	struct iobmd_buffer_info info;

	ASSERT_EQ(0, iobmd_buffer_create(self->device, self->page, 0, 0, &self->made));
	ASSERT_EQ(0, publish(self->made, "text"));
	ASSERT_EQ(0, iobmd_buffer_get_info(self->made, &info, sizeof(info)));
	EXPECT_EQ(IOBMD_SEAL_WRITE | IOBMD_SEAL_SHRINK | IOBMD_SEAL_GROW | IOBMD_SEAL_SEAL,
		  info.seals);
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->made, 0, &segment));
	EXPECT_STREQ("text", segment.address);
	EXPECT_EQ(-1, write(iobmd_buffer_fd(self->made), "x", 1));
	EXPECT_EQ(EPERM, errno);
}

TEST_F(examples, what_wraps_is_contiguous_in_the_mirror)
{
	struct iobmd_address_segment twice;

	ASSERT_EQ(0, mirror(self->device, self->buffer, &self->made));
	ASSERT_EQ(0, iobmd_buffer_get_address_range(self->made, 0, &twice));
	ASSERT_EQ(2 * self->segment.length, twice.length);
	memcpy((char *)twice.address + self->segment.length - 2, "wrap", 4);
	EXPECT_EQ(0, memcmp((char *)self->segment.address + self->segment.length - 2, "wr", 2));
	EXPECT_EQ(0, memcmp(self->segment.address, "ap", 2));
}

/* There may be no camera. */
TEST_F(examples, frame_is_accessed_between_two_calls)
{
	int dmabuf = iobmd_buffer_export(self->buffer, 0, 0, 0), fd = next_fd();

	ASSERT_LE(0, dmabuf);
	EXPECT_EQ(0, access_frame(dmabuf, 1));
	EXPECT_EQ(0, access_frame(dmabuf, 0));
	EXPECT_EQ(-ENOTTY, queue_frame(self->device, 0, self->buffer));
	EXPECT_EQ(fd, next_fd());
	close(dmabuf);
}

TEST_F(examples, load_reads_a_disk_into_the_part)
{
	char disk[64], *expected;
	int fd;

	if (!disk_find(disk))
		SKIP(return, "no scratch disk");
	fd = open(disk, O_RDWR);
	expected = malloc(self->page);
	ASSERT_NE(NULL, expected);
	memset(expected, 'd', self->page);
	ASSERT_EQ(self->page, pwrite(fd, expected, self->page, 0));
	ASSERT_EQ(0, fsync(fd));
	memset(self->segment.address, 'x', self->segment.length);
	ASSERT_EQ(0, load(self->buffer, self->page, self->page, disk));
	EXPECT_EQ(0, memcmp((char *)self->segment.address + self->page, expected, self->page));
	EXPECT_EQ('x', ((char *)self->segment.address)[self->page - 1]);
	EXPECT_EQ('x', ((char *)self->segment.address)[2 * self->page]);
	EXPECT_EQ(-ENOENT, load(self->buffer, 0, self->page, "/nothing/here"));
	close(fd);
	free(expected);
}

TEST_F(examples, buffer_is_taken_from_standard_input)
{
	struct iobmd_buffer_info info, inherited;

	ASSERT_EQ(STDIN_FILENO, dup2(iobmd_buffer_fd(self->buffer), STDIN_FILENO));
	ASSERT_EQ(0, from_stdin(&self->made));
	ASSERT_EQ(0, iobmd_buffer_get_info(self->buffer, &info, sizeof(info)));
	ASSERT_EQ(0, iobmd_buffer_get_info(self->made, &inherited, sizeof(inherited)));
	EXPECT_EQ(info.id, inherited.id);
	EXPECT_NE(STDIN_FILENO, iobmd_buffer_fd(self->made));

	ASSERT_EQ(STDIN_FILENO, dup2(self->device, STDIN_FILENO));
	iobmd_buffer_free(self->made);
	self->made = NULL;
	EXPECT_EQ(-ENOTTY, from_stdin(&self->made));
	close(STDIN_FILENO);
}

TEST_F(examples, sum_follows_the_length)
{
	memset(self->segment.address, 1, self->segment.length);
	EXPECT_EQ(4 * self->page, sum(self->buffer));
	ASSERT_EQ(0, iobmd_buffer_set_length(self->buffer, 100));
	EXPECT_EQ(100, sum(self->buffer));
	ASSERT_EQ(0, iobmd_buffer_resize(self->buffer, 8 * self->page));
	EXPECT_EQ(4 * self->page, sum(self->buffer));
}

TEST_HARNESS_MAIN
