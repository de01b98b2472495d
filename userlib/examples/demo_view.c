// SPDX-License-Identifier: 0BSD
/* What the kernel reports about memory: physical pages, huge mappings, the page cache. */
#include "demo.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* An entry of /proc/self/pagemap */
#define PAGEMAP_PRESENT		(UINT64_C(1) << 63)
#define PAGEMAP_FRAME		((UINT64_C(1) << 55) - 1)

static uint64_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* The offset of one of the inspected pages. */
uint64_t demo_page_offset(uint64_t size, int page)
{
	uint64_t last = (size - 1) / page_size();

	return last * page / (DEMO_PAGES - 1) * page_size();
}

static uint64_t frame_number(int pagemap, const char *address)
{
	uint64_t entry, index = (uintptr_t)address / page_size();

	if (pread(pagemap, &entry, sizeof(entry), index * sizeof(entry)) != sizeof(entry))
		demo_fail("cannot read /proc/self/pagemap at %p", (void *)address);
	if (!(entry & PAGEMAP_PRESENT))
		demo_fail("no page is mapped at %p", (void *)address);
	if (!(entry & PAGEMAP_FRAME))
		demo_fail("the kernel hides page frame numbers: the demo needs root");
	return entry & PAGEMAP_FRAME;
}

/* How many bytes are mapped with huge pages, in all mappings that overlap the range. */
static uint64_t huge_bytes(uint64_t start, uint64_t end)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	uint64_t from, to, kib, sum = 0;
	int inside = 0;
	char line[512];

	if (!smaps)
		demo_fail("cannot open /proc/self/smaps");
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2)
			inside = from < end && to > start;
		else if (inside && (sscanf(line, "FilePmdMapped: %" SCNu64, &kib) == 1 ||
				    sscanf(line, "AnonHugePages: %" SCNu64, &kib) == 1))
			sum += kib * 1024;
	}
	fclose(smaps);
	return sum;
}

void demo_view_get(struct demo_view *view, void *bytes, uint64_t size)
{
	int page, pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	demo_system(pagemap, "/proc/self/pagemap");
	view->process = getpid();
	view->address = (uintptr_t)bytes;
	view->length = size;
	for (page = 0; page < DEMO_PAGES; page++)
		view->frames[page] = frame_number(pagemap,
						  (char *)bytes + demo_page_offset(size, page));
	view->huge = huge_bytes(view->address, view->address + size);
	close(pagemap);
}

/* How much of the disk is in the page cache. Mapping it reads nothing. */
uint64_t demo_disk_cached(int disk, uint64_t size)
{
	void *mapping = mmap(NULL, size, PROT_READ, MAP_SHARED, disk, 0);
	uint64_t i, cached = 0, pages = (size + page_size() - 1) / page_size();
	unsigned char *resident = calloc(pages, 1);

	if (mapping == MAP_FAILED || !resident)
		demo_fail("cannot map the disk");
	demo_system(mincore(mapping, size, resident), "mincore");
	for (i = 0; i < pages; i++)
		cached += resident[i] & 1 ? page_size() : 0;
	free(resident);
	demo_memory_unmap(mapping, size);
	return cached;
}
