// SPDX-License-Identifier: GPL-2.0
/* Memory that is still in use after the last close stays charged until it is free. */
#include "modules.h"
#include "pin.h"
#include "users.h"

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#define USER_MIB	64

FIXTURE(leftover)
{
	uint64_t max_user_mib;
	uint64_t huge;
	uint64_t ceiling;	/* of a user, a multiple of @huge */
	int device;
	int pipe[2];
	uint8_t drain[65536];
};

FIXTURE_SETUP(leftover)
{
	self->max_user_mib = parameter("max_user_mib");
	ASSERT_EQ(0, parameter_set("max_user_mib", USER_MIB));
	self->huge = huge_page_size();
	self->ceiling = USER_MIB * MIB;
	self->device = iobmd_open();
	ASSERT_LE(0, self->device);
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK));
}

FIXTURE_TEARDOWN_PARENT(leftover)
{
	if (!exists(MODULE_DIR)) {
		EXPECT_EQ(0, module_load(IOBMD_KO));
	}
	EXPECT_EQ(0, parameter_set("max_user_mib", self->max_user_mib));
	EXPECT_EQ(0, buffers_listed(0));
}

/* A way to have the kernel keep one byte of a buffer, at @offset */
enum way { BY_SPLICE, BY_VMSPLICE, BY_SENDFILE };

FIXTURE_VARIANT(leftover)
{
	enum way way;
};

FIXTURE_VARIANT_ADD(leftover, spliced) { .way = BY_SPLICE };
FIXTURE_VARIANT_ADD(leftover, vmspliced) { .way = BY_VMSPLICE };
FIXTURE_VARIANT_ADD(leftover, sent) { .way = BY_SENDFILE };

/* What a way puts bytes into, and what they are read from. */
struct store {
	int in;
	int out;
};

static int store_open(struct store *store, enum way way)
{
	int ends[2];

	if (way == BY_SENDFILE ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) :
				 pipe2(ends, O_NONBLOCK))
		return -1;
	store->in = ends[1];
	store->out = ends[0];
	return 0;
}

static ssize_t put_mapped(int in, int fd, off_t offset)
{
	uint8_t *map = map_buffer(fd, PROT_READ | PROT_WRITE);
	struct iovec iov = { .iov_len = 1 };
	ssize_t put;

	if (map == MAP_FAILED)
		return -1;
	iov.iov_base = map + offset;
	put = vmsplice(in, &iov, 1, SPLICE_F_NONBLOCK);
	munmap(map, page_round(IOBMD_INFO(fd, length)));
	return put;
}

/* One byte of @fd goes into @store, in place: 1, or what the call says. */
static ssize_t put_byte(const struct store *store, enum way way, int fd, off_t offset)
{
	switch (way) {
	case BY_SPLICE:
		return splice(fd, &offset, store->in, NULL, 1, SPLICE_F_NONBLOCK);
	case BY_VMSPLICE:
		return put_mapped(store->in, fd, offset);
	case BY_SENDFILE:
		return sendfile(store->in, fd, &offset, 1);
	}
	return -1;
}

/* Fails if a buffer cannot be made or its byte not put. */
static ssize_t leave_byte(int device, const struct store *store, enum way way,
			  uint64_t capacity, uint32_t huge)
{
	int fd = create_on(device, capacity, huge);
	ssize_t put;

	if (fd < 0)
		return -1;
	put = put_byte(store, way, fd, 0);
	close(fd);
	return put;
}

/*
 * Makes buffers, each of which leaves a byte in a store of its own (a socket may keep all
 * pages until it is empty), until one is refused: how many.
 */
static int leave_many(int device, struct store *stores, int nr, enum way way,
		      uint64_t capacity, uint32_t huge)
{
	int made = 0;

	while (made < nr && leave_byte(device, &stores[made], way, capacity, huge) == 1)
		made++;
	return made;
}

#define STORES	64

