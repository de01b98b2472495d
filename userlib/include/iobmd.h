/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libiobmd: shared buffers of kernel memory, for programs. */
#ifndef IOBMD_H
#define IOBMD_H

#include <stddef.h>
#include <stdint.h>
#include <linux/iobmd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIBIOBMD_VERSION_MAJOR	1
#define LIBIOBMD_VERSION_MINOR	0
#define LIBIOBMD_VERSION_PATCH	0

/** LIBIOBMD_VERSION - version of this header; iobmd_version() returns the library's */
#define LIBIOBMD_VERSION	(LIBIOBMD_VERSION_MAJOR << 16 | \
				 LIBIOBMD_VERSION_MINOR << 8 | LIBIOBMD_VERSION_PATCH)

/* Compiler warnings for ignored results, and for NULL arguments */
#if defined(__GNUC__)
#define IOBMD_MUST_CHECK	__attribute__((warn_unused_result))
#define IOBMD_NONNULL		__attribute__((nonnull))
#define IOBMD_NONNULL_1		__attribute__((nonnull(1)))
#else
#define IOBMD_MUST_CHECK
#define IOBMD_NONNULL
#define IOBMD_NONNULL_1
#endif

/**
 * DOC: Using the library
 *
 * <linux/iobmd.h> describes buffers, their capacity and their length, and the
 * errnos of the module. This library wraps descriptors in handles and mappings in
 * objects, and takes care of page boundaries.
 *
 * The following holds for all functions:
 *
 * - A function that can fail returns 0, or a file descriptor of 0 or more, on success
 *   and a negative errno on failure. The variable errno is then undefined.
 * - Results returned through a pointer are written on success only. A call that
 *   fails has changed nothing and leaves nothing behind.
 * - Sizes, lengths and offsets are in bytes, and exact: they need not be
 *   multiples of a page.
 * - A pointer argument must be valid and not NULL, unless documented otherwise.
 *   The functions that free accept NULL.
 * - A struct that is passed with its sizeof() may become longer in a later version.
 *   A library older than the program leaves fields that it does not know zero, a
 *   newer one writes no more than the given size. Other structs have reserved fields
 *   instead, which must be zero where the caller sets them.
 * - No function prints, ends the process, installs a signal handler or keeps
 *   state outside of the objects it returns. New file descriptors are close-on-exec.
 * - Different threads may use the same object at the same time, as long as none of
 *   them frees it. No function is async-signal-safe.
 * - A security module (SELinux) may refuse an operation of the kernel with -EACCES or
 *   -EPERM, also where these are not listed.
 *
 * fork() gives the child a copy of every handle and every mapping, including guard
 * pages, of the same buffers. Both processes can use theirs, and each frees its own;
 * what one of them unmaps or frees stays in the other. In a multi-threaded process,
 * fork() must not run while another thread is in iobmd_buffer_get_address_range() if the
 * child is to use or to free the same handle.
 *
 * The number of mappings of a process is limited by vm.max_map_count. At that limit the
 * kernel refuses to unmap from the middle of what it has merged into one mapping: three
 * mappings that are adjacent both in address space and in the buffer. If the one in the
 * middle is freed at the limit, it stays mapped until the process ends.
 *
 * A descriptor received from another process may be of any file. The library identifies
 * a buffer by what the kernel itself reports (/proc/thread-self/fdinfo), and makes no
 * call on any other file, since a FUSE file can lie or never answer. If /proc is not
 * mounted, it has to call the file, and such a file can pass for a buffer or block the
 * caller. Closing a file may also wait for its file system (again FUSE):
 * iobmd_buffer_receive() closes what it rejects.
 */

/*
 * struct iobmd_buffer - a handle of a buffer
 *
 * Owns one descriptor, and the address range that
 * iobmd_buffer_get_address_range() has mapped. Several handles, in one process or in
 * several, may refer to the same buffer.
 */
struct iobmd_buffer;

/*
 * struct iobmd_mapping - a mapping of a part of a buffer
 *
 * Remains usable after the handle that it was made with is freed, and keeps the
 * buffer alive.
 */
struct iobmd_mapping;

/**
 * iobmd_version - the version of the library
 *
 * Return: LIBIOBMD_VERSION of the header that the library was built with: the major
 * number times 65536, plus the minor number times 256, plus the patch level. A newer
 * library can replace an older one of the same major number.
 */
