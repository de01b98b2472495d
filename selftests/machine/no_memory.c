// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation fails. Each call is repeated with its first, second, third...
 * allocation, or copy from or to user memory, made to fail, until it has no more of
 * them; and then with ever more memory, until there is enough. It may work all the
 * same, or fail; a failure has changed nothing.
 *
 * That takes a kernel with fault injection, as the debug kernel is. Its checks of
 * the DMA API end when they find no memory: what uses DMA has to come before, and
 * does so by its name.
 */
#include "inject.h"
#include "no_memory_calls.h"

#define MAKE_IT_FAIL	"/proc/thread-self/make-it-fail"

/* Bytes by which the memory for slabs grows, up to more than the longest call needs. */
#define MEMORY_STEP	64
#define MEMORY_MOST	MIB

/* More than a call makes, and few for a page fault, which is repeated until it works. */
#define FAILURES_MOST	200

/* Selects the task that the filter applies to; needs no memory. */
static bool have_less_memory(int make_it_fail, bool less)
{
	return pwrite(make_it_fail, less ? "1" : "0", 1, 0) == 1;
}

/* There are @bytes for slabs, and pages or none. */
static int set_memory(uint64_t bytes, bool pages)
{
	int err = 0;

	err |= file_write_number(SLABS "/space", bytes);
	err |= file_write_number(SLABS "/times", FAILURES_MOST);
	err |= file_write(SLABS "/probability", "100");
	err |= file_write_number(PAGES "/times", FAILURES_MOST);
	err |= file_write(PAGES "/probability", pages ? "0" : "100");
	return err;
}

static int set_memory_free(void)
{
	return file_write(SLABS "/probability", "0") | file_write(PAGES "/probability", "0");
}

FIXTURE_SETUP(no_memory)
{
	struct subject *subject = &self->subject;

	ASSERT_EQ(0, inject_prepare());
	ASSERT_EQ(0, close(kernel_load()));
	ASSERT_EQ(0, module_load(EDU_KO));
	AWAIT(exists(EDU_DEVICE));
	subject->page = page_size();
	subject->huge = huge_page_size();
	subject->size = subject->huge + 5 * subject->page;
	subject->fd = iobmd_create(subject->size);
	ASSERT_LE(0, subject->fd);
	ASSERT_EQ(0, iobmd_set_name(subject->fd, "old"));
	map_again(subject);
	ASSERT_NE(MAP_FAILED, subject->map);
	stamp_pages(subject->map, subject->size);
	ASSERT_EQ(0, pipe(subject->pipe));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, subject->pair));
	self->fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fail_nth);
	self->make_it_fail = open(MAKE_IT_FAIL, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, self->make_it_fail);
	self->buffers = buffers_listed(0);
	self->mappings = count_mappings(IOBMD_INFO(subject->fd, id));
	self->next_fd = next_fd();
}

FIXTURE_TEARDOWN_PARENT(no_memory)
{
	AWAIT(!kernel_unload() || errno == ENOENT);
	AWAIT(!module_unload("iobmd_edu") || errno == ENOENT);
	EXPECT_EQ(0, buffers_listed(0));
}

static void expect_unchanged(struct __test_metadata *_metadata, FIXTURE_DATA(no_memory) *self)
{
	struct subject *subject = &self->subject;
	char name[64] = "";

	EXPECT_EQ(self->next_fd, next_fd());
	EXPECT_EQ(self->mappings, count_mappings(IOBMD_INFO(subject->fd, id)));
	EXPECT_EQ(subject->size, IOBMD_INFO(subject->fd, capacity));
	EXPECT_EQ(subject->size, IOBMD_INFO(subject->fd, length));
	EXPECT_TRUE(fdinfo_get(subject->fd, "name", name));
	EXPECT_STREQ("old", name);
	EXPECT_EQ(-1, stamps_lost(subject->map, subject->size));
	AWAIT(buffers_listed(0) == self->buffers);
}

/* The call is over, with @result. */
static void end_call(struct __test_metadata *_metadata, FIXTURE_DATA(no_memory) *self,
		     const FIXTURE_VARIANT(no_memory) *variant, int result, int error)
{
	if (result >= 0) {
		variant->undo(&self->subject, result);
	} else {
		EXPECT_TRUE(error == ENOMEM || error == EFAULT || error == variant->error) {
			TH_LOG("%s", strerror(error));
		}
	}
	if (variant->peer)
		close(self->subject.peer);
	expect_unchanged(_metadata, self);
}

TEST_F(no_memory, once_works_or_changes_nothing)
{
	struct subject *subject = &self->subject;
	unsigned int nth, failures = 0;
	bool reached = true;

	for (nth = 1; reached && nth < MOST_POINTS && !_metadata->exit_code; nth++) {
		int result, error;

		if (variant->peer)
			subject->peer = kernel_open();
		ASSERT_TRUE(inject(self->fail_nth, nth));
		result = variant->call(subject);
		error = errno;
		reached = inject_end(self->fail_nth) == 0;
		failures += result < 0;
		EXPECT_TRUE(reached || result >= 0);
		end_call(_metadata, self, variant, result, error);
	}
	EXPECT_FALSE(reached);
	printf("# %u points, at %u of them the call failed\n", nth - 2, failures);
}

static void with_ever_more_memory(struct __test_metadata *_metadata,
				  FIXTURE_DATA(no_memory) *self,
				  const FIXTURE_VARIANT(no_memory) *variant, bool pages)
{
	struct subject *subject = &self->subject;
	unsigned int steps = 0, failures = 0;
	bool enough = false;

	for (uint64_t bytes = 0; !enough && !_metadata->exit_code; bytes += MEMORY_STEP) {
		int result, error;

		ASSERT_GT(MEMORY_MOST, bytes);
		if (variant->peer)
			subject->peer = kernel_open();
		ASSERT_EQ(0, set_memory(bytes, pages));
		ASSERT_TRUE(have_less_memory(self->make_it_fail, true));
		result = variant->call(subject);
		error = errno;
		ASSERT_TRUE(have_less_memory(self->make_it_fail, false));
		enough = file_number(SLABS "/times", "") == FAILURES_MOST;
		ASSERT_EQ(0, set_memory_free());
		failures += result < 0;
		steps++;
		end_call(_metadata, self, variant, result, error);
	}
	printf("# %u steps, at %u of them the call failed\n", steps, failures);
}

TEST_F(no_memory, for_want_of_slabs_works_or_changes_nothing)
{
	with_ever_more_memory(_metadata, self, variant, true);
}

TEST_F(no_memory, for_want_of_slabs_and_pages_works_or_changes_nothing)
{
	with_ever_more_memory(_metadata, self, variant, false);
}

TEST_HARNESS_MAIN
