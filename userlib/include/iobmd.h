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

/** LIBIOBMD_VERSION - of this header; iobmd_version() has that of the library */
#define LIBIOBMD_VERSION	(LIBIOBMD_VERSION_MAJOR << 16 | \
				 LIBIOBMD_VERSION_MINOR << 8 | LIBIOBMD_VERSION_PATCH)

/* So that a compiler warns of a result that is not looked at, and of NULL */
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
 * <linux/iobmd.h> says what a buffer is, what its capacity and its length are
 * and what each errno of the module means. This library makes handles of
 * descriptors, and objects of mappings, and does the arithmetic.
 *
 * The same holds for every function:
 *
 * - One that can fail returns 0, or a file descriptor of 0 or more, on success and a
 *   negative errno on failure. The variable errno then means nothing.
 * - What it returns through a pointer is written on success only. A call that
 *   fails has changed nothing and leaves nothing behind.
 * - Sizes, lengths and offsets are in bytes, and exact: they need not be
 *   multiples of a page.
 * - A pointer argument must be valid and not NULL, unless it says otherwise.
 *   The functions that free accept NULL.
 * - A struct that comes with its size, as sizeof() gives it, may become longer in a
 *   later version. A library that is older than the program leaves zero what it does
 *   not know, one that is newer writes no more than the size. In other structs there
 *   are reserved fields instead: zero where the caller sets them.
 * - No function prints, ends the process, installs a signal handler or keeps
 *   state outside of the objects it returns. File descriptors that it makes
 *   are close-on-exec.
 * - Different threads may call anything on the same object at the same time,
 *   as long as none of them frees it. No function is async-signal-safe.
 * - A security module (SELinux) may refuse what a function asks of the kernel. That is
 *   -EACCES or -EPERM, also where those are not listed.
 *
 * fork() gives the child a copy of every handle and every mapping, guard pages
 * included, of the same buffers: both go on as they were, and each process frees its
 * own. What one of them unmaps or frees, the other keeps. In a process of many threads,
 * fork() must not run while another thread is in iobmd_buffer_get_address_range() if the
 * child is to use or to free the same handle.
 *
 * A process may have vm.max_map_count mappings. At that limit the kernel refuses to
 * unmap from within what it regards as one: two mappings of a buffer that lie side by
 * side and go on in the buffer from one to the other, and a third between them. Freed
 * at the limit, such a mapping stays until the process ends.
 *
 * A descriptor that another process has sent may be of any file. The library
 * recognises a buffer by what the kernel itself says of it (/proc/thread-self/fdinfo), and
 * asks nothing of a file that is none: a FUSE file can lie, or never answer. Where
 * /proc is not mounted, it has to ask, and such a file can pass for a buffer or keep
 * the caller waiting. To close any file may wait for its file system (FUSE again):
 * iobmd_buffer_receive() closes what it refuses.
 */

/*
 * struct iobmd_buffer - a handle of a buffer
 *
 * Owns one descriptor, and the address range that
 * iobmd_buffer_get_address_range() has mapped. Several handles, in one process or in
 * many, may be of the same buffer.
 */
struct iobmd_buffer;

/*
 * struct iobmd_mapping - a mapping of a part of a buffer
 *
 * Stays usable when the handle that it was made with is freed, and keeps the
 * buffer alive.
 */
struct iobmd_mapping;

/**
 * iobmd_version - the version of the library
 *
 * Return: as LIBIOBMD_VERSION of the header that it was built with: the major number
 * times 65536, plus the minor number times 256, plus the patch. Libraries of the same
 * major number can take each other's place if the newer one takes the older one's.
 */
uint32_t iobmd_version(void);

/**
 * iobmd_error_hint - what to do about an error
 * @error: An errno, negative as functions return it, or positive.
 *
 * To be shown beside strerror(3), as "No such file or directory (the module is not
 * loaded: modprobe iobmd)".
 *
 * Return: a text in English that lives for ever, or "" if there is nothing to add;
 * never NULL.
 */
const char *iobmd_error_hint(int error);

