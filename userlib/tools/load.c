// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd load: a file or a pipe into a buffer. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy.h"
#include "tool.h"

#define FIRST_CAPACITY	(1024 * 1024)
#define USUAL_HUGE_PAGE	(2 * 1024 * 1024)
#define HUGE_PAGE_FILE	"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"

static const char help[] =
	"usage: iobmd load [OPTION]... [FILE] -- COMMAND [ARGUMENT]...\n"
	"       iobmd load [--to PID:FD] [FILE]\n\n"
	"Reads FILE or standard input into a new buffer, and runs COMMAND with its descriptor,\n"
	"whose number is in IOBMD_FD. Without a COMMAND, reads into an existing buffer, and sets\n"
	"its length to what was read if the descriptor may resize it.\n\n"
	"  --to PID:FD        descriptor FD of the process PID (default: $IOBMD_FD)\n"
	"  --capacity SIZE    minimum capacity (default: size of FILE)\n"
	CREATION_HELP
	"  --help             print this text\n";

/**
 * struct sink - the buffer that is filled
 * @fd: Its descriptor.
 * @address: Where it is mapped; NULL if it is not.
 * @room: How many bytes it has, all of them mapped.
 * @used: How many bytes have been loaded.
 * @resizes: Whether its descriptor may resize it.
 * @exact: Whether to shrink it to @used at the end.
 */
struct sink {
	int fd;
	uint8_t *address;
	uint64_t room;
	uint64_t used;
	bool resizes;
	bool exact;
};

static void sink_unmap(struct sink *sink)
{
	if (sink->address)
		munmap(sink->address, sink->room);
	sink->address = NULL;
}

static void sink_map(struct sink *sink, uint64_t room)
{
	void *address;

	sink_unmap(sink);
	sink->room = room;
	if (!room)
		return;
	if (room > SIZE_MAX)
		fail(EFBIG, "the buffer");
	address = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, sink->fd, 0);
	if (address == MAP_FAILED)
		fail(errno, "the buffer cannot be mapped for writing");
	sink->address = address;
}

/* Makes all of the capacity usable, if the descriptor may set the length. */
static void sink_open(struct sink *sink)
{
	struct iobmd_get_info info;
	int err = buffer_get_info(sink->fd, &info);

	if (!err && !(info.rights & IOBMD_RIGHT_WRITE))
		fail(0, "the descriptor is for reading only");
	sink->resizes = info.rights & IOBMD_RIGHT_RESIZE;
	if (!err && sink->resizes) {
		err = buffer_set_length(sink->fd, info.capacity);
		info.length = info.capacity;
	}
	if (err)
		fail(-err, "the buffer");
	sink_map(sink, info.length);
}

static void sink_grow(struct sink *sink, uint64_t wanted)
{
	char shown[SIZE_SHOWN];
	int err;

	size_show(sink->room, shown);
	if (!sink->resizes)
		fail(0, "more than fits: the buffer has %s, and the descriptor may not resize it",
		     shown);
	err = buffer_resize(sink->fd, wanted);
	if (err)
		fail(-err, "more than fits: the buffer has %s, and does not grow", shown);
	sink->exact = true;
	sink_map(sink, wanted);
}

/* Not being able to shrink is no failure, as with --huge require. */
static void sink_close(struct sink *sink)
{
	int err;

	sink_unmap(sink);
	if (!sink->resizes)
		return;
	if (sink->exact && sink->used != sink->room)
		buffer_resize(sink->fd, sink->used ? sink->used : 1);
	err = buffer_set_length(sink->fd, sink->used);
	if (err)
		fail(-err, "the length cannot be set");
}

/* fstat(2) does not report it. The position stays. */
static off_t device_size(const struct file *file)
{
	off_t position = lseek(file->fd, 0, SEEK_CUR);
	off_t size = lseek(file->fd, 0, SEEK_END);

	if (position < 0 || size < 0 || lseek(file->fd, position, SEEK_SET) < 0)
		fail(errno, "%.200s", file->name);
	return size;
}

/* What is left of the file; 0 for a pipe and for a file that does not report its size. */
static uint64_t file_size(const struct file *file)
{
	struct stat status;
	off_t position;

	if (fstat(file->fd, &status))
		fail(errno, "%.200s", file->name);
	if (S_ISDIR(status.st_mode))
		fail(EISDIR, "%.200s", file->name);
	if (S_ISBLK(status.st_mode))
		status.st_size = device_size(file);
	else if (!S_ISREG(status.st_mode))
		return 0;
	position = lseek(file->fd, 0, SEEK_CUR);
	return position >= 0 && position < status.st_size ? status.st_size - position : 0;
}

