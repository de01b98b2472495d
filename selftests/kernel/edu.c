// SPDX-License-Identifier: GPL-2.0
/*
 * A real device's DMA goes to and from a buffer itself: the example driver with
 * QEMU's edu device, which takes 0.1 s for every transfer.
 */
#include "edu_device.h"
#include "machine.h"
#include "node.h"
#include "peer.h"

#include <sys/mman.h>

/* The memory of a machine's last node begins above, if there is another. */
#define EDU_REACH	(256 * MIB)

FIXTURE(edu)
{
	size_t page;
	uint64_t size;
	int fd;
	int edu;
	uint8_t *map;
	char name[32];
};

FIXTURE_VARIANT(edu)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(edu, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(edu, huge) { .huge = IOBMD_HUGE_PREFER };

static uint64_t size_of_use(void)
{
	return 2 * huge_page_size() + 3 * page_size();
}

/* The driver is loaded for each case, and must go after it. */
FIXTURE_SETUP(edu)
{
	self->page = page_size();
	self->size = size_of_use();
	ASSERT_TRUE(edu_find(self->name)) {
		TH_LOG("no edu device (scripts/vm --edu)");
	}
	ASSERT_EQ(0, module_load(EDU_KO));
	self->edu = edu_open();
	ASSERT_LE(0, self->edu) {
		TH_LOG("the driver does not take the device; the kernel log says why");
		module_unload("iobmd_edu");
	}
	self->fd = create_on_node(self->size, node_last(), variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = map_buffer(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
}

FIXTURE_TEARDOWN_PARENT(edu)
{
	EXPECT_EQ(0, module_unload("iobmd_edu"));
	EXPECT_FALSE(exists(EDU_DEVICE));
	EXPECT_EQ(0, buffers_listed(0));
}

#define ATTACH(self) ASSERT_EQ(0, edu_attach((self)->edu, (self)->fd, READ_WRITE))

/* Out of @from and into @to, which another mapping sees, and nothing beside it. */
static void round_trip(struct __test_metadata *_metadata, FIXTURE_DATA(edu) *self,
		       uint64_t from, uint64_t to, uint32_t at, uint32_t length)
{
	uint64_t low = to > 64 ? to - 64 : 0;
	uint64_t high = to + length + 64 < self->size ? to + length + 64 : self->size;

	memset(self->map + low, 0x5a, high - low);
	fill_pattern(self->map + from, from, length, at);
	ASSERT_EQ(0, edu_out(self->edu, from, at, length));
	ASSERT_EQ(0, edu_in(self->edu, to, at, length));
	EXPECT_EQ(-1, check_bytes(self->map + low, to - low, 0x5a));
	EXPECT_EQ(-1, check_pattern(self->map + to, from, length, at));
	EXPECT_EQ(-1, check_bytes(self->map + to + length, high - to - length, 0x5a));
}

TEST_F(edu, moves_bytes_from_and_to_every_kind_of_offset)
{
	uint64_t huge = huge_page_size(), page = self->page, end = self->size;

	ATTACH(self);
	round_trip(_metadata, self, 0, huge, 0, EDU_SIZE);
	round_trip(_metadata, self, huge + 1, 3, 5, 1);
	round_trip(_metadata, self, page - 1, huge - 1, 1, 2);
	round_trip(_metadata, self, 7 * page + 123, huge - 2000, 95, 4000);
	round_trip(_metadata, self, huge + 511, end - EDU_SIZE, 0, EDU_SIZE);
	round_trip(_metadata, self, end - 1, 0, EDU_SIZE - 1, 1);
}

TEST_F(edu, refuses_what_lies_outside_of_buffer_or_device)
{
	uint64_t end = self->size;
	int edu = self->edu;

	EXPECT_ERRNO(ENOTCONN, edu_out(edu, 0, 0, 1));
	EXPECT_ERRNO(ENOTCONN, edu_detach(edu));
	ATTACH(self);
	EXPECT_ERRNO(EINVAL, edu_out(edu, 0, 0, 0));
	EXPECT_ERRNO(EINVAL, edu_out(edu, end, 0, 1));
	EXPECT_ERRNO(EINVAL, edu_in(edu, end - 1, 0, 2));
	EXPECT_ERRNO(EINVAL, edu_in(edu, UINT64_MAX, 0, 1));
	EXPECT_ERRNO(EINVAL, edu_in(edu, UINT64_MAX - 3, 0, 4));
	EXPECT_ERRNO(EINVAL, edu_in(edu, 1ull << 63, 0, 1));
	EXPECT_ERRNO(EINVAL, edu_in(edu, 0, EDU_SIZE, 1));
	EXPECT_ERRNO(EINVAL, edu_in(edu, 0, 1, EDU_SIZE));
	EXPECT_ERRNO(EINVAL, edu_in(edu, 0, 0, UINT32_MAX));
	EXPECT_ERRNO(EINVAL, edu_in(edu, 0, UINT32_MAX, 2));
	EXPECT_ERRNO(EINVAL, edu_transfer(edu, 0, 0, 0, 1));
	EXPECT_ERRNO(EINVAL, edu_transfer(edu, 3, 0, 0, 1));
	EXPECT_EQ(-1, check_bytes(self->map, self->size, 0));
}

TEST_F(edu, refuses_other_files)
{
	EXPECT_ERRNO(EBADF, edu_attach(self->edu, -1, READ_WRITE));
	EXPECT_ERRNO(EINVAL, edu_attach(self->edu, self->edu, READ_WRITE));
	EXPECT_ERRNO(EINVAL, edu_attach(self->edu, self->fd, 0));
	EXPECT_ERRNO(EINVAL, edu_attach(self->edu, self->fd, UINT32_MAX));
	ATTACH(self);
	EXPECT_ERRNO(EBUSY, edu_attach(self->edu, self->fd, READ_WRITE));
	EXPECT_EQ(0, edu_detach(self->edu));
	ATTACH(self);
}

/* The device reaches 256 MiB: an IOMMU or bounce buffers have to help. */
TEST_F(edu, reaches_memory_beyond_its_address_mask)
{
	self->map[self->page] = 0x77;
	if (page_frame(self->map + self->page) * self->page < EDU_REACH)
		SKIP(return, "the buffer lies within the device's reach");
	ATTACH(self);
	round_trip(_metadata, self, self->page, 3 * self->page, 0, EDU_SIZE);
}

TEST_F(edu, another_process_sees_the_data_in_place)
{
	struct peer peer = peer_start(-1, NULL, 0);

	ASSERT_EQ(0, peer_give(&peer, self->fd));
	ATTACH(self);
	ASSERT_EQ(0, peer_write(&peer, 4242, 0xa5));
	ASSERT_EQ(0, edu_out(self->edu, 4242, 17, 1));
	ASSERT_EQ(0, edu_in(self->edu, self->size - 1, 17, 1));
	EXPECT_EQ(0xa5, peer_read(&peer, self->size - 1));
	EXPECT_EQ(0, peer_stop(&peer));
}

/* Those bytes share a page with what the device writes. */
TEST_F(edu, what_the_cpu_writes_beside_a_transfer_stays)
{
	uint32_t *counter = (uint32_t *)self->map;
	bool *stop = shared_memory(sizeof(*stop));
	uint32_t seen = 0;
	pid_t pid;

	ATTACH(self);
	ASSERT_EQ(0, edu_out(self->edu, self->page, 0, 64));
	IN_CHILD(pid) {
		while (!__atomic_load_n(stop, __ATOMIC_SEQ_CST)) {
			ASSERT_EQ(seen, *(volatile uint32_t *)counter);
			__atomic_store_n(counter, ++seen, __ATOMIC_SEQ_CST);
		}
	}
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(0, edu_in(self->edu, 128, 0, 64));
	__atomic_store_n(stop, true, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, child_status(pid));
}

TEST_F(edu, honours_the_direction_of_the_buffer)
{
	struct iobmd_create out = { .capacity = 1, .direction = IOBMD_DIRECTION_OUT };
	struct iobmd_create in = { .capacity = 1, .direction = IOBMD_DIRECTION_IN };
	int out_fd = iobmd_create_args(&out), in_fd = iobmd_create_args(&in);

	ASSERT_EQ(0, edu_attach(self->edu, out_fd, READ_WRITE));
	EXPECT_EQ(0, edu_out(self->edu, 0, 0, 1));
	EXPECT_ERRNO(EACCES, edu_in(self->edu, 0, 0, 1));
	ASSERT_EQ(0, edu_detach(self->edu));
	ASSERT_EQ(0, edu_attach(self->edu, in_fd, READ_WRITE));
	EXPECT_EQ(0, edu_in(self->edu, 0, 0, 1));
	EXPECT_ERRNO(EACCES, edu_out(self->edu, 0, 0, 1));
	ASSERT_EQ(0, edu_detach(self->edu));
	ASSERT_EQ(0, edu_attach(self->edu, self->fd, IOBMD_RIGHT_READ));
	EXPECT_ERRNO(EACCES, edu_in(self->edu, 0, 0, 1));
}

TEST_F(edu, only_reads_through_a_read_only_descriptor)
{
	int fd = iobmd_derive(self->fd, IOBMD_DERIVE_F_READ_ONLY, 0, 0);

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EACCES, edu_attach(self->edu, fd, READ_WRITE));
	ASSERT_EQ(0, edu_attach(self->edu, fd, IOBMD_RIGHT_READ));
	EXPECT_EQ(0, edu_out(self->edu, 0, 0, 1));
	EXPECT_ERRNO(EACCES, edu_in(self->edu, 0, 0, 1));
	EXPECT_EQ(-1, check_bytes(self->map, self->page, 0));
}

TEST_F(edu, stays_within_a_window)
{
	int fd = iobmd_window(self->fd, self->page, 100);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, edu_attach(self->edu, fd, READ_WRITE));
	EXPECT_ERRNO(EINVAL, edu_in(self->edu, 0, 0, 101));
	EXPECT_ERRNO(EINVAL, edu_in(self->edu, 100, 0, 1));
	self->map[self->page] = 0x11;
	EXPECT_EQ(0, edu_out(self->edu, 0, 0, 1));
	EXPECT_EQ(0, edu_in(self->edu, 99, 0, 1));
	EXPECT_EQ(0x11, self->map[self->page + 99]);
	EXPECT_EQ(0, self->map[self->page + 100]);
}

TEST_F(edu, attached_buffer_grows_but_does_not_shrink)
{
	ATTACH(self);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, self->size - 1));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size + self->page));
	EXPECT_EQ(0, iobmd_resize(self->fd, self->size));
	EXPECT_ERRNO(EINVAL, edu_out(self->edu, self->size, 0, 1));
	EXPECT_EQ(0, edu_detach(self->edu));
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
}

