// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd-memfd: runs a program with libiobmd-memfd.so preloaded. */
#include <elf.h>
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <getopt.h>
#include <link.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LIBRARY "libiobmd-memfd.so"

/* The exit statuses of env(1) and similar programs. */
#define EXIT_CANNOT_RUN	126
#define EXIT_NOT_FOUND	127

static const char usage[] =
	"usage: iobmd-memfd [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
	"\n"
	"Runs a program with buffers of /dev/iobmd in place of memfds.\n"
	"\n"
	"  --huge=never|allow|require  whether buffers have huge pages (default: allow)\n"
	"  --node=N       preferred NUMA node\n"
	"  --name=PREFIX  prefix of the names of buffers\n"
	"  --strict       make memfd_create(2) fail if there is no buffer\n"
	"  --verbose      report what each memfd_create(2) returned\n"
	"  --help         print this text\n"
	"  --version      print the version\n";

static const struct option long_options[] = {
	{ "huge", required_argument, NULL, 'H' },
	{ "node", required_argument, NULL, 'n' },
	{ "name", required_argument, NULL, 'p' },
	{ "strict", no_argument, NULL, 's' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 }
};

static bool strict;

static void set_variable(const char *variable, const char *value)
{
	if (setenv(variable, value, true))
		error(EXIT_FAILURE, errno, "cannot set %s", variable);
}

static void set_huge(const char *value)
{
	if (strcmp(value, "never") && strcmp(value, "allow") && strcmp(value, "require"))
		error(EXIT_FAILURE, 0, "--huge is never, allow or require, not \"%s\"", value);
	set_variable("IOBMD_MEMFD_HUGE", value);
}

static void set_node(const char *value)
{
	char *end;
	long node;

	errno = 0;
	node = strtol(value, &end, 10);
	if (errno || end == value || *end || node < 0 || node > INT_MAX)
		error(EXIT_FAILURE, 0, "\"%s\" is no number of a node", value);
	set_variable("IOBMD_MEMFD_NODE", value);
}

static void print_and_exit(const char *text)
{
	if (fputs(text, stdout) < 0 || fflush(stdout))
		error(EXIT_FAILURE, errno, "cannot write");
	exit(EXIT_SUCCESS);
}

/* Options of an outer launcher must not remain. */
static void clear_options(void)
{
	static const char *const variables[] = {
		"IOBMD_MEMFD_HUGE", "IOBMD_MEMFD_NODE", "IOBMD_MEMFD_NAME",
		"IOBMD_MEMFD_STRICT", "IOBMD_MEMFD_VERBOSE",
	};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
}

static void set_option(int option)
{
	switch (option) {
	case 'H':
		return set_huge(optarg);
	case 'n':
		return set_node(optarg);
	case 'p':
		return set_variable("IOBMD_MEMFD_NAME", optarg);
	case 's':
		strict = true;
		return set_variable("IOBMD_MEMFD_STRICT", "1");
	case 'v':
		return set_variable("IOBMD_MEMFD_VERBOSE", "1");
	case 'h':
		return print_and_exit(usage);
	case 'V':
		return print_and_exit("iobmd-memfd " VERSION "\n");
	default:
		error(EXIT_FAILURE, 0, "--help tells the options");
	}
}

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* Finds PROGRAM as execvp(3) will; false if there is none. */
static bool find_program(const char *name, char path[PATH_MAX])
{
	const char *directory = getenv("PATH");
	size_t length;

	if (strchr(name, '/'))
		return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
	for (; directory; directory = directory[length] ? directory + length + 1 : NULL) {
		length = strcspn(directory, ":");
		if (snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, directory,
			     length ? "/" : "", name) < PATH_MAX && is_program(path))
			return true;
	}
	return false;
}

static bool read_all(int fd, void *data, size_t size, off_t offset)
{
	return pread(fd, data, size, offset) == (ssize_t)size;
}

