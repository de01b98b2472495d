// SPDX-License-Identifier: GPL-2.0
/*
 * Rights where the VFS does not check the mode of a file: a mapping that an importer of a
 * dma-buf makes in its own device, and writes that begin in the kernel.
 */
#include "composite.h"
#include "kernel_peer.h"
#include "pin.h"

#include <sys/personality.h>

#define WRITABLE (PROT_READ | PROT_WRITE)

/* A buffer filled with the pattern of seed 1; or -1. */
static int filled_buffer(uint64_t size)
{
	int fd = iobmd_create(size);
	uint8_t *map = map_buffer(fd, WRITABLE);

	if (map == MAP_FAILED)
		return -1;
	fill_pattern(map, 0, size, 1);
	munmap(map, page_round(size));
	return fd;
}

/* A mapping that does not stand in the way of any seal */
static uint8_t *map_to_look(int fd)
{
	return map_buffer(iobmd_derive(fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0), PROT_READ);
}

/* The ways to a descriptor without the right to write, of the second page and all that follow */

static int read_only_window_of_reader(int fd)
{
	int reader = iobmd_derive(fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);

	return iobmd_window(reader, page_size(), IOBMD_INFO(fd, length) - page_size());
}

static int read_only_window(int fd)
{
	return iobmd_derive(fd, IOBMD_DERIVE_F_WINDOW | IOBMD_DERIVE_F_READ_ONLY, page_size(),
			    IOBMD_INFO(fd, length) - page_size());
}

static int read_only_composite(int fd)
{
	return compose(IOBMD_COMPOSE_F_READ_ONLY, part(fd, page_size(), page_size()),
		       part(fd, 2 * page_size(), 0));
}

static int read_only_then_sealed(int fd)
{
	int window = read_only_window(fd);

	return iobmd_seal(fd, IOBMD_SEAL_WRITE) ? -1 : window;
}

/* The ways to a read-only export of the same */

static int export_by_flag(int fd)
{
	return iobmd_export(fd, IOBMD_EXPORT_F_READ_ONLY, page_size(), 0);
}

static int export_of_descriptor(int fd)
{
	return iobmd_export(iobmd_derive(fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0), 0, page_size(), 0);
}

static int export_of_window(int fd)
{
	return iobmd_export(read_only_window(fd), 0, 0, 0);
}

static int export_of_composite(int fd)
{
	return iobmd_export(read_only_composite(fd), 0, 0, 0);
}

static int export_by_flag_then_sealed(int fd)
{
	int dmabuf = export_by_flag(fd);

	return iobmd_seal(fd, IOBMD_SEAL_WRITE) ? -1 : dmabuf;
}

static int export_by_flag_of_sealed(int fd)
{
	return iobmd_seal(fd, IOBMD_SEAL_WRITE) ? -1 : export_by_flag(fd);
}

/* What was tried has changed no byte. */
#define EXPECT_UNCHANGED(self)						\
	EXPECT_EQ(-1, check_pattern((self)->view, 0, (self)->size, 1))

static uint8_t *copy_of(const uint8_t *bytes, size_t length)
{
	return memcpy(malloc(length), bytes, length);
}

/* A read-only export, through an importer whose device is open for writing */

FIXTURE(read_only)
{
	size_t page;
	uint64_t size;		/* four pages */
	uint64_t length;	/* of the export: all but the first page */
	int fd;
	uint8_t *view;		/* all of the buffer, filled with the pattern of seed 1 */
	int peer;		/* has imported the export */
};

FIXTURE_VARIANT(read_only)
{
	int (*export)(int fd);
	bool is_composite;
};

FIXTURE_VARIANT_ADD(read_only, by_flag) { .export = export_by_flag };
FIXTURE_VARIANT_ADD(read_only, of_descriptor) { .export = export_of_descriptor };
FIXTURE_VARIANT_ADD(read_only, of_window) { .export = export_of_window };
FIXTURE_VARIANT_ADD(read_only, of_composite) {
	.export = export_of_composite,
	.is_composite = true,
};

