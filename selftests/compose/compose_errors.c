// SPDX-License-Identifier: GPL-2.0
/* COMPOSE: what it refuses, and that it leaves nothing behind then; rights. */
#include "composite.h"
#include "peer.h"

#include <sys/resource.h>
#include <sys/uio.h>

FIXTURE(refused)
{
	size_t page;
	struct member a;	/* five pages */
	struct member b;	/* three pages and a bit */
	struct iobmd_get_info info_a, info_b;
	int device;
	int next_fd;
};

FIXTURE_SETUP(refused)
{
	self->page = page_size();
	self->device = iobmd_open();
	ASSERT_LE(0, self->device);
	ASSERT_TRUE(member_create(&self->a, 5 * self->page, IOBMD_HUGE_NONE, 1));
	ASSERT_TRUE(member_create(&self->b, 3 * self->page + 100, IOBMD_HUGE_NONE, 2));
	ASSERT_EQ(0, iobmd_get_info(self->a.fd, &self->info_a));
	ASSERT_EQ(0, iobmd_get_info(self->b.fd, &self->info_b));
	self->next_fd = next_fd();
}

/* As it was, and free to be sealed and to shrink. */
static void expect_untouched(struct __test_metadata *_metadata, struct member *member,
			     const struct iobmd_get_info *before)
{
	struct iobmd_get_info info;

	EXPECT_EQ(0, iobmd_get_info(member->fd, &info));
	EXPECT_EQ(0, memcmp(before, &info, sizeof(info)));
	EXPECT_SHOWS(member->map, *member, 0, member->size);
	member_unmap(member);
	EXPECT_EQ(0, iobmd_seal(member->fd, IOBMD_SEAL_WRITE));
	EXPECT_EQ(0, iobmd_resize(member->fd, 1));
}

/* A refused call leaves no hold behind. */
FIXTURE_TEARDOWN(refused)
{
	EXPECT_EQ(self->next_fd, next_fd());
	expect_untouched(_metadata, &self->a, &self->info_a);
	expect_untouched(_metadata, &self->b, &self->info_b);
}

/* Alone, and after a part that is right. */
#define EXPECT_REFUSED(expected, flags, bad) do {			\
	const struct iobmd_compose_part __bad = (bad);			\
									\
	EXPECT_ERRNO(expected, compose(flags, __bad));			\
	EXPECT_ERRNO(expected, compose(flags, part(self->b.fd, 0, self->page), __bad)); \
} while (0)

