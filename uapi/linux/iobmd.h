/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* iobmd: shared buffers of kernel memory. The only description of the ABI. */
#ifndef _UAPI_LINUX_IOBMD_H
#define _UAPI_LINUX_IOBMD_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: The interface
 *
 * A *buffer* is zeroed kernel memory, all of it allocated when the buffer is
 * made. It is never swapped, reclaimed or migrated. A *descriptor* is a file
 * descriptor of a buffer: whoever has it has the right to the buffer, and it
 * may be passed on like any other (SCM_RIGHTS, fork(), pidfd_getfd()). The
 * buffer ends when its last descriptor and its last mapping are gone.
 *
 * Sizes and offsets are in bytes. A buffer has two sizes:
 *
 * capacity
 *	What was asked for, 1 or more, exact. The memory behind it is that
 *	rounded up to whole pages.
 * length
 *	0 to capacity; how much is in use. A new buffer's length is its
 *	capacity. It is a number and no protection: new mappings have to lie within
 *	it, but mremap(2) takes one that there is up to the capacity, for reading or
 *	writing as it is. What protects is a window (IOBMD_DERIVE_F_WINDOW).
 *
 * IOBMD_IOC_CREATE goes to /dev/iobmd, IOBMD_IOC_COMPOSE there or to a descriptor,
 * every other command to a descriptor.
 * Descriptors are also mapped with mmap(2), which must ask for MAP_SHARED, must
 * not ask for PROT_EXEC, and whose range must lie within the length rounded up
 * to whole pages. MAP_PRIVATE is for descriptors without IOBMD_RIGHT_WRITE, and for
 * reading: it shows what others write, as MAP_SHARED does. An access beyond the end
 * of the memory, as after a shrink, or to a page with a hardware memory error, raises
 * SIGBUS. read(2), write(2), lseek(2), splice(2) and sendfile(2) work up to the
 * length; see "As a file".
 *
 * The argument of every command is the address of a struct that begins with
 * two fields:
 *
 * size
 *	sizeof() the struct as the caller knows it. A caller that is older than
 *	the kernel gets the old behaviour; one that is newer works as long as
 *	whatever the kernel does not know yet is zero.
 * flags
 *	An or of the IOBMD_<VERB>_F_ bits of that command.
 *
 * Fields marked *out* are written on success only and need no value before.
 * The layout is the same for 32- and 64-bit callers. Every command is safe
 * against any other at the same time. A call that fails has changed nothing.
 *
 * DOC: Errors
 *
 * Each errno has one meaning:
 *
 * ======== ==================================================================
 * E2BIG    @size is over one page, or the struct has a non-zero byte beyond
 *          what this kernel knows.
 * EACCES   The descriptor lacks the right that the call needs.
 * EAGAIN   Mapping: mlockall(2) applies, and RLIMIT_MEMLOCK is exceeded.
 * EBADF    A file descriptor in the argument is not open.
 * EBUSY    A resize, or the seal against writing, would take something from
 *          somebody who uses it or relies on it.
 * EDQUOT   A user would go over its ceiling: the creator of a buffer that of memory
 *          (module parameter max_user_mib), the caller that of objects, an eighth
 *          of it. See "What counts".
 * EEXIST   IOBMD_MAP_F_FIXED: something is mapped in that range already.
 * EFAULT   The argument, or memory that it points to, is not accessible.
 * EFBIG    The capacity is over the per-buffer ceiling (module parameter
 *          max_buffer_mib).
 * EINTR    A signal came while the call waited for another one on the same buffer
 *          (the call is restarted if the handler has SA_RESTART), or the caller is
 *          being killed.
 * EINVAL   A value is outside its documented range: a @size that is too short,
 *          an unknown flag, a reserved field that is not zero, ...
 * EIO      read(2), write(2), splice(2), fallocate(2): a page has a hardware memory
 *          error.
 * EMFILE   The process has no free file descriptor.
 * ENFILE   The system has no free file, or all users together have more than 64 GiB
 *          of objects.
 * ENOMEM   The machine, the memory cgroup or the address space has not enough
 *          memory left. No process is killed to make room for what the module
 *          allocates, and a 32nd of the machine's memory is left to others. The
 *          kernel's own part of a new descriptor (inode, dentry, file) is looked
 *          for first; only if others in the same memory cgroup take that room in
 *          the same moment, or where the table of descriptors has to become larger,
 *          does the cgroup's OOM killer come as for any other open file.
 * ENOSPC   write(2): nothing of it lies below the length, or it is to be appended
 *          (O_APPEND, RWF_APPEND).
 * ENOTTY   This file knows no such command.
 * ENXIO    lseek(2), SEEK_DATA and SEEK_HOLE: not below the length. open(2) of a
 *          link in /proc/PID/fd: the composite that it named has been closed.
 * EOPNOTSUPP
 *          fallocate(2): see "As a file".
 * EPERM    A seal forbids it (a resize is EBUSY). The mapping is not allowed:
 *          executable, or below vm.mmap_min_addr. One of truncate(2), fchmod(2),
 *          fchown(2), utimensat(2) was called.
 * ======== ==================================================================
 *
 * DOC: What counts
 *
 * The memory of a buffer counts for its creator: for its real user ID, up to the
 * ceiling max_user_mib, and for its memory cgroup. So does what the buffer grows by,
 * whichever process resizes it. The ceiling applies unless both the creator, when it
 * made the buffer, and the caller have CAP_IPC_LOCK in the initial user namespace. A
 * creator that does not want receivers to grow a buffer gives them a descriptor
 * without IOBMD_RIGHT_RESIZE, or seals it with IOBMD_SEAL_GROW.
 *
 * Memory counts until it is free: a huge page of which one byte lies in a pipe or a
 * socket, or is pinned for DMA, still does after the last close of the buffer. (For a
 * creator with CAP_IPC_LOCK only in its memory cgroup.)
 *
 * Buffers, descriptors, exports and composites also take memory of the kernel for
 * themselves: from some 0.6 KiB for a descriptor to some 90 KiB for a composite of
 * 1024 parts. It counts in bytes for the caller that makes them, as long as they
 * live: up to an eighth of max_user_mib, but at least 1 MiB; a caller with
 * CAP_IPC_LOCK is exempt. All of it is also charged to the caller's memory cgroup.
 *
 * A window, a hold, an export and a part of a composite keep a buffer from shrinking
 * for as long as they live, and their owner may be a reader: the creator cannot take
 * them back. It can leave the buffer as large as it is, give such a reader a smaller
 * buffer of its own, or end the reader.
 *
 * A memory cgroup for creators is best limited by memory.max: over memory.high, which
 * cannot reclaim this memory, a call that allocates gets slower and slower. The OOM
 * killer looks at what is mapped by a process: one that only has a descriptor is not
 * found to have the memory.
 *
 * DOC: As a file
 *
 * What programs that were written for a memfd find different, or need to know:
 *
 * ========================== ================================================
 * ftruncate(2)               IOBMD_IOC_RESIZE, with its rights and errnos, but
 *                            EINVAL for a descriptor that is open for reading.
 *                            truncate(2) of /proc/PID/fd/N is EPERM.
 * fallocate(2), mode 0       Up to the capacity, at most sets the length, and
 *                            shows what is there; beyond, grows as
 *                            IOBMD_IOC_RESIZE. EBADF for a descriptor that is
 *                            open for reading, EACCES for one without
 *                            IOBMD_RIGHT_RESIZE where it would change a size.
 *   FALLOC_FL_KEEP_SIZE      0 up to the length: the memory is there. EOPNOTSUPP
 *                            beyond: there is none without a size.
 *   FALLOC_FL_ZERO_RANGE     Zeroes as write(2) writes, after growing if need be;
 *                            with FALLOC_FL_KEEP_SIZE up to the length. It cannot
 *                            tell how far it came: after EIO (a bad page), EINTR
 *                            (the caller is being killed) or EPERM (a seal set
 *                            meanwhile) the buffer may have grown, and a part of
 *                            the range may be zero.
 *   FALLOC_FL_PUNCH_HOLE     EOPNOTSUPP, as other modes: memory leaves a buffer at
 *                            its end only. So MADV_REMOVE is an error too.
 * fsync(2), fdatasync(2),    0: there is nothing to write back.
 * sync_file_range(2),
 * msync(2)
 * O_APPEND, RWF_APPEND       write(2): ENOSPC, and nothing is written: a buffer
 *                            does not grow by a write. (splice(2) and sendfile(2)
 *                            EINVAL, as for every file.)
 * lseek(2)                   Up to the length (EINVAL). SEEK_DATA, SEEK_HOLE: all
 *                            up to the length is data.
 * open(2) of /proc/PID/fd/N  IOBMD_IOC_DERIVE from descriptor N, with its window and
 *                            errnos: read-only, unless opened for writing with
 *                            IOBMD_RIGHT_WRITE there (else EACCES). What O_WRONLY
 *                            opens has the right to read all the same, by DERIVE.
 *                            The kernel asks for what it asks of every file there:
 *                            the same process, or the right to look into that one
 *                            (ptrace(2), PTRACE_MODE_READ_FSCREDS). The window of a
 *                            link that has outlived its descriptor (O_PATH) may have
 *                            been cut off: EINVAL.
 *   O_TRUNC, O_APPEND        No effect, as for a block device; as below.
 *   O_DIRECT                 EINVAL: reads and writes copy.
 *   its link                 /dev/iobmd:ID, or /dev/iobmd:ID:NAME, and "(deleted)";
 *                            in /proc/PID/maps too.
 * fstat(2)                   A regular file of the length without a link; its inode
 *                            is the ID; mode 0666 with IOBMD_RIGHT_WRITE, else 0444:
 *                            it stands for the descriptor, not for an owner.
 * F_ADD_SEALS, F_GET_SEALS   EINVAL: the kernel asks no module. A receiver looks at
 *                            the seals that IOBMD_IOC_GET_INFO tells.
 * mmap(2) beyond the length  EINVAL. Addresses to grow into come from mremap(2),
 *                            which may go beyond the capacity: SIGBUS until then.
 * userfaultfd(2)             UFFDIO_REGISTER for missing pages: EINVAL, or EPERM of
 *                            a mapping that may never be written.
 * copy_file_range(2)         EXDEV to or from another file system, as ever;
 *                            sendfile(2) and splice(2) copy.
 * core dumps                 Have the mappings of those who may write, as they have
 *                            a memfd's: MADV_DONTDUMP, or bit 1 of
 *                            /proc/PID/coredump_filter.
 * ========================== ================================================
 *
 * A descriptor of a window, and that of a composite, has the inode of its buffer, for
 * whose memory the kernel answers where it asks no module: FIONREAD (ENOTTY on newer
 * kernels), cachestat(2) and a loop device see all the memory of the buffer of a
 * window, and for a composite as much as the largest buffer of a part has, or the
 * composite itself. fstat(2) and lseek(2) know the size that the descriptor shows.
 *
 * SELinux has no label for a buffer. A policy restricts what a domain may do on
 * /dev/iobmd, and through "fd use" which descriptors it may be passed.
 */

