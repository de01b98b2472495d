// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The buffer protocol. The memory is mapped at the first view and stays mapped until
 * close(): growing moves no address that a view has. A hold on the buffer, for as long
 * as there are views, keeps other handles and other processes from taking the memory
 * away under them.
 */
#include <errno.h>

#include "python.h"

#define HOLD_TRIES	100

static int hold_extend(struct py_buffer *self)
{
	struct iobmd_buffer *hold;
	uint64_t length;
	int ret;

	ret = iobmd_buffer_get_length(self->handle, &length);
	if (ret || length <= self->held)
		return ret;

	ret = iobmd_buffer_derive(self->handle,
				  IOBMD_DERIVE_F_READ_ONLY | IOBMD_DERIVE_F_WINDOW, 0,
				  length, &hold);
	if (ret)
		return ret;

	iobmd_buffer_free(self->hold);
	self->hold = hold;
	self->held = length;
	return 0;
}

/*
 * -EINVAL: the length has become less since it was read. A signal's handler may have
 * closed the buffer.
 */
static int hold_get(struct py_buffer *self)
{
	int ret, tries = 0;

	do {
		if (!py_open((PyObject *)self))
			return -1;
		ret = hold_extend(self);
	} while ((ret == -EINTR && !PyErr_CheckSignals()) ||
		 (ret == -EINVAL && ++tries < HOLD_TRIES));
	if (ret)
		py_error(ret);
	return ret ? -1 : 0;
}

static void hold_put(struct py_buffer *self)
{
	if (self->views)
		return;
	iobmd_buffer_free(self->hold);
	self->hold = NULL;
	self->held = 0;
}

/* The length may have changed since: what is held is mapped. */
static int view_fill(struct py_buffer *self, Py_buffer *view, int flags)
{
	static char nothing[1];
	struct iobmd_address_segment segment;
	uint64_t length;
	int ret;

	ret = iobmd_buffer_get_address_range(self->handle, 0, &segment);
	if (ret) {
		py_error(ret);
		return -1;
	}

	length = segment.length < self->held ? segment.length : self->held;
	if (length > PY_SSIZE_T_MAX) {
		PyErr_SetString(PyExc_BufferError, "the buffer is too long for a view");
		return -1;
	}
	return PyBuffer_FillInfo(view, (PyObject *)self, length ? segment.address : nothing,
				 (Py_ssize_t)length,
				 segment.flags & IOBMD_MAPPING_READ_ONLY ? 1 : 0, flags);
}

/* The hold comes first: what is mapped after it cannot go. */
int py_view_get(PyObject *object, Py_buffer *view, int flags)
{
	struct py_buffer *self = py_open(object);

	view->obj = NULL;
	if (!self || hold_get(self))
		return -1;

	if (view_fill(self, view, flags)) {
		hold_put(self);
		return -1;
	}
	self->views++;
	return 0;
}

void py_view_release(PyObject *object, Py_buffer *view)
{
	struct py_buffer *self = (struct py_buffer *)object;

	(void)view;
	self->views--;
	hold_put(self);
}
