/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the command iobmd share. */
#ifndef IOBMD_TOOL_H
#define IOBMD_TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/iobmd.h>

/* Exit statuses besides EXIT_SUCCESS and EXIT_FAILURE; the last two are those of a shell */
#define EXIT_USAGE		2
#define EXIT_CANNOT_RUN		126
#define EXIT_NOT_FOUND		127

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define IOBMD_DEVICE		"/dev/iobmd"
#define IOBMD_SYSFS		"/sys/module/iobmd"
#define IOBMD_DEBUGFS		"/sys/kernel/debug/iobmd"

/* The subcommands: each gets its own name as argv[0] and returns the exit status. */
int tool_bench(int argc, char **argv);
int tool_create(int argc, char **argv);
int tool_doctor(int argc, char **argv);
int tool_dump(int argc, char **argv);
int tool_info(int argc, char **argv);
int tool_list(int argc, char **argv);
int tool_load(int argc, char **argv);
int tool_receive(int argc, char **argv);
int tool_send(int argc, char **argv);
int tool_top(int argc, char **argv);

/* message.c: end with one line on stderr. An @err of 0 adds no text. */
extern const char *subcommand_name;

void usage_error(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void fail(int err, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
void check_device(int err);
void *allocate(void *old, size_t count, size_t size);
void output_check(void);

/* options.c */

/* The options of all subcommands */
#define OPTIONS_END	{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 }

int option_next(int argc, char **argv, const struct option *options, const char *help);
void option_no_more(int argc, char **argv);
char **command_split(int *argc, char **argv);
void command_run(int fd, char **command) __attribute__((noreturn));

/**
 * struct view - which part of a buffer to pass on
 * @flags: enum iobmd_derive_flags; 0 for all of it.
 * @offset: The start of the window, in bytes.
 * @length: The length of the window, in bytes.
 */
struct view {
	uint32_t flags;
	uint64_t offset;
	uint64_t length;
};

/* VIEW_OPTIONS is for getopt_long(), VIEW_HELP for --help. */
#define VIEW_OPTIONS							\
	{ "read-only", no_argument, NULL, 'r' },			\
	{ "window", required_argument, NULL, 'w' },			\
	{ "hold", no_argument, NULL, 'H' }

#define VIEW_HELP							\
	"  --read-only        pass on a descriptor that can never write\n"	\
	"  --window OFFSET:LENGTH\n"						\
	"                     pass on these bytes only\n"			\
	"  --hold             keep the buffer from shrinking while it exists\n"

bool view_option(int option, const char *value, struct view *view);

/* number.c: parsing and formatting */
bool number_parse(const char *text, uint64_t max, uint64_t *number);
uint64_t option_number(const char *option, const char *text, uint64_t max);
uint64_t option_size(const char *option, const char *text);

#define SIZE_SHOWN	24

const char *size_show(uint64_t size, char shown[SIZE_SHOWN]);

/* buffer.c: calls of the module; a negative errno on failure */
int device_open(void);
int buffer_create(struct iobmd_create *args);
int buffer_get_info(int fd, struct iobmd_get_info *info);
int buffer_set_length(int fd, uint64_t length);
int buffer_resize(int fd, uint64_t capacity);
int buffer_set_name(int fd, const char *name);
int buffer_derive(int fd, const struct view *view);
int buffer_export(int fd);
int buffer_send(int fd, int socket);
int buffer_receive(int socket);
int buffer_pass_on(int fd, const struct view *view);

/**
 * struct target - a descriptor in a process, as the user names it
 * @pid: The process; 0 for this one.
 * @fd: Its descriptor.
 */
struct target {
	pid_t pid;
	int fd;
};

void target_parse(const char *text, struct target *target);
int target_try(const struct target *target);
int target_open(const struct target *target);
void target_fail(int err, const struct target *target) __attribute__((noreturn));

/* create.c: a new buffer, made according to the options */
struct creation {
	struct iobmd_create args;
	const char *name;
	struct view view;
};

#define CREATION_OPTIONS						\
	{ "capacity", required_argument, NULL, 'c' },			\
	{ "name", required_argument, NULL, 'n' },			\
	{ "huge", required_argument, NULL, 'u' },			\
	{ "node", required_argument, NULL, 'N' },			\
	{ "alignment", required_argument, NULL, 'a' },			\
	VIEW_OPTIONS

#define CREATION_HELP							\
	"  --name NAME        name the buffer\n"				\
	"  --huge prefer|none|require\n"					\
	"                     huge pages where available (the default), none, or huge\n" \
	"                     pages only\n"				\
	"  --node N           prefer memory of this NUMA node\n"		\
	"  --alignment SIZE   use physically contiguous blocks of this size\n"	\
	VIEW_HELP

bool creation_option(int option, const char *value, struct creation *creation);
int creation_make(struct creation *creation);

/* system.c: numbers of the machine and of the module */
bool file_number(const char *path, uint64_t *number);
bool file_key(const char *path, const char *key, uint64_t *number);
uint64_t memory_total(void);
uint64_t memory_available(void);
uint64_t ceiling(const char *parameter, unsigned int share);

/* json.c: output to stdout. In an object each value has a @key; in an array it is NULL. */
void json_begin(const char *key, char bracket);
void json_end(char bracket);
void json_number(const char *key, uint64_t number);
void json_string(const char *key, const char *string);
void json_bool(const char *key, bool value);
void json_null(const char *key);
void json_seals(const char *key, uint32_t seals);

/* seals in words, in the order of their bits */
extern const char *const seal_names[4];

#endif /* IOBMD_TOOL_H */