TEST_F(refused, part_outside_of_the_length_or_within_a_page)
{
	const uint64_t page = self->page, size = self->b.size, huge = UINT64_MAX;
	const struct {
		uint64_t offset, length;
	} bad[] = {
		{ 1, 1 }, { 1, 0 }, { 512, page }, { page - 1, 1 }, { page + 1, 0 },
		{ 0, size + 1 }, { 0, page_round(size) }, { page, size - page + 1 },
		{ page, size }, { size - 1, 1 }, { size, 0 }, { size, 1 },
		{ page_round(size), 0 }, { page_round(size), 1 }, { 2 * page_round(size), 0 },
		{ 0, 1ull << 63 }, { 0, huge }, { 0, huge - page + 1 },
		{ page, huge - page + 1 }, { page, huge - page + 2 }, { page, huge },
		{ 1ull << 63, 0 }, { 1ull << 63, 1 }, { 1ull << 63, 1ull << 63 },
		{ huge - page + 1, 0 }, { huge - page + 1, page }, { huge - page + 1, 2 * page },
		{ huge, 0 }, { huge, 1 }, { huge, huge },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_REFUSED(EINVAL, 0, part(self->b.fd, bad[i].offset, bad[i].length));
}

/* So that what is refused is not all that lies near the edges. */
TEST_F(refused, nothing_within_the_length)
{
	const uint64_t page = self->page, size = self->b.size;
	const struct {
		uint64_t offset, length;
	} good[] = {
		{ 0, 1 }, { 0, page - 1 }, { 0, page }, { 0, page + 1 }, { 0, size - 1 },
		{ 0, size }, { 0, 0 }, { page, size - page }, { 3 * page, 100 }, { 3 * page, 1 },
		{ 3 * page, 0 }, { 2 * page, page },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int fd = compose(0, part(self->b.fd, good[i].offset, good[i].length));

		ASSERT_LE(0, fd);
		EXPECT_EQ(good[i].length ?: size - good[i].offset, IOBMD_INFO(fd, length));
		close(fd);
	}
}

TEST_F(refused, no_parts_or_too_many)
{
	struct iobmd_compose_part parts[IOBMD_COMPOSE_MAX + 1];
	const uint32_t counts[] = { 0, IOBMD_COMPOSE_MAX + 1, 1u << 16, 1u << 31, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = part(self->a.fd, 0, self->page);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		EXPECT_ERRNO(EINVAL, iobmd_compose(0, parts, counts[i]));
		EXPECT_ERRNO(EINVAL, iobmd_compose(1, parts, counts[i]));
	}
	EXPECT_EQ(0, close(iobmd_compose(0, parts, IOBMD_COMPOSE_MAX)));
}

TEST_F(refused, part_with_its_reserved_field_set)
{
	for (int bit = 0; bit < 32; bit++) {
		struct iobmd_compose_part bad = part(self->a.fd, 0, 0);

		bad.__reserved = 1u << bit;
		EXPECT_REFUSED(EINVAL, 0, bad);
	}
}

TEST_F(refused, descriptor_that_is_not_open)
{
	int closed = fcntl(self->a.fd, F_DUPFD_CLOEXEC, 100);

	close(closed);
	EXPECT_REFUSED(EBADF, 0, part(closed, 0, 0));
	EXPECT_REFUSED(EBADF, 0, part(-1, 0, 0));
	EXPECT_REFUSED(EBADF, 0, part(INT_MIN, 0, 0));
	EXPECT_REFUSED(EBADF, 0, part(INT_MAX, 0, 0));
	EXPECT_REFUSED(EBADF, IOBMD_COMPOSE_F_READ_ONLY, part(-1, 0, 0));
}

TEST_F(refused, descriptor_of_something_else)
{
	int dmabuf = iobmd_export(self->a.fd, 0, 0, 0);
	int others[] = {
		self->device, dmabuf, eventfd(0, EFD_CLOEXEC), open("/", O_RDONLY | O_CLOEXEC),
		open("/dev/null", O_RDWR | O_CLOEXEC), memfd_create("memory", MFD_CLOEXEC),
	};
	char path[64];
	int by_path;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		EXPECT_REFUSED(EINVAL, 0, part(others[i], 0, 0));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->a.fd);
	by_path = open(path, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, by_path);
	EXPECT_REFUSED(EBADF, 0, part(by_path, 0, 0));
	close(by_path);
	for (size_t i = 1; i < ARRAY_SIZE(others); i++)
		close(others[i]);
}

TEST_F(refused, array_that_is_no_memory)
{
	const struct iobmd_compose_part good = part(self->a.fd, 0, self->page);
	const size_t size = sizeof(good);
	uint8_t *memory = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *end = memory + self->page;
	const void *const bad[] = {
		NULL, (void *)8, end, (void *)-self->page, (void *)-size,
		(void *)(1ul << (8 * sizeof(long) - 1)),
	};

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, mprotect(end, self->page, PROT_NONE));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_ERRNO(EFAULT, iobmd_compose(0, bad[i], 1));
		EXPECT_ERRNO(EFAULT, iobmd_compose(0, bad[i], IOBMD_COMPOSE_MAX));
	}
	for (size_t left = 1; left < size; left++) {
		memcpy(end - left, &good, left);
		EXPECT_ERRNO(EFAULT, iobmd_compose(0, (void *)(end - left), 1));
	}
	memcpy(end - size, &good, size);
	EXPECT_EQ(0, close(iobmd_compose(0, (void *)(end - size), 1)));
	EXPECT_ERRNO(EFAULT, iobmd_compose(0, (void *)(end - size), 2));
	memcpy(memory + 3, &good, size);
	EXPECT_EQ(0, close(iobmd_compose(0, (void *)(memory + 3), 1)));
}

