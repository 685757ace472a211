# SPDX-License-Identifier: BSL-1.0
"""The benchmark of the Python package: ./bench/run python [--quick].

One process sends to another one: 48 bytes, an object that is pickled to 1 KiB, and a numpy array of 1 MiB; 50 and 1000
times a second, and without a pause. Each round measures every transport in turn, so that what the machine does meanwhile
meets all alike. Printed are the rounds' median, for p50 also the least and the most, and p99 of all rounds' messages. One-way
time is from before the call that sends to after the message can be used; processor time is the receiving process's.
"""
import argparse
import multiprocessing
import os
import pathlib
import pickle
import resource
import statistics
import struct
import sys
import tempfile
import time
import timeit

import numpy
import seqcast

sys.path.append(str(pathlib.Path(__file__).parents[1] / "demos"))
from flag_ring import FlagRing  # noqa: E402

context = multiprocessing.get_context("fork")
now = time.monotonic_ns
STAMP = struct.Struct("<q")
ROOM = (1 << 20) + 4096
RATES = (50, 1000, 0)
KINDS = ("48 B", "1 KiB pickled", "1 MiB numpy")


class Bytes:
    """48 bytes that begin with the time."""

    rest = bytes(40)
    make = staticmethod(lambda stamp: STAMP.pack(stamp) + Bytes.rest)
    stamp = staticmethod(lambda data: STAMP.unpack_from(data)[0])


class Pickled:
    """An object that is pickled to about 1 KiB."""

    rest = {"text": "x" * 900, "numbers": list(range(20))}
    make = staticmethod(lambda stamp: pickle.dumps((stamp, Pickled.rest), protocol=5))
    stamp = staticmethod(lambda data: pickle.loads(data)[0])


class Array:
    """An array of 1 MiB that begins with the time."""

    array = numpy.zeros(1 << 17, numpy.int64)

    @staticmethod
    def make(stamp):
        Array.array[0] = Array.array[-1] = stamp
        return Array.array

    @staticmethod
    def stamp(data):
        array = data if isinstance(data, numpy.ndarray) else numpy.frombuffer(data, numpy.int64)
        return int(array[0]) if array[0] == array[-1] else 0


PAYLOADS = dict(zip(KINDS, (Bytes, Pickled, Array)))


class Seqcast:
    """Sleeps when there is nothing."""

    strategy = "spin_then_sleep"

    def __init__(self, payload):
        self.name = f"seqcast-bench-python-{os.getpid()}"
        size = memoryview(payload.make(now())).nbytes
        self.publisher = seqcast.Publisher(self.name, max_message_size=size + 16, message_alignment=64,
                                           remove_on_close=True)

    def sender(self):
        pass

    def receiver(self):
        self.subscriber = seqcast.Subscriber(self.name, strategy=self.strategy, dtype="i8")

    def send(self, data):
        if isinstance(data, numpy.ndarray):
            with self.publisher.loan(data.nbytes) as buffer:
                numpy.copyto(numpy.frombuffer(buffer, data.dtype), data)
        else:
            self.publisher.publish(data)

    def receive(self, payload):
        if payload is not Array:
            return payload.stamp(self.subscriber.next(timeout=None).data)
        while True:
            view = self.subscriber.view(timeout=None)
            stamp = payload.stamp(view.array)
            if view.validate():
                return stamp

    def close(self):
        self.publisher.close()


class SeqcastSpinning(Seqcast):
    """Keeps a core."""

    strategy = "spin"


class Pipe:
    def __init__(self, payload):
        self.incoming, self.outgoing = context.Pipe(duplex=False)

    def sender(self):
        pass

    receiver = close = sender

    def send(self, data):
        if isinstance(data, numpy.ndarray):
            self.outgoing.send(data)
        else:
            self.outgoing.send_bytes(data)

    def receive(self, payload):
        return payload.stamp(self.incoming.recv() if payload is Array else self.incoming.recv_bytes())


class Queue(Pipe):
    def __init__(self, payload):
        self.queue = context.Queue(8)

    def send(self, data):
        self.queue.put(data.copy() if isinstance(data, numpy.ndarray) else data)

    def receive(self, payload):
        return payload.stamp(self.queue.get())


