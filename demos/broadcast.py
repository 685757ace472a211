#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
"""One process hands work of any size to several worker processes, as an inference engine does; all get all of it. One
worker is killed meanwhile. First through seqcast, then through a ring of flags written by hand (flag_ring.py).

Shown of each: how much of the processors the idle workers use in the second after a message, whether the others go on
when one is killed, and what is left in /dev/shm. The ring's workers poll in that second, and yield to whoever else wants
to run: on a machine that has something else to do they use less, and are late instead.
"""
import multiprocessing
import os
import pickle
import time

import numpy
import seqcast
from flag_ring import FlagRing

WORKERS = 3
IDLE = 0.8  # seconds; the ring polls for one after a message
ROOM = 1 << 20
context = multiprocessing.get_context("fork")


def work_of(step):
    """A request and its tensor: of any size."""
    return {"step": step, "tensor": numpy.full(1 << (step % 17), step, dtype=numpy.float32)}


def check(work):
    assert (work["tensor"] == work["step"]).all()


def processor_time(processes):
    """Seconds that they have used so far."""
    ticks = 0
    for process in processes:
        with open(f"/proc/{process.pid}/stat") as stat:
            ticks += sum(int(number) for number in stat.read().rpartition(")")[2].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def worker(receive, number, results):
    """Counts what it receives until it gets None."""
    count = 0
    while (work := receive(number)) is not None:
        check(work)
        count += 1
    results.put(count)


def show(name, send, receive):
    """Sends work, lets the workers idle, kills one, sends more; prints what became of it."""
    results = context.SimpleQueue()
    workers = [context.Process(target=worker, args=(receive, number, results), daemon=True) for number in range(WORKERS)]
    for one in workers:
        one.start()
    for step in range(100):
        send(work_of(step))
    time.sleep(0.1)  # for the last message to arrive
    begin = processor_time(workers)
    time.sleep(IDLE)
    used = processor_time(workers) - begin
    print(f"{name}: {WORKERS} idle workers use {used / IDLE:.2f} of {os.cpu_count()} processors")
    workers[0].kill()
    workers[0].join()
    sent = 0
    try:
        for step in range(100):
            send(work_of(step))
            sent += 1
        send(None)
    except TimeoutError as stuck:
        print(f"{name}: after a worker was killed, sending stopped at message {sent} of 100: {stuck}")
        for one in workers:
            one.kill()
    else:
        counts = [results.get() for _ in workers[1:]]
        print(f"{name}: after a worker was killed, the others got {min(counts)} of 200 messages")
    for one in workers:
        one.join()


def through_seqcast():
    name = f"broadcast-{os.getpid()}"
    with seqcast.Publisher(name, max_message_size=ROOM, capacity=256, remove_on_close=True) as publisher:
        subscriber = seqcast.Subscriber(name)  # which each worker inherits
        show("seqcast  ", lambda work: publisher.publish(*seqcast.dumps(work)),
             lambda number: seqcast.loads(subscriber.next(timeout=None).data))
    print(f"seqcast  : {sum(name in file for file in os.listdir('/dev/shm'))} files left in /dev/shm")


def through_flags():
    ring = FlagRing(WORKERS, slots=10, room=ROOM)
    try:
        show("flag ring", lambda work: ring.write(pickle.dumps(work), seconds=2),
             lambda number: pickle.loads(ring.read(number)))
    finally:
        ring.close(unlink=True)


if __name__ == "__main__":
    through_seqcast()
    through_flags()
