// SPDX-License-Identifier: GPL-2.0
/* Calls that are refused: arguments that are wrong, and what cannot be done to a buffer. */
#include "fuzz.h"

#include <linux/falloc.h>

/* A command and what there is to know of it, for arguments that are wrong. */
struct command {
	unsigned int number;
	uint32_t size;
	uint32_t flags;
	unsigned int where;
};

#define KNOWN(verb, VERB, number, where, flags, reserved)		\
	{ IOBMD_IOC_##VERB, sizeof(struct iobmd_##verb), flags, where },

static const struct command fuzz_commands[] = { COMMANDS(KNOWN) };

/* Bytes that no command accepts; returns the expected result. */
static struct expected choose_garbage(struct fuzz *fuzz, const struct command *command,
				      uint32_t *argument, uint64_t *address)
{
	struct random *random = &fuzz->random;
	struct expected expected = { 0 };

	random_fill(random, argument, SCRATCH_PAGE + 64);
	argument[0] = command->size;
	argument[1] &= command->flags;
	switch (random_below(random, 5)) {
	case 0:
		argument[0] = random_below(random, command->size);
		expect_errno(&expected, true, EINVAL);
		break;
	case 1:
		argument[0] = SCRATCH_PAGE + 1 + random_below(random, 3) * (UINT32_MAX / 4);
		expect_errno(&expected, true, E2BIG);
		break;
	case 2:
		argument[0] += 1 + random_below(random, SCRATCH_PAGE - command->size);
		((uint8_t *)argument)[argument[0] - 1] = 1;
		expect_errno(&expected, true, E2BIG);
		break;
	case 3:
		argument[1] |= (command->flags + 1) << random_below(random, 8);
		expect_errno(&expected, true, EINVAL);
		break;
	case 4:
		*address = random_absurd(random);
		expect_errno(&expected, true, EFAULT);
		break;
	}
	return expected;
}

static void operate_garbage(struct fuzz *fuzz, struct process *process)
{
	const struct command *command = &RANDOM_OF(&fuzz->random, fuzz_commands);
	bool on_device = !!(command->where & ON_DEVICE) != random_chance(&fuzz->random, 10);
	uint32_t *argument = (uint32_t *)fuzz->crew.scratch->argument;
	struct slot *slot = choose_slot(fuzz, process);
	uint64_t address = ADDRESS(argument);
	bool right_file = command->where & (on_device ? ON_DEVICE : ON_BUFFER);
	unsigned int number = command->number;
	struct expected expected;

	expected = choose_garbage(fuzz, command, argument, &address);
	if (!slot)
		return;
	if (random_chance(&fuzz->random, 5))
		number = random_next(&fuzz->random) & 0xff3f;	/* none of ours, nor of all files */
	if (!right_file || number != command->number || (!on_device && slot->file->is_export)) {
		expected = (struct expected) { 0 };
		expect_errno(&expected, true, ENOTTY);
		number |= number != command->number ? 0xee00 : 0;
	}
	say(fuzz, "process %u: ioctl %#x on %s %d (rights %u), garbage at %#" PRIx64
	    ", size %#x flags %#x", process_number(fuzz, process), number,
	    on_device ? "the device" : "fd", on_device ? fuzz->device : slot->fd,
	    slot->file->rights, address, argument[0], argument[1]);
	judge(fuzz, &expected, fuzz_call(fuzz, process, SYS_ioctl,
					 on_device ? fuzz->device : slot->fd, number, address));
}

const struct operation garbage_operations[] = {
	{ operate_garbage, 20 },
	{ NULL, 0 }
};

/* Nothing of a file but what the header has can be done to a buffer. */
static void operate_foreign(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_slot(fuzz, process);
	uint64_t at = random_offset(&fuzz->random, model_capacity_max(&fuzz->model));
	unsigned int choice = random_below(&fuzz->random, 3);
	int64_t result = 0;

	if (!slot)
		return;
	say_slot(fuzz, process, slot, "foreign call on");
	switch (choice) {
	case 0:
		result = fuzz_call(fuzz, process, SYS_fallocate, slot->fd, FALLOC_FL_COLLAPSE_RANGE,
				   0, at);
		break;
	case 1:
		result = fuzz_call(fuzz, process, SYS_fchmod, slot->fd, 0777);
		if (slot->file->is_export)
			return;
		break;
	case 2:
		fuzz_call(fuzz, process, SYS_fadvise64, slot->fd, 0, at, POSIX_FADV_DONTNEED);
		result = fuzz_call(fuzz, process, SYS_fsync, slot->fd);
		if (result != (slot->file->is_export ? -EINVAL : 0))
			fuzz_fail(fuzz, "fsync = %" PRId64, result);
		return;
	}
	say(fuzz, " %u at %#" PRIx64 " = %" PRId64, choice, at, result);
	if (result >= 0)
		fuzz_fail(fuzz, "is not refused");
}

const struct operation foreign_operations[] = {
	{ operate_foreign, 10 },
	{ NULL, 0 }
};
