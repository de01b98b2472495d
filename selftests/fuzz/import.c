// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on exports: a driver of the kernel, vgem, imports them, and they are
 * mapped through it.
 */
#include "fuzz.h"
#include "importers.h"
#include "race.h"

#include <linux/dma-buf.h>

/* How often a page of a buffer is mapped for a device with @file, at most. */
static unsigned int nr_dma_mappings(const struct file *file)
{
	const struct thing *thing = file->thing;
	unsigned int max = 1;

	for (unsigned int i = 0; i < thing->nr_parts; i++) {
		unsigned int nr = 0;

		for (unsigned int j = 0; j < thing->nr_parts; j++)
			nr += thing->parts[i].buffer == thing->parts[j].buffer;
		max = nr > max ? nr : max;
	}
	return max;
}

static bool has_room_to_import(const struct fuzz *fuzz, const struct file *file)
{
	unsigned int sum = nr_dma_mappings(file);

	for (unsigned int i = 0; i < fuzz->model.nr_imports; i++)
		sum += nr_dma_mappings(fuzz->model.imports[i].file);
	return sum <= DMA_MAPPINGS_MAX;
}

static struct import *find_import(struct fuzz *fuzz, const struct file *file)
{
	for (unsigned int i = 0; i < fuzz->model.nr_imports; i++) {
		if (fuzz->model.imports[i].file == file)
			return &fuzz->model.imports[i];
	}
	return NULL;
}

/* What a driver that reads and writes may import. */
static struct expected expect_import(const struct fuzz *fuzz, const struct file *file)
{
	const uint32_t both = IOBMD_DIRECTION_OUT | IOBMD_DIRECTION_IN;
	bool allowed = file->rights & IOBMD_RIGHT_WRITE && file->thing->direction == both;
	struct expected expected = { 0 };

	expect_errno(&expected, !file->is_export, EINVAL);
	expect_errno(&expected, file->is_export && fuzz->import_maps && !allowed, EACCES);
	return expected;
}

static void import_done(struct fuzz *fuzz, struct file *file, uint32_t handle, uint64_t offset)
{
	struct import *import = find_import(fuzz, file);

	if (import && import->handle != handle)
		fuzz_fail(fuzz, "handle %u, but it had %u", handle, import->handle);
	if (import)
		return;
	file->refs++;
	fuzz->model.imports[fuzz->model.nr_imports++] = (struct import) { file, handle, offset };
	fuzz_count(fuzz, COUNT_IMPORTS, 1);
}

/* One that may be imported if there is any, more often than not. */
static struct slot *choose_importable(struct fuzz *fuzz, struct process *process)
{
	uint64_t choice = random_next(&fuzz->random);

	if (random_chance(&fuzz->random, 5))
		return choose_slot(fuzz, process);
	for (unsigned int i = 0; i < process->nr_slots; i++) {
		struct slot *slot = &process->slots[(choice + i) % process->nr_slots];
		struct expected expected = expect_import(fuzz, slot->file);

		if (!expected.nr_must)
			return slot;
	}
	return choose_export(fuzz, process);
}

static void operate_import(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_importable(fuzz, process);
	struct drm_prime_handle args = { 0 };
	struct expected expected;
	uint64_t offset;
	int64_t result;

	if (fuzz->card < 0)
		return;
	if (!slot) {
		operate_export(fuzz, process);
		return;
	}
	if (!find_import(fuzz, slot->file) && (fuzz->model.nr_imports == IMPORTS_MAX ||
					       !has_room_to_import(fuzz, slot->file)))
		return;
	args.fd = slot->fd;
	offset = vgem_next_offset(fuzz->card, page_round(file_size(slot->file)));
	expected = expect_import(fuzz, slot->file);
	say_slot(fuzz, process, slot, "import of");
	result = fuzz_ioctl(fuzz, process, fuzz->card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args,
			    sizeof(args));
	fuzz_count(fuzz, COUNT_IMPORTS_DENIED, result == -EACCES);
	if (judge(fuzz, &expected, result))
		import_done(fuzz, slot->file, args.handle, offset);
}

/* It shows the export from its beginning, as a mapping of the dma-buf itself would. */
static void operate_map_import(struct fuzz *fuzz, struct process *process)
{
	static const int prots[] = {
		PROT_NONE, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_EXEC,
	};
	struct import *import = choose_import(fuzz);
	int prot = RANDOM_OF(&fuzz->random, prots), flags = MAP_SHARED;
	struct expected expected = { 0 };
	uint8_t *address = NULL;
	uint64_t size, length;
	int64_t result;

	if (!import || !has_room_to_map(process))
		return;
	size = page_round(file_size(import->file));
	length = (1 + random_below(&fuzz->random, size / fuzz->model.page)) * fuzz->model.page;
	if (random_chance(&fuzz->random, 50))
		length = size;
	if (random_chance(&fuzz->random, 5))
		length = size + fuzz->model.page;
	expect_map(fuzz, import->file, 0, length, prot & PROT_WRITE, &expected);
	expect_errno(&expected, prot & PROT_EXEC, EPERM);
	if (must_succeed(&expected) && random_chance(&fuzz->random, 50)) {
		address = find_room(fuzz, process, length, import->file->offset);
		flags |= MAP_FIXED_NOREPLACE;
	}
	say(fuzz, "process %u: mmap of handle %u (%s %u) address %p length %#" PRIx64 " prot %d",
	    process_number(fuzz, process), import->handle,
	    import->file->thing->nr_parts ? "composite" : "buffer", import->file->thing->number,
	    address, length, prot);
	result = fuzz_call(fuzz, process, SYS_mmap, ADDRESS(address), length, prot, flags,
			   fuzz->card, import->offset);
	if (!judge(fuzz, &expected, result))
		return;
	map_done(process, import->file, result, length, 0, prot, MAP_SHARED);
	fuzz_count(fuzz, COUNT_IMPORT_MAPPINGS, 1);
	check_mapping(fuzz, process, &process->mappings[process->nr_mappings - 1], 0,
		      fuzz->model.page);
}

