// SPDX-License-Identifier: GPL-2.0
/* The rules that every command follows alike. Built for 64 and for 32 bit. */
#include "iobmd_test.h"

/* The struct in front of every argument */
struct header {
	uint32_t size;
	uint32_t flags;
};

/* One variant per command: see commands.h. */
FIXTURE_VARIANT(command) {
	unsigned int request;
	bool on_device;
	bool on_both;		/* and on a descriptor as well */
	bool writes_back;
	size_t size;
	uint32_t known_flags;
	size_t reserved;	/* offset of the reserved field, if any */
	void (*fill)(int fd, void *args);
	bool (*undo)(int fd, int result, const void *args);
};

/* What a test finds and has to leave behind: a buffer of two pages */
FIXTURE(command) {
	int device;
	int fd;
	uint8_t *args;		/* four pages, all zero, then nothing */
	uint8_t *end;		/* of these pages */
	struct iobmd_get_info info;
	int next_fd;
};

#define VARIANT(verb, VERB, _number, where, flags, _reserved)		\
	FIXTURE_VARIANT_ADD(command, verb) {				\
		.request = IOBMD_IOC_##VERB,				\
		.on_device = (where) & ON_DEVICE,			\
		.on_both = (where) & ON_DEVICE && (where) & ON_BUFFER,	\
		.writes_back = (where) & ANSWERS,			\
		.size = sizeof(struct iobmd_##verb),			\
		.known_flags = (flags),					\
		.reserved = (_reserved),				\
		.fill = command_fill_##verb,				\
		.undo = command_undo_##verb,				\
	};

COMMANDS(VARIANT)

FIXTURE_SETUP(command)
{
	size_t size = 4 * page_size();

	self->device = iobmd_open();
	ASSERT_LE(0, self->device);
	self->fd = iobmd_create(2 * page_size());
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, iobmd_get_info(self->fd, &self->info));
	self->args = mmap(NULL, size + page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->args);
	self->end = self->args + size;
	ASSERT_EQ(0, mprotect(self->end, page_size(), PROT_NONE));
	self->next_fd = next_fd();
}

/* Whatever a test did, the buffer is as it was and nothing has been left over. */
FIXTURE_TEARDOWN(command)
{
	struct iobmd_get_info info;

	EXPECT_EQ(0, iobmd_get_info(self->fd, &info));
	EXPECT_EQ(0, memcmp(&self->info, &info, sizeof(info)));
	EXPECT_FALSE(command_has_name(self->fd));
	EXPECT_EQ(0, count_mappings(info.id));
	EXPECT_EQ(self->next_fd, next_fd());
}

#define issue(args)	ioctl(variant->on_device ? self->device : self->fd, \
			      variant->request, args)

/* Puts a valid argument of @size bytes where @at points to. */
#define fill(at, _size) do {						\
	struct header __header = { .size = (_size) };			\
									\
	variant->fill(self->fd, at);						\
	memcpy(at, &__header, sizeof(__header));			\
} while (0)

#define EXPECT_WORKS(at) do {						\
	int __result = issue(at);					\
									\
	EXPECT_LE(0, __result) {					\
		TH_LOG("%s", strerror(errno));				\
	}								\
	EXPECT_TRUE(__result >= 0 && variant->undo(self->fd, __result, at)); \
} while (0)

/* Fails and leaves the @size bytes of the argument alone. */
#define EXPECT_FAILS(expected, at, _size) do {				\
	uint8_t __before[_size];					\
									\
	memcpy(__before, at, _size);					\
	EXPECT_ERRNO(expected, issue(at));				\
	EXPECT_EQ(0, memcmp(__before, at, _size));			\
} while (0)

TEST_F(command, exact_size_works)
{
	fill(self->args, variant->size);
	EXPECT_WORKS(self->args);
}

TEST_F(command, shorter_size_is_einval)
{
	for (size_t size = 0; size < variant->size; size++) {
		fill(self->args, size);
		EXPECT_FAILS(EINVAL, self->args, variant->size);
	}
}

TEST_F(command, larger_size_with_zero_tail_works)
{
	for (size_t size = variant->size + 1; size <= variant->size + 64; size++) {
		fill(self->args, size);
		EXPECT_WORKS(self->args);
	}
	fill(self->args, page_size());
	EXPECT_WORKS(self->args);
}

TEST_F(command, larger_size_with_any_byte_set_is_e2big)
{
	for (size_t i = variant->size; i < page_size(); i++) {
		fill(self->args, page_size());
		self->args[i] = 1;
		EXPECT_FAILS(E2BIG, self->args, variant->size);
		self->args[i] = 0;
	}
}

TEST_F(command, byte_behind_size_is_not_looked_at)
{
	fill(self->args, variant->size);
	self->args[variant->size] = 1;
	EXPECT_WORKS(self->args);
	EXPECT_EQ(1, self->args[variant->size]);
}

TEST_F(command, size_above_a_page_is_e2big)
{
	const size_t sizes[] = { page_size() + 1, 2 * page_size(), 1u << 31, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(self->args, sizes[i]);
		EXPECT_FAILS(E2BIG, self->args, variant->size);
	}
}

TEST_F(command, unknown_flag_is_einval)
{
	for (int bit = 0; bit < 32; bit++) {
		if (variant->known_flags & 1u << bit)
			continue;
		fill(self->args, variant->size);
		((struct header *)self->args)->flags = 1u << bit;
		EXPECT_FAILS(EINVAL, self->args, variant->size);
	}
}

