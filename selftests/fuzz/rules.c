// SPDX-License-Identifier: GPL-2.0
/* The rules of the header that need a look at everything: what stands in the way of what. */
#include "model.h"

bool is_frozen(const struct file *file)
{
	return file->thing->seals & IOBMD_SEAL_WRITE;
}

/* Whether something keeps @buffer from having no more than @capacity. */
bool is_held(const struct model *model, const struct thing *buffer, uint64_t capacity)
{
	for (unsigned int i = 0; i < model->nr_files; i++) {
		const struct file *file = model->files[i];

		if (file->thing == buffer && file->has_hold && file->hold_end > capacity)
			return true;
	}
	for (unsigned int i = 0; i < model->nr_things; i++) {
		const struct thing *thing = model->things[i];

		for (unsigned int j = 0; j < thing->nr_parts; j++) {
			if (thing->parts[j].buffer == buffer &&
			    thing->parts[j].offset + thing->parts[j].length > capacity)
				return true;
		}
	}
	return false;
}

/* Whether a page of @buffer from @offset on is in a stash. */
bool is_stashed(const struct model *model, const struct thing *buffer, uint64_t offset)
{
	for (unsigned int i = 0; i < STASHES; i++) {
		const struct stash *stash = &model->stashes[i];

		for (unsigned int j = stash->nr_read; j < stash->nr; j++) {
			const struct piece *piece = &stash->pieces[j];

			if (piece->buffer == buffer && piece->offset + piece->length > offset)
				return true;
		}
	}
	return false;
}

/* Whether a socket may still hold one, although all of it has been read. */
bool is_lingering(const struct model *model, const struct thing *buffer, uint64_t offset)
{
	for (unsigned int i = 0; i < STASHES; i++) {
		const struct stash *stash = &model->stashes[i];

		for (unsigned int j = 0; j < stash->nr_read; j++) {
			if (stash->pieces[j].buffer == buffer && stash->pieces[j].offset > offset)
				return true;
		}
	}
	return false;
}

/* Whether a composite has a part of @buffer that reaches beyond @offset mapped. */
bool is_mapped_by_composite(const struct model *model, const struct thing *buffer, uint64_t offset)
{
	for (unsigned int i = 0; i < PROCESSES_MAX; i++) {
		const struct process *process = &model->processes[i];

		for (unsigned int j = 0; j < process->nr_mappings; j++) {
			const struct thing *thing = process->mappings[j].file->thing;

			for (unsigned int k = 0; k < thing->nr_parts; k++) {
				const struct part *part = &thing->parts[k];

				if (part->buffer == buffer &&
				    part->offset + page_round(part->length) > offset)
					return true;
			}
		}
	}
	return false;
}

static bool has_writable_mapping(const struct model *model, const struct thing *buffer)
{
	for (unsigned int i = 0; i < PROCESSES_MAX; i++) {
		const struct process *process = &model->processes[i];

		for (unsigned int j = 0; j < process->nr_mappings; j++) {
			if (process->mappings[j].file->thing == buffer &&
			    process->mappings[j].may_write)
				return true;
		}
	}
	return false;
}

/* Whether anything could still write @buffer if it were sealed now. */
bool has_writer(const struct model *model, const struct thing *buffer)
{
	for (unsigned int i = 0; i < model->nr_files; i++) {
		const struct file *file = model->files[i];

		if (file->thing == buffer && file->is_export &&
		    file->rights & IOBMD_RIGHT_WRITE)
			return true;
	}
	for (unsigned int i = 0; i < model->nr_things; i++) {
		const struct thing *thing = model->things[i];

		for (unsigned int j = 0; j < thing->nr_parts; j++) {
			if (thing->writable && thing->parts[j].buffer == buffer)
				return true;
		}
	}
	return has_writable_mapping(model, buffer);
}

/* What the buffers of a user have of memory, in bytes. */
uint64_t memory_of(const struct model *model, unsigned int user)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < model->nr_things; i++) {
		const struct thing *thing = model->things[i];

		if (!thing->nr_parts && thing->user == user)
			sum += page_round(thing->capacity);
	}
	return sum;
}

/* At most that much lies in stashes beside it, of buffers that have gone. */
uint64_t leftovers_of(const struct model *model, unsigned int user)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < STASHES; i++) {
		const struct stash *stash = &model->stashes[i];

		for (unsigned int j = 0; j < stash->nr; j++) {
			const struct thing *buffer = stash->pieces[j].buffer;

			if (!buffer->refs && buffer->user == user)
				sum += page_round(buffer->capacity);
		}
	}
	return sum;
}

uint64_t objects_of(const struct model *model, unsigned int user)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < model->nr_files; i++)
		sum += model->files[i]->user == user ? FILE_OBJECT_BYTES : 0;
	for (unsigned int i = 0; i < model->nr_things; i++) {
		const struct thing *thing = model->things[i];

		if (thing->user == user)
			sum += FILE_OBJECT_BYTES + thing->nr_parts * PART_OBJECT_BYTES;
	}
	return sum;
}

/* Sets the capacity and length, and what the bytes are then. */
void thing_resize(struct thing *buffer, uint64_t capacity)
{
	uint64_t old = buffer->capacity;

	if (page_round(capacity) < page_round(old))
		memset(buffer->bytes + page_round(capacity), 0,
		       page_round(old) - page_round(capacity));
	if (capacity > old)
		memset(buffer->bytes + old, 0, page_round(old) - old);
	buffer->capacity = capacity;
	buffer->length = capacity;
}

/* Whether [@offset, +@length) lies in @size bytes; a @length of 0 becomes all that follows. */
bool range_resolve(uint64_t size, uint64_t offset, uint64_t *length)
{
	if (offset >= size || *length > size - offset)
		return false;
	if (!*length)
		*length = size - offset;
	return true;
}
