# SPDX-License-Identifier: GPL-2.0
"""Handing over: by sockets, and to the children of multiprocessing."""
import errno
import multiprocessing
import os
import signal
import socket
import threading
import time
import unittest

import iobmd
from support import PAGE, SIZE, Case, state


class Socket(Case):
    def setUp(self):
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX)
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)

    def test_the_receiver_has_the_same_memory(self):
        buffer = self.create()
        buffer.derive(read_only=True).send(self.ours)
        buffer.send(self.ours.fileno())
        reader, writer = iobmd.receive(self.theirs), iobmd.receive(self.theirs.fileno())
        self.assertEqual([buffer.info().id] * 2, [reader.info().id, writer.info().id])
        self.assertEqual((True, False), (reader.read_only, writer.read_only))
        memoryview(writer)[1] = 4
        self.assertEqual((4, 4), (memoryview(buffer)[1], memoryview(reader)[1]))

    def test_the_timeout_of_the_socket_counts(self):
        self.theirs.settimeout(0.2)
        begin = time.monotonic()
        self.assertRaises(TimeoutError, iobmd.receive, self.theirs)
        self.assertGreaterEqual(time.monotonic() - begin, 0.2)
        self.theirs.settimeout(0)
        self.assertErrno(errno.EAGAIN, iobmd.receive, self.theirs)
        self.assertErrno(errno.EAGAIN, iobmd.receive, self.theirs.fileno())
        self.theirs.settimeout(20)
        self.create().send(self.ours)
        self.assertEqual(SIZE, iobmd.receive(self.theirs).capacity)

    def test_a_full_socket_has_a_timeout_too(self):
        buffer = self.create()
        self.ours.settimeout(0.2)
        with self.assertRaises(OSError) as caught:
            for _ in range(100000):
                buffer.send(self.ours)
        self.assertIn(caught.exception.errno, (errno.ETIMEDOUT, errno.ETOOMANYREFS))

    def test_other_threads_run_while_one_waits(self):
        received = []
        thread = threading.Thread(target=lambda: received.append(iobmd.receive(self.theirs)))
        thread.start()
        time.sleep(0.1)
        self.assertEqual([], received)
        self.create().send(self.ours)
        thread.join(60)
        self.assertEqual(1, len(received))

    def test_a_signal_ends_the_wait(self):
        def alarm(number, frame):
            raise KeyboardInterrupt
        old = signal.signal(signal.SIGALRM, alarm)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        self.assertRaises(KeyboardInterrupt, iobmd.receive, self.theirs)

    def test_a_signal_that_raises_nothing_does_not(self):
        ticks = []
        old = signal.signal(signal.SIGALRM, lambda number, frame: ticks.append(number))
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        self.theirs.settimeout(0.5)
        self.assertRaises(TimeoutError, iobmd.receive, self.theirs)
        self.assertEqual(1, len(ticks))

    def test_wrong_sockets_and_messages(self):
        buffer = self.create()
        self.assertRaises(TypeError, buffer.send, "socket")
        self.assertRaises(TypeError, iobmd.receive, None)
        self.assertErrno(errno.EBADF, buffer.send, 12345)
        with open("/dev/null", "rb") as null:
            self.assertErrno(errno.ENOTSOCK, buffer.send, null)
        self.ours.send(b"two")
        self.assertErrno(errno.EBADMSG, iobmd.receive, self.theirs)
        self.assertEqual(b"wo", self.theirs.recv(2))
        before = len(os.listdir("/proc/self/fd"))
        socket.send_fds(self.ours, [b"\0"], [0])
        self.assertErrno(errno.ENOTTY, iobmd.receive, self.theirs)
        self.assertEqual(before, len(os.listdir("/proc/self/fd")))
        self.ours.close()
        self.assertErrno(errno.ECONNRESET, iobmd.receive, self.theirs)
        self.assertErrno(errno.EPIPE, buffer.send, self.theirs)


def write_and_tell(buffer, pipe):
    view = memoryview(buffer)
    if not view.readonly:
        view[0] = 42
    pipe.send((buffer.info().id, view[1], view.readonly))


def serve(requests, answers):
    for buffer in iter(requests.get, None):
        memoryview(buffer)[2] = 43
        answers.put(buffer.info().id)


class Multiprocessing(Case):
    def hand_over(self, method):
        context = multiprocessing.get_context(method)
        buffer = self.create()
        memoryview(buffer)[1] = 7
        for handle in (buffer, buffer.derive(read_only=True)):
            ours, theirs = context.Pipe()
            child = context.Process(target=write_and_tell, args=(handle, theirs))
            child.start()
            self.assertTrue(ours.poll(60))
            self.assertEqual((buffer.info().id, 7, handle.read_only), ours.recv())
            child.join(60)
            self.assertEqual(0, child.exitcode)
            ours.close()
            theirs.close()
        self.assertEqual(42, memoryview(buffer)[0])

    def test_argument_of_a_spawned_child(self):
        self.hand_over("spawn")

    def test_argument_of_a_forked_child(self):
        self.hand_over("fork")

    def test_argument_of_a_child_of_the_server(self):
        self.hand_over("forkserver")

    def test_through_a_queue(self):
        context = multiprocessing.get_context("spawn")
        requests, answers = context.Queue(), context.Queue()
        child = context.Process(target=serve, args=(requests, answers))
        child.start()
        for _ in range(3):
            buffer = self.create(PAGE)
            requests.put(buffer)
            self.assertEqual(buffer.info().id, answers.get(timeout=60))
            self.assertEqual(43, memoryview(buffer)[2])
        requests.put(None)
        child.join(60)
        self.assertEqual(0, child.exitcode)

    def test_what_is_handed_over_leaves_nothing(self):
        self.hand_over("spawn")
        self.doCleanups()
        before = state()
        self.hand_over("spawn")
        self.doCleanups()
        self.assertEqual(before, state())


if __name__ == "__main__":
    unittest.main()
