// SPDX-License-Identifier: GPL-2.0
/* The results for people. */

#include <string.h>

#include "bench.h"

/* Less than this behind is as good as the best. */
#define NOISE	1.05

/* Static memory, which the next call but three takes again. */
static char *name_place(size_t *length)
{
	static char places[4][32];
	static unsigned int next;

	*length = sizeof(places[0]);
	return places[next++ % 4];
}

const char *size_name(uint64_t size)
{
	size_t length;
	char *name = name_place(&length);

	if (size == 3 * 1024 * 1024 + 4096)
		return "3 MiB + 4 KiB";
	if (size % (1024 * 1024))
		snprintf(name, length, "%llu KiB", (unsigned long long)size / 1024);
	else
		snprintf(name, length, "%llu MiB", (unsigned long long)size / 1024 / 1024);
	return name;
}

static const char *time_name(double ns)
{
	size_t length;
	char *name = name_place(&length);

	if (ns < 1e3)
		snprintf(name, length, "%.1f ns", ns);
	else if (ns < 1e6)
		snprintf(name, length, "%.2f us", ns / 1e3);
	else if (ns < 1e9)
		snprintf(name, length, "%.2f ms", ns / 1e6);
	else
		snprintf(name, length, "%.2f s", ns / 1e9);
	return name;
}

const char *error_name(int error)
{
	const char *name = strerrorname_np(-error);

	if (error == NO_SUCH_THING)
		return "-";
	if (error == SIGNALLED)
		return "SIGBUS";
	return name ? name : "?";
}

double cell_median(const struct cell *cell)
{
	unsigned int middle = cell->count / 2;

	if (!cell->count)
		return 0;
	if (cell->count % 2)
		return cell->samples[middle];
	return (cell->samples[middle - 1] + cell->samples[middle]) / 2;
}

double cell_p99(const struct cell *cell)
{
	return cell->count ? cell->samples[(cell->count * 99 + 99) / 100 - 1] : 0;
}

static bool is_good(const struct cell *cell)
{
	return !cell->error && !cell->failure && cell->count;
}

/* The peer with the shortest median, of all or of iobmd's policies; or NULL. */
static const struct cell *row_winner(const struct cell *row, unsigned int count, bool ours)
{
	const struct cell *winner = NULL;

	for (const struct cell *cell = row; cell < row + count; cell++) {
		if (cell->peer->floor || (ours && !cell->peer->ours) || !is_good(cell))
			continue;
		if (!winner || cell_median(cell) < cell_median(winner))
			winner = cell;
	}
	return winner;
}

/* 0 where there is none. */
double row_best(const struct cell *row, unsigned int count)
{
	const struct cell *winner = row_winner(row, count, false);

	return winner ? cell_median(winner) : 0;
}

double row_floor(const struct cell *row, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (row[i].peer->floor && is_good(&row[i]))
			return cell_median(&row[i]);
	}
	return 0;
}

static void report_ratio(double time, double other)
{
	if (other > 0)
		printf(" %9.2f", time / other);
	else
		printf(" %9s", "-");
}

static void report_extras(const struct cell *cell)
{
	double median = cell_median(cell);

	if (cell->operation->bandwidth && median > 0)
		printf("  %.2f GiB/s", cell->size / median * 1e9 / (1 << 30));
	if (cell->has_note)
		printf("  %llu %s", (unsigned long long)cell->noted, cell->operation->noted);
	if (cell->bytes > cell->size * 2)
		printf("  (of %s)", size_name(cell->bytes));
	printf("\n");
}

static void report_cell(const struct cell *cell, double best, double floor)
{
	double median = cell_median(cell);

	printf("  %-16s", cell->peer->name);
	if (cell->error || cell->failure) {
		printf(" %12s\n", cell->error ? error_name(cell->error) : cell->failure);
		return;
	}
	printf(" %12s %12s %12s %4u", time_name(median), time_name(cell->samples[0]),
	       time_name(cell_p99(cell)), cell->count);
	report_ratio(median, cell->peer->floor ? 0 : best);
	report_ratio(median, floor);
	report_extras(cell);
}

void report_row(const struct cell *row, unsigned int count)
{
	const struct operation *operation = row->operation;
	double best = row_best(row, count), floor = row_floor(row, count);

	printf("\n%s, %s: %s", operation->name, size_name(row->size), operation->what);
	if (operation->floor == operation)
		printf(" (floor: the same with memory of the process itself)");
	else if (operation->floor)
		printf(" (floor: %s)", operation->floor->name);
	printf("\n  %-16s %12s %12s %12s %4s %9s %9s\n", "peer", "median", "minimum", "p99", "n",
	       "to best", "to floor");
	for (unsigned int i = 0; i < count; i++)
		report_cell(&row[i], best, floor);
	fflush(stdout);
}

void report_losses(const struct cell *cells, unsigned int count, unsigned int columns)
{
	printf("\nWhere no policy of iobmd is the best, or as good (%.0f %%)\n", (NOISE - 1) * 100);
	for (; count >= columns; cells += columns, count -= columns) {
		const struct cell *winner = row_winner(cells, columns, false);
		const struct cell *ours = row_winner(cells, columns, true);

		if (ours && cell_median(ours) > cell_median(winner) * NOISE)
			printf("  %-12s %-14s %8.2f times the time of %s (%s, %s)\n",
			       cells->operation->name, size_name(cells->size),
			       cell_median(ours) / cell_median(winner), winner->peer->name,
			       time_name(cell_median(ours)), time_name(cell_median(winner)));
	}
}
