// SPDX-License-Identifier: LGPL-2.1-or-later
/* Composites: several parts of buffers as one. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

static int parts_fill(struct iobmd_compose_part *array,
		      const struct iobmd_part *parts, uint32_t nr_parts)
{
	uint32_t i;

	for (i = 0; i < nr_parts; i++) {
		if (parts[i].reserved[0] || parts[i].reserved[1])
			return -EINVAL;

		array[i] = (struct iobmd_compose_part){
			.fd = parts[i].buffer->fd,
			.offset = parts[i].offset,
			.length = parts[i].length,
		};
	}
	return 0;
}

IOBMD_EXPORT int iobmd_buffer_compose(int device,
				      const struct iobmd_part *parts,
				      uint32_t nr_parts, uint32_t flags,
				      struct iobmd_buffer **composite)
{
	struct iobmd_compose_part *array;
	struct iobmd_compose args = {
		.size = sizeof(args),
		.flags = flags,
		.nr_parts = nr_parts,
	};
	int ret;

	if (nr_parts == 0 || nr_parts > IOBMD_COMPOSE_MAX)
		return -EINVAL;

	array = malloc(nr_parts * sizeof(*array));
	if (!array)
		return -ENOMEM;

	args.parts = (uintptr_t)array;
	ret = parts_fill(array, parts, nr_parts);
	if (!ret)
		ret = iobmd_buffer_make(device, IOBMD_IOC_COMPOSE, &args, composite);
	free(array);
	return ret;
}