#define IOBMD_IOC_MAGIC		0xBD

/* On /dev/iobmd; IOBMD_IOC_COMPOSE on a descriptor, too */
#define IOBMD_IOC_CREATE	_IO(IOBMD_IOC_MAGIC, 0x40)
#define IOBMD_IOC_COMPOSE	_IO(IOBMD_IOC_MAGIC, 0x41)

/* On a descriptor */
#define IOBMD_IOC_GET_INFO	_IO(IOBMD_IOC_MAGIC, 0x60)
#define IOBMD_IOC_SET_LENGTH	_IO(IOBMD_IOC_MAGIC, 0x61)
#define IOBMD_IOC_RESIZE	_IO(IOBMD_IOC_MAGIC, 0x62)
#define IOBMD_IOC_MAP		_IO(IOBMD_IOC_MAGIC, 0x63)
#define IOBMD_IOC_SET_NAME	_IO(IOBMD_IOC_MAGIC, 0x64)
#define IOBMD_IOC_DERIVE	_IO(IOBMD_IOC_MAGIC, 0x65)
#define IOBMD_IOC_SEAL		_IO(IOBMD_IOC_MAGIC, 0x66)
#define IOBMD_IOC_EXPORT	_IO(IOBMD_IOC_MAGIC, 0x67)
#define IOBMD_IOC_SYNC		_IO(IOBMD_IOC_MAGIC, 0x68)

