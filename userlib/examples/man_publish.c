// SPDX-License-Identifier: 0BSD
/* Written once, then sealed. */
#include <stdio.h>
#include <iobmd.h>

int publish(struct iobmd_buffer *buffer, const char *text)
{
	struct iobmd_mapping *mapping;
	int err;

	err = iobmd_mapping_create(buffer, 0, NULL, 0, 0, &mapping);
	if (err)
		return err;
	snprintf(iobmd_mapping_address(mapping), iobmd_mapping_length(mapping), "%s", text);
	iobmd_mapping_free(mapping);
	return iobmd_buffer_seal(buffer, IOBMD_SEAL_WRITE | IOBMD_SEAL_SHRINK |
				 IOBMD_SEAL_GROW | IOBMD_SEAL_SEAL);
}