uint32_t iobmd_version(void);

/**
 * iobmd_error_hint - what to do about an error
 * @error: An errno, negative as functions return it, or positive.
 *
 * To be shown after strerror(3), as in "No such file or directory (the module is not
 * loaded: modprobe iobmd)".
 *
 * Return: a constant English text, or "" if there is nothing to add; never NULL.
 */
const char *iobmd_error_hint(int error);

/**
 * enum iobmd_mapping_flags - how to map
 * @IOBMD_MAPPING_FIXED: Map at the given address or fail; never replaces a mapping.
 * @IOBMD_MAPPING_READ_ONLY: Map for reading only.
 * @IOBMD_MAPPING_PREFAULT: Populate the page tables now rather than at first access.
 * @IOBMD_MAPPING_GUARD: Put an inaccessible page directly before the first and one
 *	directly after the last page that has a byte of the mapping. An access to them
 *	raises SIGSEGV. With IOBMD_MAPPING_FIXED, guard pages do not replace mappings
 *	either.
 *
 * Flags that are also in enum iobmd_map_flags have the same values.
 */
enum iobmd_mapping_flags {
	IOBMD_MAPPING_FIXED	= IOBMD_MAP_F_FIXED,
	IOBMD_MAPPING_READ_ONLY	= IOBMD_MAP_F_READ_ONLY,
	IOBMD_MAPPING_PREFAULT	= IOBMD_MAP_F_PREFAULT,
	IOBMD_MAPPING_GUARD	= 1 << 16
};

/**
 * struct iobmd_address_segment - where a buffer is in this process
 * @address: The address of its first byte.
 * @length: How much of it is in use, in bytes.
 * @flags: IOBMD_MAPPING_READ_ONLY if writing there raises SIGSEGV; else 0.
 * @reserved: 0
 */
struct iobmd_address_segment {
	void *address;
	uint64_t length;
	uint32_t flags;
	uint32_t reserved[3];
};

/**
 * iobmd_device_open - open /dev/iobmd
 *
 * The descriptor is needed only to create and to compose buffers. The caller closes
 * it with close(2).
 *
 * Return: a file descriptor, or what open(2) failed with:
 * -ENOENT	the module is not loaded
 * -EACCES	the caller may not use the device
 * -EMFILE, -ENFILE, -ENOMEM
 *		no file descriptor, file or memory is left
 */
IOBMD_MUST_CHECK
int iobmd_device_open(void);

/**
 * iobmd_buffer_create - create a buffer
 * @device: What iobmd_device_open() returned; remains the caller's.
 * @capacity: In bytes, 1 or more.
 * @alignment: 0 or a power of two, in bytes, up to the huge page size; see
 *	struct iobmd_create.
 * @direction: An or of enum iobmd_direction; 0 means both.
 * @buffer: Out. A handle, to free with iobmd_buffer_free().
 *
 * All bytes are zero, and the length is the capacity.
 *
 * Return: 0, or
 * -EBADF	@device is not an open file descriptor
 * -ENOTTY	@device is not /dev/iobmd
 * -EINVAL	a value is outside of its range
 * -EFBIG	@capacity exceeds the ceiling of one buffer
 * -EDQUOT	the user's buffers together would exceed the user's ceiling, or the
 *		user has too many buffers and descriptors
 * -ENOMEM	not enough memory is left
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left
 * -EINTR	the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_create(int device, uint64_t capacity, uint64_t alignment,
			uint32_t direction, struct iobmd_buffer **buffer);

/**
 * struct iobmd_buffer_options - how to create a buffer
 * @capacity: In bytes, 1 or more.
 * @alignment: As for iobmd_buffer_create().
 * @direction: An or of enum iobmd_direction; 0 means both.
 * @huge: enum iobmd_huge
 * @node: With IOBMD_CREATE_F_NODE the preferred NUMA node; else 0.
 * @flags: An or of enum iobmd_create_flags.
 *
 * See struct iobmd_create for details.
 */
struct iobmd_buffer_options {
	uint64_t capacity;
	uint64_t alignment;
	uint32_t direction;
	uint32_t huge;
	int32_t node;
	uint32_t flags;
};

