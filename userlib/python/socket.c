// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Handing over by a UNIX socket. The library's calls are not interrupted by signals, so
 * that they are made when the socket is ready: a wait is one that Ctrl-C ends and that
 * the timeout of a Python socket limits.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "python.h"

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Seconds to wait, below 0 without end; -1 and an exception on failure */
static int timeout_get(PyObject *socket, int fd, double *timeout)
{
	PyObject *value;
	int flags;

	if (!PyObject_HasAttrString(socket, "gettimeout")) {
		flags = fcntl(fd, F_GETFL);
		*timeout = flags >= 0 && flags & O_NONBLOCK ? 0 : -1;
		return 0;
	}

	value = PyObject_CallMethod(socket, "gettimeout", NULL);
	if (!value)
		return -1;
	*timeout = value == Py_None ? -1 : PyFloat_AsDouble(value);
	Py_DECREF(value);
	return PyErr_Occurred() ? -1 : 0;
}

/* How long poll() may wait now, in ms: it takes an int, and is called again. */
static int remaining(double deadline)
{
	double left;

	if (deadline < 0)
		return -1;
	left = deadline - now();
	if (left <= 0)
		return 0;
	return left > 1e6 ? 1000000000 : (int)(left * 1000) + 1;
}

/*
 * Waits until @socket is ready for @events, or is in an error that the call will tell:
 * its descriptor, or -1 and an exception.
 */
static int socket_wait(PyObject *socket, short events)
{
	struct pollfd ready = { .events = events };
	double timeout, deadline;
	int ret;

	ready.fd = PyObject_AsFileDescriptor(socket);
	if (ready.fd < 0 || timeout_get(socket, ready.fd, &timeout))
		return -1;
	if (timeout == 0)
		return ready.fd;

	deadline = timeout < 0 ? -1 : now() + timeout;
	for (;;) {
		Py_BEGIN_ALLOW_THREADS
		ret = poll(&ready, 1, remaining(deadline));
		if (ret < 0)
			ret = -errno;
		Py_END_ALLOW_THREADS
		if (ret > 0)
			return ready.fd;
		if (ret == 0 && remaining(deadline) == 0)
			ret = -ETIMEDOUT;
		if (ret == -EINTR ? PyErr_CheckSignals() : ret) {
			py_error(ret);
			return -1;
		}
	}
}

PyObject *py_buffer_send(PyObject *object, PyObject *socket)
{
	int ret, fd = socket_wait(socket, POLLOUT);
	struct py_buffer *self;

	if (fd < 0)
		return NULL;
	self = py_open(object);
	if (!self)
		return NULL;

	self->calls++;
	PY_CALL(ret, iobmd_buffer_send(self->handle, fd));
	self->calls--;
	if (ret)
		return py_error(ret);
	return py_none();
}

PyObject *py_receive(PyObject *module, PyObject *socket)
{
	struct py_state *state = PyModule_GetState(module);
	int ret, fd = socket_wait(socket, POLLIN);
	struct iobmd_buffer *handle;

	if (fd < 0)
		return NULL;

	PY_CALL(ret, iobmd_buffer_receive(fd, &handle));
	if (ret)
		return py_error(ret);
	return py_buffer_wrap(state->buffer, handle);
}
