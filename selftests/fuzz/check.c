// SPDX-License-Identifier: GPL-2.0
/* Comparing what there is with the model. */
#include "fuzz.h"

#include <glob.h>

/* What an access to that byte of a mapping raises, or 0. */
static int mapping_signal(const struct mapping *mapping, uint64_t at, bool write)
{
	if (!(mapping->prot & (write ? PROT_WRITE : PROT_READ | PROT_WRITE)))
		return SIGSEGV;
	return thing_find(mapping->file->thing, mapping->offset + at).buffer ? 0 : SIGBUS;
}

/* Whether all of it can be accessed. */
bool mapping_is_usable(const struct mapping *mapping, uint64_t at, uint64_t length, bool write)
{
	uint64_t page = page_size();

	for (uint64_t p = at / page * page; p < at + length; p += page) {
		if (mapping_signal(mapping, p, write))
			return false;
	}
	return true;
}

void check_bytes_of(struct fuzz *fuzz, struct thing *thing, uint64_t offset, const uint8_t *bytes,
		    uint64_t length, const char *where)
{
	while (length) {
		struct place place = thing_find(thing, offset);
		uint64_t n = place.length < length ? place.length : length;
		const uint8_t *model = place.buffer->bytes + place.offset;

		if (memcmp(bytes, model, n)) {
			uint64_t i = 0;

			while (bytes[i] == model[i])
				i++;
			fuzz_fail(fuzz,
				  "%s, byte %#" PRIx64 " of %u (%#" PRIx64
				  " of buffer %u) is %#x, not %#x",
				  where, offset + i, thing->number, place.offset + i,
				  place.buffer->number, bytes[i], model[i]);
		}
		offset += n;
		bytes += n;
		length -= n;
	}
}

/* The signals and bytes that the process has just copied from or to @mapping. */
void check_copied(struct fuzz *fuzz, const struct mapping *mapping, uint64_t at, uint64_t length,
		  bool store)
{
	struct scratch *scratch = fuzz->crew.scratch;
	struct thing *thing = mapping->file->thing;
	uint64_t done = 0;

	for (unsigned int i = 0; done < length; i++) {
		uint64_t in_page = SCRATCH_PAGE - (at + done) % SCRATCH_PAGE;
		uint64_t n = in_page < length - done ? in_page : length - done;
		int sig = mapping_signal(mapping, at + done, store);

		if (scratch->signals[i] != sig)
			fuzz_fail(fuzz,
				  "%s byte %#" PRIx64 " of %u, mapped at %p: signal %d, not %d",
				  store ? "store to" : "load of", mapping->offset + at + done,
				  thing->number, mapping->address + at + done,
				  scratch->signals[i], sig);
		if (!sig && store)
			thing_copy(thing, mapping->offset + at + done, scratch->data + done, n,
				   true);
		else if (!sig)
			check_bytes_of(fuzz, thing, mapping->offset + at + done,
				       scratch->data + done, n, "mapped");
		done += n;
	}
}

/* At most SCRATCH_BYTES less a page. */
void check_mapping(struct fuzz *fuzz, const struct process *process, const struct mapping *mapping,
		   uint64_t at, uint64_t length)
{
	fuzz_tell(fuzz, process, ORDER_LOAD, ADDRESS(mapping->address + at), length);
	check_copied(fuzz, mapping, at, length, false);
}

#define CHECK_FIELD(fuzz, file, info, field, value) do {		\
	if ((info)->field != (value))					\
		fuzz_fail(fuzz, "GET_INFO of %u: " #field " is %#llx, not %#llx", \
			  (file)->thing->number, (unsigned long long)(info)->field, \
			  (unsigned long long)(value));			\
} while (0)

