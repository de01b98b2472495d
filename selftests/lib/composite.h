/* SPDX-License-Identifier: GPL-2.0 */
/* For the tests of composites: parts, and two buffers to make them of. */
#ifndef IOBMD_TEST_COMPOSITE_H
#define IOBMD_TEST_COMPOSITE_H

#include "iobmd_test.h"

#define part(_fd, _offset, _length)					\
	((struct iobmd_compose_part){					\
		.fd = (_fd), .offset = (_offset), .length = (_length),	\
	})

/* compose(flags, part(fd, offset, length), ...): a descriptor, or -1. */
#define compose(flags, ...) ({						\
	const struct iobmd_compose_part __parts[] = { __VA_ARGS__ };	\
									\
	iobmd_compose(flags, __parts, ARRAY_SIZE(__parts));		\
})

/* A buffer that provides parts. */
struct member {
	int fd;
	uint64_t size;
	uint8_t seed;
	uint8_t *map;		/* all of it, filled with the pattern of the seed */
};

/* Returns whether it succeeded. */
static inline bool member_create(struct member *member, uint64_t size, uint32_t huge,
				 uint8_t seed)
{
	member->fd = iobmd_create_huge(size, huge);
	member->size = size;
	member->seed = seed;
	member->map = map_buffer(member->fd, PROT_READ | PROT_WRITE);
	if (member->map == MAP_FAILED)
		return false;
	fill_pattern(member->map, 0, size, seed);
	return true;
}

static inline void member_unmap(struct member *member)
{
	munmap(member->map, page_round(member->size));
}

/* Releases everything that the process has of it, except composites. */
static inline void member_drop(struct member *member)
{
	member_unmap(member);
	close(member->fd);
}

/* Expects the bytes at @address to be those of the member from @offset on. */
#define EXPECT_SHOWS(address, member, offset, length)			\
	EXPECT_EQ(-1, check_pattern(address, offset, length, (member).seed))

#endif /* IOBMD_TEST_COMPOSITE_H */
