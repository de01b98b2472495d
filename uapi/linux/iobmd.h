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
 * created. It is never swapped, reclaimed or migrated. A *descriptor* is a file
 * descriptor of a buffer. Possession of a descriptor is what gives access, and it
 * can be passed on like any other (SCM_RIGHTS, fork(), pidfd_getfd()). The
 * buffer is freed when nothing refers to it any more: no descriptor, mapping,
 * export, composite or driver, and no open path (O_PATH) to a descriptor.
 *
 * Sizes and offsets are in bytes. A buffer has two sizes:
 *
 * capacity
 *	The requested size, 1 or more, exact. The allocated memory is the capacity
 *	rounded up to whole pages.
 * length
 *	How much is in use, 0 to capacity. The length of a new buffer is its
 *	capacity. The length does not protect anything: new mappings must lie within
 *	it, but mremap(2) can extend an existing mapping up to the capacity, with
 *	the same protection. Use a window (IOBMD_DERIVE_F_WINDOW) for protection.
 *
 * IOBMD_IOC_CREATE is for /dev/iobmd, IOBMD_IOC_COMPOSE for /dev/iobmd or a
 * descriptor, every other command for a descriptor.
 * Descriptors can also be mapped with mmap(2), with MAP_SHARED and without
 * PROT_EXEC. The range must lie within the length rounded up to whole pages.
 * MAP_PRIVATE is allowed for a read-only mapping of a descriptor without
 * IOBMD_RIGHT_WRITE; it shows later writes by others, as MAP_SHARED does. An access
 * beyond the end of the memory (after a shrink), or to a page with a hardware memory
 * error, raises SIGBUS. read(2), write(2), lseek(2), splice(2) and sendfile(2) work
 * up to the length; see "As a file".
 *
 * The argument of every command is the address of a struct that begins with
 * two fields:
 *
 * size
 *	sizeof() the struct as the caller knows it. A caller that is older than
 *	the kernel gets the old behaviour; a newer one works as long as every
 *	field that the kernel does not know is zero.
 * flags
 *	An or of the IOBMD_<VERB>_F_ bits of that command.
 *
 * Fields marked *out* are written on success only, and need not be initialized.
 * The layout is the same for 32- and 64-bit callers. All commands may run
 * concurrently. A call that fails has changed nothing.
 *
 * DOC: Errors
 *
 * Each errno has one meaning:
 *
 * ======== ==================================================================
 * E2BIG    @size is over one page, or the struct has a non-zero byte that this
 *          kernel does not know.
 * EACCES   The descriptor lacks a right that the call needs.
 * EAGAIN   Mapping: mlockall(2) applies, and RLIMIT_MEMLOCK is exceeded.
 * EBADF    A file descriptor in the argument is not open.
 * EBUSY    A resize would free memory, or the seal against writing would stop
 *          writers, while that memory is in use or kept by a hold.
 * EDQUOT   The creator of the buffer would exceed its ceiling for memory (module
 *          parameter max_user_mib), or the caller its ceiling for objects, an
 *          eighth of that. See "What counts".
 * EEXIST   IOBMD_MAP_F_FIXED: something is already mapped in that range.
 * EFAULT   The argument, or memory that it points to, is not accessible.
 * EFBIG    The capacity exceeds the per-buffer ceiling (module parameter
 *          max_buffer_mib).
 * EINTR    A signal arrived while the call waited for another on the same buffer
 *          (the call is restarted if the handler has SA_RESTART), or the caller is
 *          being killed.
 * EINVAL   A value is outside its documented range: a @size that is too small,
 *          an unknown flag, a reserved field that is not zero, ...
 * EIO      read(2), write(2), splice(2), fallocate(2): a page has a hardware memory
 *          error.
 * EMFILE   The process has no free file descriptor.
 * ENFILE   The system-wide limit of open files is reached, or all users together
 *          have more than 64 GiB of objects.
 * ENOMEM   The machine, the memory cgroup or the address space is out of memory.
 *          Allocations of the module do not invoke the OOM killer, and leave 1/32
 *          of RAM to the rest of the system. The kernel's own part of a new
 *          descriptor (inode, dentry, file) is probed for first. It can invoke the
 *          OOM killer of the memory cgroup, as for any other open file, only if
 *          other tasks of the cgroup use up that memory at the same moment, or if
 *          the table of file descriptors has to grow; and in open(2) of a link in
 *          /proc/PID/fd, as the kernel allocates the file first. The address space
 *          is also full with vm.max_map_count mappings.
 * ENOSPC   write(2): the range begins at the length or beyond, or the data is to be
 *          appended (O_APPEND, RWF_APPEND).
 * ENOTTY   The file does not support this command.
 * ENXIO    lseek(2) with SEEK_DATA or SEEK_HOLE: the offset is not below the length.
 *          open(2) of a link in /proc/PID/fd: the composite has been closed.
 * EOPNOTSUPP
 *          fallocate(2): see "As a file".
 * EPERM    A seal forbids it (except a resize: EBUSY). The mapping is not allowed:
 *          executable, or below vm.mmap_min_addr. truncate(2), fchmod(2),
 *          fchown(2) or utimensat(2) was called.
 * ======== ==================================================================
 *
 * DOC: What counts
 *
 * The memory of a buffer is charged to its creator: to its real user ID, up to the
 * ceiling max_user_mib, and to its memory cgroup. That includes later growth, no
 * matter which process resizes the buffer. The ceiling applies unless both the creator
 * (at the time of creation) and the caller have CAP_IPC_LOCK in the initial user
 * namespace. To keep receivers from growing a buffer, the creator gives them a
 * descriptor without IOBMD_RIGHT_RESIZE, or sets IOBMD_SEAL_GROW.
 *
 * Memory stays charged until it is free: if a single byte of a huge page is in a pipe
 * or a socket, or is pinned for DMA, the huge page is still charged after the last
 * close of the buffer. (For a creator with CAP_IPC_LOCK, only to its memory cgroup.)
 *
 * Buffers, descriptors, exports and composites also need kernel memory for their own
 * objects: from some 0.6 KiB for a descriptor to some 90 KiB for a composite of
 * 1024 parts. Their creator is charged in bytes, for as long as they exist: up to an
 * eighth of max_user_mib, but at least 1 MiB; a caller with CAP_IPC_LOCK is exempt.
 * All of it is also charged to the caller's memory cgroup.
 *
 * A window, a hold, an export and a part of a composite keep a buffer from shrinking
 * for as long as they exist. Even a reader can make them, and the creator cannot
 * revoke them. It can keep the buffer at its size, give such a reader a smaller
 * buffer of its own, or terminate the reader.
 *
 * Limit the memory cgroup of creators by memory.max: this memory cannot be reclaimed,
 * so above memory.high every call that allocates is throttled more and more. The OOM
 * killer considers only what a process has mapped, not the buffers that it merely has
 * descriptors of.
 *
 * DOC: As a file
 *
 * How a descriptor behaves as a file, in particular where it differs from a memfd:
 *
 * ========================== ================================================
 * ftruncate(2)               IOBMD_IOC_RESIZE, with its rights and errnos, but
 *                            EINVAL for a descriptor that is open for reading.
 *                            truncate(2) of /proc/PID/fd/N fails with EPERM.
 * fallocate(2), mode 0       Up to the capacity: raises the length if necessary,
 *                            without changing the contents. Beyond: grows as
 *                            IOBMD_IOC_RESIZE does. EBADF for a descriptor that is
 *                            open for reading, EACCES for one without
 *                            IOBMD_RIGHT_RESIZE if a size would change.
 *   FALLOC_FL_KEEP_SIZE      0 up to the length, since the memory is allocated.
 *                            EOPNOTSUPP beyond: no memory without a size.
 *   FALLOC_FL_ZERO_RANGE     Grows if necessary, then zeroes as write(2) writes;
 *                            with FALLOC_FL_KEEP_SIZE, up to the length. After an
 *                            error in the middle (EIO: a bad page, EINTR: the
 *                            caller is being killed, EPERM: a seal was set
 *                            meanwhile) the buffer may have grown, and a part of
 *                            the range may be zero.
 *   FALLOC_FL_PUNCH_HOLE     EOPNOTSUPP, like other modes: memory can be freed only
 *                            at the end. So MADV_REMOVE fails too.
 * fsync(2), fdatasync(2),    0: there is nothing to write back.
 * sync_file_range(2),
 * msync(2)
 * O_APPEND, RWF_APPEND       write(2) fails with ENOSPC, and nothing is written: a
 *                            write does not extend a buffer. (splice(2) and
 *                            sendfile(2): EINVAL, as for every file.)
 * lseek(2)                   Up to the length, else EINVAL. For SEEK_DATA and
 *                            SEEK_HOLE, everything up to the length is data.
 * open(2) of /proc/PID/fd/N  IOBMD_IOC_DERIVE from descriptor N, with its window and
 *                            errnos: read-only, unless opened for writing, which
 *                            needs IOBMD_RIGHT_WRITE there (else EACCES). With
 *                            O_WRONLY, the new descriptor still has
 *                            IOBMD_RIGHT_READ, and DERIVE from it can read. The
 *                            kernel checks access as for every file there: the same
 *                            process, or PTRACE_MODE_READ_FSCREDS of ptrace(2),
 *                            which Yama does not restrict. IOBMD_DERIVE_F_HOLD is
 *                            not inherited. If an O_PATH link has outlived its
 *                            descriptor, a shrink may have cut off its window:
 *                            EINVAL.
 *   O_WRONLY                 No mmap(2) and no IOBMD_IOC_MAP: EACCES, as for every
 *                            file.
 *   O_TRUNC, O_APPEND        O_TRUNC has no effect, as for a block device; O_APPEND
 *                            as above.
 *   O_DIRECT                 EINVAL: reads and writes copy.
 *   its link                 /dev/iobmd:ID, or /dev/iobmd:ID:NAME, and "(deleted)";
 *                            in /proc/PID/maps too.
 * fstat(2)                   A regular file without links; st_size is the length,
 *                            st_ino the ID. The mode is 0666 with
 *                            IOBMD_RIGHT_WRITE, else 0444: it reflects the
 *                            descriptor, not an owner. access(2) of its link cannot
 *                            tell the difference.
 * F_SETLEASE                 EINVAL.
 * inotify(7), fanotify(7)    A watch ends when any descriptor of the buffer is closed.
 * F_ADD_SEALS, F_GET_SEALS   EINVAL: the kernel has no hook for modules. A receiver
 *                            checks the seals in IOBMD_IOC_GET_INFO.
 * mmap(2) beyond the length  EINVAL. To reserve addresses to grow into, extend the
 *                            mapping with mremap(2), also beyond the capacity;
 *                            accesses there raise SIGBUS until the buffer grows.
 * userfaultfd(2)             UFFDIO_REGISTER for missing pages: EINVAL, or EPERM for
 *                            a mapping that can never be written.
 * copy_file_range(2)         EXDEV to or from another file system, as usual;
 *                            sendfile(2) and splice(2) copy.
 * CRIU                       Cannot dump a process that has a descriptor.
 * core dumps                 Include mappings of descriptors that may write, as for
 *                            a memfd. To exclude them: MADV_DONTDUMP, or bit 1 of
 *                            /proc/PID/coredump_filter.
 * ========================== ================================================
 *
 * The descriptor of a window or of a composite has the inode of its buffer. Where the
 * kernel uses the inode without calling the module, it sees the memory of that inode:
 * FIONREAD (ENOTTY on newer kernels), cachestat(2) and a loop device see all the
 * memory of a window's buffer; for a composite, as much as its largest part's buffer
 * or the composite itself has. fstat(2) and lseek(2) use the size that the descriptor
 * shows.
 *
 * Buffers have no SELinux label. A policy can restrict what a domain may do on
 * /dev/iobmd and, through "fd use", which descriptors it may receive. A domain that may
 * read /proc/PID/fd of another opens its descriptors without "fd use".
 *
 * strace(1) shows the commands by number, as ioctl(fd, _IOC(_IOC_NONE, 0xbd, NR, 0), ...),
 * where NR is the second argument of _IO() below.
 */

