/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What there is: found in debugfs and /proc. */
#ifndef IOBMD_TOOL_SCAN_H
#define IOBMD_TOOL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Bytes for a name or a command in which each byte is escaped */
#define NAME_SHOWN	128
#define SEALS_UNKNOWN	UINT32_MAX

enum user_kind {
	USER_DESCRIPTOR,
	USER_MAPPING,
	USER_EXPORT,
};

/**
 * struct user - what keeps a buffer
 * @kind: What it is.
 * @pid: The process that has it.
 * @fd: Its descriptor, or -1.
 * @rights: "rws" for read, write and resize, with "-" for what is missing.
 * @capacity: As a descriptor shows it; of a window its own.
 * @length: Likewise; of a mapping or an export its bytes.
 * @command: What the process calls itself.
 */
struct user {
	enum user_kind kind;
	pid_t pid;
	int fd;
	char rights[4];
	uint64_t capacity;
	uint64_t length;
	char command[NAME_SHOWN];
};

/**
 * struct seen - a buffer that was found
 * @id: Its number.
 * @capacity: In bytes; if it is not @listed, of the descriptor that shows most.
 * @length: Likewise.
 * @allocated: In bytes.
 * @huge_bytes: How much of that is in huge pages.
 * @seals: An or of enum iobmd_seals, or SEALS_UNKNOWN.
 * @listed: debugfs has it.
 * @name: Printable ASCII; escaped by the kernel.
 * @users: In the order in which they were found.
 * @nr_users: How many.
 */
struct seen {
	uint64_t id;
	uint64_t capacity;
	uint64_t length;
	uint64_t allocated;
	uint64_t huge_bytes;
	uint32_t seals;
	bool listed;
	char name[NAME_SHOWN];
	struct user *users;
	size_t nr_users;
};

/**
 * struct scan - all that was found
 * @buffers: By id.
 * @nr_buffers: How many.
 * @exports: dma-bufs: which buffer they are of, the kernel does not tell.
 * @nr_exports: How many.
 * @complete: All buffers are there, also those that no process has.
 * @device: The st_dev of all buffers, or 0 as long as no descriptor was found.
 */
struct scan {
	struct seen *buffers;
	size_t nr_buffers;
	struct user *exports;
	size_t nr_exports;
	bool complete;
	dev_t device;
};

/* What fdinfo tells of one descriptor */
enum fd_kind {
	FD_OTHER,
	FD_BUFFER,
	FD_EXPORT,
};

void text_escape(char *shown, size_t size, const char *text);
enum fd_kind fd_read(pid_t pid, int fd, struct seen *seen, struct user *user);
void scan_debugfs(struct scan *scan);
struct seen *scan_buffer(struct scan *scan, uint64_t id);
void user_add(struct user **users, size_t *count, const struct user *user);
void scan_make(struct scan *scan);
void scan_free(struct scan *scan);

/* table.c: rows of text in columns; of those that a narrow terminal cannot show, some go. */
struct column {
	const char *title;
	bool right;
	int rank;	/* the highest goes first; 0 never does */
};

#define TABLE_COLUMNS	12

struct table {
	const struct column *columns;
	size_t nr_columns;
	char **cells;
	size_t nr_cells;
};

void table_cell(struct table *table, const char *text);
void table_print(struct table *table, int width);
void table_free(struct table *table);
int output_width(void);

/**
 * struct look - how a scan is printed
 * @bytes: Sizes in bytes, not in K, M and so on.
 * @width: Columns of the terminal.
 * @rows: Lines at most, without the titles.
 */
struct look {
	bool bytes;
	int width;
	int rows;
};

/* show.c */
int scan_print(const struct scan *scan, const struct look *look);
void scan_print_exports(const struct scan *scan, const struct look *look);
void json_seen(const struct seen *seen);
void json_user(const struct user *user, bool view);

/* list.c */
void module_required(void);

#endif /* IOBMD_TOOL_SCAN_H */
