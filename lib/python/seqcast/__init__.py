# SPDX-License-Identifier: BSL-1.0
"""One process publishes messages in shared memory; any number of processes on the same machine receive them.

None ever receives a torn message: half old, half new. The publisher never waits, and a subscriber that is too slow is
told exactly how many messages it has lost; or it waits for reliable subscribers, which then lose nothing, for as long
as max_blocking_time says. There is no daemon.

    # one process                                     # others, as many as you like
    import seqcast                                    import seqcast

    with seqcast.Publisher("ticker") as publisher:    for message in seqcast.Subscriber("ticker"):
        publisher.publish(b"hello")                       print(message.sequence, message.data)

Messages are bytes: anything that supports the buffer protocol. dtype= makes them numpy records (Message.array), and
dumps() and loads() carry any object that can be pickled. A channel is a name in shared memory ("ticker") or a file
("./test.dat", or a path object); programs in C++ and the tool `seqcast` use the same ones.
"""
from ._errors import (
    DamagedError,
    DemotedError,
    Error,
    IdentityError,
    NoChannelError,
    NotAChannelError,
    PublisherAliveError,
)
from ._pickles import dumps, loads
from ._recordings import RecordedChannel, RecordedMessage, Recording
from ._seqcast import Loan, Message, Publisher, Subscriber, View, channels, inspect, remove, wait_any

__all__ = [
    "DamagedError",
    "DemotedError",
    "Error",
    "IdentityError",
    "Loan",
    "Message",
    "NoChannelError",
    "NotAChannelError",
    "Publisher",
    "PublisherAliveError",
    "RecordedChannel",
    "RecordedMessage",
    "Recording",
    "Subscriber",
    "View",
    "channels",
    "dumps",
    "inspect",
    "loads",
    "remove",
    "wait_any",
]

for _name in ("dumps", "loads", "channels", "inspect", "remove", "wait_any"):
    try:
        globals()[_name].__module__ = "seqcast"
    except AttributeError:  # builtin functions of a later CPython
        pass
del _name