/* The array may lie in the very memory that is composed, not touched yet. */
TEST_F(refused, not_an_array_in_a_part_itself)
{
	const struct iobmd_compose_part good[] = {
		part(self->a.fd, 0, self->page), part(self->a.fd, 0, 0),
	};
	uint8_t kept[sizeof(good)];
	uint8_t *map, *array;

	memcpy(kept, self->a.map + self->page - 30, sizeof(good));
	ASSERT_EQ(sizeof(good), pwrite(self->a.fd, good, sizeof(good), self->page - 30));
	map = map_buffer(self->a.fd, PROT_READ | PROT_WRITE);
	array = map + self->page - 30;
	EXPECT_EQ(0, close(iobmd_compose(0, (void *)array, ARRAY_SIZE(good))));
	memcpy(array, kept, sizeof(kept));
	munmap(map, self->a.size);
}

TEST_F(refused, part_that_cannot_be_written)
{
	const uint32_t read_only = IOBMD_COMPOSE_F_READ_ONLY;
	int reader = iobmd_derive(self->a.fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
	int window = iobmd_window(reader, 0, self->page);
	int composite = compose(read_only, part(self->a.fd, 0, self->page));
	int fds[] = { reader, window, composite };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		int fd;

		ASSERT_LE(0, fds[i]);
		EXPECT_REFUSED(EACCES, 0, part(fds[i], 0, 0));
		EXPECT_ERRNO(EACCES, compose(0, part(fds[i], 0, self->page),
					     part(self->b.fd, 0, 0)));
		fd = compose(read_only, part(fds[i], 0, self->page), part(self->b.fd, 0, 0));
		EXPECT_LE(0, fd);
		close(fd);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

TEST_F(refused, with_a_full_table)
{
	struct rlimit limit, low;

	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	low.rlim_cur = self->next_fd;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_ERRNO(EMFILE, iobmd_compose_on(self->device, 0,
					      &part(self->a.fd, 0, 0), 1));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
}

FIXTURE(rights)
{
	size_t page;
	struct member a;	/* five pages */
	struct member b;	/* three pages and a bit */
	int reader;		/* of a */
};

FIXTURE_SETUP(rights)
{
	self->page = page_size();
	ASSERT_TRUE(member_create(&self->a, 5 * self->page, IOBMD_HUGE_NONE, 1));
	ASSERT_TRUE(member_create(&self->b, 3 * self->page + 100, IOBMD_HUGE_NONE, 2));
	self->reader = iobmd_derive(self->a.fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);
}

/* Nothing here writes. */
FIXTURE_TEARDOWN(rights)
{
	EXPECT_SHOWS(self->a.map, self->a, 0, self->a.size);
	EXPECT_SHOWS(self->b.map, self->b, 0, self->b.size);
}

TEST_F(rights, read_only_is_so_for_good)
{
	const uint32_t read_only = IOBMD_COMPOSE_F_READ_ONLY;
	int fd = compose(read_only, part(self->a.fd, 0, 0), part(self->b.fd, 0, 0));
	int of_reader = compose(read_only, part(self->b.fd, 0, self->page),
				part(self->reader, 0, 0));
	uint8_t *map = map_buffer(fd, PROT_READ);
	int dmabuf;

	EXPECT_READ_ONLY(fd);
	EXPECT_READ_ONLY(of_reader);
	EXPECT_READ_ONLY(dup(fd));
	EXPECT_READ_ONLY(iobmd_derive(fd, 0, 0, 0));
	EXPECT_READ_ONLY(iobmd_window(fd, self->page, 6 * self->page));
	EXPECT_READ_ONLY(compose(read_only, part(fd, 0, 0)));
	EXPECT_ERRNO(EACCES, iobmd_set_name(fd, "x"));
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_SHOWS(map, self->a, 0, self->a.size);
	EXPECT_EQ(SIGSEGV, faults(map, true));
	EXPECT_ERRNO(EACCES, mprotect(map, self->page, PROT_READ | PROT_WRITE));
	EXPECT_NE(MAP_FAILED, iobmd_map(fd, IOBMD_MAP_F_READ_ONLY, NULL, 0, 0));
	dmabuf = iobmd_export(fd, 0, 0, 0);
	ASSERT_LE(0, dmabuf);
	EXPECT_MAP_ERRNO(EACCES, mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_SHARED,
				      dmabuf, 0));
}

TEST_F(rights, read_only_mapping_is_no_place_to_write_to)
{
	int fd = compose(IOBMD_COMPOSE_F_READ_ONLY, part(self->a.fd, 0, 0));
	uint8_t *map = map_buffer(fd, PROT_READ);
	struct peer peer = peer_start(fd, map, self->a.size);
	struct iovec local = { "x", 1 }, remote = { map, 1 };
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC), memory;
	char path[64];

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_ERRNO(EFAULT, read(zero, map, 1));
	EXPECT_EQ(-SIGSEGV, peer_write(&peer, 0, 'x'));
	EXPECT_ERRNO(EFAULT, process_vm_writev(peer.pid, &local, 1, &remote, 1, 0));
	snprintf(path, sizeof(path), "/proc/%d/mem", peer.pid);
	memory = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, memory);
	EXPECT_EQ(-1, pwrite(memory, "x", 1, (uintptr_t)map));
	EXPECT_EQ(self->a.map[7], peer_read(&peer, 7));
	EXPECT_EQ(0, peer_stop(&peer));
}