/* Whether the program requests a dynamic linker, which is what preloads; -1 if unknown. */
static int has_interpreter(int fd, const ElfW(Ehdr) *header)
{
	ElfW(Phdr) segment;

	if (header->e_phentsize != sizeof(segment))
		return -1;
	for (size_t i = 0; i < header->e_phnum; i++) {
		if (!read_all(fd, &segment, sizeof(segment), header->e_phoff + i * sizeof(segment)))
			return -1;
		if (segment.p_type == PT_INTERP)
			return 1;
	}
	return 0;
}

static bool is_elf(const ElfW(Ehdr) *header)
{
	return !memcmp(header->e_ident, ELFMAG, SELFMAG);
}

/* The same format as this launcher, and so as the library. */
static bool is_native(const ElfW(Ehdr) *header)
{
	ElfW(Ehdr) own;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	bool known;

	if (fd < 0)
		return true;
	known = read_all(fd, &own, sizeof(own), 0);
	close(fd);
	return !known || (own.e_ident[EI_CLASS] == header->e_ident[EI_CLASS] &&
			  own.e_machine == header->e_machine);
}

/* For such a program the dynamic linker ignores LD_PRELOAD. */
static const char *why_privileged(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return NULL;
	if (st.st_mode & S_ISUID && st.st_uid != getuid())
		return "it is setuid";
	if (st.st_mode & S_ISGID && st.st_mode & 0010 && st.st_gid != getgid())
		return "it is setgid";
	if (getuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return "it has file capabilities";
	return NULL;
}

/* Why the library has no effect on the program in @fd, as far as this can be determined. */
static const char *why_not(int fd)
{
	ElfW(Ehdr) header;
	const char *reason = why_privileged(fd);

	if (reason)
		return reason;
	if (!read_all(fd, &header, sizeof(header), 0) || !is_elf(&header))
		return NULL;
	if (!is_native(&header))
		return "it is of another architecture than " LIBRARY;
	return has_interpreter(fd, &header) ? NULL : "it is statically linked";
}

/* execvp(3) reports what cannot be found or read. Opening a FIFO must not wait for a writer. */
static void check_program(const char *name)
{
	const char *reason = NULL;
	char path[PATH_MAX];
	int fd = -1;

	if (find_program(name, path))
		fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	reason = why_not(fd);
	close(fd);
	if (reason)
		error(strict ? EXIT_FAILURE : 0, 0, "%s is not helped: %s", path, reason);
}

/* In the directory of the launcher in a build tree, else where it is installed. */
static void find_library(char path[PATH_MAX])
{
	static const char *const places[] = { LIBRARY, "../lib/iobmd/" LIBRARY };
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		error(EXIT_FAILURE, errno, "cannot read /proc/self/exe");
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (snprintf(path, PATH_MAX, "%s/%s", self, places[i]) < PATH_MAX &&
		    !access(path, R_OK))
			return;
	}
	error(EXIT_FAILURE, 0, "cannot find " LIBRARY " in %s or ../lib/iobmd", self);
}

/* Preloaded first, so that it finds the calls of other preloaded libraries. */
static void preload(void)
{
	const char *others = getenv("LD_PRELOAD");
	char library[PATH_MAX], *value;

	find_library(library);
	if (strpbrk(library, " :"))
		error(EXIT_FAILURE, 0, "%s: no space or colon can be in the path", library);
	if (asprintf(&value, "%s%s%s", library, others ? ":" : "", others ?: "") < 0)
		error(EXIT_FAILURE, ENOMEM, "cannot set LD_PRELOAD");
	set_variable("LD_PRELOAD", value);
	free(value);
}

int main(int argc, char **argv)
{
	int option;

	program_invocation_name = program_invocation_short_name;
	clear_options();
	while ((option = getopt_long(argc, argv, "+", long_options, NULL)) != -1)
		set_option(option);
	if (optind >= argc)
		error(EXIT_FAILURE, 0, "no program; --help tells how to name one");
	check_program(argv[optind]);
	preload();
	execvp(argv[optind], argv + optind);
	error(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, errno, "cannot run %s",
	      argv[optind]);
}
