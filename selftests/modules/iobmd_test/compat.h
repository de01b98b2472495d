/* SPDX-License-Identifier: GPL-2.0 */
/* Newer names for older kernels, as module/compat.h has them for the module (Kbuild looks). */
#ifndef IOBMD_TEST_COMPAT_H
#define IOBMD_TEST_COMPAT_H

#include <linux/hrtimer.h>

/* 6.1 takes the lock of the dma-buf itself. */
#ifndef IOBMD_HAS_DMA_BUF_UNLOCKED
#define dma_buf_map_attachment_unlocked dma_buf_map_attachment
#define dma_buf_unmap_attachment_unlocked dma_buf_unmap_attachment
#define dma_buf_vmap_unlocked dma_buf_vmap
#define dma_buf_vunmap_unlocked dma_buf_vunmap
#endif

#ifndef IOBMD_HAS_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *timer),
				 clockid_t clock_id, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
}
#endif

#endif /* IOBMD_TEST_COMPAT_H */
