# SPDX-License-Identifier: BSL-1.0
"""Memory: what refers to a mapping keeps it or is refused, nothing leaks, and failed allocations leave all as it was."""
import gc
import os
import pathlib
import sys

import pytest
import seqcast

numpy = pytest.importorskip("numpy")


def test_a_views_memory_outlives_view_subscriber_and_close(channel):
    publisher = seqcast.Publisher(channel, remove_on_close=True)
    publisher.publish(b"x" * 1000)
    subscriber = seqcast.Subscriber(channel, start="oldest")
    view = subscriber.view()
    data, array = view.data, view.array
    assert data.readonly and not array.flags.writeable
    with pytest.raises((TypeError, ValueError)):
        data[0] = 1
    subscriber.close()
    with pytest.raises(ValueError, match="ended"):
        view.validate()
    with pytest.raises(ValueError, match="ended"):
        view.data
    publisher.close()
    del subscriber, view
    gc.collect()
    mapped = lambda: channel in pathlib.Path("/proc/self/maps").read_text()
    assert bytes(data) == b"x" * 1000 == array.tobytes()
    del data
    assert mapped() and array[999] == ord("x")
    del array
    assert not mapped()


def test_what_takes_a_views_memory_away_is_refused(channel):
    with seqcast.Publisher(channel) as publisher, seqcast.Subscriber(channel, follow=True) as subscriber:
        publisher.publish(b"1")
        array = subscriber.view().array
        with pytest.raises(BufferError, match="still exists"):
            subscriber.reopen()
        assert subscriber.next().data == b"1"
        with pytest.raises(BufferError, match="still exists"):
            subscriber.next(timeout=1)
        del array
        assert subscriber.next(timeout=0.01) is None
        assert subscriber.reopen() is False


def test_a_view_ends_with_seek_and_lapped_views_are_not_valid(channel):
    with seqcast.Publisher(channel, capacity=2) as publisher, seqcast.Subscriber(channel) as subscriber:
        publisher.publish(b"1")
        view = subscriber.view()
        assert view.sequence == 1 and view.lost == 0 and view.published_at is None
        assert view.validate() and view.validate()
        publisher.publish(b"2")
        publisher.publish(b"3")
        assert not view.validate()
        subscriber.seek(1)
        with pytest.raises(ValueError, match="seek"):
            view.validate()
        assert subscriber.view(latest=True).sequence == 3


def test_a_loan_is_published_at_the_end_of_its_block_or_dropped(channel):
    with seqcast.Publisher(channel) as publisher, seqcast.Subscriber(channel) as subscriber:
        loan = publisher.loan(5)
        with loan as buffer:
            buffer[:] = b"hello"
            assert loan.sequence is None
        assert loan.sequence == 1 and subscriber.next().data == b"hello"
        with pytest.raises(ValueError, match="released"):
            buffer[0] = 1
        with pytest.raises(ValueError, match="once"):
            with loan:
                pass
        with pytest.raises(KeyError):
            with publisher.loan(5):
                raise KeyError
        assert publisher.head == 1
        loan = publisher.loan()
        with loan as buffer:
            assert len(buffer) == publisher.max_message_size
            buffer[:2] = b"ab"
            with pytest.raises(ValueError, match="shrink"):
                loan.size = 5000
            loan.size = 2
        assert subscriber.next().data == b"ab"
        with pytest.raises(OSError, match="1025"):
            publisher.loan(1025)
        with pytest.raises(BufferError, match="with block"):
            memoryview(publisher.loan(5))


def test_nothing_else_is_published_while_a_loan_is_open(channel):
    with seqcast.Publisher(channel) as publisher:
        with publisher.loan(5):
            for call in (lambda: publisher.publish(b"x"), lambda: publisher.publish(b"x", b"y"), publisher.close,
                         publisher.loan(5).__enter__):
                with pytest.raises(BufferError, match="loan"):
                    call()
        assert publisher.publish(b"x") == 2


def test_an_array_that_outlives_a_loan_cannot_change_a_published_message(channel):
    publisher = seqcast.Publisher(channel)
    with pytest.raises(BufferError, match="Nothing was published"):
        with publisher.loan(8) as buffer:
            array = numpy.frombuffer(buffer, "f8")
    array[:] = 1  # its memory is still there
    for call in (lambda: publisher.publish(b"x"), publisher.close):
        with pytest.raises(BufferError):
            call()
    del array
    with pytest.raises(BufferError):
        with publisher.loan(8) as buffer:
            part = buffer[2:4]
    assert publisher.head == 0
    del part
    with publisher.loan(8) as buffer:
        numpy.copyto(numpy.frombuffer(buffer, "f8"), [1.5])
    assert publisher.head == 1
    loan = publisher.loan(3)
    loan.__enter__()
    del loan, buffer  # its block never ends
    gc.collect()
    publisher.close()


