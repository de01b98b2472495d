/* SPDX-License-Identifier: GPL-2.0 */
/* Operations on bytes, and those that a buffer refuses. */
#ifndef IOBMD_FUZZ_IO_H
#define IOBMD_FUZZ_IO_H

#include "fuzz_make.h"

#include <sys/uio.h>
#include <linux/falloc.h>

/* A range of bytes of @size, mostly within it. */
static inline void choose_bytes(struct fuzz *fuzz, uint64_t size, uint64_t *offset,
				uint64_t *length)
{
	*offset = random_offset(&fuzz->random, size);
	*length = random_below(&fuzz->random, random_chance(&fuzz->random, 20) ?
			       SCRATCH_BYTES - SCRATCH_PAGE : 3 * SCRATCH_PAGE);
	if (random_chance(&fuzz->random, 10))
		*length = 0;
}

static inline void operate_load(struct fuzz *fuzz, struct process *process)
{
	struct mapping *mapping = choose_mapping(fuzz, process);
	uint64_t at, length;

	if (!mapping)
		return;
	choose_bytes(fuzz, mapping->length, &at, &length);
	at %= mapping->length;
	if (length > mapping->length - at)
		length = mapping->length - at;
	say_stretch(fuzz, process, mapping, at, length, "load");
	check_mapping(fuzz, process, mapping, at, length);
}

static inline void operate_store(struct fuzz *fuzz, struct process *process)
{
	struct mapping *mapping = choose_mapping(fuzz, process);
	uint64_t at, length;

	if (!mapping)
		return;
	choose_bytes(fuzz, mapping->length, &at, &length);
	at %= mapping->length;
	if (length > mapping->length - at)
		length = mapping->length - at;
	random_fill(&fuzz->random, fuzz->crew.scratch->data, length);
	say_stretch(fuzz, process, mapping, at, length, "store");
	fuzz_tell(fuzz, process, ORDER_STORE, ADDRESS(mapping->address + at), length);
	check_copied(fuzz, mapping, at, length, true);
}

static inline void operate_read(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_descriptor(fuzz, process);
	uint64_t offset, length;

	if (!slot)
		return;
	choose_bytes(fuzz, file_size(slot->file), &offset, &length);
	if (offset >> 62)
		offset = file_size(slot->file);
	say_slot(fuzz, process, slot, "pread");
	say(fuzz, " %#" PRIx64 " bytes from %#" PRIx64, length, offset);
	check_read(fuzz, process, slot, offset, length);
}

/* What a write of @length bytes at @offset says, and how many bytes it takes. */
static inline uint64_t expect_write(const struct file *file, uint64_t offset, uint64_t length,
				    struct expected *expected)
{
	uint64_t size = file_size(file);

	expect_errno(expected, file->is_export, EINVAL);
	expect_errno(expected, file->is_export, ESPIPE);
	expect_errno(expected, !(file->rights & IOBMD_RIGHT_WRITE), EBADF);
	expect_errno(expected, offset >> 63, EINVAL);
	allow_errno(expected, offset >> 62, EINVAL);
	if (length) {
		expect_errno(expected, offset >= size, ENOSPC);
		expect_errno(expected, is_frozen(file), EPERM);
	}
	if (expected->nr_must || offset >= size)
		return 0;
	return length < size - offset ? length : size - offset;
}

static inline void operate_write(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_slot(fuzz, process);
	uint8_t *data = fuzz->crew.scratch->data;
	struct expected expected = { 0 };
	uint64_t offset, length, wanted;
	int64_t result;

	if (!slot)
		return;
	choose_bytes(fuzz, file_size(slot->file), &offset, &length);
	random_fill(&fuzz->random, data, length);
	wanted = expect_write(slot->file, offset, length, &expected);
	say_slot(fuzz, process, slot, "pwrite");
	say(fuzz, " %#" PRIx64 " bytes at %#" PRIx64, length, offset);
	result = fuzz_call(fuzz, process, SYS_pwrite64, slot->fd, ADDRESS(data), length, offset);
	if (!judge(fuzz, &expected, result))
		return;
	if (result != (int64_t)wanted)
		fuzz_fail(fuzz, "should be %" PRId64, (int64_t)wanted);
	thing_copy(slot->file->thing, slot->file->offset + offset, data, wanted, true);
}

