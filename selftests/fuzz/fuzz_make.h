/* SPDX-License-Identifier: GPL-2.0 */
/* Operations that make something: CREATE, COMPOSE, DERIVE, EXPORT. */
#ifndef IOBMD_FUZZ_MAKE_H
#define IOBMD_FUZZ_MAKE_H

#include "fuzz_quota.h"
#include "node.h"

#define PARTS_FEW	6
#define COMPOSITE_MAX	(8 * MIB)

/* Whether [@offset, +@length) lies in @size bytes; a @length of 0 becomes all that follows. */
static inline bool range_resolve(uint64_t size, uint64_t offset, uint64_t *length)
{
	if (offset >= size || *length > size - offset)
		return false;
	if (!*length)
		*length = size - offset;
	return true;
}

static inline bool is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

static inline struct iobmd_create choose_create(struct random *random)
{
	const uint64_t alignments[] = {
		1, 2, 8, random->page / 2, random->page, 2 * random->page, 16 * random->page,
		random->huge / 2, random->huge, 2 * random->huge, 3, random->page + 1, 1ull << 63,
	};
	const int32_t nodes[] = { 0, 0, 1, 2, -1, 1000, INT32_MAX };
	struct iobmd_create args = { .size = sizeof(args), .capacity = random_capacity(random) };

	if (random_chance(random, 25))
		args.alignment = RANDOM_OF(random, alignments);
	if (random_chance(random, 50))
		args.direction = random_below(random, 5);
	if (random_chance(random, 50))
		args.huge = random_below(random, 10) % 4;
	if (args.huge == IOBMD_HUGE_REQUIRE && random_chance(random, 80))
		args.capacity = random->huge * (1 + random_below(random, 2));
	if (random_chance(random, 20))
		args.flags = IOBMD_CREATE_F_NODE;
	if (args.flags || random_chance(random, 3))
		args.node = RANDOM_OF(random, nodes);
	args.__reserved = random_chance(random, 2);
	return args;
}

static inline struct expected expect_create(const struct fuzz *fuzz,
					    const struct process *process,
					    const struct iobmd_create *args)
{
	struct expected expected = { 0 };
	uint64_t huge = fuzz->model.huge;

	expect_errno(&expected, args->__reserved || args->direction > 3 ||
		     args->huge > IOBMD_HUGE_REQUIRE, EINVAL);
	expect_errno(&expected, args->alignment && (!is_power_of_two(args->alignment) ||
						    args->alignment > huge), EINVAL);
	expect_errno(&expected, args->flags ? args->node < 0 || !node_is_online(args->node) :
					      args->node, EINVAL);
	expect_errno(&expected, !args->capacity, EINVAL);
	expect_errno(&expected, args->capacity > fuzz->ceiling, EFBIG);
	expect_errno(&expected, args->huge == IOBMD_HUGE_REQUIRE && args->capacity % huge, EINVAL);
	allow_errno(&expected, args->huge == IOBMD_HUGE_REQUIRE ||
		    args->alignment > fuzz->model.page, ENOMEM);
	if (args->capacity <= fuzz->ceiling)
		expect_memory(fuzz, process, process->user, page_round(args->capacity), &expected);
	expect_objects(fuzz, process, 1, &expected);
	return expected;
}

/* @model's buffer of which @fd is the first descriptor. */
static inline void create_done(struct fuzz *fuzz, struct process *process,
			       const struct iobmd_create *args, int fd)
{
	struct thing *thing = thing_new(&fuzz->model, process, 0);

	thing->capacity = args->capacity;
	thing->length = args->capacity;
	thing->alignment = args->alignment;
	thing->direction = args->direction ?: IOBMD_DIRECTION_OUT | IOBMD_DIRECTION_IN;
	thing->huge = args->huge;
	thing->node = args->flags & IOBMD_CREATE_F_NODE ? args->node : -1;
	thing->bytes = mmap(NULL, model_capacity_max(&fuzz->model), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	slot_add(process, fd, file_new(&fuzz->model, process, thing,
				       IOBMD_RIGHTS_ALL));
}

/* Its id is larger than all before it. */
static inline void learn_id(struct fuzz *fuzz, const struct process *process,
			    const struct slot *slot)
{
	struct iobmd_get_info info = { .size = sizeof(info) };

	fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_GET_INFO, &info, sizeof(info));
	if (info.id <= fuzz->model.last_id)
		fuzz_fail(fuzz, "id %llu after %" PRIu64, (unsigned long long)info.id,
			  fuzz->model.last_id);
	fuzz->model.last_id = info.id;
	slot->file->thing->id = info.id;
	say(fuzz, ": %s %u", slot->file->thing->nr_parts ? "composite" : "buffer",
	    slot->file->thing->number);
	check_info(fuzz, process, slot);
}

