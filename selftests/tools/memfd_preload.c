// SPDX-License-Identifier: GPL-2.0
/*
 * iobmd-memfd: a program that was written for memfds runs on buffers, and what it
 * prints is the same. The programs are memfd/program.c and memfd/corners.c.
 */
#include "iobmd_test.h"

#include <elf.h>
#include <libgen.h>
#include <link.h>
#include <sys/mount.h>

#define OUTPUT_MAX	65536

#define PROGRAM		"$HERE/memfd/program"
#define CORNERS		"$HERE/memfd/corners"
#define LAUNCHER	IOBMD_MEMFD_DIR "/iobmd-memfd"

/* Where this program is, for what runs in a shell */
static void set_here(void)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[length < 0 ? 0 : length] = '\0';
	setenv("HERE", dirname(self), true);
}

/* Runs @command: its exit status, with what it prints, errors included, in @output. */
static int run(const char *command, char output[OUTPUT_MAX])
{
	size_t length;
	FILE *pipe;
	int status;

	set_here();
	pipe = popen(command, "re");
	if (!pipe)
		return -1;
	length = fread(output, 1, OUTPUT_MAX - 1, pipe);
	output[length] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char plain[OUTPUT_MAX], buffered[OUTPUT_MAX];

#define EXPECT_HAS(output, what) do {					\
	const char *__found = strstr(output, what);			\
									\
	EXPECT_NE(NULL, __found) {					\
		TH_LOG("no \"%s\" in: %s", what, output);		\
	}								\
} while (0)

#define EXPECT_HAS_NOT(output, what) do {				\
	const char *__found = strstr(output, what);			\
									\
	EXPECT_EQ(NULL, __found) {					\
		TH_LOG("\"%s\" in: %s", what, output);			\
	}								\
} while (0)

/* Shows the first line that differs. */
static void expect_same(struct __test_metadata *_metadata, const char *a, const char *b)
{
	const char *line_a = a, *line_b = b;

	while (*a && *a == *b) {
		if (*a == '\n') {
			line_a = a + 1;
			line_b = b + 1;
		}
		a++;
		b++;
	}
	EXPECT_EQ(*a, *b) {
		TH_LOG("a memfd: %.*s", (int)strcspn(line_a, "\n"), line_a);
		TH_LOG("a buffer: %.*s", (int)strcspn(line_b, "\n"), line_b);
	}
}

TEST(program_prints_the_same)
{
	ASSERT_EQ(0, run(PROGRAM " 2>&1", plain));
	EXPECT_HAS(plain, "\nend\n");
	ASSERT_EQ(0, run(LAUNCHER " --strict -- " PROGRAM " 2>&1", buffered));
	expect_same(_metadata, plain, buffered);
	ASSERT_EQ(0, run(LAUNCHER " --strict --huge=never -- " PROGRAM " 2>&1", buffered));
	expect_same(_metadata, plain, buffered);
}

TEST(memfd_of_a_program_is_a_buffer)
{
	ASSERT_EQ(0, run(PROGRAM " files 2>&1", plain));
	EXPECT_HAS(plain, "memfd: /memfd:program");
	EXPECT_HAS(plain, "call: /memfd:call");
	ASSERT_EQ(0, run(LAUNCHER " " PROGRAM " files 2>&1", buffered));
	EXPECT_HAS(buffered, "memfd: /dev/iobmd:");
	EXPECT_HAS(buffered, "call: /dev/iobmd:");
	EXPECT_HAS(buffered, ":program");
}

TEST(options_are_obeyed)
{
	ASSERT_EQ(0, run(LAUNCHER " --name=a. --huge=never --verbose " PROGRAM " files 2>&1",
			 buffered));
	EXPECT_HAS(buffered, ":a.program");
	EXPECT_HAS(buffered, "huge_bytes:\t0\n");
	EXPECT_HAS(buffered, "\"program\", is buffer ");
	ASSERT_EQ(0, run(LAUNCHER " --huge require --node 0 " PROGRAM " files 2>&1", buffered));
	EXPECT_HAS(buffered, "huge_bytes:\t4194304\n");
	EXPECT_HAS_NOT(buffered, "is buffer");
	ASSERT_EQ(1, run(LAUNCHER " --strict --node 1000000 " PROGRAM " files 2>&1", buffered));
	EXPECT_HAS(buffered, "Invalid argument");
}

TEST(size_may_be_any_where_huge_pages_are_required)
{
	ASSERT_EQ(0, run(PROGRAM " 2>&1", plain));
	ASSERT_EQ(0, run(LAUNCHER " --strict --huge=require -- " PROGRAM " 2>&1", buffered));
	expect_same(_metadata, plain, buffered);
}

