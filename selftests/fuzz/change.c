// SPDX-License-Identifier: GPL-2.0
/* Operations that change a buffer as a whole, or ask about it. */
#include "fuzz.h"
#include "race.h"

static struct expected expect_resize(const struct fuzz *fuzz, const struct process *process,
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
static uint64_t choose_capacity(struct fuzz *fuzz, const struct thing *thing)
{
	uint64_t capacity = random_capacity(&fuzz->random);
	uint64_t near = random_offset(&fuzz->random, thing->capacity);
	bool is_near = random_chance(&fuzz->random, 60);

	return is_near && near <= model_capacity_max(&fuzz->model) ? near : capacity;
}

static void operate_resize(struct fuzz *fuzz, struct process *process)
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
static void thing_zero(struct thing *thing, uint64_t offset, uint64_t end)
{
	static uint8_t zeros[64 * KIB];

	while (offset < end) {
		uint64_t n = end - offset < sizeof(zeros) ? end - offset : sizeof(zeros);

		thing_copy(thing, offset, zeros, n, true);
		offset += n;
	}
}

/* What is beyond the length of @file, up to @end, is to be there. */
static struct expected expect_extend(struct fuzz *fuzz, struct process *process,
				     const struct file *file, uint64_t end)
{
	struct expected expected = { 0 };

	if (end > file->thing->capacity && !file->is_window)
		expected = expect_resize(fuzz, process, file, end);
	expect_errno(&expected, !(file->rights & IOBMD_RIGHT_RESIZE), EACCES);
	return expected;
}

static void operate_fallocate(struct fuzz *fuzz, struct process *process)
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

static void operate_set_length(struct fuzz *fuzz, struct process *process)
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

static struct expected expect_seal(const struct fuzz *fuzz, const struct file *file,
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

static void operate_seal(struct fuzz *fuzz, struct process *process)
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

static void operate_set_name(struct fuzz *fuzz, struct process *process)
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

static void operate_sync(struct fuzz *fuzz, struct process *process)
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

const struct operation change_operations[] = {
	{ operate_resize, 60 },
	{ operate_set_length, 20 },
	{ operate_fallocate, 20 },
	{ operate_seal, 8 },
	{ operate_set_name, 8 },
	{ operate_sync, 8 },
	{ NULL, 0 }
};

void race_resize(struct racer *racer)
{
	struct iobmd_resize args = { .size = sizeof(args) };

	args.capacity = race_capacity(racer);
	if (random_chance(&racer->random, 20))
		race_result(racer, ftruncate(race_fd(racer), args.capacity));
	else
		race_ioctl(racer, IOBMD_IOC_RESIZE, &args);
}

static void race_fallocate(struct racer *racer)
{
	static const int modes[] = {
		0, FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
	};
	uint64_t offset = random_below(&racer->random, racer->random.huge);
	uint64_t length = 1 + random_below(&racer->random, racer->random.huge);

	race_result(racer, fallocate(race_fd(racer), RANDOM_OF(&racer->random, modes), offset,
				     length));
}

static void race_set_length(struct racer *racer)
{
	struct iobmd_set_length args = { .size = sizeof(args) };

	args.length = random_offset(&racer->random, racer->random.huge);
	race_ioctl(racer, IOBMD_IOC_SET_LENGTH, &args);
}

static void race_seal(struct racer *racer)
{
	struct iobmd_seal args = { .size = sizeof(args), .seals = IOBMD_SEAL_WRITE };

	if (random_chance(&racer->random, 20))
		args.seals = random_below(&racer->random, 16);
	race_ioctl(racer, IOBMD_IOC_SEAL, &args);
}

static void race_set_name(struct racer *racer)
{
	struct iobmd_set_name args = { .size = sizeof(args), .name = (uintptr_t)"racer" };

	args.name_length = random_below(&racer->random, 6);
	race_ioctl(racer, IOBMD_IOC_SET_NAME, &args);
}

static void race_get_info(struct racer *racer)
{
	struct iobmd_get_info info = { .size = sizeof(info) };

	if (!race_ioctl(racer, IOBMD_IOC_GET_INFO, &info) &&
	    (info.length > info.capacity || info.rights > IOBMD_RIGHTS_ALL || !info.id))
		race_count(&racer->race->odd_infos);
}

const struct race_operation change_races[] = {
	{ race_resize, 25 },
	{ race_fallocate, 10 },
	{ race_set_length, 5 },
	{ race_seal, 3 },
	{ race_set_name, 3 },
	{ race_get_info, 5 },
	{ NULL, 0 }
};
