/* SPDX-License-Identifier: GPL-2.0 */
/* The fuzzer with a model: a run, its operations, and what they use. */
#ifndef IOBMD_FUZZ_H
#define IOBMD_FUZZ_H

#include "model.h"

#include <sys/syscall.h>

#define TEXT_MAX	1024
#define TEXTS_KEPT	16

/* What survives the conductor of a run: the parent of all runs has it too. */
struct report {
	int failed;		/* the number of the operation, or -1 */
	unsigned int kind;	/* of operation whose result was wrong; 0: something else was */
	uint64_t counts[COUNTS];
	unsigned int last;	/* the last of @texts */
	char texts[TEXTS_KEPT][TEXT_MAX];
	char message[TEXT_MAX];
};

struct fuzz {
	struct random random;
	struct crew crew;
	struct model model;
	struct report *report;
	unsigned int index;	/* of the operation */
	unsigned int kind;	/* its number among all operations, from 1 on */
	bool print;
	bool told;		/* what @index has done is printed */
	int listed;		/* buffers that others have */
	int device;		/* the same number in all processes */
	int card;		/* an importer, or -1 */
	bool import_maps;	/* to read and to write */
	int numbers;		/* descriptors of a process beside its slots */
	uint64_t ceiling;	/* bytes, of one buffer */
	uint64_t user_ceiling;	/* of all buffers of a user */
};

/* What a call may say: one of @must if there is any, else success or one of @may. */
struct expected {
	unsigned int nr_must, nr_may;
	int must[16], may[8];
};

/* The run has found something. */
#define fuzz_fail(fuzz, ...) do {					\
	say_end(fuzz);							\
	snprintf((fuzz)->report->message, TEXT_MAX, __VA_ARGS__);	\
	(fuzz)->report->failed = (fuzz)->index;				\
	if ((fuzz)->print)						\
		printf("#        %s\n", (fuzz)->report->message);	\
	_exit(1);							\
} while (0)

/* fuzz_call(fuzz, process, SYS_munmap, address, length): its result, or -errno. */
#define fuzz_call(fuzz, process, _number, ...) ({			\
	const struct order __order = {					\
		.verb = ORDER_CALL, .number = (_number), .args = { __VA_ARGS__ }, \
	};								\
									\
	fuzz_order(fuzz, process, &__order);				\
})

#define fuzz_tell(fuzz, process, _verb, ...) ({				\
	const struct order __order = { .verb = (_verb), .args = { __VA_ARGS__ } }; \
									\
	fuzz_order(fuzz, process, &__order);				\
})

#define ADDRESS(pointer)	((uint64_t)(uintptr_t)(pointer))

/* A stretch of whole pages in @mapping. */
struct stretch {
	uint64_t offset, length;
	uint8_t *address;
};

/* An operation, and its weight when one is chosen. A table ends with one that does nothing. */
struct operation {
	void (*operate)(struct fuzz *fuzz, struct process *process);
	unsigned int weight;
};

extern const struct operation create_operations[];
extern const struct operation compose_operations[];
extern const struct operation derive_operations[];
extern const struct operation change_operations[];
extern const struct operation garbage_operations[];
extern const struct operation map_operations[];
extern const struct operation remap_operations[];
extern const struct operation io_operations[];
extern const struct operation stash_operations[];
extern const struct operation import_operations[];
extern const struct operation foreign_operations[];
extern const struct operation share_operations[];

/* judge.c */
void expect_errno(struct expected *expected, bool condition, int error);
void allow_errno(struct expected *expected, bool condition, int error);
char *fuzz_text(struct fuzz *fuzz);
void say(struct fuzz *fuzz, const char *format, ...);
void say_end(struct fuzz *fuzz);
void say_begin(struct fuzz *fuzz);
void result_text(char *text, size_t size, int64_t result);
bool judge(struct fuzz *fuzz, const struct expected *expected, int64_t result);
unsigned int process_number(const struct fuzz *fuzz, const struct process *process);
int64_t fuzz_order(struct fuzz *fuzz, const struct process *process, const struct order *order);
void fuzz_count(struct fuzz *fuzz, enum count what, uint64_t nr);
int64_t fuzz_ioctl(struct fuzz *fuzz, const struct process *process, int fd, unsigned int command,
		   void *arg, size_t size);