/**
 * enum iobmd_direction - which way devices may move data
 * @IOBMD_DIRECTION_OUT: From the buffer to a device (the device reads memory).
 * @IOBMD_DIRECTION_IN: From a device into the buffer (the device writes memory).
 *
 * An upper bound for DMA only. It gives or takes no right of the CPU.
 */
enum iobmd_direction {
	IOBMD_DIRECTION_OUT	= 1 << 0,
	IOBMD_DIRECTION_IN	= 1 << 1,
};

/**
 * enum iobmd_huge - what the memory of a buffer is made of
 * @IOBMD_HUGE_PREFER: Huge pages where the size allows it and the machine has
 *	them, smaller blocks elsewhere. The default.
 * @IOBMD_HUGE_NONE: Blocks no larger than the alignment asks for.
 * @IOBMD_HUGE_REQUIRE: Nothing but huge pages. Every capacity must be a
 *	multiple of the huge page size; ENOMEM where the machine has none.
 *
 * A huge page is one entry of the second-lowest page-table level (2 MiB on
 * x86-64) and is mapped by one such entry where a mapping is aligned for it.
 */
enum iobmd_huge {
	IOBMD_HUGE_PREFER	= 0,
	IOBMD_HUGE_NONE		= 1,
	IOBMD_HUGE_REQUIRE	= 2,
};

