/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Operations on whatever there is, with no model, by threads that get in each
 * other's way: they share numbers of descriptors, and addresses in an arena.
 *
 * Every write is of RACE_BYTE: memory that holds another byte, and not 0, comes from
 * elsewhere.
 */
#ifndef IOBMD_FUZZ_RACER_H
#define IOBMD_FUZZ_RACER_H

#include "fuzz_process.h"
#include "fuzz_random.h"
#include "fuzz_user.h"
#include "importers.h"

#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#define RACE_BYTE	0xa5
#define RACE_FDS	12
#define RACE_FIRST_FD	100	/* of those that all threads use */
#define RACE_ARENA	(24 * MIB)
#define RACE_BYTES	(32 * KIB)
#define RACE_COMPOSITES	8	/* of many parts, that each thread keeps */
#define RACE_COMMANDS	256

/* For all processes. */
struct race {
	uint64_t calls, successes;
	uint64_t foreign;	/* bytes that nobody has written */
	uint64_t odd_infos;
	uint64_t sent;		/* calls that put pages into a socket */
	uint64_t leftovers;	/* bytes in pipes and sockets when all buffers had gone */
	uint64_t imports, import_mappings;
	uint64_t composites;	/* of many parts */
	uint64_t parts, parts_max;	/* that threads keep */
	uint64_t denied[RACE_COMMANDS];	/* EDQUOT, by the number of the command */
};

struct race_composite {
	int fd;
	unsigned int nr_parts;	/* 0: there is none */
};

struct racer {
	struct random random;
	struct race *race;
	uint8_t *arena;		/* of this process */
	int device;
	int card;		/* an importer, of this process; or -1 */
	uint32_t handle;	/* of what this thread has imported, or 0 */
	int pipe[2];
	int stream[2];
	int passage[2];
	struct race_composite composites[RACE_COMPOSITES];
	uid_t uid;		/* 0: exempt from ceilings */
	unsigned int operations;
	pthread_t thread;
	pthread_barrier_t *start;
	uint8_t bytes[RACE_BYTES];	/* to write */
	uint8_t seen[RACE_BYTES];
};

static inline void race_count(uint64_t *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

static inline int64_t race_result(struct racer *racer, int64_t result)
{
	race_count(&racer->race->calls);
	if (result != -1)
		race_count(&racer->race->successes);
	return result;
}

static inline int race_fd(struct racer *racer)
{
	return RACE_FIRST_FD + random_below(&racer->random, RACE_FDS);
}

/* One more for all threads, in the place of another. */
static inline void race_share(struct racer *racer, int fd)
{
	if (race_result(racer, fd) < 0)
		return;
	dup3(fd, race_fd(racer), O_CLOEXEC);
	close(fd);
}

/* An ioctl that may meet a ceiling. */
static inline int64_t race_command(struct racer *racer, int fd, unsigned int command, void *args)
{
	int64_t result = ioctl(fd, command, args);

	if (result < 0 && errno == EDQUOT)
		race_count(&racer->race->denied[_IOC_NR(command)]);
	return result;
}

static inline int64_t race_ioctl(struct racer *racer, unsigned int command, void *args)
{
	return race_result(racer, race_command(racer, race_fd(racer), command, args));
}

static inline void race_judge(struct racer *racer, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (racer->seen[i] && racer->seen[i] != RACE_BYTE)
			race_count(&racer->race->foreign);
	}
}

/* Some pages of the arena, whatever is there. */
static inline uint8_t *race_stretch(struct racer *racer, uint64_t *length)
{
	uint64_t page = racer->random.page, pages = RACE_ARENA / page, first, nr;

	first = random_below(&racer->random, pages);
	if (random_chance(&racer->random, 40))
		first = first / 512 * 512;
	nr = 1 + random_below(&racer->random, random_chance(&racer->random, 50) ? 8 : 1024);
	*length = (nr < pages - first ? nr : pages - first) * page;
	return racer->arena + first * page;
}

static inline uint64_t race_capacity(struct racer *racer)
{
	if (random_chance(&racer->random, 8))
		return random_helped(&racer->random);
	return random_capacity(&racer->random);
}

static inline void race_create(struct racer *racer)
{
	struct iobmd_create args = {
		.size = sizeof(args),
		.capacity = race_capacity(racer),
		.huge = random_below(&racer->random, 2),
	};

	race_share(racer, race_command(racer, racer->device, IOBMD_IOC_CREATE, &args));
}