FIXTURE_VARIANT_ADD(read_only, then_sealed) { .export = export_by_flag_then_sealed };
FIXTURE_VARIANT_ADD(read_only, of_sealed) { .export = export_by_flag_of_sealed };

FIXTURE_SETUP(read_only)
{
	int dmabuf;

	self->page = page_size();
	self->size = 4 * self->page;
	self->length = self->size - self->page;
	self->fd = filled_buffer(self->size);
	ASSERT_LE(0, self->fd);
	self->view = map_to_look(self->fd);
	ASSERT_NE(MAP_FAILED, self->view);
	self->peer = kernel_load();
	ASSERT_LE(0, self->peer);
	dmabuf = variant->export(self->fd);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, kernel_import(self->peer, dmabuf));
	close(dmabuf);
}

FIXTURE_TEARDOWN_PARENT(read_only)
{
	EXPECT_EQ(0, kernel_unload());
	EXPECT_EQ(0, buffers_listed(0));
}

TEST_F(read_only, cannot_be_mapped_writable)
{
	EXPECT_MAP_ERRNO(EACCES, kernel_map(self->peer, 0, self->length, WRITABLE));
	EXPECT_MAP_ERRNO(EACCES, kernel_map(self->peer, 0, self->page, PROT_WRITE));
	EXPECT_MAP_ERRNO(EACCES, kernel_map(self->peer, 1, self->length - self->page, WRITABLE));
	EXPECT_UNCHANGED(self);
}

TEST_F(read_only, mapping_shows_the_bytes_and_cannot_be_written)
{
	uint8_t *map = kernel_map(self->peer, 0, self->length, PROT_READ);
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, self->page, self->length, 1));
	EXPECT_EQ(SIGSEGV, faults(map, true));
	EXPECT_EQ(SIGSEGV, faults(map + self->length - 1, true));
	EXPECT_ERRNO(EFAULT, pread(self->fd, map, self->page, 0));
	EXPECT_EQ(-1, pwrite(memory, "x", 1, (uintptr_t)map));
	EXPECT_EQ(-1, ring_pin(map, self->page));
	EXPECT_UNCHANGED(self);
}

TEST_F(read_only, mapping_cannot_be_made_writable)
{
	uint8_t *map = kernel_map(self->peer, 0, self->length, PROT_READ);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_ERRNO(EACCES, mprotect(map, self->length, WRITABLE));
	EXPECT_ERRNO(EACCES, mprotect(map + self->page, self->page, PROT_WRITE));
	EXPECT_EQ(0, mprotect(map, self->page, PROT_NONE));
	EXPECT_EQ(0, mprotect(map, self->page, PROT_READ));
	EXPECT_ERRNO(EACCES, mprotect(map, self->page, WRITABLE));
	remap_file_pages(map, self->page, 0, 1, 0);
	EXPECT_EQ(SIGSEGV, faults(map, true));
	EXPECT_UNCHANGED(self);
}

TEST_F(read_only, mapped_to_no_access_cannot_be_made_writable)
{
	uint8_t *map = kernel_map(self->peer, 0, self->length, PROT_NONE);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_ERRNO(EACCES, mprotect(map, self->length, WRITABLE));
	EXPECT_EQ(0, mprotect(map, self->length, PROT_READ));
	EXPECT_EQ(-1, check_pattern(map, self->page, self->length, 1));
}

