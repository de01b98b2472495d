/* SPDX-License-Identifier: GPL-2.0 */
/* QEMU's edu device, and the ioctls of the example driver for it. */
#ifndef IOBMD_TEST_EDU_DEVICE_H
#define IOBMD_TEST_EDU_DEVICE_H

#include "machine.h"
#include "modules.h"

#include <dirent.h>

#include "../../module/examples/edu/iobmd_edu.h"

#define EDU_DRIVER	"/sys/bus/pci/drivers/iobmd_edu"
#define EDU_TIMEOUT	"/sys/module/iobmd_edu/parameters/timeout_ms"
#define EDU_DEVICE	"/dev/iobmd-edu0"
#define EDU_BUS		"/sys/bus/pci/devices"
#define EDU_SIZE	IOBMD_EDU_MEMORY_SIZE
#define READ_WRITE	(IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE)

/* The name of the device on the PCI bus; false if there is none. */
static inline bool edu_find(char name[32])
{
	DIR *bus = opendir(EDU_BUS);
	struct dirent *entry;
	bool found = false;

	while (bus && !found && (entry = readdir(bus))) {
		char path[PATH_MAX], id[16] = "";
		int fd;

		snprintf(path, sizeof(path), EDU_BUS "/%s/modalias", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		found = fd >= 0 && read(fd, id, sizeof(id)) > 0 &&
			pread(fd, id, 4, 9) == 4 && !memcmp(id, "1234", 4) &&
			pread(fd, id, 4, 18) == 4 && !memcmp(id, "11E8", 4);
		close(fd);
		snprintf(name, 32, "%.31s", entry->d_name);
	}
	if (bus)
		closedir(bus);
	return found;
}

static inline int edu_open(void)
{
	return open(EDU_DEVICE, O_RDWR | O_CLOEXEC);
}

static inline int edu_bind(const char *name)
{
	return file_write(EDU_DRIVER "/bind", name);
}

static inline int edu_unbind(const char *name)
{
	return file_write(EDU_DRIVER "/unbind", name);
}

static inline int edu_attach(int edu, int fd, uint32_t rights)
{
	struct iobmd_edu_attach args = {
		.size = sizeof(args), .fd = fd, .rights = rights,
	};

	return ioctl(edu, IOBMD_EDU_IOC_ATTACH, &args);
}

static inline int edu_detach(int edu)
{
	struct iobmd_edu_detach args = { .size = sizeof(args) };

	return ioctl(edu, IOBMD_EDU_IOC_DETACH, &args);
}

static inline int edu_transfer(int edu, uint32_t direction, uint64_t offset,
			       uint32_t at, uint32_t length)
{
	struct iobmd_edu_transfer args = {
		.size = sizeof(args),
		.offset = offset,
		.device_offset = at,
		.length = length,
		.direction = direction,
	};

	return ioctl(edu, IOBMD_EDU_IOC_TRANSFER, &args);
}

static inline int edu_out(int edu, uint64_t offset, uint32_t at, uint32_t length)
{
	return edu_transfer(edu, IOBMD_DIRECTION_OUT, offset, at, length);
}

static inline int edu_in(int edu, uint64_t offset, uint32_t at, uint32_t length)
{
	return edu_transfer(edu, IOBMD_DIRECTION_IN, offset, at, length);
}

static inline int edu_set_eventfd(int edu, int eventfd)
{
	struct iobmd_edu_set_eventfd args = { .size = sizeof(args), .fd = eventfd };

	return ioctl(edu, IOBMD_EDU_IOC_SET_EVENTFD, &args);
}

#endif /* IOBMD_TEST_EDU_DEVICE_H */
