// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that put pages of buffers into a pipe or a socket, and that take them out.
 * There they stay, whatever happens to the buffer.
 */
#include "fuzz.h"
#include "race.h"

#include <sys/sendfile.h>
#include <sys/uio.h>

/* What comes out of a stash. */
static uint8_t stash_bytes[SCRATCH_BYTES];

static void stash_add(struct fuzz *fuzz, unsigned int where, struct piece piece)
{
	struct stash *stash = &fuzz->model.stashes[where];

	if (stash->nr == STASH_MAX)
		fuzz_fail(fuzz, "more in the stash than fits");
	stash->pieces[stash->nr++] = piece;
	fuzz_count(fuzz, where == STASH_PIPE ? COUNT_IN_PIPE : COUNT_IN_SOCKET, 1);
}

/* [@offset, +@length) of @thing has gone there, in pieces of a page at most. */
static void stash_put(struct fuzz *fuzz, unsigned int where, struct thing *thing, uint64_t offset,
		      uint64_t length)
{
	uint64_t page = fuzz->model.page;

	while (length) {
		struct place place = thing_find(thing, offset);
		uint64_t n = page - offset % page;

		n = n < length ? n : length;
		stash_add(fuzz, where, (struct piece) { place.buffer, place.offset, n });
		offset += n;
		length -= n;
	}
}

/* Bytes that can be read. */
static uint64_t stash_length(const struct stash *stash)
{
	uint64_t sum = 0;

	for (unsigned int i = stash->nr_read; i < stash->nr; i++)
		sum += stash->pieces[i].length;
	return sum;
}

/* The first pieces are no longer there; a buffer that has gone need not be known any more. */
static void stash_forget(struct model *model, struct stash *stash, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct thing *buffer = stash->pieces[i].buffer;

		stash->pieces[i].buffer = NULL;
		if (buffer->refs || nr_stashed(model, buffer))
			continue;
		model->unsettled[buffer->user] = true;
		thing_free(model, buffer);
	}
	stash->nr -= nr;
	stash->nr_read -= nr;
	memmove(stash->pieces, stash->pieces + nr, stash->nr * sizeof(*stash->pieces));
}

/* The first @length bytes have been read; @bytes becomes what the memory holds now. */
static void stash_take(struct model *model, unsigned int where, uint8_t *bytes, uint64_t length)
{
	struct stash *stash = &model->stashes[where];

	while (length) {
		struct piece *first = &stash->pieces[stash->nr_read];
		uint64_t n = first->length < length ? first->length : length;

		memcpy(bytes, first->buffer->bytes + first->offset, n);
		first->offset += n;
		first->length -= n;
		stash->nr_read += !first->length;
		bytes += n;
		length -= n;
	}
	if (where == STASH_PIPE || stash->nr_read == stash->nr)
		stash_forget(model, stash, stash->nr_read);
}

static unsigned int choose_stash(struct fuzz *fuzz)
{
	return random_chance(&fuzz->random, 60) ? STASH_PIPE : STASH_SOCKET;
}

static const char *stash_name(unsigned int where)
{
	return where == STASH_PIPE ? "the pipe" : "the socket";
}

/* A pipe says itself when it is full, a socket has room for far more. */
static bool stash_has_room(const struct fuzz *fuzz, unsigned int where, uint64_t length)
{
	return where == STASH_PIPE ||
	       fuzz->model.stashes[where].nr + length / fuzz->model.page + 2 <= STASH_MAX;
}

/* Up to @pages pages, a single byte now and then. */
static uint64_t choose_stash_length(struct fuzz *fuzz, unsigned int pages)
{
	uint64_t length = 1 + random_below(&fuzz->random, pages * fuzz->model.page);

	return random_chance(&fuzz->random, 25) ? 1 : length;
}