/* The export begins with the second page: so does the mapping, to fit the huge page. */
TEST_F(read_only, mapping_of_a_huge_page_cannot_be_written)
{
	const uint64_t huge = huge_page_size(), length = 2 * huge - self->page;
	int fd = iobmd_create_huge(2 * huge, IOBMD_HUGE_PREFER), peer = kernel_open();
	uint8_t *room = mmap(NULL, 3 * huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *at = address_round(room, huge), *map = at + self->page;

	ASSERT_EQ(0, kernel_import(peer, variant->export(fd)));
	ASSERT_EQ(map, mmap(map, length, PROT_READ, MAP_SHARED | MAP_FIXED, peer, 0));
	EXPECT_EQ(SIGSEGV, faults(at + huge, true));
	EXPECT_EQ(0, faults(at + huge, false));
	EXPECT_EQ(IOBMD_INFO(fd, huge_bytes) / 2, smaps_bytes(map, length, "FilePmdMapped"));
	EXPECT_EQ(SIGSEGV, faults(at + huge, true));
	EXPECT_ERRNO(EACCES, mprotect(at + huge, huge, WRITABLE));
	EXPECT_EQ(-1, check_bytes(map, length, 0));
}

/* But for one of a composite: the buffer cannot take its pages away from that. */
TEST_F(read_only, mapping_does_not_hinder_the_seal)
{
	uint8_t *map = kernel_map(self->peer, 0, self->length, PROT_READ);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, faults(map, false));
	if (variant->is_composite) {
		EXPECT_ERRNO(EBUSY, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
		ASSERT_EQ(0, munmap(map, self->length));
		EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
		map = kernel_map(self->peer, 0, self->length, PROT_READ);
		ASSERT_NE(MAP_FAILED, map);
	}
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(IOBMD_SEAL_WRITE, IOBMD_INFO(self->fd, seals));
	EXPECT_EQ(-1, check_pattern(map, self->page, self->length, 1));
	EXPECT_ERRNO(EACCES, mprotect(map, self->page, WRITABLE));
	EXPECT_MAP_ERRNO(EACCES, kernel_map(self->peer, 0, self->page, WRITABLE));
	EXPECT_UNCHANGED(self);
}

/* Tries to write through the importer until it is killed. */
static void write_by_all_means(int peer, uint64_t length)
{
	for (;;) {
		uint8_t *map = kernel_map(peer, 0, length, WRITABLE);

		if (map == MAP_FAILED) {
			map = kernel_map(peer, 0, length, PROT_READ);
			mprotect(map, length, WRITABLE);
		}
		for (int i = 0; i < 1000; i++) {
			if (!faults(map + i, true))
				map[i]++;
		}
		munmap(map, length);
	}
}

TEST_F(read_only, seal_races_with_attempts_to_write)
{
	uint8_t *sealed;
	pid_t pid;

	IN_CHILD(pid)
		write_by_all_means(self->peer, self->page);
	usleep(100000);
	while (iobmd_seal(self->fd, IOBMD_SEAL_WRITE))
		ASSERT_EQ(EBUSY, errno);
	sealed = copy_of(self->view, self->size);
	usleep(100000);
	EXPECT_EQ(0, memcmp(sealed, self->view, self->size));
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_status(pid));
	EXPECT_UNCHANGED(self);
	free(sealed);
}

/* A writable export, through an importer */

FIXTURE(writable)
{
	size_t page;
	uint64_t size;		/* four pages */
	int fd;
	uint8_t *view;		/* all of the buffer, filled with the pattern of seed 1 */
	int dmabuf;		/* all of it */
	int peer;		/* has imported that */
};

FIXTURE_SETUP(writable)
{
	self->page = page_size();
	self->size = 4 * self->page;
	self->fd = filled_buffer(self->size);
	ASSERT_LE(0, self->fd);
	self->view = map_to_look(self->fd);
	ASSERT_NE(MAP_FAILED, self->view);
	self->peer = kernel_load();
	ASSERT_LE(0, self->peer);
	self->dmabuf = iobmd_export(self->fd, 0, 0, 0);
	ASSERT_EQ(0, kernel_import(self->peer, self->dmabuf));
}

FIXTURE_TEARDOWN_PARENT(writable)
{
	EXPECT_EQ(0, kernel_unload());
	EXPECT_EQ(0, buffers_listed(0));
}

