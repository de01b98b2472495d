// SPDX-License-Identifier: GPL-2.0
/* EXPORT: a dma-buf over a range of a buffer, and its mappings. */
#include "machine.h"
#include "peer.h"
#include "pin.h"

#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>

FIXTURE(export)
{
	size_t page;
	uint64_t size;		/* two huge pages, two pages and a bit */
	uint64_t whole;		/* in whole pages */
	int fd;
	uint8_t *map;		/* all of it, filled with the pattern of seed 1 */
	int dmabuf;		/* all of it */
};

FIXTURE_VARIANT(export)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(export, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(export, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(export)
{
	self->page = page_size();
	self->size = 2 * huge_page_size() + 2 * self->page + 100;
	self->whole = page_round(self->size);
	self->fd = iobmd_create_huge(self->size, variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	fill_pattern(self->map, 0, self->size, 1);
	self->dmabuf = iobmd_export(self->fd, 0, 0, 0);
	ASSERT_LE(0, self->dmabuf);
}

FIXTURE_TEARDOWN(export)
{
}

/* The address is as aligned as a mapping of the buffer itself would be. */
static void *map_dmabuf(int dmabuf, int prot)
{
	return mmap(NULL, lseek(dmabuf, 0, SEEK_END), prot, MAP_SHARED, dmabuf, 0);
}

TEST_F(export, is_a_dma_buf_of_whole_pages)
{
	char value[64];

	EXPECT_EQ(self->whole, lseek(self->dmabuf, 0, SEEK_END));
	EXPECT_EQ(0, lseek(self->dmabuf, 0, SEEK_SET));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->dmabuf, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(self->dmabuf, F_GETFL) & O_ACCMODE);
	EXPECT_TRUE(fdinfo_get(self->dmabuf, "exp_name", value));
	EXPECT_STREQ("iobmd", value);
}

TEST_F(export, range_begins_with_a_page_and_lies_within_the_length)
{
	const uint64_t page = self->page, size = self->size, huge = UINT64_MAX;
	const struct {
		uint64_t offset, length;
	} bad[] = {
		{ 1, 1 }, { page - 1, 1 }, { page + 1, 0 }, { 0, size + 1 }, { page, size },
		{ self->whole, 0 }, { self->whole, 1 }, { 0, 1ull << 63 }, { 0, huge },
		{ page, huge - page + 1 }, { page, huge - page + 2 }, { 1ull << 63, 0 },
		{ 1ull << 63, 1ull << 63 }, { huge - page + 1, page }, { huge - page + 1, 0 },
	}, good[] = {
		{ 0, 1 }, { 0, page - 1 }, { 0, page + 1 }, { 0, size }, { page, size - page },
		{ self->whole - page, 0 }, { self->whole - page, 100 }, { page, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_ERRNO(EINVAL, iobmd_export(self->fd, 0, bad[i].offset, bad[i].length));
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint64_t length = good[i].length ?: size - good[i].offset;
		int dmabuf = iobmd_export(self->fd, 0, good[i].offset, good[i].length);
		uint8_t *map;

		ASSERT_LE(0, dmabuf);
		EXPECT_EQ(page_round(length), lseek(dmabuf, 0, SEEK_END));
		map = map_dmabuf(dmabuf, PROT_READ);
		EXPECT_EQ(-1, check_pattern(map, good[i].offset, length, 1));
		munmap(map, page_round(length));
		close(dmabuf);
	}
	ASSERT_EQ(0, iobmd_set_length(self->fd, page));
	EXPECT_ERRNO(EINVAL, iobmd_export(self->fd, 0, 0, page + 1));
	ASSERT_EQ(0, iobmd_set_length(self->fd, 0));
	EXPECT_ERRNO(EINVAL, iobmd_export(self->fd, 0, 0, 0));
}

TEST_F(export, mapping_is_the_memory_of_the_buffer)
{
	uint8_t *map = map_dmabuf(self->dmabuf, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	EXPECT_EQ(page_frame(self->map + self->page), page_frame(map + self->page));
	fill_pattern(map, 0, self->size, 2);
	EXPECT_EQ(-1, check_pattern(self->map, 0, self->size, 2));
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, self->whole + 1, PROT_READ, MAP_SHARED,
				      self->dmabuf, 0));
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, 2 * self->page, PROT_READ, MAP_SHARED, self->dmabuf,
				      self->whole - self->page));
	EXPECT_MAP_ERRNO(EINVAL, mmap(NULL, self->page, PROT_READ, MAP_PRIVATE, self->dmabuf, 0));
	EXPECT_MAP_ERRNO(EFAULT, mremap(map, self->whole, 2 * self->whole, MREMAP_MAYMOVE));
}

