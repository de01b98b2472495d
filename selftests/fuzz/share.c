// SPDX-License-Identifier: GPL-2.0
/* Operations on numbers of descriptors and on processes: dup, close, hand over, fork, end. */
#include "fd_pass.h"
#include "fuzz.h"
#include "race.h"

static void operate_close(struct fuzz *fuzz, struct process *process)
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

static void operate_dup(struct fuzz *fuzz, struct process *process)
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

static void operate_dup_over(struct fuzz *fuzz, struct process *process)
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
static void operate_pass(struct fuzz *fuzz, struct process *process)
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

static void operate_fork(struct fuzz *fuzz, struct process *process)
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
static void operate_demote(struct fuzz *fuzz, struct process *process)
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
static void operate_end(struct fuzz *fuzz, struct process *process)
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

const struct operation share_operations[] = {
	{ operate_close, 50 },
	{ operate_dup, 10 },
	{ operate_dup_over, 8 },
	{ operate_pass, 15 },
	{ operate_fork, 45 },
	{ operate_demote, 60 },
	{ operate_end, 15 },
	{ NULL, 0 }
};

static void race_descriptor(struct racer *racer)
{
	switch (random_below(&racer->random, 5)) {
	case 0:
		race_result(racer, close(race_fd(racer)));
		break;
	case 1:
		race_result(racer, dup3(race_fd(racer), race_fd(racer), O_CLOEXEC));
		break;
	case 2:
		race_result(racer, fd_send(racer->passage[0], race_fd(racer)));
		break;
	case 3:
		race_share(racer, fd_receive(racer->passage[1]));
		break;
	case 4:
		race_result(racer, fsync(race_fd(racer)));
		break;
	}
}

/* The child has everything for a moment, and ends in the middle of it. */
static void race_fork(struct racer *racer)
{
	pid_t pid = child_fork();

	if (pid == 0) {
		race_store(racer);
		race_resize(racer);
		race_load(racer);
		_exit(0);
	}
	race_result(racer, pid);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

const struct race_operation share_races[] = {
	{ race_descriptor, 15 },
	{ race_fork, 1 },
	{ NULL, 0 }
};
