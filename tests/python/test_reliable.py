# SPDX-License-Identifier: BSL-1.0
"""Reliable subscribers: a publisher that waits for them, demotion, and registering again."""
import asyncio
import errno
import math
import os
import pickle
import signal
import threading

import pytest
import seqcast


def fill(publisher):
    """Publishes as long as nobody is in the way; gives the last sequence."""
    for _ in range(1000):
        if publisher.try_publish(b"%d" % (publisher.head + 1)) is None:
            return publisher.head
    raise AssertionError("nobody is ever in the way")


def check_demoted(call):
    with pytest.raises(seqcast.DemotedError, match="register_reliable") as raised:
        call()
    assert raised.value.code == "demoted" and raised.value.errno == errno.ETIMEDOUT
    assert isinstance(raised.value, seqcast.Error) and isinstance(raised.value, OSError)


def test_a_publisher_waits_for_a_reliable_subscriber(channel):
    with seqcast.Publisher(channel, capacity=8, max_blocking_time=math.inf) as publisher:
        with seqcast.Subscriber(channel, reliable=True) as subscriber, seqcast.Subscriber(channel) as other:
            assert subscriber.reliable and not other.reliable
            assert publisher.reliable_subscribers == 1
            assert fill(publisher) == 7
            assert publisher.try_publish(b"in", b"pieces") is None and publisher.head == 7
            found = seqcast.inspect(channel)["reliable_subscribers"]
            assert found == [{"process": os.getpid(), "cursor": 0, "lag": 7, "state": "waited for"}]
            assert [subscriber.next().data for _ in range(2)] == [b"1", b"2"]
            assert publisher.try_publish(b"in", b"pieces") == 8
            with pytest.raises(OSError, match="max_message_size"):
                publisher.try_publish(b"x" * 5000)
            with pytest.raises(TypeError):
                publisher.try_publish()
        assert publisher.reliable_subscribers == 0
        assert all(publisher.try_publish(b"x") for _ in range(100))


@pytest.mark.parametrize("size", [8, 100_000])
@pytest.mark.parametrize("way", ["publish", "publish_many", "loan"])
def test_a_subscriber_in_another_thread_loses_nothing(channel, size, way):
    publisher = seqcast.Publisher(channel, capacity=4, max_message_size=size, max_blocking_time=math.inf)
    subscriber = seqcast.Subscriber(channel, reliable=True)

    def publish():
        for number in range(200):
            message = number.to_bytes(size, "little")
            if way == "publish":
                publisher.publish(message)
            elif way == "loan":
                with publisher.loan(size) as buffer:
                    buffer[:] = message
            elif number % 20 == 0:
                several = b"".join((number + i).to_bytes(size, "little") for i in range(20))
                publisher.publish_many(memoryview(several).cast("B", (20, size)))
        publisher.close()

    thread = threading.Thread(target=publish)
    thread.start()
    received = [(int.from_bytes(message.data, "little"), message.lost) for message in subscriber]
    assert received == [(number, 0) for number in range(200)]
    thread.join()