#define IOBMD_IOC_MAGIC		0xBD

/* On /dev/iobmd; IOBMD_IOC_COMPOSE also on a descriptor */
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
 * enum iobmd_direction - directions in which devices may transfer data
 * @IOBMD_DIRECTION_OUT: From the buffer to a device (the device reads memory).
 * @IOBMD_DIRECTION_IN: From a device into the buffer (the device writes memory).
 *
 * An upper bound for DMA only. It does not affect accesses by the CPU.
 */
enum iobmd_direction {
	IOBMD_DIRECTION_OUT	= 1 << 0,
	IOBMD_DIRECTION_IN	= 1 << 1,
};

/**
 * enum iobmd_huge - what the memory of a buffer is made of
 * @IOBMD_HUGE_PREFER: Huge pages where the size allows it and they are
 *	available, else smaller blocks. The default.
 * @IOBMD_HUGE_NONE: Blocks no larger than the alignment requires.
 * @IOBMD_HUGE_REQUIRE: Huge pages only. Every capacity must be a multiple of
 *	the huge page size; ENOMEM if not enough huge pages are available.
 *
 * A huge page has the size of one entry of the second-lowest page-table level
 * (2 MiB on x86-64), and is mapped by one such entry if the mapping is aligned.
 */
enum iobmd_huge {
	IOBMD_HUGE_PREFER	= 0,
	IOBMD_HUGE_NONE		= 1,
	IOBMD_HUGE_REQUIRE	= 2,
};