TEST_F(leftover, byte_keeps_a_huge_page_charged)
{
	int most = self->ceiling / self->huge, made;
	struct store stores[STORES];

	ASSERT_EQ(0, become(USER_ONE));
	for (int i = 0; i < STORES; i++)
		ASSERT_EQ(0, store_open(&stores[i], variant->way));
	made = leave_many(self->device, stores, STORES, variant->way, self->huge,
			  IOBMD_HUGE_PREFER);
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_EQ(most, made);
	EXPECT_ERRNO(EDQUOT, create_on(self->device, 1, IOBMD_HUGE_NONE));

	/* One byte taken out makes room for one buffer. */
	ASSERT_EQ(1, read(stores[0].out, self->drain, 1));
	EXPECT_ERRNO(EDQUOT, create_on(self->device, self->huge + 1, IOBMD_HUGE_PREFER));
	EXPECT_LE(0, create_on(self->device, self->huge, IOBMD_HUGE_PREFER));
	EXPECT_ERRNO(EDQUOT, create_on(self->device, 1, IOBMD_HUGE_NONE));
}

TEST_F(leftover, memory_is_there_again_when_all_have_let_go)
{
	struct store stores[STORES];

	ASSERT_EQ(0, become(USER_ONE));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < STORES; i++)
			ASSERT_EQ(0, store_open(&stores[i], variant->way));
		EXPECT_EQ((int)(self->ceiling / self->huge),
			  leave_many(self->device, stores, STORES, variant->way, self->huge,
				     IOBMD_HUGE_PREFER));
		for (int i = 0; i < STORES; i++) {
			close(stores[i].in);
			close(stores[i].out);
		}
	}
	EXPECT_LE(0, create_on(self->device, self->ceiling, IOBMD_HUGE_PREFER));
}

TEST_F(leftover, only_what_is_in_use_stays_charged)
{
	struct store store, other;
	int fd;

	ASSERT_EQ(0, store_open(&store, variant->way));
	ASSERT_EQ(0, store_open(&other, variant->way));
	ASSERT_EQ(0, become(USER_ONE));
	fd = create_on(self->device, self->ceiling, IOBMD_HUGE_PREFER);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, put_byte(&store, variant->way, fd, 3 * self->huge));
	ASSERT_EQ(1, put_byte(&store, variant->way, fd, 3 * self->huge + page_size()));
	ASSERT_EQ(1, put_byte(&other, variant->way, fd, 9 * self->huge));
	close(fd);
	EXPECT_ERRNO(EDQUOT, create_on(self->device, self->ceiling - 2 * self->huge + 1,
				       IOBMD_HUGE_NONE));
	fd = create_on(self->device, self->ceiling - 2 * self->huge, IOBMD_HUGE_NONE);
	EXPECT_LE(0, fd);
	close(fd);
	ASSERT_EQ(1, read(store.out, self->drain, 1));
	EXPECT_ERRNO(EDQUOT, create_on(self->device, self->ceiling - self->huge,
				       IOBMD_HUGE_NONE));
	ASSERT_EQ(1, read(store.out, self->drain, 1));
	EXPECT_LE(0, create_on(self->device, self->ceiling - self->huge, IOBMD_HUGE_NONE));
}

/* A buffer that shrinks in time takes the charge of what goes with it. */
TEST_F(leftover, is_not_charged_twice_after_a_shrink)
{
	struct store store;
	int fd;

	ASSERT_EQ(0, store_open(&store, variant->way));
	ASSERT_EQ(0, become(USER_ONE));
	fd = create_on(self->device, self->ceiling, IOBMD_HUGE_PREFER);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, put_byte(&store, variant->way, fd, 0));
	ASSERT_EQ(0, iobmd_resize(fd, self->huge));
	close(fd);
	fd = create_on(self->device, self->ceiling - self->huge, IOBMD_HUGE_PREFER);
	EXPECT_LE(0, fd);
	EXPECT_ERRNO(EDQUOT, create_on(self->device, 1, IOBMD_HUGE_NONE));
	close(store.out);
	close(store.in);
	EXPECT_LE(0, create_on(self->device, self->huge, IOBMD_HUGE_PREFER));
}