static void operate_splice(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_descriptor(fuzz, process);
	uint64_t *position = (uint64_t *)fuzz->crew.scratch->argument;
	struct expected expected = { 0 };
	uint64_t offset, length, size;
	int64_t result;

	if (!slot)
		return;
	size = file_size(slot->file);
	offset = random_below(&fuzz->random, size + 1);
	length = choose_stash_length(fuzz, 4);
	*position = offset;
	allow_errno(&expected, fuzz->model.stashes[STASH_PIPE].nr, EAGAIN);
	say_slot(fuzz, process, slot, "splice");
	say(fuzz, " %#" PRIx64 " bytes from %#" PRIx64 " into the pipe", length, offset);
	result = fuzz_call(fuzz, process, SYS_splice, slot->fd, ADDRESS(position),
			   fuzz->crew.pipe[1], 0, length, SPLICE_F_NONBLOCK);
	if (!judge(fuzz, &expected, result))
		return;
	if (result > (int64_t)length || offset + result > size || (!result && offset < size) ||
	    *position != offset + result)
		fuzz_fail(fuzz, "too much or too little, the position is %#" PRIx64, *position);
	stash_put(fuzz, STASH_PIPE, slot->file->thing, slot->file->offset + offset, result);
}

/* From the position of the descriptor, or from one that is given. */
static void operate_sendfile(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_descriptor(fuzz, process);
	uint64_t *position = (uint64_t *)fuzz->crew.scratch->argument;
	unsigned int where = choose_stash(fuzz);
	bool own = random_chance(&fuzz->random, 30);
	uint64_t length = choose_stash_length(fuzz, 4), offset, size;
	struct expected expected = { 0 };
	int64_t result;

	if (!slot || !stash_has_room(fuzz, where, length))
		return;
	size = file_size(slot->file);
	offset = own ? slot->file->position : random_below(&fuzz->random, size + 1);
	*position = offset;
	allow_errno(&expected, fuzz->model.stashes[where].nr, EAGAIN);
	say_slot(fuzz, process, slot, "sendfile");
	say(fuzz, " %#" PRIx64 " bytes from %#" PRIx64 " into %s", length, offset,
	    stash_name(where));
	result = fuzz_call(fuzz, process, SYS_sendfile,
			   where == STASH_PIPE ? fuzz->crew.pipe[1] : fuzz->crew.stream[0],
			   slot->fd, own ? 0 : ADDRESS(position), length);
	if (!judge(fuzz, &expected, result))
		return;
	if (result > (int64_t)length || (result && offset + result > size) ||
	    (!result && offset < size))
		fuzz_fail(fuzz, "too much or too little");
	if (!own && *position != offset + result)
		fuzz_fail(fuzz, "the position is %#" PRIx64, *position);
	if (own)
		slot->file->position += result;
	stash_put(fuzz, where, slot->file->thing, slot->file->offset + offset, result);
}

static void operate_vmsplice(struct fuzz *fuzz, struct process *process)
{
	struct mapping *mapping = choose_mapping(fuzz, process);
	struct iovec *iov = (struct iovec *)fuzz->crew.scratch->argument;
	struct expected expected = { 0 };
	uint64_t at, length;
	int64_t result;

	if (!mapping)
		return;
	at = random_below(&fuzz->random, mapping->length);
	length = choose_stash_length(fuzz, 2);
	if (length > mapping->length - at)
		length = mapping->length - at;
	*iov = (struct iovec) { mapping->address + at, length };
	allow_errno(&expected, fuzz->model.stashes[STASH_PIPE].nr, EAGAIN);
	if (!(mapping->prot & PROT_READ) || !mapping_is_usable(mapping, at, length, false))
		allow_errno(&expected, true, EFAULT);
	say_stretch(fuzz, process, mapping, at, length, "vmsplice");
	result = fuzz_call(fuzz, process, SYS_vmsplice, fuzz->crew.pipe[1], ADDRESS(iov), 1,
			   SPLICE_F_NONBLOCK);
	if (!judge(fuzz, &expected, result))
		return;
	if (!mapping_is_usable(mapping, at, result, false))
		fuzz_fail(fuzz, "pages that are not there");
	stash_put(fuzz, STASH_PIPE, mapping->file->thing, mapping->offset + at, result);
}