class ZeroMQ:
    def __init__(self, payload):
        self.address = f"ipc://{tempfile.mkdtemp()}/socket"

    def _socket(self, kind):
        import zmq

        socket = zmq.Context().socket(kind)
        socket.set_hwm(8)
        return socket

    def sender(self):
        import zmq

        self.socket = self._socket(zmq.PUSH)
        self.socket.bind(self.address)

    def receiver(self):
        import zmq

        self.socket = self._socket(zmq.PULL)
        self.socket.connect(self.address)

    def send(self, data):
        self.socket.send(data, copy=not isinstance(data, numpy.ndarray))

    def receive(self, payload):
        return payload.stamp(self.socket.recv(copy=payload is not Array))

    def close(self):
        self.socket.close(linger=0)


class Flags:
    """Polls with sched_yield() for 1 s, then sleeps."""

    spin = 1.0

    def __init__(self, payload):
        self.ring = FlagRing(1, slots=8, room=ROOM, spin=self.spin)

    def sender(self):
        pass

    def receiver(self):
        pass

    def send(self, data):
        self.ring.write(memoryview(data).cast("B") if isinstance(data, numpy.ndarray) else data, seconds=60)

    def receive(self, payload):
        return payload.stamp(self.ring.read(0))

    def close(self):
        self.ring.close(unlink=True)


class ParkedFlags(Flags):
    """Polls for 2 ms, then waits for a message of ZeroMQ's that follows each of the ring's."""

    spin = 0.002

    def __init__(self, payload):
        super().__init__(payload)
        self.bell = ZeroMQ(payload)

    def sender(self):
        self.bell.sender()

    def receiver(self):
        import zmq

        self.bell.receiver()
        poller = zmq.Poller()
        poller.register(self.bell.socket, zmq.POLLIN)

        def park():
            poller.poll(100)
            try:
                while True:
                    self.bell.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                pass

        self.ring.park = park

    def send(self, data):
        import zmq

        super().send(data)
        try:
            self.bell.socket.send(b"", zmq.NOBLOCK)
        except zmq.Again:  # the receiver polls, and takes none
            pass

    def close(self):
        self.bell.close()
        super().close()


TRANSPORTS = {
    "seqcast, asleep": Seqcast,
    "seqcast, spinning": SeqcastSpinning,
    "Pipe": Pipe,
    "Queue": Queue,
    "ZeroMQ ipc": ZeroMQ,
    "flag ring, 1 s sched_yield": Flags,
    "flag ring, 2 ms then ZeroMQ": ParkedFlags,
}


def receive_all(transport, payload, ready, results):
    """Receives until a message's time is 1; gives one-way times in us, received per second, and processor time."""
    transport.receiver()
    ready.send(True)
    times = []
    begin = usage = None
    while (stamp := transport.receive(payload)) != 1:
        if begin is None:  # the first one warms up
            begin, usage = now(), resource.getrusage(resource.RUSAGE_SELF)
        elif stamp > 0:
            times.append((now() - stamp) / 1e3)
    after = resource.getrusage(resource.RUSAGE_SELF)
    wall = (now() - begin) / 1e9
    used = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    results.send((times, len(times) / wall, 100 * used / wall))
    os._exit(0)  # without what the interpreter would clear up


def measure(transport_type, payload, rate, seconds):
    transport = transport_type(payload)
    ready, tell_ready = context.Pipe(duplex=False)
    results, give_results = context.Pipe(duplex=False)
    receiver = context.Process(target=receive_all, args=(transport, payload, tell_ready, give_results), daemon=True)
    receiver.start()
    transport.sender()
    ready.recv()
    time.sleep(0.1)
    end = now() + int(seconds * 1e9)
    pause = 1 / rate if rate else 0
    due = time.monotonic()
    while now() < end:
        if pause:
            due += pause
            time.sleep(max(0.0, due - time.monotonic()))
        transport.send(payload.make(now()))
    time.sleep(0.05)
    deadline = time.monotonic() + 60
    while not results.poll(0.02):  # a message may be lost, the last one too
        transport.send(payload.make(1))
        if time.monotonic() > deadline:
            receiver.kill()
            raise TimeoutError(f"{transport_type.__name__} did not end")
    times, received, used = results.recv()
    receiver.join()
    transport.close()
    return times, received, used


class Result:
    """What the rounds of one transport gave, and their medians."""

    def __init__(self, rounds):
        self.p50s = [statistics.median(times) for times, _, _ in rounds]
        self.useds = [used for _, _, used in rounds]
        self.p50 = statistics.median(self.p50s)
        together = sorted(time for times, _, _ in rounds for time in times)
        self.p99 = together[int(len(together) * 0.99)]
        self.received = statistics.median(received for _, received, _ in rounds)
        self.used = statistics.median(self.useds)


