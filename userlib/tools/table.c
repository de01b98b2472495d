// SPDX-License-Identifier: LGPL-2.1-or-later
/* Tables that fit the terminal. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "scan.h"
#include "tool.h"

#define GAP		2

/* If the table is too wide: the maximum for text, and the minimum for the last column. */
#define LONGEST		16
#define LEAST_LAST	20

/* Columns of the terminal, or $COLUMNS; unlimited if there is neither. */
int output_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t number;

	if (columns && number_parse(columns, INT_MAX, &number) && number)
		return number;
	if (!isatty(STDOUT_FILENO))
		return INT_MAX;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col ? 80 : size.ws_col;
}

/* Cells are added row by row. */
void table_cell(struct table *table, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		fail(0, "out of memory");
	table->cells = allocate(table->cells, table->nr_cells + 1, sizeof(copy));
	table->cells[table->nr_cells++] = copy;
}

static void measure(const struct table *table, int widths[TABLE_COLUMNS])
{
	for (size_t i = 0; i < table->nr_columns; i++)
		widths[i] = strlen(table->columns[i].title);
	for (size_t i = 0; i < table->nr_cells; i++) {
		int length = strlen(table->cells[i]);

		if (length > widths[i % table->nr_columns])
			widths[i % table->nr_columns] = length;
	}
}

static int total(const struct table *table, const int widths[TABLE_COLUMNS])
{
	int sum = -GAP;

	for (size_t i = 0; i < table->nr_columns; i++)
		sum += widths[i] ? widths[i] + GAP : 0;
	return sum;
}

/* Removes the column of the highest rank: its width becomes 0. */
static bool drop_column(const struct table *table, int widths[TABLE_COLUMNS])
{
	size_t worst = 0;
	int rank = 0;

	for (size_t i = 0; i < table->nr_columns; i++) {
		if (widths[i] && table->columns[i].rank > rank) {
			rank = table->columns[i].rank;
			worst = i;
		}
	}
	if (rank)
		widths[worst] = 0;
	return rank;
}

/* Shortens text, then removes columns; the last column gets the rest. */
static void fit(const struct table *table, int widths[TABLE_COLUMNS], int width)
{
	size_t last = table->nr_columns - 1;
	int wanted = widths[last], room;

	if (total(table, widths) <= width)
		return;
	for (size_t i = 0; i < last; i++)
		if (!table->columns[i].right && widths[i] > LONGEST)
			widths[i] = LONGEST;
	widths[last] = wanted < LEAST_LAST ? wanted : LEAST_LAST;
	while (total(table, widths) > width && drop_column(table, widths))
		;
	room = width - total(table, widths) + widths[last];
	if (room < wanted)
		wanted = room > widths[last] ? room : widths[last];
	widths[last] = wanted;
}

static void print_row(const struct table *table, const int widths[TABLE_COLUMNS],
		      const char *const *cells)
{
	int at = 0, start = 0;

	for (size_t i = 0; i < table->nr_columns; i++) {
		int length = strlen(cells[i]);
		int begin = start;

		if (!widths[i])
			continue;
		if (length > widths[i])
			length = widths[i];
		if (table->columns[i].right)
			begin += widths[i] - length;
		if (length) {
			printf("%*s%.*s", begin - at, "", length, cells[i]);
			at = begin + length;
		}
		start += widths[i] + GAP;
	}
	putchar('\n');
}

void table_print(struct table *table, int width)
{
	const char *titles[TABLE_COLUMNS];
	int widths[TABLE_COLUMNS];

	for (size_t i = 0; i < table->nr_columns; i++)
		titles[i] = table->columns[i].title;
	measure(table, widths);
	fit(table, widths, width);
	print_row(table, widths, titles);
	for (size_t i = 0; i + table->nr_columns <= table->nr_cells; i += table->nr_columns)
		print_row(table, widths, (const char *const *)&table->cells[i]);
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->nr_cells; i++)
		free(table->cells[i]);
	free(table->cells);
}
