/* SPDX-License-Identifier: GPL-2.0 */
/* Operations that change a buffer as a whole, and those that must not change anything. */
#ifndef IOBMD_FUZZ_CHANGE_H
#define IOBMD_FUZZ_CHANGE_H

#include "fuzz_make.h"

static inline struct expected expect_resize(const struct fuzz *fuzz,
					    const struct process *process,
					    const struct file *file, uint64_t capacity)
{
	const struct thing *thing = file->thing;
	uint64_t huge = fuzz->model.huge, end = page_round(capacity);
	uint64_t cut = end / huge * huge, allocated = page_round(thing->capacity);
	struct expected expected = { 0 };

	expect_errno(&expected, !(file->rights & IOBMD_RIGHT_RESIZE), EACCES);
	expect_errno(&expected, !capacity, EINVAL);
	expect_errno(&expected, capacity > fuzz->ceiling, EFBIG);
	expect_errno(&expected, thing->huge == IOBMD_HUGE_REQUIRE && capacity % huge, EINVAL);
	expect_errno(&expected, capacity > allocated && thing->alignment &&
		     allocated % thing->alignment, EINVAL);
	expect_errno(&expected, capacity < thing->capacity && thing->seals & IOBMD_SEAL_SHRINK,
		     EBUSY);
	expect_errno(&expected, capacity > thing->capacity && thing->seals & IOBMD_SEAL_GROW,
		     EBUSY);
	expect_errno(&expected, is_held(&fuzz->model, thing, capacity), EBUSY);
	if (end < allocated && capacity) {
		expect_errno(&expected, is_stashed(&fuzz->model, thing, end), EBUSY);
		allow_errno(&expected, is_lingering(&fuzz->model, thing, cut), EBUSY);
		allow_errno(&expected, end != cut && is_stashed(&fuzz->model, thing, cut), EBUSY);
		allow_errno(&expected, end != cut &&
			    is_mapped_by_composite(&fuzz->model, thing, cut), EBUSY);
	}
	allow_errno(&expected, end > allocated && (thing->huge == IOBMD_HUGE_REQUIRE ||
						   thing->alignment > fuzz->model.page), ENOMEM);
	if (end > allocated && capacity <= fuzz->ceiling)
		expect_memory(fuzz, process, thing->user, end - allocated, &expected);
	return expected;
}

/* Near what it has, as often as not. */
static inline uint64_t choose_capacity(struct fuzz *fuzz, const struct thing *thing)
{
	uint64_t capacity = random_capacity(&fuzz->random);
	uint64_t near = random_offset(&fuzz->random, thing->capacity);
	bool is_near = random_chance(&fuzz->random, 60);

	return is_near && near <= model_capacity_max(&fuzz->model) ? near : capacity;
}

static inline void operate_resize(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_entitled(fuzz, process, IOBMD_RIGHT_RESIZE);
	struct iobmd_resize args = { .size = sizeof(args) };
	struct expected expected;
	struct thing *thing;
	int64_t result;
	bool as_file, refused;

	if (!slot)
		return;
	thing = slot->file->thing;
	args.capacity = choose_capacity(fuzz, thing);
	if (thing->huge == IOBMD_HUGE_REQUIRE && random_chance(&fuzz->random, 70))
		args.capacity = fuzz->model.huge * (1 + random_below(&fuzz->random, 2));
	args.capacity = choose_near_ceiling(fuzz, thing->user, page_round(thing->capacity),
					    args.capacity);
	expected = expect_resize(fuzz, process, slot->file, args.capacity);
	as_file = random_chance(&fuzz->random, 30);
	/* The kernel's own look at what is no number of bytes, or open for reading */
	refused = args.capacity >> 63 || !(slot->file->rights & IOBMD_RIGHT_WRITE);
	expect_errno(&expected, as_file && refused, EINVAL);
	say_slot(fuzz, process, slot, as_file ? "ftruncate" : "RESIZE");
	say(fuzz, " from %#" PRIx64 " to %#llx", thing->capacity, args.capacity);
	result = as_file ? fuzz_call(fuzz, process, SYS_ftruncate, slot->fd, args.capacity) :
		 fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_RESIZE, &args, sizeof(args));
	check_denied(fuzz, process, result, COUNT_DENIED_RESIZE);
	if (judge(fuzz, &expected, result)) {
		thing_resize(thing, args.capacity);
		count_ceiling(fuzz, thing->user);
	}
	if (result == -EBUSY)
		fuzz_count(fuzz, COUNT_BUSY_BY_STASH,
			   is_stashed(&fuzz->model, thing, page_round(args.capacity)));
	check_info(fuzz, process, slot);
}

/* As the zeros of a write */
static inline void thing_zero(struct thing *thing, uint64_t offset, uint64_t end)
{
	static uint8_t zeros[64 * KIB];

	while (offset < end) {
		uint64_t n = end - offset < sizeof(zeros) ? end - offset : sizeof(zeros);

		thing_copy(thing, offset, zeros, n, true);
		offset += n;
	}
}

