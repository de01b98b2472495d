// SPDX-License-Identifier: LGPL-2.1-or-later
/* The module iobmd._iobmd: functions that make buffers. */
#include <errno.h>
#include <unistd.h>

#include "python.h"

static int device_create(const struct iobmd_buffer_options *options,
			 struct iobmd_buffer **handle)
{
	int ret, device = iobmd_device_open();

	if (device < 0)
		return device;
	ret = iobmd_buffer_create_with(device, options, sizeof(*options), handle);
	close(device);
	return ret;
}

static int node_parse(PyObject *node, struct iobmd_buffer_options *options)
{
	long value;

	if (node == Py_None)
		return 0;
	value = PyLong_AsLong(node);
	if (value == -1 && PyErr_Occurred())
		return -1;
	if (value < 0 || value > INT32_MAX) {
		PyErr_SetString(PyExc_ValueError, "node must be 0 or more");
		return -1;
	}
	options->node = (int32_t)value;
	options->flags = IOBMD_CREATE_F_NODE;
	return 0;
}

static PyObject *create_named(struct py_state *state, struct iobmd_buffer *handle,
			      PyObject *name)
{
	PyObject *object = py_buffer_wrap(state->buffer, handle);

	if (object && name != Py_None && py_name_set(object, name, NULL))
		Py_CLEAR(object);
	return object;
}

static PyObject *py_create(PyObject *module, PyObject *args, PyObject *keywords)
{
	static char *names[] = {
		"capacity", "alignment", "direction", "huge", "node", "name", NULL
	};
	PyObject *node = Py_None, *name = Py_None;
	uint64_t direction = 0, huge = 0;
	struct iobmd_buffer_options options = { .capacity = 0 };
	struct iobmd_buffer *handle;
	int ret;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|$O&O&O&OO:create", names,
					 py_size, &options.capacity, py_size,
					 &options.alignment, py_size, &direction, py_size,
					 &huge, &node, &name) ||
	    node_parse(node, &options))
		return NULL;
	if (direction > UINT32_MAX || huge > UINT32_MAX)
		return py_error(-EINVAL);

	options.direction = (uint32_t)direction;
	options.huge = (uint32_t)huge;
	PY_CALL(ret, device_create(&options, &handle));
	if (ret)
		return py_error(ret);
	return create_named(PyModule_GetState(module), handle, name);
}

static PyObject *py_from_fd(PyObject *module, PyObject *argument)
{
	struct py_state *state = PyModule_GetState(module);
	struct iobmd_buffer *handle;
	long fd = PyLong_AsLong(argument);
	int ret;

	if (fd == -1 && PyErr_Occurred())
		return NULL;
	ret = fd < 0 || fd > INT32_MAX ? -EBADF : iobmd_buffer_from_fd((int)fd, &handle);
	return ret ? py_error(ret) : py_buffer_wrap(state->buffer, handle);
}

/* A buffer, or a tuple (buffer, offset, length) */
static int part_parse(struct py_state *state, PyObject *item, struct iobmd_part *part)
{
	PyObject *object = item;
	struct py_buffer *self;

	if (PyTuple_Check(item)) {
		if (!PyArg_ParseTuple(item,
				      "O|O&O&;a part must be a Buffer or (Buffer, offset, length)",
				      &object, py_size, &part->offset, py_size, &part->length))
			return -1;
	}
	if (!Py_IS_TYPE(object, state->buffer)) {
		PyErr_SetString(PyExc_TypeError,
				"a part must be a Buffer or (Buffer, offset, length)");
		return -1;
	}
	self = py_open(object);
	if (!self)
		return -1;
	part->buffer = self->handle;
	return 0;
}

/* A method __index__ in a later part may have closed an earlier one. */
static int parts_parse(struct py_state *state, PyObject *items, struct iobmd_part *parts)
{
	Py_ssize_t i, count = PyTuple_Size(items);

	for (i = 0; i < count; i++)
		if (part_parse(state, PyTuple_GetItem(items, i), &parts[i]))
			return -1;

	for (i = 0; i < count; i++) {
		PyObject *item = PyTuple_GetItem(items, i);

		if (!py_open(PyTuple_Check(item) ? PyTuple_GetItem(item, 0) : item))
			return -1;
	}
	return 0;
}

/*
 * With the interpreter's lock: no other thread closes a part meanwhile. Any buffer can
 * take the place of the device, which not every process may open.
 */
static PyObject *compose_parts(struct py_state *state, PyObject *items,
			       struct iobmd_part *parts, uint32_t flags)
{
	struct iobmd_buffer *handle;
	int ret;

