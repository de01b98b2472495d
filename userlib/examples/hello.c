// SPDX-License-Identifier: 0BSD
/* Two processes, one buffer: the child writes and grows it, the parent reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <iobmd.h>

#define MIB (1024 * 1024)

static int check(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-result));
		exit(1);
	}
	return result;
}

static void child(int socket)
{
	struct iobmd_address_segment segment;
	struct iobmd_buffer *buffer;

	check(iobmd_buffer_receive(socket, &buffer), "receive");
	check(iobmd_buffer_get_address_range(buffer, 0, &segment), "map");
	strcpy(segment.address, "hello");

	check(iobmd_buffer_resize(buffer, 2 * MIB), "resize");
	check(iobmd_buffer_get_address_range(buffer, 0, &segment), "map");
	strcpy((char *)segment.address + MIB, "and more");
	iobmd_buffer_free(buffer);
}

int main(void)
{
	struct iobmd_address_segment before, after;
	struct iobmd_buffer *buffer;
	int device, status, pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || (pid = fork()) < 0) {
		perror("socketpair, fork");
		return 1;
	}
	if (pid == 0) {
		close(pair[0]);
		child(pair[1]);
		return 0;
	}
	close(pair[1]);

	device = check(iobmd_device_open(), "/dev/iobmd");
	check(iobmd_buffer_create(device, MIB, 0, 0, &buffer), "create");
	check(iobmd_buffer_get_address_range(buffer, 0, &before), "map");
	check(iobmd_buffer_send(buffer, pair[0]), "send");

	if (waitpid(pid, &status, 0) != pid || status != 0)
		return 1;

	check(iobmd_buffer_get_address_range(buffer, 0, &after), "map");
	printf("%s (%llu bytes)\n", (char *)before.address, (unsigned long long)before.length);
	printf("%s (%llu bytes)\n", (char *)after.address + MIB, (unsigned long long)after.length);

	iobmd_buffer_free(buffer);
	close(device);
	return 0;
}
