/* SPDX-License-Identifier: GPL-2.0 */
/* The one table of commands for the tests of the rules that all of them follow. */
#ifndef IOBMD_ABI_COMMANDS_H
#define IOBMD_ABI_COMMANDS_H

#include "iobmd_test.h"

/* The struct in front of every argument */
struct header {
	uint32_t size;
	uint32_t flags;
};

/*
 * One variant per command. @fill makes a valid argument of whose size and flags
 * need only be set. @undo tells whether the command has done its work, and takes
 * that back.
 */
FIXTURE_VARIANT(command) {
	unsigned int request;
	bool on_device;
	bool on_both;		/* and on a descriptor as well */
	bool writes_back;
	size_t size;
	uint32_t known_flags;
	size_t reserved;	/* offset of the reserved field, if any */
	void (*fill)(int fd, void *args);
	bool (*undo)(int fd, int result, const void *args);
};

/* What a test finds and has to leave behind: a buffer of two pages */
FIXTURE(command) {
	int device;
	int fd;
	uint8_t *args;		/* four pages, all zero, then nothing */
	uint8_t *end;		/* of these pages */
	struct iobmd_get_info info;
	int next_fd;
};

static const char test_name[] = "abi";
static struct iobmd_compose_part test_part;

static void fill_create(int fd, void *args)
{
	*(struct iobmd_create *)args = (struct iobmd_create){ .capacity = 1 };
}

static bool undo_create(int fd, int result, const void *args)
{
	uint64_t capacity = IOBMD_INFO(result, capacity);

	return !close(result) && capacity == 1;
}

static void fill_compose(int fd, void *args)
{
	test_part = (struct iobmd_compose_part){ .fd = fd, .length = 77 };
	*(struct iobmd_compose *)args = (struct iobmd_compose){
		.parts = (uintptr_t)&test_part,
		.nr_parts = 1,
	};
}

static bool undo_compose(int fd, int result, const void *args)
{
	uint64_t capacity = IOBMD_INFO(result, capacity);

	return !close(result) && capacity == 77;
}

static void fill_get_info(int fd, void *args)
{
	memset(args, 0xcc, sizeof(struct iobmd_get_info));
}

static bool undo_get_info(int fd, int result, const void *args)
{
	const struct iobmd_get_info *info = args;

	return info->capacity == 2 * page_size() && info->huge_page_size != 0xcccccccc;
}

static void fill_set_length(int fd, void *args)
{
	*(struct iobmd_set_length *)args = (struct iobmd_set_length){ .length = 77 };
}

static bool undo_set_length(int fd, int result, const void *args)
{
	uint64_t length = IOBMD_INFO(fd, length);

	return !iobmd_set_length(fd, 2 * page_size()) && length == 77;
}

static void fill_resize(int fd, void *args)
{
	*(struct iobmd_resize *)args = (struct iobmd_resize){ .capacity = 77 };
}

static bool undo_resize(int fd, int result, const void *args)
{
	uint64_t capacity = IOBMD_INFO(fd, capacity);

	return !iobmd_resize(fd, 2 * page_size()) && capacity == 77;
}

static void fill_map(int fd, void *args)
{
	*(struct iobmd_map *)args = (struct iobmd_map){ .length = 77 };
}

static bool undo_map(int fd, int result, const void *args)
{
	struct iobmd_map map = *(const struct iobmd_map *)args;
	void *address = (void *)(uintptr_t)map.address;

	return !faults(address, true) && !munmap(address, map.length) && map.length == 77;
}

static void fill_set_name(int fd, void *args)
{
	*(struct iobmd_set_name *)args = (struct iobmd_set_name){
		.name = (uintptr_t)test_name,
		.name_length = strlen(test_name),
	};
}

static bool has_name(int fd)
{
	char name[64];

	return fdinfo_get(fd, "name", name) && !strcmp(name, test_name);
}

static bool undo_set_name(int fd, int result, const void *args)
{
	bool named = has_name(fd);

	return !iobmd_set_name(fd, "") && named;
}

static void fill_derive(int fd, void *args)
{
	*(struct iobmd_derive *)args = (struct iobmd_derive){ .length = 0 };
}

static bool undo_derive(int fd, int result, const void *args)
{
	uint64_t id = IOBMD_INFO(result, id);

	return !close(result) && id == IOBMD_INFO(fd, id);
}

/* No seal comes off again, so this adds none. */
static void fill_seal(int fd, void *args)
{
	*(struct iobmd_seal *)args = (struct iobmd_seal){ .seals = 0 };
}

