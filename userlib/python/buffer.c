// SPDX-License-Identifier: LGPL-2.1-or-later
/* The type iobmd.Buffer. */
#include <errno.h>

#include "python.h"

PyObject *py_buffer_wrap(PyTypeObject *type, struct iobmd_buffer *handle)
{
	allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	PyObject *object = alloc(type, 0);

	if (object)
		((struct py_buffer *)object)->handle = handle;
	else
		iobmd_buffer_free(handle);
	return object;
}

/* Views and calls have references: there are none. */
static void buffer_dealloc(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	iobmd_buffer_free(((struct py_buffer *)object)->handle);
	release(object);
	Py_DECREF(type);
}

static PyObject *buffer_repr(PyObject *object)
{
	struct py_buffer *self = (struct py_buffer *)object;
	struct iobmd_buffer_info info;
	bool is_writable;

	if (!self->handle)
		return PyUnicode_FromString("<iobmd.Buffer, closed>");
	if (py_info_read(self, &info))
		return NULL;
	is_writable = info.rights & IOBMD_RIGHT_WRITE;
	return PyUnicode_FromFormat("<iobmd.Buffer %llu, %llu of %llu bytes%s>",
				    (unsigned long long)info.id,
				    (unsigned long long)info.length,
				    (unsigned long long)info.capacity,
				    is_writable ? "" : ", read-only");
}

/* Whether nothing needs what is mapped; if not, BufferError says so. */
static bool is_unused(const struct py_buffer *self, const char *what)
{
	if (!self->views && !self->calls)
		return true;
	PyErr_Format(PyExc_BufferError, "cannot %s: %s", what,
		     self->views ? "there are views (memoryview.release(), or del array)" :
				   "another thread uses the buffer");
	return false;
}

static PyObject *buffer_close(PyObject *object, PyObject *unused)
{
	struct py_buffer *self = (struct py_buffer *)object;
	struct iobmd_buffer *handle = self->handle;

	(void)unused;
	if (!is_unused(self, "close"))
		return NULL;
	self->handle = NULL;
	iobmd_buffer_free(handle);
	return py_none();
}

static PyObject *buffer_enter(PyObject *object, PyObject *unused)
{
	(void)unused;
	if (!py_open(object))
		return NULL;
	Py_INCREF(object);
	return object;
}

static PyObject *buffer_exit(PyObject *object, PyObject *args)
{
	(void)args;
	return buffer_close(object, NULL);
}

static PyObject *buffer_fileno(PyObject *object, PyObject *unused)
{
	struct py_buffer *self = py_open(object);

	(void)unused;
	return self ? PyLong_FromLong(iobmd_buffer_fd(self->handle)) : NULL;
}

static PyObject *buffer_detach(PyObject *object, PyObject *unused)
{
	struct py_buffer *self = py_open(object);
	struct iobmd_buffer *handle;

	(void)unused;
	if (!self || !is_unused(self, "detach"))
		return NULL;
	handle = self->handle;
	self->handle = NULL;
	return PyLong_FromLong(iobmd_buffer_into_fd(handle));
}

static PyObject *buffer_set_length(PyObject *object, PyObject *value)
{
	struct py_buffer *self = py_open(object);
	uint64_t length;
	int ret;

	if (!self || !py_size(value, &length) || !py_open(object))
		return NULL;
	ret = iobmd_buffer_set_length(self->handle, length);
	if (ret)
		return py_error(ret);
	return py_none();
}

static PyObject *buffer_resize(PyObject *object, PyObject *value)
{
	struct py_buffer *self = py_open(object);
	uint64_t capacity;
	int ret;

	if (!self || !py_size(value, &capacity) || !py_open(object))
		return NULL;
	if (capacity < self->held) {
		PyErr_SetString(PyExc_BufferError,
				"cannot shrink: there are views of what would go");
		return NULL;
	}

	self->calls++;
	PY_CALL(ret, iobmd_buffer_resize(self->handle, capacity));
	self->calls--;
	if (ret)
		return py_error(ret);
	return py_none();
}

/* What is mapped for writing would forbid the seal against it. */
static int seal_prepare(struct py_buffer *self, uint64_t seals)
{
	if (!(seals & IOBMD_SEAL_WRITE))
		return 0;
	if (!is_unused(self, "seal against writing"))
		return -1;
	iobmd_buffer_put_address_range(self->handle);
	return 0;
}

