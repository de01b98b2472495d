// SPDX-License-Identifier: 0BSD
/*
 * The main purpose of iobmd with real data: a producer reads a file from a disk into a
 * buffer, and a consumer computes its SHA-256, without a copy. Run by scripts/demo in a
 * virtual machine. Shows each step, and exits with status 1 and FAILED if anything is
 * not as expected.
 *
 * demo DISK SIZE SHA256
 *
 * DISK begins with the SIZE bytes of the file, padded to whole blocks of 4096 bytes;
 * SHA256 is the expected hash. Needs root.
 */
#define _GNU_SOURCE
#include "demo.h"
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE	"This was not there when you mapped the buffer."

static const char *const page_names[DEMO_PAGES] = { "first page", "middle page", "last page" };

static void usage(void)
{
	fprintf(stderr, "usage: demo DISK SIZE SHA256\n");
	exit(2);
}

static void parse(int argc, char **argv, struct demo *demo)
{
	char *end;

	if (argc != 4)
		usage();
	demo->disk_name = argv[1];
	demo->size = strtoull(argv[2], &end, 10);
	demo->digest = argv[3];
	if (*end || !demo->size || strlen(demo->digest) != DEMO_DIGEST_SIZE - 1 ||
	    strspn(demo->digest, "0123456789abcdef") != DEMO_DIGEST_SIZE - 1)
		usage();
	demo->capacity = (demo->size + DEMO_BLOCK - 1) / DEMO_BLOCK * DEMO_BLOCK;
}

static void become_consumer(int socket, int pipe, uint64_t size)
{
	char numbers[3][24];

	snprintf(numbers[0], sizeof(numbers[0]), "%d", demo_system(dup(socket), "dup"));
	snprintf(numbers[1], sizeof(numbers[1]), "%d", demo_system(dup(pipe), "dup"));
	snprintf(numbers[2], sizeof(numbers[2]), "%" PRIu64, size);
	execl("/proc/self/exe", "demo", "consumer", numbers[0], numbers[1], numbers[2], NULL);
	demo_fail("cannot run the consumer");
}

/* Every descriptor is close-on-exec: the consumer has only the two passed here. */
static void start_consumer(struct demo *demo)
{
	int sockets[2], pipes[2];

	demo_system(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), "socketpair");
	demo_system(pipe2(pipes, O_CLOEXEC), "pipe");
	demo_system(fcntl(pipes[1], F_SETPIPE_SZ, DEMO_CHUNK), "F_SETPIPE_SZ");
	demo->consumer = demo_system(fork(), "fork");
	if (demo->consumer == 0)
		become_consumer(sockets[1], pipes[0], demo->size);
	close(sockets[1]);
	close(pipes[0]);
	demo->socket = sockets[0];
	demo->pipe = pipes[1];
}

static void end_consumer(struct demo *demo)
{
	int status;

	close(demo->socket);
	if (waitpid(demo->consumer, &status, 0) != demo->consumer || status != 0)
		demo_fail("the consumer ended with status %#x", status);
	close(demo->pipe);
	close(demo->device);
}

static void check_digest(const struct demo *demo, const struct demo_run *run)
{
	printf("   consumer   %s\n", run->answer.digest);
	printf("   sha256sum  %s\n", demo->digest);
	demo_check(!strcmp(run->answer.digest, demo->digest), "both digests are the same");
}

static void show_reading(const struct demo *demo, const struct demo_run *run)
{
	struct iobmd_buffer_info info;

	demo_iobmd(iobmd_buffer_get_info(run->buffer, &info, sizeof(info)), "get info");
	printf("1. The producer (process %d) makes a buffer and maps it.\n", run->view.process);
	printf("   %" PRIu64 " bytes, whole blocks of the disk, at 0x%" PRIx64 " in its memory;\n",
	       (uint64_t)info.capacity, run->view.address);
	printf("   %" PRIu64 " of them are in huge pages\n\n", (uint64_t)info.huge_bytes);

	printf("2. It reads %s straight into the buffer (O_DIRECT): the device writes there itself.\n",
	       demo->disk_name);
	printf("   bytes of the disk in the page cache: %" PRIu64 " before, %" PRIu64 " after\n\n",
	       run->cached[0], run->cached[1]);
	demo_check(run->cached[1] == 0, "the file did not go through the page cache");
}

static void show_handing_over(const struct demo *demo, const struct demo_run *run)
{
	const struct demo_view *view = &run->answer.view;

	printf("3. It sends a descriptor of the buffer, through a UNIX socket, to the consumer\n"
	       "   (process %d, a program with an address space of its own), which maps it.\n",
	       view->process);
	printf("   the file's %" PRIu64 " bytes, at 0x%" PRIx64 " in the consumer's memory\n\n",
	       view->length, view->address);
	demo_check(view->process == demo->consumer && view->process != getpid(),
		   "producer and consumer are two processes");

	printf("4. The consumer lets the kernel compute the SHA-256 (AF_ALG), and passes it the pages\n"
	       "   themselves (vmsplice, splice): a byte of the buffer that it changed after vmsplice\n"
	       "   came out of the pipe changed.\n");
	check_digest(demo, run);
	printf("   the same\n\n");
}

