/* SPDX-License-Identifier: GPL-2.0 */
/* Operations that map, unmap, and change mappings. */
#ifndef IOBMD_FUZZ_MAP_H
#define IOBMD_FUZZ_MAP_H

#include "fuzz_make.h"

static inline bool must_succeed(const struct expected *expected)
{
	return !expected->nr_must && !expected->nr_may;
}

/*
 * Addresses where nothing is, and as nobody else maps anything in that process, where
 * nothing will be. Huge pages fit there more often than not.
 */
static inline uint8_t *find_room(struct fuzz *fuzz, const struct process *process, uint64_t length,
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

static inline void map_done(struct process *process, struct file *file, int64_t address,
			    uint64_t length, uint64_t offset, int prot, int flags)
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
static inline void expect_map(struct fuzz *fuzz, const struct file *file, uint64_t offset,
			      uint64_t length, bool write, struct expected *expected)
{
	uint64_t end = page_round(file_size(file));

	expect_errno(expected, offset % fuzz->model.page || !length || offset >= end ||
		     length > end - offset, EINVAL);
	expect_errno(expected, write && !(file->rights & IOBMD_RIGHT_WRITE), EACCES);
	expect_errno(expected, write && is_frozen(file), EPERM);
}

static inline void operate_map(struct fuzz *fuzz, struct process *process)
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

static inline void operate_mmap(struct fuzz *fuzz, struct process *process)
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

static inline void operate_munmap(struct fuzz *fuzz, struct process *process)
{
	struct mapping *mapping = choose_mapping(fuzz, process);
	struct expected expected = { 0 };
	struct stretch stretch;

	if (!mapping || !has_room_to_map(process))
		return;
	stretch = choose_stretch(fuzz, mapping);
	if (random_chance(&fuzz->random, 3))
		stretch.address++;
	expect_errno(&expected, (uintptr_t)stretch.address % fuzz->model.page, EINVAL);
	say_stretch(fuzz, process, mapping, stretch.offset, stretch.length, "munmap");
	if (!judge(fuzz, &expected, fuzz_call(fuzz, process, SYS_munmap, ADDRESS(stretch.address),
					      stretch.length)))
		return;
	mappings_clear(&fuzz->model, process, stretch.address, stretch.length);
	fuzz_tell(fuzz, process, ORDER_LOAD, ADDRESS(stretch.address), 1);
	if (fuzz->crew.scratch->signals[0] != SIGSEGV)
		fuzz_fail(fuzz, "can be read after munmap");
}

static inline void operate_mprotect(struct fuzz *fuzz, struct process *process)
{
	struct mapping *mapping = choose_mapping(fuzz, process);
	int prot = random_below(&fuzz->random, 4);
	struct expected expected = { 0 };
	struct stretch stretch;

	if (!mapping || !has_room_to_map(process))
		return;
	stretch = choose_stretch(fuzz, mapping);
	prot |= random_chance(&fuzz->random, 5) ? PROT_EXEC : 0;
	expect_errno(&expected, prot & PROT_EXEC || (prot & PROT_WRITE && !mapping->may_write),
		     EACCES);
	say_stretch(fuzz, process, mapping, stretch.offset, stretch.length, "mprotect");
	say(fuzz, " prot %d, may write: %d", prot, mapping->may_write);
	if (judge(fuzz, &expected, fuzz_call(fuzz, process, SYS_mprotect, ADDRESS(stretch.address),
					     stretch.length, prot)))
		mapping_isolate(process, mapping, stretch.address, stretch.length)->prot = prot;
}

/* None of it changes what memory holds; not all kernels know all of it. */
static inline void operate_madvise(struct fuzz *fuzz, struct process *process)
{
	static const int advices[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED,
		MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK,
		MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		MADV_DONTDUMP, MADV_DODUMP, MADV_COLD, MADV_PAGEOUT, 22, 23, 24, 25,
	};
	struct mapping *mapping = choose_mapping(fuzz, process);
	int advice = RANDOM_OF(&fuzz->random, advices);
	struct stretch stretch;
	int64_t result;
	char text[64];

	if (!mapping || !has_room_to_map(process))
		return;
	stretch = choose_stretch(fuzz, mapping);
	say_stretch(fuzz, process, mapping, stretch.offset, stretch.length, "madvise");
	result = fuzz_call(fuzz, process, SYS_madvise, ADDRESS(stretch.address), stretch.length,
			   advice);
	result_text(text, sizeof(text), result);
	say(fuzz, " advice %d = %s", advice, text);
	mapping = mapping_isolate(process, mapping, stretch.address, stretch.length);
	if (!result && (advice == MADV_DONTFORK || advice == MADV_DOFORK))
		mapping->no_fork = advice == MADV_DONTFORK;
}

static inline void operate_mlock(struct fuzz *fuzz, struct process *process)
{
	static const long calls[] = { SYS_mlock, SYS_mlock2, SYS_munlock, SYS_munlock, SYS_msync };
	struct mapping *mapping = choose_mapping(fuzz, process);
	long call = RANDOM_OF(&fuzz->random, calls);
	struct expected expected = { 0 };
	struct stretch stretch;
	uint64_t flags = 0;
	bool usable;

	if (!mapping || !has_room_to_map(process))
		return;
	stretch = choose_stretch(fuzz, mapping);
	usable = mapping_is_usable(mapping, stretch.offset, stretch.length,
				   mapping->prot & PROT_WRITE);
	allow_errno(&expected, call != SYS_munlock && call != SYS_msync && !usable, ENOMEM);
	if (call == SYS_mlock2)
		flags = 1;	/* MLOCK_ONFAULT */
	else if (call == SYS_msync)
		flags = random_chance(&fuzz->random, 50) ? MS_SYNC : MS_ASYNC;
	say_stretch(fuzz, process, mapping, stretch.offset, stretch.length,
		    call == SYS_munlock ? "munlock" : call == SYS_msync ? "msync" :
		    call == SYS_mlock ? "mlock" : "mlock2");
	judge(fuzz, &expected, fuzz_call(fuzz, process, call, ADDRESS(stretch.address),
					 stretch.length, flags));
	mapping_isolate(process, mapping, stretch.address, stretch.length);
}

/* What mremap(2) is asked for. */
struct move {
	struct stretch from;
	uint64_t length;
	uint8_t *to;
	int flags;
	bool twin;
};

static inline struct move choose_move(struct fuzz *fuzz, struct process *process,
				      const struct mapping *mapping)
{
	struct move move = { .from = choose_stretch(fuzz, mapping) };
	struct random *random = &fuzz->random;
	uint64_t page = fuzz->model.page;

	move.length = move.from.length;
	move.twin = random_chance(random, 15);
	if (random_chance(random, 50))
		move.length = (1 + random_below(random, 2 * move.length / page)) * page;
	if (move.length > model_capacity_max(&fuzz->model))
		move.length = move.from.length;
	if (move.twin || random_chance(random, 80))
		move.flags |= MREMAP_MAYMOVE;
	if (!move.twin && move.flags && move.length == move.from.length &&
	    random_chance(random, 20))
		move.flags |= MREMAP_DONTUNMAP;
	if (move.flags && random_chance(random, 40)) {
		move.flags |= MREMAP_FIXED;
		move.to = find_room(fuzz, process, move.length, mapping->offset +
				    move.from.offset);
	}
	return move;
}

static inline void move_done(struct fuzz *fuzz, struct process *process, struct mapping *mapping,
			     const struct move *move, int64_t result)
{
	struct mapping moved = *mapping;

	moved.address = (uint8_t *)(uintptr_t)result;
	moved.offset += move->from.offset;
	moved.length = move->length;
	/* It holds its file before the old one lets go. */
	moved.file->refs++;
	if (!move->twin && !(move->flags & MREMAP_DONTUNMAP))
		mappings_clear(&fuzz->model, process, move->from.address, move->from.length);
	mapping_add(process, moved);
	file_put(&fuzz->model, moved.file);
}

static inline void operate_mremap(struct fuzz *fuzz, struct process *process)
{
	struct mapping *mapping = choose_mapping(fuzz, process);
	struct expected expected = { 0 };
	uint64_t old_length;
	struct move move;
	int64_t result;
	bool grows;

	if (!mapping || !has_room_to_map(process))
		return;
	move = choose_move(fuzz, process, mapping);
	old_length = move.twin ? 0 : move.from.length;
	grows = move.length > old_length;
	expect_errno(&expected, move.twin && mapping->is_private, EINVAL);
	expect_errno(&expected, grows && mapping->file->is_window, EFAULT);
	expect_errno(&expected, move.flags & MREMAP_DONTUNMAP && mapping->file->is_window, EINVAL);
	allow_errno(&expected, grows && !(move.flags & MREMAP_MAYMOVE), ENOMEM);
	say_stretch(fuzz, process, mapping, move.from.offset, old_length, "mremap");
	say(fuzz, " to %#" PRIx64 " bytes at %p flags %d", move.length, move.to, move.flags);
	result = fuzz_call(fuzz, process, SYS_mremap, ADDRESS(move.from.address), old_length,
			   move.length, move.flags, ADDRESS(move.to));
	if (judge(fuzz, &expected, result))
		move_done(fuzz, process, mapping, &move, result);
}

#endif /* IOBMD_FUZZ_MAP_H */
