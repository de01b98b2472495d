// SPDX-License-Identifier: 0BSD
/* The producer's side of both ways to get the file from the disk to the consumer. */
#define _GNU_SOURCE
#include "demo.h"
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void demo_order_give(const struct demo *demo, enum demo_order order)
{
	demo_system(send(demo->socket, &order, sizeof(order), MSG_NOSIGNAL), "give an order");
}

void demo_answer_get(const struct demo *demo, struct demo_answer *answer)
{
	if (recv(demo->socket, answer, sizeof(*answer), 0) != sizeof(*answer))
		demo_fail("the consumer ended without an answer");
}

/* Both ways start without anything of the disk in the page cache. */
static int disk_open(const struct demo *demo, int flags, struct demo_run *run)
{
	int disk = open(demo->disk_name, O_RDONLY | O_CLOEXEC | flags);

	demo_system(disk, demo->disk_name);
	demo_check(!posix_fadvise(disk, 0, 0, POSIX_FADV_DONTNEED),
		   "the disk may be taken out of the page cache");
	run->cached[0] = demo_disk_cached(disk, demo->capacity);
	demo_check(run->cached[0] == 0, "the page cache holds nothing of the disk");
	return disk;
}

static void disk_close(const struct demo *demo, int disk, struct demo_run *run)
{
	run->cached[1] = demo_disk_cached(disk, demo->capacity);
	close(disk);
}

/* Only the device writes the file into the buffer. */
static void read_into_buffer(const struct demo *demo, int disk, struct demo_run *run)
{
	struct iobmd_address_segment segment;
	uint64_t done = 0;

	demo_iobmd(iobmd_buffer_create(demo->device, demo->capacity, 0, 0, &run->buffer),
		   "create a buffer");
	demo_iobmd(iobmd_buffer_get_address_range(run->buffer, 0, &segment), "map the buffer");
	while (done < demo->capacity)
		done += demo_moved(pread(disk, (char *)segment.address + done,
					 demo->capacity - done, done), "read the disk");
	demo_iobmd(iobmd_buffer_set_length(run->buffer, demo->size), "set the length");
}

static void view_buffer(struct demo_run *run)
{
	struct iobmd_address_segment segment;

	demo_iobmd(iobmd_buffer_get_address_range(run->buffer, 0, &segment), "map the buffer");
	demo_view_get(&run->view, segment.address, segment.length);
}

/* The producer is done when the file has arrived. */
static void conclude(struct demo_run *run, uint64_t start, const struct demo_usage *used)
{
	const struct demo_answer *answer = &run->answer;

	run->value[DEMO_FAULTS] = used->faults + answer->until_finished.faults;
	run->value[DEMO_CALLS] = used->calls + answer->until_finished.calls;
	run->value[DEMO_ARRIVED] = answer->arrived - start;
	run->value[DEMO_ARRIVED_CPU] = used->cpu + answer->until_arrived.cpu;
	run->value[DEMO_FINISHED] = answer->finished - start;
	run->value[DEMO_FINISHED_CPU] = used->cpu + answer->until_finished.cpu;
}

void demo_run_buffer(const struct demo *demo, struct demo_run *run)
{
	struct demo_usage before, used;
	struct iobmd_buffer_info info;
	uint64_t start;
	int disk;

	memset(run, 0, sizeof(*run));
	disk = disk_open(demo, O_DIRECT, run);
	demo_usage_get(&before);
	start = demo_now();
	read_into_buffer(demo, disk, run);
	demo_order_give(demo, DEMO_TAKE_BUFFER);
	demo_iobmd(iobmd_buffer_send(run->buffer, demo->socket), "send the buffer");
	demo_usage_get(&used);
	demo_answer_get(demo, &run->answer);

	demo_usage_subtract(&used, &before);
	conclude(run, start, &used);
	view_buffer(run);
	disk_close(demo, disk, run);
	demo_iobmd(iobmd_buffer_get_info(run->buffer, &info, sizeof(info)), "get info");
	run->value[DEMO_MEMORY] = info.allocated + run->cached[1];
}

static void write_to_pipe(const struct demo *demo, const char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size)
		done += demo_moved(write(demo->pipe, bytes + done, size - done), "write");
}

/* The consumer reads while the producer continues. */
static void read_through_memory(const struct demo *demo, int disk, struct demo_run *run)
{
	uint64_t done = 0;
	size_t moved, chunk;
	char *bytes;

	bytes = demo_memory_map(demo->size);
	run->memory = bytes;
	for (; done < demo->size; done += moved) {
		chunk = demo->size - done < DEMO_CHUNK ? demo->size - done : DEMO_CHUNK;
		moved = demo_moved(read(disk, bytes + done, chunk), "read the disk");
		write_to_pipe(demo, bytes + done, moved);
	}
}

void demo_run_pipe(const struct demo *demo, struct demo_run *run)
{
	struct demo_usage before, used;
	uint64_t start;
	int disk;

	memset(run, 0, sizeof(*run));
	disk = disk_open(demo, 0, run);
	demo_usage_get(&before);
	start = demo_now();
	demo_order_give(demo, DEMO_TAKE_PIPE);
	read_through_memory(demo, disk, run);
	demo_usage_get(&used);
	demo_answer_get(demo, &run->answer);

	demo_usage_subtract(&used, &before);
	conclude(run, start, &used);
	demo_view_get(&run->view, run->memory, demo->size);
	disk_close(demo, disk, run);
	run->value[DEMO_MEMORY] = 2 * demo->capacity + run->cached[1];
}

void demo_run_end(const struct demo *demo, struct demo_run *run)
{
	demo_order_give(demo, DEMO_RELEASE);
	demo_answer_get(demo, &run->answer);
	if (run->memory)
		demo_memory_unmap(run->memory, demo->size);
	iobmd_buffer_free(run->buffer);
}
