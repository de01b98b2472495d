// SPDX-License-Identifier: 0BSD
/* A child writes into a buffer and doubles it; its parent sees both. Nothing is copied. */
#include <error.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <iobmd.h>

int main(void)
{
	struct iobmd_address_segment range, doubled;
	struct iobmd_buffer *buffer;
	int status, device = iobmd_device_open();
	int err = device < 0 ? device : iobmd_buffer_create(device, 4096, 0, 0, &buffer);

	if (err || iobmd_buffer_get_address_range(buffer, 0, &range))
		error(1, -err, "no buffer");
	if (fork() == 0) {
		snprintf(range.address, range.length, "hello from %d", getpid());
		return iobmd_buffer_resize(buffer, 8192) ? 1 : 0;
	}
	if (wait(&status) < 0 || status || iobmd_buffer_get_address_range(buffer, 0, &doubled))
		error(1, 0, "no child, or it failed");
	printf("%s, %llu bytes\n", (char *)range.address, (unsigned long long)doubled.length);
	iobmd_buffer_free(buffer);
	close(device);
	return 0;
}