TEST_F(writable, mapping_is_the_memory_of_the_buffer)
{
	uint8_t *map = kernel_map(self->peer, 0, self->size, WRITABLE);
	uint8_t *part = kernel_map(self->peer, 1, 2 * self->page, PROT_READ);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_NE(MAP_FAILED, part);
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	fill_pattern(map, 0, self->size, 2);
	EXPECT_EQ(-1, check_pattern(self->view, 0, self->size, 2));
	EXPECT_EQ(-1, check_pattern(part, self->page, 2 * self->page, 2));
	EXPECT_EQ(0, mprotect(part, self->page, WRITABLE));
	part[0] ^= 0xff;
	EXPECT_EQ(part[0], self->view[self->page]);
}

TEST_F(writable, mapping_ends_with_the_export)
{
	const uint64_t page = self->page;
	int peer = kernel_open(), dmabuf = iobmd_export(self->fd, 0, page, page + 1);
	uint8_t *map;

	EXPECT_MAP_ERRNO(ENOTCONN, kernel_map(peer, 0, page, PROT_READ));
	ASSERT_EQ(0, kernel_import(peer, dmabuf));
	EXPECT_MAP_ERRNO(EINVAL, kernel_map(peer, 0, 2 * page + 1, PROT_READ));
	EXPECT_MAP_ERRNO(EINVAL, kernel_map(peer, 1, 2 * page, PROT_READ));
	EXPECT_MAP_ERRNO(EINVAL, kernel_map(peer, 2, 1, WRITABLE));
	map = kernel_map(peer, 0, 2 * page, WRITABLE);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, page, 2 * page, 1));
	EXPECT_MAP_ERRNO(EFAULT, mremap(map, 2 * page, 3 * page, MREMAP_MAYMOVE));
	EXPECT_EQ(0, kernel_do(peer, IOBMD_PEER_RELEASE));
	EXPECT_MAP_ERRNO(ENOTCONN, kernel_map(peer, 0, page, PROT_READ));
	EXPECT_EQ(-1, check_pattern(map, page, 2 * page, 1));
}

TEST_F(writable, private_mapping_is_refused)
{
	const int prots[] = { PROT_NONE, PROT_READ, WRITABLE };

	for (size_t i = 0; i < ARRAY_SIZE(prots); i++)
		EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, self->page, prots[i], MAP_PRIVATE, self->peer,
					      0));
}

/* Then it is the importer's device that may not write. */
TEST_F(writable, mapping_of_a_device_open_for_reading_cannot_be_written)
{
	int peer = open(PEER_DEVICE, O_RDONLY | O_CLOEXEC);
	uint8_t *map;

	ASSERT_EQ(0, kernel_import(peer, self->dmabuf));
	EXPECT_MAP_ERRNO(EACCES, kernel_map(peer, 0, self->size, WRITABLE));
	map = kernel_map(peer, 0, self->size, PROT_READ);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_ERRNO(EACCES, mprotect(map, self->size, WRITABLE));
	EXPECT_EQ(SIGSEGV, faults(map, true));
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
}

/* Refused, with nothing changed: the mapping can be written as before. */
#define EXPECT_SEAL_BUSY(map) do {					\
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));	\
	EXPECT_EQ(0, IOBMD_INFO(self->fd, seals));			\
	(map)[0]++;							\
	EXPECT_EQ((map)[0], self->view[0]);				\
} while (0)

TEST_F(writable, seal_waits_for_export_and_mapping)
{
	uint8_t *map = kernel_map(self->peer, 0, self->size, WRITABLE), byte;

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_SEAL_BUSY(map);
	close(self->dmabuf);
	EXPECT_SEAL_BUSY(map);
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_RELEASE));
	EXPECT_SEAL_BUSY(map);
	close(self->peer);
	EXPECT_SEAL_BUSY(map);
	ASSERT_EQ(0, munmap(map + self->page, self->size - self->page));
	EXPECT_SEAL_BUSY(map);
	/* It may become writable again */
	ASSERT_EQ(0, mprotect(map, self->page, PROT_READ));
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	ASSERT_EQ(0, mprotect(map, self->page, WRITABLE));
	EXPECT_SEAL_BUSY(map);
	byte = map[0];
	ASSERT_EQ(0, munmap(map, self->page));
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(byte, self->view[0]);
	EXPECT_EQ(-1, check_pattern(self->view + 1, 1, self->size - 1, 1));
}

