# SPDX-License-Identifier: GPL-2.0
"""The module mmap on a buffer, as it is on a file. The argument is the name of a function below."""

import hashlib
import mmap
import os
import subprocess
import sys

PAGE = mmap.PAGESIZE
MIB = 1 << 20


def pattern(length):
    return hashlib.shake_256(b"iobmd").digest(length)


def digest_elsewhere(fd):
    """What a process that opens the descriptor by its path reads."""
    path = f"/proc/{os.getpid()}/fd/{fd}"
    return subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[0]


def expect_same(fd, data):
    assert digest_elsewhere(fd) == hashlib.sha256(data).hexdigest()


def expect_error(kind, function, *arguments, **keywords):
    try:
        function(*arguments, **keywords)
    except kind as error:
        return error
    raise AssertionError(f"{function} worked")


def is_a_buffer(fd):
    return os.readlink(f"/proc/self/fd/{fd}").startswith("/dev/iobmd:")


def flush(fd):
    data = pattern(MIB)
    with mmap.mmap(fd, 0) as memory:
        assert len(memory) == MIB and memory[:] == bytes(MIB)
        memory[:] = data
        memory.flush()
        memory.flush(PAGE, PAGE)
        expect_same(fd, data)
        os.pwrite(fd, b"from write(2)", PAGE)
        assert memory[PAGE:PAGE + 13] == b"from write(2)"
    os.fsync(fd)


def resize(fd):
    data = pattern(MIB)
    with mmap.mmap(fd, MIB) as memory:
        memory[:] = data
        memory.resize(4 * MIB)
        assert os.fstat(fd).st_size == len(memory) == 4 * MIB
        assert memory[:MIB] == data and memory[MIB:] == bytes(3 * MIB)
        memory[3 * MIB:] = data
        expect_same(fd, data + bytes(2 * MIB) + data)
        memory.resize(5 * PAGE)
        assert os.fstat(fd).st_size == len(memory) == 5 * PAGE
        expect_same(fd, data[:5 * PAGE])
        memory.resize(MIB)
        assert memory[:] == data[:5 * PAGE] + bytes(MIB - 5 * PAGE)


def read_only(fd):
    data = pattern(MIB)
    os.pwrite(fd, data, 0)
    reader = os.open(f"/dev/fd/{fd}", os.O_RDONLY)
    for access in {"access": mmap.ACCESS_READ}, {"flags": mmap.MAP_PRIVATE, "prot": mmap.PROT_READ}:
        with mmap.mmap(reader, 0, **access) as memory:
            assert memory[:] == data
    expect_error(PermissionError, mmap.mmap, reader, 0)
    expect_error(OSError, os.pwrite, reader, b"x", 0)
    expect_same(fd, data)


def memfd(_):
    fd = os.memfd_create("frames")
    assert is_a_buffer(fd)
    os.truncate(fd, MIB)
    with mmap.mmap(fd, MIB) as memory:
        memory[:] = pattern(MIB)
        memory.flush()
        memory.resize(2 * MIB)
        memory[MIB:] = pattern(MIB)
        expect_same(fd, 2 * pattern(MIB))
    with os.fdopen(os.dup(fd), "r+b") as file:
        file.seek(MIB)
        file.write(b"by a file object")
    assert os.pread(fd, 16, MIB) == b"by a file object"


globals()[sys.argv[1]](int(os.environ.get("IOBMD_FD", -1)))
