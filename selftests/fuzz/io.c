// SPDX-License-Identifier: GPL-2.0
/* Operations on bytes. */
#include "fuzz.h"
#include "race.h"

#include <sys/uio.h>

/* A range of bytes of @size, mostly within it. */
static void choose_bytes(struct fuzz *fuzz, uint64_t size, uint64_t *offset, uint64_t *length)
{
	*offset = random_offset(&fuzz->random, size);
	*length = random_below(&fuzz->random, random_chance(&fuzz->random, 20) ?
			       SCRATCH_BYTES - SCRATCH_PAGE : 3 * SCRATCH_PAGE);
	if (random_chance(&fuzz->random, 10))
		*length = 0;
}

/* The same within @mapping */
static void choose_mapped_bytes(struct fuzz *fuzz, const struct mapping *mapping, uint64_t *at,
				uint64_t *length)
{
	choose_bytes(fuzz, mapping->length, at, length);
	*at %= mapping->length;
	if (*length > mapping->length - *at)
		*length = mapping->length - *at;
}

static void operate_load(struct fuzz *fuzz, struct process *process)
{
	struct mapping *mapping = choose_mapping(fuzz, process);
	uint64_t at, length;

	if (!mapping)
		return;
	choose_mapped_bytes(fuzz, mapping, &at, &length);
	say_stretch(fuzz, process, mapping, at, length, "load");
	check_mapping(fuzz, process, mapping, at, length);
}

static void operate_store(struct fuzz *fuzz, struct process *process)
{
	struct mapping *mapping = choose_mapping(fuzz, process);
	uint64_t at, length;

	if (!mapping)
		return;
	choose_mapped_bytes(fuzz, mapping, &at, &length);
	random_fill(&fuzz->random, fuzz->crew.scratch->data, length);
	say_stretch(fuzz, process, mapping, at, length, "store");
	fuzz_tell(fuzz, process, ORDER_STORE, ADDRESS(mapping->address + at), length);
	check_copied(fuzz, mapping, at, length, true);
}

static void operate_read(struct fuzz *fuzz, struct process *process)
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
uint64_t expect_write(const struct file *file, uint64_t offset, uint64_t length,
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

static void operate_write(struct fuzz *fuzz, struct process *process)
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
static void operate_position(struct fuzz *fuzz, struct process *process)
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
static void operate_remote(struct fuzz *fuzz, struct process *process)
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
	choose_mapped_bytes(fuzz, mapping, &at, &length);
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

const struct operation io_operations[] = {
	{ operate_load, 40 },
	{ operate_store, 70 },
	{ operate_read, 20 },
	{ operate_write, 30 },
	{ operate_position, 15 },
	{ operate_remote, 20 },
	{ NULL, 0 }
};

/* As many pages as one operation loads or stores at most. */
static uint64_t race_few_pages(const struct racer *racer, uint64_t length)
{
	return length < 8 * racer->random.page ? length : 8 * racer->random.page;
}

void race_load(struct racer *racer)
{
	uint64_t length, page = racer->random.page;
	uint8_t *address = race_stretch(racer, &length);

	for (uint64_t at = 0; at < race_few_pages(racer, length); at += page) {
		if (!copy_piece(racer->seen, address + at, page))
			race_judge(racer, page);
	}
}

void race_store(struct racer *racer)
{
	uint64_t length, page = racer->random.page;
	uint8_t *address = race_stretch(racer, &length);

	for (uint64_t at = 0; at < race_few_pages(racer, length); at += page)
		copy_piece(address + at, racer->bytes, page);
}

static void race_read(struct racer *racer)
{
	uint64_t offset = random_below(&racer->random, racer->random.huge);
	int64_t n;

	n = race_result(racer, pread(race_fd(racer), racer->seen, RACE_BYTES, offset));
	if (n > 0)
		race_judge(racer, n);
}

static void race_write(struct racer *racer)
{
	uint64_t offset = random_below(&racer->random, racer->random.huge);

	race_result(racer, pwrite(race_fd(racer), racer->bytes, RACE_BYTES, offset));
}

/* From a buffer into a mapping and out of one, by the kernel. */
static void race_copy(struct racer *racer)
{
	uint64_t length;
	uint8_t *address = race_stretch(racer, &length);

	if (length > RACE_BYTES)
		length = RACE_BYTES;
	if (random_chance(&racer->random, 50))
		race_result(racer, pread(race_fd(racer), address, length, 0));
	else
		race_result(racer, pwrite(race_fd(racer), address, length, 0));
}

static void race_remote(struct racer *racer)
{
	struct iovec local = { racer->seen, RACE_BYTES }, remote = { NULL, RACE_BYTES };
	uint64_t length;
	int64_t n;

	remote.iov_base = race_stretch(racer, &length);
	n = race_result(racer, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	if (n > 0)
		race_judge(racer, n);
}

const struct race_operation io_races[] = {
	{ race_load, 20 },
	{ race_store, 20 },
	{ race_read, 12 },
	{ race_write, 12 },
	{ race_copy, 10 },
	{ race_remote, 8 },
	{ NULL, 0 }
};
