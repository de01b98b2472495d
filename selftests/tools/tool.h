/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the command iobmd share: it is run as a user runs it. */
#ifndef IOBMD_TEST_TOOL_H
#define IOBMD_TEST_TOOL_H

#include "iobmd_test.h"

#define OUTPUT_MAX	65536
#define ARGUMENTS_MAX	16

/**
 * struct outcome - what a run of the command came to
 * @status: Its exit status, or 128 + the signal that ended it.
 * @out: Standard output, as a string.
 * @out_size: Bytes in it; there may be NUL among them.
 * @err: Standard error.
 */
struct outcome {
	int status;
	size_t out_size;
	char out[OUTPUT_MAX];
	char err[4096];
};

/**
 * struct start - how the command is run
 * @fd: A descriptor that it inherits, with its number in IOBMD_FD; 0 for none.
 * @in: Standard input, 0 for an empty one, or -1 for a closed one.
 * @out: Standard output, 0 to have it in the outcome, or -1 for a closed one.
 * @uid: As this user.
 * @arguments: Those of the command, NULL at the end.
 */
struct start {
	int fd;
	int in;
	int out;
	uid_t uid;
	const char *arguments[ARGUMENTS_MAX];
};

static inline void tool_exec(const struct start *start, int out, int err)
{
	const char *arguments[ARGUMENTS_MAX + 1] = { IOBMD_TOOL };
	/* Opened now: another user may not reach the directory. */
	int program = open(IOBMD_TOOL, O_PATH | O_CLOEXEC);
	char number[16];

	memcpy(arguments + 1, start->arguments, sizeof(start->arguments));
	dup2(start->in ? start->in : open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(start->out ? start->out : out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (start->in < 0)
		close(STDIN_FILENO);
	if (start->out < 0)
		close(STDOUT_FILENO);
	unsetenv("IOBMD_FD");
	if (start->fd) {
		snprintf(number, sizeof(number), "%d", start->fd);
		setenv("IOBMD_FD", number, 1);
		fcntl(start->fd, F_SETFD, 0);
	}
	if (start->uid && (setgid(start->uid) || setuid(start->uid)))
		_exit(99);
	signal(SIGPIPE, SIG_DFL);
	fexecve(program, (char **)arguments, environ);
	_exit(99);
}

static inline size_t read_back(int fd, char *text, size_t size)
{
	ssize_t length = pread(fd, text, size - 1, 0);

	close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length > 0 ? length : 0;
}

static inline void tool_run_with(const struct start *start, struct outcome *outcome)
{
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	pid_t pid = child_fork();

	if (pid == 0)
		tool_exec(start, out, err);
	outcome->status = child_status(pid);
	outcome->out_size = read_back(out, outcome->out, sizeof(outcome->out));
	read_back(err, outcome->err, sizeof(outcome->err));
}

/* tool_run(&outcome, "list", "--json") */
#define tool_run(outcome, ...)						\
	tool_run_with(&(struct start) { .arguments = { __VA_ARGS__ } }, outcome)

/* tool_run_fd(fd, &outcome, "info"): with a descriptor of the test's */
#define tool_run_fd(inherited, outcome, ...)				\
	tool_run_with(&(struct start) { .fd = inherited, .arguments = { __VA_ARGS__ } }, outcome)

static inline size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

/* The command failed, with @exit_status and one line that has @text in it. */
#define EXPECT_COMPLAINT(exit_status, text, got) do {		\
	const struct outcome *__outcome = (got);			\
									\
	EXPECT_EQ(exit_status, __outcome->status);			\
	EXPECT_EQ(1, count_lines(__outcome->err));			\
	EXPECT_NE(NULL, strstr(__outcome->err, text)) {			\
		TH_LOG("status %d: %s", __outcome->status, __outcome->err); \
	}								\
} while (0)

/* It worked and had nothing to complain of. */
#define EXPECT_DONE(got) do {					\
	const struct outcome *__outcome = (got);			\
									\
	EXPECT_EQ(0, __outcome->status);				\
	EXPECT_STREQ("", __outcome->err);				\
} while (0)

/*
 * JSON as RFC 8259 has it: each function returns where the value ends, or NULL where
 * there is none. Blanks before a value belong to it.
 */
static inline const char *json_value(const char *text);

static inline const char *json_blank(const char *text)
{
	return text + strspn(text, " \t\r\n");
}

static inline const char *json_string(const char *text)
{
	if (*text++ != '"')
		return NULL;
	for (; *text != '"'; text++) {
		if ((unsigned char)*text < 0x20)
			return NULL;
		if (*text != '\\')
			continue;
		if (*++text == 'u') {
			if (strspn(text + 1, "0123456789abcdefABCDEF") < 4)
				return NULL;
			text += 4;
		} else if (!*text || !strchr("\"\\/bfnrt", *text)) {
			return NULL;
		}
	}
	return text + 1;
}

/* The command prints no others. */
static inline const char *json_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return !digits || (digits > 1 && *text == '0') ? NULL : text + digits;
}

static inline const char *json_word(const char *text)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strncmp(text, words[i], strlen(words[i])))
			return text + strlen(words[i]);
	return NULL;
}

/* An array, or an object where each value has a key */
static inline const char *json_members(const char *text, char end, bool keys)
{
	text = json_blank(text + 1);
	if (*text == end)
		return text + 1;
	while (true) {
		if (keys) {
			text = json_string(json_blank(text));
			text = text ? json_blank(text) : NULL;
			if (!text || *text++ != ':')
				return NULL;
		}
		text = json_value(text);
		text = text ? json_blank(text) : NULL;
		if (!text || (*text != ',' && *text != end))
			return NULL;
		if (*text++ == end)
			return text;
	}
}

static inline const char *json_value(const char *text)
{
	text = json_blank(text);
	switch (*text) {
	case '{':
		return json_members(text, '}', true);
	case '[':
		return json_members(text, ']', false);
	case '"':
		return json_string(text);
	case 't':
	case 'f':
	case 'n':
		return json_word(text);
	default:
		return json_number(text);
	}
}

static inline bool json_is_valid(const char *text)
{
	text = json_value(text);
	return text && !*json_blank(text);
}

#endif /* IOBMD_TEST_TOOL_H */
