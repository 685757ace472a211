# SPDX-License-Identifier: BSL-1.0
"""Processes: fork and spawn, pickles, the resource tracker, sub-interpreters, the end of the interpreter."""
import copy
import multiprocessing
import os
import pathlib
import pickle
import subprocess
import sys

import pytest
import seqcast


def sum_of(subscriber, results):
    results.put(sum(int(message.data) for message in subscriber))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_subscribers_are_handed_to_processes_of_multiprocessing(channel, method):
    context = multiprocessing.get_context(method)
    publisher = seqcast.Publisher(channel)
    subscriber = seqcast.Subscriber(channel)
    subscriber.fileno()  # its helper thread does not exist in a child
    publisher.publish(b"1")
    assert subscriber.next().data == b"1"
    results = context.Queue()
    children = [context.Process(target=sum_of, args=(subscriber, results)) for _ in range(2)]
    for child in children:
        child.start()
    for number in range(2, 101):
        publisher.publish(b"%d" % number)
    publisher.close()
    assert [results.get(timeout=200) for _ in children] == [5049, 5049]
    for child in children:
        child.join()
        assert child.exitcode == 0


def test_an_inherited_publisher_is_refused_and_leaves_the_channel_alone(channel):
    with seqcast.Publisher(channel) as publisher:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                publisher.publish(b"from the child")
            except RuntimeError as refused:
                status = 0 if "fork" in str(refused) else 2
            publisher.close()
            del publisher
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert publisher.publish(b"from the parent") == 1
        assert seqcast.inspect(channel)["publisher_alive"]


def test_a_subscriber_pickles_as_its_location(channel, tmp_path, monkeypatch):
    with seqcast.Publisher(channel) as publisher:
        subscriber = seqcast.Subscriber(channel=channel, start="oldest", resume="oldest")
        publisher.publish(b"1")
        publisher.publish(b"2")
        subscriber.next()
        for again in (pickle.loads(pickle.dumps(subscriber)), copy.copy(subscriber)):
            assert again.location == channel and again.next().data == b"2"
        with pytest.raises(TypeError, match="one"):
            pickle.dumps(publisher)
    monkeypatch.chdir(tmp_path)
    with seqcast.Publisher(pathlib.Path("test.dat")) as publisher:
        pickled = pickle.dumps(seqcast.Subscriber("./test.dat"))
        monkeypatch.chdir("/")
        publisher.publish(b"x")
        assert pickle.loads(pickled).next().data == b"x"


def test_neither_numpy_nor_asyncio_nor_the_resource_tracker_is_loaded(channel, python):
    program = """
        import sys, seqcast
        p = seqcast.Publisher(sys.argv[1]); s = seqcast.Subscriber(sys.argv[1])
        p.publish(b"x"); s.next().data; s.fileno()
        print([name for name in sys.modules if name.partition(".")[0] in ("numpy", "asyncio", "multiprocessing")])
    """
    out, err = python(program, channel).communicate(timeout=100)
    assert out == "[]\n", err


def test_the_resource_tracker_is_never_touched(channel):
    from multiprocessing import resource_tracker
    before = resource_tracker._resource_tracker._fd
    with seqcast.Publisher(channel), seqcast.Subscriber(channel) as subscriber:
        pickle.dumps(subscriber)
    assert resource_tracker._resource_tracker._fd == before


def test_a_sub_interpreter_is_refused(python):
    program = """
        import _xxsubinterpreters as interpreters
        one = interpreters.create()
        try:
            interpreters.run_string(one, "import seqcast")
        except interpreters.RunFailedError as failure:
            print("sub-interpreter" in str(failure))
        interpreters.destroy(one)
        import seqcast
        print(seqcast.channels() is not None)
    """
    out, err = python(program).communicate(timeout=100)
    assert out == "True\nTrue\n", err


def test_a_thread_that_waits_does_not_disturb_the_end_of_the_program(channel, python):
    program = """
        import sys, threading, time, seqcast
        s = seqcast.Subscriber(sys.argv[1])
        threading.Thread(target=lambda: [0 for m in s], daemon=True).start()
        while True:
            try:
                s.lag
            except RuntimeError:
                break
        class Late:
            def __del__(self):
                time.sleep(0.3)
        keep = Late()
    """
    with seqcast.Publisher(channel):
        program = python(program, channel)
        out, err = program.communicate(timeout=100)
        assert (program.returncode, out, err) == (0, "", "")


def test_it_is_clean_in_development_mode(channel, python):
    program = """
        import asyncio, sys, warnings, seqcast
        p = seqcast.Publisher(sys.argv[1], remove_on_close=True); s = seqcast.Subscriber(sys.argv[1])
        async def main():
            asyncio.get_running_loop().call_later(0.05, p.close)
            return [m.data async for m in s]
        p.publish(b"x")
        print(asyncio.run(main()))
    """
    out, err = python(program, channel, options=("-X", "dev", "-W", "error")).communicate(timeout=100)
    assert (out, err) == ("[b'x']\n", "")


def test_it_can_be_imported_again(channel, python):
    program = """
        import importlib, sys, seqcast
        old = seqcast.Publisher(sys.argv[1])
        for name in [n for n in sys.modules if n.startswith("seqcast")]: del sys.modules[name]
        import seqcast
        old.publish(b"1")
        with seqcast.Subscriber(sys.argv[1], start="oldest") as s: print(s.next().data)
    """
    out, err = python(program, channel).communicate(timeout=100)
    assert out == "b'1'\n", err
