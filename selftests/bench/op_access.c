// SPDX-License-Identifier: GPL-2.0
/* Operations: access to the memory of a buffer. */

#include "fd_pass.h"
#include "iobmd_test.h"

#include "bench.h"

/* touch */

static int touch_write_run(struct trial *trial)
{
	pages_write(trial->buffer->map, 0, trial->size);
	return 0;
}

static void touch_write_check(struct trial *trial)
{
	check_stamps(trial, trial->buffer->map, trial->size);
	check_zero(trial, trial->buffer->map, trial->size, sizeof(uint64_t));
}

const struct operation op_touch_write = {
	.name = "touch-write",
	.what = "the first write to each page",
	.floor = &floor_faults,
	.needs = MAPPED,
	.leaves = TOUCHED,
	.run = touch_write_run,
	.check = touch_write_check,
};

static int touch_read_run(struct trial *trial)
{
	return pages_read(trial->buffer->map, trial->size) ? -EIO : 0;
}

static void touch_read_check(struct trial *trial)
{
	check_zero(trial, trial->buffer->map, trial->size, 0);
}

const struct operation op_touch_read = {
	.name = "touch-read",
	.what = "the first read of each page",
	.floor = &floor_faults,
	.needs = MAPPED,
	.leaves = TOUCHED,
	.run = touch_read_run,
	.check = touch_read_check,
};

/* share: another process, which was there before, gets the descriptor */

/* Huge pages are mapped, and unmapped, whole. */
struct request {
	uint64_t size;
	uint64_t mapped;
};

struct answer {
	int32_t error;
	uint64_t sum;
};

static int helper_socket = -1;

static void helper_answer(int socket, const struct request *request)
{
	int fd = fd_receive(socket);
	void *map = mmap(NULL, request->mapped, PROT_READ, MAP_SHARED, fd, 0);
	struct answer answer = { };

	if (map == MAP_FAILED)
		answer.error = -errno;
	else
		answer.sum = pages_sum(map, request->size);
	if (write(socket, &answer, sizeof(answer)) != sizeof(answer))
		_exit(1);
	if (map != MAP_FAILED && munmap(map, request->mapped))
		_exit(1);
	close(fd);
	if (write(socket, "", 1) != 1)
		_exit(1);
}

/* Before there is anything that it must not inherit. */
int helper_start(void)
{
	struct request request;
	int sockets[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	pid = child_fork();
	if (pid < 0)
		return -errno;
	helper_socket = sockets[0];
	if (pid)
		return close(sockets[1]);
	close(sockets[0]);
	while (read(sockets[1], &request, sizeof(request)) == sizeof(request))
		helper_answer(sockets[1], &request);
	_exit(0);
}

static int share_with_helper(struct trial *trial, int fd)
{
	struct request request = { trial->size, trial->buffer->size };
	struct answer answer;

	if (write(helper_socket, &request, sizeof(request)) != sizeof(request) ||
	    fd_send(helper_socket, fd) ||
	    read(helper_socket, &answer, sizeof(answer)) != sizeof(answer))
		return -EPIPE;
	trial->data = &helper_socket;
	trial->note = answer.sum;
	return answer.error;
}

static int share_run(struct trial *trial)
{
	int shared = trial->buffer->fd, err;

	if (trial->peer->share)
		shared = trial->peer->share(trial->buffer);
	if (shared < 0)
		return shared;
	err = share_with_helper(trial, shared);
	if (trial->peer->share)
		close(shared);
	return err;
}

static void share_check(struct trial *trial)
{
	if (trial->note != stamps_sum(trial->size))
		trial->failure = "the other process does not see what was written";
}

/* The helper says when it has closed it all. */
static void share_finish(struct trial *trial)
{
	char byte;

	if (trial->data && read(helper_socket, &byte, 1) != 1)
		trial->failure = "the other process has gone";
}

const struct operation op_share = {
	.name = "share",
	.what = "another process receives the descriptor, maps it and reads all",
	.floor = &floor_sum,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.bandwidth = true,
	.run = share_run,
	.check = share_check,
	.finish = share_finish,
};

/* random */

#define READS		20000
#define LINE_WORDS	8

/* 64 bytes at a random place; the order is the same for all. */
static int random_run(struct trial *trial)
{
	uint64_t lines = trial->size / (LINE_WORDS * sizeof(uint64_t)), random = 1;

	for (int i = 0; i < READS; i++) {
		const volatile uint64_t *line;

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		line = (uint64_t *)trial->buffer->map + (random >> 32) % lines * LINE_WORDS;
		for (int word = 0; word < LINE_WORDS; word++)
			(void)line[word];
	}
	trial->calls = READS;
	return 0;
}

const struct operation op_random = {
	.name = "random",
	.what = "a read of 64 bytes at a random place",
	.floor = &op_random,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.again = true,
	.run = random_run,
};

/* memcpy */

static int memcpy_prepare(struct trial *trial)
{
	trial->data = malloc(trial->size);
	if (!trial->data)
		return -ENOMEM;
	memset(trial->data, 0x5a, trial->size);
	return 0;
}

static int memcpy_run(struct trial *trial)
{
	uint64_t times = MIB / trial->size;

	trial->calls = times ?: 1;
	for (uint64_t i = 0; i < trial->calls; i++) {
		memcpy(trial->buffer->map, trial->data, trial->size);
		__asm__ volatile("" : : : "memory");
	}
	return 0;
}

static void memcpy_check(struct trial *trial)
{
	if (memcmp(trial->buffer->map, trial->data, trial->size))
		trial->failure = "the copy differs";
}

static void memcpy_finish(struct trial *trial)
{
	free(trial->data);
}

const struct operation op_memcpy = {
	.name = "memcpy",
	.what = "memcpy() into it",
	.floor = &op_memcpy,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.bandwidth = true,
	.again = true,
	.prepare = memcpy_prepare,
	.run = memcpy_run,
	.check = memcpy_check,
	.finish = memcpy_finish,
};
