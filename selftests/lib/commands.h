/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands: everything that the tests know about each. The rules for all commands
 * are tested with these lists, in abi, layout and fuzz.
 */
#ifndef IOBMD_TEST_COMMANDS_H
#define IOBMD_TEST_COMMANDS_H

#include "fdinfo.h"
#include "iobmd_memory.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/iobmd.h>

#define IOBMD_DEVICE	"/dev/iobmd"

/* Which files accept a command, and whether its argument is written back. */
enum { ON_DEVICE = 1, ON_BUFFER = 2, ANSWERS = 4 };

#define RESERVED(verb)	offsetof(struct iobmd_##verb, __reserved)

/* COMMAND(verb, VERB, number, where, valid flags, offset of a reserved field or 0) */
#define COMMANDS(COMMAND) \
	COMMAND(create, CREATE, 0xbd40, ON_DEVICE, 1, RESERVED(create)) \
	COMMAND(compose, COMPOSE, 0xbd41, ON_DEVICE | ON_BUFFER, 1, RESERVED(compose)) \
	COMMAND(get_info, GET_INFO, 0xbd60, ON_BUFFER | ANSWERS, 0, 0) \
	COMMAND(set_length, SET_LENGTH, 0xbd61, ON_BUFFER, 0, 0) \
	COMMAND(resize, RESIZE, 0xbd62, ON_BUFFER, 0, 0) \
	COMMAND(map, MAP, 0xbd63, ON_BUFFER | ANSWERS, 7, 0) \
	COMMAND(set_name, SET_NAME, 0xbd64, ON_BUFFER, 0, RESERVED(set_name)) \
	COMMAND(derive, DERIVE, 0xbd65, ON_BUFFER, 7, 0) \
	COMMAND(seal, SEAL, 0xbd66, ON_BUFFER, 0, RESERVED(seal)) \
	COMMAND(export, EXPORT, 0xbd67, ON_BUFFER, 1, 0) \
	COMMAND(sync, SYNC, 0xbd68, ON_BUFFER | ANSWERS, 0, RESERVED(sync))

/* FIELD(struct, field, offset, size), END(struct, size) */
#define COMMAND_FIELDS(SIZE_AND_FLAGS, FIELD, END) \
	SIZE_AND_FLAGS(create) FIELD(create, capacity, 8, 8) FIELD(create, alignment, 16, 8) \
	FIELD(create, direction, 24, 4) FIELD(create, huge, 28, 4) FIELD(create, node, 32, 4) \
	FIELD(create, __reserved, 36, 4) END(create, 40) \
	SIZE_AND_FLAGS(get_info) FIELD(get_info, id, 8, 8) FIELD(get_info, capacity, 16, 8) \
	FIELD(get_info, length, 24, 8) FIELD(get_info, allocated, 32, 8) \
	FIELD(get_info, huge_bytes, 40, 8) FIELD(get_info, alignment, 48, 8) \
	FIELD(get_info, direction, 56, 4) FIELD(get_info, huge, 60, 4) \
	FIELD(get_info, rights, 64, 4) FIELD(get_info, node, 68, 4) \
	FIELD(get_info, page_size, 72, 4) FIELD(get_info, huge_page_size, 76, 4) \
	FIELD(get_info, seals, 80, 4) FIELD(get_info, __reserved, 84, 4) END(get_info, 88) \
	SIZE_AND_FLAGS(set_length) FIELD(set_length, length, 8, 8) END(set_length, 16) \
	SIZE_AND_FLAGS(resize) FIELD(resize, capacity, 8, 8) END(resize, 16) \
	SIZE_AND_FLAGS(map) FIELD(map, address, 8, 8) FIELD(map, offset, 16, 8) \
	FIELD(map, length, 24, 8) END(map, 32) \
	SIZE_AND_FLAGS(set_name) FIELD(set_name, name, 8, 8) FIELD(set_name, name_length, 16, 4) \
	FIELD(set_name, __reserved, 20, 4) END(set_name, 24) \
	SIZE_AND_FLAGS(derive) FIELD(derive, offset, 8, 8) FIELD(derive, length, 16, 8) \
	END(derive, 24) \
	SIZE_AND_FLAGS(seal) FIELD(seal, seals, 8, 4) FIELD(seal, __reserved, 12, 4) \
	END(seal, 16) \
	SIZE_AND_FLAGS(export) FIELD(export, offset, 8, 8) FIELD(export, length, 16, 8) \
	END(export, 24) \
	SIZE_AND_FLAGS(sync) FIELD(sync, offset, 8, 8) FIELD(sync, length, 16, 8) \
	FIELD(sync, direction, 24, 4) FIELD(sync, __reserved, 28, 4) END(sync, 32) \
	FIELD(compose_part, fd, 0, 4) FIELD(compose_part, __reserved, 4, 4) \
	FIELD(compose_part, offset, 8, 8) FIELD(compose_part, length, 16, 8) \
	END(compose_part, 24) \
	SIZE_AND_FLAGS(compose) FIELD(compose, parts, 8, 8) FIELD(compose, nr_parts, 16, 4) \
	FIELD(compose, __reserved, 20, 4) END(compose, 24)

