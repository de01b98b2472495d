// SPDX-License-Identifier: GPL-2.0
/* The tracepoints tell each event in the life of a buffer, once and rightly. */
#include "trace.h"

FIXTURE(trace)
{
	uint64_t capacity;
	uint64_t huge;
	uint64_t id;
	int fd;
};

FIXTURE_SETUP(trace)
{
	self->huge = huge_page_size();
	self->capacity = self->huge + 5;
	ASSERT_EQ(0, trace_begin());
	ASSERT_EQ(0, file_write(TRACE "/events/iobmd/enable", "1"));
	self->fd = iobmd_create(self->capacity);
	ASSERT_LE(0, self->fd);
	self->id = IOBMD_INFO(self->fd, id);
}

FIXTURE_TEARDOWN_PARENT(trace)
{
	EXPECT_EQ(0, trace_end());
}

/* How often an event with just these fields is in the trace */
static int traced(const char *format, ...)
{
	char expected[256], line[1024], *at;
	FILE *trace = fopen(TRACE "/trace", "re");
	va_list fields;
	int count = 0;

	va_start(fields, format);
	vsnprintf(expected, sizeof(expected), format, fields);
	va_end(fields);
	while (trace && fgets(line, sizeof(line), trace)) {
		line[strcspn(line, "\n")] = 0;
		at = strstr(line, "iobmd_");
		count += at && !strcmp(at, expected);
	}
	if (trace)
		fclose(trace);
	return count;
}

TEST_F(trace, create)
{
	EXPECT_EQ(1, traced("iobmd_create: id=%" PRIu64 " capacity=%" PRIu64 " huge_bytes=%" PRIu64,
			    self->id, self->capacity, self->huge));
}

TEST_F(trace, growing)
{
	ASSERT_EQ(0, iobmd_resize(self->fd, 2 * self->capacity));
	EXPECT_EQ(1, traced("iobmd_resize: id=%" PRIu64 " old_capacity=%" PRIu64
			    " capacity=%" PRIu64, self->id, self->capacity,
			    2 * self->capacity));
}

TEST_F(trace, shrinking)
{
	ASSERT_EQ(0, iobmd_resize(self->fd, 1));
	EXPECT_EQ(1, traced("iobmd_resize: id=%" PRIu64 " old_capacity=%" PRIu64
			    " capacity=1", self->id, self->capacity));
}

TEST_F(trace, no_resize_where_it_is_refused)
{
	EXPECT_ERRNO(EINVAL, iobmd_resize(self->fd, 0));
	EXPECT_ERRNO(EFBIG, iobmd_resize(self->fd, UINT64_MAX));
	EXPECT_EQ(0, traced_lines("iobmd_resize:"));
}

TEST_F(trace, free)
{
	ASSERT_EQ(0, iobmd_resize(self->fd, 7));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(1, traced("iobmd_free: id=%" PRIu64 " capacity=7", self->id));
}

TEST_F(trace, no_free_before_the_last_user_is_gone)
{
	int copy = dup(self->fd);

	close(self->fd);
	EXPECT_EQ(0, traced("iobmd_free: id=%" PRIu64 " capacity=%" PRIu64, self->id,
			    self->capacity));
	close(copy);
	EXPECT_EQ(1, traced("iobmd_free: id=%" PRIu64 " capacity=%" PRIu64, self->id,
			    self->capacity));
}

TEST_HARNESS_MAIN
