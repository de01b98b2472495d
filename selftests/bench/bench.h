/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The benchmark: operations on buffers of several makes, side by side.
 *
 * A *peer* makes buffers. An *operation* is what is measured. A *cell* is an operation on
 * buffers of one peer and one size, and gets many *trials*. All functions that may fail
 * return 0 or a negative errno, which is then the cell's result.
 */
#ifndef IOBMD_BENCH_H
#define IOBMD_BENCH_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct buffer;

/**
 * struct peer - one make of buffers
 * @name: As it appears in the results.
 * @what: What that is, in a few words.
 * @ours: iobmd itself: that it is not there is a failure.
 * @floor: Plain anonymous memory, for what no buffer can do faster.
 * @huge_unit: Sizes are rounded up to whole huge pages.
 * @argument: For @create: flags, a policy.
 * @advice: For madvise(2) after mapping; 0 for none.
 * @ready: Before an operation that takes memory, and not timed: sees to it that
 *	so many bytes can be had; NULL if there is nothing to do.
 * @rest: After that.
 * @create: Makes @fd of a buffer (or @map of one that has no descriptor).
 * @resize: NULL if it cannot.
 * @export: A dma-buf of the buffer, a new descriptor; NULL if it cannot.
 * @share: A descriptor that another process can map at offset 0, a new one; NULL
 *	if that is @fd.
 * @destroy: Closes it.
 */
struct peer {
	const char *name;
	const char *what;
	bool ours;
	bool floor;
	bool huge_unit;
	uint32_t argument;
	int advice;
	int (*ready)(uint64_t size);
	void (*rest)(void);
	int (*create)(struct buffer *buffer);
	int (*resize)(struct buffer *buffer, uint64_t size);
	int (*export)(struct buffer *buffer);
	int (*share)(struct buffer *buffer);
	void (*destroy)(struct buffer *buffer);
};

/**
 * struct buffer - what an operation works on
 * @peer: The peer that makes it.
 * @size: In bytes, as rounded for the peer.
 * @fd: The descriptor, or -1.
 * @memfd: What udmabuf's lies on, or -1.
 * @handle: vgem's name for it.
 * @offset: Where mmap(2) finds it.
 * @map: NULL while it is not mapped.
 * @mapped: Bytes at @map.
 */
struct buffer {
	const struct peer *peer;
	uint64_t size;
	int fd;
	int memfd;
	uint32_t handle;
	uint64_t offset;
	uint8_t *map;
	uint64_t mapped;
};

/* In which state an operation wants the buffer. */
enum state {
	NOTHING,
	CREATED,
	MAPPED,
	TOUCHED,	/* a stamp in each page */
};

/* What an operation asks of a peer. */
enum ability {
	ANY_PEER,
	RESIZE,
	EXPORT,
	IOBMD_ONLY,
};

struct operation;

/**
 * struct trial - one repetition
 * @operation: What is to be done.
 * @peer: With whose buffers.
 * @size: Of how many bytes.
 * @buffer: To what, unless @operation makes its own.
 * @data: The operation's own, from its prepare to its finish.
 * @calls: In how many equal parts @operation does its work; 1 unless it says so. The
 *	time is divided by that.
 * @note: A second result, in what the operation's @noted says.
 * @failure: What is wrong with the data, or NULL.
 */
struct trial {
	const struct operation *operation;
	const struct peer *peer;
	uint64_t size;
	struct buffer *buffer;
	void *data;
	uint64_t calls;
	uint64_t note;
	const char *failure;
};

/**
 * struct operation - what is measured
 * @name: As it appears in the results.
 * @what: In a few words.
 * @floor: What is done with plain memory for comparison, or NULL.
 * @needs: The state that the buffer is brought to before.
 * @leaves: The state that it is in after.
 * @asks: What a peer must be able to do.
 * @most: The largest size, in bytes; 0 for all.
 * @argument: For @run.
 * @takes: It takes memory of the size. Peers with a @ready have nothing else to show.
 * @bandwidth: The whole size is moved, so that bytes per second make sense.
 * @again: @run can run several times.
 * @slow: It takes seconds.
 * @noted: The unit of the trial's @note, or NULL.
 * @prepare: Not timed, as @check and @finish. May be NULL, as these.
 * @run: Timed.
 * @check: Looks at the data after @run, in the first trial of a cell, and may note
 *	something.
 * @finish: Undoes what @prepare and @run have left, also if they failed.
 */
struct operation {
	const char *name;
	const char *what;
	const struct operation *floor;
	enum state needs;
	enum state leaves;
	enum ability asks;
	uint64_t most;
	unsigned int argument;
	bool takes;
	bool bandwidth;
	bool again;
	bool slow;
	const char *noted;
	int (*prepare)(struct trial *trial);
	int (*run)(struct trial *trial);
	void (*check)(struct trial *trial);
	void (*finish)(struct trial *trial);
};

#define SAMPLES_MAX	100

/**
 * struct cell - results
 * @operation: What was done.
 * @peer: With whose buffers.
 * @size: In bytes, as asked for.
 * @bytes: In bytes, as rounded for the peer.
 * @error: What it failed with, a negative errno or NO_SUCH_THING; or 0.
 * @failure: What was wrong with the data, or NULL.
 * @noted: The operation's second result; valid with @has_note.
 * @has_note: Whether there is one.
 * @spent: Nanoseconds, all included.
 * @count: Trials in @samples.
 * @samples: Nanoseconds per call; sorted when all are there.
 */
