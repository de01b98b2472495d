// SPDX-License-Identifier: GPL-2.0
/* Descriptors, composites and exports count for the user that makes them. */
#include "composite.h"
#include "users.h"

#include <sys/mman.h>

#define USER_MIB	8
#define FILES		20000

/* The ceiling of objects: an eighth of the user's, in bytes */
#define CEILING		(USER_MIB * MIB / 8)

FIXTURE(objects)
{
	uint64_t max_user_mib;
	int device;
	int fd;			/* a buffer of one page, of root */
};

/*
 * @make makes an object from a buffer. @least and @most: what it takes, in bytes;
 * structs of the kernel differ.
 */
FIXTURE_VARIANT(objects)
{
	int (*make)(int device, int fd);
	uint64_t least;
	uint64_t most;
};

static int make_buffer(int device, int fd)
{
	return create_on(device, 1, IOBMD_HUGE_NONE);
}

static int make_descriptor(int device, int fd)
{
	return iobmd_derive(fd, 0, 0, 0);
}

static int make_by_link(int device, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int make_window(int device, int fd)
{
	return iobmd_window(fd, 0, 1);
}

static int make_hold(int device, int fd)
{
	return iobmd_derive(fd, IOBMD_DERIVE_F_HOLD | IOBMD_DERIVE_F_READ_ONLY, 0, 0);
}

static int make_export(int device, int fd)
{
	return iobmd_export(fd, 0, 0, 0);
}

static int make_composite(int device, int fd)
{
	struct iobmd_compose_part parts[IOBMD_COMPOSE_MAX];

	for (int i = 0; i < IOBMD_COMPOSE_MAX; i++)
		parts[i] = part(fd, 0, page_size());
	return iobmd_compose_on(device, 0, parts, IOBMD_COMPOSE_MAX);
}

/* Of a composite, each of whose parts is one of its own */
static int make_composite_of_one(int device, int fd)
{
	int first = make_composite(device, fd), second;
	struct iobmd_compose_part whole = part(first, 0, 0);

	if (first < 0)
		return -1;
	second = iobmd_compose_on(device, IOBMD_COMPOSE_F_READ_ONLY, &whole, 1);
	close(first);
	return second;
}

FIXTURE_VARIANT_ADD(objects, buffer) { make_buffer, 900, 4 * KIB };
FIXTURE_VARIANT_ADD(objects, descriptor) { make_descriptor, 300, 2 * KIB };
FIXTURE_VARIANT_ADD(objects, by_link) { make_by_link, 300, 2 * KIB };
FIXTURE_VARIANT_ADD(objects, window) { make_window, 300, 2 * KIB };
FIXTURE_VARIANT_ADD(objects, hold) { make_hold, 300, 2 * KIB };
FIXTURE_VARIANT_ADD(objects, export) { make_export, KIB, 6 * KIB };
FIXTURE_VARIANT_ADD(objects, composite) { make_composite, 64 * KIB, 160 * KIB };
FIXTURE_VARIANT_ADD(objects, composite_of_one) { make_composite_of_one, 64 * KIB, 160 * KIB };

FIXTURE_SETUP(objects)
{
	self->max_user_mib = parameter("max_user_mib");
	ASSERT_EQ(0, parameter_set("max_user_mib", USER_MIB));
	ASSERT_EQ(0, allow_many_files(FILES));
	self->device = iobmd_open();
	ASSERT_LE(0, self->device);
	self->fd = iobmd_create(page_size());
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN_PARENT(objects)
{
	EXPECT_EQ(0, parameter_set("max_user_mib", self->max_user_mib));
	AWAIT(buffers_listed(0) == 0);
}

static int objects[FILES];

/* As many as there may be; the last call's errno is left. */
static int make_many(int (*make)(int device, int fd), int device, int fd)
{
	int made = 0;

	while (made < FILES && (objects[made] = make(device, fd)) >= 0)
		made++;
	return made;
}

static void close_many(int made)
{
	while (made)
		close(objects[--made]);
}

TEST_F(objects, are_refused_over_the_ceiling)
{
	int made;

	ASSERT_EQ(0, become(USER_ONE));
	made = make_many(variant->make, self->device, self->fd);
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_GE(CEILING / variant->least, made);
	EXPECT_LE(CEILING / variant->most - 1, made);
	EXPECT_EQ(page_size(), IOBMD_INFO(self->fd, capacity));
}

TEST_F(objects, make_room_when_they_are_closed)
{
	int made;

	ASSERT_EQ(0, become(USER_ONE));
	made = make_many(variant->make, self->device, self->fd);
	for (int round = 0; round < 2; round++) {
		close_many(made);
		EXPECT_EQ(made, make_many(variant->make, self->device, self->fd));
	}
}

TEST_F(objects, of_one_user_are_no_concern_of_another)
{
	pid_t pid;

	IN_CHILD(pid) {
		ASSERT_EQ(0, become(USER_ONE));
		make_many(variant->make, self->device, self->fd);
		EXPECT_ERRNO(EDQUOT, variant->make(self->device, self->fd));
		/* USER_ONE's objects live as long as this process. */
		IN_CHILD(pid) {
			EXPECT_ERRNO(EDQUOT, variant->make(self->device, self->fd));
		}
		EXPECT_EQ(0, child_status(pid));
	}
	EXPECT_EQ(0, child_status(pid));
	ASSERT_EQ(0, become(USER_TWO));
	EXPECT_LE(0, variant->make(self->device, self->fd));
}

/* That of the memory is exact whatever the objects take. */
TEST_F(objects, leave_the_ceiling_of_memory_alone)
{
	int fd, made;

	ASSERT_EQ(0, become(USER_ONE));
	fd = create_on(self->device, USER_MIB * MIB - MIB, IOBMD_HUGE_NONE);
	ASSERT_LE(0, fd);
	made = make_many(variant->make, self->device, self->fd);
	EXPECT_LT(0, made);
	EXPECT_EQ(EDQUOT, errno);
	if (variant->make != make_buffer) {
		EXPECT_EQ(0, iobmd_resize(fd, USER_MIB * MIB));
		EXPECT_ERRNO(EDQUOT, iobmd_resize(fd, USER_MIB * MIB + 1));
	}
}

TEST_F(objects, of_the_exempt_have_no_ceiling)
{
	uint64_t more = 2 * CEILING / variant->least;

	for (uint64_t i = 0; i < more; i++)
		ASSERT_LE(0, variant->make(self->device, self->fd));
}

/* What is refused has not come into being, and leaves the parts as they were. */
TEST_F(objects, that_are_refused_leave_nothing)
{
	int mine, refused;
	pid_t pid;

	IN_CHILD(pid) {
		ASSERT_EQ(0, become(USER_ONE));
		mine = create_on(self->device, 2 * page_size(), IOBMD_HUGE_NONE);
		make_many(variant->make, self->device, self->fd);
		refused = variant->make(self->device, mine);
		EXPECT_EQ(-1, refused);
		EXPECT_EQ(0, iobmd_resize(mine, page_size()));
		EXPECT_EQ(0, iobmd_seal(mine, IOBMD_SEAL_WRITE));
	}
	EXPECT_EQ(0, child_status(pid));
	AWAIT(iobmd_resize(self->fd, 1) == 0);
}

TEST_HARNESS_MAIN