static PyObject *buffer_seal(PyObject *object, PyObject *value)
{
	struct py_buffer *self = py_open(object);
	uint64_t seals;
	int ret;

	if (!self || !py_size(value, &seals) || !py_open(object))
		return NULL;
	if (seals > UINT32_MAX)
		return py_error(-EINVAL);
	do {
		if (!py_open(object) || seal_prepare(self, seals))
			return NULL;
		ret = iobmd_buffer_seal(self->handle, (uint32_t)seals);
	} while (ret == -EINTR && !PyErr_CheckSignals());
	if (ret)
		return py_error(ret);
	return py_none();
}

/* None, or a pair of offset and length */
static int window_parse(PyObject *window, uint32_t *flags, uint64_t *offset,
			uint64_t *length)
{
	if (window == Py_None)
		return 0;
	if (!PyTuple_Check(window)) {
		PyErr_SetString(PyExc_TypeError, "window must be a tuple (offset, length)");
		return -1;
	}
	*flags |= IOBMD_DERIVE_F_WINDOW;
	return PyArg_ParseTuple(window, "O&O&;window must be a tuple (offset, length)",
				py_size, offset, py_size, length) ? 0 : -1;
}

static PyObject *buffer_derive(PyObject *object, PyObject *args, PyObject *keywords)
{
	static char *names[] = { "read_only", "window", "hold", NULL };
	struct py_buffer *self = (struct py_buffer *)object;
	int ret, read_only = 0, hold = 0;
	uint64_t offset = 0, length = 0;
	struct iobmd_buffer *handle;
	PyObject *window = Py_None;
	uint32_t flags = 0;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$pOp:derive", names, &read_only,
					 &window, &hold) ||
	    window_parse(window, &flags, &offset, &length))
		return NULL;

	flags |= read_only ? IOBMD_DERIVE_F_READ_ONLY : 0;
	flags |= hold ? IOBMD_DERIVE_F_HOLD : 0;
	do {
		if (!py_open(object))
			return NULL;
		ret = iobmd_buffer_derive(self->handle, flags, offset, length, &handle);
	} while (ret == -EINTR && !PyErr_CheckSignals());
	return ret ? py_error(ret) : py_buffer_wrap(Py_TYPE(object), handle);
}

static PyObject *buffer_export(PyObject *object, PyObject *args, PyObject *keywords)
{
	static char *names[] = { "offset", "length", "read_only", NULL };
	struct py_buffer *self = (struct py_buffer *)object;
	uint64_t offset = 0, length = 0;
	int ret, read_only = 0;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O&O&$p:export", names, py_size,
					 &offset, py_size, &length, &read_only))
		return NULL;

	do {
		if (!py_open(object))
			return NULL;
		ret = iobmd_buffer_export(self->handle,
					  read_only ? IOBMD_EXPORT_F_READ_ONLY : 0, offset,
					  length);
	} while (ret == -EINTR && !PyErr_CheckSignals());
	return ret < 0 ? py_error(ret) : PyLong_FromLong(ret);
}

static PyObject *capacity_get(PyObject *object, void *unused)
{
	struct py_buffer *self = py_open(object);
	struct iobmd_buffer_info info;

	(void)unused;
	if (!self || py_info_read(self, &info))
		return NULL;
	return PyLong_FromUnsignedLongLong(info.capacity);
}

static PyObject *length_get(PyObject *object, void *unused)
{
	struct py_buffer *self = py_open(object);
	struct iobmd_buffer_info info;

	(void)unused;
	if (!self || py_info_read(self, &info))
		return NULL;
	return PyLong_FromUnsignedLongLong(info.length);
}

static PyObject *read_only_get(PyObject *object, void *unused)
{
	struct py_buffer *self = py_open(object);
	struct iobmd_buffer_info info;

	(void)unused;
	if (!self || py_info_read(self, &info))
		return NULL;
	return PyBool_FromLong(!(info.rights & IOBMD_RIGHT_WRITE));
}

static PyObject *closed_get(PyObject *object, void *unused)
{
	(void)unused;
	return PyBool_FromLong(!((struct py_buffer *)object)->handle);
}