static void print_columns(const char *what, const char *left, const char *right)
{
	printf("   %-24s %-16s %s\n", what, left, right);
}

static void check_pages(const struct demo_view *left, const struct demo_view *right, int same)
{
	uint64_t offset, last = UINT64_MAX;
	int page;

	for (page = 0; page < DEMO_PAGES; page++) {
		offset = demo_page_offset(left->length, page);
		if (offset == last)
			continue;
		last = offset;
		printf("   %-24s 0x%-14" PRIx64 " 0x%" PRIx64 "\n", page_names[page],
		       left->frames[page], right->frames[page]);
		demo_check((left->frames[page] == right->frames[page]) == same,
			   same ? "the physical page is the same" : "each has a page of its own");
	}
}

static void show_pages(const struct demo_run *run)
{
	const struct demo_view *consumer = &run->answer.view;

	printf("5. Both look at the same physical memory: what each one's /proc/self tells.\n");
	print_columns("physical page number of", "producer", "consumer");
	check_pages(&run->view, consumer, 1);
	printf("   %-24s %-16" PRIu64 " %" PRIu64 "\n\n", "bytes in huge mappings",
	       run->view.huge, consumer->huge);
}

/* Grows the buffer while the consumer hashes it, and leaves a message in the new part. */
static void grow(const struct demo *demo, struct demo_run *run, struct demo_answer *answer)
{
	struct iobmd_address_segment segment;

	demo_order_give(demo, DEMO_HASH_ON);
	demo_answer_get(demo, answer);
	demo_iobmd(iobmd_buffer_resize(run->buffer, 2 * demo->capacity), "grow the buffer");
	demo_iobmd(iobmd_buffer_get_address_range(run->buffer, 0, &segment), "map the buffer");
	demo_check(segment.length == 2 * demo->capacity, "the buffer has twice the size");
	strcpy((char *)segment.address + demo->capacity, MESSAGE);
	demo_order_give(demo, DEMO_READ_NEW_PART);
	demo_answer_get(demo, answer);
}

static void show_growing(const struct demo *demo, struct demo_run *run)
{
	struct demo_view before = run->answer.view, *after = &run->answer.view;

	grow(demo, run, &run->answer);
	printf("6. The producer doubles the buffer to %" PRIu64 " bytes. Meanwhile the consumer hashes the\n"
	       "   file in it again and again: %" PRIu64 " times, each time with the right digest.\n",
	       2 * demo->capacity, run->answer.hashed);
	demo_check(!strcmp(run->answer.digest, demo->digest), "the digest stays right");

	print_columns("for the consumer", "before", "after");
	printf("   %-24s 0x%-14" PRIx64 " 0x%" PRIx64 "\n", "address", before.address,
	       after->address);
	demo_check(before.address == after->address, "the consumer's pointer stays");
	check_pages(&before, after, 1);

	printf("   The producer writes behind the old end. What the consumer reads there:\n");
	printf("   \"%s\"\n\n", run->answer.message);
	demo_check(!strcmp(run->answer.message, MESSAGE),
		   "the consumer reads what the producer wrote");
}

static void show_buffer(const struct demo *demo)
{
	struct demo_run run;

	demo_run_buffer(demo, &run);
	show_reading(demo, &run);
	show_handing_over(demo, &run);
	show_pages(&run);
	show_growing(demo, &run);
	demo_run_end(demo, &run);
}

static void show_pipe(const struct demo *demo)
{
	struct demo_run run;

	demo_run_pipe(demo, &run);
	printf("7. The same without iobmd: the producer read()s the disk and write()s to a pipe, the\n"
	       "   consumer read()s the pipe into memory of its own and passes that to the hash.\n");
	check_digest(demo, &run);
	printf("   the same, but now the file is in memory three times: in the page cache (%" PRIu64 "\n"
	       "   bytes of the disk), in the producer and in the consumer\n", run.cached[1]);
	demo_check(run.cached[1] >= demo->capacity, "the file went through the page cache");
	print_columns("physical page number of", "producer", "consumer");
	check_pages(&run.view, &run.answer.view, 0);
	printf("\n");
	demo_run_end(demo, &run);
}

int main(int argc, char **argv)
{
	struct utsname kernel;
	struct demo demo;

	if (argc == 5 && !strcmp(argv[1], "consumer"))
		return demo_consumer_main(argv);
	parse(argc, argv, &demo);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	demo_system(uname(&kernel), "uname");
	printf("Linux %s\n\n", kernel.release);
	demo.device = demo_iobmd(iobmd_device_open(), "/dev/iobmd");
	start_consumer(&demo);
	show_buffer(&demo);
	show_pipe(&demo);
	demo_compare(&demo);
	end_consumer(&demo);
	return 0;
}
