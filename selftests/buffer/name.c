// SPDX-License-Identifier: GPL-2.0
/* Names, and what people are told about a buffer: fdinfo, the list, the device. */
#include "iobmd_test.h"

#define EXPECT_FDINFO(expected, fd, key) do {				\
	char __value[64] = "(nothing)";					\
									\
	EXPECT_TRUE(fdinfo_get(fd, key, __value));			\
	EXPECT_STREQ(expected, __value);				\
} while (0)

#define EXPECT_FDINFO_NUMBER(expected, fd, key) do {			\
	char __number[64];						\
									\
	snprintf(__number, sizeof(__number), "%llu", (unsigned long long)(expected)); \
	EXPECT_FDINFO(__number, fd, key);				\
} while (0)

static int set_name_bytes(int fd, const void *name, uint32_t length)
{
	struct iobmd_set_name args = {
		.size = sizeof(args),
		.name = (uintptr_t)name,
		.name_length = length,
	};

	return ioctl(fd, IOBMD_IOC_SET_NAME, &args);
}

FIXTURE(name) {
	int fd;
	char longest[IOBMD_NAME_MAX];
	char shown[1 + 4 * IOBMD_NAME_MAX + 1];
};

FIXTURE_SETUP(name)
{
	self->fd = iobmd_create(1);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(name)
{
}

TEST_F(name, of_a_new_buffer_is_empty)
{
	EXPECT_FDINFO("", self->fd, "name");
}

TEST_F(name, is_shown)
{
	ASSERT_EQ(0, iobmd_set_name(self->fd, "camera 0: frames"));
	EXPECT_FDINFO("camera 0: frames", self->fd, "name");
}

static void expect_link(struct __test_metadata *_metadata, int fd, const char *name)
{
	char path[64], expected[256], link[256] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_LT(0, readlink(path, link, sizeof(link) - 1));
	snprintf(expected, sizeof(expected), "/dev/iobmd:%llu%s (deleted)",
		 (unsigned long long)IOBMD_INFO(fd, id), name);
	EXPECT_STREQ(expected, link);
}

TEST_F(name, is_in_the_link_of_the_descriptor)
{
	expect_link(_metadata, self->fd, "");
	ASSERT_EQ(0, iobmd_set_name(self->fd, "frames"));
	expect_link(_metadata, self->fd, ":frames");
	ASSERT_EQ(0, iobmd_set_name(self->fd, "\303\244\\"));
	expect_link(_metadata, self->fd, ":\\303\\244\\134");
	memset(self->longest, 0xff, IOBMD_NAME_MAX);
	ASSERT_EQ(0, set_name_bytes(self->fd, self->longest, IOBMD_NAME_MAX));
	self->shown[0] = ':';
	for (int i = 0; i < IOBMD_NAME_MAX; i++)
		memcpy(self->shown + 1 + 4 * i, "\\377", 5);
	expect_link(_metadata, self->fd, self->shown);
}

TEST_F(name, may_have_31_bytes)
{
	ASSERT_EQ(0, iobmd_set_name(self->fd, "0123456789abcdef0123456789abcde"));
	EXPECT_FDINFO("0123456789abcdef0123456789abcde", self->fd, "name");
}

TEST_F(name, longer_than_31_bytes_is_einval)
{
	char name[64];

	memset(name, 'x', sizeof(name));
	ASSERT_EQ(0, iobmd_set_name(self->fd, "old"));
	EXPECT_ERRNO(EINVAL, set_name_bytes(self->fd, name, 32));
	EXPECT_ERRNO(EINVAL, set_name_bytes(self->fd, name, sizeof(name)));
	EXPECT_ERRNO(EINVAL, set_name_bytes(self->fd, name, 1u << 31));
	EXPECT_ERRNO(EINVAL, set_name_bytes(self->fd, name, UINT32_MAX));
	EXPECT_FDINFO("old", self->fd, "name");
}

TEST_F(name, ends_where_name_length_says)
{
	ASSERT_EQ(0, set_name_bytes(self->fd, "shorter", 5));
	EXPECT_FDINFO("short", self->fd, "name");
}

TEST_F(name, has_nothing_of_a_longer_one_before)
{
	ASSERT_EQ(0, iobmd_set_name(self->fd, "a long one"));
	ASSERT_EQ(0, iobmd_set_name(self->fd, "b"));
	EXPECT_FDINFO("b", self->fd, "name");
}

TEST_F(name, empty_takes_it_away)
{
	ASSERT_EQ(0, iobmd_set_name(self->fd, "old"));
	ASSERT_EQ(0, set_name_bytes(self->fd, NULL, 0));
	EXPECT_FDINFO("", self->fd, "name");
}

TEST_F(name, with_a_control_character_is_einval)
{
	char name[] = "new?new";

	ASSERT_EQ(0, iobmd_set_name(self->fd, "old"));
	for (int byte = 0; byte <= 0x7f; byte = byte == 0x1f ? 0x7f : byte + 1) {
		name[3] = byte;
		EXPECT_ERRNO(EINVAL, set_name_bytes(self->fd, name, 7));
		EXPECT_ERRNO(EINVAL, set_name_bytes(self->fd, name + 3, 1));
		EXPECT_ERRNO(EINVAL, set_name_bytes(self->fd, name, 4));
	}
	EXPECT_FDINFO("old", self->fd, "name");
}

/* Shown as it is if it is printable ASCII, else escaped: a terminal could obey it. */
TEST_F(name, may_have_any_other_byte)
{
	char name[2] = "", shown[8];

	for (int byte = 0x20; byte <= 0xff; byte++) {
		if (byte == 0x7f)
			continue;
		name[0] = byte;
		ASSERT_EQ(0, iobmd_set_name(self->fd, name));
		snprintf(shown, sizeof(shown), byte > 0x7f || byte == '\\' ? "\\%03o" : "%c", byte);
		EXPECT_FDINFO(shown, self->fd, "name");
	}
}

/* C1 control characters: alone, and in UTF-8 */
TEST_F(name, is_shown_without_control_characters)
{
	char line[256], *shown = NULL;
	FILE *list;

	ASSERT_EQ(0, iobmd_set_name(self->fd, "a\x9bJ\xc2\x9bm b\xe2\x80\xae"));
	EXPECT_FDINFO("a\\233J\\302\\233m b\\342\\200\\256", self->fd, "name");
	list = fopen(IOBMD_LIST, "re");
	ASSERT_NE(NULL, list);
	while (!shown && fgets(line, sizeof(line), list)) {
		if (strtoull(line, NULL, 10) == IOBMD_INFO(self->fd, id))
			shown = strrchr(line, '\t');
	}
	fclose(list);
	ASSERT_NE(NULL, shown);
	EXPECT_STREQ("\ta\\233J\\302\\233m b\\342\\200\\256\n", shown);
}

TEST_F(name, at_the_end_of_memory_is_read_no_further)
{
	char *page = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)page);
	ASSERT_EQ(0, munmap(page + page_size(), page_size()));
	memcpy(page + page_size() - 3, "end", 3);
	EXPECT_EQ(0, set_name_bytes(self->fd, page + page_size() - 3, 3));
	EXPECT_FDINFO("end", self->fd, "name");
	EXPECT_ERRNO(EFAULT, set_name_bytes(self->fd, page + page_size() - 3, 4));
	EXPECT_FDINFO("end", self->fd, "name");
}

