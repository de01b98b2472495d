// SPDX-License-Identifier: GPL-2.0
/*
 * A program with an own allocator, which uses memfds in unusual ways: a mode for each.
 * memfd_preload.c runs it, in part with memfds and with buffers, to compare.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each allocation is a mapping, which begins with its length. */
struct allocation {
	_Alignas(max_align_t) size_t length;
	char data[];
};

void *malloc(size_t size)
{
	size_t length = sizeof(struct allocation) + size;
	struct allocation *new;

	if (length < size)
		return NULL;
	new = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (new == MAP_FAILED)
		return NULL;
	new->length = length;
	return new->data;
}

static struct allocation *allocation_of(void *data)
{
	return (struct allocation *)((char *)data - offsetof(struct allocation, data));
}

void free(void *data)
{
	if (data)
		munmap(allocation_of(data), allocation_of(data)->length);
}

void *calloc(size_t count, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(count, size, &bytes) ? NULL : malloc(bytes);
}

void *realloc(void *data, size_t size)
{
	void *new = malloc(size);
	size_t old;

	if (!new || !data)
		return new;
	old = allocation_of(data)->length - sizeof(struct allocation);
	memcpy(new, data, old < size ? old : size);
	free(data);
	return new;
}

static int make(unsigned int flags)
{
	int fd = memfd_create("corner", flags);

	if (fd < 0) {
		perror("memfd_create");
		exit(1);
	}
	return fd;
}

static int show_name(void)
{
	char path[64], name[256];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", make(0));
	length = readlink(path, name, sizeof(name));
	printf("%.*s\n", (int)(length < 0 ? 0 : length), name);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} modes[] = {
	{ "name", show_name },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(argv[1], modes[i].name))
			return modes[i].run();
	}
	fprintf(stderr, "no such mode\n");
	return 2;
}
