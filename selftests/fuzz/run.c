// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of the fuzzer: a sequence of operations in a process of its own, and how a
 * sequence that fails is made short by leaving operations out.
 */
#include "fuzz.h"
#include "importers.h"

#include <sys/resource.h>
#include <time.h>

#define OPERATIONS_PER_CHECK	100
#define SHRINK_SECONDS		120

/* A sequence: operations 0 to @nr - 1 of @seed, but for those in @skip. */
struct sequence {
	uint64_t seed;
	unsigned int nr;
	bool *skip;
};

static const struct operation *const groups[] = {
	create_operations,
	compose_operations,
	derive_operations,
	change_operations,
	garbage_operations,
	map_operations,
	remap_operations,
	io_operations,
	stash_operations,
	import_operations,
	foreign_operations,
	share_operations,
};

static unsigned int weight_of_all(void)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(groups); i++) {
		for (const struct operation *at = groups[i]; at->operate; at++)
			sum += at->weight;
	}
	return sum;
}

static void operate_once(struct fuzz *fuzz, struct process *process)
{
	unsigned int choice = random_below(&fuzz->random, weight_of_all());

	fuzz->kind = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(groups); i++) {
		for (const struct operation *at = groups[i]; at->operate; at++) {
			fuzz->kind++;
			if (choice < at->weight) {
				at->operate(fuzz, process);
				return;
			}
			choice -= at->weight;
		}
	}
}

/* Some find nothing to work on. */
static void operate_any(struct fuzz *fuzz)
{
	for (int i = 0; i < 5 && !*fuzz_text(fuzz); i++)
		operate_once(fuzz, choose_process(fuzz));
	say_end(fuzz);
	fuzz_count(fuzz, COUNT_OPERATIONS, !!*fuzz_text(fuzz));
	for (unsigned int user = 1; user < USERS; user++) {
		if (fuzz->model.unsettled[user] && !leftovers_of(&fuzz->model, user))
			user_settle(fuzz, user);
	}
	check_some(fuzz, choose_process(fuzz));
}

/* All processes end; nothing of the buffers may be left. */
static void fuzz_end(struct fuzz *fuzz)
{
	struct model *model = &fuzz->model;

	for (unsigned int i = 0; i < PROCESSES_MAX; i++) {
		if (!model->processes[i].pid)
			continue;
		kill(model->processes[i].pid, SIGKILL);
		child_status(model->processes[i].pid);
		process_clear(model, &model->processes[i]);
	}
	close(fuzz->card);
	while (model->nr_imports)
		import_remove(model, model->imports);
	check_list(fuzz);
	stashes_empty(fuzz);
	for (unsigned int user = 1; user < USERS; user++)
		user_settle(fuzz, user);
}

static uint64_t buffer_ceiling(void)
{
	uint64_t mib = parameter("max_buffer_mib");

	return mib ? mib * MIB : 1ull << 49;
}

/* In a process of its own: fuzz_fail() ends it. */
static void sequence_conduct(const struct sequence *sequence, struct report *report, bool print)
{
	static struct fuzz fuzz;

	fuzz = (struct fuzz) {
		.report = report,
		.print = print,
		.listed = buffers_listed(0),
		.random = { .page = page_size(), .huge = huge_page_size() },
		.device = iobmd_open(),
		.card = vgem_open(),
		.ceiling = buffer_ceiling(),
		.user_ceiling = parameter("max_user_mib") * MIB,
	};
	fuzz.import_maps = fuzz.card >= 0 && vgem_import_maps(fuzz.card);
	fuzz.model.counts = report->counts;
	fuzz.model.page = fuzz.random.page;
	fuzz.model.huge = fuzz.random.huge;
	/* Another user may not lock much otherwise. */
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit) { RLIM_INFINITY, RLIM_INFINITY });
	if (!crew_start(&fuzz.crew))
		fuzz_fail(&fuzz, "cannot start: %s", strerror(errno));
	fuzz.model.processes[0].pid = crew_first(&fuzz.crew);
	fuzz.numbers = numbers_of(&fuzz.model.processes[0]);
	for (fuzz.index = 0; fuzz.index < sequence->nr; fuzz.index++) {
		if (sequence->skip[fuzz.index])
			continue;
		say_begin(&fuzz);
		random_seed(&fuzz.random, sequence->seed, fuzz.index);
		operate_any(&fuzz);
		if (fuzz.index % OPERATIONS_PER_CHECK == OPERATIONS_PER_CHECK - 1)
			check_all(&fuzz);
	}
	check_all(&fuzz);
	fuzz_end(&fuzz);
	_exit(0);
}

