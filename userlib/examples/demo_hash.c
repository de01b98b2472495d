// SPDX-License-Identifier: 0BSD
/* SHA-256 by the kernel's crypto API. */
#define _GNU_SOURCE
#include "demo.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/if_alg.h>

void demo_hash_open(struct demo_hash *hash)
{
	struct sockaddr_alg name = {
		.salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256",
	};
	int algorithm = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	demo_system(algorithm, "socket(AF_ALG)");
	demo_system(bind(algorithm, (struct sockaddr *)&name, sizeof(name)), "bind(sha256)");
	hash->socket = demo_system(accept4(algorithm, NULL, NULL, SOCK_CLOEXEC), "accept(AF_ALG)");
	close(algorithm);
	demo_system(pipe2(hash->pipe, O_CLOEXEC), "pipe");
	demo_system(fcntl(hash->pipe[1], F_SETPIPE_SZ, DEMO_CHUNK), "F_SETPIPE_SZ");
}

/* Reading the digest ends the hash. */
static void read_digest(struct demo_hash *hash, char *digest)
{
	unsigned char raw[(DEMO_DIGEST_SIZE - 1) / 2];
	size_t i;

	if (read(hash->socket, raw, sizeof(raw)) != sizeof(raw))
		demo_fail("cannot read the digest: %s", strerror(errno));
	for (i = 0; i < sizeof(raw); i++)
		sprintf(digest + 2 * i, "%02x", raw[i]);
}

/* The pipe gets references to the pages, and the hash reads them there. */
void demo_hash_splice(struct demo_hash *hash, char *bytes, uint64_t size, char *digest)
{
	struct iovec rest = { .iov_base = bytes, .iov_len = size };
	size_t moved, held;

	while (rest.iov_len) {
		held = demo_moved(vmsplice(hash->pipe[1], &rest, 1, 0), "vmsplice");
		rest.iov_base = (char *)rest.iov_base + held;
		rest.iov_len -= held;
		for (; held; held -= moved)
			moved = demo_moved(splice(hash->pipe[0], NULL, hash->socket, NULL, held,
						  SPLICE_F_MORE), "splice");
	}
	read_digest(hash, digest);
}

/* Here too the hash reads the sender's pages in place. */
void demo_hash_send(struct demo_hash *hash, char *bytes, uint64_t size, char *digest)
{
	size_t chunk, moved;

	for (; size; size -= moved, bytes += moved) {
		chunk = size < DEMO_CHUNK ? size : DEMO_CHUNK;
		moved = demo_moved(send(hash->socket, bytes, chunk, MSG_MORE), "send");
	}
	read_digest(hash, digest);
}

/*
 * True if vmsplice() puts the page itself into the pipe: then a byte that is changed
 * after the call comes out changed. The byte is restored.
 */
int demo_pipe_refers(struct demo_hash *hash, char *bytes)
{
	struct iovec byte = { .iov_base = bytes, .iov_len = 1 };
	char original = bytes[0], changed = ~original, out;

	demo_moved(vmsplice(hash->pipe[1], &byte, 1, 0), "vmsplice");
	bytes[0] = changed;
	demo_moved(read(hash->pipe[0], &out, 1), "read");
	bytes[0] = original;
	return out == changed;
}
