// SPDX-License-Identifier: 0BSD
/* Shrinks as soon as that is possible. */
#include <errno.h>
#include <unistd.h>
#include <iobmd.h>

int shrink(struct iobmd_buffer *buffer, uint64_t capacity)
{
	int err, tries = 100;

	do {
		err = iobmd_buffer_resize(buffer, capacity);
		if (err == -EBUSY)
			usleep(10000);
	} while ((err == -EBUSY || err == -EINTR) && --tries);
	return err;
}
