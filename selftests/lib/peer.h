/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer: another process that works on a buffer on command. It inherits a descriptor
 * and a mapping over fork(), or receives a descriptor by SCM_RIGHTS.
 */
#ifndef IOBMD_TEST_PEER_H
#define IOBMD_TEST_PEER_H

#include "fd_pass.h"
#include "iobmd_test.h"

struct peer {
	pid_t pid;
	int socket;
};

enum peer_verb {
	PEER_TAKE,	/* receive a descriptor and map it; 0 */
	PEER_READ,	/* the byte at this offset, or - the signal */
	PEER_WRITE,	/* write a byte there; 0, or - the signal */
	PEER_RESIZE,	/* 0, or -errno */
	PEER_CLOSE,	/* close the descriptor; 0 */
	PEER_UNMAP,	/* unmap everything; 0 */
};

struct peer_order {
	enum peer_verb verb;
	uint64_t offset;
	uint8_t value;
};

struct peer_state {
	int socket;
	int fd;
	uint8_t *map;
	size_t length;
};

static inline int64_t peer_take(struct peer_state *state)
{
	state->fd = fd_receive(state->socket);
	state->length = page_round(IOBMD_INFO(state->fd, length));
	state->map = map_buffer(state->fd, PROT_READ | PROT_WRITE);
	return state->map == MAP_FAILED ? -errno : 0;
}

static inline int64_t peer_obey(struct peer_state *state, const struct peer_order *order)
{
	uint8_t *at = state->map + order->offset;
	int sig;

	switch (order->verb) {
	case PEER_TAKE:
		return peer_take(state);
	case PEER_READ:
		sig = faults(at, false);
		return sig ? -sig : *at;
	case PEER_WRITE:
		sig = faults(at, true);
		if (!sig)
			*at = order->value;
		return -sig;
	case PEER_RESIZE:
		return iobmd_resize(state->fd, order->offset) ? -errno : 0;
	case PEER_CLOSE:
		return close(state->fd);
	case PEER_UNMAP:
		return munmap(state->map, state->length);
	}
	return -ENOSYS;
}

/* The peer inherits @fd and @map (@length bytes); -1 and NULL for none. */
static inline struct peer peer_start(int fd, void *map, size_t length)
{
	struct peer_state state = { .fd = fd, .map = map, .length = length };
	struct peer peer = { .pid = -1 };
	struct peer_order order;
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return peer;
	peer.socket = sockets[0];
	state.socket = sockets[1];
	peer.pid = child_fork();
	if (peer.pid) {
		close(sockets[1]);
		return peer;
	}
	close(sockets[0]);
	while (read(state.socket, &order, sizeof(order)) == sizeof(order)) {
		int64_t result = peer_obey(&state, &order);

		if (write(state.socket, &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

static inline int64_t peer_result(struct peer *peer)
{
	int64_t result;

	if (read(peer->socket, &result, sizeof(result)) != sizeof(result))
		return INT64_MIN;
	return result;
}

static inline int64_t peer_do(struct peer *peer, enum peer_verb verb, uint64_t offset)
{
	struct peer_order order = { .verb = verb, .offset = offset };

	if (write(peer->socket, &order, sizeof(order)) != sizeof(order))
		return INT64_MIN;
	return peer_result(peer);
}

static inline int64_t peer_read(struct peer *peer, uint64_t offset)
{
	return peer_do(peer, PEER_READ, offset);
}

static inline int64_t peer_write(struct peer *peer, uint64_t offset, uint8_t value)
{
	struct peer_order order = { .verb = PEER_WRITE, .offset = offset, .value = value };

	if (write(peer->socket, &order, sizeof(order)) != sizeof(order))
		return INT64_MIN;
	return peer_result(peer);
}

/* Sends @fd; the peer maps all of it. */
static inline int64_t peer_give(struct peer *peer, int fd)
{
	struct peer_order order = { .verb = PEER_TAKE };

	if (write(peer->socket, &order, sizeof(order)) != sizeof(order) ||
	    fd_send(peer->socket, fd))
		return INT64_MIN;
	return peer_result(peer);
}

/* Makes the peer exit; returns its exit status. */
static inline int peer_stop(struct peer *peer)
{
	close(peer->socket);
	return child_status(peer->pid);
}

#endif /* IOBMD_TEST_PEER_H */