static bool undo_seal(int fd, int result, const void *args)
{
	return !result && !IOBMD_INFO(fd, seals);
}

static void fill_export(int fd, void *args)
{
	*(struct iobmd_export *)args = (struct iobmd_export){ .length = 77 };
}

static bool undo_export(int fd, int result, const void *args)
{
	off_t size = lseek(result, 0, SEEK_END);

	return !close(result) && size == (off_t)page_size();
}

static void fill_sync(int fd, void *args)
{
	*(struct iobmd_sync *)args = (struct iobmd_sync){
		.length = 77,
		.direction = IOBMD_DIRECTION_IN,
	};
}

static bool undo_sync(int fd, int result, const void *args)
{
	struct iobmd_sync sync = *(const struct iobmd_sync *)args;

	return sync.flags == IOBMD_SYNC_F_NOOP && sync.length == 77;
}

FIXTURE_VARIANT_ADD(command, create) {
	.request = IOBMD_IOC_CREATE,
	.on_device = true,
	.size = sizeof(struct iobmd_create),
	.known_flags = IOBMD_CREATE_F_NODE,
	.reserved = offsetof(struct iobmd_create, __reserved),
	.fill = fill_create,
	.undo = undo_create,
};

FIXTURE_VARIANT_ADD(command, compose) {
	.request = IOBMD_IOC_COMPOSE,
	.on_device = true,
	.on_both = true,
	.size = sizeof(struct iobmd_compose),
	.known_flags = IOBMD_COMPOSE_F_READ_ONLY,
	.reserved = offsetof(struct iobmd_compose, __reserved),
	.fill = fill_compose,
	.undo = undo_compose,
};

FIXTURE_VARIANT_ADD(command, get_info) {
	.request = IOBMD_IOC_GET_INFO,
	.writes_back = true,
	.size = sizeof(struct iobmd_get_info),
	.fill = fill_get_info,
	.undo = undo_get_info,
};

FIXTURE_VARIANT_ADD(command, set_length) {
	.request = IOBMD_IOC_SET_LENGTH,
	.size = sizeof(struct iobmd_set_length),
	.fill = fill_set_length,
	.undo = undo_set_length,
};

FIXTURE_VARIANT_ADD(command, resize) {
	.request = IOBMD_IOC_RESIZE,
	.size = sizeof(struct iobmd_resize),
	.fill = fill_resize,
	.undo = undo_resize,
};

FIXTURE_VARIANT_ADD(command, map) {
	.request = IOBMD_IOC_MAP,
	.writes_back = true,
	.size = sizeof(struct iobmd_map),
	.known_flags = IOBMD_MAP_F_FIXED | IOBMD_MAP_F_READ_ONLY | IOBMD_MAP_F_PREFAULT,
	.fill = fill_map,
	.undo = undo_map,
};

FIXTURE_VARIANT_ADD(command, set_name) {
	.request = IOBMD_IOC_SET_NAME,
	.size = sizeof(struct iobmd_set_name),
	.reserved = offsetof(struct iobmd_set_name, __reserved),
	.fill = fill_set_name,
	.undo = undo_set_name,
};

FIXTURE_VARIANT_ADD(command, derive) {
	.request = IOBMD_IOC_DERIVE,
	.size = sizeof(struct iobmd_derive),
	.known_flags = IOBMD_DERIVE_F_READ_ONLY | IOBMD_DERIVE_F_WINDOW | IOBMD_DERIVE_F_HOLD,
	.fill = fill_derive,
	.undo = undo_derive,
};

FIXTURE_VARIANT_ADD(command, seal) {
	.request = IOBMD_IOC_SEAL,
	.size = sizeof(struct iobmd_seal),
	.reserved = offsetof(struct iobmd_seal, __reserved),
	.fill = fill_seal,
	.undo = undo_seal,
};

FIXTURE_VARIANT_ADD(command, export) {
	.request = IOBMD_IOC_EXPORT,
	.size = sizeof(struct iobmd_export),
	.known_flags = IOBMD_EXPORT_F_READ_ONLY,
	.fill = fill_export,
	.undo = undo_export,
};

FIXTURE_VARIANT_ADD(command, sync) {
	.request = IOBMD_IOC_SYNC,
	.writes_back = true,
	.size = sizeof(struct iobmd_sync),
	.reserved = offsetof(struct iobmd_sync, __reserved),
	.fill = fill_sync,
	.undo = undo_sync,
};

#endif /* IOBMD_ABI_COMMANDS_H */
