// SPDX-License-Identifier: GPL-2.0
/* What an operation works on. NULL where there is no such thing, and then nothing happens. */
#include "fuzz.h"

struct process *choose_process(struct fuzz *fuzz)
{
	unsigned int n = random_below(&fuzz->random, PROCESSES_MAX);

	for (unsigned int i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &fuzz->model.processes[(n + i) % PROCESSES_MAX];

		if (process->pid)
			return process;
	}
	return NULL;
}

/* A number of a descriptor or of an export. */
struct slot *choose_slot(struct fuzz *fuzz, struct process *process)
{
	uint64_t choice = random_next(&fuzz->random);

	return process->nr_slots ? &process->slots[choice % process->nr_slots] : NULL;
}

struct slot *choose_descriptor(struct fuzz *fuzz, struct process *process)
{
	uint64_t choice = random_next(&fuzz->random);

	for (unsigned int i = 0; i < process->nr_slots; i++) {
		struct slot *slot = &process->slots[(choice + i) % process->nr_slots];

		if (!slot->file->is_export)
			return slot;
	}
	return NULL;
}

/* As above, but one that may do what @rights say if there is any, more often than not. */
struct slot *choose_entitled(struct fuzz *fuzz, struct process *process, uint32_t rights)
{
	uint64_t choice = random_next(&fuzz->random);
	bool any = random_chance(&fuzz->random, 15);

	for (unsigned int i = 0; i < process->nr_slots && !any; i++) {
		struct slot *slot = &process->slots[(choice + i) % process->nr_slots];

		if (!slot->file->is_export && !(rights & ~slot->file->rights))
			return slot;
	}
	return choose_descriptor(fuzz, process);
}

struct slot *choose_export(struct fuzz *fuzz, struct process *process)
{
	uint64_t choice = random_next(&fuzz->random);

	for (unsigned int i = 0; i < process->nr_slots; i++) {
		struct slot *slot = &process->slots[(choice + i) % process->nr_slots];

		if (slot->file->is_export)
			return slot;
	}
	return NULL;
}

struct import *choose_import(struct fuzz *fuzz)
{
	uint64_t choice = random_next(&fuzz->random);

	return fuzz->model.nr_imports ? &fuzz->model.imports[choice % fuzz->model.nr_imports] :
					NULL;
}

struct mapping *choose_mapping(struct fuzz *fuzz, struct process *process)
{
	uint64_t choice = random_next(&fuzz->random);

	return process->nr_mappings ? &process->mappings[choice % process->nr_mappings] : NULL;
}

bool has_free_slot(const struct process *process)
{
	return process->nr_slots < SLOTS_MAX;
}

/* An operation may cut two mappings in three, and add one. */
bool has_room_to_map(const struct process *process)
{
	return process->nr_mappings < MAPPINGS_MAX - 8;
}

bool has_room_for_thing(const struct fuzz *fuzz)
{
	return fuzz->model.nr_things < THINGS_MAX;
}

struct stretch choose_stretch(struct fuzz *fuzz, const struct mapping *mapping)
{
	uint64_t page = fuzz->model.page, pages = mapping->length / page;
	uint64_t first = random_below(&fuzz->random, pages);
	uint64_t nr = 1 + random_below(&fuzz->random, pages - first);

	if (random_chance(&fuzz->random, 40)) {
		first = 0;
		nr = pages;
	}
	return (struct stretch) { first * page, nr * page, mapping->address + first * page };
}

void say_slot(struct fuzz *fuzz, const struct process *process, const struct slot *slot,
	      const char *verb)
{
	const struct file *file = slot->file;
	const struct thing *thing = file->thing;

	say(fuzz, "process %u: %s %s fd %d (%s %u%s, rights %u)", process_number(fuzz, process),
	    verb, file->is_export ? "export" : "descriptor", slot->fd,
	    thing->nr_parts ? "composite" : "buffer", thing->number,
	    file->is_window && !thing->nr_parts ? " window" : "", file->rights);
}

void say_stretch(struct fuzz *fuzz, const struct process *process, const struct mapping *mapping,
		 uint64_t at, uint64_t length, const char *verb)
{
	const struct thing *thing = mapping->file->thing;

	say(fuzz, "process %u: %s %p, %#" PRIx64 " bytes (%s %u from %#" PRIx64 ", prot %d)",
	    process_number(fuzz, process), verb, mapping->address + at, length,
	    thing->nr_parts ? "composite" : "buffer", thing->number, mapping->offset + at,
	    mapping->prot);
}