TEST_F(rights, sizes_and_seals_are_nobodys)
{
	int fds[] = {
		compose(0, part(self->a.fd, 0, 0)), -1, -1,
		compose(IOBMD_COMPOSE_F_READ_ONLY, part(self->a.fd, 0, 0)),
	};

	fds[1] = iobmd_derive(fds[0], 0, 0, 0);
	fds[2] = iobmd_window(fds[0], 0, self->page);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		ASSERT_LE(0, fds[i]);
		EXPECT_ERRNO(EACCES, iobmd_resize(fds[i], self->a.size));
		EXPECT_ERRNO(EACCES, iobmd_set_length(fds[i], 1));
		EXPECT_ERRNO(EACCES, iobmd_seal(fds[i], 0));
		EXPECT_ERRNO(EACCES, iobmd_seal(fds[i], IOBMD_SEAL_WRITE));
		EXPECT_EQ(-1, ftruncate(fds[i], 0));
	}
}

TEST_F(rights, sealed_part_makes_a_read_only_one)
{
	struct iobmd_compose_part sealed = part(self->a.fd, 0, self->page);
	int fd;

	member_unmap(&self->a);
	ASSERT_EQ(0, iobmd_seal(self->a.fd, IOBMD_SEAL_WRITE));
	self->a.map = map_buffer(self->a.fd, PROT_READ);
	EXPECT_ERRNO(EPERM, compose(0, sealed));
	EXPECT_ERRNO(EPERM, compose(0, part(self->b.fd, 0, self->page), sealed));
	EXPECT_ERRNO(EPERM, compose(0, sealed, part(self->b.fd, 0, self->page)));
	fd = compose(IOBMD_COMPOSE_F_READ_ONLY, sealed, part(self->b.fd, 0, self->page));
	EXPECT_READ_ONLY(fd);
	EXPECT_SHOWS(map_buffer(fd, PROT_READ), self->a, 0, self->page);
	close(fd);
	/* What was refused does not keep the other buffer from being sealed */
	member_unmap(&self->b);
	EXPECT_EQ(0, iobmd_seal(self->b.fd, IOBMD_SEAL_WRITE));
	self->b.map = map_buffer(self->b.fd, PROT_READ);
}

TEST_HARNESS_MAIN
