// SPDX-License-Identifier: GPL-2.0
/* Operations: system calls that work on the memory of a buffer in place. */

#include "machine.h"

#include <liburing.h>
#include <sys/uio.h>

#include "bench.h"

#define BLOCK		MIB

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The disk is only read, in a circle. The tests have one. */

static int bench_disk_open(int flags)
{
	return options.disk ? open(options.disk, O_RDONLY | O_CLOEXEC | flags) : disk_open(flags);
}

static uint64_t disk_size(int disk)
{
	off_t end = lseek(disk, 0, SEEK_END);

	return end > 0 ? end / BLOCK * BLOCK : 0;
}

struct disk {
	int fd;
	uint64_t size;
	struct io_uring ring;
	bool has_ring;
};

static int disk_prepare(struct trial *trial)
{
	struct disk *disk = calloc(1, sizeof(*disk));

	if (!disk)
		return -ENOMEM;
	trial->data = disk;
	disk->fd = bench_disk_open(O_DIRECT);
	if (disk->fd < 0)
		return options.disk ? -errno : NO_SUCH_THING;
	disk->size = disk_size(disk->fd);
	return disk->size ? 0 : -ENOSPC;
}

static void disk_finish(struct trial *trial)
{
	struct disk *disk = trial->data;

	if (!disk)
		return;
	if (disk->has_ring)
		io_uring_queue_exit(&disk->ring);
	if (disk->fd >= 0)
		close(disk->fd);
	free(disk);
}

/* The same read the ordinary way */
static void disk_check(struct trial *trial)
{
	int fd = bench_disk_open(0);
	uint64_t size = trial->size, block;
	struct disk *disk = trial->data;
	uint8_t *data = malloc(BLOCK);

	for (uint64_t at = 0; at < size; at += block) {
		block = smaller(BLOCK, size - at);
		if (pread(fd, data, block, at % disk->size) != (ssize_t)block ||
		    memcmp(data, trial->buffer->map + at, block)) {
			trial->failure = "what was read is not what the disk has";
			break;
		}
	}
	free(data);
	close(fd);
}

static int direct_run(struct trial *trial)
{
	uint64_t size = trial->size, block;
	struct disk *disk = trial->data;

	for (uint64_t at = 0; at < size; at += block) {
		ssize_t got;

		block = smaller(BLOCK, size - at);
		got = pread(disk->fd, trial->buffer->map + at, block, at % disk->size);
		if (got != (ssize_t)block)
			return got < 0 ? -errno : -EIO;
	}
	return 0;
}

const struct operation op_direct_read = {
	.name = "direct-read",
	.what = "read a disk with O_DIRECT into it, 1 MiB at a time",
	.floor = &op_direct_read,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.bandwidth = true,
	.again = true,
	.prepare = disk_prepare,
	.run = direct_run,
	.check = disk_check,
	.finish = disk_finish,
};

/* io_uring */

static int ring_prepare(struct trial *trial)
{
	struct iovec iov = { trial->buffer->map, trial->size };
	struct disk *disk;
	int err = disk_prepare(trial);

	if (err)
		return err;
	disk = trial->data;
	err = io_uring_queue_init(1, &disk->ring, 0);
	if (err)
		return err;
	disk->has_ring = true;
	return io_uring_register_buffers(&disk->ring, &iov, 1);
}

static int ring_read(struct disk *disk, void *to, uint64_t block, uint64_t at)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&disk->ring);
	struct io_uring_cqe *cqe;
	int err;

	io_uring_prep_read_fixed(sqe, disk->fd, to, block, at, 0);
	err = io_uring_submit_and_wait(&disk->ring, 1);
	if (err < 0)
		return err;
	err = io_uring_peek_cqe(&disk->ring, &cqe);
	if (err)
		return err;
	err = cqe->res;
	io_uring_cqe_seen(&disk->ring, cqe);
	if (err < 0)
		return err;
	return err == (int)block ? 0 : -EIO;
}