/**
 * enum iobmd_rights - what a descriptor can be used for
 * @IOBMD_RIGHT_READ: Map it for reading, read it.
 * @IOBMD_RIGHT_WRITE: Map it for writing, write it, set its name.
 * @IOBMD_RIGHT_RESIZE: Change capacity and length, seal it.
 */
enum iobmd_rights {
	IOBMD_RIGHT_READ	= 1 << 0,
	IOBMD_RIGHT_WRITE	= 1 << 1,
	IOBMD_RIGHT_RESIZE	= 1 << 2,
};

/**
 * enum iobmd_create_flags - flags of IOBMD_IOC_CREATE
 * @IOBMD_CREATE_F_NODE: @node is the preferred NUMA node of the memory.
 */
enum iobmd_create_flags {
	IOBMD_CREATE_F_NODE	= 1 << 0,
};

/**
 * struct iobmd_create - ioctl(IOBMD_IOC_CREATE)
 * @size: sizeof(struct iobmd_create)
 * @flags: enum iobmd_create_flags
 * @capacity: In bytes, 1 or more.
 * @alignment: 0 or a power of two, in bytes, at most the huge page size. Values up
 *	to the page size have no effect. Above it, each block of this size,
 *	counted from the start of the buffer, is physically contiguous and
 *	begins at a physical address that is a multiple of its size. A last block
 *	that is cut short by the capacity is contiguous and aligned too, but a
 *	buffer that ends in one cannot grow (EINVAL).
 * @direction: An or of enum iobmd_direction; 0 means both.
 * @huge: enum iobmd_huge
 * @node: With IOBMD_CREATE_F_NODE an online NUMA node: memory is allocated from
 *	it first, and from other nodes when it has none left. Else 0, and the
 *	memory policy of the caller applies.
 * @__reserved: 0
 *
 * Creates a buffer and returns a descriptor of it, close-on-exec, with all
 * rights. The caller is the creator, to which the memory is charged: see "What
 * counts".
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
 * @id: Out. Unique since the module was loaded, and larger than those of buffers
 *	created before; also st_ino of fstat(2).
 * @capacity: Out. In bytes; that of the window if the descriptor is a window.
 * @length: Out. In bytes; likewise.
 * @allocated: Out. The allocated memory, in bytes: the capacity in whole pages.
 * @huge_bytes: Out. How much of @allocated is in huge pages.
 * @alignment: Out. As given to IOBMD_IOC_CREATE.
 * @direction: Out. An or of enum iobmd_direction; 0 for a composite of buffers
 *	that have none in common.
 * @huge: Out. enum iobmd_huge, as given to IOBMD_IOC_CREATE.
 * @rights: Out. An or of enum iobmd_rights: the rights of this descriptor.
 * @node: Out. As given to IOBMD_IOC_CREATE, or -1.
 * @page_size: Out. The unit of @allocated and of mappings, in bytes.
 * @huge_page_size: Out. In bytes; 0 if this kernel has no huge pages.
 * @seals: Out. An or of enum iobmd_seals.
 * @__reserved: Out. 0
 *
 * Returns the state of the buffer and of this descriptor. @capacity and @length
 * are consistent, even during a resize. Needs no right.
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
 * Changes only the length: no memory is allocated, freed, zeroed or unmapped,
 * mappings remain usable over their whole range, and the bytes beyond the
 * length keep their values. Takes the same time for any size.
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
 * Growing adds zeroed memory. Mappings do not move, and remain mapped and usable
 * all the time. A mapping that extends beyond the old end shows the new memory.
 *
 * Shrinking frees memory at the end. Once the call has returned, an access beyond
 * the end rounded up to whole pages raises SIGBUS in every process, and reads
 * zeros after the buffer has grown again. The call fails with EBUSY while the
 * kernel or a device uses memory that would be freed (pinned for DMA, or in a
 * pipe), or another part of the huge page that the new end would cut.
 *
 * A huge page that the new end cuts is split: the rest consists of single pages or
 * larger blocks, as the kernel chooses, and no longer counts as huge_bytes. Growing
 * does not join them again. If the kernel runs out of memory during the split, the
 * call fails with ENOMEM; no memory is lost then, but the huge page may be split.
 *
 * The call also fails with EBUSY if a window, a composite, a hold, an export or a
 * kernel client needs memory that would be freed, or is waiting to be created, or if
 * a seal forbids it.
 *
 * Growing may take long. All other calls on the buffer work meanwhile, except RESIZE
 * and IOBMD_IOC_SEAL, which wait.
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
 * @IOBMD_MAP_F_PREFAULT: Populate the page tables now, so that the first accesses
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
 *	size; else 0 or a hint. Out: where the mapping is.
 * @offset: Where in the buffer the mapping begins, in bytes; a multiple of the
 *	page size, below the length.
 * @length: In: how much to map, in bytes; 0 means from @offset to the length of
 *	the buffer. @offset + @length may be at most the length of the buffer
 *	rounded up to whole pages. Out: the requested length, never 0.
 *
 * Maps the buffer into the caller like mmap(2) with MAP_SHARED; to be unmapped
 * with munmap(2).
 *
 * Here and for mmap(2), the kernel chooses an address that is aligned for huge
 * pages. From 6.12 on it does not do this for 32-bit programs, which must pass a
 * suitable address themselves.
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

/** IOBMD_NAME_MAX - maximum length of the name of a buffer, in bytes */
#define IOBMD_NAME_MAX		31

