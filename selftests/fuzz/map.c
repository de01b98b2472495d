// SPDX-License-Identifier: GPL-2.0
/* MAP and mmap(2). */
#include "fuzz.h"
#include "race.h"

bool must_succeed(const struct expected *expected)
{
	return !expected->nr_must && !expected->nr_may;
}

/*
 * Free addresses, which stay free since nothing else maps memory in that process. Most
 * of the time they are aligned for huge pages.
 */
uint8_t *find_room(struct fuzz *fuzz, const struct process *process, uint64_t length,
		   uint64_t offset)
{
	uint64_t huge = fuzz->model.huge, room = length + 2 * huge;
	uint64_t at = random_below(&fuzz->random, huge / fuzz->model.page) * fuzz->model.page;
	int64_t start;

	if (random_chance(&fuzz->random, 70))
		at = offset % huge;
	start = fuzz_call(fuzz, process, SYS_mmap, 0, room, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start < 0)
		fuzz_fail(fuzz, "no room for %#" PRIx64 " bytes", room);
	fuzz_call(fuzz, process, SYS_munmap, start, room);
	return (uint8_t *)(uintptr_t)((start + huge - 1) / huge * huge + at);
}

void map_done(struct process *process, struct file *file, int64_t address, uint64_t length,
	      uint64_t offset, int prot, int flags)
{
	mapping_add(process, (struct mapping) {
		.address = (uint8_t *)(uintptr_t)address,
		.length = page_round(length),
		.file = file,
		.offset = file->offset + offset,
		.prot = prot,
		.may_write = file->rights & IOBMD_RIGHT_WRITE && !is_frozen(file),
		.is_private = flags & MAP_PRIVATE,
	});
}

/* The part that mmap(2) and MAP have in common. */
void expect_map(struct fuzz *fuzz, const struct file *file, uint64_t offset, uint64_t length,
		bool write, struct expected *expected)
{
	uint64_t end = page_round(file_size(file));

	expect_errno(expected, offset % fuzz->model.page || !length || offset >= end ||
		     length > end - offset, EINVAL);
	expect_errno(expected, write && !(file->rights & IOBMD_RIGHT_WRITE), EACCES);
	expect_errno(expected, write && is_frozen(file), EPERM);
}

static void operate_map(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_descriptor(fuzz, process);
	struct iobmd_map args = { .size = sizeof(args) };
	struct mapping *other = choose_mapping(fuzz, process);
	struct expected expected = { 0 };
	uint64_t size, length;
	bool on_other;

	if (!slot || !has_room_to_map(process))
		return;
	size = file_size(slot->file);
	args.flags = random_below(&fuzz->random, 8);
	args.offset = random_page_offset(&fuzz->random, size);
	args.length = random_offset(&fuzz->random, size - args.offset % (size + 1));
	if (random_chance(&fuzz->random, 30))
		args.length = 0;
	if (random_chance(&fuzz->random, 30))
		args.offset = 0;
	length = args.length ?: size - args.offset;
	on_other = args.flags & IOBMD_MAP_F_FIXED && other && random_chance(&fuzz->random, 20);
	if (on_other)
		args.address = ADDRESS(other->address);
	else if (args.flags & IOBMD_MAP_F_FIXED || random_chance(&fuzz->random, 20))
		args.address = ADDRESS(find_room(fuzz, process, model_capacity_max(&fuzz->model),
						 args.offset));
	if (random_chance(&fuzz->random, 5))
		args.address += 1;
	say_slot(fuzz, process, slot, "MAP");
	say(fuzz, " flags %u address %#llx offset %#llx length %#llx", args.flags, args.address,
	    args.offset, args.length);
	expect_map(fuzz, slot->file, args.offset, length,
		   !(args.flags & IOBMD_MAP_F_READ_ONLY), &expected);
	expect_errno(&expected, args.offset >= size, EINVAL);
	expect_errno(&expected, args.flags & IOBMD_MAP_F_FIXED && args.address % fuzz->model.page,
		     EINVAL);
	expect_errno(&expected, on_other, EEXIST);
	if (!judge(fuzz, &expected, fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_MAP, &args,
					       sizeof(args))))
		return;
	say(fuzz, " at %#llx", args.address);
	if (args.length != length)
		fuzz_fail(fuzz, "MAP says that it has mapped %#llx bytes", args.length);
	map_done(process, slot->file, args.address, length, args.offset,
		 args.flags & IOBMD_MAP_F_READ_ONLY ? PROT_READ : PROT_READ | PROT_WRITE,
		 MAP_SHARED);
}

