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
 * descriptor that a process has passed to it. Until iobmd_client_put(), the client
 * keeps the module loaded, and the buffer from shrinking below its length at the
 * time the client was made. The buffer may grow, but the client does not see the new
 * part. A client with IOBMD_RIGHT_WRITE also keeps the buffer from being sealed
 * against writing.
 *
 * For a transfer a driver calls iobmd_client_dma_map(), walks the segments with
 * for_each_sgtable_dma_sg(), waits for its device, calls
 * iobmd_client_dma_unmap(), and tells processes with iobmd_client_notify().
 * module/examples/edu does just that.
 *
 * Processes may change the memory at any time. Copy what you validate before you
 * validate it.
 *
 * Unless stated otherwise, functions may sleep and need process context. Those with
 * an &struct iov_iter may access user memory: hold no lock that a page fault may
 * take, such as mmap_lock. Functions that fail return a negative errno, or an
 * ERR_PTR() of it, with the meanings of the table in uapi/linux/iobmd.h, and have
 * changed nothing. -ERESTARTSYS, which user space never sees, means that a signal
 * arrived while the call waited for another on the same buffer; an ioctl handler
 * returns it as it is. New buffers and clients are charged to the user of the
 * current task, and refused with -EDQUOT over its ceiling. Several threads may use
 * one &struct iobmd_client at the same time; iobmd_client_put() must come last.
 */
struct iobmd_client;

/**
 * iobmd_client_create() - make a buffer
 * @args: As for IOBMD_IOC_CREATE; @size is ignored.
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
 * @rights: An or of enum iobmd_rights: what the driver needs, at least
 *	IOBMD_RIGHT_READ; IOBMD_RIGHT_RESIZE only with IOBMD_RIGHT_WRITE. The
 *	client and descriptors published from it have no other rights.
 *
 * If @fd is a window, the client is one too: offsets count from its start.
 *
 * Return: a client, or an ERR_PTR: -EBADF if @fd is not open, -EINVAL if it is not a
 * descriptor of a buffer or @rights are invalid, -EACCES if it lacks one of @rights,
 * -EPERM if a seal forbids them, -EDQUOT, -ENFILE, -ENOMEM, -ERESTARTSYS.
 */
struct iobmd_client *iobmd_client_get(int fd, u32 rights);

/**
 * iobmd_client_put() - stop using a buffer
 * @client: The client, or NULL. All DMA mappings and kernel mappings of it must be
 *	gone.
 *
 * The buffer may stay held for a moment longer, until the kernel has processed the
 * last close of the file.
 */
void iobmd_client_put(struct iobmd_client *client);

/**
 * iobmd_client_size() - how much of the buffer @client may use
 * @client: The client.
 *
 * Context: any.
 * Return: in bytes, the length of the buffer at the time the client was made, or the
 * size of the client's window.
 */
u64 iobmd_client_size(const struct iobmd_client *client);

/**
 * iobmd_client_set_length() - tell processes how much is in use
 * @client: The client.
 * @length: In bytes.
 *
 * Return: 0, -EACCES without IOBMD_RIGHT_RESIZE, or -EINVAL if @length exceeds the
 * capacity.
 */
int iobmd_client_set_length(struct iobmd_client *client, u64 length);

/**
 * iobmd_client_set_eventfd() - set the eventfd that notifies processes
 * @client: The client.
 * @fd: An eventfd of the current process, or -1 for none, which is the default.
 *
 * It replaces the previous eventfd, which is no longer signalled when this returns.
 * The client keeps it until iobmd_client_put(), even if the process closes it. Any
 * process that has received the eventfd can wait for it, with poll(2) or read(2).
 *
 * Return: 0, -EBADF if @fd is not open, or -EINVAL if it is not an eventfd.
 */
int iobmd_client_set_eventfd(struct iobmd_client *client, int fd);

/**
 * iobmd_client_notify() - wake the processes that wait
 * @client: The client.
 *
 * Adds 1 to the eventfd, if there is one. A process that wakes up sees what this CPU
 * has written to the buffer before. What a device has written may be in a bounce
 * buffer until iobmd_client_dma_unmap() or dma_sync_sgtable_for_cpu(): call one of
 * them first.
 *
 * Context: any but NMI, including hard interrupts, with or without locks held; but
 * not from the wake-up callback of an eventfd. Free the interrupt, or cancel the
 * timer, that calls this before iobmd_client_put().
 */
