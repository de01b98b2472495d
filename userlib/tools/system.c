// SPDX-License-Identifier: LGPL-2.1-or-later
/* Numbers that the kernel and the module provide in files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define MIB	20

/* Reads a file that consists of one number. */
bool file_number(const char *path, uint64_t *number)
{
	char line[64];
	FILE *file = fopen(path, "re");
	bool read = file && fgets(line, sizeof(line), file);

	if (file)
		fclose(file);
	if (!read)
		return false;
	line[strcspn(line, "\n")] = '\0';
	return number_parse(line, UINT64_MAX, number);
}

/* Reads the number that follows the word @key at the start of a line. */
bool file_key(const char *path, const char *key, uint64_t *number)
{
	char line[256];
	FILE *file = fopen(path, "re");
	size_t length = strlen(key);
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		found = !strncmp(line, key, length) && strchr(" \t", line[length]);
		if (found)
			*number = strtoull(line + length, NULL, 10);
	}
	if (file)
		fclose(file);
	return found;
}

static uint64_t memory_field(const char *key)
{
	uint64_t kib = 0;

	return file_key("/proc/meminfo", key, &kib) ? kib << 10 : 0;
}

uint64_t memory_total(void)
{
	return memory_field("MemTotal:");
}

uint64_t memory_available(void)
{
	return memory_field("MemAvailable:");
}

/* A parameter in MiB; 0 stands for 1/@share of the memory. */
uint64_t ceiling(const char *parameter, unsigned int share)
{
	char path[128];
	uint64_t mib = 0;

	snprintf(path, sizeof(path), IOBMD_SYSFS "/parameters/%s", parameter);
	if (!file_number(path, &mib) || !mib)
		return memory_total() / share;
	return mib > UINT64_MAX >> MIB ? UINT64_MAX : mib << MIB;
}