TEST_F(edu, works_when_the_process_has_closed_the_buffer)
{
	ATTACH(self);
	self->map[0] = 0x33;
	close(self->fd);
	EXPECT_EQ(0, edu_out(self->edu, 0, 0, 1));
	munmap(self->map, self->size);
	EXPECT_EQ(0, edu_in(self->edu, 1, 0, 1));
	EXPECT_EQ(1, buffers_listed(0));
	EXPECT_EQ(0, edu_detach(self->edu));
	AWAIT(!buffers_listed(0));
}

TEST_F(edu, modules_stay_while_in_use)
{
	ATTACH(self);
	munmap(self->map, self->size);
	close(self->fd);
	EXPECT_ERRNO(EWOULDBLOCK, module_unload("iobmd"));
	EXPECT_ERRNO(EWOULDBLOCK, module_unload("iobmd_edu"));
	EXPECT_EQ(0, edu_out(self->edu, 0, 0, 1));
}

static void expect_gone(struct __test_metadata *_metadata, FIXTURE_DATA(edu) *self)
{
	EXPECT_ERRNO(ENODEV, edu_out(self->edu, 0, 0, 1));
	EXPECT_ERRNO(ENODEV, edu_attach(self->edu, self->fd, IOBMD_RIGHT_READ));
	EXPECT_FALSE(exists(EDU_DEVICE));
}