/**
 * enum iobmd_rights - what a descriptor may be used for
 * @IOBMD_RIGHT_READ: Map it for reading, read it.
 * @IOBMD_RIGHT_WRITE: Map it for writing, write it, name it.
 * @IOBMD_RIGHT_RESIZE: Change capacity and length, seal it.
 */
enum iobmd_rights {
	IOBMD_RIGHT_READ	= 1 << 0,
	IOBMD_RIGHT_WRITE	= 1 << 1,
	IOBMD_RIGHT_RESIZE	= 1 << 2,
};

/**
 * enum iobmd_create_flags - flags of IOBMD_IOC_CREATE
 * @IOBMD_CREATE_F_NODE: @node says where the memory shall lie.
 */
enum iobmd_create_flags {
	IOBMD_CREATE_F_NODE	= 1 << 0,
};

/**
 * struct iobmd_create - ioctl(IOBMD_IOC_CREATE)
 * @size: sizeof(struct iobmd_create)
 * @flags: enum iobmd_create_flags
 * @capacity: In bytes, 1 or more.
 * @alignment: 0 or a power of two, in bytes, at most the huge page size (so
 *	that any value up to the page size asks for nothing special). Above
 *	the page size, each stretch of this many bytes, counted from the start
 *	of the buffer, is physically contiguous and begins at a physical address
 *	that is a multiple of it; a last stretch that is cut short by the
 *	capacity is so too, but a buffer that ends in one cannot grow (EINVAL).
 * @direction: An or of enum iobmd_direction; 0 means both.
 * @huge: enum iobmd_huge
 * @node: With IOBMD_CREATE_F_NODE an online NUMA node; its memory is taken
 *	first, that of other nodes when it has none left. Else 0, and the
 *	memory policy of the caller applies.
 * @__reserved: 0
 *
 * Makes a buffer and returns a descriptor of it, close-on-exec, with all
 * rights. The caller is its creator, for which its memory counts: see "What counts".
 *
 * Errors: EDQUOT, EFBIG, EINTR, EINVAL, EMFILE, ENFILE, ENOMEM.
 */
struct iobmd_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 capacity;
	__aligned_u64 alignment;
	__u32 direction;
	__u32 huge;
	__s32 node;
	__u32 __reserved;
};