/* check.c */
bool mapping_is_usable(const struct mapping *mapping, uint64_t at, uint64_t length, bool write);
void check_bytes_of(struct fuzz *fuzz, struct thing *thing, uint64_t offset, const uint8_t *bytes,
		    uint64_t length, const char *where);
void check_copied(struct fuzz *fuzz, const struct mapping *mapping, uint64_t at, uint64_t length,
		  bool store);
void check_mapping(struct fuzz *fuzz, const struct process *process, const struct mapping *mapping,
		   uint64_t at, uint64_t length);
void check_info(struct fuzz *fuzz, const struct process *process, const struct slot *slot);
void check_read(struct fuzz *fuzz, const struct process *process, const struct slot *slot,
		uint64_t offset, uint64_t length);
void check_list(struct fuzz *fuzz);
int numbers_of(const struct process *process);
void check_numbers(struct fuzz *fuzz, const struct process *process);
void check_all(struct fuzz *fuzz);
void check_some(struct fuzz *fuzz, const struct process *process);
void learn_id(struct fuzz *fuzz, const struct process *process, const struct slot *slot);

/* choose.c */
struct process *choose_process(struct fuzz *fuzz);
struct slot *choose_slot(struct fuzz *fuzz, struct process *process);
struct slot *choose_descriptor(struct fuzz *fuzz, struct process *process);
struct slot *choose_entitled(struct fuzz *fuzz, struct process *process, uint32_t rights);
struct slot *choose_export(struct fuzz *fuzz, struct process *process);
struct import *choose_import(struct fuzz *fuzz);
struct mapping *choose_mapping(struct fuzz *fuzz, struct process *process);
bool has_free_slot(const struct process *process);
bool has_room_to_map(const struct process *process);
bool has_room_for_thing(const struct fuzz *fuzz);
struct stretch choose_stretch(struct fuzz *fuzz, const struct mapping *mapping);
void say_slot(struct fuzz *fuzz, const struct process *process, const struct slot *slot,
	      const char *verb);
void say_stretch(struct fuzz *fuzz, const struct process *process, const struct mapping *mapping,
		 uint64_t at, uint64_t length, const char *verb);

/* quota.c */
void expect_memory(const struct fuzz *fuzz, const struct process *process, unsigned int user,
		   uint64_t more, struct expected *expected);
void expect_objects(const struct fuzz *fuzz, const struct process *process, unsigned int nr_parts,
		    struct expected *expected);
uint64_t choose_near_ceiling(struct fuzz *fuzz, unsigned int user, uint64_t had,
			     uint64_t otherwise);
void check_denied(struct fuzz *fuzz, const struct process *process, int64_t result,
		  enum count what);
void count_ceiling(struct fuzz *fuzz, unsigned int user);
void user_settle(struct fuzz *fuzz, unsigned int user);

/* derive.c */
void operate_export(struct fuzz *fuzz, struct process *process);

/* map.c */
bool must_succeed(const struct expected *expected);
uint8_t *find_room(struct fuzz *fuzz, const struct process *process, uint64_t length,
		   uint64_t offset);
void map_done(struct process *process, struct file *file, int64_t address, uint64_t length,
	      uint64_t offset, int prot, int flags);
void expect_map(struct fuzz *fuzz, const struct file *file, uint64_t offset, uint64_t length,
		bool write, struct expected *expected);

/* io.c */
uint64_t expect_write(const struct file *file, uint64_t offset, uint64_t length,
		      struct expected *expected);

/* stash.c */
void stashes_empty(struct fuzz *fuzz);

/* run.c */
bool fuzz_run(uint64_t seed, unsigned int nr, bool print, uint64_t counts[COUNTS]);

#endif /* IOBMD_FUZZ_H */