/**
 * iobmd_buffer_create_with - create a buffer with options
 * @device: What iobmd_device_open() returned; remains the caller's.
 * @options: The options. Fields that are zero mean the default, as with
 *	iobmd_buffer_create().
 * @size: sizeof(struct iobmd_buffer_options)
 * @buffer: Out. A handle, to free with iobmd_buffer_free().
 *
 * Return: as iobmd_buffer_create(), and
 * -E2BIG	@options has a non-zero field that this library does not know
 * -EINVAL	also if @size is too small
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_create_with(int device, const struct iobmd_buffer_options *options,
			     size_t size, struct iobmd_buffer **buffer);

/**
 * iobmd_buffer_from_fd - make a handle of a descriptor
 * @fd: A descriptor of a buffer, for example an inherited one. Belongs to the handle
 *	after success; remains the caller's after failure.
 * @buffer: Out. A handle, to free with iobmd_buffer_free().
 *
 * Return: 0, or
 * -EBADF	@fd is not an open file descriptor
 * -ENOTTY	@fd is not a descriptor of a buffer, or one with O_PATH
 * -ENOMEM	not enough memory is left
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left to examine @fd with
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_from_fd(int fd, struct iobmd_buffer **buffer);

/**
 * iobmd_buffer_fd - the descriptor of a handle
 * @buffer: A handle.
 *
 * For mmap(2), poll(2), ioctl(2), fork() and the like. It remains the handle's:
 * do not close it, and do not use it after iobmd_buffer_free(). To keep it for longer,
 * use dup(2).
 *
 * Return: the file descriptor; cannot fail.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_fd(const struct iobmd_buffer *buffer);

/**
 * iobmd_buffer_into_fd - take the descriptor out of a handle
 * @buffer: A handle. It is freed as by iobmd_buffer_free(), except for the descriptor.
 *
 * The opposite of iobmd_buffer_from_fd().
 *
 * Return: the file descriptor, to be closed with close(2); cannot fail.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_into_fd(struct iobmd_buffer *buffer);

/**
 * iobmd_buffer_free - close a handle
 * @buffer: A handle, or NULL.
 *
 * Closes the descriptor and unmaps what iobmd_buffer_get_address_range() has mapped. The
 * buffer itself is freed with its last descriptor and its last mapping.
 */
void iobmd_buffer_free(struct iobmd_buffer *buffer);

/**
 * struct iobmd_buffer_info - the state of a buffer and of a handle
 * @id: Unique since the module was loaded; also st_ino of fstat(2).
 * @capacity: In bytes; that of the window if the handle is a window.
 * @length: In bytes; likewise.
 * @allocated: The allocated memory, in bytes: the capacity in whole pages.
 * @huge_bytes: How much of @allocated is in huge pages.
 * @alignment: As given at creation.
 * @direction: An or of enum iobmd_direction.
 * @huge: enum iobmd_huge, as given at creation.
 * @rights: An or of enum iobmd_rights: the rights of this handle.
 * @node: As given at creation, or -1.
 * @page_size: In bytes; also sysconf(_SC_PAGESIZE).
 * @huge_page_size: In bytes; 0 if this kernel has no huge pages.
 * @seals: An or of enum iobmd_seals.
 * @reserved: 0
 */
struct iobmd_buffer_info {
	uint64_t id;
	uint64_t capacity;
	uint64_t length;
	uint64_t allocated;
	uint64_t huge_bytes;
	uint64_t alignment;
	uint32_t direction;
	uint32_t huge;
	uint32_t rights;
	int32_t node;
	uint32_t page_size;
	uint32_t huge_page_size;
	uint32_t seals;
	uint32_t reserved;
};