/**
 * struct iobmd_get_info - ioctl(IOBMD_IOC_GET_INFO)
 * @size: sizeof(struct iobmd_get_info)
 * @flags: 0
 * @id: Out. A number that no other buffer has had since the module was loaded,
 *	larger than those of buffers made before; also st_ino of fstat(2).
 * @capacity: Out. In bytes; that of the window if the descriptor is of one.
 * @length: Out. In bytes; likewise.
 * @allocated: Out. The memory behind the capacity, in bytes; whole pages.
 * @huge_bytes: Out. How much of that is in huge pages.
 * @alignment: Out. As given to IOBMD_IOC_CREATE.
 * @direction: Out. An or of enum iobmd_direction; 0 for a composite of buffers
 *	that have none in common.
 * @huge: Out. enum iobmd_huge, as given to IOBMD_IOC_CREATE.
 * @rights: Out. An or of enum iobmd_rights: those of this descriptor.
 * @node: Out. As given to IOBMD_IOC_CREATE, or -1.
 * @page_size: Out. The unit of @allocated and of mappings, in bytes.
 * @huge_page_size: Out. In bytes; 0 where this kernel has no huge pages.
 * @seals: Out. An or of enum iobmd_seals.
 * @__reserved: Out. 0
 *
 * Tells about a buffer and the descriptor it is asked on. @capacity and
 * @length belong together: no resize comes between them. Needs no right.
 *
 * Errors: EINVAL.
 */
struct iobmd_get_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 id;
	__aligned_u64 capacity;
	__aligned_u64 length;
	__aligned_u64 allocated;
	__aligned_u64 huge_bytes;
	__aligned_u64 alignment;
	__u32 direction;
	__u32 huge;
	__u32 rights;
	__s32 node;
	__u32 page_size;
	__u32 huge_page_size;
	__u32 seals;
	__u32 __reserved;
};

/**
 * struct iobmd_set_length - ioctl(IOBMD_IOC_SET_LENGTH)
 * @size: sizeof(struct iobmd_set_length)
 * @flags: 0
 * @length: In bytes, 0 to the capacity.
 *
 * Changes the length and nothing else: no memory is allocated, freed, zeroed
 * or unmapped, mappings go on working over their whole range, and the bytes
 * beyond the length stay what they were. Takes the same time for any size.
 *
 * Errors: EACCES without IOBMD_RIGHT_RESIZE, EINVAL.
 */
struct iobmd_set_length {
	__u32 size;
	__u32 flags;
	__aligned_u64 length;
};

/**
 * struct iobmd_resize - ioctl(IOBMD_IOC_RESIZE)
 * @size: sizeof(struct iobmd_resize)
 * @flags: 0
 * @capacity: In bytes, 1 or more.
 *
 * Changes the capacity and sets the length to it.
 *
 * Growing adds zeros. Addresses of mappings do not move and what is mapped
 * already stays mapped and usable all the time. A mapping that reached beyond
 * the old end shows the new memory.
 *
 * Shrinking takes the tail away. Once the call has returned, an access beyond
 * the end rounded up to whole pages raises SIGBUS in every process, and if the
 * buffer grows again it finds zeros. The call is refused with EBUSY while
 * the kernel or a device uses memory that would go (as while it is pinned for
 * DMA, or lies in a pipe), and also while it uses another part of the huge page
 * that the new end would cut.
 *
 * A huge page that the new end cuts is none any more: what stays of it is in pieces,
 * single pages or larger blocks as the kernel chooses, and no part of huge_bytes. To
 * grow does not join them again. Where the kernel finds no memory for that half way,
 * the call fails with ENOMEM; all of the memory is there then, but perhaps in pieces.
 *
 * It is also EBUSY while a window, a composite, a hold, an export or a kernel user
 * needs what would go, or waits to come into being, and against a seal.
 *
 * While a buffer grows, which may take long, all other calls on it work but RESIZE and
 * IOBMD_IOC_SEAL, which wait for the end.
 *
 * Errors: EACCES without IOBMD_RIGHT_RESIZE, EBUSY, EDQUOT, EFBIG, EINTR,
 * EINVAL, ENOMEM.
 */
struct iobmd_resize {
	__u32 size;
	__u32 flags;
	__aligned_u64 capacity;
};

/**
 * enum iobmd_map_flags - flags of IOBMD_IOC_MAP
 * @IOBMD_MAP_F_FIXED: Map at @address or fail; never replaces a mapping.
 * @IOBMD_MAP_F_READ_ONLY: Map for reading only.
 * @IOBMD_MAP_F_PREFAULT: Fill the page tables now, so that the first accesses
 *	do not fault.
 */
