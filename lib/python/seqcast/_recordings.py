# SPDX-License-Identifier: BSL-1.0
"""Recordings: files of `seqcast record`, read message by message."""
import bisect
import dataclasses
import errno
from typing import Any, Optional

from . import _seqcast

RecordedMessage = getattr(_seqcast, "RecordedMessage", None)  # None where recordings are not built


@dataclasses.dataclass(frozen=True)
class RecordedChannel:
    """A channel as it was when it was recorded, and what became of its messages: before + recorded + lost == head."""

    id: int
    name: str
    schema: Optional[str]
    encoding: str
    capacity: int
    max_message_size: int
    message_alignment: int
    timestamps: bool
    before: int
    recorded: int
    lost: int
    head: int
    _records: Any = dataclasses.field(repr=False, compare=False)

    @property
    def dtype(self):
        """numpy's dtype of the messages; None if they are not described."""
        return None if self._records is None else self._records.dtype()


class Recording:
    """A recording, opened for reading. Iterating gives its messages in the order in which they were recorded.

        with seqcast.Recording("run.mcap") as recording:
            for message in recording:
                print(message.channel.name, message.sequence, message.lost, message.data)

    Of a file that was cut, by a crash of the recorder for example, everything that is whole is read; `complete` is
    False then, and `problem` says where it ends. Errors: OSError; with errno.EBADMSG where a part is damaged, and
    the next message is then the first one behind it.
    """

    def __init__(self, path):
        if not hasattr(_seqcast, "RecordingFile"):
            raise OSError(
                errno.ENOTSUP,
                "this seqcast was built without recordings: build it where zlib and zstd are installed "
                "(Debian: zlib1g-dev libzstd-dev)",
            )
        self._file = _seqcast.RecordingFile(path)
        self._about = self._file.describe()
        self._channels = tuple(
            RecordedChannel(_records=channel.pop("records"), **channel) for channel in self._file.channels()
        )

    @property
    def channels(self):
        """The channels, in the order in which the recorder found them. A name occurs again where another channel had
        taken the place of the first."""
        return self._channels

    def channel(self, name):
        """The channel of that name, the last one if there are several. Errors: KeyError, with the names there are."""
        for channel in reversed(self._channels):
            if channel.name == name:
                return channel
        names = ", ".join(sorted({channel.name for channel in self._channels}))
        raise KeyError(f"the recording has no channel {name!r}; it has {names or 'none'}")

    def read(self, *channels, start=None, end=None):
        """An iterator over the messages of some channels: their names, or RecordedChannels; of all without any. `start`
        and `end` are seconds of time.time(): those are given with start <= received_at < end."""
        if self._file is None:
            raise ValueError("this Recording is closed")
        wanted = None
        if channels:
            names = {self.channel(one).name for one in channels if not isinstance(one, RecordedChannel)}
            wanted = [one.id for one in self._channels if one.name in names or one in channels]
        return self._file.read(self._channels, wanted, _first_ns(start), _first_ns(end))

    def __iter__(self):
        return self.read()

    def close(self):
        """Lets go of the file. Iterators that were made before go on."""
        self._file = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    @property
    def closed(self):
        """Whether it was closed."""
        return self._file is None

    @property
    def messages(self):
        """How many there are."""
        return self._about["messages"]

    @property
    def start(self):
        """The earliest received_at; None without messages."""
        return self._about["start"]

    @property
    def end(self):
        """The latest received_at; None without messages."""
        return self._about["end"]

    @property
    def complete(self):
        """Whether the recorder came to its end, and the file's end is undamaged."""
        return self._about["complete"]

    @property
    def problem(self):
        """Why it is not complete; empty if it is."""
        return self._about["problem"]

    @property
    def compression(self):
        """"none", "zstd", or both."""
        return self._about["compression"]

    @property
    def program(self):
        """What made it, as it said."""
        return self._about["program"]

    @property
    def size(self):
        """Bytes of the file."""
        return self._about["size"]


def _first_ns(seconds):
    """The first nanosecond whose seconds, as a float, are not below `seconds`."""
    if seconds is None:
        return None
    about = int(seconds * 1e9)
    near = range(about - 1024, about + 1024)
    return near[bisect.bisect_left(near, seconds, key=lambda ns: ns / 1e9)]


for _type in (RecordedChannel, Recording):
    _type.__module__ = "seqcast"