/**
 * enum iobmd_mapping_flags - how to map
 * @IOBMD_MAPPING_FIXED: Map at the given address or fail; replaces nothing.
 * @IOBMD_MAPPING_READ_ONLY: Map for reading only.
 * @IOBMD_MAPPING_PREFAULT: Fill the page tables now rather than at first access.
 * @IOBMD_MAPPING_GUARD: Put an inaccessible page directly before the first and one
 *	directly after the last page that has a byte of the mapping. An access to them
 *	raises SIGSEGV. With IOBMD_MAPPING_FIXED, they too replace nothing.
 *
 * What is also in enum iobmd_map_flags has the same value there.
 */
enum iobmd_mapping_flags {
	IOBMD_MAPPING_FIXED	= IOBMD_MAP_F_FIXED,
	IOBMD_MAPPING_READ_ONLY	= IOBMD_MAP_F_READ_ONLY,
	IOBMD_MAPPING_PREFAULT	= IOBMD_MAP_F_PREFAULT,
	IOBMD_MAPPING_GUARD	= 1 << 16
};

/**
 * struct iobmd_address_segment - where a buffer is in this process
 * @address: Of its first byte.
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
 * The descriptor is needed to create and to compose buffers and for nothing
 * else. It is the caller's, to close with close(2).
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
 * iobmd_buffer_create - make a buffer
 * @device: What iobmd_device_open() returned; stays the caller's.
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
 * -EFBIG	@capacity is over the ceiling of one buffer
 * -EDQUOT	the user's buffers together would go over their ceiling, or those
 *		and the descriptors are as many as a user may have
 * -ENOMEM	not enough memory is left
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left
 * -EINTR	the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_create(int device, uint64_t capacity, uint64_t alignment,
			uint32_t direction, struct iobmd_buffer **buffer);

/**
 * struct iobmd_buffer_options - how to make a buffer
 * @capacity: In bytes, 1 or more.
 * @alignment: As for iobmd_buffer_create().
 * @direction: An or of enum iobmd_direction; 0 means both.
 * @huge: enum iobmd_huge
 * @node: With IOBMD_CREATE_F_NODE the NUMA node to take memory of first; else 0.
 * @flags: An or of enum iobmd_create_flags.
 *
 * struct iobmd_create says more about each.
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
 * iobmd_buffer_create_with - make a buffer, with every option there is
 * @device: What iobmd_device_open() returned; stays the caller's.
 * @options: The options; what is not named in an initialiser is as
 *	iobmd_buffer_create() has it.
 * @size: sizeof(struct iobmd_buffer_options)
 * @buffer: Out. A handle, to free with iobmd_buffer_free().
 *
 * Return: as iobmd_buffer_create(), and
 * -E2BIG	@options says something that this library does not know yet
 * -EINVAL	also if @size is too small
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_create_with(int device, const struct iobmd_buffer_options *options,
			     size_t size, struct iobmd_buffer **buffer);

/**
 * iobmd_buffer_from_fd - make a handle of a descriptor
 * @fd: A descriptor of a buffer, as inherited or received by other means.
 *	Belongs to the handle after success; stays the caller's after failure.
 * @buffer: Out. A handle, to free with iobmd_buffer_free().
 *
 * Return: 0, or
 * -EBADF	@fd is not an open file descriptor
 * -ENOTTY	@fd is not a descriptor of a buffer, or one with O_PATH
 * -ENOMEM	not enough memory is left
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left to look at it with
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_from_fd(int fd, struct iobmd_buffer **buffer);

/**
 * iobmd_buffer_fd - the descriptor of a handle
 * @buffer: A handle.
 *
 * For mmap(2), poll(2), ioctl(2), fork() and the like. It stays the handle's:
 * do not close it, and do not use it after iobmd_buffer_free(); dup(2) makes
 * one that lasts.
 *
 * Return: the file descriptor; cannot fail.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_fd(const struct iobmd_buffer *buffer);

/**
 * iobmd_buffer_into_fd - take the descriptor out of a handle
 * @buffer: A handle. It ends, as by iobmd_buffer_free(), but for the descriptor.
 *
 * The opposite of iobmd_buffer_from_fd().
 *
 * Return: the file descriptor, the caller's to close with close(2); cannot fail.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_into_fd(struct iobmd_buffer *buffer);

/**
 * iobmd_buffer_free - close a handle
 * @buffer: A handle, or NULL.
 *
 * Closes the descriptor and unmaps what iobmd_buffer_get_address_range() mapped. The
 * buffer itself ends with its last descriptor and its last mapping.
 */
