// SPDX-License-Identifier: GPL-2.0
/* Operations: making, mapping, resizing and ending a buffer. */

#include "iobmd_test.h"

#include "bench.h"

#define CALLS	1000

/* Larger than the caches are */
#define COLD_BYTES	(32 * MIB)
#define CACHE_LINE	64

/* A size that can be doubled in the memory of a small machine */
#define RESIZE_MOST	(64 * MIB)

/* create */

static int create_run(struct trial *trial)
{
	return buffer_create(trial->buffer, trial->peer, trial->size);
}

static void map_check(struct trial *trial)
{
	check_zero(trial, trial->buffer->map, trial->buffer->size, 0);
}

static void create_check(struct trial *trial)
{
	if (!buffer_map(trial->buffer))
		map_check(trial);
	buffer_unmap(trial->buffer);
}

const struct operation op_create = {
	.name = "create",
	.what = "make a buffer",
	.floor = &floor_memset,
	.leaves = CREATED,
	.takes = true,
	.run = create_run,
	.check = create_check,
};

/* map, unmap, close */

static int map_run(struct trial *trial)
{
	return buffer_map(trial->buffer);
}

const struct operation op_map = {
	.name = "map",
	.what = "mmap() of all of it",
	.floor = &floor_ioctl,
	.needs = CREATED,
	.leaves = MAPPED,
	.run = map_run,
	.check = map_check,
};

static int unmap_run(struct trial *trial)
{
	buffer_unmap(trial->buffer);
	return 0;
}

const struct operation op_unmap = {
	.name = "unmap",
	.what = "munmap() of all of it, where each page has been written",
	.floor = &floor_ioctl,
	.needs = TOUCHED,
	.leaves = CREATED,
	.run = unmap_run,
};

static int close_run(struct trial *trial)
{
	buffer_destroy(trial->buffer);
	return 0;
}

const struct operation op_close = {
	.name = "close",
	.what = "the last close(), which frees the memory",
	.floor = &floor_ioctl,
	.needs = CREATED,
	.prepare = unmap_run,
	.run = close_run,
};

/* cycle */

static int cycle_run(struct trial *trial)
{
	struct buffer *buffer = trial->buffer;
	int err = buffer_create(buffer, trial->peer, trial->size);

	if (err)
		return err;
	err = buffer_map(buffer);
	if (err)
		return err;
	pages_write(buffer->map, 0, trial->size);
	buffer_unmap(buffer);
	buffer_destroy(buffer);
	return 0;
}

/* The run has left nothing to look at. */
static void cycle_check(struct trial *trial)
{
	struct buffer *buffer = trial->buffer;

	if (buffer_create(buffer, trial->peer, trial->size) || buffer_map(buffer)) {
		trial->failure = "it works once, but not twice";
		return;
	}
	check_zero(trial, buffer->map, buffer->size, 0);
	pages_write(buffer->map, 0, buffer->size);
	check_stamps(trial, buffer->map, buffer->size);
	buffer_unmap(buffer);
	buffer_destroy(buffer);
}

static int cold_prepare(struct trial *trial)
{
	static uint8_t *memory;
	static uint8_t value;

	if (!memory)
		memory = malloc(COLD_BYTES);
	if (!memory)
		return -ENOMEM;
	value++;
	for (size_t at = 0; at < COLD_BYTES; at += CACHE_LINE)
		memory[at] = value;
	return 0;
}

const struct operation op_cycle_cold = {
	.name = "cycle-cold",
	.what = "create, map, write to each page, unmap, close; caches full of other things",
	.floor = &floor_cycle,
	.takes = true,
	.prepare = cold_prepare,
	.run = cycle_run,
	.check = cycle_check,
};

const struct operation op_cycle_warm = {
	.name = "cycle-warm",
	.what = "the same, right after the same",
	.floor = &floor_cycle,
	.takes = true,
	.run = cycle_run,
	.check = cycle_check,
};

