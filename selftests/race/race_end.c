// SPDX-License-Identifier: GPL-2.0
/* The ends of a buffer's users, names and arguments that come while others look. */
#include "machine.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define ROUNDS	300

/* One buffer a round; all begin together, and the round ends when all have ended. */
struct round {
	pthread_barrier_t barrier;
	uint64_t size;
	uint8_t *map;
	int fd;
	unsigned int odd;	/* results that cannot be */
	unsigned int mapped;
};

static void unmap(struct round *round)
{
	if (munmap(round->map, round->size))
		round->odd++;
}

static void close_it(struct round *round)
{
	if (close(round->fd))
		round->odd++;
}

/* The number of the descriptor means nothing any more once it is closed. */
static void map_it(struct round *round)
{
	uint8_t *map = mmap(NULL, round->size, PROT_READ | PROT_WRITE, MAP_SHARED, round->fd, 0);

	if (map == MAP_FAILED) {
		round->odd += errno != EBADF;
		return;
	}
	round->mapped++;
	round->odd += faults(map, true) || faults(map + round->size - 1, true);
	munmap(map, round->size);
}

struct actor {
	struct round *round;
	void (*act)(struct round *round);
	pthread_t thread;
};

static void *act(void *argument)
{
	struct actor *actor = argument;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&actor->round->barrier);
		actor->act(actor->round);
		pthread_barrier_wait(&actor->round->barrier);
	}
	return NULL;
}

FIXTURE(race_end)
{
	int listed;
};

FIXTURE_VARIANT(race_end)
{
	uint32_t huge;
};

FIXTURE_VARIANT_ADD(race_end, small) { .huge = IOBMD_HUGE_NONE };
FIXTURE_VARIANT_ADD(race_end, huge) { .huge = IOBMD_HUGE_PREFER };

FIXTURE_SETUP(race_end)
{
	self->listed = buffers_listed(0);
}

FIXTURE_TEARDOWN(race_end)
{
	EXPECT_EQ(self->listed, buffers_listed(0));
}

TEST_F(race_end, of_the_last_mapping_a_new_mapping_and_the_last_close)
{
	struct round round = { .size = huge_page_size() };
	struct actor actors[] = {
		{ &round, unmap, 0 }, { &round, close_it, 0 }, { &round, map_it, 0 },
	};

	ASSERT_EQ(0, pthread_barrier_init(&round.barrier, NULL, ARRAY_SIZE(actors) + 1));
	for (unsigned int i = 0; i < ARRAY_SIZE(actors); i++)
		ASSERT_EQ(0, pthread_create(&actors[i].thread, NULL, act, &actors[i]));
	for (int i = 0; i < ROUNDS; i++) {
		round.fd = iobmd_create_huge(round.size, variant->huge);
		round.map = map_buffer(round.fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, round.map);
		pthread_barrier_wait(&round.barrier);
		pthread_barrier_wait(&round.barrier);
		EXPECT_EQ(self->listed, buffers_listed(0));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(actors); i++)
		EXPECT_EQ(0, pthread_join(actors[i].thread, NULL));
	EXPECT_EQ(0, round.odd);
}

#define LONG_NAME	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHORT_NAME	"b"

static bool name_is_whole(const char *name)
{
	return !strcmp(name, LONG_NAME) || !strcmp(name, SHORT_NAME);
}

/* Counts in @seen how often each name was there. */
static bool list_is_whole(uint64_t id, unsigned int seen[2])
{
	FILE *list = fopen(IOBMD_LIST, "re");
	bool whole = false;
	char line[256];

	while (list && fgets(line, sizeof(line), list)) {
		const char *name = strrchr(line, '\t');

		if (!name || strtoull(line, NULL, 10) != id)
			continue;
		line[strcspn(line, "\n")] = 0;
		whole = name_is_whole(name + 1);
		seen[name[1] == SHORT_NAME[0]]++;
	}
	if (list)
		fclose(list);
	return whole;
}

TEST(name_is_whole_while_it_changes)
{
	int fd = iobmd_create(1);
	uint64_t id = IOBMD_INFO(fd, id);
	unsigned int seen[2] = { 0 };
	char name[64];
	pid_t pid;

	ASSERT_EQ(0, iobmd_set_name(fd, SHORT_NAME));
	pid = child_fork();
	while (pid == 0) {
		iobmd_set_name(fd, LONG_NAME);
		iobmd_set_name(fd, SHORT_NAME);
	}
	for (int i = 0; i < ROUNDS || !seen[0] || !seen[1]; i++) {
		ASSERT_TRUE(fdinfo_get(fd, "name", name));
		ASSERT_TRUE(name_is_whole(name)) {
			TH_LOG("fdinfo: %s", name);
		}
		ASSERT_TRUE(list_is_whole(id, seen));
	}
	kill(pid, SIGKILL);
	child_status(pid);
	close(fd);
}

/* Into memory that may not be there. */
static ssize_t put(void *address, const void *bytes, size_t length)
{
	struct iovec from = { (void *)bytes, length }, to = { address, length };

	return process_vm_writev(getpid(), &from, 1, &to, 1, 0);
}

/*
 * The arguments of a call lie in the memory that is being taken away and given
 * again: the call sees them, or zeros, or no memory.
 */
static bool argument_error(int error)
{
	return error == EFAULT || error == EINVAL || error == EBUSY;
}

struct argument {
	uint64_t place;
	uint64_t cut, size;
	int fd;
	uint8_t *map;
	unsigned int odd, done;
};

static void call_there(struct argument *argument, unsigned int command, const void *args,
		       size_t length)
{
	void *place = argument->map + argument->place;

	if (put(place, args, length) < 0 && errno != EFAULT)
		argument->odd++;
	if (!ioctl(argument->fd, command, place))
		argument->done++;
	else if (!argument_error(errno))
		argument->odd++;
}

TEST_F(race_end, of_the_memory_that_has_the_arguments)
{
	uint64_t huge = huge_page_size();
	struct argument argument = { .cut = huge + page_size(), .size = 2 * huge };
	struct iobmd_get_info info = { .size = sizeof(info) };
	struct iobmd_resize resize = { .size = sizeof(resize), .capacity = argument.cut };
	struct iobmd_set_length length = { .size = sizeof(length), .length = page_size() };
	uint64_t capacity;
	pid_t pid;

	argument.fd = iobmd_create_huge(argument.size, variant->huge);
	argument.map = map_buffer(argument.fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, argument.map);
	argument.place = argument.size - page_size() - sizeof(resize) / 2;	/* over two pages */
	pid = child_fork();
	while (pid == 0) {
		iobmd_resize(argument.fd, argument.cut);
		iobmd_resize(argument.fd, argument.size);
	}
	for (int i = 0; i < ROUNDS || !argument.done; i++) {
		call_there(&argument, IOBMD_IOC_GET_INFO, &info, sizeof(info));
		call_there(&argument, IOBMD_IOC_RESIZE, &resize, sizeof(resize));
		call_there(&argument, IOBMD_IOC_SET_LENGTH, &length, sizeof(length));
		capacity = IOBMD_INFO(argument.fd, capacity);
		EXPECT_TRUE(capacity == argument.cut || capacity == argument.size) {
			TH_LOG("%" PRIu64, capacity);
		}
	}
	kill(pid, SIGKILL);
	child_status(pid);
	EXPECT_EQ(0, argument.odd);
	munmap(argument.map, argument.size);
	close(argument.fd);
}

TEST_HARNESS_MAIN
