// SPDX-License-Identifier: GPL-2.0
/*
 * One operation of the fuzzer: what the model expects of it, what came, and a line
 * that tells people both. A difference ends the run.
 */
#include "fuzz.h"

#include <stdarg.h>

static bool is_among(const int *errors, unsigned int nr, int64_t result)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (result == -errors[i])
			return true;
	}
	return false;
}

void expect_errno(struct expected *expected, bool condition, int error)
{
	if (condition && !is_among(expected->must, expected->nr_must, -error))
		expected->must[expected->nr_must++] = error;
}

void allow_errno(struct expected *expected, bool condition, int error)
{
	if (condition)
		expected->may[expected->nr_may++] = error;
}

char *fuzz_text(struct fuzz *fuzz)
{
	return fuzz->report->texts[fuzz->report->last];
}

void say(struct fuzz *fuzz, const char *format, ...)
{
	char *text = fuzz_text(fuzz);
	size_t length = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + length, TEXT_MAX - length, format, args);
	va_end(args);
}

void say_end(struct fuzz *fuzz)
{
	if (fuzz->print && !fuzz->told && *fuzz_text(fuzz))
		printf("#  %5u %s\n", fuzz->index, fuzz_text(fuzz));
	fuzz->told = true;
}

void say_begin(struct fuzz *fuzz)
{
	if (*fuzz_text(fuzz))
		fuzz->report->last = (fuzz->report->last + 1) % TEXTS_KEPT;
	*fuzz_text(fuzz) = 0;
	fuzz->told = false;
}

void result_text(char *text, size_t size, int64_t result)
{
	if (result < 0 && result > -4096)
		snprintf(text, size, "%s", strerrorname_np(-result));
	else if (result >= 0 && result < 10000000)
		snprintf(text, size, "%" PRId64, result);
	else
		snprintf(text, size, "%#" PRIx64, result);
}

static void expected_text(char *text, size_t size, const struct expected *expected)
{
	size_t length = 0;

	if (!expected->nr_must)
		length = snprintf(text, size, "success");
	for (unsigned int i = 0; i < expected->nr_must; i++)
		length += snprintf(text + length, size - length, "%s ",
				   strerrorname_np(expected->must[i]));
	for (unsigned int i = 0; i < expected->nr_may; i++)
		length += snprintf(text + length, size - length, " or %s",
				   strerrorname_np(expected->may[i]));
}

/* Ends the run if @result is not among what was expected; whether it is success. */
bool judge(struct fuzz *fuzz, const struct expected *expected, int64_t result)
{
	bool good = expected->nr_must ? is_among(expected->must, expected->nr_must, result) :
					!(result < 0 && result > -4096);
	char came[64], wanted[256];

	result_text(came, sizeof(came), result);
	say(fuzz, " = %s", came);
	if (!good && !is_among(expected->may, expected->nr_may, result)) {
		expected_text(wanted, sizeof(wanted), expected);
		fuzz->report->kind = fuzz->kind;
		fuzz_fail(fuzz, "%s, but expected was %s", came, wanted);
	}
	return !(result < 0 && result > -4096);
}

unsigned int process_number(const struct fuzz *fuzz, const struct process *process)
{
	return process - fuzz->model.processes;
}

int64_t fuzz_order(struct fuzz *fuzz, const struct process *process, const struct order *order)
{
	int64_t result;

	if (!crew_do(&fuzz->crew, process_number(fuzz, process), process->pid, order, &result))
		fuzz_fail(fuzz, "process %u gave no answer", process_number(fuzz, process));
	return result;
}

void fuzz_count(struct fuzz *fuzz, enum count what, uint64_t nr)
{
	fuzz->report->counts[what] += nr;
}

/*
 * An ioctl whose argument is @arg, @size bytes. That must come back as it was from
 * a call that fails.
 */
int64_t fuzz_ioctl(struct fuzz *fuzz, const struct process *process, int fd, unsigned int command,
		   void *arg, size_t size)
{
	uint8_t *argument = fuzz->crew.scratch->argument;
	int64_t result;

	memcpy(argument, arg, size);
	result = fuzz_call(fuzz, process, SYS_ioctl, fd, command, ADDRESS(argument));
	if (result < 0 && memcmp(argument, arg, size))
		fuzz_fail(fuzz, "%s, but the argument has changed", strerrorname_np(-result));
	memcpy(arg, argument, size);
	return result;
}
