# SPDX-License-Identifier: GPL-2.0
"""numpy.memmap on the path of a descriptor. The argument is the name of a function below."""

import os
import subprocess
import sys

import numpy

SHAPE = (512, 256)
SIZE = 1 << 20
READER = """
import numpy, sys
a = numpy.memmap(sys.argv[1], dtype="f8", mode="r", shape=(512, 256))
assert a.max() == 131071 and not a.flags.writeable
print(int(a.sum()))
"""


def expect_refused(path, **keywords):
    try:
        numpy.memmap(path, **keywords)
    except OSError:
        return
    raise AssertionError(f"numpy.memmap of {keywords} worked")


def buffer_values(fd):
    return numpy.frombuffer(os.pread(fd, SIZE, 0), dtype="u1")


def shared(fd):
    values = numpy.arange(SHAPE[0] * SHAPE[1], dtype="f8").reshape(SHAPE)
    assert values.nbytes == SIZE
    array = numpy.memmap(f"/dev/fd/{fd}", dtype="f8", mode="r+", shape=SHAPE)
    assert not array.any()
    array[:] = values
    array.flush()
    command = [sys.executable, "-c", READER, f"/proc/{os.getpid()}/fd/{fd}"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert int(out) == values.sum()
    assert (buffer_values(fd).view("f8") == values.ravel()).all()
    array *= 2
    assert (buffer_values(fd).view("f8") == 2 * values.ravel()).all()


def modes(fd):
    path = f"/dev/fd/{fd}"
    new = numpy.memmap(path, dtype="u1", mode="w+", shape=SIZE)
    new[:] = 7
    assert (numpy.memmap(path, mode="r") == 7).all()
    part = numpy.memmap(path, mode="r+", offset=4096 + 8, shape=100)
    part[:] = 9
    values = buffer_values(fd)
    assert (values[4104:4204] == 9).all() and values.sum() == 7 * SIZE + 2 * 100
    # A private mapping is for reading only.
    expect_refused(path, mode="c")


def too_large(fd):
    expect_refused(f"/dev/fd/{fd}", mode="r+", shape=SIZE + 1)
    assert os.fstat(fd).st_size == SIZE


globals()[sys.argv[1]](int(os.environ["IOBMD_FD"]))
