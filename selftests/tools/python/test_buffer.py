# SPDX-License-Identifier: GPL-2.0
"""A buffer: made, asked, changed, closed."""
import copy
import errno
import os
import pickle
import unittest

import iobmd
from iobmd import Huge, Right, Seal
from support import PAGE, SIZE, Case


class Create(Case):
    def test_a_buffer_is_as_it_was_asked_for(self):
        buffer = self.create(5 * PAGE + 3, alignment=2 * PAGE, huge=Huge.NONE, node=0,
                             direction=iobmd.Direction.IN, name="frames")
        info = buffer.info()
        self.assertEqual((5 * PAGE + 3, 5 * PAGE + 3, 6 * PAGE, 2 * PAGE),
                         (info.capacity, info.length, info.allocated, info.alignment))
        self.assertEqual((iobmd.Direction.IN, Huge.NONE, 0, 0, PAGE),
                         (info.direction, info.huge, info.node, info.seals, info.page_size))
        self.assertEqual(Right.READ | Right.WRITE | Right.RESIZE, info.rights)
        self.assertEqual(os.fstat(buffer.fileno()).st_ino, info.id)
        self.assertEqual("frames", buffer.name)

    def test_wrong_arguments(self):
        self.assertErrno(errno.EINVAL, iobmd.create, 0)
        self.assertErrno(errno.EFBIG, iobmd.create, 1 << 60)
        self.assertErrno(errno.EINVAL, iobmd.create, PAGE, alignment=3)
        self.assertErrno(errno.EINVAL, iobmd.create, PAGE, huge=77)
        self.assertErrno(errno.EINVAL, iobmd.create, PAGE, huge=1 << 32)
        self.assertErrno(errno.EINVAL, iobmd.create, PAGE, direction=1 << 32)
        self.assertErrno(errno.EINVAL, iobmd.create, PAGE, name="x" * 32)
        for wrong in (-1, 1 << 64):
            self.assertRaises(OverflowError, iobmd.create, wrong)
        for wrong in ("1", 1.5, None):
            self.assertRaises(TypeError, iobmd.create, wrong)
        self.assertRaises(ValueError, iobmd.create, PAGE, node=-1)
        self.assertRaises(ValueError, iobmd.create, PAGE, name="a\0b")
        self.assertRaises(TypeError, iobmd.create)
        self.assertRaises(TypeError, iobmd.create, PAGE, capacities=1)
        self.assertRaises(TypeError, iobmd.create, PAGE, PAGE)

    def test_only_the_functions_make_buffers(self):
        self.assertRaises(TypeError, iobmd.Buffer)
        self.assertRaises(TypeError, type, "Sub", (iobmd.Buffer,), {})
        buffer = self.create()
        self.assertRaises(TypeError, pickle.dumps, buffer)
        self.assertRaises(TypeError, copy.copy, buffer)
        self.assertRaises(TypeError, type(buffer).__new__, type(buffer))

    def test_name_comes_and_goes(self):
        buffer = self.create()
        self.assertEqual("", buffer.name)
        buffer.name = "a:b (deleted)"
        self.assertEqual("a:b (deleted)", buffer.name)
        for name in (r"a\134\b\\", "é", b"\xff1", "é" * 15):
            buffer.name = name
            self.assertEqual(os.fsdecode(name), buffer.name)
        with self.assertRaises(OSError):
            buffer.name = "a\nb"
        self.assertEqual("é" * 15, buffer.name)
        buffer.name = None
        self.assertEqual("", buffer.name)
        buffer.name = "again"
        del buffer.name
        self.assertEqual("", buffer.name)

    def test_an_error_tells_what_to_do(self):
        with self.assertRaises(OSError) as caught:
            iobmd.create(1 << 60)
        self.assertIn("max_buffer_mib", str(caught.exception))