static PyGetSetDef buffer_properties[] = {
	{ "capacity", capacity_get, NULL, "What the buffer was made with, in bytes.", NULL },
	{ "length", length_get, NULL, "How much of the buffer is in use, in bytes.", NULL },
	{ "read_only", read_only_get, NULL, "Whether this handle can never write.", NULL },
	{ "closed", closed_get, NULL, "Whether the handle is closed.", NULL },
	{ "name", py_name_get, py_name_set,
	  "For people to tell the buffer from others: up to 31 bytes; '' or None: no name.",
	  NULL },
	{ NULL, NULL, NULL, NULL, NULL }
};

static PyMethodDef buffer_methods[] = {
	{ "close", buffer_close, METH_NOARGS,
	  "close($self, /)\n--\n\n"
	  "Close the handle and unmap it. BufferError as long as there are views." },
	{ "fileno", buffer_fileno, METH_NOARGS,
	  "fileno($self, /)\n--\n\nThe file descriptor, which stays the buffer's." },
	{ "detach", buffer_detach, METH_NOARGS,
	  "detach($self, /)\n--\n\n"
	  "Close the handle but for its file descriptor, and return that.\n\n"
	  "BufferError as long as there are views." },
	{ "info", py_buffer_info, METH_NOARGS,
	  "info($self, /)\n--\n\nWhat there is to know of the buffer: iobmd.Info." },
	{ "set_length", buffer_set_length, METH_O,
	  "set_length($self, length, /)\n--\n\n"
	  "Say how much of the buffer is in use, up to the capacity.\n\n"
	  "Changes no memory. Views stay as long as they are." },
	{ "resize", buffer_resize, METH_O,
	  "resize($self, capacity, /)\n--\n\n"
	  "Change the capacity, and the length to it.\n\n"
	  "Growing adds zeros; views stay valid and as long as they are. A shrink of what\n"
	  "this object has views of is BufferError; of what others use, OSError (EBUSY)." },
	{ "seal", buffer_seal, METH_O,
	  "seal($self, seals, /)\n--\n\n"
	  "Forbid changes for good: an or of iobmd.Seal.\n\n"
	  "With Seal.WRITE BufferError as long as there are views." },
	{ "derive", KEYWORDS(buffer_derive), METH_VARARGS | METH_KEYWORDS,
	  "derive($self, /, *, read_only=False, window=None, hold=False)\n--\n\n"
	  "A further handle of the same buffer, that shows or may do less.\n\n"
	  "read_only: it can never write. window: a tuple (offset, length); it shows only\n"
	  "these bytes, and offset is a multiple of the page size. hold: while it lives,\n"
	  "the buffer does not shrink below its length of now." },
	{ "export", KEYWORDS(buffer_export), METH_VARARGS | METH_KEYWORDS,
	  "export($self, /, offset=0, length=0, *, read_only=False)\n--\n\n"
	  "A dma-buf of the buffer, for a driver: a file descriptor, the caller's to close.\n\n"
	  "A length of 0 means all from offset on." },
	{ "send", py_buffer_send, METH_O,
	  "send($self, socket, /)\n--\n\n"
	  "Send the descriptor over a UNIX socket, to iobmd.receive() at the other end." },
	{ "__enter__", buffer_enter, METH_NOARGS, "__enter__($self, /)\n--\n\n" },
	{ "__exit__", buffer_exit, METH_VARARGS, "__exit__($self, /, *exception)\n--\n\n" },
	{ NULL, NULL, 0, NULL }
};

static PyType_Slot buffer_slots[] = {
	{ Py_tp_doc, "A shared buffer of kernel memory: a handle, with a file descriptor.\n\n"
		     "It is a buffer object: memoryview(), numpy.frombuffer() and others use\n"
		     "the memory in place. What they have of a handle that is read-only is\n"
		     "read-only. create(), from_fd(), compose() and receive() make it." },
	{ Py_tp_dealloc, buffer_dealloc },
	{ Py_tp_repr, buffer_repr },
	{ Py_tp_methods, buffer_methods },
	{ Py_tp_getset, buffer_properties },
	{ Py_bf_getbuffer, py_view_get },
	{ Py_bf_releasebuffer, py_view_release },
	{ 0, NULL }
};

PyType_Spec py_buffer_spec = {
	.name = "iobmd.Buffer",
	.basicsize = sizeof(struct py_buffer),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION |
		 Py_TPFLAGS_IMMUTABLETYPE,
	.slots = buffer_slots,
};