#define COMMAND_NUMBERS(NUMBER) \
	NUMBER(1, IOBMD_DIRECTION_OUT) NUMBER(2, IOBMD_DIRECTION_IN) \
	NUMBER(0, IOBMD_HUGE_PREFER) NUMBER(1, IOBMD_HUGE_NONE) NUMBER(2, IOBMD_HUGE_REQUIRE) \
	NUMBER(1, IOBMD_RIGHT_READ) NUMBER(2, IOBMD_RIGHT_WRITE) NUMBER(4, IOBMD_RIGHT_RESIZE) \
	NUMBER(1, IOBMD_CREATE_F_NODE) NUMBER(1, IOBMD_MAP_F_FIXED) \
	NUMBER(2, IOBMD_MAP_F_READ_ONLY) NUMBER(4, IOBMD_MAP_F_PREFAULT) \
	NUMBER(31, IOBMD_NAME_MAX) NUMBER(1, IOBMD_DERIVE_F_READ_ONLY) \
	NUMBER(2, IOBMD_DERIVE_F_WINDOW) NUMBER(4, IOBMD_DERIVE_F_HOLD) \
	NUMBER(1, IOBMD_SEAL_SEAL) NUMBER(2, IOBMD_SEAL_SHRINK) NUMBER(4, IOBMD_SEAL_GROW) \
	NUMBER(8, IOBMD_SEAL_WRITE) NUMBER(1, IOBMD_EXPORT_F_READ_ONLY) \
	NUMBER(1, IOBMD_SYNC_F_NOOP) NUMBER(1, IOBMD_COMPOSE_F_READ_ONLY) \
	NUMBER(1024, IOBMD_COMPOSE_MAX)

static inline int iobmd_open(void)
{
	return open(IOBMD_DEVICE, O_RDWR | O_CLOEXEC);
}

/* Sets only the size; the rest is the caller's. */
static inline int iobmd_create_args(struct iobmd_create *args)
{
	int device = iobmd_open();
	int fd, saved_errno;

	if (device < 0)
		return -1;
	args->size = sizeof(*args);
	fd = ioctl(device, IOBMD_IOC_CREATE, args);
	saved_errno = errno;
	close(device);
	errno = saved_errno;
	return fd;
}

/* For processes that can no longer open the device. */
static inline int iobmd_compose_on(int device, uint32_t flags,
				   const struct iobmd_compose_part *parts, uint32_t nr_parts)
{
	struct iobmd_compose args = {
		.size = sizeof(args),
		.flags = flags,
		.parts = (uintptr_t)parts,
		.nr_parts = nr_parts,
	};

	return ioctl(device, IOBMD_IOC_COMPOSE, &args);
}

