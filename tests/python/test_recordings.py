# SPDX-License-Identifier: BSL-1.0
"""Recordings: what seqcast.Recording reads is what the C++ library lists."""
import errno
import os
import pathlib
import subprocess
import threading

import pytest
import seqcast


@pytest.fixture
def listing():
    """Runs recording_listing: see its head. Gives its lines."""
    path = os.environ.get("SEQCAST_RECORDING_LISTING")
    if not path or not os.path.exists(path):
        pytest.skip("recordings are not built")

    def run(*arguments):
        output = subprocess.run([path, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True).stdout
        return output.splitlines()

    return run


@pytest.fixture(params=["none", "zstd"])
def path(request, tmp_path, listing):
    path = tmp_path / f"{request.param}.mcap"
    listing("make", path, request.param)
    return path


def line(message):
    published = message.received_at_ns if message.published_at_ns is None else message.published_at_ns
    low = message.sequence % 2**32
    return f"{message.channel.name} {low} {message.received_at_ns} {published} {message.data.hex()}"


def test_all_messages_come_back_in_order(path, listing):
    with seqcast.Recording(path) as recording:
        messages = list(recording)
        assert [line(message) for message in messages] == listing("list", path)
        assert recording.messages == len(messages) == 60
        assert recording.complete and recording.problem == ""
        assert recording.compression == path.stem and recording.size == path.stat().st_size
        assert recording.start == messages[0].received_at and recording.end == messages[-1].received_at
    assert recording.closed
    with pytest.raises(ValueError, match="closed"):
        iter(recording)


def test_the_numbers_of_each_channel_add_up(path):
    recording = seqcast.Recording(str(path))
    assert [channel.name for channel in recording.channels] == ["channel 0", "channel 1", "channel 2"]
    assert sum(channel.head > 2**33 for channel in recording.channels) == 1
    for channel in recording.channels:
        assert channel.before + channel.recorded + channel.lost == channel.head
        cursor = channel.before
        messages = list(recording.read(channel.name))
        for message in messages:
            assert message.channel is channel
            assert message.sequence == cursor + 1 + message.lost
            assert message.epoch in (1, 2)
            assert (message.published_at is None) == (not channel.timestamps)
            cursor = message.sequence
        assert cursor == channel.head
        assert len(messages) == channel.recorded
        assert list(map(line, recording.read(channel))) == list(map(line, messages))


def test_times_and_names_choose(path):
    recording = seqcast.Recording(path)
    everything = list(recording)
    start, end = everything[10].received_at, everything[40].received_at
    chosen = list(recording.read("channel 0", recording.channel("channel 2"), start=start, end=end))
    wanted = [m for m in everything if start <= m.received_at < end and m.channel.name != "channel 1"]
    assert list(map(line, chosen)) == list(map(line, wanted)) and len(chosen) > 5
    with pytest.raises(KeyError, match="channel 0, channel 1, channel 2"):
        recording.read("other")
    with pytest.raises(KeyError):
        recording.channel("other")


def test_messages_with_a_schema_are_numpy_records(tmp_path, listing):
    path = tmp_path / "run.mcap"
    listing("make", path, "none")
    recording = seqcast.Recording(path)
    described, plain, json = recording.channels
    assert described.schema == "acme.Text{text:char[8]}"
    assert described.dtype.names == ("text",) and described.dtype.itemsize == 8
    assert plain.schema is None and plain.dtype is None
    assert (described.encoding, json.encoding) == ("raw", "json")
    message = next(message for message in recording.read(plain) if message.data)
    assert message.array.tobytes() == message.data


@pytest.mark.parametrize("size", [300, 3000])
def test_a_file_that_was_cut_gives_what_is_whole(path, listing, size):
    whole = listing("list", path)
    path.write_bytes(path.read_bytes()[:size])
    recording = seqcast.Recording(path)
    assert not recording.complete
    assert "at byte" in recording.problem
    lines = list(map(line, recording))
    assert lines == whole[: len(lines)] and len(lines) < 60
    assert recording.messages == len(lines) == sum(channel.recorded for channel in recording.channels)


def test_damage_is_an_error_and_the_next_messages_follow(path, listing):
    whole = listing("list", path)
    content = bytearray(path.read_bytes())
    longest = max(range(60), key=lambda i: len(whole[i]))
    content[content.index(bytes.fromhex(whole[longest].split()[-1][1000:1100]))] ^= 1  # random bytes stay as they are
    path.write_bytes(content)
    messages, errors = [], []
    iterator = iter(seqcast.Recording(path))
    while True:
        try:
            messages.append(line(next(iterator)))
        except StopIteration:
            break
        except OSError as error:
            assert error.errno == errno.EBADMSG
            errors.append(str(error))
    assert len(errors) == 1 and f"{path} at byte" in errors[0]
    assert whole[longest] not in messages
    assert messages == whole[:27] + whole[36:]  # chunks have 9 messages


def test_what_is_no_recording_is_an_error(tmp_path):
    if not hasattr(seqcast._seqcast, "RecordingFile"):
        with pytest.raises(OSError, match="zlib1g-dev libzstd-dev"):
            seqcast.Recording("run.mcap")
        return
    path = tmp_path / "other"
    with pytest.raises(FileNotFoundError, match="other: cannot be opened"):
        seqcast.Recording(path)
    path.write_bytes(b"")
    with pytest.raises(OSError, match="at byte 0: this is not an MCAP file"):
        seqcast.Recording(path)
    with pytest.raises(OSError, match="is not a regular file"):
        seqcast.Recording(tmp_path)
    with pytest.raises(TypeError):
        seqcast.Recording(5.5)
    with pytest.raises(ValueError):
        seqcast.Recording("a\0b")


def test_threads_read_side_by_side_and_not_by_one_iterator(path, listing):
    whole = listing("list", path)
    recording = seqcast.Recording(path)
    results = []
    threads = [threading.Thread(target=lambda: results.append(list(map(line, recording)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [whole] * 4


def test_nothing_leaks(path):
    def open_files():
        return len(list(pathlib.Path("/proc/self/fd").iterdir()))

    before = open_files()
    for _ in range(50):
        recording = seqcast.Recording(path)
        next(iter(recording))
    del recording
    assert open_files() == before
