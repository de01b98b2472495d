#!/usr/bin/python3
# SPDX-License-Identifier: 0BSD
"""Two processes share frames as numpy arrays: one draws, the other can only look.

Nothing is copied. The reader gets a handle that can never write, and two pipes carry
the numbers of the frames that are drawn and of those that may be drawn again.
"""
import multiprocessing

import numpy

import iobmd

FRAMES = 4                  # in the buffer, one after the other
SHAPE = (480, 640, 3)
SHOWN = 16                  # frames altogether


def frames_of(buffer):
    return numpy.frombuffer(buffer, dtype=numpy.uint8).reshape(FRAMES, *SHAPE)


def look(buffer, drawn, free):
    frames = frames_of(buffer)
    assert not frames.flags.writeable
    for count, index in enumerate(iter(drawn.recv, None)):
        assert (frames[index] == count).all()
        free.send(index)


def main():
    context = multiprocessing.get_context("spawn")
    drawn, to_draw = context.Pipe(duplex=False), context.Pipe(duplex=False)
    with iobmd.create(FRAMES * numpy.prod(SHAPE), name="frames") as buffer:
        with buffer.derive(read_only=True) as reader:
            child = context.Process(target=look, args=(reader, drawn[0], to_draw[1]))
            child.start()
        to_draw[1].close()
        frames = frames_of(buffer)
        for count in range(SHOWN):
            index = count if count < FRAMES else to_draw[0].recv()
            frames[index] = count
            drawn[1].send(index)
        drawn[1].send(None)
        child.join()
        del frames
    print(f"{SHOWN} frames of {numpy.prod(SHAPE)} bytes, not copied once")
    return child.exitcode


if __name__ == "__main__":
    raise SystemExit(main())
