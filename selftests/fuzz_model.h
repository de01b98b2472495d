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
#define PIPE_MAX	16	/* pages, of up to 64 KiB: SCRATCH_BYTES */

struct thing;

/* A part of a composite, taken apart down to the buffers. */
struct part {
	struct thing *buffer;
	uint64_t offset, length, start;
};

/* A buffer or a composite. It is gone when @refs is 0; a pipe may still show it. */
struct thing {
	uint64_t id;
	uint64_t capacity, length;	/* in bytes */
	uint64_t alignment;
	uint32_t direction, huge, seals;
	int32_t node;
	char name[IOBMD_NAME_MAX + 1];
	unsigned int refs;		/* files, and parts of composites */
	unsigned int number;		/* for the reader */
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
	bool no_fork;
};

struct process {
	pid_t pid;		/* 0: there is none */
	unsigned int nr_slots, nr_mappings;
	struct slot slots[SLOTS_MAX];
	struct mapping mappings[MAPPINGS_MAX];
};

/* A piece of a page that lies in the pipe. */
struct piped {
	struct thing *buffer;
	uint64_t offset, length;
};

struct model {
	struct process processes[PROCESSES_MAX];
	struct thing *things[THINGS_MAX];
	unsigned int nr_things;
	struct file *files[FILES_MAX];
	unsigned int nr_files;
	struct piped piped[PIPE_MAX];
	unsigned int nr_piped;
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

/* Whole pages: what can be mapped of a part includes the rest of its last page. */
static inline struct place thing_find(struct thing *thing, uint64_t offset)
{
	struct place place = { NULL, 0, 0 };

	if (!thing->nr_parts) {
		uint64_t end = page_round(thing->capacity);

		if (offset < end)
			place = (struct place) { thing, offset, end - offset };
		return place;
	}
	for (unsigned int i = 0; i < thing->nr_parts; i++) {
		const struct part *part = &thing->parts[i];
		uint64_t end = part->start + page_round(part->length);

		if (offset >= part->start && offset < end)
			place = (struct place) { part->buffer,
						 part->offset + offset - part->start,
						 end - offset };
	}
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
static inline struct thing *thing_new(struct model *model, unsigned int nr_parts)
{
	struct thing *thing = calloc(1, sizeof(*thing) + nr_parts * sizeof(struct part));

	thing->number = ++model->last_number;
	thing->nr_parts = nr_parts;
	thing->node = -1;
	model->things[model->nr_things++] = thing;
	return thing;
}

/* It may be gone all the same. */
static inline bool is_in_pipe(const struct model *model, const struct thing *buffer)
{
	for (unsigned int i = 0; i < model->nr_piped; i++) {
		if (model->piped[i].buffer == buffer)
			return true;
	}
	return false;
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
	if (is_in_pipe(model, thing))
		return;
	if (thing->bytes)
		munmap(thing->bytes, model_capacity_max(model));
	free(thing);
}

static inline struct file *file_new(struct model *model, struct thing *thing, uint32_t rights)
{
	struct file *file = calloc(1, sizeof(*file));

	file->thing = thing;
	file->rights = rights;
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

static inline void process_clear(struct model *model, struct process *process)
{
	while (process->nr_slots)
		slot_remove(model, process, process->slots);
	while (process->nr_mappings)
		mapping_remove(model, process, process->mappings);
	process->pid = 0;
}

/* What a fork leaves to the child. */
static inline void process_inherit(struct process *child, const struct process *parent, pid_t pid)
{
	child->pid = pid;
	for (unsigned int i = 0; i < parent->nr_slots; i++)
		slot_add(child, parent->slots[i].fd, parent->slots[i].file);
	for (unsigned int i = 0; i < parent->nr_mappings; i++) {
		if (!parent->mappings[i].no_fork)
			mapping_add(child, parent->mappings[i]);
	}
}

static inline unsigned int nr_processes(const struct model *model)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < PROCESSES_MAX; i++)
		nr += !!model->processes[i].pid;
	return nr;
}

#endif /* IOBMD_FUZZ_MODEL_H */