/* What is in the pipe goes on to the socket, without a copy. */
static void operate_forward(struct fuzz *fuzz, struct process *process)
{
	struct model *model = &fuzz->model;
	struct stash *pipe = &model->stashes[STASH_PIPE];
	uint64_t length = choose_stash_length(fuzz, 4), there = stash_length(pipe);
	struct expected expected = { 0 };
	int64_t result;

	if (model->stashes[STASH_SOCKET].nr + pipe->nr > STASH_MAX)
		return;
	expect_errno(&expected, !there, EAGAIN);
	allow_errno(&expected, model->stashes[STASH_SOCKET].nr, EAGAIN);
	say(fuzz, "process %u: splice %#" PRIx64 " bytes from the pipe into the socket",
	    process_number(fuzz, process), length);
	result = fuzz_call(fuzz, process, SYS_splice, fuzz->crew.pipe[0], 0, fuzz->crew.stream[0],
			   0, length, SPLICE_F_NONBLOCK);
	if (!judge(fuzz, &expected, result))
		return;
	if (result <= 0 || result > (int64_t)(length < there ? length : there))
		fuzz_fail(fuzz, "there are %" PRIu64, there);
	while (result) {
		struct piece piece = pipe->pieces[0];

		if ((int64_t)piece.length > result)
			piece.length = result;
		stash_add(fuzz, STASH_SOCKET, piece);
		stash_take(model, STASH_PIPE, stash_bytes, piece.length);
		result -= piece.length;
	}
}

/* @data, @length bytes, has come out: it is what the memory holds now, not what it held then. */
static void check_stash(struct fuzz *fuzz, unsigned int where, const uint8_t *data, uint64_t length)
{
	stash_take(&fuzz->model, where, stash_bytes, length);
	for (uint64_t i = 0; i < length; i++) {
		if (data[i] != stash_bytes[i])
			fuzz_fail(fuzz, "byte %" PRIu64 " is %#x, not %#x", i, data[i],
				  stash_bytes[i]);
	}
}

static void operate_drain(struct fuzz *fuzz, struct process *process)
{
	unsigned int where = choose_stash(fuzz);
	uint8_t *data = fuzz->crew.scratch->data;
	uint64_t length = 1 + random_below(&fuzz->random, 8 * SCRATCH_PAGE);
	uint64_t there = stash_length(&fuzz->model.stashes[where]);
	struct expected expected = { 0 };
	int64_t result;

	if (random_chance(&fuzz->random, 60))
		length = SCRATCH_BYTES;
	expect_errno(&expected, !there, EAGAIN);
	say(fuzz, "process %u: read %#" PRIx64 " bytes from %s", process_number(fuzz, process),
	    length, stash_name(where));
	result = fuzz_call(fuzz, process, SYS_read,
			   where == STASH_PIPE ? fuzz->crew.pipe[0] : fuzz->crew.stream[1],
			   ADDRESS(data), length);
	if (!judge(fuzz, &expected, result))
		return;
	if (result != (int64_t)(length < there ? length : there))
		fuzz_fail(fuzz, "there are %" PRIu64, there);
	check_stash(fuzz, where, data, result);
}

