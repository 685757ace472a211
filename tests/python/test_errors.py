# SPDX-License-Identifier: BSL-1.0
"""Errors: OSErrors with an errno and an explanation."""
import errno
import os
import subprocess
import sys

import pytest
import seqcast


def test_each_error_has_its_class_its_errno_and_its_explanation(channel, tmp_path):
    with pytest.raises(seqcast.NoChannelError, match="open_timeout") as raised:
        seqcast.Subscriber(channel)
    assert raised.value.errno == errno.ENOENT and isinstance(raised.value, FileNotFoundError)
    assert channel in raised.value.strerror and raised.value.code == "no_channel"
    with seqcast.Publisher(channel):
        with pytest.raises(seqcast.PublisherAliveError) as raised:
            seqcast.Publisher(channel)
        assert raised.value.errno == errno.EBUSY
        with pytest.raises(seqcast.PublisherAliveError):
            seqcast.remove(channel)
    with pytest.raises(seqcast.IdentityError, match="1024") as raised:
        seqcast.Publisher(channel, max_message_size=2000)
    assert raised.value.errno == errno.EPROTOTYPE and raised.value.code == "wrong_identity"
    other = tmp_path / "other"
    other.write_text("something else" * 1000)
    with pytest.raises(seqcast.NotAChannelError) as raised:
        seqcast.Publisher(other)
    assert isinstance(raised.value, seqcast.Error) and isinstance(raised.value, OSError)
    with pytest.raises(FileNotFoundError) as raised:
        seqcast.Publisher(tmp_path / "no" / "folder")
    assert raised.value.errno == errno.ENOENT
    with pytest.raises(seqcast.Error) as raised:
        seqcast.Publisher(channel + "-x", capacity=3)
    assert raised.value.errno == errno.EINVAL and raised.value.code == "invalid_options"


def test_a_message_that_is_too_long(channel):
    with seqcast.Publisher(channel, max_message_size=10) as publisher:
        for pieces in ((b"x" * 11,), (b"x" * 6, b"y" * 5), (b"x" * 11, b"")):
            with pytest.raises(OSError, match="11 bytes") as raised:
                publisher.publish(*pieces)
            assert raised.value.errno == errno.EMSGSIZE
        assert publisher.head == 0


def test_wrong_arguments_are_named(channel):
    for arguments, error in (
        ({"start": "middle"}, "start is one of 'newest', 'oldest'"),
        ({"resume": 1}, "resume is one of"),
        ({"strategy": ""}, "strategy is one of"),
        ({"open_timeout": -1}, "timeout"),
    ):
        with pytest.raises(ValueError, match=error):
            seqcast.Subscriber(channel, **arguments)
    for arguments, error in (
        ({"capacity": -1}, "capacity is a number"),
        ({"max_message_size": 2**32}, "max_message_size is a number"),
        ({"max_blocking_time": -1}, "max_blocking_time is a number of seconds"),
        ({"wakeup": "loud"}, "wakeup is one of 'bell', 'every_message', 'polling'"),
        ({"mode": 0o1000}, "mode"),
    ):
        with pytest.raises(ValueError, match=error):
            seqcast.Publisher(channel, **arguments)
    for wrong in (None, 1, ["x"]):
        with pytest.raises(TypeError):
            seqcast.Publisher(wrong)
    with pytest.raises(ValueError, match="null"):
        seqcast.Publisher("a\0b")
    with pytest.raises(TypeError):
        seqcast.Publisher(channel, volume=1)
    with pytest.raises(TypeError):
        seqcast.Message()


def test_damage_is_an_error_and_ends_a_wait(tmp_path):
    path = tmp_path / "test.dat"
    with seqcast.Publisher(path) as publisher:
        subscriber = seqcast.Subscriber(path, survive_truncation=True)
        publisher.publish(b"1")
        size = os.path.getsize(path)
        os.truncate(path, 4096)
        with pytest.raises(seqcast.DamagedError) as raised:
            while subscriber.next(timeout=None):
                pass
        assert raised.value.errno == errno.EBADMSG and raised.value.code in ("truncated", "corrupt")
        os.truncate(path, size)


def test_help_reads_well():
    import pydoc
    text = pydoc.plain(pydoc.render_doc(seqcast))
    for part in ("torn", "publish(self, /, *pieces)", "next(self, /, timeout=0)", "Publisher(channel, *", "loan(",
                 "wait_any(subscribers, timeout=None)", "class NoChannelError", "dumps(value)"):
        assert part in text, part
    for name in seqcast.__all__:
        assert getattr(seqcast, name).__doc__, name
        if not name.startswith("_"):
            assert getattr(seqcast, name).__module__ == "seqcast", name


@pytest.mark.skipif(subprocess.run([sys.executable, "-m", "mypy", "--version"], capture_output=True).returncode != 0,
                    reason="mypy is not installed")
def test_the_stubs_say_what_the_module_has_and_are_strict(tmp_path):
    """mypy --strict over the stubs and a user's program, and stubtest over the module itself."""
    user = tmp_path / "user.py"
    user.write_text(USER)
    environment = {**os.environ, "MYPYPATH": os.path.dirname(os.path.dirname(seqcast.__file__))}
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\n[mypy-seqcast._seqcast]\nignore_missing_imports = True\n")
    for command in ([sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(user)],
                    [sys.executable, "-m", "mypy.stubtest", "seqcast", "--ignore-missing-stub",
                     "--mypy-config-file", str(settings)]):
        ran = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert ran.returncode == 0, ran.stdout + ran.stderr


USER = '''
import pathlib
from typing import List, Optional
import seqcast

def publish(path: pathlib.Path) -> int:
    with seqcast.Publisher(path, capacity=8, timestamps=True) as publisher:
        with publisher.loan(5) as buffer:
            buffer[:] = b"hello"
        return publisher.publish(b"a", bytearray(b"b"))

def receive(name: str) -> List[bytes]:
    subscriber = seqcast.Subscriber(name, start="oldest", open_timeout=None)
    message: Optional[seqcast.Message] = subscriber.next(timeout=1.5)
    view = subscriber.view(latest=True)
    if view is not None and view.validate():
        print(view.data.nbytes, view.array.dtype)
    return [one.data for one in subscriber] + ([message.data] if message else [])

async def receive_all(name: str) -> int:
    total = 0
    async for message in seqcast.Subscriber(name):
        total += message.sequence + message.lost
    return total
'''