enum iobmd_map_flags {
	IOBMD_MAP_F_FIXED	= 1 << 0,
	IOBMD_MAP_F_READ_ONLY	= 1 << 1,
	IOBMD_MAP_F_PREFAULT	= 1 << 2,
};

/**
 * struct iobmd_map - ioctl(IOBMD_IOC_MAP)
 * @size: sizeof(struct iobmd_map)
 * @flags: enum iobmd_map_flags
 * @address: In: with IOBMD_MAP_F_FIXED where to map, a multiple of the page
 *	size; else 0, or where it would be welcome. Out: where the mapping is.
 * @offset: Where in the buffer the mapping begins, in bytes; a multiple of the
 *	page size, below the length.
 * @length: In: how much to map, in bytes; 0 means from @offset to the length of
 *	the buffer. @offset + @length may be at most the length of the buffer
 *	rounded up to whole pages. Out: how much was asked for, never 0.
 *
 * Maps the buffer into the caller as mmap(2) with MAP_SHARED would, and is
 * undone with munmap(2).
 *
 * The kernel chooses an address that fits huge pages, here and for mmap(2), but
 * from 6.12 on none for 32-bit programs: to have them, they say one.
 *
 * Errors: EACCES without IOBMD_RIGHT_WRITE, unless IOBMD_MAP_F_READ_ONLY;
 * EAGAIN, EEXIST, EINTR, EINVAL, ENOMEM, EPERM.
 */
struct iobmd_map {
	__u32 size;
	__u32 flags;
	__aligned_u64 address;
	__aligned_u64 offset;
	__aligned_u64 length;
};

/** IOBMD_NAME_MAX - bytes in the longest name of a buffer */
#define IOBMD_NAME_MAX		31

/**
 * struct iobmd_set_name - ioctl(IOBMD_IOC_SET_NAME)
 * @size: sizeof(struct iobmd_set_name)
 * @flags: 0
 * @name: Address of the name, which needs no NUL at its end.
 * @name_length: Bytes in it, 0 to IOBMD_NAME_MAX; 0 takes the name away.
 * @__reserved: 0
 *
 * Gives the buffer a name, shown in /proc/PID/fdinfo, fd and maps, and to root in
 * debugfs, for people to tell buffers apart. Control characters (bytes below 0x20, and
 * 0x7f) are EINVAL. Bytes that are not printable ASCII, and the backslash, are shown as
 * a backslash and three octal digits.
 *
 * Errors: EACCES without IOBMD_RIGHT_WRITE, EINVAL.
 */
struct iobmd_set_name {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_length;
	__u32 __reserved;
};

/**
 * enum iobmd_derive_flags - flags of IOBMD_IOC_DERIVE
 * @IOBMD_DERIVE_F_READ_ONLY: The new descriptor cannot change the buffer, and
 *	nobody, not even its maker, can make it one that does.
 * @IOBMD_DERIVE_F_WINDOW: It shows only @length bytes from @offset on, and lacks
 *	IOBMD_RIGHT_RESIZE.
 * @IOBMD_DERIVE_F_HOLD: While it lives, the buffer does not shrink below its
 *	length of now. For a reader who does not trust the writer: no access
 *	within that range raises SIGBUS. Windows have this without asking.
 */
enum iobmd_derive_flags {
	IOBMD_DERIVE_F_READ_ONLY	= 1 << 0,
	IOBMD_DERIVE_F_WINDOW		= 1 << 1,
	IOBMD_DERIVE_F_HOLD		= 1 << 2,
};

/**
 * struct iobmd_derive - ioctl(IOBMD_IOC_DERIVE)
 * @size: sizeof(struct iobmd_derive)
 * @flags: enum iobmd_derive_flags
 * @offset: Where the window begins, in bytes; a multiple of the page size. 0
 *	without IOBMD_DERIVE_F_WINDOW.
 * @length: In bytes, 1 or more; @offset + @length may be at most the length of
 *	the descriptor that this is called on. 0 without IOBMD_DERIVE_F_WINDOW.
 *
 * Returns a further descriptor of the same buffer, close-on-exec, with the same
 * rights and the same window or less. All offsets of a window's descriptor
 * count from the start of the window; what lies outside cannot be reached
 * with it, except for the rest of the last page of a window that ends within
 * one, which is mapped with it. A descriptor that is no window reaches all of the
 * capacity, also if it is read only and has a hold.
 *
 * Errors: EDQUOT, EINTR, EINVAL, EMFILE, ENFILE, ENOMEM.
 */