def calls(rounds):
    """Nanoseconds a message of 48 bytes, in one process: publish(), next(), publish_many() and next_many() of 1000."""
    found = []
    many = numpy.zeros((1000, 48), numpy.uint8)
    with seqcast.Publisher(f"seqcast-bench-calls-{os.getpid()}", capacity=1024, remove_on_close=True) as publisher:
        subscriber = seqcast.Subscriber(publisher.location)
        scope = {"publisher": publisher, "subscriber": subscriber, "data": bytes(48), "many": many,
                 "publish": publisher.publish, "next": subscriber.next}
        for _ in range(50 * rounds):
            found.append([timeit.timeit(code, globals=scope, number=number) * 1e6 for code, number in (
                ("publish(data)", 1000), ("next()", 1000), ("publisher.publish_many(many)", 1),
                ("subscriber.next_many(1000)", 1))])
    return [statistics.median(column) for column in zip(*found)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--quick", action="store_true", help="one round of half a second each: a minute and a half")
    arguments.add_argument("--rounds", type=int, default=5, help="rounds of a second each [5: seven minutes]")
    options = arguments.parse_args()
    rounds, seconds = (1, 0.5) if options.quick else (options.rounds, 1)
    found = {}
    for number in range(rounds):
        for kind in KINDS:
            for rate in RATES:
                for name, transport in TRANSPORTS.items():
                    print(f"\rround {number + 1} of {rounds}: {kind}, {rate or 'no'} a second, {name:30}", end="",
                          file=sys.stderr, flush=True)
                    figures = measure(transport, PAYLOADS[kind], rate, seconds if rate else seconds / 2)
                    found.setdefault((kind, rate, name), []).append(figures)
    print("\r" + " " * 78 + "\r", end="", file=sys.stderr)
    results = {key: Result(rows) for key, rows in found.items()}
    for kind in KINDS:
        for rate in RATES:
            print(f"\n{kind}, {f'{rate} a second' if rate else 'without a pause'}\n"
                  f"{'':30}{'p50 us':>10}{'from':>9}{'to':>9}{'p99 us':>10}{'received/s':>12}{'CPU %':>8}")
            for name in TRANSPORTS:
                one = results[kind, rate, name]
                print(f"{name:30}{one.p50:10.1f}{min(one.p50s):9.1f}{max(one.p50s):9.1f}{one.p99:10.1f}{one.received:12.0f}"
                      f"{one.used:8.1f}")
    publish, next_, publish_many, next_many = calls(rounds)
    print(f"\none message of 48 B: publish {publish:.0f} ns, next {next_:.0f} ns; of 1000 in one call: publish_many "
          f"{publish_many:.1f} ns, next_many {next_many:.1f} ns\n")
    asleep, spinning = results[KINDS[0], 50, "seqcast, asleep"], results[KINDS[0], 1000, "seqcast, spinning"]
    parked, yielding = results[KINDS[0], 50, "flag ring, 2 ms then ZeroMQ"], results[KINDS[0], 1000, "flag ring, 1 s sched_yield"]
    in_place, pipe = results[KINDS[2], 50, "seqcast, asleep"], results[KINDS[2], 50, "Pipe"]
    for ours, most, goal in (
        (asleep.p50s, [0.5 * p50 for p50 in parked.p50s], "us asleep at 50/s, half of the parked ring's"),
        (asleep.useds, [1], "% of a core asleep at 50/s"),
        (spinning.p50s, yielding.p50s, "us spinning at 1000/s, the spinning ring's"),
        (in_place.p50s, [0.3 * p50 for p50 in pipe.p50s], "us for 1 MiB by loan and view, 0.3 of Pipe's"),
        ([publish], [300], "ns for a publish of 48 B"),
        ([next_], [400], "ns for a next of 48 B"),
    ):
        median, limit = statistics.median(ours), statistics.median(most)
        pairs = list(zip(ours, most * len(ours) if len(most) == 1 else most))
        held = f", in {sum(one <= other for one, other in pairs)} of {len(pairs)} rounds" if len(pairs) > 1 else ""
        print(f"{'met   ' if median <= limit else 'MISSED'}  {median:.4g}, at most {limit:.4g} {goal}{held}")


if __name__ == "__main__":
    main()
