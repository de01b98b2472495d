// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd bench: a short comparison with other shared memory of this machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"
#include "copy.h"
#include "scan.h"
#include "tool.h"

#define KIB		1024ull
#define MIB		(1024 * KIB)
#define PAGE		4096

/* For each cell: at least this many trials, and at least this long (ns). */
#define TRIALS_MIN	3
#define TRIALS_MAX	1000
#define TRIALS_TIME	300000000ull

static const char help[] =
	"usage: iobmd bench\n\n"
	"Compares buffers of the module with those of memfd, udmabuf and dma-heap, as far as this\n"
	"machine has them and you may use them. Shows medians; takes less than a minute. Exits\n"
	"with 1 if buffers of the module cannot be created.\n\n"
	"  --help  print this text\n";

/* Volatile, so that the compiler does not omit the writes. */
static void touch(uint8_t *memory, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += PAGE)
		*(volatile uint8_t *)(memory + at) = 1;
}

static void look_at(const uint8_t *memory, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += PAGE)
		(void)*(const volatile uint8_t *)(memory + at);
}

static int with_mapping(const struct made *made, uint64_t size,
			int (*use)(uint8_t *memory, uint64_t size))
{
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, made->fd, 0);
	int err;

	if (memory == MAP_FAILED)
		return -errno;
	err = use(memory, size);
	munmap(memory, size);
	return err;
}

static int use_touch(uint8_t *memory, uint64_t size)
{
	touch(memory, size);
	return 0;
}

static int use_look(uint8_t *memory, uint64_t size)
{
	look_at(memory, size);
	return 0;
}

/* The pages go into a pipe by reference, without a copy. */
static int use_vmsplice(uint8_t *memory, uint64_t size)
{
	struct iovec pages = { .iov_base = memory, .iov_len = size };
	int ends[2], err = 0;

	touch(memory, size);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	if (vmsplice(ends[1], &pages, 1, 0) != (ssize_t)size)
		err = -(errno ? errno : EIO);
	close(ends[0]);
	close(ends[1]);
	return err;
}

static int whole_life(const struct peer *peer, uint64_t size, struct made *made)
{
	int err = peer->create(size, made);

	if (err)
		return err;
	err = with_mapping(made, size, use_touch);
	made_close(made);
	return err;
}

static int map_and_read(const struct peer *peer, uint64_t size, struct made *made)
{
	return with_mapping(made, size, use_look);
}

static int into_pipe(const struct peer *peer, uint64_t size, struct made *made)
{
	return with_mapping(made, size, use_vmsplice);
}

static int export(const struct peer *peer, uint64_t size, struct made *made)
{
	int fd = peer->export ? peer->export(made, size) : -EOPNOTSUPP;

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/**
 * struct operation - a row of the table
 * @title: The operation and the size.
 * @size: In bytes.
 * @made: Whether a buffer with memory exists before.
 * @run: Runs the operation once; 0 or a negative errno.
 */
struct operation {
	const char *title;
	uint64_t size;
	bool made;
	int (*run)(const struct peer *peer, uint64_t size, struct made *made);
};

static const struct operation operations[] = {
	{ "whole life, 4 KiB", 4 * KIB, false, whole_life },
	{ "whole life, 2 MiB", 2 * MIB, false, whole_life },
	{ "whole life, 64 MiB", 64 * MIB, false, whole_life },
	{ "map and read, 64 MiB", 64 * MIB, true, map_and_read },
	{ "vmsplice, 64 KiB", 64 * KIB, true, into_pipe },
	{ "as a dma-buf, 64 MiB", 64 * MIB, true, export },
};

static int ascending(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static int trials(const struct operation *operation, const struct peer *peer, struct made *made,
		  uint64_t *median)
{
	uint64_t times[TRIALS_MAX], started = now(), before;
	int count = 0, err;

	/* The first one warms up. */
	err = operation->run(peer, operation->size, made);
	while (!err && count < TRIALS_MAX &&
	       (count < TRIALS_MIN || now() - started < TRIALS_TIME)) {
		before = now();
		err = operation->run(peer, operation->size, made);
		times[count++] = now() - before;
	}
	if (err)
		return err;
	qsort(times, count, sizeof(*times), ascending);
	*median = times[count / 2];
	return 0;
}

static int measure(const struct operation *operation, const struct peer *peer, uint64_t *median)
{
	struct made made = { .fd = -1, .memory = -1 };
	int err;

	if (!operation->made)
		return trials(operation, peer, &made, median);
	err = peer->create(operation->size, &made);
	if (err)
		return err;
	err = with_mapping(&made, operation->size, use_touch);
	if (!err)
		err = trials(operation, peer, &made, median);
	made_close(&made);
	return err;
}

static void time_cell(struct table *table, uint64_t time)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 } };
	size_t unit = 0;
	char text[32];

	while (unit < ARRAY_SIZE(units) - 1 && time < units[unit].ns)
		unit++;
	snprintf(text, sizeof(text), "%.*f %s", time < 10 * units[unit].ns ? 1 : 0,
		 (double)time / units[unit].ns, units[unit].name);
	table_cell(table, text);
}

static void run_row(struct table *table, const struct operation *operation, const bool *there)
{
	uint64_t median;

	table_cell(table, operation->title);
	for (size_t i = 0; i < nr_peers; i++) {
		if (!there[i])
			continue;
		if (measure(operation, &peers[i], &median))
			table_cell(table, "-");
		else
			time_cell(table, median);
	}
}

/* A peer is available if it can create a buffer that can be mapped. */
static size_t find_peers(bool *there, struct column *columns)
{
	size_t count = 1;

	for (size_t i = 0; i < nr_peers; i++) {
		struct made made = { .fd = -1, .memory = -1 };
		int err = peers[i].create(2 * MIB, &made);

		if (!err)
			err = with_mapping(&made, 2 * MIB, use_touch);
		made_close(&made);
		there[i] = !err;
		if (err)
			fprintf(stderr, "%s: %s\n", peers[i].name, strerror(-err));
		else
			columns[count++] = (struct column) {
				.title = peers[i].name, .right = true, .rank = i,
			};
	}
	return count;
}

int tool_bench(int argc, char **argv)
{
	static const struct option options[] = { OPTIONS_END };
	struct column columns[TABLE_COLUMNS] = { { .title = "" } };
	struct table table = { .columns = columns };
	bool there[TABLE_COLUMNS];

	option_next(argc, argv, options, help);
	option_no_more(argc, argv);
	table.nr_columns = find_peers(there, columns);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		run_row(&table, &operations[i], there);
	table_print(&table, output_width());
	table_free(&table);
	return there[0] ? EXIT_SUCCESS : EXIT_FAILURE;
}