/* grow */

/* The new half is mapped separately: the old mapping stays where it is. */
static int grow_run(struct trial *trial)
{
	struct buffer *buffer = trial->buffer;
	uint64_t from = buffer->size;
	int err = buffer_resize(buffer, 2 * from);
	void *tail;

	if (err)
		return err;
	tail = mmap(NULL, from, PROT_READ | PROT_WRITE, MAP_SHARED, buffer->fd, from);
	if (tail == MAP_FAILED)
		return -errno;
	trial->data = tail;
	if (trial->peer->advice)
		madvise(tail, from, trial->peer->advice);
	pages_write(tail, 0, from);
	return 0;
}

static void grow_check(struct trial *trial)
{
	check_stamps(trial, trial->buffer->map, trial->buffer->mapped);
	check_zero(trial, trial->data, trial->buffer->size / 2, sizeof(uint64_t));
}

static void grow_finish(struct trial *trial)
{
	if (trial->data)
		munmap(trial->data, trial->buffer->size / 2);
}

const struct operation op_grow = {
	.name = "grow",
	.what = "grow by two while it is mapped, map the new half, write to each page of it",
	.floor = &floor_cycle,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.asks = RESIZE,
	.most = RESIZE_MOST,
	.takes = true,
	.run = grow_run,
	.check = grow_check,
	.finish = grow_finish,
};

/* shrink */

/* A buffer that has grown and is mapped and written as one */
static int shrink_prepare(struct trial *trial)
{
	struct buffer *buffer = trial->buffer;
	int err = 0;

	if (buffer->size == peer_round(trial->peer, trial->size))
		err = buffer_resize(buffer, 2 * buffer->size);
	if (err)
		return err;
	buffer_unmap(buffer);
	err = buffer_map(buffer);
	if (!err)
		pages_write(buffer->map, 0, buffer->size);
	return err;
}

static int shrink_run(struct trial *trial)
{
	return buffer_resize(trial->buffer, trial->buffer->size / 2);
}

static void shrink_check(struct trial *trial)
{
	uint64_t half = trial->buffer->size;

	check_stamps(trial, trial->buffer->map, half);
	if (faults(trial->buffer->map + half, false) != SIGBUS)
		trial->failure = "what a shrink has taken away is still there";
}

const struct operation op_shrink = {
	.name = "shrink",
	.what = "shrink by two, to the size, while all is mapped and written",
	.floor = &floor_ioctl,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.asks = RESIZE,
	.most = RESIZE_MOST,
	.prepare = shrink_prepare,
	.run = shrink_run,
	.check = shrink_check,
};

/* Calls that do hardly anything */

static int info_run(struct trial *trial)
{
	struct iobmd_get_info info;

	for (int i = 0; i < CALLS; i++) {
		if (iobmd_get_info(trial->buffer->fd, &info))
			return -errno;
	}
	trial->calls = CALLS;
	return 0;
}

static void info_check(struct trial *trial)
{
	if (IOBMD_INFO(trial->buffer->fd, length) != trial->buffer->size)
		trial->failure = "the length is not what it was set to";
}

const struct operation op_get_info = {
	.name = "get-info",
	.what = "GET_INFO, one call",
	.floor = &floor_ioctl,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.asks = IOBMD_ONLY,
	.again = true,
	.run = info_run,
	.check = info_check,
};

static int length_run(struct trial *trial)
{
	for (int i = 0; i < CALLS; i++) {
		if (iobmd_set_length(trial->buffer->fd, trial->buffer->size - !(i & 1)))
			return -errno;
	}
	trial->calls = CALLS;
	return 0;
}

const struct operation op_set_length = {
	.name = "set-length",
	.what = "SET_LENGTH, one call",
	.floor = &floor_ioctl,
	.needs = TOUCHED,
	.leaves = TOUCHED,
	.asks = IOBMD_ONLY,
	.again = true,
	.run = length_run,
	.check = info_check,
};
