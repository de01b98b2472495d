// SPDX-License-Identifier: GPL-2.0
/* The results for programs: JSON, and for gnuplot a table with tabs. */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define CLOCK	"/sys/devices/system/clocksource/clocksource0"
#define HUGE	"/sys/kernel/mm/transparent_hugepage"

static FILE *open_output(const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", options.output, name);
	file = fopen(path, "we");
	if (!file)
		perror(path);
	return file;
}

static int close_output(FILE *file)
{
	bool failed = ferror(file);

	return fclose(file) || failed ? -EIO : 0;
}

/* The rest of the first line that begins with @key; empty where there is none. */
static void file_line(const char *path, const char *key, char *value, size_t length)
{
	size_t key_length = strlen(key);
	FILE *file = fopen(path, "re");
	char line[256];

	*value = 0;
	while (file && !*value && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, key, key_length))
			snprintf(value, length, "%s",
				 line + key_length + strspn(line + key_length, "\t: "));
	}
	if (file)
		fclose(file);
}

static void json_string(FILE *file, const char *name, const char *value)
{
	fprintf(file, "    \"%s\": \"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', file);
		if ((unsigned char)*value >= ' ')
			fputc(*value, file);
	}
	fprintf(file, "\",\n");
}

static void json_line(FILE *file, const char *name, const char *path, const char *key)
{
	char value[256];

	file_line(path, key, value, sizeof(value));
	json_string(file, name, value);
}

static void json_machine(FILE *file)
{
	struct utsname name;
	char date[32];
	time_t now = time(NULL);
	struct tm utc;

	uname(&name);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	fprintf(file, "  \"machine\": {\n");
	json_string(file, "accelerator", options.machine);
	json_string(file, "kernel", name.release);
	json_string(file, "kernel_version", name.version);
	json_string(file, "architecture", name.machine);
	json_line(file, "processor", "/proc/cpuinfo", "model name");
	json_line(file, "memory", "/proc/meminfo", "MemTotal");
	json_line(file, "hugetlb_pool", "/proc/meminfo", "HugePages_Total");
	json_line(file, "clock", CLOCK "/current_clocksource", "");
	json_line(file, "transparent_huge_pages", HUGE "/enabled", "");
	json_line(file, "transparent_huge_pages_shmem", HUGE "/shmem_enabled", "");
	json_string(file, "version", options.version);
	json_string(file, "date", date);
	fprintf(file, "    \"processors\": %ld\n  },\n", sysconf(_SC_NPROCESSORS_ONLN));
}

static void json_numbers(FILE *file, const struct cell *cell, double best, double floor)
{
	double median = cell_median(cell);

	fprintf(file, ", \"count\": %u, \"median\": %.1f, \"minimum\": %.1f, \"p99\": %.1f",
		cell->count, median, cell->samples[0], cell_p99(cell));
	if (best > 0 && !cell->peer->floor)
		fprintf(file, ", \"to_best\": %.3f", median / best);
	if (floor > 0)
		fprintf(file, ", \"to_floor\": %.3f", median / floor);
	if (cell->has_note)
		fprintf(file, ", \"noted\": %llu, \"noted_unit\": \"%s\"",
			(unsigned long long)cell->noted, cell->operation->noted);
}

static void json_cell(FILE *file, const struct cell *cell, double best, double floor)
{
	fprintf(file, "    { \"operation\": \"%s\", \"size\": %llu, \"peer\": \"%s\"",
		cell->operation->name, (unsigned long long)cell->size, cell->peer->name);
	if (cell->error)
		fprintf(file, ", \"error\": \"%s\"", error_name(cell->error));
	else if (cell->failure)
		fprintf(file, ", \"failure\": \"%s\"", cell->failure);
	else
		json_numbers(file, cell, best, floor);
	fprintf(file, " }");
}

static int report_json(const struct cell *cells, unsigned int count, unsigned int columns)
{
	FILE *file = open_output("results.json");

	if (!file)
		return -EIO;
	fprintf(file, "{\n");
	json_machine(file);
	fprintf(file, "  \"unit\": \"%s\",\n  \"results\": [\n",
		options.ticks ? "ticks of the time stamp counter" : "nanoseconds");
	for (unsigned int i = 0; i < count; i++) {
		const struct cell *row = &cells[i / columns * columns];

		json_cell(file, &cells[i], row_best(row, columns), row_floor(row, columns));
		fprintf(file, i + 1 < count ? ",\n" : "\n");
	}
	fprintf(file, "  ]\n}\n");
	return close_output(file);
}

static int report_tsv(const struct cell *cells, unsigned int count)
{
	FILE *file = open_output("results.tsv");

	if (!file)
		return -EIO;
	fprintf(file, "operation\tsize\tpeer\tmedian\tminimum\tp99\tcount\n");
	for (unsigned int i = 0; i < count; i++) {
		const struct cell *cell = &cells[i];

		if (!cell->error && !cell->failure && cell->count)
			fprintf(file, "%s\t%llu\t%s\t%.1f\t%.1f\t%.1f\t%u\n",
				cell->operation->name, (unsigned long long)cell->size,
				cell->peer->name, cell_median(cell), cell->samples[0],
				cell_p99(cell), cell->count);
	}
	return close_output(file);
}

int report_files(const struct cell *cells, unsigned int count, unsigned int columns)
{
	int err;

	if (mkdir(options.output, 0777) && errno != EEXIST)
		return -errno;
	err = report_json(cells, count, columns);
	return err ? err : report_tsv(cells, count);
}