class Handle(Case):
    def test_a_closed_buffer_is_a_value_error(self):
        buffer = self.create()
        with buffer as entered:
            self.assertIs(buffer, entered)
            self.assertFalse(buffer.closed)
        self.assertTrue(buffer.closed)
        buffer.close()
        for call in (buffer.fileno, buffer.detach, buffer.info, buffer.derive, buffer.export,
                     lambda: buffer.resize(1), lambda: buffer.set_length(1),
                     lambda: buffer.seal(1), lambda: buffer.name, lambda: buffer.length,
                     lambda: buffer.capacity, lambda: buffer.read_only,
                     lambda: memoryview(buffer), lambda: iobmd.compose([buffer]),
                     buffer.__enter__):
            self.assertRaises(ValueError, call)
        self.assertIn("closed", repr(buffer))

    def test_a_descriptor_goes_and_comes(self):
        buffer = self.create()
        number = buffer.info().id
        fd = buffer.detach()
        self.assertTrue(buffer.closed)
        self.assertEqual(number, os.fstat(fd).st_ino)
        again = iobmd.from_fd(fd)
        self.assertEqual(fd, again.fileno())
        again.close()
        self.assertErrno(errno.EBADF, os.fstat, fd)

    def test_a_descriptor_of_something_else_stays_the_callers(self):
        fd = os.open("/dev/null", os.O_RDWR)
        self.addCleanup(os.close, fd)
        self.assertErrno(errno.ENOTTY, iobmd.from_fd, fd)
        os.fstat(fd)
        self.assertErrno(errno.EBADF, iobmd.from_fd, -1)
        self.assertErrno(errno.EBADF, iobmd.from_fd, 1 << 40)
        self.assertErrno(errno.EBADF, iobmd.from_fd, 12345)
        self.assertRaises(TypeError, iobmd.from_fd, "0")

    def test_an_argument_that_closes_the_buffer_is_no_crash(self):
        buffer = self.create()
        other = self.create()

        class Closes:
            def __index__(self):
                buffer.close()
                return PAGE
        self.assertRaises(ValueError, iobmd.compose, [buffer, (other, Closes(), PAGE)])
        for method in ("resize", "set_length", "seal", "export"):
            buffer = self.create()
            self.assertRaises(ValueError, getattr(buffer, method), Closes())


class Change(Case):
    def test_length_is_a_number(self):
        buffer = self.create()
        with memoryview(buffer) as view:
            view[PAGE] = 7
        buffer.set_length(10)
        self.assertEqual((10, SIZE), (buffer.length, buffer.capacity))
        with memoryview(buffer) as view:
            self.assertEqual(10, len(view))
        buffer.set_length(SIZE)
        with memoryview(buffer) as view:
            self.assertEqual(7, view[PAGE])
        self.assertErrno(errno.EINVAL, buffer.set_length, SIZE + 1)
        self.assertRaises(OverflowError, buffer.set_length, -1)

    def test_resize_changes_both(self):
        buffer = self.create()
        buffer.resize(2 * SIZE)
        self.assertEqual((2 * SIZE, 2 * SIZE), (buffer.length, buffer.capacity))
        buffer.resize(PAGE + 1)
        self.assertEqual((PAGE + 1, PAGE + 1), (buffer.length, buffer.capacity))
        self.assertErrno(errno.EINVAL, buffer.resize, 0)
        self.assertErrno(errno.EFBIG, buffer.resize, 1 << 60)

    def test_seals_forbid(self):
        buffer = self.create()
        buffer.seal(Seal.SHRINK | Seal.GROW)
        self.assertEqual(Seal.SHRINK | Seal.GROW, buffer.info().seals)
        self.assertErrno(errno.EBUSY, buffer.resize, PAGE)
        self.assertErrno(errno.EBUSY, buffer.resize, 2 * SIZE)
        self.assertErrno(errno.EINVAL, buffer.seal, 1 << 20)
        self.assertErrno(errno.EINVAL, buffer.seal, 1 << 32)
        buffer.seal(Seal.SEAL)
        self.assertErrno(errno.EPERM, buffer.seal, Seal.WRITE)

    def test_seal_against_writing_makes_views_read_only(self):
        buffer = self.create()
        view = memoryview(buffer)
        view[0] = 1
        self.assertRaises(BufferError, buffer.seal, Seal.WRITE)
        view.release()
        buffer.seal(Seal.WRITE)
        with memoryview(buffer) as view:
            self.assertTrue(view.readonly)
            self.assertEqual(1, view[0])

    def test_export_is_a_dma_buf(self):
        buffer = self.create()
        fd = buffer.export(PAGE, 2 * PAGE)
        self.assertIn("dmabuf", os.readlink(f"/proc/self/fd/{fd}"))
        self.assertEqual(2 * PAGE, os.lseek(fd, 0, os.SEEK_END))
        self.assertErrno(errno.EBUSY, buffer.resize, PAGE)
        os.close(fd)
        buffer.resize(PAGE)
        self.assertErrno(errno.EINVAL, buffer.export, 1)


