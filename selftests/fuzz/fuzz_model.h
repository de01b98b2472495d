/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: what there is, and what memory holds, if the module does as its header
 * says. It knows nothing of how the module works.
 */
#ifndef IOBMD_FUZZ_MODEL_H
#define IOBMD_FUZZ_MODEL_H

#include "fuzz_process.h"
#include "fuzz_random.h"

#define THINGS_MAX	7
#define FILES_MAX	256
#define SLOTS_MAX	14
#define MAPPINGS_MAX	64
#define IMPORTS_MAX	4
#define STASH_MAX	16	/* pages, of up to 64 KiB: SCRATCH_BYTES */

/* The first may lock as much memory as it likes, and is not bound by ceilings. */
#define USERS		3

static const unsigned int fuzz_users[USERS] = { 0, 65534, 65533 };

struct thing;

/* A part of a composite, taken apart down to the buffers. */
struct part {
	struct thing *buffer;
	uint64_t offset, length, start;
};

/* A buffer or a composite. It is gone when @refs is 0; a stash may still show it. */
struct thing {
	uint64_t id;
	uint64_t capacity, length;	/* in bytes */
	uint64_t alignment;
	uint32_t direction, huge, seals;
	int32_t node;
	char name[IOBMD_NAME_MAX + 1];
	unsigned int refs;		/* files, and parts of composites */
	unsigned int number;		/* for the reader */
	unsigned int user;		/* its maker: index of fuzz_users */
	uint8_t *bytes;			/* of a buffer, in whole pages */
	bool writable;			/* a composite that can be written */
	unsigned int nr_parts;
	struct part parts[];
};

/* A descriptor or an export. It is gone when its last number and mapping are. */
struct file {
	struct thing *thing;
	unsigned int refs;
	uint32_t rights;
	bool is_export;
	bool is_window;
	bool has_hold;
	uint64_t offset, size;		/* of the window */
	uint64_t hold_end;
	uint64_t position;
	unsigned int user;		/* its maker */
};

struct slot {
	int fd;
	struct file *file;
};

/* What one stretch of addresses shows. */
struct mapping {
	uint8_t *address;
	uint64_t length;
	struct file *file;
	uint64_t offset;	/* in the thing */
	int prot;
	bool may_write;
	bool is_private;
	bool no_fork;
};

/* An object of a driver that has imported an export. All processes have it in common. */
struct import {
	struct file *file;
	uint32_t handle;
	uint64_t offset;	/* in the driver's file */
};

struct process {
	pid_t pid;		/* 0: there is none */
	unsigned int user;
	unsigned int nr_slots, nr_mappings;
	struct slot slots[SLOTS_MAX];
	struct mapping mappings[MAPPINGS_MAX];
};

/* A piece of a page that lies in a stash. */
struct piece {
	struct thing *buffer;
	uint64_t offset, length;
};

/*
 * Pieces of buffers, in a pipe or in a stream socket. A socket may hold what has been
 * read out of it until it is empty: such pieces have no length left, but their end.
 */
struct stash {
	struct piece pieces[STASH_MAX];
	unsigned int nr;
	unsigned int nr_read;	/* the first of them */
};

enum { STASH_PIPE, STASH_SOCKET, STASHES };

/* How often what happened: see count_names. */
enum count {
	COUNT_OPERATIONS,
	COUNT_IN_PIPE,
	COUNT_IN_SOCKET,
	COUNT_LEFTOVERS,
	COUNT_BUSY_BY_STASH,
	COUNT_IMPORTS,
	COUNT_IMPORT_MAPPINGS,
	COUNT_IMPORTS_DENIED,
	COUNT_EXPORT_MAPPINGS,
	COUNT_EXPORTS_DENIED,
	COUNT_PARTS,
	COUNT_PARTS_MAX,
	COUNT_DENIED_CREATE,
	COUNT_DENIED_RESIZE,
	COUNT_DENIED_OTHER,
	COUNT_AT_CEILING,
	COUNT_SETTLED,
	COUNTS,
};

