// SPDX-License-Identifier: 0BSD
/* A ring of frames: a writer, and a read-only reader that sleeps until there is a frame. */
#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <iobmd.h>

enum { SLOTS = 4, FRAMES = 10 };

struct ring {
	uint32_t written;	/* frames so far; readers sleep on this futex */
	struct frame { char text[64]; } frames[SLOTS];
};

/* FUTEX_WAIT does not need write access. */
static void read_frames(const struct ring *ring)
{
	for (uint32_t next = 0; next < FRAMES; next++) {
		while (__atomic_load_n(&ring->written, __ATOMIC_ACQUIRE) == next)
			syscall(SYS_futex, &ring->written, FUTEX_WAIT, next, NULL, NULL, 0);
		struct frame frame = ring->frames[next % SLOTS];

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		/* Skip the frame if the writer has overwritten it meanwhile. */
		if (__atomic_load_n(&ring->written, __ATOMIC_RELAXED) - next < SLOTS)
			printf("%s\n", frame.text);
	}
}

static void write_frames(struct ring *ring)
{
	for (uint32_t i = 0; i < FRAMES; usleep(10000)) {
		sprintf(ring->frames[i % SLOTS].text, "frame %u", i);
		__atomic_store_n(&ring->written, ++i, __ATOMIC_RELEASE);
		syscall(SYS_futex, &ring->written, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

int main(void)
{
	struct iobmd_buffer *buffer, *reader;
	struct iobmd_address_segment range;
	int device = iobmd_device_open();
	int err = device < 0 ? device :
		  iobmd_buffer_create(device, sizeof(struct ring), 0, 0, &buffer);
	pid_t child;

	if (!err)
		err = iobmd_buffer_derive(buffer, IOBMD_DERIVE_F_READ_ONLY, 0, 0, &reader);
	child = err ? -1 : fork();
	if (child < 0) {
		fprintf(stderr, "no ring: %s\n", iobmd_error_hint(err ? err : -errno));
		return 1;
	}
	if (iobmd_buffer_get_address_range(child ? reader : buffer, 0, &range))
		return 1;
	child ? read_frames(range.address) : write_frames(range.address);
	return 0;
}
