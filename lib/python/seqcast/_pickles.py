# SPDX-License-Identifier: BSL-1.0
"""Objects as messages, with pickle's protocol 5: large buffers are not copied, neither into a pickle nor out of one."""
import pickle
import struct

from ._seqcast import Subscriber

_ALIGNMENT = 16  # of each buffer behind the message's first byte, for numpy's sake


def subscriber(channel, options, cursor):
    """What a pickled Subscriber becomes: one that goes on after the same message."""
    opened = Subscriber(channel, **options)
    opened.seek(cursor + 1)
    return opened


def dumps(value):
    """An object as the pieces of one message: `publisher.publish(*seqcast.dumps(value))`.

    The memory of numpy arrays and of other objects that support pickle's out-of-band buffers is one of the pieces
    itself, and is copied straight into the channel.
    """
    buffers = []
    pickled = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    raw = [buffer.raw() for buffer in buffers]
    sizes = [len(pickled), *(view.nbytes for view in raw)]
    head = struct.pack(f"<{1 + len(sizes)}Q", len(sizes), *sizes)
    pieces = [head, pickled]
    position = len(head) + len(pickled)
    for view in raw:
        padding = -position % _ALIGNMENT
        pieces += [bytes(padding), view]
        position += padding + view.nbytes
    return pieces


def loads(data):
    """The object that dumps() made the message of. Arrays in it are read-only and refer to `data`, without a copy.

    Of messages from a publisher that you trust only: a pickle runs any code. Of a view's data only if nothing changed
    meanwhile: copy and validate() first.
    """
    data = memoryview(data).toreadonly()
    (count,) = struct.unpack_from("<Q", data)
    if count > len(data) // 8:
        raise ValueError("this message was not made by seqcast.dumps()")
    sizes = struct.unpack_from(f"<{count}Q", data, 8)
    position = 8 + 8 * count
    pieces = []
    for index, size in enumerate(sizes):
        if index > 0:
            position += -position % _ALIGNMENT
        pieces.append(data[position : position + size])
        position += size
    if not pieces or position != len(data):
        raise ValueError("this message was not made by seqcast.dumps()")
    return pickle.loads(pieces[0], buffers=pieces[1:])
