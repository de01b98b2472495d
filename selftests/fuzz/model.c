// SPDX-License-Identifier: GPL-2.0
/* The model: making, cutting and dropping what it has. */
#include "model.h"

const unsigned int fuzz_users[USERS] = { 0, 65534, 65533 };

const char *const count_names[COUNTS] = {
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

uint64_t file_size(const struct file *file)
{
	return file->is_window ? file->size : file->thing->length;
}

/* The last part that does not begin behind @offset. */
static const struct part *part_find(const struct thing *thing, uint64_t offset)
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
struct place thing_find(struct thing *thing, uint64_t offset)
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
void thing_copy(struct thing *thing, uint64_t offset, uint8_t *bytes, uint64_t length, bool store)
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
uint64_t model_capacity_max(const struct model *model)
{
	uint64_t common = 2 * model->huge + 16 * model->page;

	return common < CAPACITY_HELPED_MAX ? CAPACITY_HELPED_MAX : common;
}

/* @nr_parts 0: a buffer. */
struct thing *thing_new(struct model *model, const struct process *process, unsigned int nr_parts)
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
unsigned int nr_stashed(const struct model *model, const struct thing *buffer)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < STASHES; i++) {
		const struct stash *stash = &model->stashes[i];

		for (unsigned int j = 0; j < stash->nr; j++)
			nr += stash->pieces[j].buffer == buffer;
	}
	return nr;
}

void thing_free(struct model *model, struct thing *thing)
{
	if (thing->bytes)
		munmap(thing->bytes, model_capacity_max(model));
	free(thing);
}

static void thing_put(struct model *model, struct thing *thing)
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

struct file *file_new(struct model *model, const struct process *process, struct thing *thing,
		      uint32_t rights)
{
	struct file *file = calloc(1, sizeof(*file));

	file->thing = thing;
	file->rights = rights;
	file->user = process->user;
	thing->refs++;
	model->files[model->nr_files++] = file;
	return file;
}

void file_put(struct model *model, struct file *file)
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

void slot_add(struct process *process, int fd, struct file *file)
{
	file->refs++;
	process->slots[process->nr_slots++] = (struct slot) { fd, file };
}

void slot_remove(struct model *model, struct process *process, struct slot *slot)
{
	struct file *file = slot->file;

	*slot = process->slots[--process->nr_slots];
	file_put(model, file);
}

void mapping_add(struct process *process, struct mapping mapping)
{
	mapping.file->refs++;
	process->mappings[process->nr_mappings++] = mapping;
}

static void mapping_remove(struct model *model, struct process *process, struct mapping *mapping)
{
	struct file *file = mapping->file;

	*mapping = process->mappings[--process->nr_mappings];
	file_put(model, file);
}

/* Cuts @mapping after @length bytes; the rest becomes one of its own. */
static void mapping_cut(struct process *process, struct mapping *mapping, uint64_t length)
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
struct mapping *mapping_isolate(struct process *process, struct mapping *mapping, uint8_t *address,
				uint64_t length)
{
	mapping_cut(process, mapping, address - mapping->address);
	if (mapping->address != address)
		mapping = &process->mappings[process->nr_mappings - 1];
	mapping_cut(process, mapping, length);
	return mapping;
}

/* Nothing of the model is mapped in that range any more. */
void mappings_clear(struct model *model, struct process *process, uint8_t *address, uint64_t length)
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

void import_remove(struct model *model, struct import *import)
{
	struct file *file = import->file;

	*import = model->imports[--model->nr_imports];
	file_put(model, file);
}

void process_clear(struct model *model, struct process *process)
{
	while (process->nr_slots)
		slot_remove(model, process, process->slots);
	while (process->nr_mappings)
		mapping_remove(model, process, process->mappings);
	process->pid = 0;
	process->user = 0;
}

/* What a fork leaves to the child. */
void process_inherit(struct process *child, const struct process *parent, pid_t pid)
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

unsigned int nr_parts(const struct model *model)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < model->nr_things; i++)
		nr += model->things[i]->nr_parts;
	return nr;
}

/* How many belong to the first user. One always does. */
unsigned int nr_privileged(const struct model *model)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < PROCESSES_MAX; i++)
		nr += model->processes[i].pid && !model->processes[i].user;
	return nr;
}
