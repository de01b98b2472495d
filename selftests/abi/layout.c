// SPDX-License-Identifier: GPL-2.0
/* The layout of the structs and the values of the numbers. Built for 64 and for 32 bit. */
#include "iobmd_test.h"

#define FIELD(type, field, _offset, _size) {				\
	#type "." #field, offsetof(struct type, field),			\
	sizeof(((struct type *)0)->field), _offset, _size		\
}

#define END(type, _size)	{ #type, sizeof(struct type), 0, _size, 0 }

static const struct {
	const char *name;
	size_t offset, size;
	size_t expected_offset, expected_size;
} layout[] = {
	FIELD(iobmd_create, size, 0, 4),
	FIELD(iobmd_create, flags, 4, 4),
	FIELD(iobmd_create, capacity, 8, 8),
	FIELD(iobmd_create, alignment, 16, 8),
	FIELD(iobmd_create, direction, 24, 4),
	FIELD(iobmd_create, huge, 28, 4),
	FIELD(iobmd_create, node, 32, 4),
	FIELD(iobmd_create, __reserved, 36, 4),
	END(iobmd_create, 40),
	FIELD(iobmd_get_info, size, 0, 4),
	FIELD(iobmd_get_info, flags, 4, 4),
	FIELD(iobmd_get_info, id, 8, 8),
	FIELD(iobmd_get_info, capacity, 16, 8),
	FIELD(iobmd_get_info, length, 24, 8),
	FIELD(iobmd_get_info, allocated, 32, 8),
	FIELD(iobmd_get_info, huge_bytes, 40, 8),
	FIELD(iobmd_get_info, alignment, 48, 8),
	FIELD(iobmd_get_info, direction, 56, 4),
	FIELD(iobmd_get_info, huge, 60, 4),
	FIELD(iobmd_get_info, rights, 64, 4),
	FIELD(iobmd_get_info, node, 68, 4),
	FIELD(iobmd_get_info, page_size, 72, 4),
	FIELD(iobmd_get_info, huge_page_size, 76, 4),
	FIELD(iobmd_get_info, seals, 80, 4),
	FIELD(iobmd_get_info, __reserved, 84, 4),
	END(iobmd_get_info, 88),
	FIELD(iobmd_set_length, size, 0, 4),
	FIELD(iobmd_set_length, flags, 4, 4),
	FIELD(iobmd_set_length, length, 8, 8),
	END(iobmd_set_length, 16),
	FIELD(iobmd_resize, size, 0, 4),
	FIELD(iobmd_resize, flags, 4, 4),
	FIELD(iobmd_resize, capacity, 8, 8),
	END(iobmd_resize, 16),
	FIELD(iobmd_map, size, 0, 4),
	FIELD(iobmd_map, flags, 4, 4),
	FIELD(iobmd_map, address, 8, 8),
	FIELD(iobmd_map, offset, 16, 8),
	FIELD(iobmd_map, length, 24, 8),
	END(iobmd_map, 32),
	FIELD(iobmd_set_name, size, 0, 4),
	FIELD(iobmd_set_name, flags, 4, 4),
	FIELD(iobmd_set_name, name, 8, 8),
	FIELD(iobmd_set_name, name_length, 16, 4),
	FIELD(iobmd_set_name, __reserved, 20, 4),
	END(iobmd_set_name, 24),
	FIELD(iobmd_derive, size, 0, 4),
	FIELD(iobmd_derive, flags, 4, 4),
	FIELD(iobmd_derive, offset, 8, 8),
	FIELD(iobmd_derive, length, 16, 8),
	END(iobmd_derive, 24),
	FIELD(iobmd_seal, size, 0, 4),
	FIELD(iobmd_seal, flags, 4, 4),
	FIELD(iobmd_seal, seals, 8, 4),
	FIELD(iobmd_seal, __reserved, 12, 4),
	END(iobmd_seal, 16),
	FIELD(iobmd_export, size, 0, 4),
	FIELD(iobmd_export, flags, 4, 4),
	FIELD(iobmd_export, offset, 8, 8),
	FIELD(iobmd_export, length, 16, 8),
	END(iobmd_export, 24),
	FIELD(iobmd_sync, size, 0, 4),
	FIELD(iobmd_sync, flags, 4, 4),
	FIELD(iobmd_sync, offset, 8, 8),
	FIELD(iobmd_sync, length, 16, 8),
	FIELD(iobmd_sync, direction, 24, 4),
	FIELD(iobmd_sync, __reserved, 28, 4),
	END(iobmd_sync, 32),
	FIELD(iobmd_compose_part, fd, 0, 4),
	FIELD(iobmd_compose_part, __reserved, 4, 4),
	FIELD(iobmd_compose_part, offset, 8, 8),
	FIELD(iobmd_compose_part, length, 16, 8),
	END(iobmd_compose_part, 24),
	FIELD(iobmd_compose, size, 0, 4),
	FIELD(iobmd_compose, flags, 4, 4),
	FIELD(iobmd_compose, parts, 8, 8),
	FIELD(iobmd_compose, nr_parts, 16, 4),
	FIELD(iobmd_compose, __reserved, 20, 4),
	END(iobmd_compose, 24),
};