struct iobmd_derive {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 length;
};

/**
 * enum iobmd_seals - what can never again be done to a buffer
 * @IOBMD_SEAL_SEAL: Add a seal.
 * @IOBMD_SEAL_SHRINK: Make the capacity smaller.
 * @IOBMD_SEAL_GROW: Make the capacity larger.
 * @IOBMD_SEAL_WRITE: Change a byte, by anybody. EBUSY while a writable mapping,
 *	composite, export or kernel user exists, or the kernel or a device uses the memory; a
 *	mapping through a descriptor with IOBMD_RIGHT_WRITE counts as writable
 *	however it is protected. Taking bytes away is for IOBMD_SEAL_SHRINK.
 */
enum iobmd_seals {
	IOBMD_SEAL_SEAL		= 1 << 0,
	IOBMD_SEAL_SHRINK	= 1 << 1,
	IOBMD_SEAL_GROW		= 1 << 2,
	IOBMD_SEAL_WRITE	= 1 << 3,
};

/**
 * struct iobmd_seal - ioctl(IOBMD_IOC_SEAL)
 * @size: sizeof(struct iobmd_seal)
 * @flags: 0
 * @seals: An or of enum iobmd_seals to add to those that there are.
 * @__reserved: 0
 *
 * Seals cannot be taken off. What a seal forbids fails with EPERM, except that
 * a resize is EBUSY. While IOBMD_SEAL_WRITE is being set, and nothing can stop it any
 * more, a shared mapping for reading through a descriptor with IOBMD_RIGHT_WRITE may
 * also fail with EPERM, for some nanoseconds.
 *
 * Errors: EACCES without IOBMD_RIGHT_RESIZE, EBUSY, EINTR, EINVAL, EPERM after
 * IOBMD_SEAL_SEAL.
 */
struct iobmd_seal {
	__u32 size;
	__u32 flags;
	__u32 seals;
	__u32 __reserved;
};

/**
 * enum iobmd_export_flags - flags of IOBMD_IOC_EXPORT
 * @IOBMD_EXPORT_F_READ_ONLY: Devices may only read, mappings likewise. Implied
 *	by a descriptor without IOBMD_RIGHT_WRITE.
 */
enum iobmd_export_flags {
	IOBMD_EXPORT_F_READ_ONLY	= 1 << 0,
};

/**
 * struct iobmd_export - ioctl(IOBMD_IOC_EXPORT)
 * @size: sizeof(struct iobmd_export)
 * @flags: enum iobmd_export_flags
 * @offset: Where the export begins, in bytes; a multiple of the page size.
 * @length: In bytes; 0 means from @offset to the length of the descriptor.
 *	@offset + @length may be at most that. Rounded up to whole pages.
 *
 * Returns a dma-buf, close-on-exec. It lives on its own: descriptors may be
 * closed. While it lives the buffer does not shrink into it. An importer
 * that asks for a wider DMA direction than the buffer has is refused.
 *
 * A mapping through the dma-buf, or through an importer, is like any other, with the
 * rights of the export: EACCES for writing if that is read only. But the kernel does
 * not choose an address for it that fits huge pages: to have them, say one.
 *
 * Errors: EDQUOT, EINTR, EINVAL, EMFILE, ENFILE, ENOMEM, EPERM (sealed against
 * writing, and not IOBMD_EXPORT_F_READ_ONLY).
 */
struct iobmd_export {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 length;
};

/**
 * enum iobmd_sync_flags - flags of IOBMD_IOC_SYNC
 * @IOBMD_SYNC_F_NOOP: Out. This machine needs no such call: its devices see what
 *	the CPU sees.
 */
enum iobmd_sync_flags {
	IOBMD_SYNC_F_NOOP	= 1 << 0,
};