/* read(2) and write(2) at the position, which all numbers of the file share. */
static inline void operate_position(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_descriptor(fuzz, process);
	uint8_t *data = fuzz->crew.scratch->data;
	struct expected expected = { 0 };
	uint64_t length, wanted, at;
	int64_t result;

	if (!slot)
		return;
	length = 1 + random_below(&fuzz->random, 3 * SCRATCH_PAGE);
	at = random_below(&fuzz->random, file_size(slot->file) + 1);
	if (random_chance(&fuzz->random, 50)) {
		say_slot(fuzz, process, slot, "lseek");
		say(fuzz, " to %#" PRIx64, at);
		judge(fuzz, &expected, fuzz_call(fuzz, process, SYS_lseek, slot->fd, at, SEEK_SET));
		slot->file->position = at;
		return;
	}
	random_fill(&fuzz->random, data, length);
	at = slot->file->position;
	wanted = expect_write(slot->file, at, length, &expected);
	say_slot(fuzz, process, slot, "write");
	say(fuzz, " %#" PRIx64 " bytes at the position, %#" PRIx64, length, at);
	result = fuzz_call(fuzz, process, SYS_write, slot->fd, ADDRESS(data), length);
	if (!judge(fuzz, &expected, result))
		return;
	if (result != (int64_t)wanted)
		fuzz_fail(fuzz, "should be %" PRId64, (int64_t)wanted);
	thing_copy(slot->file->thing, slot->file->offset + at, data, wanted, true);
	slot->file->position += wanted;
}

/* The kernel itself accesses a mapping: from another process if there is one. */
static inline void operate_remote(struct fuzz *fuzz, struct process *process)
{
	struct mapping *mapping = choose_mapping(fuzz, process);
	bool write = random_chance(&fuzz->random, 50);
	struct process *other = choose_process(fuzz);
	struct iovec *iov = (struct iovec *)fuzz->crew.scratch->argument;
	uint8_t *data = fuzz->crew.scratch->data;
	uint64_t at, length;
	int64_t result;

	if (!mapping)
		return;
	choose_bytes(fuzz, mapping->length, &at, &length);
	at %= mapping->length;
	if (length > mapping->length - at)
		length = mapping->length - at;
	if (!mapping_is_usable(mapping, at, length, write))
		return;
	/* The others may not look into another process. */
	if (other->user)
		other = process;
	random_fill(&fuzz->random, data, length);
	iov[0] = (struct iovec) { data, length };
	iov[1] = (struct iovec) { mapping->address + at, length };
	say_stretch(fuzz, process, mapping, at, length,
		    write ? "process_vm_writev" : "process_vm_readv");
	result = fuzz_call(fuzz, other, write ? SYS_process_vm_writev : SYS_process_vm_readv,
			   process->pid, ADDRESS(iov), 1, ADDRESS(iov + 1), 1, 0);
	if (result != (int64_t)length && !(mapping->prot == PROT_WRITE && result == -EFAULT))
		fuzz_fail(fuzz, "process %u copied %" PRId64, process_number(fuzz, other), result);
	if (result < 0)
		return;
	if (write)
		thing_copy(mapping->file->thing, mapping->offset + at, data, length, true);
	else
		check_bytes_of(fuzz, mapping->file->thing, mapping->offset + at, data, length,
			       "read by process_vm_readv");
}

/* Nothing of a file but what the header has can be done to a buffer. */
static inline void operate_foreign(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_slot(fuzz, process);
	uint64_t at = random_offset(&fuzz->random, model_capacity_max(&fuzz->model));
	unsigned int choice = random_below(&fuzz->random, 3);
	int64_t result = 0;

	if (!slot)
		return;
	say_slot(fuzz, process, slot, "foreign call on");
	switch (choice) {
	case 0:
		result = fuzz_call(fuzz, process, SYS_fallocate, slot->fd, FALLOC_FL_COLLAPSE_RANGE,
				   0, at);
		break;
	case 1:
		result = fuzz_call(fuzz, process, SYS_fchmod, slot->fd, 0777);
		if (slot->file->is_export)
			return;
		break;
	case 2:
		fuzz_call(fuzz, process, SYS_fadvise64, slot->fd, 0, at, POSIX_FADV_DONTNEED);
		result = fuzz_call(fuzz, process, SYS_fsync, slot->fd);
		if (result != (slot->file->is_export ? -EINVAL : 0))
			fuzz_fail(fuzz, "fsync = %" PRId64, result);
		return;
	}
	say(fuzz, " %u at %#" PRIx64 " = %" PRId64, choice, at, result);
	if (result >= 0)
		fuzz_fail(fuzz, "is not refused");
}

#endif /* IOBMD_FUZZ_IO_H */