/* What is beyond the length of @file, up to @end, is to be there. */
static inline struct expected expect_extend(struct fuzz *fuzz, struct process *process,
					    const struct file *file, uint64_t end)
{
	struct expected expected = { 0 };

	if (end > file->thing->capacity && !file->is_window)
		expected = expect_resize(fuzz, process, file, end);
	expect_errno(&expected, !(file->rights & IOBMD_RIGHT_RESIZE), EACCES);
	return expected;
}

static inline void operate_fallocate(struct fuzz *fuzz, struct process *process)
{
	static const int modes[] = {
		0, 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	};
	struct slot *slot = choose_entitled(fuzz, process, IOBMD_RIGHT_WRITE);
	int mode = RANDOM_OF(&fuzz->random, modes);
	bool keep = mode & FALLOC_FL_KEEP_SIZE, zero = mode & FALLOC_FL_ZERO_RANGE;
	struct expected expected = { 0 };
	uint64_t offset, length, end, size;
	struct thing *thing;

	if (!slot)
		return;
	thing = slot->file->thing;
	size = file_size(slot->file);
	offset = random_below(&fuzz->random, size + 1);
	length = 1 + random_below(&fuzz->random, size);
	end = offset + length;
	if (end > model_capacity_max(&fuzz->model))
		return;
	if (end > size && !keep)
		expected = expect_extend(fuzz, process, slot->file, end);
	expect_errno(&expected, !(slot->file->rights & IOBMD_RIGHT_WRITE), EBADF);
	expect_errno(&expected, mode & FALLOC_FL_PUNCH_HOLE || (keep && !zero && end > size),
		     EOPNOTSUPP);
	expect_errno(&expected, zero && is_frozen(slot->file), EPERM);
	say_slot(fuzz, process, slot, "fallocate");
	say(fuzz, " mode %#x, %#" PRIx64 " bytes from %#" PRIx64, mode, length, offset);
	if (!judge(fuzz, &expected, fuzz_call(fuzz, process, SYS_fallocate, slot->fd, mode, offset,
					      length)))
		return;
	if (end > thing->capacity && !keep)
		thing_resize(thing, end);
	else if (end > size && !keep)
		thing->length = end;
	if (zero)
		thing_zero(thing, slot->file->offset + offset,
			   slot->file->offset + (keep && end > size ? size : end));
	check_info(fuzz, process, slot);
}

static inline void operate_set_length(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_entitled(fuzz, process, IOBMD_RIGHT_RESIZE);
	struct iobmd_set_length args = { .size = sizeof(args) };
	struct expected expected = { 0 };
	struct thing *thing;

	if (!slot)
		return;
	thing = slot->file->thing;
	args.length = random_offset(&fuzz->random, thing->capacity);
	if (random_chance(&fuzz->random, 40))
		args.length = thing->capacity;
	expect_errno(&expected, !(slot->file->rights & IOBMD_RIGHT_RESIZE), EACCES);
	expect_errno(&expected, args.length > thing->capacity, EINVAL);
	say_slot(fuzz, process, slot, "SET_LENGTH");
	say(fuzz, " from %#" PRIx64 " to %#llx", thing->length, args.length);
	if (judge(fuzz, &expected, fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_SET_LENGTH,
					      &args, sizeof(args))))
		thing->length = args.length;
	check_info(fuzz, process, slot);
}

static inline struct expected expect_seal(const struct fuzz *fuzz, const struct file *file,
					  const struct iobmd_seal *args)
{
	const struct thing *thing = file->thing;
	uint32_t new = args->seals & ~thing->seals;
	struct expected expected = { 0 };

	expect_errno(&expected, !(file->rights & IOBMD_RIGHT_RESIZE), EACCES);
	expect_errno(&expected, args->seals >= 16 || args->__reserved, EINVAL);
	expect_errno(&expected, new && thing->seals & IOBMD_SEAL_SEAL, EPERM);
	if (new & IOBMD_SEAL_WRITE) {
		expect_errno(&expected, has_writer(&fuzz->model, thing), EBUSY);
		expect_errno(&expected, is_stashed(&fuzz->model, thing, 0), EBUSY);
		allow_errno(&expected, is_lingering(&fuzz->model, thing, 0), EBUSY);
		allow_errno(&expected, is_mapped_by_composite(&fuzz->model, thing, 0), EBUSY);
	}
	return expected;
}

static inline void operate_seal(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_entitled(fuzz, process, IOBMD_RIGHT_RESIZE);
	struct iobmd_seal args = { .size = sizeof(args) };
	struct expected expected;

	if (!slot)
		return;
	args.seals = 1u << random_below(&fuzz->random, 4);
	if (random_chance(&fuzz->random, 50))
		args.seals = IOBMD_SEAL_WRITE;
	if (random_chance(&fuzz->random, 10))
		args.seals = random_next(&fuzz->random) & 31;
	args.__reserved = random_chance(&fuzz->random, 3);
	expected = expect_seal(fuzz, slot->file, &args);
	say_slot(fuzz, process, slot, "SEAL");
	say(fuzz, " %#x (has %#x)", args.seals, slot->file->thing->seals);
	if (judge(fuzz, &expected, fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_SEAL, &args,
					      sizeof(args))))
		slot->file->thing->seals |= args.seals;
	check_info(fuzz, process, slot);
}

