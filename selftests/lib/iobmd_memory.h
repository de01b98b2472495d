/* SPDX-License-Identifier: GPL-2.0 */
/* Inspecting memory: its contents, whether it can be accessed, its physical pages. */
#ifndef IOBMD_MEMORY_H
#define IOBMD_MEMORY_H

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KIB		1024ull
#define MIB		(1024ull * KIB)

static inline size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static inline uint64_t page_round(uint64_t size)
{
	return (size + page_size() - 1) / page_size() * page_size();
}

/* The first multiple of @alignment from @address on. */
static inline uint8_t *address_round(void *address, size_t alignment)
{
	return (uint8_t *)(((uintptr_t)address + alignment - 1) & -alignment);
}

/* The pattern for the eight bytes from offset 8 * @number of a buffer on. */
static inline uint64_t pattern_word(uint64_t number, uint8_t seed)
{
	return (number + 1) * 0x9e3779b97f4a7c15ull ^ seed * 0x0101010101010101ull;
}

static inline uint8_t pattern_byte(uint64_t offset, uint8_t seed)
{
	return pattern_word(offset / 8, seed) >> offset % 8 * 8;
}

/* Eight bytes at a time where possible, since an emulated processor is slow. */
static inline void fill_pattern(void *address, uint64_t offset, size_t length, uint8_t seed)
{
	uint8_t *bytes = address;
	uint64_t word;
	size_t i = 0;

	while (i < length) {
		if ((offset + i) % 8 == 0 && length - i >= 8) {
			word = pattern_word((offset + i) / 8, seed);
			memcpy(bytes + i, &word, 8);
			i += 8;
		} else {
			bytes[i] = pattern_byte(offset + i, seed);
			i++;
		}
	}
}

/* The offset of the first byte that differs, or -1. */
static inline ssize_t check_pattern(const void *address, uint64_t offset, size_t length,
				    uint8_t seed)
{
	const uint8_t *bytes = address;
	uint64_t word;
	size_t i = 0;

	while (i < length) {
		if ((offset + i) % 8 == 0 && length - i >= 8) {
			memcpy(&word, bytes + i, 8);
			if (word == pattern_word((offset + i) / 8, seed)) {
				i += 8;
				continue;
			}
		}
		if (bytes[i] != pattern_byte(offset + i, seed))
			return i;
		i++;
	}
	return -1;
}

/* The offset of the first byte that is not @byte, or -1. */
static inline ssize_t check_bytes(const void *address, size_t length, uint8_t byte)
{
	const uint8_t *p = address;

	if (!length || (*p == byte && !memcmp(p, p + 1, length - 1)))
		return -1;
	while (*p == byte)
		p++;
	return p - (const uint8_t *)address;
}

/* Weak, so that the files of a program share them. */
__attribute__((weak)) __thread sigjmp_buf fault_env;
__attribute__((weak)) __thread volatile sig_atomic_t fault_expected;

static inline void fault_handler(int sig)
{
	if (fault_expected)
		siglongjmp(fault_env, sig);
	signal(sig, SIG_DFL);
	raise(sig);	/* may be from kill(2): returning would swallow it */
}

static __attribute__((constructor)) void fault_handler_install(void)
{
	struct sigaction action = { .sa_handler = fault_handler, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

/*
 * Accesses the byte at @address. Returns 0 or the signal. A write does not change the
 * byte, even if others write it at the same time.
 */
static inline int faults(const volatile void *address, bool write)
{
	static volatile uint8_t zero;
	int sig = sigsetjmp(fault_env, 0);

	if (!sig) {
		fault_expected = 1;
		if (write)
			__atomic_fetch_or((volatile uint8_t *)address, zero, __ATOMIC_SEQ_CST);
		else
			(void)*(const volatile uint8_t *)address;
	}
	fault_expected = 0;
	return sig;
}

/*
 * The physical pages of @count pages at @address; 0 for a page that is not present.
 * Needs root.
 */
static inline void page_frames(const void *address, uint64_t *frames, size_t count)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ssize_t got = pread(fd, frames, count * sizeof(*frames),
			    (uintptr_t)address / page_size() * sizeof(*frames));

	for (size_t i = 0; i < count; i++) {
		bool present = got == count * sizeof(*frames) && frames[i] >> 63;

		frames[i] = present ? frames[i] & ((1ull << 55) - 1) : 0;
	}
	close(fd);
}

static inline uint64_t page_frame(const void *address)
{
	uint64_t frame;

	page_frames(address, &frame, 1);
	return frame;
}

/* How many mappings of this process show the buffer with this id. */
static inline int count_mappings(uint64_t id)
{
	char line[512];
	uint64_t inode;
	int count = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps && fgets(line, sizeof(line), maps))
		count += sscanf(line, "%*s %*s %*s %*s %" SCNu64, &inode) == 1 &&
			 inode == id && strstr(line, " /dev/iobmd:");
	if (maps)
		fclose(maps);
	return count;
}

/* The sum of one smaps field, in bytes, over the mappings that overlap [@address, +@length). */
static inline uint64_t smaps_bytes(const void *address, size_t length, const char *field)
{
	uint64_t start, end, from = (uintptr_t)address, sum = 0, kib;
	char line[512], name[64];
	bool touches = false;
	FILE *smaps = fopen("/proc/self/smaps", "re");

	while (smaps && fgets(line, sizeof(line), smaps)) {
		/*
		 * The name of a field may begin with a hexadecimal digit, so require
		 * both numbers.
		 */
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2) {
			touches = start < from + length && from < end;
			continue;
		}
		if (touches && sscanf(line, "%63[^:]: %" SCNu64 " kB", name, &kib) == 2 &&
		    !strcmp(name, field))
			sum += kib * KIB;
	}
	if (smaps)
		fclose(smaps);
	return sum;
}

#endif /* IOBMD_MEMORY_H */