/**
 * iobmd_buffer_get_info - get the state of a buffer
 * @buffer: A handle.
 * @info: Out. Need not be initialized.
 * @size: sizeof(struct iobmd_buffer_info)
 *
 * Return: 0; cannot fail for a valid handle.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_get_info(const struct iobmd_buffer *buffer,
			  struct iobmd_buffer_info *info, size_t size);

/**
 * iobmd_buffer_get_length - how much of a buffer is in use
 * @buffer: A handle.
 * @length: Out. In bytes.
 *
 * Return: 0; cannot fail for a valid handle.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_get_length(const struct iobmd_buffer *buffer,
			    uint64_t *length);

/**
 * iobmd_buffer_set_length - set how much of a buffer is in use
 * @buffer: A handle.
 * @length: In bytes, 0 to the capacity.
 *
 * Changes no memory and no mapping: the bytes beyond the length keep their values.
 *
 * Return: 0, or
 * -EINVAL	@length exceeds the capacity
 * -EACCES	the descriptor lacks the right to resize
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_set_length(struct iobmd_buffer *buffer, uint64_t length);

/**
 * iobmd_buffer_resize - change the capacity, and the length to it
 * @buffer: A handle.
 * @capacity: In bytes, 1 or more.
 *
 * Growing adds zeroed memory and does not disturb mappings. After shrinking, an access
 * to the freed part raises SIGBUS.
 *
 * Return: 0, or
 * -EACCES	the descriptor lacks the right to resize
 * -EBUSY	the kernel or a device uses memory that would be freed, a window, a
 *		hold or a dma-buf needs it, or a seal forbids it
 * -EINVAL	@capacity is outside of its range
 * -EFBIG	@capacity exceeds the ceiling of one buffer
 * -EDQUOT	the creator's buffers together would exceed the creator's ceiling
 * -ENOMEM	not enough memory is left
 * -EINTR	a signal arrived while the call waited for another on the buffer,
 *		or the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_resize(struct iobmd_buffer *buffer, uint64_t capacity);

/**
 * iobmd_buffer_set_name - set the name that identifies a buffer in /proc and tools
 * @buffer: A handle.
 * @name: Up to IOBMD_NAME_MAX bytes and a NUL, no control characters. NULL or
 *	"" removes the name.
 *
 * Return: 0, or
 * -EINVAL	@name is too long or has a control character
 * -EACCES	the descriptor lacks the right to write
 */
IOBMD_NONNULL_1
int iobmd_buffer_set_name(struct iobmd_buffer *buffer, const char *name);

/**
 * iobmd_buffer_derive - make a handle with a smaller window or fewer rights
 * @buffer: A handle; does not change, and may be freed before the new one.
 * @flags: An or of enum iobmd_derive_flags.
 * @offset: With IOBMD_DERIVE_F_WINDOW where the window begins, in bytes; a
 *	multiple of the page size, since the kernel enforces it. Else 0.
 * @length: With IOBMD_DERIVE_F_WINDOW its length in bytes, 1 or more. Else 0.
 * @derived: Out. A handle of the same buffer, to free with
 *	iobmd_buffer_free(). All offsets given to it count from @offset.
 *
 * To give a part of a buffer to a process that is not trusted, derive a handle for it
 * and pass that to iobmd_buffer_send().
 *
 * Return: 0, or
 * -EINVAL	an unknown flag; a window that begins within a page, is empty or
 *		does not lie within the length; an offset or a length without
 *		a window
 * -ENOMEM	not enough memory is left
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left
 * -EDQUOT	the caller's user has too many descriptors, exports and composites
 * -EINTR	a signal arrived while the call waited for another on the buffer,
 *		or the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_derive(const struct iobmd_buffer *buffer, uint32_t flags,
			uint64_t offset, uint64_t length,
			struct iobmd_buffer **derived);

/**
 * struct iobmd_part - a part of a composite
 * @buffer: A handle of a buffer, of a window or of a composite.
 * @offset: Where the part begins in @buffer, in bytes; a multiple of the page size,
 *	since the kernel enforces it.
 * @length: In bytes; 0 means from @offset to the length of @buffer. A multiple
 *	of the page size, except for the last part.
 * @reserved: 0
 */
struct iobmd_part {
	const struct iobmd_buffer *buffer;
	uint64_t offset;
	uint64_t length;
	uint64_t reserved[2];
};

