/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Buffers and their users, as found in debugfs and /proc. */
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
 * struct user - what keeps a buffer alive
 * @kind: What it is.
 * @pid: The process that has it.
 * @fd: Its descriptor, or -1.
 * @rights: "rws" for read, write and resize, with "-" for a missing right.
 * @capacity: As the descriptor shows it; for a window its own.
 * @length: Likewise; for a mapping or an export its size.
 * @command: The command name of the process.
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
 * @capacity: In bytes; if not @listed, that of the descriptor that shows most.
 * @length: Likewise.
 * @allocated: In bytes.
 * @huge_bytes: How much of @allocated is in huge pages.
 * @seals: An or of enum iobmd_seals, or SEALS_UNKNOWN.
 * @listed: Whether debugfs lists it.
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
 * struct scan - everything that was found
 * @buffers: Sorted by id.
 * @nr_buffers: How many.
 * @exports: dma-bufs; the kernel does not show which buffer they belong to.
 * @nr_exports: How many.
 * @complete: Whether all buffers are there, including those that no process has.
 * @device: The st_dev of all buffers, or 0 if no two descriptors have agreed on it.
 * @claimed: The st_dev that the last descriptor showed, or 0.
 */
struct scan {
	struct seen *buffers;
	size_t nr_buffers;
	struct user *exports;
	size_t nr_exports;
	bool complete;
	dev_t device;
	dev_t claimed;
};

/* What fdinfo reveals about one descriptor */
enum fd_kind {
	FD_HIDDEN,	/* it cannot be read, or there is no such descriptor */
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

/* table.c: rows of text in columns, some of which a narrow terminal does not show. */
struct column {
	const char *title;
	bool right;
	int rank;	/* the highest is removed first; 0 never */
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
 * @bytes: Show sizes in bytes, not in K, M and so on.
 * @width: Columns of the terminal.
 * @rows: The maximum number of lines, without the titles.
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
