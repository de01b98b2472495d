// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation fails once: each call is repeated with its first, second, third...
 * allocation, or copy from or to user memory, made to fail, until it has no more of
 * them. It may then work all the same, or fail; a failure has changed nothing.
 *
 * That takes a kernel with fault injection, as the debug kernel is.
 */
#include "kernel_peer.h"
#include "machine.h"
#include "peer.h"
#include "pin.h"

#include <sys/mman.h>

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUG		"/sys/kernel/debug"

/* More than the longest call has; a call that does not end with that is stuck. */
#define MOST_POINTS	20000

/* What the calls work on. They leave it as it is. */
struct subject {
	size_t page;
	uint64_t huge;
	uint64_t size;
	int fd;
	int pipe[2];
	int pair[2];
	int peer;
	uint8_t *map;		/* all of the buffer, with stamps */
	void *mapped;		/* what a call has mapped */
};

FIXTURE(fail_nth)
{
	struct subject subject;
	int buffers;
	int mappings;
	int next_fd;
	int fail_nth;
};

/*
 * @call does one thing; 0 or more if it worked. @undo takes that back; it is told
 * what @call returned. @peer: it has a user of the kernel API, whose end undoes all
 * that it did. @error: what it may fail with, beside ENOMEM and EFAULT.
 */
FIXTURE_VARIANT(fail_nth)
{
	int (*call)(struct subject *subject);
	void (*undo)(struct subject *subject, int result);
	bool peer;
	int error;
};

static void map_again(struct subject *subject)
{
	if (subject->map)
		munmap(subject->map, subject->size);
	subject->map = map_buffer(subject->fd, PROT_READ | PROT_WRITE);
}

static void undo_nothing(struct subject *subject, int result)
{
}

static void undo_close(struct subject *subject, int result)
{
	close(result);
}

static int create(uint64_t capacity, uint64_t alignment, uint32_t huge)
{
	struct iobmd_create args = {
		.capacity = capacity, .alignment = alignment, .huge = huge,
	};

	return iobmd_create_args(&args);
}

static int create_small(struct subject *subject)
{
	return create(9 * subject->page - 1, 0, IOBMD_HUGE_NONE);
}

static int create_huge(struct subject *subject)
{
	return create(2 * subject->huge + 3 * subject->page, 0, IOBMD_HUGE_PREFER);
}

static int create_only_huge(struct subject *subject)
{
	return create(subject->huge, 0, IOBMD_HUGE_REQUIRE);
}

static int create_aligned(struct subject *subject)
{
	return create(21 * subject->page, 16 * subject->page, IOBMD_HUGE_NONE);
}

FIXTURE_VARIANT_ADD(fail_nth, create_small) { create_small, undo_close };
FIXTURE_VARIANT_ADD(fail_nth, create_huge) { create_huge, undo_close };
FIXTURE_VARIANT_ADD(fail_nth, create_only_huge) { create_only_huge, undo_close };
FIXTURE_VARIANT_ADD(fail_nth, create_aligned) { create_aligned, undo_close };

static int compose_two(struct subject *subject)
{
	struct iobmd_compose_part parts[] = {
		{ .fd = subject->fd, .length = subject->page },
		{ .fd = subject->fd, .offset = subject->page },
	};

	return iobmd_compose(0, parts, 2);
}