static inline int iobmd_compose(uint32_t flags, const struct iobmd_compose_part *parts,
				uint32_t nr_parts)
{
	int device = iobmd_open();
	int fd, saved_errno;

	if (device < 0)
		return -1;
	fd = iobmd_compose_on(device, flags, parts, nr_parts);
	saved_errno = errno;
	close(device);
	errno = saved_errno;
	return fd;
}

static inline int iobmd_create(uint64_t capacity)
{
	struct iobmd_create args = { .capacity = capacity };

	return iobmd_create_args(&args);
}

static inline int iobmd_get_info(int fd, struct iobmd_get_info *info)
{
	memset(info, 0xcc, sizeof(*info));
	info->size = sizeof(*info);
	info->flags = 0;
	return ioctl(fd, IOBMD_IOC_GET_INFO, info);
}

/* One field of GET_INFO; all ones if the call fails. */
#define IOBMD_INFO(fd, field) ({					\
	struct iobmd_get_info __info;					\
									\
	iobmd_get_info(fd, &__info) ? (__typeof__(__info.field))-1 : __info.field; \
})

static inline int iobmd_set_length(int fd, uint64_t length)
{
	struct iobmd_set_length args = { .size = sizeof(args), .length = length };

	return ioctl(fd, IOBMD_IOC_SET_LENGTH, &args);
}

static inline int iobmd_resize(int fd, uint64_t capacity)
{
	struct iobmd_resize args = { .size = sizeof(args), .capacity = capacity };

	return ioctl(fd, IOBMD_IOC_RESIZE, &args);
}

static inline int iobmd_set_name(int fd, const char *name)
{
	struct iobmd_set_name args = {
		.size = sizeof(args),
		.name = (uintptr_t)name,
		.name_length = strlen(name),
	};

	return ioctl(fd, IOBMD_IOC_SET_NAME, &args);
}

static inline int iobmd_derive(int fd, uint32_t flags, uint64_t offset, uint64_t length)
{
	struct iobmd_derive args = {
		.size = sizeof(args),
		.flags = flags,
		.offset = offset,
		.length = length,
	};

	return ioctl(fd, IOBMD_IOC_DERIVE, &args);
}

static inline int iobmd_seal(int fd, uint32_t seals)
{
	struct iobmd_seal args = { .size = sizeof(args), .seals = seals };

	return ioctl(fd, IOBMD_IOC_SEAL, &args);
}

static inline int iobmd_export(int fd, uint32_t flags, uint64_t offset, uint64_t length)
{
	struct iobmd_export args = {
		.size = sizeof(args),
		.flags = flags,
		.offset = offset,
		.length = length,
	};

	return ioctl(fd, IOBMD_IOC_EXPORT, &args);
}

static inline int iobmd_sync(int fd, uint64_t offset, uint64_t length, uint32_t direction)
{
	struct iobmd_sync args = {
		.size = sizeof(args),
		.offset = offset,
		.length = length,
		.direction = direction,
	};

	return ioctl(fd, IOBMD_IOC_SYNC, &args);
}

static inline void *iobmd_map(int fd, uint32_t flags, void *address,
			      uint64_t offset, uint64_t length)
{
	struct iobmd_map args = {
		.size = sizeof(args),
		.flags = flags,
		.address = (uintptr_t)address,
		.offset = offset,
		.length = length,
	};

	if (ioctl(fd, IOBMD_IOC_MAP, &args))
		return MAP_FAILED;
	return (void *)(uintptr_t)args.address;
}

/*
 * command_fill_VERB() makes a valid argument, except for size and flags.
 * command_undo_VERB() checks that the command has had its effect, on a buffer of two
 * pages, and undoes it.
 */
#define COMMAND_NAME	"abi"

static inline void command_fill_create(int fd, void *args)
{
	*(struct iobmd_create *)args = (struct iobmd_create){ .capacity = 1 };
}

static inline bool command_undo_create(int fd, int result, const void *args)
{
	uint64_t capacity = IOBMD_INFO(result, capacity);

	return !close(result) && capacity == 1;
}

