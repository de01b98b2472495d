/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Operations on whatever there is, with no model, by threads that get in each
 * other's way: they share numbers of descriptors, and addresses in an arena.
 *
 * Every write is of RACE_BYTE: memory that holds another byte, and not 0, comes from
 * elsewhere.
 */
#ifndef IOBMD_FUZZ_RACE_H
#define IOBMD_FUZZ_RACE_H

#include "common.h"

#include <pthread.h>

#define RACE_BYTE	0xa5
#define RACE_FDS	12
#define RACE_FIRST_FD	100	/* of those that all threads use */
#define RACE_ARENA	(24 * MIB)
#define RACE_BYTES	(32 * KIB)
#define RACE_COMPOSITES	8	/* of many parts, that each thread keeps */
#define RACE_COMMANDS	256

/* For all processes. */
struct race {
	uint64_t calls, successes;
	uint64_t foreign;	/* bytes that no writer has written */
	uint64_t odd_infos;
	uint64_t sent;		/* calls that put pages into a socket */
	uint64_t leftovers;	/* bytes in pipes and sockets when all buffers had gone */
	uint64_t imports, import_mappings;
	uint64_t composites;	/* of many parts */
	uint64_t parts, parts_max;	/* that threads keep */
	uint64_t denied[RACE_COMMANDS];	/* EDQUOT, by the number of the command */
};

struct race_composite {
	int fd;
	unsigned int nr_parts;	/* 0: there is none */
};

struct racer {
	struct random random;
	struct race *race;
	uint8_t *arena;		/* of this process */
	int device;
	int card;		/* an importer, of this process; or -1 */
	uint32_t handle;	/* of what this thread has imported, or 0 */
	int pipe[2];
	int stream[2];
	int passage[2];
	struct race_composite composites[RACE_COMPOSITES];
	uid_t uid;		/* 0: exempt from ceilings */
	unsigned int operations;
	pthread_t thread;
	pthread_barrier_t *start;
	uint8_t bytes[RACE_BYTES];	/* to write */
	uint8_t seen[RACE_BYTES];
};

/* As struct operation. */
struct race_operation {
	void (*operate)(struct racer *racer);
	unsigned int weight;
};

extern const struct race_operation create_races[];
extern const struct race_operation compose_races[];
extern const struct race_operation derive_races[];
extern const struct race_operation import_races[];
extern const struct race_operation change_races[];
extern const struct race_operation map_races[];
extern const struct race_operation remap_races[];
extern const struct race_operation io_races[];
extern const struct race_operation stash_races[];
extern const struct race_operation share_races[];

/* create.c */
void race_create(struct racer *racer);

/* change.c */
void race_resize(struct racer *racer);

/* io.c */
void race_load(struct racer *racer);
void race_store(struct racer *racer);

/* race.c */
void race_count(uint64_t *what);
int64_t race_result(struct racer *racer, int64_t result);
int race_fd(struct racer *racer);
void race_share(struct racer *racer, int fd);
int64_t race_command(struct racer *racer, int fd, unsigned int command, void *args);
int64_t race_ioctl(struct racer *racer, unsigned int command, void *args);
void race_judge(struct racer *racer, size_t length);
uint8_t *race_stretch(struct racer *racer, uint64_t *length);
uint64_t race_capacity(struct racer *racer);

#endif /* IOBMD_FUZZ_RACE_H */