TEST_F(name, that_is_no_memory_is_efault)
{
	ASSERT_EQ(0, iobmd_set_name(self->fd, "old"));
	EXPECT_ERRNO(EFAULT, set_name_bytes(self->fd, NULL, 3));
	EXPECT_ERRNO(EFAULT, set_name_bytes(self->fd, (void *)-page_size(), 3));
	EXPECT_FDINFO("old", self->fd, "name");
}

TEST_F(name, in_the_buffer_itself_works)
{
	char *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, (void *)map);
	memcpy(map, "inside", 6);
	EXPECT_EQ(0, set_name_bytes(self->fd, map, 6));
	EXPECT_FDINFO("inside", self->fd, "name");
}

TEST_F(name, belongs_to_the_buffer_and_not_to_the_descriptor)
{
	int copy = dup(self->fd), other = iobmd_create(1);

	ASSERT_EQ(0, iobmd_set_name(copy, "ours"));
	EXPECT_FDINFO("ours", self->fd, "name");
	EXPECT_FDINFO("", other, "name");
}

TEST(fdinfo_says_what_the_buffer_is)
{
	uint64_t capacity = huge_page_size() + page_size() + 5;
	int fd = iobmd_create(capacity);
	struct iobmd_get_info info;

	ASSERT_EQ(0, iobmd_get_info(fd, &info));
	EXPECT_FDINFO_NUMBER(info.id, fd, "iobmd-id");
	EXPECT_FDINFO_NUMBER(capacity, fd, "capacity");
	EXPECT_FDINFO_NUMBER(capacity, fd, "length");
	EXPECT_FDINFO_NUMBER(page_round(capacity), fd, "allocated");
	EXPECT_FDINFO_NUMBER(info.huge_bytes, fd, "huge_bytes");
	EXPECT_FDINFO("rws", fd, "rights");
	EXPECT_FDINFO("0x0", fd, "seals");
}

