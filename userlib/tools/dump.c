// SPDX-License-Identifier: LGPL-2.1-or-later
/* iobmd dump: a buffer into a file or a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "copy.h"
#include "tool.h"

static const char help[] =
	"usage: iobmd dump [--from PID:FD] [FILE]\n\n"
	"Writes the bytes of a buffer, up to its length, to FILE or to standard output.\n\n"
	"  --from PID:FD  descriptor FD of the process PID (default: $IOBMD_FD)\n"
	"  --help         print this text\n";

static void fail_write(int err, const struct file *file, uint64_t done)
{
	if (err == EPIPE)
		exit(EXIT_FAILURE);
	if (err == EFAULT)
		fail(0, "the buffer cannot be read after %llu bytes: a memory error?",
		     (unsigned long long)done);
	fail(err, "%.200s cannot be written", file->name);
}

/* How many of the @left bytes to write with the next call; a partial block is left to the end. */
static size_t chunk(struct file *file, uint64_t left)
{
	size_t size = left < COPY_CHUNK ? left : COPY_CHUNK;

	if (file->direct && size < COPY_CHUNK)
		size -= size % COPY_BLOCK;
	if (!size) {
		file_direct(file, false);
		size = left;
	}
	return size;
}

static void write_all(struct file *file, const uint8_t *address, uint64_t length)
{
	struct progress progress;
	uint64_t done = 0;

	progress_start(&progress, length);
	while (done < length) {
		ssize_t ret = write(file->fd, address + done, chunk(file, length - done));

		if (ret < 0 && errno == EINVAL && file->direct) {
			file_direct(file, false);
			continue;
		}
		if (ret < 0 && errno != EINTR)
			fail_write(errno, file, done);
		done += ret > 0 ? ret : 0;
		/* The next address would not be aligned. */
		if (file->direct && done % COPY_BLOCK)
			file_direct(file, false);
		progress_show(&progress, done);
	}
	progress_end(&progress);
}

static void write_mapped(struct file *file, int fd, uint64_t length)
{
	void *address;

	if (length > SIZE_MAX)
		fail(EFBIG, "the buffer");
	address = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED)
		fail(errno, "the buffer cannot be mapped");
	write_all(file, address, length);
	munmap(address, length);
}

/*
 * Takes a hold, so that the memory stays meanwhile. Only the kernel accesses the
 * memory, so a hardware error is returned as an errno and does not raise SIGBUS.
 */
static void dump(int fd, struct file *file)
{
	const struct view view = { .flags = IOBMD_DERIVE_F_READ_ONLY | IOBMD_DERIVE_F_HOLD };
	int held = buffer_derive(fd, &view);
	struct iobmd_get_info info;
	int err;

	if (held < 0)
		fail(-held, "the buffer cannot be held");
	err = buffer_get_info(held, &info);
	if (err)
		fail(-err, "the buffer");
	if (info.length)
		write_mapped(file, held, info.length);
	close(held);
}

int tool_dump(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		OPTIONS_END
	};
	const char *from = NULL;
	struct target target;
	struct file file;
	int option, fd;

	while ((option = option_next(argc, argv, options, help)) != -1)
		from = optarg;
	target_parse(from, &target);
	if (argc - optind > 1)
		usage_error("one argument too many: %.60s", argv[optind + 1]);
	fd = target_open(&target);
	file_open(&file, argv[optind], O_WRONLY | O_CREAT | O_TRUNC, "standard output");
	dump(fd, &file);
	close(fd);
	/* overlayfs of 6.1 takes O_DIRECT for any file, and then cannot close some. */
	if (file.direct)
		file_direct(&file, false);
	if (close(file.fd))
		fail(errno, "%.200s cannot be written", file.name);
	return EXIT_SUCCESS;
}
