// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parses what the kernel shows of a descriptor and of all buffers. */
#include <stdlib.h>
#include <string.h>

#include "scan.h"
#include "tool.h"

/* A terminal interprets some bytes, so only printable ASCII is shown as it is. */
void text_escape(char *shown, size_t size, const char *text)
{
	size_t used = 0;

	for (; *text && used + 5 <= size; text++) {
		unsigned char c = *text;

		if (c >= 0x20 && c <= 0x7e)
			shown[used++] = c;
		else
			used += snprintf(shown + used, 5, "\\%03o", c);
	}
	shown[used] = '\0';
}

/* What follows "key:\t", or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t length = strlen(key);

	return strncmp(line, key, length) || strncmp(line + length, ":\t", 2) ? NULL :
									line + length + 2;
}

static const char *const keys[] = {
	"iobmd-id", "name", "capacity", "length", "allocated", "huge_bytes", "rights", "seals",
	"size", "exp_name",
};

enum key {
	KEY_ID, KEY_NAME, KEY_CAPACITY, KEY_LENGTH, KEY_ALLOCATED, KEY_HUGE_BYTES, KEY_RIGHTS,
	KEY_SEALS, KEY_SIZE, KEY_EXPORTER,
};

/* Only the first line of a key counts: the name of a dma-buf may contain newlines. */
static void read_values(FILE *fdinfo, char values[][NAME_SHOWN])
{
	const char *value;
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, fdinfo) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		for (size_t key = 0; key < ARRAY_SIZE(keys); key++) {
			value = value_of(line, keys[key]);
			if (value && !values[key][0])
				text_escape(values[key], NAME_SHOWN, value);
		}
	}
	free(line);
}

static uint64_t number(const char *value)
{
	return strtoull(value, NULL, 0);
}

/* Reads about a descriptor. Sets everything in @user except the command. */
enum fd_kind fd_read(pid_t pid, int fd, struct seen *seen, struct user *user)
{
	char values[ARRAY_SIZE(keys)][NAME_SHOWN] = { "" };
	char path[64];
	FILE *fdinfo;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	fdinfo = fopen(path, "re");
	if (!fdinfo)
		return FD_HIDDEN;
	read_values(fdinfo, values);
	fclose(fdinfo);

	*user = (struct user) { .kind = USER_DESCRIPTOR, .pid = pid, .fd = fd };
	if (!strcmp(values[KEY_EXPORTER], "iobmd")) {
		user->kind = USER_EXPORT;
		user->length = number(values[KEY_SIZE]);
		return FD_EXPORT;
	}
	if (!values[KEY_ID][0] || values[KEY_EXPORTER][0])
		return FD_OTHER;
	*seen = (struct seen) {
		.id = number(values[KEY_ID]),
		.capacity = number(values[KEY_CAPACITY]),
		.length = number(values[KEY_LENGTH]),
		.allocated = number(values[KEY_ALLOCATED]),
		.huge_bytes = number(values[KEY_HUGE_BYTES]),
		.seals = number(values[KEY_SEALS]),
	};
	memcpy(seen->name, values[KEY_NAME], sizeof(seen->name));
	user->capacity = seen->capacity;
	user->length = seen->length;
	snprintf(user->rights, sizeof(user->rights), "%.3s", values[KEY_RIGHTS]);
	return FD_BUFFER;
}

#define LIST_COLUMNS	32

/* Splits @line at tabs. */
static size_t split(char *line, char *fields[LIST_COLUMNS])
{
	size_t count = 0;

	line[strcspn(line, "\n")] = '\0';
	while (line && count < LIST_COLUMNS)
		fields[count++] = strsep(&line, "\t");
	return count;
}

static void read_field(struct seen *seen, const char *title, const char *field)
{
	if (!strcmp(title, "capacity"))
		seen->capacity = number(field);
	else if (!strcmp(title, "length"))
		seen->length = number(field);
	else if (!strcmp(title, "allocated"))
		seen->allocated = number(field);
	else if (!strcmp(title, "huge_bytes"))
		seen->huge_bytes = number(field);
	else if (!strcmp(title, "name"))
		text_escape(seen->name, sizeof(seen->name), field);
}

/* Reads the list of all buffers, if this user may. Finds its columns by their titles. */
void scan_debugfs(struct scan *scan)
{
	char *head = NULL, *line = NULL, *titles[LIST_COLUMNS], *fields[LIST_COLUMNS];
	size_t head_size = 0, size = 0, nr_titles, nr_fields;
	FILE *list = fopen(IOBMD_DEBUGFS "/buffers", "re");
	struct seen *seen;

	if (!list)
		return;
	scan->complete = getline(&head, &head_size, list) > 0 && !strncmp(head, "id\t", 3);
	nr_titles = scan->complete ? split(head, titles) : 0;
	while (nr_titles && getline(&line, &size, list) > 0) {
		nr_fields = split(line, fields);
		seen = scan_buffer(scan, number(fields[0]));
		seen->listed = true;
		for (size_t i = 1; i < nr_fields && i < nr_titles; i++)
			read_field(seen, titles[i], fields[i]);
	}
	fclose(list);
	free(head);
	free(line);
}
