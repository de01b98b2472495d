/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel shows of a descriptor in /proc. */
#ifndef IOBMD_TEST_FDINFO_H
#define IOBMD_TEST_FDINFO_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The value of @key in /proc/self/fdinfo, without the newline; false if there is none. */
static inline bool fdinfo_get(int fd, const char *key, char value[64])
{
	char path[64], line[256];
	size_t key_length = strlen(key);
	bool found = false;
	FILE *fdinfo;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	fdinfo = fopen(path, "re");
	while (fdinfo && !found && fgets(line, sizeof(line), fdinfo)) {
		found = !strncmp(line, key, key_length) &&
			!strncmp(line + key_length, ":\t", 2);
		snprintf(value, 64, "%.*s", (int)strcspn(line + key_length + 2, "\n"),
			 line + key_length + 2);
	}
	if (fdinfo)
		fclose(fdinfo);
	return found;
}

#endif /* IOBMD_TEST_FDINFO_H */
