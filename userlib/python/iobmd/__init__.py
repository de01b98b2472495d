# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared buffers of kernel memory (/dev/iobmd), used in place.

    import iobmd, numpy

    with iobmd.create(1 << 20, name="frames") as buffer:
        frame = numpy.frombuffer(buffer, dtype="u2")    # no copy
        reader = buffer.derive(read_only=True)          # for another process
        ...
        del frame

A Buffer is a handle with a file descriptor. Another process gets it by
Buffer.send(), as an argument of a multiprocessing.Process or through its
queues and pipes, or by inheriting the descriptor. Errors of the system are
OSError with the errno, or a subclass of it.
"""

import enum as _enum
import os as _os
from multiprocessing import reduction as _reduction

from ._iobmd import Buffer, Info, __version__, compose, create, from_fd, receive

__all__ = ["Buffer", "Direction", "Huge", "Info", "Right", "Seal", "compose", "create",
           "from_fd", "receive", "__version__"]


class Direction(_enum.IntFlag):
    """Which way devices may move data: an upper bound for DMA."""
    OUT = 1
    IN = 2


class Huge(_enum.IntEnum):
    """What the memory of a buffer is made of."""
    PREFER = 0
    NONE = 1
    REQUIRE = 2


class Right(_enum.IntFlag):
    """What a handle may be used for."""
    READ = 1
    WRITE = 2
    RESIZE = 4


class Seal(_enum.IntFlag):
    """What can never again be done to a buffer."""
    SEAL = 1
    SHRINK = 2
    GROW = 4
    WRITE = 8


def _rebuild(dup):
    descriptor = dup.detach()
    try:
        return from_fd(descriptor)
    except BaseException:
        _os.close(descriptor)
        raise


def _reduce(buffer):
    return _rebuild, (_reduction.DupFd(buffer.fileno()),)


# Only multiprocessing can pass a descriptor on: pickle.dumps() is a TypeError.
_reduction.register(Buffer, _reduce)
