/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the library share; not part of the interface. */
#ifndef IOBMD_INTERNAL_H
#define IOBMD_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iobmd.h"

/* For the definition of each function of iobmd.h; libiobmd.map lists them too. */
#define IOBMD_EXPORT __attribute__((visibility("default")))

/**
 * struct iobmd_area - address space that the library has allocated
 * @address: The address of the first mapped page of the buffer.
 * @size: How many bytes are mapped from there on, in whole pages.
 * @guard: How many bytes directly before and after are inaccessible, in whole pages;
 *	may be 0.
 * @prot: As for mmap(2).
 * @prefault: Whether to populate the page tables at once.
 *
 * Nothing is mapped with MAP_FIXED, only into free address space. MAP_FIXED unmaps
 * what it replaces even if it fails afterwards; if another thread then mapped
 * something into the hole, cleaning up would unmap that.
 */
struct iobmd_area {
	char *address;
	uint64_t size;
	uint64_t guard;
	int prot;
	bool prefault;
};

/**
 * struct iobmd_range - what iobmd_buffer_get_address_range() has mapped
 * @area: Begins with the first byte of the buffer. May extend beyond the length
 *	and, after a shrink, beyond the end of the buffer.
 * @next: An older range that was too small; kept because its address is in use.
 */
struct iobmd_range {
	struct iobmd_area area;
	struct iobmd_range *next;
};

/**
 * struct iobmd_buffer - see iobmd.h
 * @fd: The descriptor. Never changes.
 * @lock: Protects @ranges.
 * @ranges: The newest first; separate lists for writable and read-only ranges.
 */
struct iobmd_buffer {
	int fd;
	pthread_mutex_t lock;
	struct iobmd_range *ranges[2];
};

static inline uint64_t iobmd_round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

int iobmd_fd_call(int fd, unsigned long command, void *args);
int iobmd_fd_get_info(int fd, struct iobmd_get_info *info);
int iobmd_fd_check(int fd);

/* A handle without a descriptor, or NULL. */
struct iobmd_buffer *iobmd_buffer_alloc(void);

/* A handle of the descriptor that an ioctl makes. */
int iobmd_buffer_make(int fd, unsigned long command, const void *args,
		      struct iobmd_buffer **buffer);

int iobmd_area_map(int fd, struct iobmd_area *area, uint64_t offset,
		   const struct iobmd_get_info *info);
int iobmd_area_map_fixed(int fd, struct iobmd_area *area, uint64_t offset);
int iobmd_area_grow(struct iobmd_area *area, uint64_t size, int flags);
void iobmd_area_unmap(const struct iobmd_area *area);

#endif /* IOBMD_INTERNAL_H */
