// SPDX-License-Identifier: GPL-2.0
/* The ioctls of the example driver, and its eventfd. Built for 64 and for 32 bit. */
#include "edu_device.h"
#include "peer.h"

#include <poll.h>
#include <sys/mman.h>

#define LENGTH		100	/* of a transfer */

FIXTURE(edu_ioctl)
{
	size_t page;
	int fd;
	int edu;
	int eventfd;
	uint8_t *map;
	uint8_t *args;		/* two pages of zeros, then nothing */
};

FIXTURE_SETUP(edu_ioctl)
{
	char name[32];

	self->page = page_size();
	ASSERT_TRUE(edu_find(name)) {
		TH_LOG("no edu device (scripts/vm --edu)");
	}
	ASSERT_EQ(0, module_load(EDU_KO));
	self->edu = edu_open();
	ASSERT_LE(0, self->edu) {
		TH_LOG("the driver does not take the device; the kernel log says why");
		module_unload("iobmd_edu");
	}
	self->fd = iobmd_create(2 * self->page);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	self->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, self->eventfd);
	self->args = mmap(NULL, 3 * self->page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->args);
	ASSERT_EQ(0, mprotect(self->args + 2 * self->page, self->page, PROT_NONE));
}

FIXTURE_TEARDOWN_PARENT(edu_ioctl)
{
	EXPECT_EQ(0, module_unload("iobmd_edu"));
	EXPECT_EQ(0, buffers_listed(0));
}

#define ATTACH(self)							\
	ASSERT_EQ(0, edu_attach((self)->edu, (self)->fd, READ_WRITE))

/* The commands, with the error of an argument that is zero but for its size. */
static const struct {
	unsigned long cmd;
	uint32_t size;
	int error;
} commands[] = {
	{ IOBMD_EDU_IOC_ATTACH, 16, EINVAL },
	{ IOBMD_EDU_IOC_DETACH, 8, ENOTCONN },
	{ IOBMD_EDU_IOC_TRANSFER, 32, ENOTCONN },
	{ IOBMD_EDU_IOC_SET_EVENTFD, 16, ENOTCONN },
};

static int issue(int edu, unsigned long cmd, uint8_t *args, uint32_t size, uint32_t flags)
{
	memcpy(args, &size, sizeof(size));
	memcpy(args + sizeof(size), &flags, sizeof(flags));
	return ioctl(edu, cmd, args);
}

TEST_F(edu_ioctl, size_is_checked)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		unsigned long cmd = commands[i].cmd;
		uint32_t size = commands[i].size;

		for (uint32_t less = 0; less < size; less++)
			EXPECT_ERRNO(EINVAL, issue(self->edu, cmd, self->args, less, 0));
		EXPECT_ERRNO(commands[i].error, issue(self->edu, cmd, self->args, size, 0));
		EXPECT_ERRNO(commands[i].error, issue(self->edu, cmd, self->args, self->page, 0));
		EXPECT_ERRNO(E2BIG, issue(self->edu, cmd, self->args, self->page + 1, 0));
		EXPECT_ERRNO(E2BIG, issue(self->edu, cmd, self->args, UINT32_MAX, 0));
		self->args[size] = 1;
		EXPECT_ERRNO(commands[i].error, issue(self->edu, cmd, self->args, size, 0));
		EXPECT_ERRNO(E2BIG, issue(self->edu, cmd, self->args, size + 1, 0));
		self->args[size] = 0;
	}
}

TEST_F(edu_ioctl, argument_ends_where_memory_ends)
{
	uint8_t *end = self->args + 2 * self->page;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		unsigned long cmd = commands[i].cmd;
		uint32_t size = commands[i].size;

		EXPECT_ERRNO(commands[i].error, issue(self->edu, cmd, end - size, size, 0));
		EXPECT_ERRNO(EFAULT, issue(self->edu, cmd, end - size, size + 1, 0));
		EXPECT_ERRNO(EFAULT, ioctl(self->edu, cmd, end));
	}
}

