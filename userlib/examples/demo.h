/* SPDX-License-Identifier: 0BSD */
/* What the two processes of the demo share. */
#ifndef DEMO_H
#define DEMO_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <iobmd.h>

/* A block size for O_DIRECT that suits every disk. */
#define DEMO_BLOCK		4096

/* Capacity of every pipe, and the most that one call moves. */
#define DEMO_CHUNK		(1024 * 1024)

#define DEMO_DIGEST_SIZE	(2 * 32 + 1)
#define DEMO_MESSAGE_SIZE	80

/* The inspected pages: the first, the middle and the last one. */
#define DEMO_PAGES		3

/* The producer's orders to the consumer, which answers each once. */
enum demo_order {
	DEMO_TAKE_BUFFER,	/* a descriptor follows: map it and hash the file */
	DEMO_HASH_ON,		/* answer, then hash again and again until the next order */
	DEMO_READ_NEW_PART,	/* read the message after the old end */
	DEMO_TAKE_PIPE,		/* read the file from the pipe and hash it */
	DEMO_RELEASE,		/* release what the last of them took */
};

/**
 * struct demo_view - how a process sees the file
 * @process: Its id.
 * @address: Where the file begins in its memory.
 * @length: How many bytes it sees there.
 * @frames: The page frame numbers of the inspected pages.
 * @huge: How many bytes are mapped with huge pages.
 */
struct demo_view {
	pid_t process;
	uint64_t address;
	uint64_t length;
	uint64_t frames[DEMO_PAGES];
	uint64_t huge;
};

/**
 * struct demo_usage - what a process has used
 * @cpu: CPU time, in nanoseconds.
 * @faults: Page faults.
 * @calls: System calls that the file's bytes went through.
 */
struct demo_usage {
	uint64_t cpu;
	uint64_t faults;
	uint64_t calls;
};

/**
 * struct demo_answer - the consumer's report to the producer
 * @view: How it sees the file.
 * @arrived: When it had the file, in nanoseconds of CLOCK_MONOTONIC.
 * @finished: When it had the digest.
 * @until_arrived: What it used until then.
 * @until_finished: What it used until then.
 * @hashed: How often it hashed the file since the last answer.
 * @digest: The SHA-256, as text.
 * @message: What it found after the old end.
 */
struct demo_answer {
	struct demo_view view;
	uint64_t arrived;
	uint64_t finished;
	struct demo_usage until_arrived;
	struct demo_usage until_finished;
	uint64_t hashed;
	char digest[DEMO_DIGEST_SIZE];
	char message[DEMO_MESSAGE_SIZE];
};

/**
 * struct demo - the producer's side
 * @disk_name: The block device that begins with the file.
 * @size: The size of the file in bytes.
 * @capacity: @size rounded up to whole blocks.
 * @digest: The expected SHA-256, as text.
 * @device: /dev/iobmd.
 * @socket: Connected to the consumer.
 * @pipe: Connected to the consumer; used only by the way with a pipe.
 * @consumer: Its process id.
 */
struct demo {
	const char *disk_name;
	uint64_t size;
	uint64_t capacity;
	const char *digest;
	int device;
	int socket;
	int pipe;
	pid_t consumer;
};

/* What is measured; times are in nanoseconds. */
enum demo_metric {
	DEMO_MEMORY,		/* bytes of memory that held the file, in all places */
	DEMO_FAULTS,		/* page faults of both processes */
	DEMO_CALLS,		/* system calls of both that the bytes went through */
	DEMO_ARRIVED,		/* from the start until the consumer had the file */
	DEMO_ARRIVED_CPU,	/* CPU time of both until then */
	DEMO_FINISHED,		/* from the start until it had the digest */
	DEMO_FINISHED_CPU,
	DEMO_METRICS
};

/**
 * struct demo_run - one run of one way
 * @buffer: The buffer of the way with a buffer, else NULL.
 * @memory: The producer's mapping of the way with a pipe, else NULL.
 * @view: How the producer sees the file.
 * @answer: The consumer's report.
 * @cached: Bytes of the disk in the page cache, before and after.
 * @value: What was measured.
 */
struct demo_run {
	struct iobmd_buffer *buffer;
	void *memory;
	struct demo_view view;
	struct demo_answer answer;
	uint64_t cached[2];
	uint64_t value[DEMO_METRICS];
};

/* demo_common.c: errors, numbers, memory. Failures end the process. */
void demo_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void demo_check(int condition, const char *what);
int demo_iobmd(int result, const char *what);
int demo_system(int result, const char *what);
size_t demo_moved(ssize_t result, const char *what);
uint64_t demo_now(void);
void demo_usage_get(struct demo_usage *usage);
void demo_usage_subtract(struct demo_usage *usage, const struct demo_usage *earlier);
void *demo_memory_map(uint64_t size);
void demo_memory_unmap(void *memory, uint64_t size);

/* demo_view.c: what the kernel reports about the memory of a process */
uint64_t demo_page_offset(uint64_t size, int page);
void demo_view_get(struct demo_view *view, void *bytes, uint64_t size);
uint64_t demo_disk_cached(int disk, uint64_t size);

/* demo_hash.c: SHA-256 by the kernel */
struct demo_hash {
	int socket;
	int pipe[2];
};

void demo_hash_open(struct demo_hash *hash);
void demo_hash_splice(struct demo_hash *hash, char *bytes, uint64_t size, char *digest);
void demo_hash_send(struct demo_hash *hash, char *bytes, uint64_t size, char *digest);
int demo_pipe_refers(struct demo_hash *hash, char *bytes);

/* demo_consumer.c: the other program */
int demo_consumer_main(char **arguments);

/* demo_ways.c: the producer's part of both ways */
void demo_order_give(const struct demo *demo, enum demo_order order);
void demo_answer_get(const struct demo *demo, struct demo_answer *answer);
void demo_run_buffer(const struct demo *demo, struct demo_run *run);
void demo_run_pipe(const struct demo *demo, struct demo_run *run);
void demo_run_end(const struct demo *demo, struct demo_run *run);

/* demo_table.c: both ways side by side */
void demo_compare(const struct demo *demo);

#endif /* DEMO_H */