TEST(structs_have_the_same_layout_everywhere)
{
	for (size_t i = 0; i < ARRAY_SIZE(layout); i++) {
		EXPECT_EQ(layout[i].expected_offset, layout[i].offset) {
			TH_LOG("offset of %s", layout[i].name);
		}
		EXPECT_EQ(layout[i].expected_size, layout[i].size) {
			TH_LOG("size of %s", layout[i].name);
		}
	}
}

TEST(structs_have_no_holes)
{
	size_t end = 0;

	for (size_t i = 0; i < ARRAY_SIZE(layout); i++) {
		EXPECT_EQ(end, layout[i].offset) {
			TH_LOG("hole before %s", layout[i].name);
		}
		end = layout[i].size ? end + layout[i].size : 0;
	}
}

TEST(numbers_are_what_they_were)
{
	EXPECT_EQ(0xbd40, IOBMD_IOC_CREATE);
	EXPECT_EQ(0xbd41, IOBMD_IOC_COMPOSE);
	EXPECT_EQ(0xbd60, IOBMD_IOC_GET_INFO);
	EXPECT_EQ(0xbd61, IOBMD_IOC_SET_LENGTH);
	EXPECT_EQ(0xbd62, IOBMD_IOC_RESIZE);
	EXPECT_EQ(0xbd63, IOBMD_IOC_MAP);
	EXPECT_EQ(0xbd64, IOBMD_IOC_SET_NAME);
	EXPECT_EQ(0xbd65, IOBMD_IOC_DERIVE);
	EXPECT_EQ(0xbd66, IOBMD_IOC_SEAL);
	EXPECT_EQ(0xbd67, IOBMD_IOC_EXPORT);
	EXPECT_EQ(0xbd68, IOBMD_IOC_SYNC);
	EXPECT_EQ(1, IOBMD_DIRECTION_OUT);
	EXPECT_EQ(2, IOBMD_DIRECTION_IN);
	EXPECT_EQ(0, IOBMD_HUGE_PREFER);
	EXPECT_EQ(1, IOBMD_HUGE_NONE);
	EXPECT_EQ(2, IOBMD_HUGE_REQUIRE);
	EXPECT_EQ(1, IOBMD_RIGHT_READ);
	EXPECT_EQ(2, IOBMD_RIGHT_WRITE);
	EXPECT_EQ(4, IOBMD_RIGHT_RESIZE);
	EXPECT_EQ(1, IOBMD_CREATE_F_NODE);
	EXPECT_EQ(1, IOBMD_MAP_F_FIXED);
	EXPECT_EQ(2, IOBMD_MAP_F_READ_ONLY);
	EXPECT_EQ(4, IOBMD_MAP_F_PREFAULT);
	EXPECT_EQ(31, IOBMD_NAME_MAX);
	EXPECT_EQ(1, IOBMD_DERIVE_F_READ_ONLY);
	EXPECT_EQ(2, IOBMD_DERIVE_F_WINDOW);
	EXPECT_EQ(4, IOBMD_DERIVE_F_HOLD);
	EXPECT_EQ(1, IOBMD_SEAL_SEAL);
	EXPECT_EQ(2, IOBMD_SEAL_SHRINK);
	EXPECT_EQ(4, IOBMD_SEAL_GROW);
	EXPECT_EQ(8, IOBMD_SEAL_WRITE);
	EXPECT_EQ(1, IOBMD_EXPORT_F_READ_ONLY);
	EXPECT_EQ(1, IOBMD_SYNC_F_NOOP);
	EXPECT_EQ(1, IOBMD_COMPOSE_F_READ_ONLY);
	EXPECT_EQ(1024, IOBMD_COMPOSE_MAX);
}

TEST_HARNESS_MAIN
