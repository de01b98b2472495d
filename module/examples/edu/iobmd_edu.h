/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* The ioctls of /dev/iobmd-edu0 and further: DMA between a buffer and the device. */
#ifndef IOBMD_EDU_H
#define IOBMD_EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * IOBMD_EDU_MEMORY_SIZE - bytes of the device's memory that can be used
 *
 * It has one more, but QEMU (7.2 for one) takes a transfer of the last byte for
 * one beyond the end, and stops the whole machine.
 */
#define IOBMD_EDU_MEMORY_SIZE	4095

/*
 * Every argument begins with its size, as the caller knows it, and flags, of which
 * there are none yet. A caller with a larger struct than the driver's gets E2BIG
 * if the rest is not 0, one with a smaller struct EINVAL. Further errors of all
 * calls: EFAULT, EINVAL, EIO after a time-out (until the driver is bound anew),
 * ENODEV if the device is gone.
 */

/**
 * struct iobmd_edu_attach - ioctl(IOBMD_EDU_IOC_ATTACH)
 * @size: sizeof(struct iobmd_edu_attach)
 * @flags: 0
 * @fd: A descriptor of a buffer.
 * @rights: Of enum iobmd_rights: IOBMD_RIGHT_READ, with IOBMD_RIGHT_WRITE if the
 *	device shall write to the buffer.
 *
 * Until IOBMD_EDU_IOC_DETACH, or the last close of this file, the driver holds
 * on to the buffer, so that it does not shrink.
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
 * The eventfd goes with the buffer.
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
 * Returns when the device is done and what it has written can be read, and
 * signals the eventfd then. A transfer that fails does not.
 *
 * Errors: EACCES if the buffer's direction or the rights that were asked for do
 * not allow it, EINVAL, ENOMEM, ENOTCONN if no buffer is attached, ETIMEDOUT if
 * the device did not answer; some of the bytes may have been moved.
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
 * @fd: An eventfd, to which each transfer adds 1 when it is done, or -1 for none.
 * @__reserved: 0
 *
 * It takes the place of the one before. Other processes may wait for it, too.
 *
 * Errors: EBADF, EINVAL if @fd is no eventfd, ENOTCONN if no buffer is attached.
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
