// SPDX-License-Identifier: LGPL-2.1-or-later
/* Composites: several parts of buffers as one. */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "internal.h"

/* So many parts need no memory of their own. */
#define PARTS_FEW 16

static void parts_fill(struct iobmd_compose_part *array,
		       const struct iobmd_part *parts, uint32_t nr_parts)
{
	uint32_t i;

	for (i = 0; i < nr_parts; i++)
		array[i] = (struct iobmd_compose_part){
			.fd = parts[i].buffer->fd,
			.offset = parts[i].offset,
			.length = parts[i].length,
		};
}

/* The handle comes first: nothing can fail once there is a descriptor. */
static int compose(int device, const struct iobmd_compose *args,
		   struct iobmd_buffer **composite)
{
	struct iobmd_buffer *made = iobmd_buffer_alloc();

	if (!made)
		return -ENOMEM;

	made->fd = ioctl(device, IOBMD_IOC_COMPOSE, args);
	if (made->fd < 0) {
		int ret = -errno;

		iobmd_buffer_free(made);
		return ret;
	}

	*composite = made;
	return 0;
}

IOBMD_EXPORT int iobmd_buffer_compose(int device,
				      const struct iobmd_part *parts,
				      uint32_t nr_parts, uint32_t flags,
				      struct iobmd_buffer **composite)
{
	struct iobmd_compose_part few[PARTS_FEW], *many = NULL;
	struct iobmd_compose args = {
		.size = sizeof(args),
		.flags = flags,
		.parts = (uintptr_t)few,
		.nr_parts = nr_parts,
	};
	int ret;

	if (nr_parts > IOBMD_COMPOSE_MAX)
		return -EINVAL;

	if (nr_parts > PARTS_FEW) {
		many = malloc(nr_parts * sizeof(*many));
		if (!many)
			return -ENOMEM;
		args.parts = (uintptr_t)many;
	}

	parts_fill(many ? many : few, parts, nr_parts);
	ret = compose(device, &args, composite);
	free(many);
	return ret;
}