void iobmd_buffer_free(struct iobmd_buffer *buffer);

/**
 * struct iobmd_buffer_info - what there is to know of a buffer
 * @id: A number that no other buffer has had since the module was loaded; also st_ino
 *	of fstat(2).
 * @capacity: In bytes; that of the window if the handle is of one.
 * @length: In bytes; likewise.
 * @allocated: The memory behind the capacity, in bytes; whole pages.
 * @huge_bytes: How much of that is in huge pages.
 * @alignment: As it was made with.
 * @direction: An or of enum iobmd_direction.
 * @huge: enum iobmd_huge, as it was made with.
 * @rights: An or of enum iobmd_rights: those of this handle.
 * @node: As it was made with, or -1.
 * @page_size: In bytes; also sysconf(_SC_PAGESIZE).
 * @huge_page_size: In bytes; 0 where this kernel has no huge pages.
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
 * iobmd_buffer_get_info - tell about a buffer
 * @buffer: A handle.
 * @info: Out. Needs no value before.
 * @size: sizeof(struct iobmd_buffer_info)
 *
 * Return: 0; a handle has passed every test that could fail.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_get_info(const struct iobmd_buffer *buffer,
			  struct iobmd_buffer_info *info, size_t size);

/**
 * iobmd_buffer_get_length - how much of a buffer is in use
 * @buffer: A handle.
 * @length: Out. In bytes.
 *
 * Return: 0; a handle has passed every test that could fail.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_get_length(const struct iobmd_buffer *buffer,
			    uint64_t *length);

/**
 * iobmd_buffer_set_length - say how much of a buffer is in use
 * @buffer: A handle.
 * @length: In bytes, 0 to the capacity.
 *
 * Changes no memory and no mapping: the bytes beyond the length stay what they
 * were.
 *
 * Return: 0, or
 * -EINVAL	@length is over the capacity
 * -EACCES	the descriptor lacks the right to resize
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_set_length(struct iobmd_buffer *buffer, uint64_t length);

/**
 * iobmd_buffer_resize - change the capacity, and the length to it
 * @buffer: A handle.
 * @capacity: In bytes, 1 or more.
 *
 * Growing adds zeros and disturbs no mapping. After shrinking, an access to what is gone
 * raises SIGBUS.
 *
 * Return: 0, or
 * -EACCES	the descriptor lacks the right to resize
 * -EBUSY	the kernel or a device uses memory that would go, a window, a
 *		hold or a dma-buf needs it, or a seal forbids it
 * -EINVAL	@capacity is outside of its range
 * -EFBIG	@capacity is over the ceiling of one buffer
 * -EDQUOT	the creator's buffers together would go over their ceiling
 * -ENOMEM	not enough memory is left
 * -EINTR	a signal came while the call waited for another one on the buffer,
 *		or the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_resize(struct iobmd_buffer *buffer, uint64_t capacity);

/**
 * iobmd_buffer_set_name - name a buffer, for people to tell it from others
 * @buffer: A handle.
 * @name: Up to IOBMD_NAME_MAX bytes and a NUL, no control characters. NULL or
 *	"" takes the name away.
 *
 * Return: 0, or
 * -EINVAL	@name is too long or has a control character
 * -EACCES	the descriptor lacks the right to write
 */
IOBMD_NONNULL_1
int iobmd_buffer_set_name(struct iobmd_buffer *buffer, const char *name);