	do {
		if (parts_parse(state, items, parts))
			return NULL;
		ret = iobmd_buffer_compose(iobmd_buffer_fd(parts[0].buffer), parts,
					   (uint32_t)PyTuple_Size(items), flags, &handle);
	} while (ret == -EINTR && !PyErr_CheckSignals());
	return ret ? py_error(ret) : py_buffer_wrap(state->buffer, handle);
}

static PyObject *compose_items(struct py_state *state, PyObject *items, uint32_t flags)
{
	Py_ssize_t count = PyTuple_Size(items);
	struct iobmd_part *parts;
	PyObject *made;

	if (count < 1 || count > IOBMD_COMPOSE_MAX)
		return py_error(-EINVAL);
	parts = PyMem_Calloc((size_t)count, sizeof(*parts));
	if (!parts)
		return PyErr_NoMemory();

	made = compose_parts(state, items, parts, flags);
	PyMem_Free(parts);
	return made;
}

static PyObject *py_compose(PyObject *module, PyObject *args, PyObject *keywords)
{
	static char *names[] = { "parts", "read_only", NULL };
	PyObject *parts, *items, *made;
	int read_only = 0;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$p:compose", names, &parts,
					 &read_only))
		return NULL;
	items = PySequence_Tuple(parts);
	if (!items)
		return NULL;
	made = compose_items(PyModule_GetState(module), items,
			     read_only ? IOBMD_COMPOSE_F_READ_ONLY : 0);
	Py_DECREF(items);
	return made;
}

static PyMethodDef functions[] = {
	{ "create", KEYWORDS(py_create), METH_VARARGS | METH_KEYWORDS,
	  "create($module, /, capacity, *, alignment=0, direction=0, huge=0, node=None, name=None)\n"
	  "--\n\n"
	  "A new buffer of zeros; capacity and alignment are in bytes.\n\n"
	  "direction: an or of iobmd.Direction, 0 is both. huge: iobmd.Huge. node: the NUMA\n"
	  "node to take memory of first. name: for people to tell it from others." },
	{ "from_fd", py_from_fd, METH_O,
	  "from_fd($module, fd, /)\n--\n\n"
	  "A handle of a file descriptor, which then belongs to it; not if this fails." },
	{ "compose", KEYWORDS(py_compose), METH_VARARGS | METH_KEYWORDS,
	  "compose($module, /, parts, *, read_only=False)\n--\n\n"
	  "Parts of buffers as one, without a copy.\n\n"
	  "A part is a Buffer or a tuple (Buffer, offset, length). All offsets, and all\n"
	  "lengths but the last, are multiples of the page size." },
	{ "receive", py_receive, METH_O,
	  "receive($module, socket, /)\n--\n\n"
	  "The buffer that Buffer.send() sends at the other end of a UNIX socket.\n\n"
	  "Waits for it as long as the socket's timeout says." },
	{ NULL, NULL, 0, NULL }
};

static int types_add(PyObject *module, struct py_state *state)
{
	state->buffer = (PyTypeObject *)PyType_FromModuleAndSpec(module, &py_buffer_spec, NULL);
	if (!state->buffer || PyModule_AddType(module, state->buffer))
		return -1;
	state->info = PyStructSequence_NewType(&py_info_desc);
	return !state->info || PyModule_AddType(module, state->info) ? -1 : 0;
}

static int module_exec(PyObject *module)
{
	uint32_t version = iobmd_version();
	PyObject *text;
	int ret;

	if (types_add(module, PyModule_GetState(module)))
		return -1;
	text = PyUnicode_FromFormat("%u.%u.%u", version >> 16, version >> 8 & 0xff,
				    version & 0xff);
	ret = text ? PyModule_AddObjectRef(module, "__version__", text) : -1;
	Py_XDECREF(text);
	return ret;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
	struct py_state *state = PyModule_GetState(module);

	Py_VISIT(state->buffer);
	Py_VISIT(state->info);
	return 0;
}

static int module_clear(PyObject *module)
{
	struct py_state *state = PyModule_GetState(module);

	Py_CLEAR(state->buffer);
	Py_CLEAR(state->info);
	return 0;
}

static void module_free(void *module)
{
	module_clear(module);
}

static struct PyModuleDef_Slot slots[] = {
	{ Py_mod_exec, module_exec },
	{ 0, NULL }
};

static struct PyModuleDef definition = {
	.m_base = PyModuleDef_HEAD_INIT,
	.m_name = "iobmd._iobmd",
	.m_doc = "The part of iobmd that is written in C.",
	.m_size = sizeof(struct py_state),
	.m_methods = functions,
	.m_slots = slots,
	.m_traverse = module_traverse,
	.m_clear = module_clear,
	.m_free = module_free,
};

PyMODINIT_FUNC PyInit__iobmd(void)
{
	return PyModuleDef_Init(&definition);
}