static void operate_mmap(struct fuzz *fuzz, struct process *process)
{
	static const int prots[] = {
		PROT_NONE, PROT_READ, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
	};
	struct slot *slot = choose_slot(fuzz, process);
	struct mapping *over = choose_mapping(fuzz, process);
	struct random *random = &fuzz->random;
	int prot = RANDOM_OF(random, prots), flags;
	struct expected expected = { 0 };
	uint64_t size, offset, length;
	uint8_t *address = NULL;
	int64_t result;

	if (!slot || !has_room_to_map(process))
		return;
	size = file_size(slot->file);
	offset = random_page_offset(random, size);
	length = random_offset(random, page_round(size) - offset % (page_round(size) + 1));
	if (random_chance(random, 30)) {
		offset = 0;
		length = size;
	}
	flags = random_chance(random, 10) ? MAP_PRIVATE : MAP_SHARED;
	flags |= random_chance(random, 10) ? MAP_POPULATE : 0;
	flags |= random_chance(random, 5) ? MAP_LOCKED : 0;
	prot |= random_chance(random, 2) ? PROT_EXEC : 0;
	expect_map(fuzz, slot->file, offset, page_round(length), prot & PROT_WRITE, &expected);
	expect_errno(&expected, flags & MAP_PRIVATE &&
		     (slot->file->rights & IOBMD_RIGHT_WRITE || prot & PROT_WRITE), EINVAL);
	expect_errno(&expected, prot & PROT_EXEC, EPERM);
	if ((offset | length) >> 46) {
		expect_errno(&expected, true, EOVERFLOW);
		expect_errno(&expected, true, ENOMEM);
	}
	/* A call that fails would leave nothing there. */
	if (over && must_succeed(&expected) && random_chance(random, 20) &&
	    length <= over->length) {
		address = over->address;
		flags |= MAP_FIXED;
	} else if (must_succeed(&expected) && random_chance(random, 50)) {
		address = find_room(fuzz, process, length, offset);
		flags |= MAP_FIXED_NOREPLACE;
	}
	say_slot(fuzz, process, slot, "mmap");
	say(fuzz, " address %p length %#" PRIx64 " prot %d flags %#x offset %#" PRIx64, address,
	    length, prot, flags, offset);
	result = fuzz_call(fuzz, process, SYS_mmap, ADDRESS(address), length, prot, flags, slot->fd,
			   offset);
	fuzz_count(fuzz, COUNT_EXPORTS_DENIED, slot->file->is_export && result == -EACCES);
	if (!judge(fuzz, &expected, result))
		return;
	if (address && result != (int64_t)ADDRESS(address))
		fuzz_fail(fuzz, "mapped elsewhere");
	if (flags & MAP_FIXED)
		mappings_clear(&fuzz->model, process, address, page_round(length));
	map_done(process, slot->file, result, length, offset, prot, flags);
	fuzz_count(fuzz, COUNT_EXPORT_MAPPINGS, slot->file->is_export);
}

const struct operation map_operations[] = {
	{ operate_map, 30 },
	{ operate_mmap, 40 },
	{ NULL, 0 }
};

static void race_map(struct racer *racer)
{
	struct iobmd_map args = { .size = sizeof(args), .flags = random_below(&racer->random, 8) };
	uint64_t length;

	args.address = (uintptr_t)race_stretch(racer, &length);
	args.offset = random_below(&racer->random, 8) * racer->random.page;
	/* If the kernel has chosen the address, nothing else unmaps it. */
	if (!race_ioctl(racer, IOBMD_IOC_MAP, &args) && !(args.flags & IOBMD_MAP_F_FIXED)) {
		faults((void *)(uintptr_t)args.address, true);
		munmap((void *)(uintptr_t)args.address, page_round(args.length));
	}
}

static void race_mmap(struct racer *racer)
{
	static const int prots[] = {
		PROT_NONE, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
	};
	uint64_t length, offset;
	uint8_t *address = race_stretch(racer, &length);
	int flags = MAP_FIXED | (random_chance(&racer->random, 10) ? MAP_PRIVATE : MAP_SHARED);

	if (random_chance(&racer->random, 20))
		flags |= MAP_POPULATE;
	offset = random_below(&racer->random, 8) * racer->random.page;
	if (random_chance(&racer->random, 50))
		offset = 0;
	race_result(racer, (intptr_t)mmap(address, length, RANDOM_OF(&racer->random, prots), flags,
					  race_fd(racer), offset));
}

const struct race_operation map_races[] = {
	{ race_map, 12 },
	{ race_mmap, 30 },
	{ NULL, 0 }
};