/* Out of the pipe, but not to where it comes from: the order of copies would count. */
static void operate_unsplice(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_entitled(fuzz, process, IOBMD_RIGHT_WRITE);
	uint64_t *position = (uint64_t *)fuzz->crew.scratch->argument;
	uint64_t length = 1 + random_below(&fuzz->random, 4 * SCRATCH_PAGE);
	uint64_t there = stash_length(&fuzz->model.stashes[STASH_PIPE]), at, wanted;
	struct expected expected = { 0 };
	int64_t result;

	if (!slot || slot->file->thing->nr_parts || nr_stashed(&fuzz->model, slot->file->thing))
		return;
	at = random_below(&fuzz->random, file_size(slot->file) + 2);
	*position = at;
	expect_errno(&expected, !there, EAGAIN);
	wanted = expect_write(slot->file, at, length < there ? length : there, &expected);
	say_slot(fuzz, process, slot, "splice into");
	say(fuzz, " %#" PRIx64 " bytes at %#" PRIx64, length, at);
	result = fuzz_call(fuzz, process, SYS_splice, fuzz->crew.pipe[0], 0, slot->fd,
			   ADDRESS(position), length, SPLICE_F_NONBLOCK);
	if (!judge(fuzz, &expected, result))
		return;
	if (result != (int64_t)wanted)
		fuzz_fail(fuzz, "should be %" PRId64, (int64_t)wanted);
	stash_take(&fuzz->model, STASH_PIPE, stash_bytes, wanted);
	thing_copy(slot->file->thing, slot->file->offset + at, stash_bytes, wanted, true);
}

const struct operation stash_operations[] = {
	{ operate_splice, 12 },
	{ operate_vmsplice, 12 },
	{ operate_sendfile, 15 },
	{ operate_forward, 6 },
	{ operate_drain, 18 },
	{ operate_unsplice, 10 },
	{ NULL, 0 }
};

/* The buffers have gone; what is left of them has not changed. */
void stashes_empty(struct fuzz *fuzz)
{
	const int outlets[STASHES] = { fuzz->crew.pipe[0], fuzz->crew.stream[1] };
	uint8_t *data = fuzz->crew.scratch->data;

	for (unsigned int i = 0; i < STASHES; i++) {
		int64_t there = stash_length(&fuzz->model.stashes[i]);
		int64_t length = read(outlets[i], data, SCRATCH_BYTES);

		if (length != (there ?: -1))
			fuzz_fail(fuzz, "%" PRId64 " bytes in %s at the end, not %" PRId64, length,
				  stash_name(i), there);
		check_stash(fuzz, i, data, there);
	}
}

/* Some bytes of the arena, one of them or many. */
static void race_vmsplice(struct racer *racer)
{
	uint64_t length;
	struct iovec iov = { .iov_base = race_stretch(racer, &length) };

	iov.iov_len = random_chance(&racer->random, 30) ? 1 : length;
	race_result(racer, vmsplice(racer->pipe[1], &iov, 1, SPLICE_F_NONBLOCK));
}

static void race_drain(struct racer *racer, int fd)
{
	int64_t n = race_result(racer, read(fd, racer->seen, RACE_BYTES));

	if (n > 0)
		race_judge(racer, n);
}

/* Pages go into the pipe and the socket, from one to the other, and come out. */
static void race_stash(struct racer *racer)
{
	loff_t offset = random_below(&racer->random, racer->random.huge);
	off_t position = offset;
	size_t length = random_chance(&racer->random, 30) ? 1 : RACE_BYTES;
	int64_t n = 0;

	switch (random_below(&racer->random, 7)) {
	case 0:
		race_result(racer, splice(race_fd(racer), &offset, racer->pipe[1], NULL, length,
					  SPLICE_F_NONBLOCK));
		break;
	case 1:
		race_vmsplice(racer);
		break;
	case 2:
		race_result(racer, sendfile(racer->pipe[1], race_fd(racer), &position, length));
		break;
	case 3:
		n = race_result(racer, sendfile(racer->stream[0], race_fd(racer), &position,
						length));
		break;
	case 4:
		n = race_result(racer, splice(racer->pipe[0], NULL, racer->stream[0], NULL, length,
					      SPLICE_F_NONBLOCK));
		break;
	case 5:
		race_drain(racer, racer->pipe[0]);
		break;
	case 6:
		race_drain(racer, racer->stream[1]);
		break;
	}
	if (n > 0)
		race_count(&racer->race->sent);
}

const struct race_operation stash_races[] = {
	{ race_stash, 30 },
	{ NULL, 0 }
};