TEST_F(command, known_flag_does_not_hide_an_unknown_one)
{
	fill(self->args, variant->size);
	((struct header *)self->args)->flags = variant->known_flags | 1u << 31;
	EXPECT_FAILS(EINVAL, self->args, variant->size);
}

TEST_F(command, reserved_field_not_zero_is_einval)
{
	for (int bit = 0; variant->reserved && bit < 32; bit++) {
		uint32_t value = 1u << bit;

		fill(self->args, variant->size);
		memcpy(self->args + variant->reserved, &value, sizeof(value));
		EXPECT_FAILS(EINVAL, self->args, variant->size);
	}
}

TEST_F(command, argument_that_is_no_memory_is_efault)
{
	EXPECT_ERRNO(EFAULT, issue(NULL));
	EXPECT_ERRNO(EFAULT, issue((void *)8));
	EXPECT_ERRNO(EFAULT, issue(self->end));
	EXPECT_ERRNO(EFAULT, issue((void *)-page_size()));
	EXPECT_ERRNO(EFAULT, issue((void *)(1ul << (8 * sizeof(long) - 1))));
}

TEST_F(command, argument_that_crosses_into_no_memory_is_efault)
{
	fill(self->args, variant->size);
	for (size_t part = 1; part < variant->size; part++) {
		memcpy(self->end - part, self->args, part);
		EXPECT_FAILS(EFAULT, self->end - part, part);
	}
}

TEST_F(command, argument_up_to_the_end_of_memory_works)
{
	fill(self->end - variant->size, variant->size);
	EXPECT_WORKS(self->end - variant->size);
}

TEST_F(command, unaligned_argument_works)
{
	uint8_t *args = self->args + 3;

	fill(args, variant->size);
	EXPECT_WORKS(args);
}

TEST_F(command, read_only_argument_is_efault_if_there_is_something_to_tell)
{
	fill(self->args, variant->size);
	ASSERT_EQ(0, mprotect(self->args, page_size(), PROT_READ));
	if (variant->writes_back)
		EXPECT_FAILS(EFAULT, self->args, variant->size);
	else
		EXPECT_WORKS(self->args);
}

TEST_F(command, other_direction_or_size_bits_are_enotty)
{
	const unsigned int directions[] = { _IOC_NONE, _IOC_READ, _IOC_WRITE,
					    _IOC_READ | _IOC_WRITE };
	const size_t sizes[] = { 0, 1, variant->size, variant->size + 8, 0x1fff };
	int fd = variant->on_device ? self->device : self->fd;
	unsigned int request;

	fill(self->args, variant->size);
	for (size_t i = 0; i < ARRAY_SIZE(directions) * ARRAY_SIZE(sizes); i++) {
		request = _IOC(directions[i % ARRAY_SIZE(directions)], IOBMD_IOC_MAGIC,
			       _IOC_NR(variant->request), sizes[i / ARRAY_SIZE(directions)]);
		if (request != variant->request)
			EXPECT_ERRNO(ENOTTY, ioctl(fd, request, self->args));
	}
}

TEST_F(command, other_magic_is_enotty)
{
	int fd = variant->on_device ? self->device : self->fd;

	fill(self->args, variant->size);
	EXPECT_ERRNO(ENOTTY, ioctl(fd, variant->request + 0x100, self->args));
	EXPECT_ERRNO(ENOTTY, ioctl(fd, variant->request - 0x100, self->args));
}

TEST_F(command, on_the_wrong_file_is_enotty)
{
	int fd = variant->on_device ? self->fd : self->device;
	int result;

	fill(self->args, variant->size);
	if (variant->on_both) {
		result = ioctl(fd, variant->request, self->args);
		EXPECT_TRUE(result >= 0 && variant->undo(self->fd, result, self->args));
	} else {
		EXPECT_ERRNO(ENOTTY, ioctl(fd, variant->request, self->args));
	}
}

TEST_F(command, argument_in_the_buffer_itself_works)
{
	void *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	fill(map, variant->size);
	EXPECT_WORKS(map);
	EXPECT_EQ(0, munmap(map, 2 * page_size()));
}

TEST_F(command, argument_across_a_page_boundary_of_the_buffer_works)
{
	uint8_t *map = map_buffer(self->fd, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, (void *)map);
	map += page_size() - variant->size / 2;
	fill(map, variant->size);
	/* RESIZE takes the second page away */
	EXPECT_WORKS(map);
	map -= page_size() - variant->size / 2;
	EXPECT_EQ(0, munmap(map, 2 * page_size()));
}

#define REQUEST(verb, VERB, ...)	IOBMD_IOC_##VERB,

static bool known(unsigned int request)
{
	static const unsigned int requests[] = { COMMANDS(REQUEST) };

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i] == request)
			return true;
	}
	return false;
}

TEST(unknown_number_is_enotty)
{
	uint32_t args[64] = { sizeof(args) };
	int device = iobmd_open();
	int fd = iobmd_create(1);

	ASSERT_LE(0, device);
	ASSERT_LE(0, fd);
	for (unsigned int nr = 0; nr <= UINT8_MAX; nr++) {
		unsigned int request = _IO(IOBMD_IOC_MAGIC, nr);

		if (known(request))
			continue;
		EXPECT_ERRNO(ENOTTY, ioctl(device, request, args));
		EXPECT_ERRNO(ENOTTY, ioctl(fd, request, args));
	}
}

TEST_HARNESS_MAIN