static const char *const count_names[COUNTS] = {
	[COUNT_OPERATIONS] = "operations did something",
	[COUNT_IN_PIPE] = "pieces went into the pipe",
	[COUNT_IN_SOCKET] = "pieces went into the socket",
	[COUNT_LEFTOVERS] = "pieces were there when their buffer had gone",
	[COUNT_BUSY_BY_STASH] = "calls were refused because of them",
	[COUNT_IMPORTS] = "exports were imported",
	[COUNT_IMPORT_MAPPINGS] = "mappings were made through an importer",
	[COUNT_IMPORTS_DENIED] = "imports were denied for lack of rights",
	[COUNT_EXPORT_MAPPINGS] = "mappings were made through a dma-buf",
	[COUNT_EXPORTS_DENIED] = "writable ones were denied",
	[COUNT_PARTS] = "parts were in composites",
	[COUNT_PARTS_MAX] = "parts at most were there at once",
	[COUNT_DENIED_CREATE] = "times EDQUOT came from CREATE",
	[COUNT_DENIED_RESIZE] = "times EDQUOT came from RESIZE",
	[COUNT_DENIED_OTHER] = "times EDQUOT came from COMPOSE, DERIVE and EXPORT",
	[COUNT_AT_CEILING] = "times a user had exactly what the ceiling allows",
	[COUNT_SETTLED] = "times pages of a stash came back to a user",
};

struct model {
	struct process processes[PROCESSES_MAX];
	struct thing *things[THINGS_MAX];
	unsigned int nr_things;
	struct file *files[FILES_MAX];
	unsigned int nr_files;
	bool unsettled[USERS];		/* pages may not have come back yet */
	struct import imports[IMPORTS_MAX];
	unsigned int nr_imports;
	struct stash stashes[STASHES];
	uint64_t *counts;		/* by enum count */
	unsigned int last_number;
	uint64_t last_id;
	uint64_t page, huge;	/* sizes */
};

/* The bytes of @thing from @offset on that lie next to each other in a buffer. */
struct place {
	struct thing *buffer;	/* NULL: beyond the end of the memory */
	uint64_t offset, length;
};

static inline uint64_t file_size(const struct file *file)
{
	return file->is_window ? file->size : file->thing->length;
}