TEST(hugetlb_is_huge_pages)
{
	size_t huge = huge_page_size();
	char command[256], amount[64];

	if (!huge)
		SKIP(return, "no huge pages");
	snprintf(command, sizeof(command), "%s --strict %s hugetlb %zu 2>&1", LAUNCHER, PROGRAM,
		 huge);
	ASSERT_EQ(0, run(command, buffered));
	snprintf(amount, sizeof(amount), "huge_bytes:\t%zu\n", 2 * huge);
	EXPECT_HAS(buffered, amount);
	EXPECT_HAS(buffered, "hugetlb: /dev/iobmd:");
	EXPECT_HAS(buffered, "ftruncate(fd, 2) = 0\nsize_of(fd) = 2\n");
	EXPECT_HAS(buffered, "count_bytes(fd, 0, 3, 0) = 1\n");
	EXPECT_HAS(buffered, "ftruncate(fd, 0) = 0\nsize_of(fd) = 0\n");
	EXPECT_HAS(buffered, "huge + 1) = 0\nsize_of(fd) - huge = 1\n");
}

/* The same of a mode of the program with memfds and with buffers */
static void expect_same_corner(struct __test_metadata *_metadata, const char *options,
			       const char *mode)
{
	char command[256];

	snprintf(command, sizeof(command), CORNERS " %s 2>&1", mode);
	ASSERT_EQ(0, run(command, plain));
	snprintf(command, sizeof(command), "timeout 60 " LAUNCHER " --strict %s " CORNERS
		 " %s 2>&1", options, mode);
	ASSERT_EQ(0, run(command, buffered));
	expect_same(_metadata, plain, buffered);
}

TEST(threads_that_extend_a_file_lose_nothing)
{
	if (!huge_page_size())
		SKIP(return, "no huge pages");
	expect_same_corner(_metadata, "--huge=require", "threads");
}

TEST(write_that_fails_does_not_extend)
{
	expect_same_corner(_metadata, "--huge=allow", "failures");
}

TEST(descriptor_is_the_lowest)
{
	expect_same_corner(_metadata, "--huge=allow", "descriptors");
}

TEST(fixed_mapping_that_fails_leaves_what_is_there)
{
	ASSERT_EQ(0, run(LAUNCHER " --strict " CORNERS " fixed 2>&1", buffered));
	EXPECT_HAS(buffered, "1 data\nfailed\nlook(map, page) = 0\n");
}

TEST(message_neither_ends_nor_blocks_the_program)
{
	ASSERT_EQ(0, run("timeout 20 " LAUNCHER " --verbose " CORNERS " no-reader", buffered));
	EXPECT_HAS(buffered, ":corner");
	ASSERT_EQ(0, run("timeout 20 " LAUNCHER " --verbose " CORNERS " full-pipe", buffered));
	EXPECT_HAS(buffered, ":corner");
}

TEST(message_goes_to_standard_error_only)
{
	ASSERT_EQ(0, run(LAUNCHER " --verbose " CORNERS " reused", buffered));
	EXPECT_HAS(buffered, "file = 2\nsize_of(file) = 0\n");
	ASSERT_EQ(0, run(LAUNCHER " --verbose " CORNERS " odd-name 2>&1", buffered));
	EXPECT_HAS(buffered, "\"odd?[1m???\", is buffer ");
}

TEST(program_is_a_file_that_can_be_run)
{
	ASSERT_EQ(0, run("mkdir -p /tmp/corners/a/program /tmp/corners/b; cd /tmp/corners;"
			 "mkfifo fifo; chmod 755 fifo; cp " PROGRAM " b/program;"
			 "chown 65534 b/program; chmod u+s b/program", buffered));
	EXPECT_EQ(126, run("timeout 20 " LAUNCHER " /tmp/corners/fifo 2>&1", buffered));
	EXPECT_HAS(buffered, "cannot run /tmp/corners/fifo");
	EXPECT_EQ(1, run("PATH=/tmp/corners/a:/tmp/corners/b:$PATH " LAUNCHER
			 " --strict program files 2>&1", buffered));
	EXPECT_HAS(buffered, "/tmp/corners/b/program is not helped: it is setuid");
	EXPECT_EQ(0, run("rm -r /tmp/corners", buffered));
}

TEST(allocator_of_the_program_may_call_mmap)
{
	ASSERT_EQ(0, run("timeout 20 " LAUNCHER " --strict --name=own. " CORNERS " name 2>&1",
			 buffered));
	EXPECT_HAS(buffered, ":own.corner");
}

/* Where /dev/iobmd is another device, which knows no command of ours. */
static void hide_device(struct __test_metadata *_metadata)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("/dev/null", IOBMD_DEVICE, NULL, MS_BIND, NULL));
}