TEST_F(writable, seal_waits_for_an_import_without_a_mapping)
{
	munmap(kernel_map(self->peer, 0, self->size, WRITABLE), self->size);
	close(self->dmabuf);
	EXPECT_ERRNO(EBUSY, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_RELEASE));
	EXPECT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
}

/* Exports, imports, maps and writes until the export is refused. The mapping goes last. */
static int write_until_sealed(int fd, int peer, uint64_t length)
{
	for (;;) {
		int dmabuf = iobmd_export(fd, 0, 0, 0);
		uint8_t *map;

		if (dmabuf < 0)
			return errno;
		if (kernel_import(peer, dmabuf))
			return errno;
		map = kernel_map(peer, 0, length, WRITABLE);
		if (map == MAP_FAILED)
			return errno;
		close(dmabuf);
		kernel_do(peer, IOBMD_PEER_RELEASE);
		for (int i = 0; i < 1000; i++)
			__atomic_fetch_add(map + i % length, 1, __ATOMIC_SEQ_CST);
		munmap(map, length);
	}
}

TEST_F(writable, seal_races_with_mapping_and_writing)
{
	uint8_t *view, *sealed;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, kernel_do(self->peer, IOBMD_PEER_RELEASE));
	for (int n = 0; n < 20; n++) {
		fd = filled_buffer(self->size);
		view = map_to_look(fd);
		IN_CHILD(pid)
			_exit(write_until_sealed(fd, self->peer, self->size));
		AWAIT(check_pattern(view, 0, self->size, 1) >= 0);
		while (iobmd_seal(fd, IOBMD_SEAL_WRITE))
			ASSERT_EQ(EBUSY, errno);
		sealed = copy_of(view, self->size);
		EXPECT_EQ(EPERM, child_status(pid));
		EXPECT_EQ(0, memcmp(sealed, view, self->size));
		free(sealed);
		munmap(view, self->size);
		close(fd);
	}
}

/* Executing */

/* What /proc/self/maps says of the mapping at @address */
static bool is_executable(const void *address)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uint64_t start, end, at = (uintptr_t)address;
	bool executable = false;
	char line[512], prot[5];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, prot) == 3 &&
		    start <= at && at < end)
			executable = prot[2] == 'x';
	}
	if (maps)
		fclose(maps);
	return executable;
}

TEST_F(writable, is_never_mapped_executable)
{
	const int fds[] = { self->fd, self->dmabuf, self->peer };
	const int prots[] = { PROT_EXEC, PROT_READ | PROT_EXEC, WRITABLE | PROT_EXEC };

	EXPECT_TRUE(is_executable((void *)(uintptr_t)is_executable));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(prots); j++)
			EXPECT_MAP_ERRNO(EPERM, kernel_map(fds[i], 0, self->page, prots[j]));
	}
}

static void expect_not_executable(struct __test_metadata *_metadata, int fd, size_t size,
				  int prot)
{
	uint8_t *map = kernel_map(fd, 0, size, prot);

	EXPECT_NE(MAP_FAILED, map) {
		TH_LOG("%s", strerror(errno));
	}
	if (map == MAP_FAILED)
		return;
	EXPECT_FALSE(is_executable(map));
	EXPECT_EQ(-1, check_pattern(map, 0, size, 1));
	EXPECT_EQ(prot & PROT_WRITE ? 0 : SIGSEGV, faults(map, true));
	EXPECT_EQ(0, mprotect(map, size, PROT_READ));
	EXPECT_FALSE(is_executable(map));
	EXPECT_EQ(0, mprotect(map, size, WRITABLE));
	EXPECT_FALSE(is_executable(map));
	EXPECT_ERRNO(EACCES, mprotect(map, size, PROT_EXEC));
	EXPECT_ERRNO(EACCES, mprotect(map, size, PROT_READ | PROT_EXEC));
	EXPECT_FALSE(is_executable(map));
	munmap(map, size);
}