static int ring_run(struct trial *trial)
{
	uint64_t size = trial->size, block;
	struct disk *disk = trial->data;
	int err;

	for (uint64_t at = 0; at < size; at += block) {
		block = smaller(BLOCK, size - at);
		err = ring_read(disk, trial->buffer->map + at, block, at % disk->size);
		if (err)
			return err;
	}
	return 0;
}

const struct operation op_read_fixed = {
	.name = "read-fixed",
	.what = "the same with io_uring's READ_FIXED, the buffer registered before",
	.floor = &op_read_fixed,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.bandwidth = true,
	.again = true,
	.prepare = ring_prepare,
	.run = ring_run,
	.check = disk_check,
	.finish = disk_finish,
};

static int register_prepare(struct trial *trial)
{
	struct io_uring *ring = calloc(1, sizeof(*ring));
	int err = ring ? io_uring_queue_init(1, ring, 0) : -ENOMEM;

	if (err) {
		free(ring);
		return err;
	}
	trial->data = ring;
	return 0;
}

static int register_run(struct trial *trial)
{
	struct iovec iov = { trial->buffer->map, trial->size };

	return io_uring_register_buffers(trial->data, &iov, 1);
}

static void register_finish(struct trial *trial)
{
	if (!trial->data)
		return;
	io_uring_unregister_buffers(trial->data);
	io_uring_queue_exit(trial->data);
	free(trial->data);
}

const struct operation op_register = {
	.name = "register",
	.what = "register it with io_uring, which pins it",
	.floor = &op_register,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.prepare = register_prepare,
	.run = register_run,
	.finish = register_finish,
};

/* vmsplice */

struct pipe {
	int out;
	int in;
	int null;
	uint64_t size;
};

static int pipe_prepare(struct trial *trial)
{
	struct pipe *pipe = calloc(1, sizeof(*pipe));
	int fds[2], size;

	if (!pipe)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC)) {
		free(pipe);
		return -errno;
	}
	trial->data = pipe;
	pipe->out = fds[0];
	pipe->in = fds[1];
	pipe->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	size = fcntl(pipe->in, F_SETPIPE_SZ, BLOCK);
	pipe->size = size > 0 ? size : fcntl(pipe->in, F_GETPIPE_SZ);
	return pipe->null < 0 ? -errno : 0;
}

static int pipe_run(struct trial *trial)
{
	struct pipe *pipe = trial->data;
	ssize_t put;

	for (uint64_t at = 0; at < trial->size; at += put) {
		struct iovec iov = {
			trial->buffer->map + at,
			smaller(pipe->size, trial->size - at),
		};

		put = vmsplice(pipe->in, &iov, 1, 0);
		if (put < 0)
			return -errno;
		for (ssize_t taken = 0, more; taken < put; taken += more) {
			more = splice(pipe->out, NULL, pipe->null, NULL, put - taken, 0);
			if (more <= 0)
				return more ? -errno : -EIO;
		}
	}
	return 0;
}

static void pipe_check(struct trial *trial)
{
	uint64_t size = smaller(bench_page_size(), trial->size), last = trial->size - size;
	struct iovec iov = { trial->buffer->map + last, size };
	struct pipe *pipe = trial->data;
	uint8_t data[size];

	if (vmsplice(pipe->in, &iov, 1, 0) != (ssize_t)size ||
	    read(pipe->out, data, size) != (ssize_t)size ||
	    memcmp(data, trial->buffer->map + last, size))
		trial->failure = "another page comes out of the pipe";
}

static void pipe_finish(struct trial *trial)
{
	struct pipe *pipe = trial->data;

	if (!pipe)
		return;
	close(pipe->null);
	close(pipe->in);
	close(pipe->out);
	free(pipe);
}

const struct operation op_vmsplice = {
	.name = "vmsplice",
	.what = "vmsplice() it to a pipe, and splice() that to /dev/null",
	.floor = &op_vmsplice,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.bandwidth = true,
	.again = true,
	.prepare = pipe_prepare,
	.run = pipe_run,
	.check = pipe_check,
	.finish = pipe_finish,
};