TEST_F(leftover, is_freed_without_a_further_call)
{
	struct cgroup group;
	struct store store;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, cgroup_create(&group, "iobmd_leftover"));
	ASSERT_EQ(0, store_open(&store, variant->way));
	IN_CHILD(pid) {
		ASSERT_EQ(0, cgroup_join(&group));
		ASSERT_EQ(0, become(USER_ONE));
		fd = create_on(self->device, 8 * self->huge, IOBMD_HUGE_REQUIRE);
		ASSERT_LE(0, fd);
		for (uint64_t at = 0; at < 8 * self->huge; at += self->huge)
			ASSERT_EQ(1, put_byte(&store, variant->way, fd, at));
		close(fd);
	}
	ASSERT_EQ(0, child_status(pid));
	EXPECT_LE(8 * self->huge, cgroup_charged(&group));
	ASSERT_EQ(8, read(store.out, self->drain, sizeof(self->drain)));
	AWAIT(cgroup_charged(&group) < self->huge);
	AWAIT(!cgroup_free(&group));
}

/* Small pages, of which other CPUs may have some in their batches, too. */
TEST_F(leftover, of_small_pages_is_exact)
{
	uint64_t page = page_size();
	struct store store;
	int fd;

	ASSERT_EQ(0, store_open(&store, variant->way));
	ASSERT_EQ(0, become(USER_ONE));
	fd = create_on(self->device, self->ceiling, IOBMD_HUGE_NONE);
	ASSERT_LE(0, fd);
	for (int i = 0; i < 8; i++)
		ASSERT_EQ(1, put_byte(&store, variant->way, fd, 2 * i * page));
	close(fd);
	EXPECT_ERRNO(EDQUOT, create_on(self->device, self->ceiling - 7 * page, IOBMD_HUGE_NONE));
	fd = create_on(self->device, self->ceiling - 8 * page, IOBMD_HUGE_NONE);
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_EQ(8, read(store.out, self->drain, sizeof(self->drain)));
	EXPECT_LE(0, create_on(self->device, self->ceiling, IOBMD_HUGE_NONE));
}

TEST_F(leftover, of_another_user_does_not_count)
{
	struct store store;
	pid_t pid;

	ASSERT_EQ(0, store_open(&store, variant->way));
	IN_CHILD(pid) {
		ASSERT_EQ(0, become(USER_TWO));
		ASSERT_EQ(1, leave_byte(self->device, &store, variant->way, self->ceiling,
					IOBMD_HUGE_PREFER));
		EXPECT_ERRNO(EDQUOT, create_on(self->device, self->ceiling, IOBMD_HUGE_PREFER));
	}
	EXPECT_EQ(0, child_status(pid));
	ASSERT_EQ(0, become(USER_ONE));
	EXPECT_LE(0, create_on(self->device, self->ceiling, IOBMD_HUGE_PREFER));
}

TEST_F(leftover, does_not_keep_the_module)
{
	uint8_t first[] = { 1, 2 }, second[] = { 3, 4 };
	struct store store;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, store_open(&store, variant->way));
	IN_CHILD(pid) {
		ASSERT_EQ(0, become(USER_ONE));
		fd = create_on(self->device, 2 * self->huge, IOBMD_HUGE_PREFER);
		ASSERT_EQ(2, pwrite(fd, first, 2, 0));
		ASSERT_EQ(2, pwrite(fd, second, 2, self->huge));
		ASSERT_EQ(1, put_byte(&store, variant->way, fd, 1));
		ASSERT_EQ(1, put_byte(&store, variant->way, fd, self->huge));
	}
	ASSERT_EQ(0, child_status(pid));
	close(self->device);
	ASSERT_EQ(0, module_unload("iobmd"));
	ASSERT_EQ(2, read(store.out, self->drain, sizeof(self->drain)));
	EXPECT_EQ(2, self->drain[0]);
	EXPECT_EQ(3, self->drain[1]);
}

TEST_HARNESS_MAIN