/**
 * struct iobmd_sync - ioctl(IOBMD_IOC_SYNC)
 * @size: sizeof(struct iobmd_sync)
 * @flags: In: 0. Out: enum iobmd_sync_flags
 * @offset: In bytes.
 * @length: In bytes; 0 means from @offset to the length of the descriptor.
 *	@offset + @length may be at most that.
 * @direction: An or of enum iobmd_direction, not wider than the buffer's:
 *	IOBMD_DIRECTION_OUT before a device reads what the CPU has written,
 *	IOBMD_DIRECTION_IN after it has written what the CPU will read.
 * @__reserved: 0
 *
 * For devices that reach the memory by its address, as through VFIO. Importers
 * of an export synchronise through the dma-buf. The machines that this module
 * runs on are coherent, so that it checks its argument, orders the CPU's
 * accesses as a full barrier does, and says IOBMD_SYNC_F_NOOP.
 *
 * Errors: EINVAL.
 */
struct iobmd_sync {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 length;
	__u32 direction;
	__u32 __reserved;
};

/** IOBMD_COMPOSE_MAX - parts in the largest composite */
#define IOBMD_COMPOSE_MAX	1024

/**
 * struct iobmd_compose_part - a window that a composite shows
 * @fd: A descriptor of a buffer, of a window or of another composite.
 * @__reserved: 0
 * @offset: Where in it the part begins, in bytes; a multiple of the page size.
 * @length: In bytes; 0 means from @offset to the length of the descriptor. A
 *	multiple of the page size, but for the last part of the composite. @offset
 *	+ @length may be at most the length of the descriptor.
 */
struct iobmd_compose_part {
	__s32 fd;
	__u32 __reserved;
	__aligned_u64 offset;
	__aligned_u64 length;
};

/**
 * enum iobmd_compose_flags - flags of IOBMD_IOC_COMPOSE
 * @IOBMD_COMPOSE_F_READ_ONLY: The composite cannot be written.
 */
enum iobmd_compose_flags {
	IOBMD_COMPOSE_F_READ_ONLY	= 1 << 0,
};

/**
 * struct iobmd_compose - ioctl(IOBMD_IOC_COMPOSE)
 * @size: sizeof(struct iobmd_compose)
 * @flags: enum iobmd_compose_flags
 * @parts: Address of an array of struct iobmd_compose_part.
 * @nr_parts: How many, 1 to IOBMD_COMPOSE_MAX. A part that is of a composite
 *	counts as all those parts of that which it covers.
 * @__reserved: 0
 *
 * Makes a *composite* and returns a descriptor of it, close-on-exec: one that
 * shows the parts one after the other, as one buffer that begins at 0, without a
 * copy. The same memory may be in it more than once. Its capacity and length are
 * those of all parts together, may not be over the per-buffer ceiling, and do
 * not change (it lacks IOBMD_RIGHT_RESIZE); its direction is what all parts have in
 * common, which may be 0. For IOBMD_IOC_GET_INFO it has no alignment, seals and
 * node, and memory that is in it twice counts twice.
 *
 * The composite keeps its parts: their descriptors may be closed, and their
 * buffers do not shrink into them. They are shared like any other window, in
 * both directions. As long as a composite lives that can be written, its buffers
 * cannot be sealed against writing.
 *
 * A mapping of a composite has huge pages where a part has them at addresses
 * that fit; those of the longest part always fit if the kernel chooses the address.
 * Whatever a composite has mapped is in use by the kernel as far as a shrink (of
 * a huge page that is a part only in part) and the seal against writing are
 * concerned: EBUSY. A page with a hardware memory error raises SIGBUS where it is
 * not mapped yet, and elsewhere when the hardware reports it to the one who reads.
 *
 * The command may also go to any descriptor, which need not be one of the parts: for
 * a process that cannot open /dev/iobmd.
 *
 * Errors: EACCES if a part lacks IOBMD_RIGHT_WRITE, unless
 * IOBMD_COMPOSE_F_READ_ONLY; EBADF, EDQUOT, EFBIG, EINTR, EINVAL, EMFILE, ENFILE,
 * ENOMEM, EPERM if a part is sealed against writing, unless
 * IOBMD_COMPOSE_F_READ_ONLY.
 */
struct iobmd_compose {
	__u32 size;
	__u32 flags;
	__aligned_u64 parts;
	__u32 nr_parts;
	__u32 __reserved;
};

#endif /* _UAPI_LINUX_IOBMD_H */
