// SPDX-License-Identifier: 0BSD
/* Two processes, one buffer, without the library. The child inherits the descriptor. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/iobmd.h>

#define MIB (1024 * 1024)

static int check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

static char *map(int buffer, uint64_t offset)
{
	struct iobmd_map args = { .size = sizeof(args), .offset = offset };

	check(ioctl(buffer, IOBMD_IOC_MAP, &args), "map");
	return (char *)(uintptr_t)args.address;
}

static void child(int buffer)
{
	struct iobmd_resize resize = { .size = sizeof(resize), .capacity = 2 * MIB };

	strcpy(map(buffer, 0), "hello");
	check(ioctl(buffer, IOBMD_IOC_RESIZE, &resize), "resize");
	strcpy(map(buffer, MIB), "and more");
}

int main(void)
{
	struct iobmd_create create = { .size = sizeof(create), .capacity = MIB };
	struct iobmd_get_info info = { .size = sizeof(info) };
	int device, buffer, status;
	char *first, *second;
	pid_t pid;

	device = check(open("/dev/iobmd", O_RDWR | O_CLOEXEC), "/dev/iobmd");
	buffer = check(ioctl(device, IOBMD_IOC_CREATE, &create), "create");
	first = map(buffer, 0);

	pid = check(fork(), "fork");
	if (pid == 0) {
		child(buffer);
		return 0;
	}
	check(waitpid(pid, &status, 0), "waitpid");
	if (status != 0)
		return 1;

	check(ioctl(buffer, IOBMD_IOC_GET_INFO, &info), "get info");
	second = map(buffer, MIB);
	printf("%s, %s (%llu bytes)\n", first, second, (unsigned long long)info.length);

	check(munmap(first, MIB), "munmap");
	check(munmap(second, MIB), "munmap");
	close(buffer);
	close(device);
	return 0;
}
