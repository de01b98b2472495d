# SPDX-License-Identifier: GPL-2.0
"""Views: memoryview, numpy and others on the memory of a buffer."""
import errno
import gc
import os
import sys
import threading
import unittest

import iobmd
from support import PAGE, SIZE, Case, buffers, mappings, state

try:
    import numpy
except ImportError:
    numpy = None


class Memory(Case):
    def test_views_are_the_memory(self):
        buffer = self.create()
        view, other = memoryview(buffer), memoryview(buffer)
        self.assertEqual((SIZE, 1, "B", False), (len(view), view.itemsize, view.format,
                                                 view.readonly))
        view[3:6] = b"abc"
        self.assertEqual(b"abc", bytes(other[3:6]))
        self.assertEqual(b"abc", os.pread(buffer.fileno(), 3, 3))
        os.pwrite(buffer.fileno(), b"X", 3)
        self.assertEqual(ord("X"), view[3])

    def test_system_calls_take_it(self):
        buffer = self.create()
        read, write = os.pipe()
        os.write(write, b"through a pipe")
        with open(read, "rb", buffering=0) as pipe:
            self.assertEqual(14, pipe.readinto(buffer))
        os.close(write)
        self.assertEqual(b"through a pipe", os.pread(buffer.fileno(), 14, 0))

    def test_read_only_is_read_only(self):
        buffer = self.create()
        reader = buffer.derive(read_only=True)
        self.assertTrue(reader.read_only)
        view = memoryview(reader)
        self.assertTrue(view.readonly)
        with self.assertRaises(TypeError):
            view[0] = 1
        read, write = os.pipe()
        os.write(write, b"x")
        with open(read, "rb", buffering=0) as pipe:
            self.assertRaises(TypeError, pipe.readinto, reader)
        os.close(write)
        self.assertErrno(errno.EBADF, os.pwrite, reader.fileno(), b"x", 0)
        self.assertErrno(errno.EACCES, reader.resize, 2 * SIZE)
        self.assertErrno(errno.EACCES, reader.set_length, 1)
        self.assertErrno(errno.EACCES, reader.seal, iobmd.Seal.GROW)
        with self.assertRaises(PermissionError):
            reader.name = "mine"
        with memoryview(buffer) as writer:
            writer[0] = 5
        self.assertEqual(5, view[0])
        with open("/proc/self/maps", encoding="utf-8") as maps:
            self.assertTrue(any("/dev/iobmd" in line and " r--s " in line for line in maps))

    def test_a_view_outlives_the_handle(self):
        view = memoryview(iobmd.create(SIZE, name="outlived"))
        gc.collect()
        view[SIZE - 1] = 9
        self.assertEqual(9, view[SIZE - 1])
        here = len(buffers())
        view.release()
        gc.collect()
        self.assertEqual(here - 1, len(buffers()))

    def test_a_part_of_a_view_counts_as_one(self):
        buffer = self.create()
        view = memoryview(buffer)
        part = view[10:20].cast("H")
        view.release()
        self.assertRaises(BufferError, buffer.close)
        part[0] = 0x1234
        part.release()
        buffer.close()

    def test_close_with_views_is_refused(self):
        buffer = self.create()
        view = memoryview(buffer)
        self.assertRaises(BufferError, buffer.close)
        self.assertRaises(BufferError, buffer.detach)
        with self.assertRaises(BufferError):
            with buffer:
                pass
        view[0] = 1
        view.release()
        buffer.close()
        self.assertTrue(buffer.closed)

    def test_a_buffer_of_no_length_has_an_empty_view(self):
        buffer = self.create()
        buffer.set_length(0)
        view = memoryview(buffer)
        self.assertEqual((0, b""), (len(view), bytes(view)))
        buffer.resize(PAGE)
        self.assertEqual(PAGE, len(memoryview(buffer)))

    def test_memory_is_mapped_at_the_first_view_and_until_close(self):
        before = mappings()
        buffer = self.create()
        self.assertEqual(before, mappings())
        for _ in range(3):
            memoryview(buffer).release()
            self.assertEqual(before + 1, mappings())
        buffer.close()
        self.assertEqual(before, mappings())