/*
 * With O_DIRECT whole blocks are read at block boundaries; the end of the file cuts the
 * last one short.
 */
static size_t chunk(struct file *file, const struct sink *sink)
{
	uint64_t left = sink->room - sink->used;
	size_t size = left < COPY_CHUNK ? left : COPY_CHUNK;

	if (file->direct && (sink->used % COPY_BLOCK || size < COPY_BLOCK))
		file_direct(file, false);
	return file->direct ? size - size % COPY_BLOCK : size;
}

/* Reads one chunk and returns its size; 0 at the end of the file. */
static size_t read_chunk(struct file *file, const struct sink *sink)
{
	ssize_t ret;

	do {
		ret = read(file->fd, sink->address + sink->used, chunk(file, sink));
		if (ret < 0 && errno == EINVAL && file->direct)
			file_direct(file, false);
		else if (ret < 0 && errno == EFAULT)
			fail(0, "the buffer ends after %llu bytes: shrunk, or a memory error",
			     (unsigned long long)sink->used);
		else if (ret < 0 && errno != EINTR)
			fail(errno, "%.200s cannot be read", file->name);
	} while (ret < 0);
	return ret;
}

/*
 * The buffer is full, but the file may have grown, or not report its size: try to read
 * one more byte.
 */
static bool at_end(struct sink *sink, struct file *file)
{
	ssize_t ret;
	char byte;

	file_direct(file, false);
	do
		ret = read(file->fd, &byte, 1);
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		fail(errno, "%.200s cannot be read", file->name);
	if (!ret)
		return true;
	sink_grow(sink, sink->room < FIRST_CAPACITY ? FIRST_CAPACITY : 2 * sink->room);
	sink->address[sink->used++] = byte;
	return false;
}

static void fill(struct sink *sink, struct file *file, uint64_t expected)
{
	struct progress progress;
	size_t count = 1;

	if (sink->room < expected)
		sink_grow(sink, expected);
	progress_start(&progress, expected);
	while (count && (sink->used < sink->room || !at_end(sink, file))) {
		count = read_chunk(file, sink);
		sink->used += count;
		progress_show(&progress, sink->used);
	}
	progress_end(&progress);
}

static void load(int fd, struct file *file, uint64_t expected, bool exact)
{
	struct sink sink = { .fd = fd, .exact = exact };

	sink_open(&sink);
	fill(&sink, file, expected);
	sink_close(&sink);
}

/* A file that cannot be read must not change the length, so it is looked at first. */
static void load_existing(const struct target *target, struct file *file)
{
	uint64_t size = file_size(file);
	int fd = target_open(target);

	load(fd, file, size, false);
	close(fd);
}

/* For a file that does not report its size */
static uint64_t first_capacity(const struct creation *creation)
{
	uint64_t huge_page;

	if (creation->args.huge != IOBMD_HUGE_REQUIRE)
		return FIRST_CAPACITY;
	return file_number(HUGE_PAGE_FILE, &huge_page) ? huge_page : USUAL_HUGE_PAGE;
}

/* Creates the buffer as large as the file, so that it seldom has to grow. */
static int load_new(struct creation *creation, struct file *file)
{
	bool exact = !creation->args.capacity;
	uint64_t size = file_size(file);
	int fd;

	if (exact)
		creation->args.capacity = size ? size : first_capacity(creation);
	fd = creation_make(creation);
	load(fd, file, size, exact);
	close(file->fd);
	return buffer_pass_on(fd, &creation->view);
}

int tool_load(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },
		CREATION_OPTIONS, OPTIONS_END
	};
	struct creation creation = { .name = NULL };
	char **command = command_split(&argc, argv);
	bool to_create = false;
	const char *to = NULL;
	struct target target;
	struct file file;
	int option;

	while ((option = option_next(argc, argv, options, help)) != -1) {
		if (option == 't')
			to = optarg;
		else
			to_create |= creation_option(option, optarg, &creation);
	}
	if (argc - optind > 1)
		usage_error("one argument too many: %.60s", argv[optind + 1]);
	if (command && to)
		usage_error("--to is for a buffer that there is, a COMMAND gets a new one");
	if (!command && to_create)
		usage_error("options for a new buffer, and no COMMAND that gets it");
	if (!command)
		target_parse(to, &target);
	file_open(&file, optind < argc ? argv[optind] : NULL, O_RDONLY, "standard input");
	if (command)
		command_run(load_new(&creation, &file), command);
	load_existing(&target, &file);
	return EXIT_SUCCESS;
}