/**
 * iobmd_buffer_compose - make a handle that shows parts of buffers as one
 * @device: What iobmd_device_open() returned, or the descriptor of any buffer, for a
 *	process that cannot open the device; remains the caller's.
 * @parts: The parts, in order; the array is not needed after the call. The same memory
 *	may be in several parts.
 * @nr_parts: How many, 1 to IOBMD_COMPOSE_MAX. A part of another composite counts as
 *	many times as it covers parts of that.
 * @flags: An or of enum iobmd_compose_flags.
 * @composite: Out. A handle, to free with iobmd_buffer_free(). Offsets given to
 *	it count from the start of the first part.
 *
 * Nothing is copied: the composite shares the memory of its parts, and writes on either
 * side are seen on the other. Its length is that of all parts together and does not
 * change. The handles of the parts do not change, and may be freed before the
 * composite. As long as the composite or a mapping of it exists, the buffers do not
 * shrink into the parts, and cannot be sealed against writing unless @flags has
 * IOBMD_COMPOSE_F_READ_ONLY.
 *
 * Return: 0, or
 * -EBADF	@device is not an open file descriptor
 * -ENOTTY	@device is neither /dev/iobmd nor a descriptor of a buffer
 * -EINVAL	no parts or too many; an unknown flag; a reserved field that is not
 *		0; a part that begins within a page, is empty or does not lie within
 *		the length; a part before the last that ends within a page
 * -EACCES	a part lacks the right to write, and @flags lacks
 *		IOBMD_COMPOSE_F_READ_ONLY
 * -EPERM	a part is sealed against writing, and @flags lacks
 *		IOBMD_COMPOSE_F_READ_ONLY
 * -EFBIG	all parts together exceed the ceiling of one buffer
 * -ENOMEM	not enough memory is left
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left
 * -EDQUOT	the caller's user has too many descriptors, exports and composites
 * -EINTR	a signal arrived while the call waited for another on the buffer,
 *		or the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_compose(int device, const struct iobmd_part *parts,
			 uint32_t nr_parts, uint32_t flags,
			 struct iobmd_buffer **composite);

/**
 * iobmd_buffer_seal - forbid changes of a buffer for good
 * @buffer: A handle.
 * @seals: An or of enum iobmd_seals: the seals to add.
 *
 * Return: 0, or
 * -EACCES	the descriptor lacks the right to resize
 * -EBUSY	IOBMD_SEAL_WRITE: the buffer can still be written, possibly only
 *		through a mapping of this process, as that of
 *		iobmd_buffer_get_address_range()
 * -EPERM	the buffer has IOBMD_SEAL_SEAL
 * -EINVAL	an unknown seal
 * -EINTR	a signal arrived while the call waited for another on the buffer,
 *		or the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_seal(struct iobmd_buffer *buffer, uint32_t seals);

/**
 * iobmd_buffer_export - create a dma-buf, for a driver to import
 * @buffer: A handle; may be freed before the dma-buf is closed.
 * @flags: An or of enum iobmd_export_flags.
 * @offset: Where the dma-buf begins, in bytes; a multiple of the page size.
 * @length: In bytes; 0 means from @offset to the length. Rounded up to whole
 *	pages.
 *
 * While the dma-buf exists, the buffer does not shrink into it.
 *
 * Return: a file descriptor, to be closed with close(2), or
 * -EINVAL	an unknown flag; a range that begins within a page or does not
 *		lie within the length
 * -EPERM	the buffer is sealed against writing, and @flags lacks
 *		IOBMD_EXPORT_F_READ_ONLY
 * -ENOMEM	not enough memory is left
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left
 * -EDQUOT	the caller's user has too many descriptors, exports and composites
 * -EINTR	a signal arrived while the call waited for another on the buffer,
 *		or the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_export(const struct iobmd_buffer *buffer, uint32_t flags,
			uint64_t offset, uint64_t length);

/**
 * iobmd_buffer_sync - order the accesses of the CPU and of devices
 * @buffer: A handle.
 * @offset: Where the range begins, in bytes.
 * @length: In bytes; 0 means from @offset to the length.
 * @direction: An or of enum iobmd_direction, not wider than the buffer's:
 *	IOBMD_DIRECTION_OUT before a device reads, IOBMD_DIRECTION_IN after it
 *	has written.
 * @flags: Out. An or of enum iobmd_sync_flags: whether this machine needs the call
 *	at all. May be NULL.
 *
 * For devices that access the memory by its address, not through a dma-buf.
 *
 * Return: 0, or
 * -EINVAL	a range that does not lie within the length; no direction, or a
 *		wider one than the buffer's
 */
IOBMD_MUST_CHECK IOBMD_NONNULL_1
int iobmd_buffer_sync(const struct iobmd_buffer *buffer, uint64_t offset,
		      uint64_t length, uint32_t direction, uint32_t *flags);