/**
 * iobmd_buffer_derive - make a handle that shows or may do less
 * @buffer: A handle; stays as it is, and may be freed before the new one.
 * @flags: An or of enum iobmd_derive_flags.
 * @offset: With IOBMD_DERIVE_F_WINDOW where the window begins, in bytes; a
 *	multiple of the page size, as it is a limit that holds. Else 0.
 * @length: With IOBMD_DERIVE_F_WINDOW its length in bytes, 1 or more. Else 0.
 * @derived: Out. A handle of the same buffer, to free with
 *	iobmd_buffer_free(). All offsets given to it count from @offset.
 *
 * What is to go to a process that is not trusted goes as a handle of its own,
 * by iobmd_buffer_send().
 *
 * Return: 0, or
 * -EINVAL	an unknown flag; a window that begins within a page, is empty or
 *		does not lie within the length; an offset or a length without
 *		a window
 * -ENOMEM	not enough memory is left
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left
 * -EDQUOT	the caller has as many descriptors, exports and composites as a user
 *		may have
 * -EINTR	a signal came while the call waited for another one on the buffer,
 *		or the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_derive(const struct iobmd_buffer *buffer, uint32_t flags,
			uint64_t offset, uint64_t length,
			struct iobmd_buffer **derived);

/**
 * struct iobmd_part - a part of a composite
 * @buffer: A handle of a buffer, of a window or of a composite.
 * @offset: Where in it the part begins, in bytes; a multiple of the page size,
 *	as it is a limit that holds.
 * @length: In bytes; 0 means from @offset to the length of @buffer. A multiple
 *	of the page size, but for the last part.
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
 *	process that cannot open the device; stays the caller's.
 * @parts: The parts, in the order in which they are to follow each other; not
 *	needed any more afterwards. The same memory may be in several.
 * @nr_parts: How many, 1 to IOBMD_COMPOSE_MAX. A part of a composite counts as
 *	those of its parts that it covers.
 * @flags: An or of enum iobmd_compose_flags.
 * @composite: Out. A handle, to free with iobmd_buffer_free(). Offsets given to
 *	it count from the start of the first part.
 *
 * Nothing is copied: a byte written through the composite is written in the
 * buffer of its part, and the other way round. Its length is that of all parts
 * together and does not change. The handles of the parts stay as they are, and
 * may be freed before the composite. As long as it or a mapping of it is there,
 * their buffers do not shrink into the parts, and cannot be sealed against
 * writing unless it was made with IOBMD_COMPOSE_F_READ_ONLY.
 *
 * Return: 0, or
 * -EBADF	@device is not an open file descriptor
 * -ENOTTY	@device is neither /dev/iobmd nor a descriptor of a buffer
 * -EINVAL	no parts or too many; an unknown flag; a reserved field that is not
 *		0; a part that begins within
 *		a page, is empty or does not lie within the length; a part
 *		before the last that ends within a page
 * -EACCES	a part lacks the right to write, and @flags lacks
 *		IOBMD_COMPOSE_F_READ_ONLY
 * -EPERM	a part is sealed against writing, and @flags lacks
 *		IOBMD_COMPOSE_F_READ_ONLY
 * -EFBIG	all parts together are over the ceiling of one buffer
 * -ENOMEM	not enough memory is left
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left
 * -EDQUOT	the caller has as many descriptors, exports and composites as a user
 *		may have
 * -EINTR	a signal came while the call waited for another one on the buffer,
 *		or the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_compose(int device, const struct iobmd_part *parts,
			 uint32_t nr_parts, uint32_t flags,
			 struct iobmd_buffer **composite);

/**
 * iobmd_buffer_seal - forbid changes of a buffer for good
 * @buffer: A handle.
 * @seals: An or of enum iobmd_seals, to add to those that there are.
 *
 * Return: 0, or
 * -EACCES	the descriptor lacks the right to resize
 * -EBUSY	IOBMD_SEAL_WRITE: something may still write, be it only a
 *		mapping that this process has, as that of
 *		iobmd_buffer_get_address_range()
 * -EPERM	the buffer has IOBMD_SEAL_SEAL
 * -EINVAL	an unknown seal
 * -EINTR	a signal came while the call waited for another one on the buffer,
 *		or the process is being killed
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_seal(struct iobmd_buffer *buffer, uint32_t seals);

/**
 * iobmd_buffer_export - make a dma-buf, for a driver to import
 * @buffer: A handle; may be freed before the dma-buf is closed.
 * @flags: An or of enum iobmd_export_flags.
 * @offset: Where the dma-buf begins, in bytes; a multiple of the page size.
 * @length: In bytes; 0 means from @offset to the length. Rounded up to whole
 *	pages.
 *
 * While the dma-buf lives, the buffer does not shrink into it.
 *
 * Return: a file descriptor, the caller's to close with close(2), or
 * -EINVAL	an unknown flag; a range that begins within a page or does not
 *		lie within the length
 * -EPERM	the buffer is sealed against writing, and @flags lacks
 *		IOBMD_EXPORT_F_READ_ONLY
 * -ENOMEM	not enough memory is left
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left
 * -EDQUOT	the caller has as many descriptors, exports and composites as a user
 *		may have
 * -EINTR	a signal came while the call waited for another one on the buffer,
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
 * @flags: Out. An or of enum iobmd_sync_flags: whether the machine needs this
 *	at all. May be NULL.
 *
 * For devices that reach the memory by its address, not through a dma-buf.
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
 * @flags: 0, or IOBMD_MAPPING_READ_ONLY for a range that cannot be written, beside
 *	the other one and at another address.
 * @segment: Out. The address of the first byte, and the length of the buffer
 *	as it is now. Everything from the address on for that length is mapped;
 *	read-only, and @segment says so, also where the descriptor lacks the right to
 *	write, or the buffer was sealed against writing when the address was given.
 *
 * Maps the buffer at the first call, and after that only what it has gained.
 * Every thread gets the same address.
 *
 * The address stays the same for as long as the buffer fits into the capacity
 * that it had when the address was first given, whatever the length does. When
 * the buffer has outgrown that, by whichever process, the address may be a new
 * one. Addresses given earlier stay valid, for what they covered, and show the
 * same memory until iobmd_buffer_put_address_range() or the end of the handle. A new
 * address comes with free address space behind it, so that it lasts until the buffer is
 * twice as large: appending in small steps takes few mappings, and less than four times
 * the buffer's address space.
 *
 * While the length is 0 and has been 0 at every earlier call, nothing can be
 * mapped and the address is NULL.
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
 * iobmd_buffer_put_address_range - unmap what was mapped by the function above
 * @buffer: A handle; stays usable, also for another address range.
 *
 * No address that iobmd_buffer_get_address_range() has given for this handle is valid
 * afterwards. To seal a buffer against writing that has been filled by its address,
 * its writer unmaps it first.
 */
