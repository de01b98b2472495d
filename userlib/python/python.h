/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the Python module share. */
#ifndef IOBMD_PYTHON_H
#define IOBMD_PYTHON_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#include <stdbool.h>

#include "iobmd.h"

/**
 * struct py_buffer - iobmd.Buffer
 * @ob_base: What every object begins with.
 * @handle: NULL once it is closed.
 * @hold: As long as there are views of more than no bytes: a window over all of them,
 *	which keeps the buffer from shrinking into it, whichever process tries.
 * @held: How long @hold is.
 * @views: Those that the buffer protocol has given and that are not released.
 * @calls: Methods that use @handle without the interpreter's lock.
 *
 * The lock of the interpreter protects all of it. While @views or @calls is not 0,
 * @handle and what is mapped for it stay. Each view has a reference to the object.
 */
struct py_buffer {
	PyObject ob_base;
	struct iobmd_buffer *handle;
	struct iobmd_buffer *hold;
	uint64_t held;
	Py_ssize_t views;
	Py_ssize_t calls;
};

/**
 * struct py_state - what one instance of the module has
 * @buffer: The type iobmd.Buffer.
 * @info: The type iobmd.Info.
 */
struct py_state {
	PyTypeObject *buffer;
	PyTypeObject *info;
};

/* module.c */
PyMODINIT_FUNC PyInit__iobmd(void);

/* buffer.c */
extern PyType_Spec py_buffer_spec;
PyObject *py_buffer_wrap(PyTypeObject *type, struct iobmd_buffer *handle);

/* info.c */
extern PyStructSequence_Desc py_info_desc;
PyObject *py_buffer_info(PyObject *object, PyObject *unused);
int py_info_read(struct py_buffer *self, struct iobmd_buffer_info *info);
PyObject *py_name_get(PyObject *object, void *unused);
int py_name_set(PyObject *object, PyObject *value, void *unused);

/* view.c */
int py_view_get(PyObject *object, Py_buffer *view, int flags);
void py_view_release(PyObject *object, Py_buffer *view);

/* socket.c */
PyObject *py_buffer_send(PyObject *object, PyObject *socket);
PyObject *py_receive(PyObject *module, PyObject *socket);

/* error.c */
PyObject *py_error(int error);
PyObject *py_none(void);
struct py_buffer *py_open(PyObject *object);
int py_size(PyObject *object, void *size);

/*
 * Evaluates @call, which returns a negative errno on failure, without the lock of the
 * interpreter and again after a signal whose Python handler raises nothing. @ret is
 * -EINTR afterwards only if an exception is set.
 */
#define PY_CALL(ret, call) do {						\
	do {								\
		Py_BEGIN_ALLOW_THREADS					\
		(ret) = (call);						\
		Py_END_ALLOW_THREADS					\
	} while ((ret) == -EINTR && !PyErr_CheckSignals());		\
} while (0)

/* A function that takes keywords, as the table of methods has it */
#define KEYWORDS(function)	((PyCFunction)(void (*)(void))(function))

#endif /* IOBMD_PYTHON_H */