class Resize(Case):
    def test_growth_leaves_views_as_they_are(self):
        buffer = self.create()
        view = memoryview(buffer)
        view[0] = 1
        for factor in (2, 16, 64):
            buffer.resize(factor * SIZE)
            newer = memoryview(buffer)
            self.assertEqual((SIZE, factor * SIZE), (len(view), len(newer)))
            view[0] += 1
            self.assertEqual(view[0], newer[0])
            newer[factor * SIZE - 1] = 1

    def test_shrink_with_views_is_refused(self):
        buffer = self.create()
        view = memoryview(buffer)
        self.assertRaises(BufferError, buffer.resize, SIZE - 1)
        self.assertRaises(BufferError, buffer.resize, 1)
        buffer.resize(SIZE)
        self.assertEqual((SIZE, SIZE), (buffer.capacity, len(view)))
        view[SIZE - 1] = 1
        view.release()
        buffer.resize(1)
        self.assertEqual(1, len(memoryview(buffer)))

    def test_what_has_been_gained_is_kept_too(self):
        buffer = self.create()
        view = memoryview(buffer)
        buffer.resize(4 * SIZE)
        newer = memoryview(buffer)
        self.assertRaises(BufferError, buffer.resize, 2 * SIZE)
        self.assertErrno(errno.EBUSY, buffer.derive().resize, 2 * SIZE)
        newer[4 * SIZE - 1] = 1
        newer.release()
        view.release()
        buffer.resize(2 * SIZE)

    def test_no_other_handle_shrinks_under_a_view(self):
        buffer = self.create()
        other = buffer.derive()
        view = memoryview(buffer)
        self.assertErrno(errno.EBUSY, other.resize, PAGE)
        self.assertErrno(errno.EBUSY, os.ftruncate, other.fileno(), PAGE)
        view[SIZE - 1] = 1

        def shrink():
            self.assertErrno(errno.EBUSY, other.resize, PAGE)
            return True
        self.in_child(shrink)
        view[SIZE - 1] = 2
        view.release()
        other.resize(PAGE)
        self.assertEqual(PAGE, len(memoryview(buffer)))

    def test_no_writer_shrinks_under_a_reader(self):
        buffer = self.create()
        view = memoryview(buffer.derive(read_only=True))
        self.assertErrno(errno.EBUSY, buffer.resize, PAGE)
        self.assertEqual(0, view[SIZE - 1])
        view.release()
        gc.collect()
        buffer.resize(PAGE)

    def test_length_is_free_with_views(self):
        buffer = self.create()
        view = memoryview(buffer)
        buffer.set_length(1)
        view[SIZE - 1] = 1
        self.assertErrno(errno.EBUSY, buffer.derive().resize, PAGE)
        self.assertEqual(1, len(memoryview(buffer)))
        self.assertRaises(BufferError, buffer.resize, PAGE)
        buffer.resize(SIZE)
        self.assertEqual(1, view[SIZE - 1])

    def test_views_while_another_thread_resizes(self):
        buffer = self.create(64 * PAGE)
        stop = threading.Event()
        problems = []

        def resize():
            size = 64
            while not stop.is_set():
                size = 64 if size == 128 else 128
                try:
                    buffer.resize(size * PAGE)
                except BufferError:
                    pass
                except OSError as error:
                    if error.errno != errno.EBUSY:
                        problems.append(error)

        thread = threading.Thread(target=resize)
        thread.start()
        try:
            for _ in range(500):
                with memoryview(buffer) as view:
                    self.assertIn(len(view), (64 * PAGE, 128 * PAGE))
                    view[len(view) - 1] = 1
        finally:
            stop.set()
            thread.join()
        self.assertEqual([], problems)


@unittest.skipUnless(numpy, "no python3-numpy")
class Numpy(Case):
    def test_an_array_is_the_memory(self):
        buffer = self.create()
        array = numpy.frombuffer(buffer, dtype="<u4")
        array[:] = numpy.arange(SIZE // 4)
        self.assertTrue(array.flags.writeable)
        self.assertFalse(array.flags.owndata)
        self.assertEqual(array.tobytes(), os.pread(buffer.fileno(), SIZE, 0))
        self.assertTrue(numpy.shares_memory(array, numpy.asarray(memoryview(buffer))))

    def test_a_reader_has_an_array_that_cannot_be_written(self):
        buffer = self.create()
        array = numpy.frombuffer(buffer.derive(read_only=True), dtype="u1")
        self.assertFalse(array.flags.writeable)
        with self.assertRaises(ValueError):
            array[0] = 1
        with self.assertRaises(ValueError):
            array.flags.writeable = True
        numpy.frombuffer(buffer, dtype="u1")[0] = 7
        self.assertEqual(7, array[0])

    def test_an_array_keeps_the_memory(self):
        array = numpy.frombuffer(iobmd.create(SIZE), dtype="u1")[SIZE // 2:].reshape(2, -1)
        gc.collect()
        array[1, -1] = 3
        self.assertEqual(3, array.sum())

    def test_close_waits_for_arrays(self):
        buffer = self.create()
        array = numpy.frombuffer(buffer, dtype="u1")
        self.assertRaises(BufferError, buffer.close)
        self.assertRaises(BufferError, buffer.resize, 1)
        buffer.resize(2 * SIZE)
        array[SIZE - 1] = 1
        del array
        buffer.close()


class Leaks(Case):
    def setUp(self):
        self.turn(True)
        self.turn(False)

    def turn(self, is_released):
        buffer = iobmd.create(PAGE, name="leak")
        view = memoryview(buffer)
        reader = buffer.derive(read_only=True, window=(0, 1))
        both = iobmd.compose([buffer, (buffer, 0, PAGE)])
        part = memoryview(both)[1:2]
        for call in (lambda: buffer.resize(1), lambda: buffer.derive(window=(1, 1)),
                     lambda: iobmd.create(1 << 60), lambda: buffer.resize(1 << 60),
                     lambda: iobmd.compose([reader]), lambda: iobmd.from_fd(0),
                     lambda: iobmd.create(1, name="x" * 40), buffer.close,
                     lambda: reader.__setattr__("name", "x")):
            self.assertRaises((BufferError, OSError), call)
        self.assertGreater(buffer.info().id, 0)
        self.assertIn("iobmd", repr(buffer) + buffer.name)
        os.close(buffer.export())
        if is_released:
            part.release()
            view.release()
            buffer.close()
            both.close()
            reader.close()

    def test_1000_turns_leave_nothing(self):
        before = state()
        for turn in range(1000):
            self.turn(turn % 2)
        self.assertEqual(before, state())

    def test_references_are_as_many_as_before(self):
        counted = (iobmd.Buffer, iobmd.Info, None)
        before = [sys.getrefcount(what) for what in counted]
        for turn in range(200):
            self.turn(turn % 2)
        gc.collect()
        for what, count in zip(counted, before):
            self.assertLess(abs(sys.getrefcount(what) - count), 50, what)

    def test_objects_do_not_grow(self):
        for _ in range(50):
            self.turn(False)
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(1000):
            self.turn(False)
        gc.collect()
        self.assertLess(sys.getallocatedblocks() - before, 200)


if __name__ == "__main__":
    unittest.main()
