// SPDX-License-Identifier: GPL-2.0
/* Which operations follow each other on one buffer. */

#include <stddef.h>

#include "bench.h"

/* What looks for the stamps comes before what reads other data over them. */
static const struct operation *const life[] = {
	&op_create, &op_map, &op_touch_write, &op_share, &op_random, &op_register, &op_vmsplice,
	&op_dma, &op_vmap, &op_get_info, &op_set_length, &op_memcpy, &op_direct_read,
	&op_read_fixed, &op_unmap, &op_close, NULL
};

static const struct operation *const first_read[] = { &op_touch_read, NULL };
static const struct operation *const cycle[] = { &op_cycle_cold, &op_cycle_warm, NULL };
static const struct operation *const resize[] = { &op_grow, &op_shrink, NULL };
static const struct operation *const many[] = { &op_many, NULL };
static const struct operation *const threads_1[] = { &op_threads_1, NULL };
static const struct operation *const threads_2[] = { &op_threads_2, NULL };
static const struct operation *const threads_4[] = { &op_threads_4, NULL };

const struct operation *const *const groups[] = {
	cycle, life, first_read, resize, many, threads_1, threads_2, threads_4, NULL
};
