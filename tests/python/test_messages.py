# SPDX-License-Identifier: BSL-1.0
"""What is published arrives whole, in order, and what is lost is counted."""
import array
import pathlib
import pickle
import subprocess
import threading
import time

import pytest
import seqcast

SIZES = sorted({0, 1} | {2**n + d for n in range(1, 21) for d in (-1, 0, 1)})


def pattern(size, seed):
    return bytes((seed + 7 * i) & 255 for i in range(min(size, 251))) * (size // 251 + 1)


def test_any_object_that_lends_bytes_is_a_message(channel):
    with seqcast.Publisher(channel) as publisher, seqcast.Subscriber(channel) as subscriber:
        for given in (b"abc", bytearray(b"abc"), memoryview(b"xabc")[1:], array.array("B", b"abc"),
                      pickle.PickleBuffer(b"abc")):
            sequence = publisher.publish(given)
            message = subscriber.next()
            assert (message.data, message.sequence, message.lost) == (b"abc", sequence, 0)
        with pytest.raises(TypeError):
            publisher.publish("text")
        with pytest.raises(TypeError):
            publisher.publish()
        with pytest.raises(BufferError):
            publisher.publish(memoryview(b"abcdef")[::2])
        assert publisher.head == 5
        assert subscriber.next() is None


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_every_size_arrives_whole_in_any_number_of_pieces(channel, pieces):
    with seqcast.Publisher(channel, max_message_size=SIZES[-1], capacity=4) as publisher:
        subscriber = seqcast.Subscriber(channel)
        for seed, size in enumerate(SIZES):
            data = pattern(size, seed)[:size]
            cuts = [size * i // pieces for i in range(pieces + 1)]
            publisher.publish(*[data[a:b] for a, b in zip(cuts, cuts[1:])])
            assert subscriber.latest().data == data
            subscriber.seek(publisher.head)
            assert subscriber.next().data == data
            subscriber.seek(publisher.head)
            view = subscriber.view()
            assert bytes(view.data) == data and view.validate()
            del view
            with publisher.loan(size) as buffer:
                buffer[:] = data
            assert subscriber.next().data == data


def test_cpp_and_python_exchange_every_size(channel, tool):
    """Through the tool: Python publishes, C++ reads and publishes, Python reads."""
    there, back = channel, channel + "-back"
    with seqcast.Publisher(there, max_message_size=SIZES[-1], capacity=128) as publisher:
        for seed, size in enumerate(SIZES):
            publisher.publish(pattern(size, seed)[:size])
        relay = (f"{tool} sub {there} --from oldest -n {len(SIZES)} --raw | "
                 f"{tool} pub {back} --raw --size {SIZES[-1]} --capacity 128")
        subprocess.run(relay, shell=True, check=True, timeout=200)
        subscriber = seqcast.Subscriber(back, start="oldest")
        for seed, (size, message) in enumerate(zip(SIZES, subscriber, strict=True)):
            assert message.data == pattern(size, seed)[:size]
            assert (message.sequence, message.lost) == (seed + 1, 0)
        assert subscriber.wait_result == "closed"
    assert seqcast.remove(back)


def test_what_is_lost_is_counted_exactly(channel):
    with seqcast.Publisher(channel, capacity=8) as publisher, seqcast.Subscriber(channel) as subscriber:
        previous = received = lost = 0
        for count in (3, 20, 7, 1, 1000):
            for _ in range(count):
                publisher.publish(str(publisher.head + 1).encode())
            while (message := subscriber.next()) is not None:
                assert int(message.data) == message.sequence == previous + 1 + message.lost
                previous = message.sequence
                received += 1
                lost += message.lost
        assert lost > 0 and received + lost == publisher.head


def test_seek_and_lag_and_latest(channel):
    with seqcast.Publisher(channel, capacity=8) as publisher, seqcast.Subscriber(channel, start="oldest") as subscriber:
        assert subscriber.latest() is None
        for number in range(1, 6):
            publisher.publish(b"%d" % number)
        assert subscriber.lag == 5 and subscriber.cursor == 0
        assert subscriber.latest().data == b"5" and subscriber.latest().data == b"5"
        assert subscriber.next() is None
        assert subscriber.seek(2) == 2
        assert subscriber.next().data == b"2"
        with pytest.raises(ValueError):
            subscriber.seek(-1)


def test_times_are_those_of_the_monotonic_clock(channel):
    with seqcast.Publisher(channel, timestamps=True) as publisher, seqcast.Subscriber(channel) as subscriber:
        before = time.monotonic()
        publisher.publish(b"")
        assert before <= subscriber.next().published_at <= time.monotonic()
        assert publisher.timestamps and subscriber.timestamps


def test_no_torn_message_under_load(channel, python):
    """A publisher in another process overwrites a small ring of messages of one repeated byte as fast as it can."""
    program = """
        import sys, seqcast
        blocks = [bytes([i]) * 100_000 for i in range(256)]
        with seqcast.Publisher(sys.argv[1], capacity=2, max_message_size=100_000) as publisher:
            while True:
                for block in blocks:
                    publisher.publish(block)
    """
    python(program, channel)
    subscriber = seqcast.Subscriber(channel, open_timeout=100)
    copied = viewed = 0
    end = time.monotonic() + 1
    while time.monotonic() < end or copied == 0 or viewed == 0:
        message = subscriber.latest()
        if message is not None:
            assert message.data == message.data[:1] * 100_000
            copied += 1
        view = subscriber.view(latest=True)
        if view is not None:
            data = bytes(view.data)
            if view.validate():
                assert data == data[:1] * 100_000
                viewed += 1


def test_several_threads_share_a_publisher(channel):
    """Above 64 KiB a publish gives the GIL away, and another thread's waits for it."""
    size = 200_000
    with seqcast.Publisher(channel, max_message_size=size, capacity=256) as publisher:
        def publish(number):
            for _ in range(30):
                publisher.publish(bytes([number]) * size)
                publisher.publish(bytes([number]), bytes([number]))

        threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counts = [0] * 4
        with seqcast.Subscriber(channel, start="oldest") as subscriber:
            while (message := subscriber.next()) is not None:
                assert message.lost == 0
                assert message.data == message.data[:1] * len(message.data)
                counts[message.data[0]] += 1
        assert counts == [60] * 4


def test_files_and_names(tmp_path, monkeypatch, channel):
    monkeypatch.chdir(tmp_path)
    for given, location in ((pathlib.Path("test.dat"), "./test.dat"), ("./other.dat", "./other.dat"),
                            (str(tmp_path / "third.dat"), str(tmp_path / "third.dat"))):
        with seqcast.Publisher(given) as publisher:
            publisher.publish(b"here")
            assert publisher.location == location
            assert seqcast.Subscriber(publisher.location, start="oldest").next().data == b"here"
            assert (tmp_path / location).exists()
    assert sorted(seqcast.channels(tmp_path)) == sorted(f"{tmp_path}/{name}.dat" for name in ("other", "test", "third"))
    with seqcast.Publisher(channel):
        assert channel in seqcast.channels()
    assert seqcast.remove(channel) and not seqcast.remove(channel)


def test_inspect(channel):
    with seqcast.Publisher(channel, capacity=16, schema="acme.Quote") as publisher:
        publisher.publish(b"1")
        found = seqcast.inspect(channel)
        assert found["capacity"] == 16 and found["head"] == 1 and found["oldest"] == 1
        assert found["state"] == "live" and found["publisher_alive"] is True and found["schema"] == "acme.Quote"
    assert seqcast.inspect(channel)["state"] == "closed"


def test_pickles_of_any_size_with_their_buffers(channel):
    numpy = pytest.importorskip("numpy")
    with seqcast.Publisher(channel, max_message_size=1 << 21) as publisher, seqcast.Subscriber(channel) as subscriber:
        for value in (None, {"a": [1, 2]}, numpy.arange(100_000.0), {"x": numpy.ones((3, 5)), "y": (numpy.zeros(0),)}):
            publisher.publish(*seqcast.dumps(value))
            found = seqcast.loads(subscriber.next().data)
            assert pickle.dumps(found) == pickle.dumps(value)
        large = seqcast.loads(b"".join(map(bytes, seqcast.dumps([b"x", numpy.arange(99.0)]))))[1]
        assert not large.flags.writeable and large.flags.aligned and not large.flags.owndata
    for broken in (b"", b"x" * 8, b"\xff" * 64, bytes(8), b"".join(map(bytes, seqcast.dumps(1))) + b"x"):
        with pytest.raises((ValueError, Exception)):
            seqcast.loads(broken)


@pytest.mark.parametrize("gaps", [0, 1, 7, 8, 1000])
def test_what_a_publisher_skips_counts_as_lost(channel, gaps):
    with seqcast.Publisher(channel, capacity=8, gaps=True) as publisher, seqcast.Subscriber(channel) as subscriber:
        assert seqcast.inspect(channel)["gaps"] is True
        assert seqcast.inspect(channel)["mirror"] is False and seqcast.inspect(channel)["id"] > 0
        publisher.publish(b"one")
        assert subscriber.next().sequence == 1
        assert publisher.skip(gaps) == publisher.head == 1 + gaps
        assert subscriber.next() is None
        assert subscriber.next(timeout=0.001) is None
        publisher.publish(b"two")
        message = subscriber.next()
        assert (message.data, message.sequence, message.lost) == (b"two", gaps + 2, gaps)


def test_skip_is_refused_without_gaps_and_beyond_the_last_sequence(channel):
    with seqcast.Publisher(channel) as publisher:
        with pytest.raises(ValueError, match="gaps=True"):
            publisher.skip(1)
        assert publisher.head == 0
    with pytest.raises(seqcast.IdentityError, match="gaps on, found off"):
        seqcast.Publisher(channel, gaps=True)
    with seqcast.Publisher(channel, gaps=True, replace=True) as publisher:
        for count in (2**60 + 1, 2**64 - 1):
            with pytest.raises(ValueError, match="2\\*\\*60"):
                publisher.skip(count)
        for count in (None, "1", 1.5):
            with pytest.raises(TypeError):
                publisher.skip(count)
        with publisher.loan() as buffer:
            with pytest.raises(BufferError):
                publisher.skip(1)
            del buffer
        assert publisher.skip(2**60 - publisher.head) == 2**60