TEST_F(edu_ioctl, unknown_flags_fields_and_commands_are_refused)
{
	struct iobmd_edu_transfer transfer = {
		.size = sizeof(transfer), .length = 1,
		.direction = IOBMD_DIRECTION_OUT, .__reserved = 1,
	};
	struct iobmd_edu_set_eventfd notify = {
		.size = sizeof(notify), .fd = self->eventfd, .__reserved = 1,
	};

	ATTACH(self);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		for (int bit = 0; bit < 32; bit++)
			EXPECT_ERRNO(EINVAL, issue(self->edu, commands[i].cmd, self->args,
						   commands[i].size, 1u << bit));
	EXPECT_ERRNO(EINVAL, ioctl(self->edu, IOBMD_EDU_IOC_TRANSFER, &transfer));
	EXPECT_ERRNO(EINVAL, ioctl(self->edu, IOBMD_EDU_IOC_SET_EVENTFD, &notify));
	EXPECT_ERRNO(ENOTTY, ioctl(self->edu, _IO(0xBE, 0x3f), self->args));
	EXPECT_ERRNO(ENOTTY, ioctl(self->edu, _IO(0xBE, 0x44), self->args));
	EXPECT_ERRNO(ENOTTY, ioctl(self->edu, _IOW(0xBE, 0x40, uint32_t[4]), self->args));
	EXPECT_EQ(0, edu_detach(self->edu));
}

/* The descriptor, length and offset get there, whatever the layout of the caller. */
TEST_F(edu_ioctl, transfers_between_the_pages)
{
	ATTACH(self);
	fill_pattern(self->map, 0, LENGTH, 1);
	ASSERT_EQ(0, edu_out(self->edu, 0, 7, LENGTH));
	ASSERT_EQ(0, edu_in(self->edu, self->page + 3, 7, LENGTH));
	EXPECT_EQ(-1, check_pattern(self->map + self->page + 3, 0, LENGTH, 1));
	EXPECT_ERRNO(EINVAL, edu_in(self->edu, 1ull << 32, 0, 1));
}

TEST_F(edu_ioctl, another_process_waits_for_the_data)
{
	eventfd_t count = 0;
	pid_t pid;

	ATTACH(self);
	fill_pattern(self->map, 0, LENGTH, 2);
	ASSERT_EQ(0, edu_out(self->edu, 0, 0, LENGTH));
	ASSERT_EQ(0, edu_set_eventfd(self->edu, self->eventfd));
	IN_CHILD(pid) {
		struct pollfd done = { .fd = self->eventfd, .events = POLLIN };

		ASSERT_EQ(1, poll(&done, 1, -1));
		EXPECT_EQ(-1, check_pattern(self->map + self->page, 0, LENGTH, 2));
	}
	ASSERT_EQ(0, edu_in(self->edu, self->page, 0, LENGTH));
	EXPECT_EQ(0, child_status(pid));
	EXPECT_EQ(0, eventfd_read(self->eventfd, &count));
	EXPECT_EQ(1, count);
}

TEST_F(edu_ioctl, eventfd_goes_with_the_buffer)
{
	eventfd_t count = 0;

	EXPECT_ERRNO(ENOTCONN, edu_set_eventfd(self->edu, self->eventfd));
	ATTACH(self);
	EXPECT_ERRNO(EBADF, edu_set_eventfd(self->edu, -2));
	EXPECT_ERRNO(EINVAL, edu_set_eventfd(self->edu, self->fd));
	ASSERT_EQ(0, edu_set_eventfd(self->edu, self->eventfd));
	EXPECT_ERRNO(EINVAL, edu_out(self->edu, 0, 0, 0));
	EXPECT_ERRNO(EAGAIN, eventfd_read(self->eventfd, &count));
	ASSERT_EQ(0, edu_detach(self->edu));
	ATTACH(self);
	ASSERT_EQ(0, edu_out(self->edu, 0, 0, 1));
	EXPECT_ERRNO(EAGAIN, eventfd_read(self->eventfd, &count));
	ASSERT_EQ(0, edu_set_eventfd(self->edu, self->eventfd));
	ASSERT_EQ(0, edu_set_eventfd(self->edu, -1));
	ASSERT_EQ(0, edu_out(self->edu, 0, 0, 1));
	EXPECT_ERRNO(EAGAIN, eventfd_read(self->eventfd, &count));
}

TEST_HARNESS_MAIN
