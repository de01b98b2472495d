// SPDX-License-Identifier: GPL-2.0
/* Options, and the order in which all is measured or checked. */

#include "../iobmd_test.h"

#include <argp.h>
#include <kselftest.h>

#include "bench.h"

#define ROWS_MAX	256

struct options options = {
	.repetitions = 20, .seconds = 600, .seed = 1, .machine = "", .version = "",
};

static const struct operation *const *const lists[] = {
	life_operations, access_operations, io_operations, device_operations, many_operations,
};

static const uint64_t sizes[] = {
	4 * KIB, 64 * KIB, 2 * MIB, 3 * MIB + 4 * KIB, 16 * MIB, 64 * MIB, 256 * MIB,
};

/* For the checks only: no whole huge page, one, and one and a rest */
static const uint64_t short_sizes[] = { 4 * KIB, 2 * MIB, 3 * MIB + 4 * KIB };

struct row {
	const struct operation *operation;
	uint64_t size;
};

static struct row rows[ROWS_MAX];
static unsigned int nr_rows, nr_columns;
static const struct peer *columns[PEERS_MAX];

/* What there is to do */

static void add_rows(const struct operation *operation, const uint64_t *all, unsigned int count)
{
	if (options.operation && strcmp(options.operation, operation->name))
		return;
	for (unsigned int i = 0; i < count; i++) {
		if ((operation->most && all[i] > operation->most) ||
		    (options.size && all[i] != options.size) ||
		    (options.most && all[i] > options.most))
			continue;
		rows[nr_rows++] = (struct row){ operation, all[i] };
	}
}

static void list_rows(void)
{
	for (unsigned int i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (const struct operation *const *at = lists[i]; *at; at++) {
			if (options.measure)
				add_rows(*at, sizes, sizeof(sizes) / sizeof(sizes[0]));
			else
				add_rows(*at, short_sizes,
					 sizeof(short_sizes) / sizeof(short_sizes[0]));
		}
	}
}

static void list_columns(void)
{
	columns[nr_columns++] = &floor_peer;
	for (const struct peer *const *at = peers; *at; at++) {
		if (options.peer && strcmp(options.peer, (*at)->name))
			continue;
		if (peer_is_there(*at) || (*at)->ours)
			columns[nr_columns++] = *at;
		else
			printf("# %s is not there: %s\n", (*at)->name, (*at)->what);
	}
}

static unsigned int row_start(struct cell *cells, const struct row *row)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < nr_columns; i++) {
		cells[count++] = (struct cell){
			.operation = row->operation,
			.peer = columns[i],
			.size = row->size,
			.error = columns[i]->floor && !row->operation->floor ? NO_SUCH_THING : 0,
		};
	}
	return count;
}

/* Measuring: what is left of the time goes to the rows that are left, by their sizes. */

static uint64_t row_weight(const struct row *row)
{
	return 1 + row->size / (8 * MIB);
}

static uint64_t row_budget(unsigned int at, uint64_t end)
{
	uint64_t now = clock_now(), weights = 0;

	for (unsigned int i = at; i < nr_rows; i++)
		weights += row_weight(&rows[i]);
	return now < end ? (end - now) / weights * row_weight(&rows[at]) : 0;
}

static int measure(void)
{
	struct cell *cells = calloc(nr_rows * nr_columns, sizeof(*cells));
	uint64_t start = clock_now(), end = start + options.seconds * 1000000000ull;
	int err = 0;

	if (!cells)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr_rows; i++) {
		struct cell *row = &cells[i * nr_columns];

		fprintf(stderr, "[%u/%u, %llu s] %s, %s\n", i + 1, nr_rows,
			(unsigned long long)(clock_now() - start) / 1000000000ull,
			rows[i].operation->name, size_name(rows[i].size));
		row_start(row, &rows[i]);
		row_measure(row, nr_columns, row_budget(i, end));
		report_row(row, nr_columns);
	}
	report_losses(cells, nr_rows * nr_columns, nr_columns);
	if (options.output)
		err = report_files(cells, nr_rows * nr_columns, nr_columns);
	free(cells);
	return err;
}

/* Checking: TAP */

/* What others do wrong is a finding and no failure; nor is what this kernel does not let iobmd do. */
static bool is_bad(const struct cell *cell)
{
	if (!cell->peer->ours)
		return false;
	if (cell->failure)
		return true;
	return cell->error && cell->error != NO_SUCH_THING && cell->error != -EOPNOTSUPP &&
	       !(cell->error == -ENOMEM && cell->peer->huge_unit);
}

