/* SPDX-License-Identifier: GPL-2.0 */
/* iobmd: shared buffers of kernel memory, for other modules. */
#ifndef LINUX_IOBMD_H
#define LINUX_IOBMD_H

#include <linux/dma-direction.h>
#include <linux/types.h>

#include <uapi/linux/iobmd.h>

struct device;
struct iov_iter;
struct sg_table;

/**
 * DOC: Buffers in the kernel
 *
 * A driver works on a buffer through a &struct iobmd_client, made with
 * iobmd_client_create() for a buffer of its own, or with iobmd_client_get() for the
 * descriptor that a process has passed to it. The client holds the buffer: it
 * does not shrink below what it was when the client came, and the module stays,
 * until iobmd_client_put(). It may grow; a client sees no more than it was made
 * for. One with IOBMD_RIGHT_WRITE also keeps it from being sealed against
 * writing.
 *
 * For a transfer a driver calls iobmd_client_dma_map(), walks the segments with
 * for_each_sgtable_dma_sg(), waits for its device, calls
 * iobmd_client_dma_unmap(), and tells processes with iobmd_client_notify().
 * module/examples/edu does just that.
 *
 * The memory is in use by processes at the same time. What it says may change
 * between two looks: copy before you check.
 *
 * All functions may sleep and are for process context, but where they say
 * otherwise. Those with an &struct iov_iter may touch user memory: hold no lock
 * that a page fault may want, such as mmap_lock. Those that fail return a
 * negative errno, or an ERR_PTR() of it, with the meanings of the table in
 * uapi/linux/iobmd.h, and have changed nothing. -ERESTARTSYS, which user space does
 * not see, means that a signal came while the call waited for another on the same
 * buffer: an ioctl returns it. What is made counts for the current task's user, and
 * is refused with -EDQUOT over its ceiling. Several threads may use one
 * &struct iobmd_client at the same time; iobmd_client_put() comes last.
 */
struct iobmd_client;

/**
 * iobmd_client_create() - make a buffer
 * @args: As a process would give them to IOBMD_IOC_CREATE; @size is not looked
 *	at.
 *
 * The memory is charged to the current task, as if it had called the ioctl. No
 * process has a descriptor of it before iobmd_client_publish().
 *
 * Return: a client with all rights, or an ERR_PTR: -EDQUOT, -EFBIG, -EINTR,
 * -EINVAL, -ENFILE, -ENOMEM, -ERESTARTSYS.
 */
struct iobmd_client *iobmd_client_create(const struct iobmd_create *args);

/**
 * iobmd_client_get() - use the buffer of a process
 * @fd: A descriptor of the current process.
 * @rights: An or of enum iobmd_rights that the driver needs, at least
 *	IOBMD_RIGHT_READ; IOBMD_RIGHT_RESIZE only with IOBMD_RIGHT_WRITE. It
 *	gets no more than these, nor does what it publishes.
 *
 * A window stays one: offsets count from its start.
 *
 * Return: a client, or an ERR_PTR: -EBADF if @fd is not open, -EINVAL if it is no
 * descriptor of a buffer or @rights are unknown, -EACCES if it lacks one,
 * -EPERM if a seal forbids them, -EDQUOT, -ENFILE, -ENOMEM, -ERESTARTSYS.
 */
struct iobmd_client *iobmd_client_get(int fd, u32 rights);

/**
 * iobmd_client_put() - stop using a buffer
 * @client: What the two functions above returned; NULL is fine. All DMA mappings
 *	and kernel mappings of it must be gone.
 *
 * What it held may stay held for a moment longer, until the kernel gets round
 * to its last close.
 */
void iobmd_client_put(struct iobmd_client *client);

/**
 * iobmd_client_size() - how much of the buffer @client may use
 * @client: The client.
 *
 * Context: any.
 * Return: bytes: the length when the client came, or the size of its window.
 */
u64 iobmd_client_size(const struct iobmd_client *client);

/**
 * iobmd_client_set_length() - tell processes how much is in use
 * @client: The client.
 * @length: In bytes.
 *
 * Return: 0, -EACCES without IOBMD_RIGHT_RESIZE, or -EINVAL if @length is over
 * the capacity.
 */
int iobmd_client_set_length(struct iobmd_client *client, u64 length);

/**
 * iobmd_client_set_eventfd() - say how processes are notified
 * @client: The client.
 * @fd: An eventfd of the current process, or -1 for none, as it is at first.
 *
 * It takes the place of the one before, which is not signalled any more when
 * this returns. It goes with iobmd_client_put(), and stays when the process
 * closes it: any process that has got it from the first can wait, with poll(2)
 * or read(2).
 *
 * Return: 0, -EBADF if @fd is not open, or -EINVAL if it is no eventfd.
 */
int iobmd_client_set_eventfd(struct iobmd_client *client, int fd);

