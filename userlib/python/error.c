// SPDX-License-Identifier: LGPL-2.1-or-later
/* Errors of the library as exceptions, and checks of arguments. */
#include <errno.h>
#include <string.h>

#include "python.h"

/*
 * Raises OSError, or the subclass that Python has for the errno, with the library's
 * advice behind the message. @error is negative. An exception that is set stays.
 */
PyObject *py_error(int error)
{
	const char *hint = iobmd_error_hint(error);
	PyObject *message, *exception;

	if (PyErr_Occurred())
		return NULL;

	message = PyUnicode_FromFormat(*hint ? "%s (%s)" : "%s", strerror(-error), hint);
	if (!message)
		return NULL;

	exception = PyObject_CallFunction(PyExc_OSError, "iN", -error, message);
	if (!exception)
		return NULL;

	PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
	Py_DECREF(exception);
	return NULL;
}

/* What a method returns that has nothing to say */
PyObject *py_none(void)
{
	Py_INCREF(Py_None);
	return Py_None;
}

/* The buffer, or NULL and ValueError if it is closed, as for a file */
struct py_buffer *py_open(PyObject *object)
{
	struct py_buffer *self = (struct py_buffer *)object;

	if (self->handle)
		return self;
	PyErr_SetString(PyExc_ValueError, "the buffer is closed");
	return NULL;
}

/* For the format O&: an integer from 0 to 2^64 - 1, into an uint64_t */
int py_size(PyObject *object, void *size)
{
	PyObject *integer = PyNumber_Index(object);
	unsigned long long value;

	if (!integer)
		return 0;

	value = PyLong_AsUnsignedLongLong(integer);
	Py_DECREF(integer);
	if (value == (unsigned long long)-1 && PyErr_Occurred())
		return 0;

	*(uint64_t *)size = value;
	return 1;
}
