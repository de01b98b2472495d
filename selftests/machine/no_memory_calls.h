/* SPDX-License-Identifier: GPL-2.0 */
/* The calls whose allocations the tests make fail, and what they work on. */
#ifndef IOBMD_TEST_NO_MEMORY_CALLS_H
#define IOBMD_TEST_NO_MEMORY_CALLS_H

#include "edu_device.h"
#include "kernel_peer.h"
#include "machine.h"
#include "peer.h"
#include "pin.h"

#include <sys/mman.h>

#define USER	54321	/* has no buffers */

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

FIXTURE(no_memory)
{
	struct subject subject;
	int buffers;
	int mappings;
	int next_fd;
	int fail_nth;
	int make_it_fail;
};

/*
 * @call does one thing; 0 or more if it worked. @undo takes that back; it is told
 * what @call returned. @peer: it has a user of the kernel API, whose end undoes all
 * that it did. @error: what it may fail with, beside ENOMEM and EFAULT.
 */
FIXTURE_VARIANT(no_memory)
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

/* A user's first buffer also makes his account; to be root again is not what is tested. */
static int create_as_user(struct subject *subject)
{
	struct iobmd_create args = { .size = sizeof(args), .capacity = 1 };
	int device = iobmd_open(), fd = -1, saved_errno;

	if (device >= 0 && !setresuid(USER, USER, 0))
		fd = ioctl(device, IOBMD_IOC_CREATE, &args);
	saved_errno = errno;
	AWAIT(!setresuid(0, 0, 0));
	close(device);
	errno = saved_errno;
	return fd;
}

FIXTURE_VARIANT_ADD(no_memory, create_small) { create_small, undo_close };
FIXTURE_VARIANT_ADD(no_memory, create_huge) { create_huge, undo_close };
FIXTURE_VARIANT_ADD(no_memory, create_only_huge) { create_only_huge, undo_close };
FIXTURE_VARIANT_ADD(no_memory, create_aligned) { create_aligned, undo_close };
FIXTURE_VARIANT_ADD(no_memory, create_as_user) { create_as_user, undo_close, .error = EAGAIN };

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

FIXTURE_VARIANT_ADD(no_memory, compose) { compose_two, undo_close };
FIXTURE_VARIANT_ADD(no_memory, derive) { derive, undo_close };
FIXTURE_VARIANT_ADD(no_memory, derive_window) { derive_window, undo_close };
FIXTURE_VARIANT_ADD(no_memory, export) { export, undo_close };

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

FIXTURE_VARIANT_ADD(no_memory, grow) { grow, undo_resize };
FIXTURE_VARIANT_ADD(no_memory, shrink) { shrink, undo_resize };
FIXTURE_VARIANT_ADD(no_memory, shrink_into_a_huge_page) { shrink_into_a_huge_page, undo_cut };

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

FIXTURE_VARIANT_ADD(no_memory, get_info) { get_info, undo_nothing };
FIXTURE_VARIANT_ADD(no_memory, set_length) { set_length, undo_set_length };
FIXTURE_VARIANT_ADD(no_memory, set_name) { set_name, undo_set_name };
FIXTURE_VARIANT_ADD(no_memory, sync) { sync_all, undo_nothing };

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

FIXTURE_VARIANT_ADD(no_memory, map) { map, undo_map };
FIXTURE_VARIANT_ADD(no_memory, map_and_prefault) { map_and_prefault, undo_map };
FIXTURE_VARIANT_ADD(no_memory, export_and_mmap) { export_and_mmap, undo_map };

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

FIXTURE_VARIANT_ADD(no_memory, map_and_touch) { map_and_touch, undo_map };

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

FIXTURE_VARIANT_ADD(no_memory, read) { read_some, undo_nothing };
FIXTURE_VARIANT_ADD(no_memory, write) { write_some, undo_nothing };
FIXTURE_VARIANT_ADD(no_memory, splice) { splice_some, undo_splice };

static int pass(struct subject *subject)
{
	return fd_send(subject->pair[0], subject->fd);
}

static void undo_pass(struct subject *subject, int result)
{
	close(fd_receive(subject->pair[1]));
}

FIXTURE_VARIANT_ADD(no_memory, pass) { pass, undo_pass, .error = ENOBUFS };

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

/* With an IOMMU, it is the DMA API that lacks memory, too. */
static int edu_write(struct subject *subject)
{
	int edu = edu_open(), ret, saved_errno;

	if (edu < 0)
		return -1;
	ret = edu_attach(edu, subject->fd, READ_WRITE) ?:
	      edu_out(edu, subject->page - 8, 0, 16);
	saved_errno = errno;
	close(edu);
	errno = saved_errno;
	return ret;
}

FIXTURE_VARIANT_ADD(no_memory, edu) { edu_write, undo_nothing };
FIXTURE_VARIANT_ADD(no_memory, peer_create) { peer_create, undo_nothing, .peer = true };
FIXTURE_VARIANT_ADD(no_memory, peer_get) { peer_get, undo_nothing, .peer = true };
FIXTURE_VARIANT_ADD(no_memory, peer_publish) { peer_get_and_publish, undo_close, .peer = true };
FIXTURE_VARIANT_ADD(no_memory, peer_vmap) { peer_vmap, undo_nothing, .peer = true };
FIXTURE_VARIANT_ADD(no_memory, peer_dma_map) { peer_dma_map, undo_nothing, .peer = true };
FIXTURE_VARIANT_ADD(no_memory, peer_import) { peer_import, undo_nothing, .peer = true };

#endif /* IOBMD_TEST_NO_MEMORY_CALLS_H */