class Derive(Case):
    def test_a_window_shows_its_bytes(self):
        buffer = self.create()
        with memoryview(buffer) as view:
            view[PAGE:PAGE + 3] = b"abc"
        with buffer.derive(window=(PAGE, 3)) as window, memoryview(window) as view:
            self.assertEqual(b"abc", bytes(view))
            view[0] = ord("A")
        with memoryview(buffer) as view:
            self.assertEqual(b"Abc", bytes(view[PAGE:PAGE + 3]))

    def test_wrong_windows(self):
        buffer = self.create()
        self.assertErrno(errno.EINVAL, buffer.derive, window=(1, 1))
        self.assertErrno(errno.EINVAL, buffer.derive, window=(0, 0))
        self.assertErrno(errno.EINVAL, buffer.derive, window=(PAGE, SIZE))
        for wrong in (5, [0, PAGE], (0,), (0, PAGE, 1), (0, "x")):
            self.assertRaises(TypeError, buffer.derive, window=wrong)
        self.assertRaises(OverflowError, buffer.derive, window=(-PAGE, PAGE))
        self.assertRaises(TypeError, buffer.derive, True)

    def test_a_hold_keeps_the_buffer(self):
        buffer = self.create()
        with buffer.derive(hold=True, read_only=True):
            self.assertErrno(errno.EBUSY, buffer.resize, PAGE)
        buffer.resize(PAGE)

    def test_a_composite_shows_its_parts(self):
        first, second = self.create(), self.create()
        with memoryview(first) as view:
            view[PAGE] = 1
        with memoryview(second) as view:
            view[0] = 2
        with iobmd.compose([(first, PAGE, PAGE), second]) as composite:
            first.close()
            second.close()
            self.assertEqual(PAGE + SIZE, composite.length)
            with memoryview(composite) as view:
                self.assertEqual((1, 2), (view[0], view[PAGE]))

    def test_a_composite_for_reading_is_one(self):
        reader = self.create().derive(read_only=True)
        self.assertErrno(errno.EACCES, iobmd.compose, [reader])
        composite = iobmd.compose((part for part in [reader]), read_only=True)
        self.assertTrue(composite.read_only)
        with memoryview(composite) as view:
            self.assertTrue(view.readonly)

    def test_wrong_parts(self):
        buffer = self.create()
        self.assertErrno(errno.EINVAL, iobmd.compose, [])
        self.assertErrno(errno.EINVAL, iobmd.compose, [buffer] * 1025)
        self.assertErrno(errno.EINVAL, iobmd.compose, [(buffer, 1)])
        for wrong in (5, [5], [(5, 0, PAGE)], [()], [(buffer, 0, PAGE, 0)], [None]):
            self.assertRaises(TypeError, iobmd.compose, wrong)


if __name__ == "__main__":
    unittest.main()
