/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* The ioctls of /dev/iobmd-eduN: DMA between a buffer and the device. */
#ifndef IOBMD_EDU_H
#define IOBMD_EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * IOBMD_EDU_MEMORY_SIZE - bytes of the device's memory that can be used
 *
 * The device has one more, but QEMU (for example 7.2) treats a transfer that includes
 * the last byte as out of range, and stops the whole machine.
 */
#define IOBMD_EDU_MEMORY_SIZE	4095

/*
 * Every argument begins with its size, as the caller knows it, and flags, of which
 * there are none yet. A struct larger than the driver's fails with E2BIG if the rest is
 * not 0, a smaller one with EINVAL. Further errors of all calls: EFAULT, EINVAL, EIO
 * after a time-out (until the driver is bound again), ENODEV if the device is gone.
 */

/**
 * struct iobmd_edu_attach - ioctl(IOBMD_EDU_IOC_ATTACH)
 * @size: sizeof(struct iobmd_edu_attach)
 * @flags: 0
 * @fd: A descriptor of a buffer.
 * @rights: Of enum iobmd_rights: IOBMD_RIGHT_READ, with IOBMD_RIGHT_WRITE if the
 *	device is to write to the buffer.
 *
 * Until IOBMD_EDU_IOC_DETACH, or the last close of this file, the driver holds the
 * buffer, so that it does not shrink.
 *
 * Errors: EACCES if @fd lacks a right, EBADF, EBUSY if one is attached already,
 * EINTR, EINVAL, ENFILE, ENOMEM, EPERM.
 */
struct iobmd_edu_attach {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 rights;
};

/**
 * struct iobmd_edu_detach - ioctl(IOBMD_EDU_IOC_DETACH)
 * @size: sizeof(struct iobmd_edu_detach)
 * @flags: 0
 *
 * Also removes the eventfd.
 *
 * Errors: ENOTCONN if no buffer is attached.
 */
struct iobmd_edu_detach {
	__u32 size;
	__u32 flags;
};

/**
 * struct iobmd_edu_transfer - ioctl(IOBMD_EDU_IOC_TRANSFER)
 * @size: sizeof(struct iobmd_edu_transfer)
 * @flags: 0
 * @offset: Where in the buffer, in bytes.
 * @device_offset: Where in the memory of the device, in bytes.
 * @length: In bytes, 1 or more.
 * @direction: One of enum iobmd_direction; IOBMD_DIRECTION_IN is from the device.
 * @__reserved: 0
 *
 * Returns, and signals the eventfd, when the device is done and the data can be read.
 * A failed transfer does not signal it.
 *
 * Errors: EACCES if the buffer's direction or the requested rights do not allow it,
 * EINVAL, ENOMEM, ENOTCONN if no buffer is attached, ETIMEDOUT if the device did not
 * answer; some of the bytes may have been copied.
 */
struct iobmd_edu_transfer {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__u32 device_offset;
	__u32 length;
	__u32 direction;
	__u32 __reserved;
};

/**
 * struct iobmd_edu_set_eventfd - ioctl(IOBMD_EDU_IOC_SET_EVENTFD)
 * @size: sizeof(struct iobmd_edu_set_eventfd)
 * @flags: 0
 * @fd: An eventfd, to which each complete transfer adds 1, or -1 for none.
 * @__reserved: 0
 *
 * It replaces the previous one. Other processes may wait for it, too.
 *
 * Errors: EBADF, EINVAL if @fd is not an eventfd, ENOTCONN if no buffer is attached.
 */
struct iobmd_edu_set_eventfd {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 __reserved;
};

#define IOBMD_EDU_IOC_ATTACH		_IO(0xBE, 0x40)
#define IOBMD_EDU_IOC_DETACH		_IO(0xBE, 0x41)
#define IOBMD_EDU_IOC_TRANSFER		_IO(0xBE, 0x42)
#define IOBMD_EDU_IOC_SET_EVENTFD	_IO(0xBE, 0x43)

#endif /* IOBMD_EDU_H */