def test_threads_that_share_a_publisher_wait_for_each_other(channel):
    publisher = seqcast.Publisher(channel, capacity=4, max_blocking_time=math.inf)
    subscriber = seqcast.Subscriber(channel, reliable=True)
    threads = [threading.Thread(target=lambda: [publisher.publish(b"x") for _ in range(100)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for sequence in range(1, 301):
        message = subscriber.next(timeout=None)
        assert (message.sequence, message.lost) == (sequence, 0)
    for thread in threads:
        thread.join()


async def first_of(subscriber):
    async for message in subscriber:
        return message


READS = {
    "next": lambda subscriber: subscriber.next(),
    "a wait": lambda subscriber: subscriber.next(timeout=None),
    "next_many": lambda subscriber: subscriber.next_many(5),
    "view": lambda subscriber: subscriber.view(),
    "iteration": lambda subscriber: next(subscriber),
    "async": lambda subscriber: asyncio.run(first_of(subscriber)),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_one_that_is_in_the_way_for_too_long_is_demoted_and_told_so_once(channel, read):
    with seqcast.Publisher(channel, capacity=8, max_blocking_time=0.01) as publisher:
        subscriber = seqcast.Subscriber(channel, reliable=True)
        for number in range(1, 31):
            publisher.publish(b"%d" % number)
        assert publisher.reliable_subscribers == 0
        assert seqcast.inspect(channel)["reliable_subscribers"][0]["state"] == "demoted"
        check_demoted(lambda: read(subscriber))
        assert not subscriber.reliable
        message = subscriber.next()
        assert message.lost > 0 and message.sequence == message.lost + 1
        while subscriber.next() is not None:
            pass
        assert subscriber.cursor == 30
        subscriber.register_reliable()
        assert subscriber.reliable and publisher.reliable_subscribers == 1
        assert fill(publisher) == 37


def test_it_is_refused_where_the_publisher_waits_for_nobody(channel):
    with seqcast.Publisher(channel) as publisher:
        with pytest.raises(seqcast.Error, match="max_blocking_time") as raised:
            seqcast.Subscriber(channel, reliable=True)
        assert raised.value.code == "not_reliable" and raised.value.errno == errno.EOPNOTSUPP
        subscriber = seqcast.Subscriber(channel)
        with pytest.raises(seqcast.Error, match="max_blocking_time"):
            subscriber.register_reliable()
        assert publisher.try_publish(b"x") == 1 and subscriber.next().data == b"x"
    with pytest.raises(seqcast.Error) as raised:
        seqcast.Publisher(channel, wakeup="polling", max_blocking_time=1)
    assert raised.value.code == "invalid_options"


def test_the_63rd_is_refused(channel):
    with seqcast.Publisher(channel, max_blocking_time=1) as publisher:
        subscribers = [seqcast.Subscriber(channel, reliable=True) for _ in range(62)]
        with pytest.raises(seqcast.Error) as raised:
            seqcast.Subscriber(channel, reliable=True)
        assert raised.value.code == "no_entry" and raised.value.errno == errno.EUSERS
        assert publisher.reliable_subscribers == len(subscribers)


@pytest.mark.parametrize("way", ["publish", "publish_many", "loan"])
def test_a_signal_ends_the_wait_of_a_publisher_and_nothing_is_published(channel, way):
    class Alarm(Exception):
        pass

    publisher = seqcast.Publisher(channel, capacity=8, max_blocking_time=math.inf)

    def ring(*_):
        assert publisher.try_publish(b"from the handler") is None
        raise Alarm

    def publish():
        if way == "loan":
            with publisher.loan(1) as buffer:
                buffer[:] = b"x"
        elif way == "publish":
            publisher.publish(b"x")
        else:
            publisher.publish_many(memoryview(b"xy").cast("B", (2, 1)))

    subscriber = seqcast.Subscriber(channel, reliable=True)
    assert fill(publisher) == 7
    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Alarm):
            publish()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert publisher.head == 7
    assert [subscriber.next().lost for _ in range(7)] == [0] * 7
    assert publisher.publish(b"x") == 8  # it is usable
    publisher.close()


def test_a_forked_copy_is_demoted_and_can_register_by_itself(channel):
    with seqcast.Publisher(channel, capacity=8, max_blocking_time=60) as publisher:
        subscriber = seqcast.Subscriber(channel, reliable=True)
        fill(publisher)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                while subscriber.next() is not None:
                    pass
            except seqcast.DemotedError:
                subscriber.register_reliable()
                status = 0 if subscriber.reliable else 2
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert subscriber.reliable
        assert [subscriber.next().lost for _ in range(7)] == [0] * 7


def test_a_pickled_one_registers_anew(channel):
    with seqcast.Publisher(channel, max_blocking_time=60) as publisher:
        subscriber = seqcast.Subscriber(channel, reliable=True)
        copy = pickle.loads(pickle.dumps(subscriber))
        assert copy.reliable and publisher.reliable_subscribers == 2


@pytest.mark.parametrize("gaps", [3, 100])
def test_skipping_waits_for_a_reliable_subscriber_which_loses_nothing_else(channel, gaps):
    publisher = seqcast.Publisher(channel, capacity=4, gaps=True, max_blocking_time=math.inf)
    subscriber = seqcast.Subscriber(channel, reliable=True)

    def publish():
        for number in range(50):
            publisher.publish(b"%d" % number)
            publisher.skip(gaps)
        publisher.close()

    thread = threading.Thread(target=publish)
    thread.start()
    received = [(int(message.data), message.lost) for message in subscriber]
    thread.join()
    assert received == [(number, gaps if number else 0) for number in range(50)]
    assert subscriber.reliable
