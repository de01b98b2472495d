// SPDX-License-Identifier: GPL-2.0
/* The layout of the structs and the values of the numbers. Built for 64 and for 32 bit. */
#include "iobmd_test.h"

#define FIELD(verb, field, _offset, _size) {				\
	"iobmd_" #verb "." #field, offsetof(struct iobmd_##verb, field), \
	sizeof(((struct iobmd_##verb *)0)->field), _offset, _size	\
},

#define SIZE_AND_FLAGS(verb)	FIELD(verb, size, 0, 4) FIELD(verb, flags, 4, 4)

#define END(verb, _size)	{ "iobmd_" #verb, sizeof(struct iobmd_##verb), 0, _size, 0 },

static const struct {
	const char *name;
	size_t offset, size;
	size_t expected_offset, expected_size;
} layout[] = {
	COMMAND_FIELDS(SIZE_AND_FLAGS, FIELD, END)
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

#define REQUEST(verb, VERB, number, ...)	EXPECT_EQ(number, IOBMD_IOC_##VERB);
#define NUMBER(number, name)			EXPECT_EQ(number, name);

TEST(numbers_are_what_they_were)
{
	COMMANDS(REQUEST)
	COMMAND_NUMBERS(NUMBER)
}

TEST_HARNESS_MAIN
