// SPDX-License-Identifier: GPL-2.0
/* COMPOSE. */
#include "fuzz.h"
#include "race.h"

#define PARTS_FEW	6
#define COMPOSITE_MAX	(8 * MIB)

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

static void composing_show(struct composing *composing, struct thing *buffer, uint64_t offset,
			   uint64_t length)
{
	if (composing->nr_shown <= IOBMD_COMPOSE_MAX)
		composing->shown[composing->nr_shown++] = (struct part) {
			buffer, offset, length, composing->size,
		};
	composing->size += length;
	composing->direction &= buffer->direction;
}

static void composing_add(struct composing *composing, const struct file *file, uint64_t offset,
			  uint64_t length)
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
static struct iobmd_compose_part choose_part(struct fuzz *fuzz, const struct slot *slot, bool tidy,
					     uint64_t most)
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
static struct slot *choose_source(struct fuzz *fuzz, struct process *process, bool read_only)
{
	return choose_entitled(fuzz, process, read_only ? IOBMD_RIGHT_READ :
				     IOBMD_RIGHT_READ | IOBMD_RIGHT_WRITE);
}

static void compose_choose_part(struct fuzz *fuzz, struct process *process,
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

static void compose_done(struct fuzz *fuzz, struct process *process,
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
static unsigned int choose_nr_parts(struct fuzz *fuzz)
{
	uint64_t many = COMPOSITE_MAX / (2 * fuzz->model.page);

	if (!random_chance(&fuzz->random, 20))
		many = PARTS_FEW;
	else if (many > IOBMD_COMPOSE_MAX)
		many = IOBMD_COMPOSE_MAX;
	return 1 + random_below(&fuzz->random, many);
}

static void operate_compose(struct fuzz *fuzz, struct process *process)
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

const struct operation compose_operations[] = {
	{ operate_compose, 20 },
	{ NULL, 0 }
};

static void race_compose(struct racer *racer)
{
	struct iobmd_compose_part parts[4];
	struct iobmd_compose args = { .size = sizeof(args), .parts = (uintptr_t)parts };

	args.nr_parts = 1 + random_below(&racer->random, ARRAY_SIZE(parts));
	args.flags = random_below(&racer->random, 2);
	for (unsigned int i = 0; i < args.nr_parts; i++) {
		parts[i] = (struct iobmd_compose_part) { .fd = race_fd(racer) };
		parts[i].offset = random_below(&racer->random, 8) * racer->random.page;
		parts[i].length = (1 + random_below(&racer->random, 8)) * racer->random.page;
	}
	race_share(racer, race_command(racer, racer->device, IOBMD_IOC_COMPOSE, &args));
}

/* What can be any of the first pages of many parts; or -1. */
static int race_source(struct racer *racer, bool read_only)
{
	struct iobmd_get_info info = { .size = sizeof(info) };
	int fd = race_fd(racer);

	if (ioctl(fd, IOBMD_IOC_GET_INFO, &info) || info.capacity < 8 * racer->random.page)
		return -1;
	return read_only || info.rights & IOBMD_RIGHT_WRITE ? fd : -1;
}

static void race_drop_composite(struct racer *racer, struct race_composite *composite)
{
	if (!composite->nr_parts)
		return;
	close(composite->fd);
	__atomic_fetch_sub(&racer->race->parts, composite->nr_parts, __ATOMIC_RELAXED);
	composite->nr_parts = 0;
}

/* For as long as chance has it; some for all threads. */
static void race_keep_composite(struct racer *racer, int fd, unsigned int nr_parts)
{
	struct race_composite *composite = &RANDOM_OF(&racer->random, racer->composites);
	uint64_t parts, max;

	race_drop_composite(racer, composite);
	*composite = (struct race_composite) { fd, nr_parts };
	race_count(&racer->race->composites);
	parts = __atomic_add_fetch(&racer->race->parts, nr_parts, __ATOMIC_RELAXED);
	max = racer->race->parts_max;
	while (parts > max && !__atomic_compare_exchange_n(&racer->race->parts_max, &max, parts,
							   false, __ATOMIC_RELAXED,
							   __ATOMIC_RELAXED))
		;
	if (random_chance(&racer->random, 20))
		race_share(racer, dup(fd));
}

/* Up to as many parts as can be, of two descriptors. */
static void race_compose_many(struct racer *racer)
{
	struct iobmd_compose_part parts[IOBMD_COMPOSE_MAX];
	struct iobmd_compose args = { .size = sizeof(args), .parts = (uintptr_t)parts };
	struct random *random = &racer->random;
	int sources[2], fd;

	if (random_chance(random, 30))
		race_drop_composite(racer, &RANDOM_OF(random, racer->composites));
	args.nr_parts = 1 + random_below(random, ARRAY_SIZE(parts));
	args.flags = random_chance(random, 70) ? IOBMD_COMPOSE_F_READ_ONLY : 0;
	sources[0] = race_source(racer, args.flags);
	sources[1] = race_source(racer, args.flags);
	if (sources[0] < 0)
		sources[0] = sources[1];
	if (sources[1] < 0)
		sources[1] = sources[0];
	if (sources[0] < 0)
		return;
	for (unsigned int i = 0; i < args.nr_parts; i++) {
		parts[i] = (struct iobmd_compose_part) { .fd = RANDOM_OF(random, sources) };
		parts[i].offset = random_below(random, 7) * random->page;
		parts[i].length = random->page;
	}
	fd = race_result(racer, race_command(racer, racer->device, IOBMD_IOC_COMPOSE, &args));
	if (fd >= 0)
		race_keep_composite(racer, fd, args.nr_parts);
}

const struct race_operation compose_races[] = {
	{ race_compose, 10 },
	{ race_compose_many, 6 },
	{ NULL, 0 }
};