static inline void command_fill_compose(int fd, void *args)
{
	static struct iobmd_compose_part part;

	part = (struct iobmd_compose_part){ .fd = fd, .length = 77 };
	*(struct iobmd_compose *)args = (struct iobmd_compose){
		.parts = (uintptr_t)&part,
		.nr_parts = 1,
	};
}

static inline bool command_undo_compose(int fd, int result, const void *args)
{
	uint64_t capacity = IOBMD_INFO(result, capacity);

	return !close(result) && capacity == 77;
}

static inline void command_fill_get_info(int fd, void *args)
{
	memset(args, 0xcc, sizeof(struct iobmd_get_info));
}

static inline bool command_undo_get_info(int fd, int result, const void *args)
{
	const struct iobmd_get_info *info = args;

	return info->capacity == 2 * page_size() && info->huge_page_size != 0xcccccccc;
}

static inline void command_fill_set_length(int fd, void *args)
{
	*(struct iobmd_set_length *)args = (struct iobmd_set_length){ .length = 77 };
}

static inline bool command_undo_set_length(int fd, int result, const void *args)
{
	uint64_t length = IOBMD_INFO(fd, length);

	return !iobmd_set_length(fd, 2 * page_size()) && length == 77;
}

static inline void command_fill_resize(int fd, void *args)
{
	*(struct iobmd_resize *)args = (struct iobmd_resize){ .capacity = 77 };
}

static inline bool command_undo_resize(int fd, int result, const void *args)
{
	uint64_t capacity = IOBMD_INFO(fd, capacity);

	return !iobmd_resize(fd, 2 * page_size()) && capacity == 77;
}

static inline void command_fill_map(int fd, void *args)
{
	*(struct iobmd_map *)args = (struct iobmd_map){ .length = 77 };
}

static inline bool command_undo_map(int fd, int result, const void *args)
{
	struct iobmd_map map = *(const struct iobmd_map *)args;
	void *address = (void *)(uintptr_t)map.address;

	return !faults(address, true) && !munmap(address, map.length) && map.length == 77;
}

static inline void command_fill_set_name(int fd, void *args)
{
	*(struct iobmd_set_name *)args = (struct iobmd_set_name){
		.name = (uintptr_t)COMMAND_NAME,
		.name_length = strlen(COMMAND_NAME),
	};
}

static inline bool command_has_name(int fd)
{
	char name[64];

	return fdinfo_get(fd, "name", name) && !strcmp(name, COMMAND_NAME);
}

static inline bool command_undo_set_name(int fd, int result, const void *args)
{
	bool named = command_has_name(fd);

	return !iobmd_set_name(fd, "") && named;
}

static inline void command_fill_derive(int fd, void *args)
{
	*(struct iobmd_derive *)args = (struct iobmd_derive){ .length = 0 };
}

static inline bool command_undo_derive(int fd, int result, const void *args)
{
	uint64_t id = IOBMD_INFO(result, id);

	return !close(result) && id == IOBMD_INFO(fd, id);
}

/* Adds no seal, since it could not be removed. */
static inline void command_fill_seal(int fd, void *args)
{
	*(struct iobmd_seal *)args = (struct iobmd_seal){ .seals = 0 };
}

static inline bool command_undo_seal(int fd, int result, const void *args)
{
	return !result && !IOBMD_INFO(fd, seals);
}

static inline void command_fill_export(int fd, void *args)
{
	*(struct iobmd_export *)args = (struct iobmd_export){ .length = 77 };
}

static inline bool command_undo_export(int fd, int result, const void *args)
{
	off_t size = lseek(result, 0, SEEK_END);

	return !close(result) && size == (off_t)page_size();
}

static inline void command_fill_sync(int fd, void *args)
{
	*(struct iobmd_sync *)args = (struct iobmd_sync){
		.length = 77,
		.direction = IOBMD_DIRECTION_IN,
	};
}

static inline bool command_undo_sync(int fd, int result, const void *args)
{
	struct iobmd_sync sync = *(const struct iobmd_sync *)args;

	return sync.flags == IOBMD_SYNC_F_NOOP && sync.length == 77;
}

#endif /* IOBMD_TEST_COMMANDS_H */
