// SPDX-License-Identifier: 0BSD
/* A handle for reading, whose memory cannot be taken away. */
#include <iobmd.h>

int lend(const struct iobmd_buffer *buffer, int socket)
{
	uint32_t flags = IOBMD_DERIVE_F_READ_ONLY | IOBMD_DERIVE_F_HOLD;
	struct iobmd_buffer *lent;
	int err;

	err = iobmd_buffer_derive(buffer, flags, 0, 0, &lent);
	if (err)
		return err;
	err = iobmd_buffer_send(lent, socket);
	iobmd_buffer_free(lent);
	return err;
}
