// SPDX-License-Identifier: 0BSD
/* The consumer: executes the orders of the producer, and reports what it sees. */
#define _GNU_SOURCE
#include "demo.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/**
 * struct consumer - the state of the consumer
 * @socket: Where the orders come from.
 * @pipe: Where the file comes from, if it is sent through a pipe.
 * @size: The size of the file in bytes.
 * @hash: The kernel's SHA-256.
 * @buffer: The buffer that it has received, or NULL.
 * @bytes: The file.
 */
struct consumer {
	int socket;
	int pipe;
	uint64_t size;
	struct demo_hash hash;
	struct iobmd_buffer *buffer;
	char *bytes;
};

static void tell(struct consumer *consumer, struct demo_answer *answer)
{
	demo_system(send(consumer->socket, answer, sizeof(*answer), MSG_NOSIGNAL), "answer");
}

static void note_time(uint64_t *time, struct demo_usage *usage, const struct demo_usage *start)
{
	*time = demo_now();
	demo_usage_get(usage);
	demo_usage_subtract(usage, start);
}

static void take_buffer(struct consumer *consumer, struct demo_answer *answer)
{
	struct iobmd_address_segment segment;
	struct demo_usage start;

	demo_usage_get(&start);
	demo_iobmd(iobmd_buffer_receive(consumer->socket, &consumer->buffer), "receive a buffer");
	demo_iobmd(iobmd_buffer_get_address_range(consumer->buffer, 0, &segment), "map the buffer");
	consumer->bytes = segment.address;
	note_time(&answer->arrived, &answer->until_arrived, &start);
	demo_hash_splice(&consumer->hash, consumer->bytes, consumer->size, answer->digest);
	note_time(&answer->finished, &answer->until_finished, &start);

	demo_check(segment.length == consumer->size, "the buffer's length is the file's");
	demo_check(demo_pipe_refers(&consumer->hash, consumer->bytes),
		   "a byte changed after vmsplice() comes out of the pipe changed");
}

static void take_pipe(struct consumer *consumer, struct demo_answer *answer)
{
	struct demo_usage start;
	size_t done = 0;

	demo_usage_get(&start);
	consumer->bytes = demo_memory_map(consumer->size);
	while (done < consumer->size)
		done += demo_moved(read(consumer->pipe, consumer->bytes + done,
					consumer->size - done), "read the pipe");
	note_time(&answer->arrived, &answer->until_arrived, &start);
	demo_hash_send(&consumer->hash, consumer->bytes, consumer->size, answer->digest);
	note_time(&answer->finished, &answer->until_finished, &start);
}

static int order_waits(struct consumer *consumer)
{
	struct pollfd socket = { .fd = consumer->socket, .events = POLLIN };

	return demo_system(poll(&socket, 1, 0), "poll") > 0;
}

/* Hashes at least once before the answer, and once after the next order has arrived. */
static void hash_on(struct consumer *consumer, struct demo_answer *answer)
{
	char digest[DEMO_DIGEST_SIZE];
	int last;

	demo_hash_splice(&consumer->hash, consumer->bytes, consumer->size, answer->digest);
	tell(consumer, answer);
	answer->hashed = 1;
	do {
		last = order_waits(consumer);
		demo_hash_splice(&consumer->hash, consumer->bytes, consumer->size, digest);
		demo_check(!strcmp(digest, answer->digest), "the digest stays while the buffer grows");
		answer->hashed++;
	} while (!last);
}

/* The old mapping does not change: the new part is mapped separately. */
static void read_new_part(struct consumer *consumer, struct demo_answer *answer)
{
	uint64_t old = (consumer->size + DEMO_BLOCK - 1) / DEMO_BLOCK * DEMO_BLOCK;
	struct iobmd_mapping *mapping;

	demo_iobmd(iobmd_mapping_create(consumer->buffer, IOBMD_MAPPING_READ_ONLY, NULL, old, 0,
					&mapping), "map the new part");
	snprintf(answer->message, sizeof(answer->message), "%s",
		 (char *)iobmd_mapping_address(mapping));
	iobmd_mapping_free(mapping);
}

static void release(struct consumer *consumer)
{
	if (consumer->buffer)
		iobmd_buffer_free(consumer->buffer);
	else
		demo_memory_unmap(consumer->bytes, consumer->size);
	consumer->buffer = NULL;
	consumer->bytes = NULL;
}

static void obey(struct consumer *consumer, enum demo_order order, struct demo_answer *answer)
{
	switch (order) {
	case DEMO_TAKE_BUFFER:
		take_buffer(consumer, answer);
		break;
	case DEMO_HASH_ON:
		hash_on(consumer, answer);
		return;
	case DEMO_READ_NEW_PART:
		read_new_part(consumer, answer);
		break;
	case DEMO_TAKE_PIPE:
		take_pipe(consumer, answer);
		break;
	case DEMO_RELEASE:
		release(consumer);
		break;
	}
	if (consumer->bytes)
		demo_view_get(&answer->view, consumer->bytes, consumer->size);
	tell(consumer, answer);
}

/* Arguments: "consumer", the numbers of the socket and the pipe, the size. */
int demo_consumer_main(char **arguments)
{
	struct consumer consumer = {
		.socket = atoi(arguments[2]),
		.pipe = atoi(arguments[3]),
		.size = strtoull(arguments[4], NULL, 10),
	};
	struct demo_answer answer = { .hashed = 0 };
	enum demo_order order;
	ssize_t received;

	demo_hash_open(&consumer.hash);
	while ((received = recv(consumer.socket, &order, sizeof(order), 0)) == sizeof(order))
		obey(&consumer, order, &answer);
	demo_check(received == 0, "an order is one number");
	return 0;
}
