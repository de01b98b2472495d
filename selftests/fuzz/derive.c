// SPDX-License-Identifier: GPL-2.0
/* What comes from a descriptor: DERIVE, EXPORT. */
#include "fuzz.h"
#include "race.h"

/* A view of what @parent shows: [@offset, +@length) if @window. */
static struct file *file_derive(struct fuzz *fuzz, const struct process *process,
				const struct file *parent, bool read_only, bool window,
				uint64_t offset, uint64_t length)
{
	uint32_t rights = parent->rights & (read_only ? IOBMD_RIGHT_READ : IOBMD_RIGHTS_ALL);
	struct file *file = file_new(&fuzz->model, process, parent->thing,
				     window ? rights & ~IOBMD_RIGHT_RESIZE : rights);

	file->is_window = parent->is_window || window;
	file->offset = parent->offset + (window ? offset : 0);
	file->size = window ? length : parent->size;
	file->has_hold = file->is_window && !parent->thing->nr_parts;
	file->hold_end = file->offset + file->size;
	return file;
}

static void operate_derive(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_descriptor(fuzz, process);
	struct iobmd_derive args = { .size = sizeof(args) };
	struct expected expected = { 0 };
	struct random *random = &fuzz->random;
	uint64_t size, length;
	struct file *file;
	bool window;
	int64_t fd;

	if (!slot || !has_free_slot(process))
		return;
	size = file_size(slot->file);
	args.flags = random_below(random, 8);
	window = args.flags & IOBMD_DERIVE_F_WINDOW;
	if (window || random_chance(random, 5)) {
		args.offset = random_page_offset(random, size);
		args.length = random_offset(random, size - args.offset % (size + 1));
	}
	length = args.length;
	say_slot(fuzz, process, slot, "DERIVE from");
	say(fuzz, " flags %u offset %#llx length %#llx", args.flags, args.offset, args.length);
	expect_errno(&expected, window && (!length || args.offset % fuzz->model.page ||
					   !range_resolve(size, args.offset, &length)), EINVAL);
	expect_errno(&expected, !window && (args.offset || args.length), EINVAL);
	expect_objects(fuzz, process, 1, &expected);
	fd = fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_DERIVE, &args, sizeof(args));
	check_denied(fuzz, process, fd, COUNT_DENIED_OTHER);
	if (!judge(fuzz, &expected, fd))
		return;
	file = file_derive(fuzz, process, slot->file, args.flags & IOBMD_DERIVE_F_READ_ONLY,
			   window, args.offset, length);
	if (args.flags & IOBMD_DERIVE_F_HOLD && !file->is_window) {
		file->has_hold = true;
		file->hold_end = file->thing->length;
	}
	slot_add(process, fd, file);
	check_info(fuzz, process, &process->slots[process->nr_slots - 1]);
}

void operate_export(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_descriptor(fuzz, process);
	struct iobmd_export args = { .size = sizeof(args) };
	struct expected expected = { 0 };
	struct file *file;
	uint64_t size, length;
	bool read_only;
	int64_t fd;

	if (!slot || !has_free_slot(process))
		return;
	size = file_size(slot->file);
	args.flags = random_below(&fuzz->random, 2);
	args.offset = random_page_offset(&fuzz->random, size);
	args.length = random_offset(&fuzz->random, size - args.offset % (size + 1));
	length = args.length;
	read_only = args.flags || !(slot->file->rights & IOBMD_RIGHT_WRITE);
	say_slot(fuzz, process, slot, "EXPORT of");
	say(fuzz, " flags %u offset %#llx length %#llx", args.flags, args.offset, args.length);
	expect_errno(&expected, args.offset % fuzz->model.page ||
		     !range_resolve(size, args.offset, &length), EINVAL);
	expect_errno(&expected, !read_only && is_frozen(slot->file), EPERM);
	expect_objects(fuzz, process, 1, &expected);
	fd = fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_EXPORT, &args, sizeof(args));
	check_denied(fuzz, process, fd, COUNT_DENIED_OTHER);
	if (!judge(fuzz, &expected, fd))
		return;
	file = file_derive(fuzz, process, slot->file, read_only, true, args.offset, length);
	file->is_export = true;
	slot_add(process, fd, file);
	length = fuzz_call(fuzz, process, SYS_lseek, fd, 0, SEEK_END);
	if (length != page_round(file->size))
		fuzz_fail(fuzz, "the dma-buf has %#" PRIx64 " bytes", length);
}

const struct operation derive_operations[] = {
	{ operate_derive, 25 },
	{ operate_export, 20 },
	{ NULL, 0 }
};

static void race_derive(struct racer *racer)
{
	struct iobmd_derive args = { .size = sizeof(args) };

	args.flags = random_below(&racer->random, 8);
	if (args.flags & IOBMD_DERIVE_F_WINDOW) {
		args.offset = random_page_offset(&racer->random, racer->random.huge);
		args.length = random_offset(&racer->random, racer->random.huge);
	}
	race_share(racer, race_command(racer, race_fd(racer), IOBMD_IOC_DERIVE, &args));
}

static void race_export(struct racer *racer)
{
	struct iobmd_export args = { .size = sizeof(args) };

	args.flags = random_below(&racer->random, 2);
	args.offset = random_below(&racer->random, 4) * racer->random.page;
	race_share(racer, race_command(racer, race_fd(racer), IOBMD_IOC_EXPORT, &args));
}

const struct race_operation derive_races[] = {
	{ race_derive, 10 },
	{ race_export, 5 },
	{ NULL, 0 }
};
