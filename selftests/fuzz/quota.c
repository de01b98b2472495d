// SPDX-License-Identifier: GPL-2.0
/*
 * The ceiling of a user: what the model says of it, and that a call which it ends has
 * changed nothing.
 */
#include "fuzz.h"

/*
 * What the ceiling says to @more bytes of memory for a buffer of @user, asked for by
 * @process. What is in stashes, of buffers that have gone, may count or not. A buffer of
 * the first user is exempt unless another user has it grow; even that may be exempt.
 */
void expect_memory(const struct fuzz *fuzz, const struct process *process, unsigned int user,
		   uint64_t more, struct expected *expected)
{
	const struct model *model = &fuzz->model;
	uint64_t least = memory_of(model, user) + more;
	uint64_t most = least + leftovers_of(model, user);
	bool full = least > fuzz->user_ceiling;

	if (!user && !process->user)
		return;
	expect_errno(expected, user && full, EDQUOT);
	allow_errno(expected, full || most > fuzz->user_ceiling || model->unsettled[user], EDQUOT);
}

/* What the kernel itself needs for it may count up to an eighth, but at least a MiB. */
void expect_objects(const struct fuzz *fuzz, const struct process *process, unsigned int nr_parts,
		    struct expected *expected)
{
	uint64_t limit = fuzz->user_ceiling / 8 > MIB ? fuzz->user_ceiling / 8 : MIB;
	uint64_t bytes = objects_of(&fuzz->model, process->user) + 2 * FILE_OBJECT_BYTES +
			 nr_parts * PART_OBJECT_BYTES;

	allow_errno(expected, process->user && bytes > limit, EDQUOT);
}

/* With that a buffer of @user, which has @had bytes, comes near the ceiling; or @otherwise. */
uint64_t choose_near_ceiling(struct fuzz *fuzz, unsigned int user, uint64_t had, uint64_t otherwise)
{
	uint64_t memory = memory_of(&fuzz->model, user) - had, page = fuzz->model.page;
	const int64_t distances[] = { 0, 0, -1, 1, -(int64_t)page, page };
	int64_t distance = RANDOM_OF(&fuzz->random, distances);

	if (!random_chance(&fuzz->random, 60) || !user)
		return otherwise;
	if (memory + page >= fuzz->user_ceiling)
		return had + page;
	return fuzz->user_ceiling - memory + distance;
}

/* A call that has met a ceiling leaves nothing behind. */
void check_denied(struct fuzz *fuzz, const struct process *process, int64_t result, enum count what)
{
	if (result != -EDQUOT)
		return;
	fuzz_count(fuzz, what, 1);
	check_list(fuzz);
	check_numbers(fuzz, process);
}

void count_ceiling(struct fuzz *fuzz, unsigned int user)
{
	fuzz_count(fuzz, COUNT_AT_CEILING,
		   user && memory_of(&fuzz->model, user) == fuzz->user_ceiling);
}

/* All of the ceiling that buffers do not have can be had again, at the latest in a while. */
void user_settle(struct fuzz *fuzz, unsigned int user)
{
	uint64_t memory = memory_of(&fuzz->model, user);
	struct expected expected = { 0 };

	expect_objects(fuzz, &(struct process) { .user = user }, 1, &expected);
	if (expected.nr_may || memory >= fuzz->user_ceiling)
		return;
	if (!user_await_room(fuzz->device, fuzz_users[user], fuzz->user_ceiling - memory))
		fuzz_fail(fuzz, "user %u has %#" PRIx64 " bytes and does not get the rest",
			  fuzz_users[user], memory);
	fuzz_count(fuzz, COUNT_SETTLED, fuzz->model.unsettled[user]);
	fuzz->model.unsettled[user] = false;
}