/**
 * iobmd_buffer_get_address_range - where a buffer is in this process
 * @buffer: A handle.
 * @flags: 0, or IOBMD_MAPPING_READ_ONLY for a range that cannot be written. The two
 *	ranges exist side by side, at different addresses.
 * @segment: Out. The address of the first byte, and the current length of the buffer.
 *	The whole length is mapped from the address on. It is read-only, as
 *	@segment shows, also if the descriptor lacks the right to write, or if
 *	the buffer was sealed against writing when the address was given.
 *
 * The first call maps the buffer, later ones only what it has grown by. Every thread
 * gets the same address.
 *
 * The address does not change as long as the buffer fits into the capacity that it had
 * when the address was first given, whatever its length. When the buffer has outgrown
 * that, no matter which process has resized it, the address may change. Addresses given
 * earlier remain valid for what they covered, and show the same memory, until
 * iobmd_buffer_put_address_range() or iobmd_buffer_free(). A new address has free
 * address space behind it, so that it lasts until the buffer is twice as large:
 * appending in small steps takes few mappings, and less than four times the address
 * space of the buffer.
 *
 * As long as the length is 0, and was 0 at every earlier call, nothing can be mapped
 * and the address is NULL.
 *
 * Return: 0, or
 * -EINVAL	an unknown flag
 * -ENOMEM	not enough memory, address space or mappings (vm.max_map_count)
 *		are left
 * -EAGAIN	mlockall(2) applies, and RLIMIT_MEMLOCK is exceeded
 * -EACCES	the descriptor lacks the right to read
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_get_address_range(struct iobmd_buffer *buffer, uint32_t flags,
				   struct iobmd_address_segment *segment);

/**
 * iobmd_buffer_put_address_range - unmap the address range of a handle
 * @buffer: A handle; remains usable, also for another address range.
 *
 * No address that iobmd_buffer_get_address_range() has returned for this handle is valid
 * afterwards. Call this before sealing against writing a buffer that was written through
 * its address range.
 */
IOBMD_NONNULL
void iobmd_buffer_put_address_range(struct iobmd_buffer *buffer);

/**
 * iobmd_segment_at - a pointer into an address range, checked
 * @segment: As returned by iobmd_buffer_get_address_range().
 * @offset: In bytes.
 * @length: How much is to be accessed there, in bytes.
 *
 * Return: the address of the byte at @offset, or NULL if the @length bytes from there
 * on do not lie within @segment. Does not notice a later shrink.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
void *iobmd_segment_at(const struct iobmd_address_segment *segment, uint64_t offset,
		       uint64_t length);

/**
 * iobmd_mapping_create - map a part of a buffer
 * @buffer: A handle; may be freed before the mapping.
 * @flags: An or of enum iobmd_mapping_flags.
 * @address: With IOBMD_MAPPING_FIXED, where the byte at @offset is to be, at the same
 *	position within its page as @offset. Else NULL.
 * @offset: The first byte, below the length of the buffer.
 * @length: How many bytes, or 0 for all from @offset to the length of the
 *	buffer. @offset + @length is at most the length of the buffer.
 * @mapping: Out. The mapping, to free with iobmd_mapping_free().
 *
 * Memory is mapped in whole pages, so bytes of the buffer next to the part are
 * accessible too: a mapping does not protect them. A part of at least one huge page is
 * aligned for huge pages, also with IOBMD_MAPPING_GUARD.
 *
 * The mapping does not change with the length. If the buffer shrinks below the end of
 * the mapping (iobmd_buffer_resize()), an access to the freed part raises SIGBUS.
 *
 * Return: 0, or
 * -EINVAL	an unknown flag; an @address that does not fit @offset or lacks
 *		IOBMD_MAPPING_FIXED; a part that is empty or not within the
 *		length
 * -EACCES	the descriptor lacks the right to read, or the right to write
 *		without IOBMD_MAPPING_READ_ONLY
 * -EEXIST	IOBMD_MAPPING_FIXED: something is mapped there already, possibly
 *		only where a guard page would go
 * -EPERM	the buffer is sealed against writing, and @flags lacks
 *		IOBMD_MAPPING_READ_ONLY; or IOBMD_MAPPING_FIXED: the address is below
 *		vm.mmap_min_addr, or leaves no page for the guard before it
 * -ENOMEM	not enough memory, address space or mappings (vm.max_map_count)
 *		are left, or the fixed address is beyond the end
 * -EAGAIN	IOBMD_MAPPING_GUARD: other threads repeatedly took the addresses while
 *		the call tried to map; or mlockall(2) applies, and RLIMIT_MEMLOCK is
 *		exceeded
 * -EINTR	the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL_1
int iobmd_mapping_create(const struct iobmd_buffer *buffer, uint32_t flags,
			 void *address, uint64_t offset, uint64_t length,
			 struct iobmd_mapping **mapping);

/**
 * iobmd_mapping_address - where a mapping is
 * @mapping: A mapping.
 *
 * Return: the address of the byte at its offset; cannot fail.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
void *iobmd_mapping_address(const struct iobmd_mapping *mapping);

/**
 * iobmd_mapping_length - how much a mapping covers
 * @mapping: A mapping.
 *
 * Return: the requested number of bytes, or what 0 stood for; never 0.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
uint64_t iobmd_mapping_length(const struct iobmd_mapping *mapping);

/**
 * iobmd_mapping_offset - where in its buffer a mapping begins
 * @mapping: A mapping.
 *
 * Return: the offset as it was given.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
uint64_t iobmd_mapping_offset(const struct iobmd_mapping *mapping);

/**
 * iobmd_mapping_at - a pointer into a mapping, checked
 * @mapping: A mapping.
 * @offset: In bytes, from the start of the mapping.
 * @length: How much is to be accessed there, in bytes.
 *
 * Return: the address, or NULL if the @length bytes from there on do not lie within
 * the mapping. Does not notice that the buffer has shrunk.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
void *iobmd_mapping_at(const struct iobmd_mapping *mapping, uint64_t offset,
		       uint64_t length);

/**
 * iobmd_mapping_free - unmap a mapping, with its guard pages
 * @mapping: A mapping, or NULL.
 */