static inline void operate_create(struct fuzz *fuzz, struct process *process)
{
	struct iobmd_create args = choose_create(&fuzz->random);
	struct expected expected;
	int64_t fd;

	if (!has_free_slot(process) || !has_room_for_thing(fuzz))
		return;
	args.capacity = choose_near_ceiling(fuzz, process->user, 0, args.capacity);
	expected = expect_create(fuzz, process, &args);
	say(fuzz, "process %u: CREATE flags %u capacity %#llx alignment %#llx",
	    process_number(fuzz, process), args.flags, args.capacity, args.alignment);
	say(fuzz, " direction %u huge %u node %d", args.direction, args.huge, args.node);
	fd = fuzz_ioctl(fuzz, process, fuzz->device, IOBMD_IOC_CREATE, &args, sizeof(args));
	check_denied(fuzz, process, fd, COUNT_DENIED_CREATE);
	if (!judge(fuzz, &expected, fd))
		return;
	create_done(fuzz, process, &args, fd);
	learn_id(fuzz, process, &process->slots[process->nr_slots - 1]);
	count_ceiling(fuzz, process->user);
}

/* The composite in the making: what it shows, and what stands against it. */
struct composing {
	struct iobmd_compose_part parts[IOBMD_COMPOSE_MAX];
	unsigned int nr;
	unsigned int wanted;
	struct slot *sources[2];	/* of many parts */
	bool read_only;
	struct part shown[IOBMD_COMPOSE_MAX + 1];
	unsigned int nr_shown;
	uint64_t size;
	uint32_t direction;
	struct expected expected;
};

static inline void composing_show(struct composing *composing, struct thing *buffer,
				  uint64_t offset, uint64_t length)
{
	if (composing->nr_shown <= IOBMD_COMPOSE_MAX)
		composing->shown[composing->nr_shown++] = (struct part) {
			buffer, offset, length, composing->size,
		};
	composing->size += length;
	composing->direction &= buffer->direction;
}

static inline void composing_add(struct composing *composing, const struct file *file,
				 uint64_t offset, uint64_t length)
{
	const struct thing *thing = file->thing;
	uint64_t from = file->offset + offset, to = from + length;

	if (!thing->nr_parts)
		composing_show(composing, file->thing, from, length);
	for (unsigned int i = 0; i < thing->nr_parts; i++) {
		const struct part *part = &thing->parts[i];
		uint64_t start = part->start > from ? part->start : from;
		uint64_t end = part->start + part->length < to ? part->start + part->length : to;

		if (start < end)
			composing_show(composing, part->buffer,
				       part->offset + start - part->start, end - start);
	}
}

/* Something that can be a part if @tidy, of at most @most pages; else anything. */
static inline struct iobmd_compose_part choose_part(struct fuzz *fuzz, const struct slot *slot,
						    bool tidy, uint64_t most)
{
	struct iobmd_compose_part part = { .fd = slot->fd };
	uint64_t size = file_size(slot->file), pages = size / fuzz->model.page, first;
	struct random *random = &fuzz->random;

	if (tidy && pages) {
		first = random_below(random, pages);
		part.offset = first * fuzz->model.page;
		most = most < pages - first ? most : pages - first;
		part.length = (1 + random_below(random, most)) * fuzz->model.page;
		return part;
	}
	part.__reserved = random_chance(random, 1);
	part.offset = random_page_offset(random, size);
	part.length = random_page_offset(random, size - part.offset % (size + 1));
	if (random_chance(random, 2))
		part.fd = random_chance(random, 50) ? -1 : 1000;
	return part;
}

/* What may be a part, more often than not. */
static inline struct slot *choose_source(struct fuzz *fuzz, struct process *process,
					 bool read_only)
{
	return choose_entitled(fuzz, process, read_only ? IOBMD_RIGHT_READ :
				     IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE);
}

static inline void compose_choose_part(struct fuzz *fuzz, struct process *process,
				       struct composing *composing, bool tidy)
{
	struct iobmd_compose_part *part = &composing->parts[composing->nr++];
	struct slot *slot = choose_slot(fuzz, process);
	bool few = composing->wanted <= PARTS_FEW, good;
	uint64_t size, length;