IOBMD_NONNULL
void iobmd_buffer_put_address_range(struct iobmd_buffer *buffer);

/**
 * iobmd_segment_at - a pointer into an address range, checked
 * @segment: As iobmd_buffer_get_address_range() gave it.
 * @offset: In bytes.
 * @length: In bytes, of what is to be accessed there.
 *
 * Return: the address of the byte at @offset, or NULL if the @length bytes from there
 * on do not lie within @segment. A shrink since then is not seen.
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
void *iobmd_segment_at(const struct iobmd_address_segment *segment, uint64_t offset,
		       uint64_t length);

/**
 * iobmd_mapping_create - map a part of a buffer
 * @buffer: A handle. The mapping does not need it any more afterwards.
 * @flags: An or of enum iobmd_mapping_flags.
 * @address: With IOBMD_MAPPING_FIXED, where the byte at @offset is to be; it
 *	must leave the same rest as @offset when divided by the page size. Else
 *	NULL.
 * @offset: The first byte, below the length of the buffer.
 * @length: How many bytes, or 0 for all from @offset to the length of the
 *	buffer. @offset + @length is at most the length of the buffer.
 * @mapping: Out. The mapping, to free with iobmd_mapping_free().
 *
 * Memory is mapped in whole pages, so that bytes of the buffer next to the
 * part can be reached too: this is no protection. A part of at least one huge
 * page is placed so that huge pages can be mapped as such, with
 * IOBMD_MAPPING_GUARD also.
 *
 * The mapping stays as it is when the length changes. If the buffer shrinks
 * below its end (iobmd_buffer_resize()), an access to what is gone raises
 * SIGBUS.
 *
 * Return: 0, or
 * -EINVAL	an unknown flag; an @address that does not fit @offset or lacks
 *		IOBMD_MAPPING_FIXED; a part that is empty or not within the
 *		length
 * -EACCES	the descriptor lacks the right to read, or the right to write
 *		without IOBMD_MAPPING_READ_ONLY
 * -EEXIST	IOBMD_MAPPING_FIXED: something is mapped there already, be it
 *		only where a guard page would go
 * -EPERM	the buffer is sealed against writing, and @flags lacks
 *		IOBMD_MAPPING_READ_ONLY; or IOBMD_MAPPING_FIXED: the process may
 *		not map so low an address, or there is no page before it for the guard
 * -ENOMEM	not enough memory, address space or mappings (vm.max_map_count)
 *		are left, or the fixed address is beyond the end
 * -EAGAIN	IOBMD_MAPPING_GUARD: other threads took the addresses again and
 *		again while the call tried to map; or mlockall(2) applies, and
 *		RLIMIT_MEMLOCK is exceeded
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
 * Return: the number of bytes that was asked for, or that 0 stood for; never 0.
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
 * @length: In bytes, of what is to be accessed there.
 *
 * Return: the address, or NULL if the @length bytes from there on do not lie within
 * the mapping. A shrink since it was made is not seen.
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
 * iobmd_buffer_send - give another process a descriptor of a buffer
 * @buffer: A handle; stays as it is.
 * @socket: A connected UNIX socket, of any type; stays the caller's.
 *
 * Sends one byte of value 0, the version of the message, that carries the descriptor,
 * for iobmd_buffer_receive() at the other end. Waits for room in the socket unless that
 * is non-blocking;
 * signals do not interrupt it, nor does it raise SIGPIPE.
 *
 * Return: 0, or
 * -EBADF, -ENOTSOCK
 *		@socket is not an open file descriptor, or not a socket
 * -EAFNOSUPPORT
 *		@socket is not a UNIX socket
 * -ENOTCONN, -EPIPE, -ECONNRESET, -ECONNREFUSED
 *		there is no other end, or not any more
 * -EAGAIN	the socket is non-blocking and full, or SO_SNDTIMEO has passed
 * -ETOOMANYREFS
 *		the user has too many file descriptors on their way
 * -ENOMEM, -ENOBUFS
 *		not enough memory is left
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_send(const struct iobmd_buffer *buffer, int socket);

/**
 * iobmd_buffer_receive - take a descriptor that another process has sent
 * @socket: A UNIX socket, of any type; stays the caller's.
 * @buffer: Out. A handle, to free with iobmd_buffer_free().
 *
 * Takes the byte or message of one iobmd_buffer_send(). Waits for it unless
 * the socket is non-blocking; signals do not interrupt it. After a failure
 * other than -EAGAIN, the message is lost, and every file descriptor that came
 * with it is closed.
 *
 * Two threads may receive from one socket at the same time; each gets a buffer
 * of its own.
 *
 * Return: 0, or
 * -EBADF, -ENOTSOCK
 *		@socket is not an open file descriptor, or not a socket
 * -EAFNOSUPPORT
 *		@socket is not a UNIX socket
 * -EINVAL, -ENOTCONN
 *		@socket is not connected
 * -ECONNRESET	the other end is closed and nothing is left to receive; of a
 *		datagram socket also an empty message, as it has no such end
 * -EAGAIN	the socket is non-blocking and empty, or SO_RCVTIMEO has passed
 * -EBADMSG	something else came than one byte with one file descriptor
 * -EPROTO	the byte is not 0: the message is of a version that is not known here
 * -ENOTTY	the file descriptor that came is not of a buffer, or has O_PATH
 * -EMFILE, -ENFILE
 *		no file descriptor or file is left for what came, or, beside it,
 *		to look at it with; -EMFILE also if a security module refused it
 * -ENOMEM	not enough memory is left
 */
IOBMD_MUST_CHECK IOBMD_NONNULL
int iobmd_buffer_receive(int socket, struct iobmd_buffer **buffer);

#ifdef __cplusplus
}
#endif

#endif /* IOBMD_H */