TEST_F(edu, unbound_while_open_and_attached)
{
	int again;

	ATTACH(self);
	ASSERT_EQ(0, edu_out(self->edu, 0, 0, 64));
	ASSERT_EQ(0, edu_unbind(self->name));
	expect_gone(_metadata, self);
	ASSERT_EQ(0, edu_bind(self->name));
	EXPECT_ERRNO(ENODEV, edu_out(self->edu, 0, 0, 1));
	again = open("/dev/iobmd-edu1", O_RDWR | O_CLOEXEC);
	EXPECT_LE(0, again);
	EXPECT_EQ(0, edu_attach(again, self->fd, IOBMD_RIGHT_READ));
	EXPECT_EQ(0, edu_out(again, 0, 0, 64));
	close(self->edu);
	EXPECT_EQ(0, edu_out(again, 0, 0, 64));
	ASSERT_EQ(0, edu_unbind(self->name));
	close(again);
	ASSERT_EQ(0, edu_bind(self->name));
}

/* Each ends in time, or finds the device gone. */
TEST_F(edu, unbound_while_transfers_are_under_way)
{
	pid_t pids[3];

	ATTACH(self);
	ASSERT_EQ(0, edu_out(self->edu, 0, 0, 64));
	for (int i = 0; i < 3; i++) {
		IN_CHILD(pids[i]) {
			while (!edu_in(self->edu, 4096 * i, 0, 64))
				;
			EXPECT_EQ(ENODEV, errno);
		}
	}
	usleep(250 * 1000);
	ASSERT_EQ(0, edu_unbind(self->name));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, child_status(pids[i]));
	expect_gone(_metadata, self);
	EXPECT_ERRNO(EBUSY, iobmd_resize(self->fd, 1));
	close(self->edu);
	EXPECT_EQ(0, iobmd_resize(self->fd, 1));
	ASSERT_EQ(0, edu_bind(self->name));
}

