// SPDX-License-Identifier: LGPL-2.1-or-later
/* What there is to know of a buffer: iobmd.Info, and the name. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "python.h"

static PyStructSequence_Field info_fields[] = {
	{ "id", "a number that no other buffer has had since the module was loaded" },
	{ "capacity", "in bytes; that of the window if the buffer is one" },
	{ "length", "how much is in use, in bytes" },
	{ "allocated", "the memory behind the capacity, in bytes" },
	{ "huge_bytes", "how much of that is in huge pages" },
	{ "alignment", "as the buffer was made with" },
	{ "direction", "which way devices may move data: iobmd.Direction" },
	{ "huge", "as the buffer was made with: iobmd.Huge" },
	{ "rights", "what this handle may do: iobmd.Right" },
	{ "node", "the NUMA node as the buffer was made with, or -1" },
	{ "page_size", "in bytes" },
	{ "huge_page_size", "in bytes, or 0" },
	{ "seals", "what can never again be done: iobmd.Seal" },
	{ NULL, NULL }
};

PyStructSequence_Desc py_info_desc = {
	.name = "iobmd.Info",
	.doc = "What there is to know of a buffer.",
	.fields = info_fields,
	.n_in_sequence = 13,
};

/* 0, or -1 with an exception */
int py_info_read(struct py_buffer *self, struct iobmd_buffer_info *info)
{
	int ret = iobmd_buffer_get_info(self->handle, info, sizeof(*info));

	if (ret)
		py_error(ret);
	return ret ? -1 : 0;
}

/* Takes the reference to @value; an error shows in the interpreter. */
static void info_set(PyObject *tuple, Py_ssize_t *at, PyObject *value)
{
	if (value)
		PyStructSequence_SetItem(tuple, (*at)++, value);
}

static void info_fill(PyObject *tuple, const struct iobmd_buffer_info *info)
{
	Py_ssize_t at = 0;

	info_set(tuple, &at, PyLong_FromUnsignedLongLong(info->id));
	info_set(tuple, &at, PyLong_FromUnsignedLongLong(info->capacity));
	info_set(tuple, &at, PyLong_FromUnsignedLongLong(info->length));
	info_set(tuple, &at, PyLong_FromUnsignedLongLong(info->allocated));
	info_set(tuple, &at, PyLong_FromUnsignedLongLong(info->huge_bytes));
	info_set(tuple, &at, PyLong_FromUnsignedLongLong(info->alignment));
	info_set(tuple, &at, PyLong_FromUnsignedLong(info->direction));
	info_set(tuple, &at, PyLong_FromUnsignedLong(info->huge));
	info_set(tuple, &at, PyLong_FromUnsignedLong(info->rights));
	info_set(tuple, &at, PyLong_FromLong(info->node));
	info_set(tuple, &at, PyLong_FromUnsignedLong(info->page_size));
	info_set(tuple, &at, PyLong_FromUnsignedLong(info->huge_page_size));
	info_set(tuple, &at, PyLong_FromUnsignedLong(info->seals));
}

PyObject *py_buffer_info(PyObject *object, PyObject *unused)
{
	struct py_buffer *self = py_open(object);
	struct iobmd_buffer_info info;
	struct py_state *state;
	PyObject *tuple;

	(void)unused;
	if (!self || py_info_read(self, &info))
		return NULL;

	state = PyType_GetModuleState(Py_TYPE(object));
	if (!state)
		return NULL;
	tuple = PyStructSequence_New(state->info);
	if (!tuple)
		return NULL;

	info_fill(tuple, &info);
	if (PyErr_Occurred())
		Py_CLEAR(tuple);
	return tuple;
}

/* In place: what is no printable ASCII, and the backslash, is shown in octal. */
static void name_unescape(char *name)
{
	char *out = name;

	while (*name) {
		if (*name == '\\' && strspn(name + 1, "01234567") >= 3) {
			*out++ = (char)((name[1] - '0') << 6 | (name[2] - '0') << 3 |
					(name[3] - '0'));
			name += 4;
		} else {
			*out++ = *name++;
		}
	}
	*out = '\0';
}

/* The link of a descriptor is /dev/iobmd:ID:NAME, or without :NAME, and " (deleted)". */
PyObject *py_name_get(PyObject *object, void *unused)
{
	static const char deleted[] = " (deleted)";
	struct py_buffer *self = py_open(object);
	char path[64], link[256], *name;
	ssize_t length;

	(void)unused;
	if (!self)
		return NULL;

	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", iobmd_buffer_fd(self->handle));
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		return PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);

	link[length] = '\0';
	if ((size_t)length >= strlen(deleted) &&
	    !strcmp(link + length - strlen(deleted), deleted))
		link[length - strlen(deleted)] = '\0';
	name = strchr(link, ':');
	name = name ? strchr(name + 1, ':') : NULL;
	if (!name)
		return PyUnicode_FromString("");
	name_unescape(++name);
	return PyUnicode_DecodeFSDefault(name);
}

int py_name_set(PyObject *object, PyObject *value, void *unused)
{
	struct py_buffer *self = py_open(object);
	PyObject *bytes = NULL;
	int ret;

	(void)unused;
	if (!self)
		return -1;
	if (value && value != Py_None && !PyUnicode_FSConverter(value, &bytes))
		return -1;
	/* A method __fspath__ may have closed it. */
	if (!py_open(object)) {
		Py_XDECREF(bytes);
		return -1;
	}

	ret = iobmd_buffer_set_name(self->handle, bytes ? PyBytes_AsString(bytes) : NULL);
	Py_XDECREF(bytes);
	if (ret)
		py_error(ret);
	return ret ? -1 : 0;
}
