// SPDX-License-Identifier: 0BSD
/* One page, read-only. */
#include <stdint.h>
#include <sys/ioctl.h>
#include <linux/iobmd.h>

int share_page(int buffer, uint64_t offset, uint64_t page_size)
{
	struct iobmd_derive derive = {
		.size = sizeof(derive),
		.flags = IOBMD_DERIVE_F_READ_ONLY | IOBMD_DERIVE_F_WINDOW,
		.offset = offset,
		.length = page_size,
	};

	return ioctl(buffer, IOBMD_IOC_DERIVE, &derive);
}
