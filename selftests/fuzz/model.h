/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: what there is, and what memory holds, if the module does as its header
 * says. It knows nothing of how the module works.
 */
#ifndef IOBMD_FUZZ_MODEL_H
#define IOBMD_FUZZ_MODEL_H

#include "common.h"

#define THINGS_MAX	7
#define FILES_MAX	256
#define SLOTS_MAX	14
#define MAPPINGS_MAX	64
#define IMPORTS_MAX	4
#define STASH_MAX	16	/* pages, of up to 64 KiB: SCRATCH_BYTES */

/* The first may lock as much memory as it likes, and is not bound by ceilings. */
#define USERS		3

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

/* What the kernel may take at most to keep track of what a user has made; not exact. */
#define FILE_OBJECT_BYTES	(4 * KIB)
#define PART_OBJECT_BYTES	256

extern const unsigned int fuzz_users[USERS];
extern const char *const count_names[COUNTS];

/* model.c */
uint64_t file_size(const struct file *file);
struct place thing_find(struct thing *thing, uint64_t offset);
void thing_copy(struct thing *thing, uint64_t offset, uint8_t *bytes, uint64_t length, bool store);
uint64_t model_capacity_max(const struct model *model);
struct thing *thing_new(struct model *model, const struct process *process, unsigned int nr_parts);
unsigned int nr_stashed(const struct model *model, const struct thing *buffer);
void thing_free(struct model *model, struct thing *thing);
struct file *file_new(struct model *model, const struct process *process, struct thing *thing,
		      uint32_t rights);
void file_put(struct model *model, struct file *file);
void slot_add(struct process *process, int fd, struct file *file);
void slot_remove(struct model *model, struct process *process, struct slot *slot);
void mapping_add(struct process *process, struct mapping mapping);
struct mapping *mapping_isolate(struct process *process, struct mapping *mapping, uint8_t *address,
				uint64_t length);
void mappings_clear(struct model *model, struct process *process, uint8_t *address,
		    uint64_t length);
void import_remove(struct model *model, struct import *import);
void process_clear(struct model *model, struct process *process);
void process_inherit(struct process *child, const struct process *parent, pid_t pid);
unsigned int nr_parts(const struct model *model);
unsigned int nr_privileged(const struct model *model);

/* rules.c */
bool is_frozen(const struct file *file);
bool is_held(const struct model *model, const struct thing *buffer, uint64_t capacity);
bool is_stashed(const struct model *model, const struct thing *buffer, uint64_t offset);
bool is_lingering(const struct model *model, const struct thing *buffer, uint64_t offset);
bool is_mapped_by_composite(const struct model *model, const struct thing *buffer, uint64_t offset);
bool has_writer(const struct model *model, const struct thing *buffer);
uint64_t memory_of(const struct model *model, unsigned int user);
uint64_t leftovers_of(const struct model *model, unsigned int user);
uint64_t objects_of(const struct model *model, unsigned int user);
void thing_resize(struct thing *buffer, uint64_t capacity);
bool range_resolve(uint64_t size, uint64_t offset, uint64_t *length);

#endif /* IOBMD_FUZZ_MODEL_H */
