// SPDX-License-Identifier: 0BSD
/* Read from a disk, bypassing the page cache. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <iobmd.h>

/* offset and length are multiples of the page size. */
int load(struct iobmd_buffer *buffer, uint64_t offset, uint64_t length, const char *path)
{
	int err, file = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	struct iobmd_mapping *mapping;
	ssize_t done;

	if (file < 0)
		return -errno;
	err = iobmd_mapping_create(buffer, IOBMD_MAPPING_GUARD, NULL, offset, length,
				   &mapping);
	if (err == 0) {
		done = read(file, iobmd_mapping_address(mapping),
			    iobmd_mapping_length(mapping));
		err = done < 0 ? -errno : 0;
		iobmd_mapping_free(mapping);
	}
	close(file);
	return err;
}