TEST(without_a_buffer_it_is_a_memfd_and_says_so_once)
{
	const char *said;
	pid_t pid;

	IN_CHILD(pid) {
		hide_device(_metadata);
		ASSERT_EQ(0, run(LAUNCHER " " PROGRAM " files 2>&1", buffered));
		EXPECT_HAS(buffered, "memfd: /memfd:program");
		EXPECT_HAS(buffered, "call: /memfd:call");
		said = strstr(buffered, "no buffer for");
		ASSERT_NE(NULL, said);
		EXPECT_HAS_NOT(said + 1, "no buffer for");
	}
	EXPECT_EQ(0, child_status(pid));
}

TEST(without_a_buffer_strict_is_an_error)
{
	pid_t pid;

	IN_CHILD(pid) {
		hide_device(_metadata);
		ASSERT_EQ(1, run(LAUNCHER " --strict " PROGRAM " files 2>&1", buffered));
		EXPECT_HAS(buffered, "memfd_create: Inappropriate ioctl for device");
		EXPECT_HAS_NOT(buffered, "/memfd:");
	}
	EXPECT_EQ(0, child_status(pid));
}

/* A copy of the program, to be made one that cannot be helped */
static int copy_program(char path[64])
{
	char command[128];

	snprintf(path, 64, "/tmp/memfd_preload.%d", getpid());
	snprintf(command, sizeof(command), "cp " PROGRAM " %s", path);
	return run(command, plain);
}

static void expect_no_help(struct __test_metadata *_metadata, const char *path,
			   const char *reason)
{
	char command[256];

	snprintf(command, sizeof(command), LAUNCHER " --strict %s files 2>&1", path);
	EXPECT_EQ(1, run(command, buffered));
	EXPECT_HAS(buffered, reason);
	EXPECT_HAS_NOT(buffered, "call: ");
}

TEST(setuid_program_is_not_helped)
{
	char path[64], command[256];

	ASSERT_EQ(0, copy_program(path));
	ASSERT_EQ(0, chown(path, 65534, 65534));
	ASSERT_EQ(0, chmod(path, 04755));
	expect_no_help(_metadata, path, "it is setuid");
	snprintf(command, sizeof(command), LAUNCHER " %s files 2>&1", path);
	EXPECT_EQ(0, run(command, buffered));
	EXPECT_HAS(buffered, "it is setuid");
	EXPECT_HAS(buffered, "memfd: /memfd:");
	unlink(path);
}

/* As a static program is: it asks for no dynamic linker. Only looked at, not run. */
static int take_interpreter_away(const char *path)
{
	ElfW(Ehdr) header;
	ElfW(Phdr) segment;
	int fd = open(path, O_RDWR | O_CLOEXEC), taken = 0;
	off_t at;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return -1;
	for (int i = 0; i < header.e_phnum; i++) {
		at = header.e_phoff + i * sizeof(segment);
		if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			return -1;
		if (segment.p_type != PT_INTERP)
			continue;
		segment.p_type = PT_NULL;
		taken += pwrite(fd, &segment, sizeof(segment), at) == sizeof(segment);
	}
	close(fd);
	return taken == 1 ? 0 : -1;
}

TEST(static_program_is_not_helped)
{
	char path[64];

	ASSERT_EQ(0, copy_program(path));
	ASSERT_EQ(0, take_interpreter_away(path));
	expect_no_help(_metadata, path, "it is statically linked");
	unlink(path);
}

#define PYTHON_PROGRAM							\
	"import mmap, os\n"						\
	"fd = os.memfd_create('python')\n"				\
	"os.ftruncate(fd, 8192)\n"					\
	"m = mmap.mmap(fd, 8192)\n"					\
	"m[100:104] = b'data'\n"					\
	"m.flush()\n"							\
	"print(os.pread(fd, 4, 100), os.fstat(fd).st_size)\n"		\
	"m.resize(16384)\n"						\
	"m[16380:] = b'tail'\n"						\
	"r = mmap.mmap(fd, 0, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE)\n" \
	"print(len(m), r[100:104], r[16380:])\n"			\
	"with open(os.memfd_create('file'), 'w+b') as f:\n"		\
	"    f.write(b'x' * 100000)\n"					\
	"    f.seek(0)\n"						\
	"    print(f.read().count(b'x'), f.truncate(0), f.seek(0, 2))\n"

TEST(python_runs_unchanged)
{
	const char *python = "/usr/bin/python3";

	if (access(python, X_OK))
		SKIP(return, "no %s", python);
	setenv("PROGRAM", PYTHON_PROGRAM, true);
	ASSERT_EQ(0, run("/usr/bin/python3 -c \"$PROGRAM\" 2>&1", plain));
	ASSERT_EQ(0, run(LAUNCHER " --strict -- /usr/bin/python3 -c \"$PROGRAM\" 2>&1", buffered));
	expect_same(_metadata, plain, buffered);
	EXPECT_HAS(buffered, "b'data' 8192\n16384 b'data' b'tail'\n100000 ");
}

TEST_HARNESS_MAIN