void iobmd_client_notify(struct iobmd_client *client);

/**
 * iobmd_client_for_each_run() - visit the memory in physically contiguous runs
 * @client: The client.
 * @offset: In bytes.
 * @length: In bytes, 1 or more. The range must lie within the client's size.
 * @visit: Called in order with the physical address and the length in bytes of each
 *	run, which is as long as possible. A value other than 0 ends the walk. It may
 *	sleep, and the memory may be used until iobmd_client_put().
 * @arg: For @visit.
 *
 * These are not DMA addresses: iobmd_client_dma_map() returns those.
 *
 * Return: what @visit returned last, or -EINVAL, or -EIO on a hardware error.
 */
int iobmd_client_for_each_run(struct iobmd_client *client, u64 offset, u64 length,
			      int (*visit)(phys_addr_t address, u64 length, void *arg),
			      void *arg);

/**
 * iobmd_client_vmap() - map the memory of a client into the kernel
 * @client: The client. Needs IOBMD_RIGHT_WRITE; without it, use
 *	iobmd_client_read().
 *
 * May be called more than once. The rest of the last page, beyond
 * iobmd_client_size(), does not belong to the client and may be in use.
 *
 * Return: the address, to give to iobmd_client_vunmap(), or an ERR_PTR: -EACCES,
 * -EINVAL if the size is 0, -EIO on a hardware error, -ENOMEM.
 */
void *iobmd_client_vmap(struct iobmd_client *client);

/**
 * iobmd_client_vunmap() - undo iobmd_client_vmap()
 * @client: The client.
 * @address: What iobmd_client_vmap() returned.
 */
void iobmd_client_vunmap(struct iobmd_client *client, void *address);

/**
 * iobmd_client_read() - copy out of the buffer
 * @client: The client.
 * @offset: Where to begin, in bytes.
 * @to: The destination, and how much to copy. Keeps what could not be copied.
 *
 * Return: the bytes copied, fewer than requested at the end of the client's size or
 * where @to cannot be written; 0 if @offset is at the end or beyond. If no byte could
 * be copied, -EFAULT, or -EIO on a hardware error.
 */
ssize_t iobmd_client_read(struct iobmd_client *client, u64 offset, struct iov_iter *to);

/**
 * iobmd_client_write() - copy into the buffer
 * @client: The client. Needs IOBMD_RIGHT_WRITE.
 * @offset: Where to begin, in bytes.
 * @from: The source, and how much to copy. Keeps what could not be copied.
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
 * A client may have several mappings, also of the same bytes. A mapping that is used
 * for more than one transfer needs dma_sync_sgtable_for_device() before each and
 * dma_sync_sgtable_for_cpu() after it. All must be unmapped before @dev is unbound.
 *
 * No byte outside the range is changed, not even by a bounce buffer. So map only what
 * the device writes, since processes may write next to it.
 *
 * Return: the segments, for iobmd_client_dma_unmap(), or an ERR_PTR:
 * -EACCES if @direction is too wide or the right is missing, -EINVAL, -EIO if
 * the device cannot reach the memory or it has a hardware error, -ENOMEM.
 */
struct sg_table *iobmd_client_dma_map(struct iobmd_client *client, struct device *dev,
				      u64 offset, u64 length,
				      enum dma_data_direction direction);

/**
 * iobmd_client_dma_unmap() - end the use of a range for DMA
 * @client: The client.
 * @sgt: What iobmd_client_dma_map() returned. The device must no longer access it.
 */
void iobmd_client_dma_unmap(struct iobmd_client *client, struct sg_table *sgt);

/**
 * iobmd_client_publish() - give the current process a descriptor
 * @client: The client.
 * @flags: The flags of IOBMD_IOC_DERIVE, except IOBMD_DERIVE_F_WINDOW.
 *
 * Return: a new file descriptor, close-on-exec, or -EDQUOT, -EINVAL, -EMFILE,
 * -ENFILE, -ENOMEM, -ERESTARTSYS. The descriptor is installed already, so nothing after
 * this call may fail.
 */
int iobmd_client_publish(struct iobmd_client *client, u32 flags);

#endif /* LINUX_IOBMD_H */
