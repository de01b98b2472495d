# SPDX-License-Identifier: GPL-2.0
"""What the tests of the Python package share."""
import errno
import gc
import mmap
import os
import unittest

import iobmd

PAGE = mmap.PAGESIZE
SIZE = 4 * PAGE


class Case(unittest.TestCase):
    """Buffers that a test makes end with it, whatever comes of it."""

    def create(self, capacity=SIZE, **options):
        buffer = iobmd.create(capacity, **options)
        self.addCleanup(self.close, buffer)
        return buffer

    @staticmethod
    def close(buffer):
        try:
            buffer.close()
        except BufferError:
            pass

    def assertErrno(self, number, function, *args, **keywords):
        with self.assertRaises(OSError) as caught:
            function(*args, **keywords)
        self.assertEqual(errno.errorcode[number],
                         errno.errorcode.get(caught.exception.errno, caught.exception))

    def in_child(self, function):
        """Runs it in a forked child, which must return True from it."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = 0 if function() else 2
            finally:
                os._exit(status)
        self.assertEqual(0, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def buffers():
    """The IDs of all buffers that there are."""
    with open("/sys/kernel/debug/iobmd/buffers", encoding="ascii") as table:
        return sorted(line.split()[0] for line in table.readlines()[1:])


def descriptors():
    """Those of this process: what each number is of."""
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            found[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:    # that of listdir() itself
            pass
    return found


def mappings():
    """How many of this process are of buffers."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        return sum("/dev/iobmd" in line for line in maps)


def state():
    gc.collect()
    return buffers(), descriptors(), mappings()
