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

/**
 * struct iobmd_edu_attach - ioctl(IOBMD_EDU_IOC_ATTACH)
 * @fd: A descriptor of a buffer.
 * @rights: Of enum iobmd_rights: IOBMD_RIGHT_READ, with IOBMD_RIGHT_WRITE if the
 *	device shall write to the buffer.
 *
 * Until IOBMD_EDU_IOC_DETACH, or the last close of this file, the driver holds
 * on to the buffer, so that it does not shrink.
 *
 * Errors: EACCES if @fd lacks a right, EBADF, EBUSY if one is attached already,
 * EINTR, EINVAL, ENFILE, ENODEV, ENOMEM, EPERM.
 */
struct iobmd_edu_attach {
	__s32 fd;
	__u32 rights;
};

/**
 * struct iobmd_edu_transfer - ioctl(IOBMD_EDU_IOC_TRANSFER)
 * @offset: Where in the buffer, in bytes.
 * @device_offset: Where in the memory of the device, in bytes.
 * @length: In bytes, 1 or more.
 * @direction: One of enum iobmd_direction; IOBMD_DIRECTION_IN is from the device.
 * @__reserved: 0
 *
 * Returns when the device is done.
 *
 * Errors: EACCES if the buffer's direction or the rights that were asked for do
 * not allow it, EINVAL, EIO after a time-out (until the driver is bound anew),
 * ENODEV if the device is gone, ENOMEM, ENOTCONN if no buffer is attached,
 * ETIMEDOUT if the device did not answer; some of the bytes may have been moved.
 */
struct iobmd_edu_transfer {
	__aligned_u64 offset;
	__u32 device_offset;
	__u32 length;
	__u32 direction;
	__u32 __reserved;
};

#define IOBMD_EDU_IOC_ATTACH	_IOW(0xBE, 0x40, struct iobmd_edu_attach)
#define IOBMD_EDU_IOC_DETACH	_IO(0xBE, 0x41)
#define IOBMD_EDU_IOC_TRANSFER	_IOW(0xBE, 0x42, struct iobmd_edu_transfer)

#endif /* IOBMD_EDU_H */
