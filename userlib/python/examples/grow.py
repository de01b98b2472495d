#!/usr/bin/python3
# SPDX-License-Identifier: 0BSD
"""A child writes into a buffer and doubles it; its parent sees both. No numpy."""
import os

import iobmd

with iobmd.create(4096) as buffer:
    with memoryview(buffer) as view:
        pid = os.fork()
        if pid == 0:
            view[:5] = b"hello"
            buffer.resize(8192)
            os._exit(0)
        os.waitpid(pid, 0)
        print(bytes(view[:5]).decode(), "in", buffer.length, "bytes")