/**
 * struct iobmd_set_name - ioctl(IOBMD_IOC_SET_NAME)
 * @size: sizeof(struct iobmd_set_name)
 * @flags: 0
 * @name: Address of the name, which need not end in a NUL.
 * @name_length: Its length in bytes, 0 to IOBMD_NAME_MAX; 0 removes the name.
 * @__reserved: 0
 *
 * Gives the buffer a name, which helps to identify it in /proc/PID/fdinfo, fd and
 * maps, and in debugfs (root only). Control characters (bytes below 0x20, and 0x7f)
 * are EINVAL. Bytes that are not printable ASCII, and the backslash, are shown as a
 * backslash and three octal digits.
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
 * @IOBMD_DERIVE_F_READ_ONLY: The new descriptor cannot change the buffer. No
 *	process, not even the creator, can get the right to write from it. That does
 *	not protect the descriptors of the giver: a receiver that may look into its
 *	/proc/PID/fd, as a process of the same user may, opens a writable one there.
 *	Give it another user ID, or make the giver not dumpable (prctl(2)).
 * @IOBMD_DERIVE_F_WINDOW: The new descriptor shows only @length bytes from @offset
 *	on, and lacks IOBMD_RIGHT_RESIZE.
 * @IOBMD_DERIVE_F_HOLD: While the new descriptor exists, the buffer does not shrink
 *	below its current length. For a reader that does not trust the writer: no
 *	access within that range raises SIGBUS. Windows always have a hold.
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
 * Returns another descriptor of the same buffer, close-on-exec, with the same or
 * fewer rights and the same or a smaller window. All offsets of a window's
 * descriptor count from the start of the window. It gives no access to anything
 * outside, except that a window that ends within a page is mapped with the rest of
 * that page. A descriptor that is not a window gives access to all of the capacity,
 * even if it is read-only and has a hold.
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
 * enum iobmd_seals - what can no longer be done to a buffer
 * @IOBMD_SEAL_SEAL: Add a seal.
 * @IOBMD_SEAL_SHRINK: Make the capacity smaller.
 * @IOBMD_SEAL_GROW: Make the capacity larger.
 * @IOBMD_SEAL_WRITE: Change a byte, by any means. EBUSY while a writable mapping,
 *	composite, export or kernel client exists, or the kernel or a device uses
 *	the memory. A mapping through a descriptor with IOBMD_RIGHT_WRITE counts as
 *	writable whatever its protection. Shrinking remains possible without
 *	IOBMD_SEAL_SHRINK.
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
 * @seals: An or of enum iobmd_seals: the seals to add.
 * @__reserved: 0
 *
 * Seals cannot be removed. What a seal forbids fails with EPERM, except that a resize
 * fails with EBUSY. For some nanoseconds while IOBMD_SEAL_WRITE is being set, and can
 * no longer fail, a shared mapping for reading through a descriptor with
 * IOBMD_RIGHT_WRITE may also fail with EPERM.
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
 * @IOBMD_EXPORT_F_READ_ONLY: Devices and mappings may only read. Implied by a
 *	descriptor without IOBMD_RIGHT_WRITE.
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
 * Returns a dma-buf, close-on-exec. It does not depend on the descriptor, which may
 * be closed. While the dma-buf exists, the buffer does not shrink into it. An importer
 * that requests a wider DMA direction than the buffer has is refused.
 *
 * A mapping through the dma-buf, or through an importer, is like any other, with the
 * rights of the export: EACCES for writing if the export is read-only. But the kernel
 * does not choose an address that is aligned for huge pages: pass a suitable one.
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
 * @IOBMD_SYNC_F_NOOP: Out. This machine does not need the call, since devices are
 *	cache-coherent.
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
 * For devices that access the memory by its address, for example through VFIO.
 * Importers of an export synchronise through the dma-buf. The machines that this
 * module supports are coherent, so the call checks its argument, acts as a full
 * memory barrier, and returns IOBMD_SYNC_F_NOOP.
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

/** IOBMD_COMPOSE_MAX - maximum number of parts of a composite */
#define IOBMD_COMPOSE_MAX	1024