	if (!few)
		slot = RANDOM_OF(&fuzz->random, composing->sources) ?: slot;
	else if (tidy)
		slot = choose_source(fuzz, process, composing->read_only) ?: slot;
	*part = choose_part(fuzz, slot, tidy, few ? UINT64_MAX : 2);
	size = file_size(slot->file);
	length = part->length;
	if (few)
		say(fuzz, " [fd %d (%u), %#llx, %#llx]", part->fd, slot->file->thing->number,
		    part->offset, part->length);

	expect_errno(&composing->expected, part->fd != slot->fd, EBADF);
	good = range_resolve(size, part->offset, &length) && !part->__reserved &&
	       !slot->file->is_export && !(part->offset % fuzz->model.page) &&
	       !(composing->size % fuzz->model.page);
	expect_errno(&composing->expected, !good, EINVAL);
	if (!composing->read_only) {
		expect_errno(&composing->expected, !(slot->file->rights & IOBMD_RIGHT_WRITE),
			     EACCES);
		expect_errno(&composing->expected, is_frozen(slot->file), EPERM);
	}
	if (good)
		composing_add(composing, slot->file, part->offset, length);
}

static inline void compose_done(struct fuzz *fuzz, struct process *process,
				const struct composing *composing, int fd)
{
	struct thing *thing = thing_new(&fuzz->model, process, composing->nr_shown);
	uint32_t rights = IOBMD_RIGHT_READ | (composing->read_only ? 0 : IOBMD_RIGHT_WRITE);
	struct file *file;

	thing->capacity = composing->size;
	thing->length = composing->size;
	thing->direction = composing->direction;
	thing->writable = !composing->read_only;
	for (unsigned int i = 0; i < composing->nr_shown; i++) {
		thing->parts[i] = composing->shown[i];
		thing->parts[i].buffer->refs++;
	}
	file = file_new(&fuzz->model, process, thing, rights);
	file->is_window = true;
	file->size = composing->size;
	slot_add(process, fd, file);
	fuzz_count(fuzz, COUNT_PARTS, thing->nr_parts);
	if (nr_parts(&fuzz->model) > fuzz->model.counts[COUNT_PARTS_MAX])
		fuzz->model.counts[COUNT_PARTS_MAX] = nr_parts(&fuzz->model);
	learn_id(fuzz, process, &process->slots[process->nr_slots - 1]);
}

/* A few, or as many as there may be, of a page or two each. */
static inline unsigned int choose_nr_parts(struct fuzz *fuzz)
{
	uint64_t many = COMPOSITE_MAX / (2 * fuzz->model.page);

	if (!random_chance(&fuzz->random, 20))
		many = PARTS_FEW;
	else if (many > IOBMD_COMPOSE_MAX)
		many = IOBMD_COMPOSE_MAX;
	return 1 + random_below(&fuzz->random, many);
}

static inline void operate_compose(struct fuzz *fuzz, struct process *process)
{
	static struct composing composing;
	struct iobmd_compose args = { .size = sizeof(args) };
	unsigned int nr = choose_nr_parts(fuzz);
	bool tidy = random_chance(&fuzz->random, 70);
	int64_t fd;

	if (!has_free_slot(process) || !has_room_for_thing(fuzz) || !process->nr_slots)
		return;
	memset(&composing, 0, sizeof(composing));
	composing.direction = IOBMD_DIRECTION_OUT | IOBMD_DIRECTION_IN;
	composing.read_only = random_chance(&fuzz->random, 30);
	composing.wanted = nr;
	for (unsigned int i = 0; i < ARRAY_SIZE(composing.sources); i++)
		composing.sources[i] = choose_source(fuzz, process, composing.read_only);
	tidy = tidy || nr > PARTS_FEW;
	say(fuzz, "process %u: COMPOSE flags %u of %u parts", process_number(fuzz, process),
	    composing.read_only, nr);
	while (composing.nr < nr)
		compose_choose_part(fuzz, process, &composing,
				    tidy && (composing.nr < nr - 1 || nr % 2));
	expect_errno(&composing.expected, composing.nr_shown > IOBMD_COMPOSE_MAX, EINVAL);
	if (composing.size > COMPOSITE_MAX) {
		say(fuzz, ": too large for the fuzzer");
		return;
	}
	args.flags = composing.read_only ? IOBMD_COMPOSE_F_READ_ONLY : 0;
	args.nr_parts = nr;
	args.parts = ADDRESS(fuzz->crew.scratch->data);
	memcpy(fuzz->crew.scratch->data, composing.parts, sizeof(composing.parts));
	expect_objects(fuzz, process, nr, &composing.expected);
	fd = fuzz_ioctl(fuzz, process, fuzz->device, IOBMD_IOC_COMPOSE, &args, sizeof(args));
	check_denied(fuzz, process, fd, COUNT_DENIED_OTHER);
	if (judge(fuzz, &composing.expected, fd))
		compose_done(fuzz, process, &composing, fd);
}

