// SPDX-License-Identifier: GPL-2.0
/* CREATE. */
#include "fuzz.h"
#include "node.h"
#include "race.h"

static bool is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

static struct iobmd_create choose_create(struct random *random)
{
	const uint64_t alignments[] = {
		1, 2, 8, random->page / 2, random->page, 2 * random->page, 16 * random->page,
		random->huge / 2, random->huge, 2 * random->huge, 3, random->page + 1, 1ull << 63,
	};
	const int32_t nodes[] = { 0, 0, 1, 2, -1, 1000, INT32_MAX };
	struct iobmd_create args = { .size = sizeof(args), .capacity = random_capacity(random) };

	if (random_chance(random, 25))
		args.alignment = RANDOM_OF(random, alignments);
	if (random_chance(random, 50))
		args.direction = random_below(random, 5);
	if (random_chance(random, 50))
		args.huge = random_below(random, 10) % 4;
	if (args.huge == IOBMD_HUGE_REQUIRE && random_chance(random, 80))
		args.capacity = random->huge * (1 + random_below(random, 2));
	if (random_chance(random, 20))
		args.flags = IOBMD_CREATE_F_NODE;
	if (args.flags || random_chance(random, 3))
		args.node = RANDOM_OF(random, nodes);
	args.__reserved = random_chance(random, 2);
	return args;
}

static struct expected expect_create(const struct fuzz *fuzz, const struct process *process,
				     const struct iobmd_create *args)
{
	struct expected expected = { 0 };
	uint64_t huge = fuzz->model.huge;

	expect_errno(&expected, args->__reserved || args->direction > 3 ||
		     args->huge > IOBMD_HUGE_REQUIRE, EINVAL);
	expect_errno(&expected, args->alignment && (!is_power_of_two(args->alignment) ||
						    args->alignment > huge), EINVAL);
	expect_errno(&expected, args->flags ? args->node < 0 || !node_is_online(args->node) :
					      args->node, EINVAL);
	expect_errno(&expected, !args->capacity, EINVAL);
	expect_errno(&expected, args->capacity > fuzz->ceiling, EFBIG);
	expect_errno(&expected, args->huge == IOBMD_HUGE_REQUIRE && args->capacity % huge, EINVAL);
	allow_errno(&expected, args->huge == IOBMD_HUGE_REQUIRE ||
		    args->alignment > fuzz->model.page, ENOMEM);
	if (args->capacity <= fuzz->ceiling)
		expect_memory(fuzz, process, process->user, page_round(args->capacity), &expected);
	expect_objects(fuzz, process, 1, &expected);
	return expected;
}

/* @model's buffer of which @fd is the first descriptor. */
static void create_done(struct fuzz *fuzz, struct process *process, const struct iobmd_create *args,
			int fd)
{
	struct thing *thing = thing_new(&fuzz->model, process, 0);

	thing->capacity = args->capacity;
	thing->length = args->capacity;
	thing->alignment = args->alignment;
	thing->direction = args->direction ?: IOBMD_DIRECTION_OUT | IOBMD_DIRECTION_IN;
	thing->huge = args->huge;
	thing->node = args->flags & IOBMD_CREATE_F_NODE ? args->node : -1;
	thing->bytes = mmap(NULL, model_capacity_max(&fuzz->model), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	slot_add(process, fd, file_new(&fuzz->model, process, thing,
				       IOBMD_RIGHTS_ALL));
}

static void operate_create(struct fuzz *fuzz, struct process *process)
{
	struct iobmd_create args = choose_create(&fuzz->random);
	struct expected expected;
	int64_t fd;

	if (!has_free_slot(process) || !has_room_for_thing(fuzz))
		return;
	args.capacity = choose_near_ceiling(fuzz, process->user, 0, args.capacity);
	expected = expect_create(fuzz, process, &args);
	say(fuzz, "process %u: CREATE flags %u capacity %#llx alignment %#llx",
	    process_number(fuzz, process), args.flags, args.capacity, args.alignment);
	say(fuzz, " direction %u huge %u node %d", args.direction, args.huge, args.node);
	fd = fuzz_ioctl(fuzz, process, fuzz->device, IOBMD_IOC_CREATE, &args, sizeof(args));
	check_denied(fuzz, process, fd, COUNT_DENIED_CREATE);
	if (!judge(fuzz, &expected, fd))
		return;
	create_done(fuzz, process, &args, fd);
	learn_id(fuzz, process, &process->slots[process->nr_slots - 1]);
	count_ceiling(fuzz, process->user);
}

const struct operation create_operations[] = {
	{ operate_create, 45 },
	{ NULL, 0 }
};

void race_create(struct racer *racer)
{
	struct iobmd_create args = {
		.size = sizeof(args),
		.capacity = race_capacity(racer),
		.huge = random_below(&racer->random, 2),
	};

	race_share(racer, race_command(racer, racer->device, IOBMD_IOC_CREATE, &args));
}

const struct race_operation create_races[] = {
	{ race_create, 12 },
	{ NULL, 0 }
};