/**
 * struct iobmd_compose_part - a window that a composite shows
 * @fd: A descriptor of a buffer, of a window or of another composite.
 * @__reserved: 0
 * @offset: Where the part begins in @fd, in bytes; a multiple of the page size.
 * @length: In bytes; 0 means from @offset to the length of the descriptor. A
 *	multiple of the page size, except for the last part of the composite.
 *	@offset + @length may be at most the length of the descriptor.
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
 * @nr_parts: How many, 1 to IOBMD_COMPOSE_MAX. A part of another composite counts
 *	as many times as it covers parts of that.
 * @__reserved: 0
 *
 * Creates a *composite* and returns a descriptor of it, close-on-exec. It shows the
 * parts one after the other as one buffer, without a copy. The same memory may be in
 * it more than once. Its capacity and length are those of all parts together; they
 * must not exceed the per-buffer ceiling, and do not change (it lacks
 * IOBMD_RIGHT_RESIZE). Its direction is what all parts have in common, which may
 * be 0. IOBMD_IOC_GET_INFO returns no alignment, seals and node for a composite,
 * and counts memory twice that is in it twice.
 *
 * The composite holds its parts: their descriptors may be closed, and their buffers do
 * not shrink into them. Like any window it shares the memory: writes on either side
 * are seen on the other. As long as a writable composite exists, its buffers cannot be
 * sealed against writing.
 *
 * A mapping of a composite maps the huge pages of a part as such where the addresses
 * are aligned for that; those of the longest part always are if the kernel chooses the
 * address. Memory that is mapped through a composite is in use by the kernel: a shrink
 * (if a part covers only some of a huge page) and the seal against writing fail with
 * EBUSY. A page with a hardware memory error raises SIGBUS if it is not mapped yet;
 * otherwise the signal comes when the hardware reports the error to the task that
 * reads it.
 *
 * A process that cannot open /dev/iobmd can use any descriptor for this command, which
 * need not be one of the parts.
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