static inline void race_compose(struct racer *racer)
{
	struct iobmd_compose_part parts[4];
	struct iobmd_compose args = { .size = sizeof(args), .parts = (uintptr_t)parts };

	args.nr_parts = 1 + random_below(&racer->random, ARRAY_SIZE(parts));
	args.flags = random_below(&racer->random, 2);
	for (unsigned int i = 0; i < args.nr_parts; i++) {
		parts[i] = (struct iobmd_compose_part) { .fd = race_fd(racer) };
		parts[i].offset = random_below(&racer->random, 8) * racer->random.page;
		parts[i].length = (1 + random_below(&racer->random, 8)) * racer->random.page;
	}
	race_share(racer, race_command(racer, racer->device, IOBMD_IOC_COMPOSE, &args));
}

/* What can be any of the first pages of many parts; or -1. */
static inline int race_source(struct racer *racer, bool read_only)
{
	struct iobmd_get_info info = { .size = sizeof(info) };
	int fd = race_fd(racer);

	if (ioctl(fd, IOBMD_IOC_GET_INFO, &info) || info.capacity < 8 * racer->random.page)
		return -1;
	return read_only || info.rights & IOBMD_RIGHT_WRITE ? fd : -1;
}

static inline void race_drop_composite(struct racer *racer, struct race_composite *composite)
{
	if (!composite->nr_parts)
		return;
	close(composite->fd);
	__atomic_fetch_sub(&racer->race->parts, composite->nr_parts, __ATOMIC_RELAXED);
	composite->nr_parts = 0;
}

/* For as long as chance has it; some for all threads. */
static inline void race_keep_composite(struct racer *racer, int fd, unsigned int nr_parts)
{
	struct race_composite *composite = &RANDOM_OF(&racer->random, racer->composites);
	uint64_t parts, max;

	race_drop_composite(racer, composite);
	*composite = (struct race_composite) { fd, nr_parts };
	race_count(&racer->race->composites);
	parts = __atomic_add_fetch(&racer->race->parts, nr_parts, __ATOMIC_RELAXED);
	max = racer->race->parts_max;
	while (parts > max && !__atomic_compare_exchange_n(&racer->race->parts_max, &max, parts,
							   false, __ATOMIC_RELAXED,
							   __ATOMIC_RELAXED))
		;
	if (random_chance(&racer->random, 20))
		race_share(racer, dup(fd));
}

/* Up to as many parts as can be, of two descriptors. */
static inline void race_compose_many(struct racer *racer)
{
	struct iobmd_compose_part parts[IOBMD_COMPOSE_MAX];
	struct iobmd_compose args = { .size = sizeof(args), .parts = (uintptr_t)parts };
	struct random *random = &racer->random;
	int sources[2], fd;

	if (random_chance(random, 30))
		race_drop_composite(racer, &RANDOM_OF(random, racer->composites));
	args.nr_parts = 1 + random_below(random, ARRAY_SIZE(parts));
	args.flags = random_chance(random, 70) ? IOBMD_COMPOSE_F_READ_ONLY : 0;
	sources[0] = race_source(racer, args.flags);
	sources[1] = race_source(racer, args.flags);
	if (sources[0] < 0)
		sources[0] = sources[1];
	if (sources[1] < 0)
		sources[1] = sources[0];
	if (sources[0] < 0)
		return;
	for (unsigned int i = 0; i < args.nr_parts; i++) {
		parts[i] = (struct iobmd_compose_part) { .fd = RANDOM_OF(random, sources) };
		parts[i].offset = random_below(random, 7) * random->page;
		parts[i].length = random->page;
	}
	fd = race_result(racer, race_command(racer, racer->device, IOBMD_IOC_COMPOSE, &args));
	if (fd >= 0)
		race_keep_composite(racer, fd, args.nr_parts);
}

static inline void race_derive(struct racer *racer)
{
	struct iobmd_derive args = { .size = sizeof(args) };

	args.flags = random_below(&racer->random, 8);
	if (args.flags & IOBMD_DERIVE_F_WINDOW) {
		args.offset = random_page_offset(&racer->random, racer->random.huge);
		args.length = random_offset(&racer->random, racer->random.huge);
	}
	race_share(racer, race_command(racer, race_fd(racer), IOBMD_IOC_DERIVE, &args));
}

static inline void race_export(struct racer *racer)
{
	struct iobmd_export args = { .size = sizeof(args) };

	args.flags = random_below(&racer->random, 2);
	args.offset = random_below(&racer->random, 4) * racer->random.page;
	race_share(racer, race_command(racer, race_fd(racer), IOBMD_IOC_EXPORT, &args));
}

static inline void race_resize(struct racer *racer)
{
	struct iobmd_resize args = { .size = sizeof(args) };

	args.capacity = race_capacity(racer);
	if (random_chance(&racer->random, 20))
		race_result(racer, ftruncate(race_fd(racer), args.capacity));
	else
		race_ioctl(racer, IOBMD_IOC_RESIZE, &args);
}