def test_what_is_closed_says_so(channel):
    publisher = seqcast.Publisher(channel)
    subscriber = seqcast.Subscriber(channel)
    publisher.close(), publisher.close(), subscriber.close(), subscriber.close()
    assert publisher.closed and subscriber.closed and "closed" in repr(publisher) and "closed" in repr(subscriber)
    for call in (lambda: publisher.publish(b""), lambda: publisher.loan(), lambda: publisher.head,
                 publisher.__enter__, lambda: subscriber.next(), lambda: subscriber.latest(), lambda: list(subscriber),
                 lambda: subscriber.view(), lambda: subscriber.lag, subscriber.fileno, subscriber.__enter__,
                 lambda: seqcast.wait_any([subscriber])):
        with pytest.raises(ValueError, match="closed"):
            call()
    assert publisher.location == subscriber.location == channel


def use_everything(channel):
    with seqcast.Publisher(channel, remove_on_close=True, timestamps=True, dtype="u1", max_message_size=200_000) as p:
        with seqcast.Subscriber(channel, start="oldest", dtype="u1") as s:
            p.publish(b"abc")
            p.publish(b"a", b"b" * 100_000)
            with p.loan(3) as buffer:
                buffer[:] = b"123"
            view = s.view()
            view.data, view.array, view.validate(), view.published_at
            s.latest().array
            s.seek(1)
            assert s.next(timeout=1).published_at and len(s.next().data) == 100_001
            s.fileno()
            repr(s.next()), repr(p), repr(s), seqcast.inspect(channel), seqcast.wait_any([s], 0)
            assert s.next() is None
            for call in (lambda: p.publish(b"x" * 300_000), lambda: seqcast.Publisher(channel), lambda: s.seek("x"),
                         lambda: seqcast.Subscriber(channel + "-none"), lambda: p.publish(1), lambda: p.publish(b"", 1)):
                try:
                    call()
                    assert False
                except (OSError, TypeError):
                    pass


def test_nothing_leaks(channel):
    def resources():
        gc.collect()
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    use_everything(channel)
    before = resources()
    blocks = []

    def settled():
        return len(blocks) > 4 and blocks[-1] - blocks[-5] < 40

    # CPython's free lists grow for a while, how long depends on what ran before. What leaks with each use, 80 in
    # four rounds, grows for ever.
    while not settled() and len(blocks) < 100:
        for _ in range(20):
            use_everything(channel)
        gc.collect()
        blocks.append(sys.getallocatedblocks())
    after = resources()
    assert after == before
    assert not [name for name in os.listdir("/dev/shm") if channel in name]
    assert settled(), blocks


def test_a_failed_allocation_is_a_memory_error_and_loses_nothing(channel):
    testcapi = pytest.importorskip("_testcapi")
    with seqcast.Publisher(channel) as publisher, seqcast.Subscriber(channel) as subscriber:
        expected = published = failures = 0

        def fail_at(allocation, call):
            nonlocal failures
            testcapi.set_nomemory(allocation, allocation + 1)
            try:
                return call()
            except seqcast.NoChannelError:
                return None
            except MemoryError:
                failures += 1
                return None
            except SystemError as failure:  # CPython's own, where it has no memory for a frame of Python code
                assert "without exception set" in str(failure)
                return None
            finally:
                testcapi.remove_mem_hooks()

        for allocation in range(12):
            for call in (lambda: publisher.publish(b"x", b"y"), lambda: publisher.publish(b"xy")):
                fail_at(allocation, call)
            for call in (lambda: subscriber.view(), lambda: subscriber.seek(1), lambda: publisher.loan(3),
                         lambda: repr(subscriber), lambda: subscriber.view().array, lambda: seqcast.inspect(channel)):
                subscriber.seek(publisher.head)
                fail_at(allocation, call)
            subscriber.seek(1)
            expected = subscriber.cursor
            while expected < publisher.head:
                message = fail_at(allocation, subscriber.next) or subscriber.next()
                assert message.sequence == expected + 1 and message.lost == 0 and message.data == b"xy"
                expected += 1
            fail_at(allocation, lambda: seqcast.Subscriber(channel).close())
            fail_at(allocation, lambda: seqcast.Subscriber(channel + "-none"))
        assert failures > 20
