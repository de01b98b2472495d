// SPDX-License-Identifier: GPL-2.0
/* What the operations of racers have in common. */
#include "race.h"

void race_count(uint64_t *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

int64_t race_result(struct racer *racer, int64_t result)
{
	race_count(&racer->race->calls);
	if (result != -1)
		race_count(&racer->race->successes);
	return result;
}

int race_fd(struct racer *racer)
{
	return RACE_FIRST_FD + random_below(&racer->random, RACE_FDS);
}

/* One more for all threads, in the place of another. */
void race_share(struct racer *racer, int fd)
{
	if (race_result(racer, fd) < 0)
		return;
	dup3(fd, race_fd(racer), O_CLOEXEC);
	close(fd);
}

/* An ioctl that may meet a ceiling. */
int64_t race_command(struct racer *racer, int fd, unsigned int command, void *args)
{
	int64_t result = ioctl(fd, command, args);

	if (result < 0 && errno == EDQUOT)
		race_count(&racer->race->denied[_IOC_NR(command)]);
	return result;
}

int64_t race_ioctl(struct racer *racer, unsigned int command, void *args)
{
	return race_result(racer, race_command(racer, race_fd(racer), command, args));
}

void race_judge(struct racer *racer, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (racer->seen[i] && racer->seen[i] != RACE_BYTE)
			race_count(&racer->race->foreign);
	}
}

/* Some pages of the arena, whatever is there. */
uint8_t *race_stretch(struct racer *racer, uint64_t *length)
{
	uint64_t page = racer->random.page, pages = RACE_ARENA / page, first, nr;

	first = random_below(&racer->random, pages);
	if (random_chance(&racer->random, 40))
		first = first / 512 * 512;
	nr = 1 + random_below(&racer->random, random_chance(&racer->random, 50) ? 8 : 1024);
	*length = (nr < pages - first ? nr : pages - first) * page;
	return racer->arena + first * page;
}

uint64_t race_capacity(struct racer *racer)
{
	if (random_chance(&racer->random, 8))
		return random_helped(&racer->random);
	return random_capacity(&racer->random);
}