static inline void race_fallocate(struct racer *racer)
{
	static const int modes[] = {
		0, FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
	};
	uint64_t offset = random_below(&racer->random, racer->random.huge);
	uint64_t length = 1 + random_below(&racer->random, racer->random.huge);

	race_result(racer, fallocate(race_fd(racer), RANDOM_OF(&racer->random, modes), offset,
				     length));
}

static inline void race_set_length(struct racer *racer)
{
	struct iobmd_set_length args = { .size = sizeof(args) };

	args.length = random_offset(&racer->random, racer->random.huge);
	race_ioctl(racer, IOBMD_IOC_SET_LENGTH, &args);
}

static inline void race_seal(struct racer *racer)
{
	struct iobmd_seal args = { .size = sizeof(args), .seals = IOBMD_SEAL_WRITE };

	if (random_chance(&racer->random, 20))
		args.seals = random_below(&racer->random, 16);
	race_ioctl(racer, IOBMD_IOC_SEAL, &args);
}

static inline void race_set_name(struct racer *racer)
{
	struct iobmd_set_name args = { .size = sizeof(args), .name = (uintptr_t)"racer" };

	args.name_length = random_below(&racer->random, 6);
	race_ioctl(racer, IOBMD_IOC_SET_NAME, &args);
}

static inline void race_get_info(struct racer *racer)
{
	struct iobmd_get_info info = { .size = sizeof(info) };

	if (!race_ioctl(racer, IOBMD_IOC_GET_INFO, &info) &&
	    (info.length > info.capacity || info.rights > IOBMD_RIGHTS_ALL || !info.id))
		race_count(&racer->race->odd_infos);
}

static inline void race_map(struct racer *racer)
{
	struct iobmd_map args = { .size = sizeof(args), .flags = random_below(&racer->random, 8) };
	uint64_t length;

	args.address = (uintptr_t)race_stretch(racer, &length);
	args.offset = random_below(&racer->random, 8) * racer->random.page;
	/* Where the kernel has chosen the address, nobody else will unmap it. */
	if (!race_ioctl(racer, IOBMD_IOC_MAP, &args) && !(args.flags & IOBMD_MAP_F_FIXED)) {
		faults((void *)(uintptr_t)args.address, true);
		munmap((void *)(uintptr_t)args.address, page_round(args.length));
	}
}

static inline void race_mmap(struct racer *racer)
{
	static const int prots[] = {
		PROT_NONE, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
	};
	uint64_t length, offset;
	uint8_t *address = race_stretch(racer, &length);
	int flags = MAP_FIXED | (random_chance(&racer->random, 10) ? MAP_PRIVATE : MAP_SHARED);

	if (random_chance(&racer->random, 20))
		flags |= MAP_POPULATE;
	offset = random_below(&racer->random, 8) * racer->random.page;
	if (random_chance(&racer->random, 50))
		offset = 0;
	race_result(racer, (intptr_t)mmap(address, length, RANDOM_OF(&racer->random, prots), flags,
					  race_fd(racer), offset));
}

static inline void race_change_mapping(struct racer *racer)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_REMOVE, MADV_FREE,
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTFORK, MADV_DOFORK, 22, 23, 25,
	};
	uint64_t length;
	uint8_t *address = race_stretch(racer, &length);
	int64_t result = -1;

	switch (random_below(&racer->random, 6)) {
	case 0:
		result = munmap(address, length);
		break;
	case 1:
		result = mprotect(address, length, random_below(&racer->random, 4));
		break;
	case 2:
		result = madvise(address, length, RANDOM_OF(&racer->random, advices));
		break;
	case 3:
		result = mlock2(address, length, random_below(&racer->random, 2));
		break;
	case 4:
		result = munlock(address, length);
		break;
	case 5:
		result = msync(address, length, MS_SYNC);
		break;
	}
	race_result(racer, result);
}