TEST(fdinfo_follows_the_buffer)
{
	int fd = iobmd_create(1);

	ASSERT_EQ(0, iobmd_resize(fd, 3 * page_size() + 1));
	ASSERT_EQ(0, iobmd_set_length(fd, 7));
	EXPECT_FDINFO_NUMBER(3 * page_size() + 1, fd, "capacity");
	EXPECT_FDINFO_NUMBER(7, fd, "length");
	EXPECT_FDINFO_NUMBER(4 * page_size(), fd, "allocated");
}

/* One line of the list; @id is 0 where there is none for the buffer. */
struct list_line {
	unsigned long long id, capacity, length, allocated, huge;
	char name[64];
};

static struct list_line list_find(uint64_t id)
{
	struct list_line entry = {};
	char line[256];
	FILE *list = fopen(IOBMD_LIST, "re");

	while (list && fgets(line, sizeof(line), list)) {
		memset(&entry, 0, sizeof(entry));
		if (sscanf(line, "%llu %llu %llu %llu %llu %63[^\n]", &entry.id, &entry.capacity,
			   &entry.length, &entry.allocated, &entry.huge, entry.name) >= 5 &&
		    entry.id == id)
			break;
		entry.id = 0;
	}
	if (list)
		fclose(list);
	return entry;
}

TEST(list_begins_with_a_header)
{
	char line[256] = "";
	FILE *list = fopen(IOBMD_LIST, "re");

	ASSERT_NE(NULL, list);
	ASSERT_NE(NULL, fgets(line, sizeof(line), list));
	EXPECT_EQ(0, strncmp(line, "id", 2));
	EXPECT_NE(NULL, strstr(line, "capacity"));
	EXPECT_NE(NULL, strstr(line, "name"));
}

TEST(list_has_one_line_for_each_buffer)
{
	int first = iobmd_create(1), second = iobmd_create(1);

	EXPECT_EQ(1, buffers_listed(IOBMD_INFO(first, id)));
	EXPECT_EQ(1, buffers_listed(IOBMD_INFO(second, id)));
	EXPECT_EQ(1, buffers_listed(IOBMD_INFO(dup(first), id)));
}

TEST(list_says_what_each_buffer_is)
{
	uint64_t capacity = huge_page_size() + page_size() + 5;
	int fd = iobmd_create(capacity);
	struct iobmd_get_info info;
	struct list_line line;

	ASSERT_EQ(0, iobmd_set_name(fd, "with a space"));
	ASSERT_EQ(0, iobmd_set_length(fd, 9));
	ASSERT_EQ(0, iobmd_get_info(fd, &info));
	line = list_find(info.id);
	EXPECT_EQ(info.id, line.id);
	EXPECT_EQ(capacity, line.capacity);
	EXPECT_EQ(9, line.length);
	EXPECT_EQ(info.allocated, line.allocated);
	EXPECT_EQ(info.huge_bytes, line.huge);
	EXPECT_STREQ("with a space", line.name);
}

TEST(list_forgets_a_buffer_that_is_gone)
{
	int fd = iobmd_create(1);
	uint64_t id = IOBMD_INFO(fd, id);

	EXPECT_EQ(1, buffer_listed(id));
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, buffer_listed(id));
}

TEST(list_is_for_root_only)
{
	struct stat st;

	ASSERT_EQ(0, stat(IOBMD_LIST, &st));
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_mode & 0077);
}

TEST(device_is_for_root_only)
{
	struct stat st;

	ASSERT_EQ(0, stat(IOBMD_DEVICE, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0600, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);
}

TEST_HARNESS_MAIN
