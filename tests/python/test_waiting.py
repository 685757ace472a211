# SPDX-License-Identifier: BSL-1.0
"""Waiting: for messages, for the end, with a time limit, in threads, with selectors and asyncio."""
import asyncio
import contextlib
import resource
import selectors
import signal
import threading
import time

import pytest
import seqcast


def test_a_timeout_ends_a_wait(channel):
    with seqcast.Publisher(channel), seqcast.Subscriber(channel) as subscriber:
        begin = time.monotonic()
        assert subscriber.next(timeout=0.2) is None
        assert time.monotonic() - begin >= 0.2
        assert subscriber.wait_result == "timeout"
        for wrong in (-1, float("nan"), "1"):
            with pytest.raises((ValueError, TypeError)):
                subscriber.next(timeout=wrong)
        with pytest.raises(TypeError):
            subscriber.next(limit=1)
        with pytest.raises(TypeError):
            subscriber.next(1, timeout=1)


def test_iteration_gives_every_message_and_ends_when_the_channel_closes(channel):
    publisher = seqcast.Publisher(channel)
    subscriber = seqcast.Subscriber(channel)

    def publish():
        for number in range(100):
            publisher.publish(b"%d" % number)
            if number % 10 == 0:
                time.sleep(0.001)
        publisher.close()

    thread = threading.Thread(target=publish)
    thread.start()
    assert [int(message.data) for message in subscriber] == list(range(100))
    assert subscriber.wait_result == "closed"
    thread.join()
    with seqcast.Publisher(channel) as successor:  # the same subscriber goes on
        successor.publish(b"again")
        assert subscriber.next(timeout=None).data == b"again"


def test_iteration_ends_when_the_publisher_is_killed(channel, python):
    program = "import sys, seqcast; p = seqcast.Publisher(sys.argv[1]); p.publish(b'1'); print(flush=True); input()"
    publisher = python(program, channel)
    publisher.stdout.readline()
    subscriber = seqcast.Subscriber(channel, start="oldest")
    publisher.kill()
    publisher.wait()
    assert [message.data for message in subscriber] == [b"1"]
    assert subscriber.wait_result == "no publisher"


def test_follow_goes_on_in_the_channel_that_takes_the_place(channel):
    first = seqcast.Publisher(channel)
    subscriber = seqcast.Subscriber(channel, follow=True)
    first.publish(b"first")
    assert subscriber.next(timeout=10).data == b"first"
    first.close()
    assert subscriber.next(timeout=10) is None and subscriber.wait_result == "closed"
    second = seqcast.Publisher(channel, max_message_size=5000, replace=True)
    second.publish(b"second" * 500)
    message = subscriber.next(timeout=100)
    assert message.data == b"second" * 500 and message.sequence == 1
    second.close()


def test_an_idle_wait_sleeps(channel):
    with seqcast.Publisher(channel), seqcast.Subscriber(channel) as subscriber:
        before = resource.getrusage(resource.RUSAGE_SELF)
        subscriber.next(timeout=2)
        after = resource.getrusage(resource.RUSAGE_SELF)
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_other_threads_run_during_a_wait(channel):
    with seqcast.Publisher(channel) as publisher, seqcast.Subscriber(channel) as subscriber:
        timer = threading.Timer(0.1, publisher.publish, (b"from a thread",))
        timer.start()
        view = subscriber.view(timeout=None)
        assert bytes(view.data) == b"from a thread" and view.validate()
        assert subscriber.view(timeout=0.01) is None and subscriber.wait_result == "timeout"
        timer.join()


def test_a_call_from_a_second_thread_is_refused_and_close_ends_the_wait(channel):
    with seqcast.Publisher(channel):
        subscriber = seqcast.Subscriber(channel)
        results = []
        threads = [threading.Thread(target=lambda: results.append(subscriber.next(timeout=None)))]
        threads.append(threading.Thread(target=lambda: results.append(list(other))))
        other = seqcast.Subscriber(channel)
        for thread in threads:
            thread.start()
        for one in (subscriber, other):
            while True:  # until the thread waits
                try:
                    one.lag
                except RuntimeError as refused:
                    assert "another thread" in str(refused)
                    break
        for call in (lambda: subscriber.latest(), lambda: subscriber.seek(1), lambda: subscriber.fileno(),
                     lambda: next(subscriber), lambda: subscriber.view(), lambda: seqcast.wait_any([subscriber])):
            with pytest.raises(RuntimeError, match="another thread"):
                call()
        subscriber.close()
        other.close()
        for thread in threads:
            thread.join()
        assert results.count(None) == 1 and results.count([]) == 1
        assert subscriber.wait_result == "stopped"
        with pytest.raises(ValueError, match="closed"):
            subscriber.next()