static inline void race_mremap(struct racer *racer)
{
	uint64_t length, new_length;
	uint8_t *address = race_stretch(racer, &length);
	uint8_t *to = race_stretch(racer, &new_length);
	int64_t result;

	if (random_chance(&racer->random, 30))
		length = 0;
	result = (intptr_t)mremap(address, length, new_length, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	race_result(racer, result);
}

/* As many pages as one operation loads or stores at most. */
static inline uint64_t race_few_pages(const struct racer *racer, uint64_t length)
{
	return length < 8 * racer->random.page ? length : 8 * racer->random.page;
}

static inline void race_load(struct racer *racer)
{
	uint64_t length, page = racer->random.page;
	uint8_t *address = race_stretch(racer, &length);

	for (uint64_t at = 0; at < race_few_pages(racer, length); at += page) {
		if (!copy_piece(racer->seen, address + at, page))
			race_judge(racer, page);
	}
}

static inline void race_store(struct racer *racer)
{
	uint64_t length, page = racer->random.page;
	uint8_t *address = race_stretch(racer, &length);

	for (uint64_t at = 0; at < race_few_pages(racer, length); at += page)
		copy_piece(address + at, racer->bytes, page);
}

static inline void race_read(struct racer *racer)
{
	uint64_t offset = random_below(&racer->random, racer->random.huge);
	int64_t n;

	n = race_result(racer, pread(race_fd(racer), racer->seen, RACE_BYTES, offset));
	if (n > 0)
		race_judge(racer, n);
}

static inline void race_write(struct racer *racer)
{
	uint64_t offset = random_below(&racer->random, racer->random.huge);

	race_result(racer, pwrite(race_fd(racer), racer->bytes, RACE_BYTES, offset));
}

/* From a buffer into a mapping and out of one, by the kernel. */
static inline void race_copy(struct racer *racer)
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

static inline void race_remote(struct racer *racer)
{
	struct iovec local = { racer->seen, RACE_BYTES }, remote = { NULL, RACE_BYTES };
	uint64_t length;
	int64_t n;

	remote.iov_base = race_stretch(racer, &length);
	n = race_result(racer, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	if (n > 0)
		race_judge(racer, n);
}

/* Some bytes of the arena, one of them or many. */
static inline void race_vmsplice(struct racer *racer)
{
	uint64_t length;
	struct iovec iov = { .iov_base = race_stretch(racer, &length) };

	iov.iov_len = random_chance(&racer->random, 30) ? 1 : length;
	race_result(racer, vmsplice(racer->pipe[1], &iov, 1, SPLICE_F_NONBLOCK));
}

static inline void race_drain(struct racer *racer, int fd)
{
	int64_t n = race_result(racer, read(fd, racer->seen, RACE_BYTES));

	if (n > 0)
		race_judge(racer, n);
}

/* Pages go into the pipe and the socket, from one to the other, and come out. */
static inline void race_stash(struct racer *racer)
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

/* Maps the beginning of the thread's object over whatever is in the arena. */
static inline void race_map_import(struct racer *racer, uint64_t offset, uint64_t size)
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
static inline void race_import_of(struct racer *racer, int fd)
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

static inline void race_import(struct racer *racer)
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

static inline void race_descriptor(struct racer *racer)
{
	switch (random_below(&racer->random, 5)) {
	case 0:
		race_result(racer, close(race_fd(racer)));
		break;
	case 1:
		race_result(racer, dup3(race_fd(racer), race_fd(racer), O_CLOEXEC));
		break;
	case 2:
		race_result(racer, fd_send(racer->passage[0], race_fd(racer)));
		break;
	case 3:
		race_share(racer, fd_receive(racer->passage[1]));
		break;
	case 4:
		race_result(racer, fsync(race_fd(racer)));
		break;
	}
}

/* The child has everything for a moment, and ends in the middle of it. */
static inline void race_fork(struct racer *racer)
{
	pid_t pid = child_fork();

	if (pid == 0) {
		race_store(racer);
		race_resize(racer);
		race_load(racer);
		_exit(0);
	}
	race_result(racer, pid);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static const struct {
	void (*operate)(struct racer *racer);
	unsigned int weight;
} race_operations[] = {
	{ race_create, 12 }, { race_compose, 10 }, { race_compose_many, 6 }, { race_derive, 10 },
	{ race_export, 5 }, { race_import, 6 },
	{ race_resize, 25 }, { race_fallocate, 10 },
	{ race_set_length, 5 }, { race_seal, 3 }, { race_set_name, 3 },
	{ race_get_info, 5 }, { race_map, 12 }, { race_mmap, 30 }, { race_change_mapping, 25 },
	{ race_mremap, 12 }, { race_load, 20 }, { race_store, 20 }, { race_read, 12 },
	{ race_write, 12 }, { race_copy, 10 }, { race_remote, 8 }, { race_stash, 30 },
	{ race_descriptor, 15 }, { race_fork, 1 },
};

static inline void race_once(struct racer *racer)
{
	unsigned int sum = 0, choice;

	for (unsigned int i = 0; i < ARRAY_SIZE(race_operations); i++)
		sum += race_operations[i].weight;
	choice = random_below(&racer->random, sum);
	for (unsigned int i = 0; i < ARRAY_SIZE(race_operations); i++) {
		if (choice < race_operations[i].weight) {
			race_operations[i].operate(racer);
			return;
		}
		choice -= race_operations[i].weight;
	}
}

#endif /* IOBMD_FUZZ_RACER_H */
