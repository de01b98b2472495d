/* SPDX-License-Identifier: GPL-2.0 */
/* Operations on numbers of descriptors and on processes: dup, close, hand over, fork, end. */
#ifndef IOBMD_FUZZ_SHARE_H
#define IOBMD_FUZZ_SHARE_H

#include "fuzz_choose.h"

static inline void operate_close(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_slot(fuzz, process);
	struct expected expected = { 0 };

	if (!slot)
		return;
	say_slot(fuzz, process, slot, "close");
	if (judge(fuzz, &expected, fuzz_call(fuzz, process, SYS_close, slot->fd)))
		slot_remove(&fuzz->model, process, slot);
	check_list(fuzz);
}

static inline void operate_dup(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_slot(fuzz, process);
	struct expected expected = { 0 };
	int64_t fd;

	if (!slot || !has_free_slot(process))
		return;
	say_slot(fuzz, process, slot, "dup");
	fd = fuzz_call(fuzz, process, SYS_dup, slot->fd);
	if (judge(fuzz, &expected, fd))
		slot_add(process, fd, slot->file);
}

static inline void operate_dup_over(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_slot(fuzz, process);
	struct slot *over = choose_slot(fuzz, process);
	struct expected expected = { 0 };
	struct file *old;

	if (!slot || slot == over)
		return;
	say_slot(fuzz, process, slot, "dup3");
	say(fuzz, " over fd %d", over->fd);
	if (!judge(fuzz, &expected, fuzz_call(fuzz, process, SYS_dup3, slot->fd, over->fd,
					      O_CLOEXEC)))
		return;
	old = over->file;
	slot->file->refs++;
	over->file = slot->file;
	file_put(&fuzz->model, old);
}

/* To another process, or to itself. */
static inline void operate_pass(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_slot(fuzz, process);
	struct process *to = choose_process(fuzz);
	struct expected expected = { 0 };
	int64_t fd;

	if (!slot || !has_free_slot(to))
		return;
	say_slot(fuzz, process, slot, "pass");
	say(fuzz, " to process %u", process_number(fuzz, to));
	if (!judge(fuzz, &expected, fuzz_tell(fuzz, process, ORDER_SEND, slot->fd)))
		return;
	fd = fuzz_tell(fuzz, to, ORDER_RECEIVE, 0);
	if (judge(fuzz, &expected, fd))
		slot_add(to, fd, slot->file);
}

static inline void operate_fork(struct fuzz *fuzz, struct process *process)
{
	unsigned int free = 0;
	struct expected expected = { 0 };
	int64_t pid;

	while (free < PROCESSES_MAX && fuzz->model.processes[free].pid)
		free++;
	if (free == PROCESSES_MAX)
		return;
	say(fuzz, "process %u: fork process %u", process_number(fuzz, process), free);
	pid = fuzz_tell(fuzz, process, ORDER_FORK, free);
	if (judge(fuzz, &expected, pid))
		process_inherit(&fuzz->model.processes[free], process, pid);
}

/* It gives its rights away for good, and with that its exemption from ceilings. */
static inline void operate_demote(struct fuzz *fuzz, struct process *process)
{
	unsigned int user = 1 + random_below(&fuzz->random, USERS - 1);
	unsigned int uid = fuzz_users[user];
	struct expected expected = { 0 };

	if (process->user || nr_privileged(&fuzz->model) == 1)
		return;
	say(fuzz, "process %u: setresuid to %u", process_number(fuzz, process), uid);
	if (judge(fuzz, &expected, fuzz_call(fuzz, process, SYS_setresuid, uid, uid, uid)))
		process->user = user;
	/* That has taken away what ends it with its parent. */
	fuzz_call(fuzz, process, SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
}

/* It exits, or is killed, with all that it has. The last with all rights stays. */
static inline void operate_end(struct fuzz *fuzz, struct process *process)
{
	const struct order exit_order = { .verb = ORDER_EXIT };
	bool killed = random_chance(&fuzz->random, 50);
	int socket = fuzz->crew.sockets[process_number(fuzz, process)][0];

	if (!process->user && nr_privileged(&fuzz->model) == 1)
		return;
	say(fuzz, "process %u: %s", process_number(fuzz, process), killed ? "is killed" : "exits");
	if (killed)
		kill(process->pid, SIGKILL);
	else if (write(socket, &exit_order, sizeof(exit_order)) != sizeof(exit_order))
		fuzz_fail(fuzz, "cannot be told");
	if (child_status(process->pid) != (killed ? 128 + SIGKILL : 0))
		fuzz_fail(fuzz, "did not end as it should");
	process_clear(&fuzz->model, process);
	check_list(fuzz);
}

#endif /* IOBMD_FUZZ_SHARE_H */
