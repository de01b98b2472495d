// SPDX-License-Identifier: GPL-2.0
/*
 * A device copies a sentence from one page of a buffer to another; a second process
 * waits for it.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/iobmd.h>

#include "iobmd_edu.h"

#define SIZE		(4 << 20)
#define FROM		4000
#define TO		(SIZE - 100)

static const char sentence[] = "The device has read this and written it.";

static int create(void)
{
	struct iobmd_create args = { .size = sizeof(args), .capacity = SIZE };
	int device = open("/dev/iobmd", O_RDWR | O_CLOEXEC);
	int fd = ioctl(device, IOBMD_IOC_CREATE, &args);

	if (fd < 0)
		err(1, "/dev/iobmd");
	close(device);
	return fd;
}

static char *map(int fd)
{
	char *address = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (address == MAP_FAILED)
		err(1, "mmap");
	return address;
}

static void transfer(int edu, unsigned int direction, unsigned int offset)
{
	struct iobmd_edu_transfer args = {
		.size = sizeof(args),
		.offset = offset,
		.length = sizeof(sentence),
		.direction = direction,
	};

	if (ioctl(edu, IOBMD_EDU_IOC_TRANSFER, &args))
		err(1, "transfer");
	printf("device: %s byte %u of the buffer\n",
	       direction == IOBMD_DIRECTION_OUT ? "read from" : "wrote to", offset);
}

/* Sleeps until the device has written to the buffer. */
static int watch(int fd, int event)
{
	struct pollfd done = { .fd = event, .events = POLLIN };
	const char *address = map(fd);

	if (poll(&done, 1, -1) != 1)
		err(1, "poll");
	printf("second process: found \"%s\"\n", address + TO);
	return strcmp(address + TO, sentence) != 0;
}

int main(void)
{
	struct iobmd_edu_attach attach = {
		.size = sizeof(attach),
		.fd = create(),
		.rights = IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE,
	};
	struct iobmd_edu_set_eventfd notify = {
		.size = sizeof(notify),
		.fd = eventfd(0, EFD_CLOEXEC),
	};
	int edu = open("/dev/iobmd-edu0", O_RDWR | O_CLOEXEC);
	int status;

	if (edu < 0)
		err(1, "/dev/iobmd-edu0");
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return watch(attach.fd, notify.fd);
	}
	memcpy(map(attach.fd) + FROM, sentence, sizeof(sentence));
	if (ioctl(edu, IOBMD_EDU_IOC_ATTACH, &attach))
		err(1, "attach");
	transfer(edu, IOBMD_DIRECTION_OUT, FROM);
	if (ioctl(edu, IOBMD_EDU_IOC_SET_EVENTFD, &notify))
		err(1, "set eventfd");
	transfer(edu, IOBMD_DIRECTION_IN, TO);
	wait(&status);
	puts(status ? "demo: FAILED" : "demo: passed");
	return status != 0;
}