static int derive(struct subject *subject)
{
	return iobmd_derive(subject->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
}

static int derive_window(struct subject *subject)
{
	return iobmd_window(subject->fd, subject->page, subject->page);
}

static int export(struct subject *subject)
{
	return iobmd_export(subject->fd, 0, 0, 0);
}

FIXTURE_VARIANT_ADD(fail_nth, compose) { compose_two, undo_close };
FIXTURE_VARIANT_ADD(fail_nth, derive) { derive, undo_close };
FIXTURE_VARIANT_ADD(fail_nth, derive_window) { derive_window, undo_close };
FIXTURE_VARIANT_ADD(fail_nth, export) { export, undo_close };

static int grow(struct subject *subject)
{
	return iobmd_resize(subject->fd, subject->size + subject->huge);
}

static int shrink(struct subject *subject)
{
	return iobmd_resize(subject->fd, subject->size - subject->page);
}

static void undo_resize(struct subject *subject, int result)
{
	iobmd_resize(subject->fd, subject->size);
	stamp_pages(subject->map, subject->size);
}

/* A huge page that has been cut does not become whole again: take another buffer. */
static int shrink_into_a_huge_page(struct subject *subject)
{
	return iobmd_resize(subject->fd, subject->huge - subject->page);
}

static void undo_cut(struct subject *subject, int result)
{
	int fd = iobmd_create(subject->size);

	dup3(fd, subject->fd, O_CLOEXEC);
	close(fd);
	iobmd_set_name(subject->fd, "old");
	map_again(subject);
	stamp_pages(subject->map, subject->size);
}

FIXTURE_VARIANT_ADD(fail_nth, grow) { grow, undo_resize };
FIXTURE_VARIANT_ADD(fail_nth, shrink) { shrink, undo_resize };
FIXTURE_VARIANT_ADD(fail_nth, shrink_into_a_huge_page) { shrink_into_a_huge_page, undo_cut };

static int get_info(struct subject *subject)
{
	struct iobmd_get_info info;

	return iobmd_get_info(subject->fd, &info);
}

static int set_length(struct subject *subject)
{
	return iobmd_set_length(subject->fd, subject->page);
}

static void undo_set_length(struct subject *subject, int result)
{
	iobmd_set_length(subject->fd, subject->size);
}

static int set_name(struct subject *subject)
{
	return iobmd_set_name(subject->fd, "new");
}

static void undo_set_name(struct subject *subject, int result)
{
	iobmd_set_name(subject->fd, "old");
}

static int sync_all(struct subject *subject)
{
	return iobmd_sync(subject->fd, 0, 0, IOBMD_DIRECTION_IN);
}

FIXTURE_VARIANT_ADD(fail_nth, get_info) { get_info, undo_nothing };
FIXTURE_VARIANT_ADD(fail_nth, set_length) { set_length, undo_set_length };
FIXTURE_VARIANT_ADD(fail_nth, set_name) { set_name, undo_set_name };
FIXTURE_VARIANT_ADD(fail_nth, sync) { sync_all, undo_nothing };

static int keep_mapping(struct subject *subject, void *map)
{
	subject->mapped = map;
	return map == MAP_FAILED ? -1 : 0;
}

static int map(struct subject *subject)
{
	return keep_mapping(subject, iobmd_map(subject->fd, 0, NULL, 0, subject->size));
}

static int map_and_prefault(struct subject *subject)
{
	return keep_mapping(subject, iobmd_map(subject->fd, IOBMD_MAP_F_PREFAULT, NULL, 0,
					       subject->size));
}

static int export_and_mmap(struct subject *subject)
{
	int dmabuf = export(subject), saved_errno;

	if (dmabuf < 0)
		return -1;
	keep_mapping(subject, mmap(NULL, subject->size, PROT_READ | PROT_WRITE, MAP_SHARED,
				   dmabuf, 0));
	saved_errno = errno;
	close(dmabuf);
	errno = saved_errno;
	return subject->mapped == MAP_FAILED ? -1 : 0;
}

static void undo_map(struct subject *subject, int result)
{
	munmap(subject->mapped, subject->size);
}

FIXTURE_VARIANT_ADD(fail_nth, map) { map, undo_map };
FIXTURE_VARIANT_ADD(fail_nth, map_and_prefault) { map_and_prefault, undo_map };
FIXTURE_VARIANT_ADD(fail_nth, export_and_mmap) { export_and_mmap, undo_map };

/* A page fault that fails for want of memory is taken again. */
static int map_and_touch(struct subject *subject)
{
	int sum = 0;

	if (map(subject))
		return -1;
	for (uint64_t at = 0; at < subject->size; at += subject->page)
		sum += faults((uint8_t *)subject->mapped + at, false);
	return sum ? -1 : 0;
}

FIXTURE_VARIANT_ADD(fail_nth, map_and_touch) { map_and_touch, undo_map };

static int all_or_error(ssize_t done, size_t asked)
{
	if (done >= 0 && done < (ssize_t)asked)
		errno = EFAULT;
	return done == (ssize_t)asked ? 0 : -1;
}

static int read_some(struct subject *subject)
{
	uint8_t bytes[3 * subject->page];

	return all_or_error(pread(subject->fd, bytes, sizeof(bytes), subject->page / 2),
			    sizeof(bytes));
}

static int write_some(struct subject *subject)
{
	return all_or_error(pwrite(subject->fd, subject->map, 3 * subject->page, 0),
			    3 * subject->page);
}

static int splice_some(struct subject *subject)
{
	loff_t from = 0;

	return splice(subject->fd, &from, subject->pipe[1], NULL, 2 * subject->page, 0);
}

static void undo_splice(struct subject *subject, int result)
{
	uint8_t bytes[result];

	if (read(subject->pipe[0], bytes, result) != result)
		abort();
}

FIXTURE_VARIANT_ADD(fail_nth, read) { read_some, undo_nothing };
FIXTURE_VARIANT_ADD(fail_nth, write) { write_some, undo_nothing };
FIXTURE_VARIANT_ADD(fail_nth, splice) { splice_some, undo_splice };

static int pass(struct subject *subject)
{
	return fd_send(subject->pair[0], subject->fd);
}

static void undo_pass(struct subject *subject, int result)
{
	close(fd_receive(subject->pair[1]));
}

FIXTURE_VARIANT_ADD(fail_nth, pass) { pass, undo_pass, .error = ENOBUFS };

static int peer_create(struct subject *subject)
{
	return kernel_create(subject->peer, subject->huge, 0);
}

static int peer_get(struct subject *subject)
{
	return kernel_get(subject->peer, subject->fd, READ_WRITE);
}

static int peer_get_and_publish(struct subject *subject)
{
	if (peer_get(subject))
		return -1;
	return kernel_publish(subject->peer, IOBMD_DERIVE_F_READ_ONLY);
}

static int peer_vmap(struct subject *subject)
{
	return peer_get(subject) ?: kernel_do(subject->peer, IOBMD_PEER_VMAP);
}

static int peer_dma_map(struct subject *subject)
{
	return peer_get(subject) ?: kernel_dma_map(subject->peer, 0, subject->size, BOTH_WAYS);
}

static int peer_import(struct subject *subject)
{
	int dmabuf = export(subject), ret, saved_errno;

	if (dmabuf < 0)
		return -1;
	ret = kernel_import(subject->peer, dmabuf) ?:
	      kernel_dma_map(subject->peer, 0, subject->size, BOTH_WAYS);
	saved_errno = errno;
	close(dmabuf);
	errno = saved_errno;
	return ret;
}

FIXTURE_VARIANT_ADD(fail_nth, peer_create) { peer_create, undo_nothing, .peer = true };
FIXTURE_VARIANT_ADD(fail_nth, peer_get) { peer_get, undo_nothing, .peer = true };
FIXTURE_VARIANT_ADD(fail_nth, peer_publish) { peer_get_and_publish, undo_close, .peer = true };
FIXTURE_VARIANT_ADD(fail_nth, peer_vmap) { peer_vmap, undo_nothing, .peer = true };
FIXTURE_VARIANT_ADD(fail_nth, peer_dma_map) { peer_dma_map, undo_nothing, .peer = true };
FIXTURE_VARIANT_ADD(fail_nth, peer_import) { peer_import, undo_nothing, .peer = true };

/* Anything may fail, and none of it is worth a word in the log. */
static int inject_prepare(void)
{
	int err = 0;

	err |= file_write(DEBUG "/failslab/ignore-gfp-wait", "N");
	err |= file_write(DEBUG "/fail_page_alloc/ignore-gfp-wait", "N");
	err |= file_write(DEBUG "/fail_page_alloc/ignore-gfp-highmem", "N");
	err |= file_write(DEBUG "/fail_page_alloc/min-order", "0");
	err |= file_write(DEBUG "/failslab/verbose", "0");
	err |= file_write(DEBUG "/fail_page_alloc/verbose", "0");
	err |= file_write(DEBUG "/fail_usercopy/verbose", "0");
	return err;
}

/* From now on the @nth point of this thread fails. */
static bool inject(int fail_nth, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(fail_nth, text, length, 0) == length;
}

/*
 * Ends that; whether the point had been reached. To ask is to copy from and to user
 * memory: the answer fails if it is the point itself.
 */
static bool injected(int fail_nth)
{
	char text[16] = "";
	bool reached = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	AWAIT(inject(fail_nth, 0));
	return reached;
}

/* One word for all cases: Debian's kernels have nothing of it. */
static __attribute__((constructor)) void skip_without(void)
{
	if (exists(FAIL_NTH))
		return;
	printf("TAP version 13\n1..0 # SKIP this kernel has no fault injection\n");
	exit(KSFT_SKIP);
}

FIXTURE_SETUP(fail_nth)
{
	struct subject *subject = &self->subject;

	ASSERT_EQ(0, inject_prepare());
	ASSERT_EQ(0, module_load(PEER_KO));
	AWAIT(exists(PEER_DEVICE));
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
	self->buffers = buffers_listed(0);
	self->mappings = count_mappings(IOBMD_INFO(subject->fd, id));
	self->next_fd = next_fd();
}

FIXTURE_TEARDOWN_PARENT(fail_nth)
{
	AWAIT(!module_unload("iobmd_test") || errno == ENOENT);
	EXPECT_EQ(0, buffers_listed(0));
}

static void expect_unchanged(struct __test_metadata *_metadata, FIXTURE_DATA(fail_nth) *self)
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

TEST_F(fail_nth, works_or_changes_nothing)
{
	struct subject *subject = &self->subject;
	unsigned int nth, failures = 0;
	bool reached = true;

	for (nth = 1; reached && nth < MOST_POINTS; nth++) {
		int result, error;

		if (variant->peer)
			subject->peer = kernel_open();
		ASSERT_TRUE(inject(self->fail_nth, nth));
		result = variant->call(subject);
		error = errno;
		reached = injected(self->fail_nth);
		if (result >= 0) {
			variant->undo(subject, result);
		} else {
			ASSERT_TRUE(reached);
			failures++;
			EXPECT_TRUE(error == ENOMEM || error == EFAULT ||
				    error == variant->error) {
				TH_LOG("point %u: %s", nth, strerror(error));
			}
		}
		if (variant->peer)
			close(subject->peer);
		expect_unchanged(_metadata, self);
	}
	EXPECT_FALSE(reached);
	printf("# %u points, at %u of them the call failed\n", nth - 2, failures);
}

TEST_HARNESS_MAIN
