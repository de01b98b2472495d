// SPDX-License-Identifier: LGPL-2.1-or-later
/* Printing of buffers and their users, as a table and as JSON. */
#include <string.h>

#include "scan.h"
#include "tool.h"

static const struct column columns[] = {
	{ .title = "ID", .right = true },
	{ .title = "NAME", .rank = 2 },
	{ .title = "CAPACITY", .right = true },
	{ .title = "LENGTH", .right = true, .rank = 4 },
	{ .title = "HUGE", .right = true, .rank = 5 },
	{ .title = "SEALS", .rank = 3 },
	{ .title = "USED BY" },
};

static const char *show_size(uint64_t size, const struct look *look, char shown[SIZE_SHOWN])
{
	if (!look->bytes)
		return size_show(size, shown);
	snprintf(shown, SIZE_SHOWN, "%llu", (unsigned long long)size);
	return shown;
}

/* The part of the memory that is in huge pages, in percent. */
static void huge_cell(struct table *table, const struct seen *seen)
{
	char text[SIZE_SHOWN] = "?";

	if (seen->allocated)
		snprintf(text, sizeof(text), "%u%%",
			 (unsigned int)((double)seen->huge_bytes / seen->allocated * 100));
	table_cell(table, text);
}

/* The first letters of shrink, grow and write, and l for locked: no seal can be added. */
static void seals_cell(struct table *table, uint32_t seals)
{
	const char letters[] = {
		seals & IOBMD_SEAL_SHRINK ? 's' : '-', seals & IOBMD_SEAL_GROW ? 'g' : '-',
		seals & IOBMD_SEAL_WRITE ? 'w' : '-', seals & IOBMD_SEAL_SEAL ? 'l' : '-', '\0',
	};

	table_cell(table, seals == SEALS_UNKNOWN ? "?" : letters);
}

/* @capacity: The capacity of the buffer; shown only if that of a window differs. */
static void user_cell(struct table *table, uint64_t capacity, const struct user *user,
		      const struct look *look)
{
	char text[3 * NAME_SHOWN], size[SIZE_SHOWN];
	int used;

	used = snprintf(text, sizeof(text), "%d", user->pid);
	if (user->fd >= 0)
		used += snprintf(text + used, sizeof(text) - used, ":%d", user->fd);
	if (user->kind != USER_EXPORT)
		used += snprintf(text + used, sizeof(text) - used, " %s", user->rights);
	used += snprintf(text + used, sizeof(text) - used, " %s", user->command);
	if (user->kind == USER_MAPPING)
		snprintf(text + used, sizeof(text) - used, " (mapped %s)",
			 show_size(user->length, look, size));
	else if (user->kind == USER_EXPORT)
		snprintf(text + used, sizeof(text) - used, " (dma-buf %s)",
			 show_size(user->length, look, size));
	else if (user->capacity != capacity)
		snprintf(text + used, sizeof(text) - used, " (window %s)",
			 show_size(user->capacity, look, size));
	table_cell(table, text);
}

static void buffer_cells(struct table *table, const struct seen *seen, const struct look *look)
{
	char text[SIZE_SHOWN];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)seen->id);
	table_cell(table, text);
	table_cell(table, seen->name);
	table_cell(table, show_size(seen->capacity, look, text));
	table_cell(table, show_size(seen->length, look, text));
	huge_cell(table, seen);
	seals_cell(table, seen->seals);
}

/* One line for each user; the first also describes the buffer. */
static int buffer_rows(struct table *table, const struct seen *seen, const struct look *look,
		       int rows)
{
	int used = 0;

	buffer_cells(table, seen, look);
	if (!seen->nr_users)
		table_cell(table, "");
	for (size_t i = 0; i < seen->nr_users && used < rows; i++) {
		for (size_t empty = 0; i && empty < ARRAY_SIZE(columns) - 1; empty++)
			table_cell(table, "");
		user_cell(table, seen->capacity, &seen->users[i], look);
		used++;
	}
	return used ? used : 1;
}

/* Returns the number of rows printed. */
int scan_print(const struct scan *scan, const struct look *look)
{
	struct table table = { .columns = columns, .nr_columns = ARRAY_SIZE(columns) };
	int rows = look->rows;

	for (size_t i = 0; i < scan->nr_buffers && rows > 0; i++)
		rows -= buffer_rows(&table, &scan->buffers[i], look, rows);
	table_print(&table, look->width);
	table_free(&table);
	return look->rows - rows;
}

void scan_print_exports(const struct scan *scan, const struct look *look)
{
	static const struct column column = { .title = "EXPORTS" };
	struct table table = { .columns = &column, .nr_columns = 1 };

	for (size_t i = 0; i < scan->nr_exports; i++)
		user_cell(&table, 0, &scan->exports[i], look);
	if (scan->nr_exports)
		table_print(&table, look->width);
	table_free(&table);
}

void json_user(const struct user *user, bool view)
{
	static const char *const kinds[] = {
		[USER_DESCRIPTOR]	= "descriptor",
		[USER_MAPPING]		= "mapping",
		[USER_EXPORT]		= "export",
	};

	json_begin(NULL, '{');
	json_string("kind", kinds[user->kind]);
	json_number("pid", user->pid);
	json_string("command", user->command);
	if (user->fd >= 0)
		json_number("fd", user->fd);
	if (user->kind != USER_EXPORT)
		json_string("rights", user->rights);
	if (view)
		json_number("capacity", user->capacity);
	json_number("length", user->length);
	json_end('}');
}

/* Adds the members to an open object. */
void json_seen(const struct seen *seen)
{
	json_number("id", seen->id);
	json_string("name", seen->name);
	json_number("capacity", seen->capacity);
	json_number("length", seen->length);
	json_number("allocated", seen->allocated);
	json_number("huge_bytes", seen->huge_bytes);
	if (seen->seals == SEALS_UNKNOWN)
		json_null("seals");
	else
		json_seals("seals", seen->seals);
}