TEST_F(export, mapping_is_of_huge_pages)
{
	const uint64_t huge = huge_page_size();
	uint8_t *room = mmap(NULL, self->whole + huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	uint8_t *at = address_round(room, huge);

	ASSERT_EQ(at, mmap(at, self->whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			   self->dmabuf, 0));
	at[0] = 0;
	at[huge] = 0;
	EXPECT_EQ(IOBMD_INFO(self->fd, huge_bytes),
		  smaps_bytes(at, self->whole, "FilePmdMapped"));
}

TEST_F(export, mapping_is_memory_to_system_calls)
{
	uint8_t *map = map_dmabuf(self->dmabuf, PROT_READ | PROT_WRITE), *data = malloc(self->size);
	struct iovec remote = { map, self->size }, local = { data, self->size };
	int file = memfd_create("file", MFD_CLOEXEC), pipe[2], ring;

	ASSERT_EQ(self->size, pwrite(file, map, self->size, 0));
	ASSERT_EQ(self->size, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(-1, check_pattern(data, 0, self->size, 1));
	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	EXPECT_EQ(self->page, pipe_put(pipe[1], map));
	ring = ring_pin(map, self->size);
	EXPECT_EQ(kernel_registers_files(), ring >= 0);
	free(data);
}

TEST_F(export, mapping_takes_a_disks_data)
{
	uint8_t *map = map_dmabuf(self->dmabuf, PROT_READ | PROT_WRITE);
	uint64_t length = self->whole < DISK_BYTES ? self->whole : DISK_BYTES;
	uint8_t *data = malloc(length);
	int disk = disk_open(0), direct = disk_open(O_DIRECT);

	ASSERT_LE(0, disk);
	fill_pattern(data, 0, length, 3);
	ASSERT_EQ(length, pwrite(disk, data, length, 0));
	ASSERT_EQ(0, fsync(disk));
	ASSERT_EQ(length, pread(direct, map, length, 0));
	EXPECT_EQ(-1, check_pattern(self->map, 0, length < self->size ? length : self->size, 3));
	free(data);
}

TEST_F(export, read_only_cannot_be_mapped_writable)
{
	int reader = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	int dmabufs[] = {
		iobmd_export(self->fd, IOBMD_EXPORT_F_READ_ONLY, 0, 0),
		iobmd_export(reader, 0, 0, 0),
		iobmd_export(reader, IOBMD_EXPORT_F_READ_ONLY, self->page, 0),
	};

	for (size_t i = 0; i < ARRAY_SIZE(dmabufs); i++) {
		char path[64];
		void *map;

		ASSERT_LE(0, dmabufs[i]);
		EXPECT_EQ(O_RDONLY, fcntl(dmabufs[i], F_GETFL) & O_ACCMODE);
		EXPECT_MAP_ERRNO(EACCES, map_dmabuf(dmabufs[i], PROT_READ | PROT_WRITE));
		map = map_dmabuf(dmabufs[i], PROT_READ);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_ERRNO(EACCES, mprotect(map, self->page, PROT_READ | PROT_WRITE));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", dmabufs[i]);
		EXPECT_EQ(-1, open(path, O_RDWR));
	}
}

TEST_F(export, mapping_is_never_executable)
{
	void *map = map_dmabuf(self->dmabuf, PROT_READ);

	EXPECT_MAP_ERRNO(EPERM, map_dmabuf(self->dmabuf, PROT_READ | PROT_EXEC));
	EXPECT_ERRNO(EACCES, mprotect(map, self->page, PROT_READ | PROT_EXEC));
}

TEST_F(export, answers_the_calls_of_a_dma_buf)
{
	const uint64_t flags[] = {
		DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW,
		DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE,
	};
	struct dma_buf_export_sync_file sync = { .flags = DMA_BUF_SYNC_RW, .fd = -1 };
	struct pollfd ready = { .fd = self->dmabuf, .events = POLLIN | POLLOUT };
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct dma_buf_sync args = { .flags = flags[i] };

		EXPECT_EQ(0, ioctl(self->dmabuf, DMA_BUF_IOCTL_SYNC, &args));
	}
	EXPECT_EQ(0, ioctl(self->dmabuf, DMA_BUF_SET_NAME_B, "frames"));
	EXPECT_TRUE(fdinfo_get(self->dmabuf, "name", name));
	EXPECT_STREQ("frames", name);
	EXPECT_EQ(0, ioctl(self->dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &sync));
	EXPECT_LE(0, sync.fd);
	EXPECT_EQ(0, ioctl(self->dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE,
			   &(struct dma_buf_import_sync_file){ .flags = DMA_BUF_SYNC_RW,
							       .fd = sync.fd }));
	EXPECT_EQ(1, poll(&ready, 1, 1000));
	EXPECT_ERRNO(ENOTTY, iobmd_resize(self->dmabuf, 1));
}

TEST_F(export, keeps_the_buffer_from_shrinking_into_it)
{
	int part = iobmd_export(self->fd, 0, self->page, 1);

	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->size - 1));
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, 1));
	EXPECT_EQ(0, iobmd_resize(self->fd, 2 * self->size));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size));
	close(self->dmabuf);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->page));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->page + 1));
	close(part);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(export, mapping_keeps_the_buffer_from_shrinking)
{
	uint8_t *map = map_dmabuf(self->dmabuf, PROT_READ);

	close(self->dmabuf);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, 1));
	EXPECT_EQ(-1, check_pattern(map, 0, self->size, 1));
	munmap(map, self->whole);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(export, outlives_descriptor_mapping_and_process)
{
	uint64_t id;
	int sockets[2], dmabuf;
	uint8_t *map;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	IN_CHILD(pid) {
		int fd = iobmd_create_huge(self->size, variant->huge);

		map = map_buffer(fd, PROT_READ | PROT_WRITE);
		fill_pattern(map, 0, self->size, 4);
		EXPECT_EQ(0, fd_send(sockets[0], iobmd_export(fd, 0, self->page, 0)));
		id = IOBMD_INFO(fd, id);
		EXPECT_EQ(sizeof(id), write(sockets[0], &id, sizeof(id)));
	}
	EXPECT_EQ(0, child_status(pid));
	dmabuf = fd_receive(sockets[1]);
	ASSERT_EQ(sizeof(id), read(sockets[1], &id, sizeof(id)));
	EXPECT_EQ(1, buffer_listed(id));
	map = map_dmabuf(dmabuf, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, check_pattern(map, self->page, self->size - self->page, 4));
	EXPECT_EQ(0, faults(map, true));
	close(dmabuf);
	EXPECT_EQ(1, buffer_listed(id));
	munmap(map, self->whole - self->page);
	EXPECT_EQ(0, buffer_listed(id));
}

