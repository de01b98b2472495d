/* SPDX-License-Identifier: GPL-2.0 */
/* What both fuzzers share: random choices, processes, users. */
#ifndef IOBMD_FUZZ_COMMON_H
#define IOBMD_FUZZ_COMMON_H

#include "iobmd_test.h"

struct random {
	uint64_t state;
	uint64_t page;		/* sizes of the machine */
	uint64_t huge;
};

#define RANDOM_OF(random, array)	((array)[random_below(random, ARRAY_SIZE(array))])

/* So large that other processors help to allocate it, where huge pages have 2 MiB. */
#define CAPACITY_HELPED		(8 * MIB)
#define CAPACITY_HELPED_MAX	(12 * MIB)

#define PROCESSES_MAX	3
#define SCRATCH_PAGES	256
#define SCRATCH_PAGE	4096u	/* no page is smaller */
#define SCRATCH_BYTES	(SCRATCH_PAGES * SCRATCH_PAGE)
#define ANSWER_SECONDS	100

struct scratch {
	uint8_t argument[3 * SCRATCH_PAGE];	/* of an ioctl */
	uint8_t data[SCRATCH_BYTES];
	uint8_t signals[SCRATCH_PAGES];		/* that each SCRATCH_PAGE of a copy raised, or 0 */
};

enum order_verb {
	ORDER_CALL,	/* system call @number with @args */
	ORDER_LOAD,	/* copy args[1] bytes from address args[0] to the scratch area */
	ORDER_STORE,	/* the other way round */
	ORDER_FORK,	/* the child becomes process args[0]; its id */
	ORDER_SEND,	/* descriptor args[0] into the common socket */
	ORDER_RECEIVE,	/* out of it; the descriptor */
	ORDER_EXIT,
};

struct order {
	enum order_verb verb;
	long number;
	uint64_t args[6];
};

struct crew {
	struct scratch *scratch;
	int sockets[PROCESSES_MAX][2];	/* the conductor's end, the process's */
	int passage[2];			/* for descriptors on their way */
	int pipe[2];
	int stream[2];
};

/* random.c */
uint64_t setting(const char *name, uint64_t otherwise);
uint64_t random_next(struct random *random);
void random_seed(struct random *random, uint64_t seed, uint64_t index);
uint64_t random_below(struct random *random, uint64_t limit);
bool random_chance(struct random *random, unsigned int percent);
uint64_t random_absurd(struct random *random);
uint64_t random_offset(struct random *random, uint64_t limit);
uint64_t random_page_offset(struct random *random, uint64_t limit);
uint64_t random_helped(struct random *random);
uint64_t random_capacity(struct random *random);
void random_fill(struct random *random, void *bytes, size_t length);

/* process.c */
int copy_piece(void *to, const void *from, size_t length);
bool crew_start(struct crew *crew);
pid_t crew_first(struct crew *crew);
bool crew_do(struct crew *crew, unsigned int number, pid_t pid, const struct order *order,
	     int64_t *result);

/* user.c */
bool user_await_room(int device, unsigned int uid, uint64_t capacity);

#endif /* IOBMD_FUZZ_COMMON_H */