/* Whether nothing was wrong. */
static bool sequence_run(const struct sequence *sequence, struct report *report, bool print)
{
	int listed = buffers_listed(0), status;
	pid_t pid;

	memset(report, 0, sizeof(*report));
	report->failed = -1;
	pid = child_fork();
	if (pid == 0)
		sequence_conduct(sequence, report, print);
	status = child_status(pid);
	/* Its processes die with it, and what they had. */
	for (int i = 0; i < 500 && buffers_listed(0) != listed; i++)
		usleep(10000);
	return !status && report->failed < 0;
}

/* Leaves out whatever the failure does not need: half of it, a quarter, ..., one by one. */
static void sequence_shrink(struct sequence *sequence, struct report *report)
{
	bool *skip = sequence->skip, *kept = malloc(sequence->nr);
	time_t end = time(NULL) + SHRINK_SECONDS;
	unsigned int kind = report->kind;

	for (unsigned int chunk = sequence->nr / 2; chunk; chunk /= 2) {
		for (unsigned int at = 0; at < sequence->nr && time(NULL) < end; at += chunk) {
			unsigned int n = at + chunk < sequence->nr ? chunk : sequence->nr - at;

			if (check_bytes(skip + at, n, true) < 0)
				continue;
			memcpy(kept, skip, sequence->nr);
			memset(skip + at, true, n);
			/* The result of another operation would be another failure. */
			if (sequence_run(sequence, report, false) || report->kind != kind)
				memcpy(skip, kept, sequence->nr);
			else if (report->failed >= 0)
				sequence->nr = report->failed + 1;
		}
	}
	free(kept);
}

/* Tells people what has failed, in as few operations as can be. */
static void sequence_explain(struct sequence *sequence, struct report *report)
{
	unsigned int last = report->last;

	printf("# seed %" PRIu64 ", operation %d: %s\n", sequence->seed, report->failed,
	       report->message);
	for (unsigned int i = 1; i <= TEXTS_KEPT; i++)
		printf("#   ... %s\n", report->texts[(last + i) % TEXTS_KEPT]);
	if (report->failed >= 0)
		sequence->nr = report->failed + 1;
	if (sequence_run(sequence, report, false)) {
		printf("# and does not fail again\n");
		return;
	}
	sequence_shrink(sequence, report);
	printf("# the shortest sequence that fails:\n");
	if (sequence_run(sequence, report, true))
		printf("# and does not always fail\n");
}

/* @nr operations of @seed, and what they did; whether nothing was wrong. */
bool fuzz_run(uint64_t seed, unsigned int nr, bool print, uint64_t counts[COUNTS])
{
	struct report *report = shared_memory(sizeof(*report));
	struct sequence sequence = { .seed = seed, .nr = nr, .skip = calloc(nr, 1) };
	bool good = sequence_run(&sequence, report, print);

	for (unsigned int i = 0; i < COUNTS; i++) {
		if (i != COUNT_PARTS_MAX)
			counts[i] += report->counts[i];
		else if (counts[i] < report->counts[i])
			counts[i] = report->counts[i];
	}
	if (!good)
		sequence_explain(&sequence, report);
	free(sequence.skip);
	munmap(report, sizeof(*report));
	return good;
}
