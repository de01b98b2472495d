# SPDX-License-Identifier: 0BSD
"""Inverts the frames in the file or buffer of that path, where they lie."""

import sys

import numpy

frames = numpy.memmap(sys.argv[1], mode="r+")
numpy.invert(frames, out=frames)
