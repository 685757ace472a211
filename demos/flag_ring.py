# SPDX-License-Identifier: BSL-1.0
"""The flag ring: how Python programs broadcast through shared memory by hand. broadcast.py and the benchmark show what
it costs.

Each slot has a flag of the writer and one for each reader. The writer sets its flag when a message is there; each reader
sets its own when it has read it, and only when all have, the slot is used again. So one dead reader stops everything;
who waits polls; and on processors that reorder stores (ARM) a reader can see the flag before the message.
"""
import os
import struct
import time
from multiprocessing import shared_memory

SIZE = struct.Struct("<Q")


class FlagRing:
    """One writer, `readers` readers, `slots` messages of at most `room` bytes. `park(seconds)` waits instead of polling
    once nothing has come for `spin` seconds."""

    def __init__(self, readers, slots, room, spin=1.0, name=None, park=lambda: time.sleep(0.1)):
        self._flags = 1 + readers
        self._slots = slots
        self._stride = self._flags + SIZE.size + room
        self._memory = shared_memory.SharedMemory(name, name is None, slots * self._stride)
        self.name = self._memory.name
        self._at = 0
        self._spin = spin
        self.park = park

    def _wait(self, ready, seconds, park):
        begin = time.monotonic()
        while not ready():
            idle = time.monotonic() - begin
            if seconds is not None and idle > seconds:
                raise TimeoutError("a slot's flags did not change: is a process dead?")
            if idle > self._spin and park is not None:
                park()
            else:
                os.sched_yield()

    def write(self, data, seconds=None):
        bytes_, begin, flags = self._memory.buf, self._at * self._stride, self._flags
        self._wait(lambda: not bytes_[begin] or all(bytes_[begin + 1 : begin + flags]), seconds, None)
        bytes_[begin] = 0
        SIZE.pack_into(bytes_, begin + flags, len(data))
        first = begin + flags + SIZE.size
        bytes_[first : first + len(data)] = data
        bytes_[begin + 1 : begin + flags] = bytes(flags - 1)
        bytes_[begin] = 1
        self._at = (self._at + 1) % self._slots

    def read(self, reader, seconds=None):
        bytes_, begin = self._memory.buf, self._at * self._stride
        own = begin + 1 + reader
        self._wait(lambda: bytes_[begin] and not bytes_[own], seconds, self.park)
        first = begin + self._flags + SIZE.size
        data = bytes(bytes_[first : first + SIZE.unpack_from(bytes_, begin + self._flags)[0]])
        bytes_[own] = 1
        self._at = (self._at + 1) % self._slots
        return data

    def close(self, unlink=False):
        self._memory.close()
        if unlink:
            self._memory.unlink()
