// SPDX-License-Identifier: GPL-2.0
/* Operations that unmap, and that change mappings. */
#include "fuzz.h"
#include "race.h"

static void operate_munmap(struct fuzz *fuzz, struct process *process)
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

static void operate_mprotect(struct fuzz *fuzz, struct process *process)
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
static void operate_madvise(struct fuzz *fuzz, struct process *process)
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

static void operate_mlock(struct fuzz *fuzz, struct process *process)
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

static struct move choose_move(struct fuzz *fuzz, struct process *process,
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

static void move_done(struct fuzz *fuzz, struct process *process, struct mapping *mapping,
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

static void operate_mremap(struct fuzz *fuzz, struct process *process)
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

const struct operation remap_operations[] = {
	{ operate_munmap, 30 },
	{ operate_mprotect, 25 },
	{ operate_madvise, 30 },
	{ operate_mlock, 15 },
	{ operate_mremap, 30 },
	{ NULL, 0 }
};

static void race_change_mapping(struct racer *racer)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_REMOVE, MADV_FREE,
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTFORK, MADV_DOFORK, 22, 23, 25,
	};
	uint64_t length;
	uint8_t *address = race_stretch(racer, &length);
	int64_t result = -1;

	switch (random_below(&racer->random, 6)) {
	case 0:
		result = munmap(address, length);
		break;
	case 1:
		result = mprotect(address, length, random_below(&racer->random, 4));
		break;
	case 2:
		result = madvise(address, length, RANDOM_OF(&racer->random, advices));
		break;
	case 3:
		result = mlock2(address, length, random_below(&racer->random, 2));
		break;
	case 4:
		result = munlock(address, length);
		break;
	case 5:
		result = msync(address, length, MS_SYNC);
		break;
	}
	race_result(racer, result);
}

static void race_mremap(struct racer *racer)
{
	uint64_t length, new_length;
	uint8_t *address = race_stretch(racer, &length);
	uint8_t *to = race_stretch(racer, &new_length);
	int64_t result;

	if (random_chance(&racer->random, 30))
		length = 0;
	result = (intptr_t)mremap(address, length, new_length, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	race_result(racer, result);
}

const struct race_operation remap_races[] = {
	{ race_change_mapping, 25 },
	{ race_mremap, 12 },
	{ NULL, 0 }
};
