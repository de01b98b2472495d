/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IOBMD_KUNIT_INSTANCE_H
#define IOBMD_KUNIT_INSTANCE_H

#include <kunit/test.h>

#include "internal.h"

/* For suites whose cases make buffers: their .suite_init and .suite_exit. */
int iobmd_instance_begin(struct kunit_suite *suite);
void iobmd_instance_end(struct kunit_suite *suite);

struct iobmd_buffer *iobmd_instance_buffer(struct kunit *test, u64 capacity);
void iobmd_instance_expect_unused(struct kunit *test, struct iobmd_buffer *buffer);

#endif /* IOBMD_KUNIT_INSTANCE_H */