/* The last part that does not begin behind @offset. */
static inline const struct part *part_find(const struct thing *thing, uint64_t offset)
{
	unsigned int low = 0, high = thing->nr_parts;

	while (high - low > 1) {
		unsigned int middle = (low + high) / 2;

		if (thing->parts[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	return &thing->parts[low];
}

/* Whole pages: what can be mapped of a part includes the rest of its last page. */
static inline struct place thing_find(struct thing *thing, uint64_t offset)
{
	struct place place = { NULL, 0, 0 };
	const struct part *part;
	uint64_t end;

	if (!thing->nr_parts) {
		end = page_round(thing->capacity);
		if (offset < end)
			place = (struct place) { thing, offset, end - offset };
		return place;
	}
	part = part_find(thing, offset);
	end = part->start + page_round(part->length);
	if (offset < end)
		place = (struct place) { part->buffer, part->offset + offset - part->start,
					 end - offset };
	return place;
}

/* Calls that copy: the caller has seen to it that all of it is there. */
static inline void thing_copy(struct thing *thing, uint64_t offset, uint8_t *bytes,
			      uint64_t length, bool store)
{
	while (length) {
		struct place place = thing_find(thing, offset);
		uint64_t n = place.length < length ? place.length : length;

		if (store)
			memcpy(place.buffer->bytes + place.offset, bytes, n);
		else
			memcpy(bytes, place.buffer->bytes + place.offset, n);
		offset += n;
		bytes += n;
		length -= n;
	}
}

/* How large buffers get. */
static inline uint64_t model_capacity_max(const struct model *model)
{
	uint64_t common = 2 * model->huge + 16 * model->page;

	return common < CAPACITY_HELPED_MAX ? CAPACITY_HELPED_MAX : common;
}

/* @nr_parts 0: a buffer. */
static inline struct thing *thing_new(struct model *model, const struct process *process,
				      unsigned int nr_parts)
{
	struct thing *thing = calloc(1, sizeof(*thing) + nr_parts * sizeof(struct part));

	thing->number = ++model->last_number;
	thing->nr_parts = nr_parts;
	thing->user = process->user;
	thing->node = -1;
	model->things[model->nr_things++] = thing;
	return thing;
}

/* How many pieces of @buffer are in stashes. It may be gone all the same. */
static inline unsigned int nr_stashed(const struct model *model, const struct thing *buffer)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < STASHES; i++) {
		const struct stash *stash = &model->stashes[i];

		for (unsigned int j = 0; j < stash->nr; j++)
			nr += stash->pieces[j].buffer == buffer;
	}
	return nr;
}

static inline void thing_free(struct model *model, struct thing *thing)
{
	if (thing->bytes)
		munmap(thing->bytes, model_capacity_max(model));
	free(thing);
}

static inline void thing_put(struct model *model, struct thing *thing)
{
	unsigned int i = 0;

	if (--thing->refs)
		return;
	for (unsigned int j = 0; j < thing->nr_parts; j++)
		thing_put(model, thing->parts[j].buffer);
	while (model->things[i] != thing)
		i++;
	model->things[i] = model->things[--model->nr_things];
	model->counts[COUNT_LEFTOVERS] += nr_stashed(model, thing);
	if (!nr_stashed(model, thing))
		thing_free(model, thing);
}

static inline struct file *file_new(struct model *model, const struct process *process,
				    struct thing *thing, uint32_t rights)
{
	struct file *file = calloc(1, sizeof(*file));

	file->thing = thing;
	file->rights = rights;
	file->user = process->user;
	thing->refs++;
	model->files[model->nr_files++] = file;
	return file;
}

static inline void file_put(struct model *model, struct file *file)
{
	unsigned int i = 0;

	if (--file->refs)
		return;
	while (model->files[i] != file)
		i++;
	model->files[i] = model->files[--model->nr_files];
	thing_put(model, file->thing);
	free(file);
}

static inline void slot_add(struct process *process, int fd, struct file *file)
{
	file->refs++;
	process->slots[process->nr_slots++] = (struct slot) { fd, file };
}

static inline void slot_remove(struct model *model, struct process *process, struct slot *slot)
{
	struct file *file = slot->file;

	*slot = process->slots[--process->nr_slots];
	file_put(model, file);
}

static inline void mapping_add(struct process *process, struct mapping mapping)
{
	mapping.file->refs++;
	process->mappings[process->nr_mappings++] = mapping;
}

static inline void mapping_remove(struct model *model, struct process *process,
				  struct mapping *mapping)
{
	struct file *file = mapping->file;

	*mapping = process->mappings[--process->nr_mappings];
	file_put(model, file);
}

/* Cuts @mapping after @length bytes; the rest becomes one of its own. */
static inline void mapping_cut(struct process *process, struct mapping *mapping, uint64_t length)
{
	struct mapping rest = *mapping;

	if (!length || length >= mapping->length)
		return;
	rest.address += length;
	rest.offset += length;
	rest.length -= length;
	mapping->length = length;
	mapping_add(process, rest);
}

/* Makes [@address, +@length) of @mapping one of its own, and returns that. */
static inline struct mapping *mapping_isolate(struct process *process, struct mapping *mapping,
					      uint8_t *address, uint64_t length)
{
	mapping_cut(process, mapping, address - mapping->address);
	if (mapping->address != address)
		mapping = &process->mappings[process->nr_mappings - 1];
	mapping_cut(process, mapping, length);
	return mapping;
}

/* Nothing of the model is mapped in that range any more. */
static inline void mappings_clear(struct model *model, struct process *process, uint8_t *address,
				  uint64_t length)
{
	for (unsigned int i = 0; i < process->nr_mappings;) {
		struct mapping *mapping = &process->mappings[i];
		uint8_t *end = mapping->address + mapping->length, *from, *to;

		from = mapping->address > address ? mapping->address : address;
		to = end < address + length ? end : address + length;
		if (from >= to) {
			i++;
			continue;
		}
		mapping_remove(model, process,
			       mapping_isolate(process, mapping, from, to - from));
		i = 0;
	}
}

static inline void import_remove(struct model *model, struct import *import)
{
	struct file *file = import->file;

	*import = model->imports[--model->nr_imports];
	file_put(model, file);
}

static inline void process_clear(struct model *model, struct process *process)
{
	while (process->nr_slots)
		slot_remove(model, process, process->slots);
	while (process->nr_mappings)
		mapping_remove(model, process, process->mappings);
	process->pid = 0;
	process->user = 0;
}

/* What a fork leaves to the child. */
static inline void process_inherit(struct process *child, const struct process *parent, pid_t pid)
{
	child->pid = pid;
	child->user = parent->user;
	for (unsigned int i = 0; i < parent->nr_slots; i++)
		slot_add(child, parent->slots[i].fd, parent->slots[i].file);
	for (unsigned int i = 0; i < parent->nr_mappings; i++) {
		if (!parent->mappings[i].no_fork)
			mapping_add(child, parent->mappings[i]);
	}
}

static inline unsigned int nr_parts(const struct model *model)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < model->nr_things; i++)
		nr += model->things[i]->nr_parts;
	return nr;
}

/* How many belong to the first user. One always does. */
static inline unsigned int nr_privileged(const struct model *model)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < PROCESSES_MAX; i++)
		nr += model->processes[i].pid && !model->processes[i].user;
	return nr;
}

#endif /* IOBMD_FUZZ_MODEL_H */
