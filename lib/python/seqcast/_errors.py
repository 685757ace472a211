# SPDX-License-Identifier: BSL-1.0
"""What seqcast raises: OSErrors with an errno, and the whole explanation as their text."""
import errno


class Error(OSError):
    """Something is wrong with a channel. `code` is its name in C++: "wrong_identity" for example.

    What the operating system refuses is an OSError of Python's own, PermissionError for example.
    """

    code = ""

    # As help() and tracebacks should say it.
    def __init_subclass__(cls) -> None:
        cls.__module__ = "seqcast"


class NoChannelError(Error, FileNotFoundError):
    """There is no channel behind the name yet: wait for it with open_timeout."""


class PublisherAliveError(Error):
    """Another publisher has the channel, or a process that is none holds its lock."""


class IdentityError(Error):
    """A sound channel, of another message size, capacity or schema than asked for."""


class NotAChannelError(Error):
    """Something else is behind the name, or a channel that this version cannot read."""


class DamagedError(Error):
    """The channel contains what no publisher stores, or was truncated."""


class DemotedError(Error):
    """The publisher has stopped waiting for this reliable subscriber: raised once, and then next() goes on."""


Error.__module__ = "seqcast"

_KINDS = {
    "no_channel": (NoChannelError, errno.ENOENT),
    "invalid_location": (Error, errno.EINVAL),
    "invalid_options": (Error, errno.EINVAL),
    "not_a_regular_file": (NotAChannelError, errno.EINVAL),
    "not_a_channel": (NotAChannelError, errno.EINVAL),
    "wrong_byte_order": (NotAChannelError, errno.EPROTONOSUPPORT),
    "wrong_version": (NotAChannelError, errno.EPROTONOSUPPORT),
    "unknown_feature": (NotAChannelError, errno.EPROTONOSUPPORT),
    "wrong_identity": (IdentityError, errno.EPROTOTYPE),
    "publisher_alive": (PublisherAliveError, errno.EBUSY),
    "lock_obstructed": (PublisherAliveError, errno.EBUSY),
    "other_owner": (Error, errno.EACCES),
    "build_mismatch": (Error, errno.ELIBBAD),
    "not_reliable": (Error, errno.EOPNOTSUPP),
    "no_entry": (Error, errno.EUSERS),
    "demoted": (DemotedError, errno.ETIMEDOUT),
}


def make(code: str, number: int, text: str) -> OSError:
    """The exception for one of seqcast's codes, or without a code for an errno."""
    if not code:
        return OSError(number, text)
    kind, number = _KINDS.get(code, (DamagedError, errno.EBADMSG))
    error = kind(number, text)
    error.code = code
    return error