struct cell {
	const struct operation *operation;
	const struct peer *peer;
	uint64_t size;
	uint64_t bytes;
	int error;
	const char *failure;
	uint64_t noted;
	bool has_note;
	uint64_t spent;
	unsigned int count;
	double samples[SAMPLES_MAX];
};

/* No errno: the peer has nothing of the kind. */
#define NO_SUCH_THING	(-1000)
/* No errno either: an access raised that signal. */
#define SIGNALLED	(-1001)

/**
 * struct options - what is to be done
 * @measure: Times, else only the checks of the data, as TAP.
 * @operation: Only this one, or NULL.
 * @peer: Only this one (and the floor), or NULL.
 * @size: Only this size, or 0.
 * @most: No size above this, or 0.
 * @repetitions: As many are wanted; when time is short, three or one have to do.
 * @fixed: Exactly so many, however long that takes.
 * @seconds: How long all of it may take.
 * @seed: For the order of the peers.
 * @ticks: Time is the processor's time stamp counter, as nanoseconds.
 * @disk: A file or device for reading, or NULL: the scratch disk of the tests.
 * @output: Where the results go: DIR/results.json and DIR/results.tsv; or NULL.
 * @machine: What the machine is: kvm, tcg...
 * @version: Of the source.
 */
struct options {
	bool measure;
	const char *operation;
	const char *peer;
	uint64_t size;
	uint64_t most;
	unsigned int repetitions;
	bool fixed;
	unsigned int seconds;
	uint64_t seed;
	bool ticks;
	const char *disk;
	const char *output;
	const char *machine;
	const char *version;
};

extern struct options options;

/* peers.c, peers_iobmd.c, peers_dmabuf.c */
#define PEERS_MAX	16

extern const struct peer floor_peer;
extern const struct peer *const peers[];
extern const struct peer iobmd_peer, iobmd_none_peer, iobmd_require_peer, iobmd_reserve_peer;
extern const struct peer udmabuf_peer, udmabuf_hugetlb_peer, heap_peer, vgem_peer;

uint64_t bench_page_size(void);
uint64_t bench_huge_page_size(void);
uint64_t peer_round(const struct peer *peer, uint64_t size);
void file_destroy(struct buffer *buffer);
int memfd_make(struct buffer *buffer, unsigned int flags);
int buffer_create(struct buffer *buffer, const struct peer *peer, uint64_t size);
int buffer_map(struct buffer *buffer);
void buffer_unmap(struct buffer *buffer);
void buffer_destroy(struct buffer *buffer);
int buffer_resize(struct buffer *buffer, uint64_t size);
int buffer_export(struct buffer *buffer);
bool peer_is_there(const struct peer *peer);

/* pages.c: the data */
void pages_write(uint8_t *map, uint64_t from, uint64_t end);
uint64_t pages_read(const uint8_t *map, uint64_t size);
uint64_t pages_sum(const uint8_t *map, uint64_t size);
uint64_t stamps_sum(uint64_t size);
void check_stamps(struct trial *trial, const uint8_t *map, uint64_t size);
void check_zero(struct trial *trial, const uint8_t *map, uint64_t size, uint64_t skip);

/* floor.c */
extern const struct operation floor_ioctl, floor_memset, floor_faults, floor_cycle, floor_sum;

#define OPERATIONS_MAX	24

/*
 * A group: operations that follow each other in the life of one buffer. Each list ends
 * with NULL.
 */
extern const struct operation *const *const groups[];

/* op_life.c */
extern const struct operation op_create, op_map, op_unmap, op_close, op_cycle_cold;
extern const struct operation op_cycle_warm, op_grow, op_shrink, op_get_info, op_set_length;

/* op_access.c */
extern const struct operation op_touch_write, op_touch_read, op_share, op_random, op_memcpy;

/* op_io.c */
extern const struct operation op_direct_read, op_read_fixed, op_register, op_vmsplice;

/* op_device.c */
extern const struct operation op_dma, op_vmap;

/* peers_iobmd.c: the reserve is set as the peers want it from one to the other. */
void reserve_begin(void);
void reserve_end(void);

/* Unloads the importer's module, if it was not there before. */
void importer_end(void);

/* op_many.c */
extern const struct operation op_many, op_threads_1, op_threads_2, op_threads_4;

int helper_start(void);

/* measure.c */
uint64_t clock_now(void);
void clock_calibrate(void);
void group_run(struct cell **rows, unsigned int nr_rows, unsigned int nr_columns,
	       uint64_t budget);

/* report.c */
const char *size_name(uint64_t size);
double cell_median(const struct cell *cell);
double cell_p99(const struct cell *cell);
double row_best(const struct cell *row, unsigned int count);
double row_floor(const struct cell *row, unsigned int count);
const char *error_name(int error);
void report_row(const struct cell *row, unsigned int count);
void report_losses(const struct cell *cells, unsigned int count, unsigned int columns);

/* report_file.c */
int report_files(const struct cell *cells, unsigned int count, unsigned int columns);

#endif /* IOBMD_BENCH_H */