/* The importer hands out what it has imported: the same dma-buf again. */
static void operate_export_import(struct fuzz *fuzz, struct process *process)
{
	struct import *import = choose_import(fuzz);
	struct drm_prime_handle args = { .flags = O_RDWR | O_CLOEXEC };
	struct expected expected = { 0 };

	if (!import || !has_free_slot(process))
		return;
	args.handle = import->handle;
	say(fuzz, "process %u: export of handle %u", process_number(fuzz, process),
	    import->handle);
	if (judge(fuzz, &expected, fuzz_ioctl(fuzz, process, fuzz->card,
					      DRM_IOCTL_PRIME_HANDLE_TO_FD, &args, sizeof(args))))
		slot_add(process, args.fd, import->file);
}

static void operate_release(struct fuzz *fuzz, struct process *process)
{
	struct import *import = choose_import(fuzz);
	struct drm_gem_close args = { 0 };
	struct expected expected = { 0 };

	if (!import)
		return;
	args.handle = import->handle;
	say(fuzz, "process %u: close of handle %u", process_number(fuzz, process),
	    import->handle);
	if (judge(fuzz, &expected, fuzz_ioctl(fuzz, process, fuzz->card, DRM_IOCTL_GEM_CLOSE,
					      &args, sizeof(args))))
		import_remove(&fuzz->model, import);
	check_list(fuzz);
}

/* It is for all that importers have mapped, and changes nothing. */
static void operate_sync_export(struct fuzz *fuzz, struct process *process)
{
	struct slot *slot = choose_export(fuzz, process);
	struct dma_buf_sync args = { .flags = random_below(&fuzz->random, 8) };
	struct expected expected = { 0 };

	if (!slot)
		return;
	expect_errno(&expected, !(args.flags & DMA_BUF_SYNC_RW), EINVAL);
	say_slot(fuzz, process, slot, "DMA_BUF_IOCTL_SYNC of");
	say(fuzz, " flags %#llx", args.flags);
	judge(fuzz, &expected, fuzz_ioctl(fuzz, process, slot->fd, DMA_BUF_IOCTL_SYNC, &args,
					  sizeof(args)));
}

const struct operation import_operations[] = {
	{ operate_import, 20 },
	{ operate_map_import, 15 },
	{ operate_export_import, 5 },
	{ operate_release, 5 },
	{ operate_sync_export, 5 },
	{ NULL, 0 }
};

/* Maps the beginning of the thread's object over whatever is in the arena. */
static void race_map_import(struct racer *racer, uint64_t offset, uint64_t size)
{
	uint64_t length;
	uint8_t *address = race_stretch(racer, &length);

	length = length < size ? length : size;
	if (race_result(racer, (intptr_t)mmap(address, length, PROT_READ | PROT_WRITE,
					      MAP_SHARED | MAP_FIXED, racer->card, offset)) != -1)
		race_count(&racer->race->import_mappings);
}

/*
 * Of a buffer only, not of a composite that shows a page often, and one for each thread:
 * see DMA_MAPPINGS_MAX. Another thread may have made an object where this one expects
 * its own.
 */
static void race_import_of(struct racer *racer, int fd)
{
	struct iobmd_get_info info = { .size = sizeof(info) };
	struct iobmd_export args = { .size = sizeof(args) };
	uint64_t offset, size;
	int64_t handle;
	int dmabuf;

	if (ioctl(fd, IOBMD_IOC_GET_INFO, &info) || !(info.rights & IOBMD_RIGHT_RESIZE))
		return;
	dmabuf = race_result(racer, race_command(racer, fd, IOBMD_IOC_EXPORT, &args));
	if (dmabuf < 0)
		return;
	size = lseek(dmabuf, 0, SEEK_END);
	offset = vgem_next_offset(racer->card, size);
	handle = race_result(racer, vgem_import(racer->card, dmabuf));
	close(dmabuf);
	if (handle <= 0)
		return;
	race_count(&racer->race->imports);
	racer->handle = handle;
	race_map_import(racer, offset, size);
	race_share(racer, vgem_export(racer->card, handle));
}

static void race_import(struct racer *racer)
{
	int fd;

	if (racer->card < 0)
		return;
	if (racer->handle) {
		race_result(racer, vgem_close(racer->card, racer->handle));
		racer->handle = 0;
	}
	if (random_chance(&racer->random, 20))
		return;
	fd = dup(race_fd(racer));
	if (fd < 0)
		return;
	race_import_of(racer, fd);
	close(fd);
}

const struct race_operation import_races[] = {
	{ race_import, 6 },
	{ NULL, 0 }
};
