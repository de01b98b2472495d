// SPDX-License-Identifier: GPL-2.0
/*
 * The processes of a fuzzer. Each does what the conductor tells it: a system call,
 * an access to memory, a fork. The conductor itself has no buffer; what goes in and
 * out lies in a scratch area that all have at the same address.
 */
#include "common.h"
#include "fd_pass.h"

#include <poll.h>
#include <sys/syscall.h>

static int64_t errno_or(int64_t result)
{
	return result == -1 ? -errno : result;
}

/* Signals are caught for each page: what could be copied has been. */
int copy_piece(void *to, const void *from, size_t length)
{
	int sig = sigsetjmp(fault_env, 0);

	if (!sig) {
		fault_expected = 1;
		memcpy(to, from, length);
	}
	fault_expected = 0;
	return sig;
}

static int64_t process_copy(struct scratch *scratch, uint8_t *address, size_t length, bool store)
{
	size_t done = 0;

	for (unsigned int i = 0; done < length; i++) {
		size_t in_page = SCRATCH_PAGE - (uintptr_t)(address + done) % SCRATCH_PAGE;
		size_t n = in_page < length - done ? in_page : length - done;
		uint8_t *data = scratch->data + done;

		scratch->signals[i] = store ? copy_piece(address + done, data, n) :
					      copy_piece(data, address + done, n);
		done += n;
	}
	return 0;
}

/* A sibling of the caller, so that the conductor can wait for it. */
static pid_t process_clone(void)
{
	pid_t pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static int64_t process_obey(const struct crew *crew, unsigned int *self, const struct order *order)
{
	const uint64_t *args = order->args;
	pid_t pid;

	switch (order->verb) {
	case ORDER_CALL:
		return errno_or(syscall(order->number, args[0], args[1], args[2], args[3],
					args[4], args[5]));
	case ORDER_LOAD:
	case ORDER_STORE:
		return process_copy(crew->scratch, (uint8_t *)(uintptr_t)args[0], args[1],
				    order->verb == ORDER_STORE);
	case ORDER_FORK:
		pid = process_clone();
		if (!pid)
			*self = args[0];
		return errno_or(pid);
	case ORDER_SEND:
		return errno_or(fd_send(crew->passage[0], args[0]));
	case ORDER_RECEIVE:
		return errno_or(fd_receive(crew->passage[1]));
	case ORDER_EXIT:
		_exit(0);
	}
	return -EINVAL;
}

static void process_main(const struct crew *crew, unsigned int self)
{
	struct order order;

	while (read(crew->sockets[self][1], &order, sizeof(order)) == sizeof(order)) {
		int64_t result = process_obey(crew, &self, &order);

		/* The forker answers, not the new one. */
		if (order.verb == ORDER_FORK && !result)
			continue;
		if (write(crew->sockets[self][1], &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(1);
}

/* False where the machine cannot give what it takes. */
bool crew_start(struct crew *crew)
{
	crew->scratch = shared_memory(sizeof(*crew->scratch));
	for (unsigned int i = 0; i < PROCESSES_MAX; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, crew->sockets[i]))
			return false;
	}
	return crew->scratch != MAP_FAILED && !pipe2(crew->pipe, O_CLOEXEC | O_NONBLOCK) &&
	       !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			   crew->stream) &&
	       !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, crew->passage);
}

pid_t crew_first(struct crew *crew)
{
	pid_t pid = child_fork();

	if (pid == 0)
		process_main(crew, 0);
	return pid;
}

/* Has process @number, whose id is @pid, do it. False if it ends or no answer comes. */
bool crew_do(struct crew *crew, unsigned int number, pid_t pid, const struct order *order,
	     int64_t *result)
{
	struct pollfd answer = { .fd = crew->sockets[number][0], .events = POLLIN };
	int ready = 0;

	if (write(answer.fd, order, sizeof(*order)) != sizeof(*order))
		return false;
	for (int i = 0; i < ANSWER_SECONDS && !ready; i++) {
		siginfo_t info = { 0 };

		ready = poll(&answer, 1, 1000);
		if (!ready && (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
			       info.si_pid))
			return false;
	}
	return ready == 1 && read(answer.fd, result, sizeof(*result)) == sizeof(*result);
}