void iobmd_mapping_free(struct iobmd_mapping *mapping);

/**
 * iobmd_buffer_send - send a descriptor of a buffer to another process
 * @buffer: A handle; does not change.
 * @socket: A connected UNIX socket, of any type; remains the caller's.
 *
 * Sends one byte of value 0, the version of the message, that carries the descriptor,
 * for iobmd_buffer_receive() at the other end. Waits for room in the socket unless the
 * socket is non-blocking. Signals do not interrupt it, and it does not raise SIGPIPE.
 *
 * Return: 0, or
 * -EBADF, -ENOTSOCK
 *		@socket is not an open file descriptor, or not a socket
 * -EAFNOSUPPORT
 *		@socket is not a UNIX socket
 * -ENOTCONN, -EPIPE, -ECONNRESET, -ECONNREFUSED
 *		the other end does not exist, or is closed
 * -EAGAIN	the socket is non-blocking and full, or SO_SNDTIMEO has passed
 * -ETOOMANYREFS
 *		the user has too many file descriptors in flight
 * -ENOMEM, -ENOBUFS
 *		not enough memory is left
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_send(const struct iobmd_buffer *buffer, int socket);

/**
 * iobmd_buffer_receive - receive a descriptor that another process has sent
 * @socket: A UNIX socket, of any type; remains the caller's.
 * @buffer: Out. A handle, to free with iobmd_buffer_free().
 *
 * Receives the byte or message of one iobmd_buffer_send(). Waits for it unless the
 * socket is non-blocking; signals do not interrupt it. After a failure other than
 * -EAGAIN, the message is lost, and every file descriptor that came with it is closed.
 *
 * Several threads may receive from one socket at the same time; each gets the buffer of
 * a different message.
 *
 * Return: 0, or
 * -EBADF, -ENOTSOCK
 *		@socket is not an open file descriptor, or not a socket
 * -EAFNOSUPPORT
 *		@socket is not a UNIX socket
 * -EINVAL, -ENOTCONN
 *		@socket is not connected
 * -ECONNRESET	the other end is closed and nothing is left to receive; for a
 *		datagram socket also an empty message, which looks the same
 * -EAGAIN	the socket is non-blocking and empty, or SO_RCVTIMEO has passed
 * -EBADMSG	the message is not one byte with one file descriptor
 * -EPROTO	the byte is not 0: this library does not know that version
 * -ENOTTY	the file descriptor received is not of a buffer, or has O_PATH
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left to receive it, or to examine it
 *		with; -EMFILE also if a security module refused it
 * -ENOMEM	not enough memory is left
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_receive(int socket, struct iobmd_buffer **buffer);

#ifdef __cplusplus
}
#endif

#endif /* IOBMD_H */