@pytest.mark.parametrize("wait", [
    "s.next(timeout=None)", "next(iter(s))", "seqcast.wait_any([s])", "[m for m in s]",
    "seqcast.Subscriber(sys.argv[1] + '-nobody', open_timeout=None)",
    "asyncio.run(all_messages(s))",
])
def test_ctrl_c_is_a_keyboard_interrupt(channel, python, wait):
    program = f"""
        import asyncio, sys, seqcast
        async def all_messages(s):
            return [m async for m in s]
        s = seqcast.Subscriber(sys.argv[1])
        try:
            print(flush=True)
            {wait}
        except KeyboardInterrupt:
            print("interrupted")
    """
    with seqcast.Publisher(channel):
        program = python(program, channel)
        assert program.stdout.readline() == "\n"
        time.sleep(0.1)  # so that it waits, most often
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=100)
        assert out == "interrupted\n", err


def test_a_signal_handler_runs_during_a_wait_and_may_close(channel):
    with seqcast.Publisher(channel):
        subscriber = seqcast.Subscriber(channel)
        calls = []
        old = signal.signal(signal.SIGALRM, lambda *_: (calls.append(1), subscriber.close()))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            assert subscriber.next(timeout=None) is None
        finally:
            signal.signal(signal.SIGALRM, old)
        assert calls == [1] and subscriber.closed


def test_wait_any_gives_the_subscriber_that_is_ready(channel):
    names = [channel, channel + "-b"]
    with contextlib.ExitStack() as stack:
        publishers = [stack.enter_context(seqcast.Publisher(name, remove_on_close=True)) for name in names]
        subscribers = [stack.enter_context(seqcast.Subscriber(name)) for name in names]
        assert seqcast.wait_any(subscribers, timeout=0.05) is None
        publishers[1].publish(b"x")
        assert seqcast.wait_any(subscribers) is subscribers[1]
        assert subscribers[1].wait_result == "message" and subscribers[1].next().data == b"x"
        publishers[0].close()
        assert seqcast.wait_any(subscribers, 100) is subscribers[0] and subscribers[0].wait_result == "closed"
        with pytest.raises(RuntimeError):
            seqcast.wait_any([subscribers[0], subscribers[0]])
        with pytest.raises(TypeError):
            seqcast.wait_any([1])


def test_a_selector_is_told_of_every_message(channel):
    with seqcast.Publisher(channel) as publisher, seqcast.Subscriber(channel) as subscriber:
        with selectors.DefaultSelector() as selector:
            selector.register(subscriber, selectors.EVENT_READ)
            for number in range(50):
                assert not selector.select(0)
                publisher.publish(b"%d" % number)
                assert selector.select(100)
                assert int(subscriber.next().data) == number
                assert subscriber.next() is None
            publisher.close()
            assert selector.select(100)
            assert subscriber.next() is None and subscriber.wait_result == "closed"


def test_async_iteration_ends_when_the_channel_closes(channel):
    async def publish(publisher):
        for number in range(100):
            publisher.publish(b"%d" % number)
            if number % 7 == 0:
                await asyncio.sleep(0.001)
        publisher.close()

    async def receive(subscriber):
        return [int(message.data) async for message in subscriber]

    async def main():
        publisher = seqcast.Publisher(channel)
        receivers = [receive(seqcast.Subscriber(channel)) for _ in range(3)]
        *found, _ = await asyncio.gather(*receivers, publish(publisher))
        assert found == [list(range(100))] * 3

    asyncio.run(main())


def test_async_iteration_can_be_cancelled_and_begun_again(channel):
    async def main():
        with seqcast.Publisher(channel) as publisher, seqcast.Subscriber(channel) as subscriber:
            messages = aiter(subscriber)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(messages), 0.05)
            publisher.publish(b"1")
            publisher.publish(b"2")
            assert (await anext(messages)).data == b"1"
            async for message in subscriber:
                assert message.data == b"2"
                break
            first = asyncio.ensure_future(anext(messages))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="another task"):
                await anext(aiter(subscriber))
            publisher.publish(b"3")
            assert (await first).data == b"3"
            last = asyncio.ensure_future(anext(messages, "the end"))
            await asyncio.sleep(0)
            subscriber.close()
            assert await last == "the end"

    asyncio.run(main())