/* Old programs ask for PROT_EXEC with each PROT_READ, without knowing it. */
TEST_F(writable, mapping_of_an_old_program_works_and_is_not_executable)
{
	const int fds[] = { self->fd, self->dmabuf, self->peer };

	ASSERT_NE(-1, personality(READ_IMPLIES_EXEC));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		expect_not_executable(_metadata, fds[i], self->size, PROT_READ);
		expect_not_executable(_metadata, fds[i], self->size, WRITABLE);
	}
}

/* Writes that begin in the kernel */

FIXTURE(kernel_write)
{
	size_t page;
	uint64_t size;		/* four pages */
	int fd;
	uint8_t *view;		/* all of the buffer, filled with the pattern of seed 1 */
	int peer;
	int pipe[2];
};

FIXTURE_SETUP(kernel_write)
{
	self->page = page_size();
	self->size = 4 * self->page;
	self->fd = filled_buffer(self->size);
	ASSERT_LE(0, self->fd);
	self->view = map_to_look(self->fd);
	ASSERT_NE(MAP_FAILED, self->view);
	self->peer = kernel_load();
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK));
}

FIXTURE_TEARDOWN_PARENT(kernel_write)
{
	EXPECT_EQ(0, kernel_unload());
	EXPECT_EQ(0, buffers_listed(0));
}

TEST_F(kernel_write, writes_where_it_may)
{
	uint8_t *data = malloc(self->size);

	fill_pattern(data, 0, self->size, 2);
	EXPECT_EQ(self->size - 5, kernel_write_iter(self->peer, self->fd, 5, data + 5, self->size));
	EXPECT_EQ(-1, check_pattern(self->view, 0, 5, 1));
	EXPECT_EQ(-1, check_pattern(self->view + 5, 5, self->size - 5, 2));
	EXPECT_EQ(0, kernel_write_iter(self->peer, self->fd, 0, data, 0));
	ASSERT_EQ(5, write(self->pipe[1], data, 5));
	EXPECT_EQ(5, kernel_splice_write(self->peer, self->fd, 0, self->pipe[0], 5));
	EXPECT_EQ(-1, check_pattern(self->view, 0, self->size, 2));
	free(data);
}

/* Before 6.12, what splice(2) calls writes by way of the VFS: EBADF. */
TEST_F(kernel_write, read_only_is_eacces)
{
	int (*const ways[])(int fd) = {
		read_only_window_of_reader, read_only_window, read_only_composite,
		read_only_then_sealed,
	};
	const int splice_errno = kernel_at_least(6, 12) ? EACCES : EBADF;
	uint8_t *data = malloc(self->size);

	memset(data, 'x', self->size);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int fd = ways[i](self->fd), peer = self->peer;

		ASSERT_LE(0, fd);
		ASSERT_EQ(5, write(self->pipe[1], data, 5));
		EXPECT_ERRNO(EACCES, kernel_write_iter(peer, fd, 0, data, 1));
		EXPECT_ERRNO(EACCES, kernel_write_iter(peer, fd, 1, data, self->size));
		EXPECT_ERRNO(splice_errno, kernel_splice_write(peer, fd, 0, self->pipe[0], 5));
		EXPECT_EQ(5, read(self->pipe[0], data, 5));
		EXPECT_UNCHANGED(self);
	}
	free(data);
}

TEST_F(kernel_write, sealed_is_eperm)
{
	ASSERT_EQ(0, iobmd_seal(self->fd, IOBMD_SEAL_WRITE));
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	EXPECT_ERRNO(EPERM, kernel_write_iter(self->peer, self->fd, 0, "x", 1));
	EXPECT_ERRNO(EPERM, kernel_splice_write(self->peer, self->fd, 0, self->pipe[0], 1));
	EXPECT_UNCHANGED(self);
}

TEST_HARNESS_MAIN