TEST_F(edu, device_removed_while_open)
{
	char path[PATH_MAX];

	ATTACH(self);
	snprintf(path, sizeof(path), EDU_BUS "/%s/remove", self->name);
	ASSERT_EQ(0, file_write(path, "1"));
	expect_gone(_metadata, self);
	close(self->edu);
	ASSERT_EQ(0, file_write("/sys/bus/pci/rescan", "1"));
	AWAIT(exists(EDU_DEVICE));
	self->edu = edu_open();
	ATTACH(self);
	EXPECT_EQ(0, edu_out(self->edu, 0, 0, 64));
}

/* The device takes 100 ms. It must not write to the buffer after the time-out. */
TEST_F(edu, too_slow_a_device_loses_access_until_bound_again)
{
	ATTACH(self);
	memset(self->map, 0x11, 64);
	ASSERT_EQ(0, edu_out(self->edu, 0, 0, 64));
	memset(self->map, 0x22, 64);
	ASSERT_EQ(0, file_write(EDU_TIMEOUT, "8"));
	EXPECT_ERRNO(ETIMEDOUT, edu_in(self->edu, 0, 0, 64));
	ASSERT_EQ(0, file_write(EDU_TIMEOUT, "2000"));
	EXPECT_ERRNO(EIO, edu_in(self->edu, 0, 0, 64));
	usleep(300 * 1000);
	EXPECT_EQ(-1, check_bytes(self->map, 64, 0x22));
	ASSERT_EQ(0, edu_unbind(self->name));
	close(self->edu);
	ASSERT_EQ(0, edu_bind(self->name));
	self->edu = edu_open();
	ATTACH(self);
	EXPECT_EQ(0, edu_in(self->edu, 0, 0, 64));
	EXPECT_EQ(-1, check_bytes(self->map, 64, 0x11));
}

TEST_F(edu, process_killed_during_a_transfer)
{
	pid_t pid;

	ATTACH(self);
	IN_CHILD(pid) {
		while (!edu_in(self->edu, 0, 0, 64))
			;
	}
	usleep(50 * 1000);
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_status(pid));
	EXPECT_EQ(0, edu_out(self->edu, 0, 0, 64));
}

TEST_HARNESS_MAIN