/**
 * iobmd_client_notify() - wake the processes that wait
 * @client: The client.
 *
 * Adds 1 to the eventfd, if there is one. Those who wake up find in the buffer
 * what this CPU has written to it before. What a device has written may be in a
 * bounce buffer until iobmd_client_dma_unmap() or dma_sync_sgtable_for_cpu():
 * call one first.
 *
 * Context: any but NMI, hard interrupts included, with locks held or not; but
 * not out of a function that an eventfd's wake-up calls. Free the interrupt, or
 * cancel the timer, that calls this before iobmd_client_put().
 */
void iobmd_client_notify(struct iobmd_client *client);

/**
 * iobmd_client_for_each_run() - visit the memory in physically contiguous runs
 * @client: The client.
 * @offset: In bytes.
 * @length: In bytes, 1 or more. The range must lie within the client's size.
 * @visit: Called with the physical address and the bytes of each run, in order,
 *	each as long as it can be. A value other than 0 ends the walk. It may
 *	sleep, and use the memory until iobmd_client_put().
 * @arg: For @visit.
 *
 * These are not addresses for a device: those are what iobmd_client_dma_map()
 * gives.
 *
 * Return: what @visit returned last, or -EINVAL, or -EIO on a hardware error.
 */
int iobmd_client_for_each_run(struct iobmd_client *client, u64 offset, u64 length,
			      int (*visit)(phys_addr_t address, u64 length, void *arg),
			      void *arg);

/**
 * iobmd_client_vmap() - map all of it into the kernel
 * @client: The client. Needs IOBMD_RIGHT_WRITE; without it there is
 *	iobmd_client_read().
 *
 * It may be done more than once. Beyond iobmd_client_size(), up to the end of the
 * page, may be bytes of others.
 *
 * Return: the address, to give to iobmd_client_vunmap(), or an ERR_PTR: -EACCES,
 * -EINVAL if the size is 0, -EIO on a hardware error, -ENOMEM.
 */
void *iobmd_client_vmap(struct iobmd_client *client);

/**
 * iobmd_client_vunmap() - undo iobmd_client_vmap()
 * @client: The client.
 * @address: What that returned.
 */
void iobmd_client_vunmap(struct iobmd_client *client, void *address);

/**
 * iobmd_client_read() - copy out of the buffer
 * @client: The client.
 * @offset: Where to begin, in bytes.
 * @to: Where to, and how much. Keeps what could not be copied.
 *
 * Return: the bytes copied, fewer than asked for where the client's size ends or
 * @to cannot be written, 0 from the size on; if there is none that could be
 * copied, -EFAULT, or -EIO on a hardware error.
 */
ssize_t iobmd_client_read(struct iobmd_client *client, u64 offset, struct iov_iter *to);

/**
 * iobmd_client_write() - copy into the buffer
 * @client: The client. Needs IOBMD_RIGHT_WRITE.
 * @offset: Where to begin, in bytes.
 * @from: From where, and how much. Keeps what could not be copied.
 *
 * Return: the bytes copied, as iobmd_client_read(); -EACCES.
 */
ssize_t iobmd_client_write(struct iobmd_client *client, u64 offset, struct iov_iter *from);

/**
 * iobmd_client_dma_map() - prepare a range for DMA
 * @client: The client. Needs IOBMD_RIGHT_WRITE if the device writes.
 * @dev: The device. The segments keep to its DMA mask, largest segment and
 *	segment boundary: set them first, as dma_set_max_seg_size() does.
 * @offset: In bytes.
 * @length: In bytes, 1 or more. The range must lie within the client's size.
 * @direction: What the device will do; not wider than the buffer's direction.
 *
 * A client may have several, of the same bytes too. One that stays for more than
 * one transfer needs dma_sync_sgtable_for_device() before each and
 * dma_sync_sgtable_for_cpu() after it. All must be gone when @dev is unbound.
 *
 * No byte outside the range is touched, not by a bounce buffer either; so ask
 * for what the device writes and no more, as processes may write next to it.
 *
 * Return: the segments, to give to iobmd_client_dma_unmap(), or an ERR_PTR:
 * -EACCES if @direction is too wide or the right is missing, -EINVAL, -EIO if
 * the device cannot reach the memory or it has a hardware error, -ENOMEM.
 */
struct sg_table *iobmd_client_dma_map(struct iobmd_client *client, struct device *dev,
				      u64 offset, u64 length,
				      enum dma_data_direction direction);

/**
 * iobmd_client_dma_unmap() - end the use of a range for DMA
 * @client: The client.
 * @sgt: What iobmd_client_dma_map() returned. The device must be done with it.
 */
void iobmd_client_dma_unmap(struct iobmd_client *client, struct sg_table *sgt);

/**
 * iobmd_client_publish() - give the current process a descriptor
 * @client: The client.
 * @flags: Of IOBMD_IOC_DERIVE, without IOBMD_DERIVE_F_WINDOW.
 *
 * Return: a new file descriptor, close-on-exec, or -EDQUOT, -EINVAL, -EMFILE,
 * -ENFILE, -ENOMEM, -ERESTARTSYS. It is installed already: do nothing after that can fail.
 */
int iobmd_client_publish(struct iobmd_client *client, u32 flags);

#endif /* LINUX_IOBMD_H */
