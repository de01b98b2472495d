// SPDX-License-Identifier: GPL-2.0
/* Options, and the order in which all is measured or checked. */

#include "iobmd_test.h"

#include <argp.h>
#include <kselftest.h>

#include "bench.h"

#define ROWS_MAX	256

struct options options = {
	.repetitions = 20, .seconds = 600, .seed = 1, .machine = "", .version = "",
};

static const uint64_t sizes[] = {
	4 * KIB, 64 * KIB, 2 * MIB, 3 * MIB + 4 * KIB, 16 * MIB, 64 * MIB, 256 * MIB,
};

/* For the checks only: no huge page, and one and a rest */
static const uint64_t short_sizes[] = { 4 * KIB, 2 * MIB + 4 * KIB };

/* An operation and a size; the cells of all peers */
struct row {
	const struct operation *const *group;
	uint64_t size;
	struct cell *cells;
};

static struct row rows[ROWS_MAX];
static unsigned int nr_rows, nr_columns;
static const struct peer *columns[PEERS_MAX];
static struct cell *cells;

/* What there is to do */

static bool is_wanted(const struct operation *operation, uint64_t size)
{
	return (!options.operation || !strcmp(options.operation, operation->name)) &&
	       (!operation->most || size <= operation->most) &&
	       (!options.size || size == options.size) &&
	       (!options.most || size <= options.most);
}

static void add_row(const struct operation *const *group, const struct operation *operation,
		    uint64_t size)
{
	struct cell *row = &cells[nr_rows * nr_columns];

	rows[nr_rows++] = (struct row){ group, size, row };
	for (unsigned int i = 0; i < nr_columns; i++) {
		row[i] = (struct cell){
			.operation = operation,
			.peer = columns[i],
			.size = size,
			.error = columns[i]->floor && !operation->floor ? NO_SUCH_THING : 0,
		};
	}
}

static void list_rows(const uint64_t *all, unsigned int count)
{
	for (const struct operation *const *const *group = groups; *group; group++) {
		for (const struct operation *const *at = *group; *at; at++) {
			for (unsigned int i = 0; i < count; i++) {
				if (is_wanted(*at, all[i]))
					add_row(*group, *at, all[i]);
			}
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

/* The rows of a group with that size; how many */
static unsigned int group_rows(const struct operation *const *group, uint64_t size,
			       struct cell *group_cells[OPERATIONS_MAX])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < nr_rows; i++) {
		if (rows[i].group == group && rows[i].size == size)
			group_cells[count++] = rows[i].cells;
	}
	return count;
}

/* What is left of the time goes to what is left to do, by the sizes. */

static uint64_t row_weight(const struct row *row)
{
	return 8 + row->size / (4 * MIB);
}

static uint64_t weights_from(const struct operation *const *const *group, uint64_t size)
{
	uint64_t sum = 0;

	for (; *group; group++, size = 0) {
		for (unsigned int i = 0; i < nr_rows; i++) {
			if (rows[i].group == *group && rows[i].size >= size)
				sum += row_weight(&rows[i]);
		}
	}
	return sum;
}

static uint64_t budget(const struct operation *const *const *group, uint64_t size,
		       unsigned int count, uint64_t end)
{
	struct row row = { .size = size };
	uint64_t now = clock_now();

	return now < end ? (end - now) / weights_from(group, size) * row_weight(&row) * count : 0;
}

static void run_groups(const uint64_t *all, unsigned int count)
{
	uint64_t start = clock_now(), end = start + options.seconds * 1000000000ull;
	struct cell *group_cells[OPERATIONS_MAX];

	for (const struct operation *const *const *group = groups; *group; group++) {
		for (unsigned int i = 0; i < count; i++) {
			unsigned int found = group_rows(*group, all[i], group_cells);

			if (!found)
				continue;
			if (options.measure)
				fprintf(stderr, "%4llu s: %s%s, %s\n",
					(unsigned long long)(clock_now() - start) / 1000000000ull,
					(*group)[0]->name, found > 1 ? "..." : "",
					size_name(all[i]));
			group_run(group_cells, found, nr_columns,
				  budget(group, all[i], found, end));
		}
	}
}

/* The results */

static int report(void)
{
	for (unsigned int i = 0; i < nr_rows; i++)
		report_row(rows[i].cells, nr_columns);
	report_losses(cells, nr_rows * nr_columns, nr_columns);
	return options.output ? report_files(cells, nr_rows * nr_columns, nr_columns) : 0;
}

/*
 * What others do wrong is a finding and no failure; nor is what this kernel does not let
 * iobmd do.
 */
static bool is_bad(const struct cell *cell)
{
	if (!cell->peer->ours)
		return false;
	if (cell->failure)
		return true;
	return cell->error && cell->error != NO_SUCH_THING && cell->error != -EOPNOTSUPP &&
	       !(cell->error == -ENOMEM && cell->peer->huge_unit);
}

static bool row_is_good(const struct cell *row)
{
	bool good = true;

	for (unsigned int i = 0; i < nr_columns; i++) {
		const struct cell *cell = &row[i];

		if (cell->failure || (cell->error && cell->error != NO_SUCH_THING))
			printf("# %s: %s\n", cell->peer->name,
			       cell->failure ?: error_name(cell->error));
		good = good && !is_bad(cell);
	}
	return good;
}

static void report_tap(void)
{
	ksft_print_header();
	ksft_set_plan(nr_rows);
	for (unsigned int i = 0; i < nr_rows; i++)
		ksft_test_result(row_is_good(rows[i].cells), "%s, %s\n",
				 rows[i].cells->operation->name, size_name(rows[i].size));
	ksft_finished();
}

/* Options */

static void list(void)
{
	printf("operations:\n");
	for (const struct operation *const *const *group = groups; *group; group++) {
		for (const struct operation *const *at = *group; *at; at++)
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
	{ "disk", 'd', "FILE", 0, "What O_DIRECT reads: a file or device of 1 MiB or more", 0 },
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
	const uint64_t *all = short_sizes;
	unsigned int count = ARRAY_SIZE(short_sizes);
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (options.measure) {
		all = sizes;
		count = ARRAY_SIZE(sizes);
	}
	cells = calloc(ROWS_MAX * PEERS_MAX, sizeof(*cells));
	if (!cells || helper_start())
		return 1;
	list_columns();
	list_rows(all, count);
	if (!nr_rows || (options.peer && nr_columns == 1)) {
		fprintf(stderr, "there is no such thing; --list tells what there is\n");
		return 1;
	}
	clock_calibrate();
	reserve_begin();
	run_groups(all, count);
	importer_end();
	err = options.measure ? report() : 0;
	reserve_end();
	if (!options.measure)
		report_tap();
	if (err)
		fprintf(stderr, "no results: %s\n", strerror(-err));
	return err ? 1 : 0;
}