static void check_info_fields(struct fuzz *fuzz, const struct file *file,
			      const struct iobmd_get_info *info)
{
	const struct thing *thing = file->thing;
	uint64_t capacity = file->is_window ? file->size : thing->capacity;
	bool small = thing->huge == IOBMD_HUGE_NONE && thing->alignment < fuzz->model.huge;

	CHECK_FIELD(fuzz, file, info, id, thing->id);
	CHECK_FIELD(fuzz, file, info, capacity, capacity);
	CHECK_FIELD(fuzz, file, info, length, file_size(file));
	CHECK_FIELD(fuzz, file, info, allocated, page_round(capacity));
	CHECK_FIELD(fuzz, file, info, alignment, thing->alignment);
	CHECK_FIELD(fuzz, file, info, direction, thing->direction);
	CHECK_FIELD(fuzz, file, info, huge, thing->huge);
	CHECK_FIELD(fuzz, file, info, rights, file->rights);
	CHECK_FIELD(fuzz, file, info, node, thing->node);
	CHECK_FIELD(fuzz, file, info, page_size, fuzz->model.page);
	CHECK_FIELD(fuzz, file, info, huge_page_size, fuzz->model.huge);
	CHECK_FIELD(fuzz, file, info, seals, thing->seals);
	CHECK_FIELD(fuzz, file, info, flags, 0);
	CHECK_FIELD(fuzz, file, info, __reserved, 0);
	if (info->huge_bytes > info->allocated || (small && info->huge_bytes && !thing->nr_parts))
		CHECK_FIELD(fuzz, file, info, huge_bytes, 0);
	if (thing->huge == IOBMD_HUGE_REQUIRE)
		CHECK_FIELD(fuzz, file, info, huge_bytes, info->allocated);
}

/* As the kernel shows @name: what does not print, and a backslash, as octal numbers. */
static void escape_name(char *escaped, const char *name)
{
	for (; *name; name++) {
		unsigned char byte = *name;

		escaped += sprintf(escaped, byte < ' ' || byte > '~' || byte == '\\' ?
				   "\\%03o" : "%c", byte);
	}
	*escaped = '\0';
}

/* stat(2) and fdinfo say the same. */
static void check_other_info(struct fuzz *fuzz, const struct process *process,
			     const struct slot *slot)
{
	const struct stat *stat = (const struct stat *)fuzz->crew.scratch->data;
	char path[64], line[256], name[256] = "", expected[4 * (IOBMD_NAME_MAX + 1)];
	FILE *fdinfo;

	fuzz_call(fuzz, process, SYS_fstat, slot->fd, ADDRESS(stat));
	if ((uint64_t)stat->st_ino != slot->file->thing->id ||
	    (uint64_t)stat->st_size != file_size(slot->file))
		fuzz_fail(fuzz, "fstat of %u: number %ju, size %#jx", slot->file->thing->number,
			  (uintmax_t)stat->st_ino, (uintmax_t)stat->st_size);
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", process->pid, slot->fd);
	fdinfo = fopen(path, "re");
	while (fdinfo && fgets(line, sizeof(line), fdinfo)) {
		if (!strncmp(line, "name:\t", 6))
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(line + 6, "\n"),
				 line + 6);
	}
	if (fdinfo)
		fclose(fdinfo);
	escape_name(expected, slot->file->thing->name);
	if (strcmp(name, expected))
		fuzz_fail(fuzz, "name of %u: '%s', not '%s'", slot->file->thing->number, name,
			  expected);
}

void check_info(struct fuzz *fuzz, const struct process *process, const struct slot *slot)
{
	struct iobmd_get_info info;
	int64_t result;

	if (slot->file->is_export)
		return;
	memset(&info, 0xcc, sizeof(info));
	info.size = sizeof(info);
	info.flags = 0;
	result = fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_GET_INFO, &info, sizeof(info));
	if (result)
		fuzz_fail(fuzz, "GET_INFO = %" PRId64, result);
	check_info_fields(fuzz, slot->file, &info);
}

/* Reads at most SCRATCH_BYTES from @offset on. */
void check_read(struct fuzz *fuzz, const struct process *process, const struct slot *slot,
		uint64_t offset, uint64_t length)
{
	uint64_t size = file_size(slot->file), left = offset < size ? size - offset : 0;
	uint64_t wanted = length < left ? length : left;
	uint8_t *data = fuzz->crew.scratch->data;
	int64_t result;

	if (slot->file->is_export)
		return;
	result = fuzz_call(fuzz, process, SYS_pread64, slot->fd, ADDRESS(data), length, offset);
	if (result != (int64_t)wanted)
		fuzz_fail(fuzz, "pread of fd %d, %#" PRIx64 " bytes from %#" PRIx64 " = %" PRId64
			  ", not %" PRId64, slot->fd, length, offset, result, (int64_t)wanted);
	check_bytes_of(fuzz, slot->file->thing, slot->file->offset + offset, data, wanted, "read");
}