TEST_F(export, never_received_goes_with_its_socket)
{
	uint64_t id = IOBMD_INFO(self->fd, id);
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	ASSERT_EQ(0, fd_send(sockets[0], self->dmabuf));
	close(self->dmabuf);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, 1));
	munmap(self->map, self->whole);
	close(self->fd);
	EXPECT_EQ(1, buffer_listed(id));
	close(sockets[0]);
	close(sockets[1]);
	AWAIT(!buffer_listed(id));
}

TEST_F(export, takes_and_leaves_one_descriptor)
{
	struct rlimit limit = { .rlim_cur = next_fd(), .rlim_max = 1024 };
	int next = next_fd();

	close(iobmd_export(self->fd, 0, 0, 0));
	EXPECT_EQ(next, next_fd());
	EXPECT_ERRNO(EINVAL, iobmd_export(self->fd, 0, 1, 0));
	EXPECT_EQ(next, next_fd());
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_ERRNO(EMFILE, iobmd_export(self->fd, 0, 0, 0));
	EXPECT_ERRNO(EMFILE, iobmd_derive(self->fd, 0, 0, 0));
	close(self->dmabuf);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(export, races_with_close_and_resize)
{
	pid_t pid[2];

	for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
		IN_CHILD(pid[i]) {
			for (int n = 0; n < 200; n++) {
				int dmabuf = iobmd_export(self->fd, n & 1, 0, self->page);
				void *map = map_dmabuf(dmabuf, PROT_READ);

				ASSERT_NE(MAP_FAILED, map);
				close(dmabuf);
				EXPECT_EQ(0, faults(map, false));
				munmap(map, self->page);
			}
		}
	}
	close(self->dmabuf);
	for (int n = 0; n < 200; n++) {
		iobmd_resize(self->fd, 2 * self->page);
		iobmd_resize(self->fd, self->size);
	}
	EXPECT_EQ(0, child_status(pid[0]));
	EXPECT_EQ(0, child_status(pid[1]));
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_HARNESS_MAIN