static bool row_check(struct cell *row)
{
	bool good = true;

	for (unsigned int i = 0; i < nr_columns; i++) {
		struct cell *cell = &row[i];

		if (cell->error)
			continue;
		cell_trial(cell, true, 0);
		if (cell->failure || (cell->error && cell->error != NO_SUCH_THING))
			printf("# %s: %s\n", cell->peer->name,
			       cell->failure ?: error_name(cell->error));
		good = good && !is_bad(cell);
	}
	return good;
}

static void check(void)
{
	struct cell row[PEERS_MAX];

	ksft_print_header();
	ksft_set_plan(nr_rows);
	for (unsigned int i = 0; i < nr_rows; i++) {
		row_start(row, &rows[i]);
		ksft_test_result(row_check(row), "%s, %s\n", rows[i].operation->name,
				 size_name(rows[i].size));
	}
	ksft_finished();
}

/* Options */

static void list(void)
{
	printf("operations:\n");
	for (unsigned int i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (const struct operation *const *at = lists[i]; *at; at++)
			printf("  %-16s %s\n", (*at)->name, (*at)->what);
	}
	printf("peers:\n");
	for (const struct peer *const *at = peers; *at; at++)
		printf("  %-16s %s\n", (*at)->name, (*at)->what);
}

static const struct argp_option argp_options[] = {
	{ "measure", 'm', NULL, 0, "Measure; without this, only check the data, and print TAP", 0 },
	{ "list", 'l', NULL, 0, "List operations and peers", 0 },
	{ "operation", 't', "NAME", 0, "Only this operation", 0 },
	{ "peer", 'p', "NAME", 0, "Only this peer, and the floor", 0 },
	{ "size", 's', "BYTES", 0, "Only this size; K and M may follow the number", 0 },
	{ "most", 'x', "BYTES", 0, "No size above this", 0 },
	{ "repetitions", 'n', "N", 0, "How often each is measured, if there is time (20)", 0 },
	{ "fixed", 'f', NULL, 0, "Exactly so often, however long it takes", 0 },
	{ "seconds", 'T', "SECONDS", 0, "How long it may take, roughly (600)", 0 },
	{ "seed", 'r', "N", 0, "For the order of the peers", 0 },
	{ "ticks", 'c', NULL, 0, "Measure with the time stamp counter", 0 },
	{ "disk", 'd', "FILE", 0, "What O_DIRECT reads from: a file or device of 1 MiB or more", 0 },
	{ "output", 'o', "DIRECTORY", 0, "Where results.json and results.tsv go", 0 },
	{ "machine", 'M', "TEXT", 0, "For the results: kvm, tcg...", 0 },
	{ "source", 'S', "TEXT", 0, "For the results: the version of the source", 0 },
	{ }
};

static uint64_t parse_number(struct argp_state *state, const char *arg)
{
	char *end;
	uint64_t number = strtoull(arg, &end, 0);

	if (*end == 'K' || *end == 'M')
		number *= *end++ == 'K' ? KIB : MIB;
	if (!*arg || *end || !number)
		argp_error(state, "a number, not '%s'", arg);
	return number;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'm':
		options.measure = true;
		break;
	case 'l':
		list();
		exit(0);
	case 't':
		options.operation = arg;
		break;
	case 'p':
		options.peer = arg;
		break;
	case 's':
		options.size = parse_number(state, arg);
		break;
	case 'x':
		options.most = parse_number(state, arg);
		break;
	case 'n':
		options.repetitions = parse_number(state, arg);
		break;
	case 'f':
		options.fixed = true;
		break;
	case 'T':
		options.seconds = parse_number(state, arg);
		break;
	case 'r':
		options.seed = parse_number(state, arg);
		break;
	case 'c':
		options.ticks = true;
		break;
	case 'd':
		options.disk = arg;
		break;
	case 'o':
		options.output = arg;
		break;
	case 'M':
		options.machine = arg;
		break;
	case 'S':
		options.version = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.doc = "Times operations on iobmd's buffers and on those of others.",
};

int main(int argc, char **argv)
{
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	err = helper_start();
	if (err)
		return 1;
	list_columns();
	list_rows();
	if (!nr_rows || (options.peer && nr_columns == 1)) {
		fprintf(stderr, "there is no such thing; --list tells what there is\n");
		return 1;
	}
	clock_calibrate();
	if (!options.measure)
		check();
	err = measure();
	if (err)
		fprintf(stderr, "no results: %s\n", strerror(-err));
	return err ? 1 : 0;
}
