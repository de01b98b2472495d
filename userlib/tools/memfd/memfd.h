/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of libiobmd-memfd.so share. */
#ifndef IOBMD_MEMFD_H
#define IOBMD_MEMFD_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/iobmd.h>

/* The library hides everything except the calls that it replaces. */
#define IOBMD_MEMFD_EXPORT __attribute__((visibility("default")))

/* On such machines, fcntl(2) has this name in programs with a time_t of 64 bits. */
#if !defined(__LP64__) && __TIMESIZE == 32
#define IOBMD_MEMFD_TIME64
IOBMD_MEMFD_EXPORT int __fcntl_time64(int fd, int command, ...);
#endif

/* The original calls. */
struct memfd_next {
	__typeof__(memfd_create) *memfd_create;
	__typeof__(syscall) *syscall;
	__typeof__(fcntl) *fcntl;
	__typeof__(fcntl64) *fcntl64;
#ifdef IOBMD_MEMFD_TIME64
	__typeof__(fcntl) *fcntl_time64;
#endif
	__typeof__(ftruncate) *ftruncate;
	__typeof__(ftruncate64) *ftruncate64;
	__typeof__(fallocate) *fallocate;
	__typeof__(fallocate64) *fallocate64;
	__typeof__(posix_fallocate64) *posix_fallocate64;
	__typeof__(write) *write;
	__typeof__(writev) *writev;
	__typeof__(pwrite64) *pwrite64;
	__typeof__(mmap) *mmap;
	__typeof__(mmap64) *mmap64;
};

const struct memfd_next *memfd_next(void);

/* The options of the launcher, from the environment. */
struct memfd_options {
	uint32_t huge;		/* enum iobmd_huge; another value fails in CREATE */
	bool has_node;
	int32_t node;
	char prefix[IOBMD_NAME_MAX + 1];	/* of names */
	bool strict;
	bool verbose;
};

const struct memfd_options *memfd_options(void);

/* A message of one line on standard error, if it can be written there. */
void memfd_say_prepare(void);
__attribute__((format(printf, 1, 2))) void memfd_say(const char *format, ...);

/*
 * The state is read from the buffer each time, and not kept by descriptor number: a
 * descriptor can be duplicated, passed on, closed and reused. Functions return -1 with
 * errno set on failure.
 */
int memfd_buffer_create(const char *name, unsigned int flags);
bool memfd_buffer_ask(int fd, struct iobmd_get_info *info);
int memfd_buffer_get_info(int fd, struct iobmd_get_info *info);
int memfd_buffer_set_length(int fd, uint64_t length);
int memfd_buffer_set_size(int fd, int64_t size);
int memfd_buffer_extend(int fd, uint64_t end);
int memfd_buffer_add_seals(int fd, const struct iobmd_get_info *info, unsigned int seals);
int memfd_buffer_derive_reader(int fd);

/*
 * Where a capacity is rounded, the length exceeds what is asked for until it is lowered.
 * A write in between by another thread needs no extension, and would be cut off.
 */
unsigned int memfd_buffer_changes(void);
bool memfd_buffer_may_be_cut(unsigned int changes_before);
void memfd_buffer_keep(int fd, int64_t end);

#endif /* IOBMD_MEMFD_H */