static inline void operate_set_name(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_entitled(fuzz, process, IOBMD_RIGHT_WRITE);
	struct iobmd_set_name args = { .size = sizeof(args) };
	struct expected expected = { 0 };
	bool wild = random_chance(&fuzz->random, 10);
	char *name = (char *)fuzz->crew.scratch->data;

	if (!slot)
		return;
	args.name_length = random_below(&fuzz->random, IOBMD_NAME_MAX + 2);
	args.name = ADDRESS(name);
	memset(name, 0, IOBMD_NAME_MAX + 2);
	for (unsigned int i = 0; i < args.name_length; i++) {
		unsigned char c = wild ? random_next(&fuzz->random) :
					 'a' + random_below(&fuzz->random, 26);

		name[i] = c;
		expect_errno(&expected, c < 0x20 || c == 0x7f, EINVAL);
	}
	if (random_chance(&fuzz->random, 5))
		args.name = random_absurd(&fuzz->random);
	expect_errno(&expected, args.name != ADDRESS(name) && args.name_length, EFAULT);
	expect_errno(&expected, args.name_length > IOBMD_NAME_MAX, EINVAL);
	expect_errno(&expected, !(slot->file->rights & IOBMD_RIGHT_WRITE), EACCES);
	say_slot(fuzz, process, slot, "SET_NAME");
	say(fuzz, " of %u bytes at %#llx", args.name_length, args.name);
	if (judge(fuzz, &expected, fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_SET_NAME, &args,
					      sizeof(args))))
		memcpy(slot->file->thing->name, name, IOBMD_NAME_MAX + 1);
}

static inline void operate_sync(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_descriptor(fuzz, process);
	struct iobmd_sync args = { .size = sizeof(args) };
	struct expected expected = { 0 };
	uint64_t length;

	if (!slot)
		return;
	args.offset = random_offset(&fuzz->random, file_size(slot->file));
	args.length = random_offset(&fuzz->random, file_size(slot->file));
	args.direction = random_below(&fuzz->random, 5);
	length = args.length;
	expect_errno(&expected, !args.direction ||
		     args.direction & ~slot->file->thing->direction, EINVAL);
	expect_errno(&expected, !range_resolve(file_size(slot->file), args.offset, &length),
		     EINVAL);
	say_slot(fuzz, process, slot, "SYNC");
	say(fuzz, " offset %#llx length %#llx direction %u", args.offset, args.length,
	    args.direction);
	judge(fuzz, &expected, fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_SYNC, &args,
					  sizeof(args)));
}

/* A command and what there is to know of it, for arguments that are wrong. */
struct command {
	unsigned int number;
	uint32_t size;
	uint32_t flags;
	bool on_device;
};

static const struct command fuzz_commands[] = {
	{ IOBMD_IOC_CREATE, sizeof(struct iobmd_create), 1, true },
	{ IOBMD_IOC_COMPOSE, sizeof(struct iobmd_compose), 1, true },
	{ IOBMD_IOC_GET_INFO, sizeof(struct iobmd_get_info), 0, false },
	{ IOBMD_IOC_SET_LENGTH, sizeof(struct iobmd_set_length), 0, false },
	{ IOBMD_IOC_RESIZE, sizeof(struct iobmd_resize), 0, false },
	{ IOBMD_IOC_MAP, sizeof(struct iobmd_map), 7, false },
	{ IOBMD_IOC_SET_NAME, sizeof(struct iobmd_set_name), 0, false },
	{ IOBMD_IOC_DERIVE, sizeof(struct iobmd_derive), 7, false },
	{ IOBMD_IOC_SEAL, sizeof(struct iobmd_seal), 0, false },
	{ IOBMD_IOC_EXPORT, sizeof(struct iobmd_export), 1, false },
	{ IOBMD_IOC_SYNC, sizeof(struct iobmd_sync), 0, false },
};

/* Bytes that no command takes; returns what it shall say. */
static inline struct expected choose_garbage(struct fuzz *fuzz, const struct command *command,
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

static inline void operate_garbage(struct fuzz *fuzz, struct process *process)
{
	const struct command *command = &RANDOM_OF(&fuzz->random, fuzz_commands);
	bool on_device = random_chance(&fuzz->random, 10) ? !command->on_device :
							     command->on_device;
	uint32_t *argument = (uint32_t *)fuzz->crew.scratch->argument;
	struct slot *slot = choose_slot(fuzz, process);
	uint64_t address = ADDRESS(argument);
	bool right_file = on_device == command->on_device || command->number == IOBMD_IOC_COMPOSE;
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

#endif /* IOBMD_FUZZ_CHANGE_H */