#define CHUNK	((uint64_t)SCRATCH_BYTES - SCRATCH_PAGE)

/* All numbers of descriptors; what some of them show, as many show the same. */
static void check_slots(struct fuzz *fuzz, const struct process *process)
{
	for (unsigned int i = 0; i < process->nr_slots; i++) {
		const struct slot *slot = &process->slots[i];

		check_info(fuzz, process, slot);
		if (slot->file->is_export || random_chance(&fuzz->random, 70))
			continue;
		check_other_info(fuzz, process, slot);
		for (uint64_t at = 0; at < file_size(slot->file); at += CHUNK)
			check_read(fuzz, process, slot, at, CHUNK);
	}
}

static void check_mappings(struct fuzz *fuzz, const struct process *process)
{
	for (unsigned int i = 0; i < process->nr_mappings; i++) {
		const struct mapping *mapping = &process->mappings[i];

		for (uint64_t at = 0; at < mapping->length; at += CHUNK) {
			uint64_t left = mapping->length - at;

			check_mapping(fuzz, process, mapping, at, left < CHUNK ? left : CHUNK);
		}
	}
}

void check_list(struct fuzz *fuzz)
{
	int listed = buffers_listed(0) - fuzz->listed;

	if (listed != (int)fuzz->model.nr_things)
		fuzz_fail(fuzz, "the list has %d buffers, not %u", listed, fuzz->model.nr_things);
}

int numbers_of(const struct process *process)
{
	char path[64];
	glob_t numbers;
	int count;

	snprintf(path, sizeof(path), "/proc/%d/fd/*", process->pid);
	if (glob(path, GLOB_NOSORT, NULL, &numbers))
		return -1;
	count = numbers.gl_pathc;
	globfree(&numbers);
	return count;
}

/* No descriptor is left that the model does not know. */
void check_numbers(struct fuzz *fuzz, const struct process *process)
{
	int numbers = numbers_of(process) - fuzz->numbers;

	if (numbers != (int)process->nr_slots)
		fuzz_fail(fuzz, "process %u has %d descriptors, not %u",
			  process_number(fuzz, process), numbers, process->nr_slots);
}

/* Everything is as it should be, in all processes. */
void check_all(struct fuzz *fuzz)
{
	for (unsigned int i = 0; i < PROCESSES_MAX; i++) {
		const struct process *process = &fuzz->model.processes[i];

		if (!process->pid)
			continue;
		check_numbers(fuzz, process);
		check_slots(fuzz, process);
		check_mappings(fuzz, process);
	}
	check_list(fuzz);
}

/* Something somewhere, chosen at random. */
void check_some(struct fuzz *fuzz, const struct process *process)
{
	struct random *random = &fuzz->random;
	unsigned int a = random_below(random, process->nr_mappings);
	unsigned int b = random_below(random, process->nr_slots);
	uint64_t from = random_next(random), length = random_below(random, 64 * KIB);

	if (process->nr_mappings) {
		const struct mapping *mapping = &process->mappings[a];
		uint64_t at = from % mapping->length, left = mapping->length - at;

		check_mapping(fuzz, process, mapping, at, length < left ? length : left);
	}
	if (process->nr_slots) {
		const struct slot *slot = &process->slots[b];

		check_info(fuzz, process, slot);
		check_read(fuzz, process, slot, from % (file_size(slot->file) + 2), length);
	}
}

/* Its id is larger than all before it. */
void learn_id(struct fuzz *fuzz, const struct process *process, const struct slot *slot)
{
	struct iobmd_get_info info = { .size = sizeof(info) };

	fuzz_ioctl(fuzz, process, slot->fd, IOBMD_IOC_GET_INFO, &info, sizeof(info));
	if (info.id <= fuzz->model.last_id)
		fuzz_fail(fuzz, "id %llu after %" PRIu64, (unsigned long long)info.id,
			  fuzz->model.last_id);
	fuzz->model.last_id = info.id;
	slot->file->thing->id = info.id;
	say(fuzz, ": %s %u", slot->file->thing->nr_parts ? "composite" : "buffer",
	    slot->file->thing->number);
	check_info(fuzz, process, slot);
}