/* A view of what @parent shows: [@offset, +@length) if @window. */
static inline struct file *file_derive(struct fuzz *fuzz, const struct process *process,
				       const struct file *parent, bool read_only, bool window,
				       uint64_t offset, uint64_t length)
{
	uint32_t rights = parent->rights & (read_only ? IOBMD_RIGHT_READ : IOBMD_RIGHTS_ALL);
	struct file *file = file_new(&fuzz->model, process, parent->thing,
				     window ? rights & ~IOBMD_RIGHT_RESIZE : rights);

	file->is_window = parent->is_window || window;
	file->offset = parent->offset + (window ? offset : 0);
	file->size = window ? length : parent->size;
	file->has_hold = file->is_window && !parent->thing->nr_parts;
	file->hold_end = file->offset + file->size;
	return file;
}

static inline void operate_derive(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_descriptor(fuzz, process);
	struct iobmd_derive args = { .size = sizeof(args) };
	struct expected expected = { 0 };
	struct random *random = &fuzz->random;
	uint64_t size, length;
	struct file *file;
	bool window;
	int64_t fd;

	if (!slot || !has_free_slot(process))
		return;
	size = file_size(slot->file);
	args.flags = random_below(random, 8);
	window = args.flags & IOBMD_DERIVE_F_WINDOW;
	if (window || random_chance(random, 5)) {
		args.offset = random_page_offset(random, size);
		args.length = random_offset(random, size - args.offset % (size + 1));
	}
	length = args.length;
	say_slot(fuzz, process, slot, "DERIVE from");
	say(fuzz, " flags %u offset %#llx length %#llx", args.flags, args.offset, args.length);
	expect_errno(&expected, window && (!length || args.offset % fuzz->model.page ||
					   !range_resolve(size, args.offset, &length)), EINVAL);
	expect_errno(&expected, !window && (args.offset || args.length), EINVAL);
	expect_objects(fuzz, process, 1, &expected);
	fd = fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_DERIVE, &args, sizeof(args));
	check_denied(fuzz, process, fd, COUNT_DENIED_OTHER);
	if (!judge(fuzz, &expected, fd))
		return;
	file = file_derive(fuzz, process, slot->file, args.flags & IOBMD_DERIVE_F_READ_ONLY,
			   window, args.offset, length);
	if (args.flags & IOBMD_DERIVE_F_HOLD && !file->is_window) {
		file->has_hold = true;
		file->hold_end = file->thing->length;
	}
	slot_add(process, fd, file);
	check_info(fuzz, process, &process->slots[process->nr_slots - 1]);
}

static inline void operate_export(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_descriptor(fuzz, process);
	struct iobmd_export args = { .size = sizeof(args) };
	struct expected expected = { 0 };
	struct file *file;
	uint64_t size, length;
	bool read_only;
	int64_t fd;

	if (!slot || !has_free_slot(process))
		return;
	size = file_size(slot->file);
	args.flags = random_below(&fuzz->random, 2);
	args.offset = random_page_offset(&fuzz->random, size);
	args.length = random_offset(&fuzz->random, size - args.offset % (size + 1));
	length = args.length;
	read_only = args.flags || !(slot->file->rights & IOBMD_RIGHT_WRITE);
	say_slot(fuzz, process, slot, "EXPORT of");
	say(fuzz, " flags %u offset %#llx length %#llx", args.flags, args.offset, args.length);
	expect_errno(&expected, args.offset % fuzz->model.page ||
		     !range_resolve(size, args.offset, &length), EINVAL);
	expect_errno(&expected, !read_only && is_frozen(slot->file), EPERM);
	expect_objects(fuzz, process, 1, &expected);
	fd = fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_EXPORT, &args, sizeof(args));
	check_denied(fuzz, process, fd, COUNT_DENIED_OTHER);
	if (!judge(fuzz, &expected, fd))
		return;
	file = file_derive(fuzz, process, slot->file, read_only, true, args.offset, length);
	file->is_export = true;
	slot_add(process, fd, file);
	length = fuzz_call(fuzz, process, SYS_lseek, fd, 0, SEEK_END);
	if (length != page_round(file->size))
		fuzz_fail(fuzz, "the dma-buf has %#" PRIx64 " bytes", length);
}

#endif /* IOBMD_FUZZ_MAKE_H */
