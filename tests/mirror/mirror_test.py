# SPDX-License-Identifier: BSL-1.0
"""Channels mirrored between hosts by seqcast-dds, over networks that lose, delay, reorder and divide, while programs on
each side are killed. What is checked is exact: every message whole, with the sequence, epoch and time that its origin
gave it, and every other one counted as lost. No verdict depends on how long anything takes.

    mirror_test.py SEQCAST_DDS FOLDER [WORD...]    FOLDER of mirror_network and mirror_endpoint; all scenarios, or those
                                                   whose names contain one of the words

SEQCAST_SEED=NUMBER makes the random choices of another run again. SEQCAST_LONG=1 kills at random for two minutes.
"""
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback

import hosts

SEED = int(os.environ.get("SEQCAST_SEED") or random.SystemRandom().randrange(1 << 32))
LONG = os.environ.get("SEQCAST_LONG") == "1"
KILLING_SECONDS = 120 if LONG else 3
NAME = "mirror"  # of the channel, where there is but one

# A host that has died is given up after 2 s instead of 10, and hosts search for each other twice a second, so
# that the scenarios end sooner. The clean network has the defaults.
IMPATIENT = (
    "<CycloneDDS><Domain><Discovery><SPDPInterval>500ms</SPDPInterval><LeaseDuration>2s</LeaseDuration></Discovery>"
    "</Domain></CycloneDDS>"
)

scenarios = []


def scenario(sentence, number_of_hosts=2):
    """Adds a function of a Stage to the scenarios."""

    def add(function):
        scenarios.append((sentence, number_of_hosts, function))
        return function

    return add


class Account:
    """What a subscriber has received, checked by itself: see mirror_endpoint."""

    def __init__(self, subscriber):
        self.all = json.loads(subscriber.ask("account"))
        self.text = json.dumps(self.all, indent=1)
        self.channels = self.all["channels"]
        self.last = self.channels[-1]
        assert self.all["wrong"] == 0, self.text
        for one in self.channels:
            assert one["received"] == 0 or one["before"] + one["received"] + one["lost"] == one["last"], self.text

    def lost(self, number):
        assert self.last["lost"] == number, f"{number} should be lost\n{self.text}"
        return self

    def up_to(self, sequence):
        assert self.last["last"] == sequence, f"the last message should be {sequence}\n{self.text}"
        assert self.all["head"] == sequence, f"the head should be {sequence}\n{self.text}"
        return self

    def from_first(self):
        assert self.last["before"] == 0, f"nothing should have been gone\n{self.text}"
        return self

    def channels_seen(self, number):
        assert len(self.channels) == number, f"there should be {number} channels, one after the other\n{self.text}"
        return self

    def times(self, shifts_at_most=0, ahead=1):
        """Times were compared, and shifted only when a program in between was started again: by the steady clocks'
        difference, but for what the wall clock was set meanwhile."""
        assert self.last["time_pairs"] > 0, f"no times were compared\n{self.text}"
        assert self.last["time_shifts"] <= shifts_at_most, f"times were shifted\n{self.text}"
        hours = abs(self.last["shift_ns"] / 1e9 - ahead * hosts.CLOCK_STEP) / 3600
        assert hours < 1, f"times are not of this host's clock\n{self.text}"
        return self


class Stage:
    """The hosts of one scenario, and what runs on them."""

    def __init__(self, number_of_hosts, programs, folder):
        self.programs = programs
        self.uri = IMPATIENT
        self.largest = 1024
        self.network = hosts.Network(number_of_hosts, programs["network"], SEED, folder)
        self.random = random.Random(SEED)

    def endpoint(self, host, role, name, *words):
        return self.network.hosts[host].start(f"{role}-{name}", self.programs["endpoint"], role, name, *map(str, words))

    def origin(self, host, *, name=NAME, tag=1, **options):
        """Publishes as it is told."""
        if "schema" not in options:
            self.largest = options.setdefault("max_message_size", self.largest)
        process = self.endpoint(host, "origin", name, tag, *(f"{key}={value}" for key, value in options.items()))
        process.read_line()  # its head
        return process

    def subscriber(self, host, *, name=NAME, largest=None):
        """Checks what it receives as soon as there is a channel."""
        return self.endpoint(host, "subscriber", name, self.largest if largest is None else largest)

    def identity(self, host, name=NAME):
        return self.network.hosts[host].command(self.programs["endpoint"], "identity", name)

    def peer(self, host, program, *words):
        """A program that uses DDS."""
        environment = {"CYCLONEDDS_URI": self.uri} if self.uri else {}
        name = "-".join((program, *words))
        return self.network.hosts[host].start(name, self.programs[program], *words, environment=environment)

    def send(self, host, *words):
        return self.peer(host, "dds", "send", *(words or (NAME,)))

    def receive(self, host, *words):
        return self.peer(host, "dds", "receive", *(words or (NAME,)))

    def pair(self, **options):
        """A channel on host 1, mirrored on host 2."""
        origin = self.origin(1, **options)
        self.sender, self.receiver = self.send(1), self.receive(2)
        return origin, self.subscriber(2)


def reach(subscriber, sequence):
    subscriber.ask(f"await sequence {sequence}")


def publish(origin, count):
    return int(origin.ask(f"publish {count}"))


def close(origin):
    origin.tell("close")
    assert origin.ends() == 0, origin.said()


@scenario("a clean network: every message arrives, with its numbers and times, and the end as well")
def clean(stage):
    stage.uri = None
    origin, far = stage.pair(capacity=1024, max_message_size=65536)
    for count in (1, 1, 100, 800):
        head = publish(origin, count)
        reach(far, head)
    Account(far).from_first().lost(0).up_to(head).times()
    head = publish(origin, 20_000)  # faster than anything reads
    head = publish(origin, 1)
    reach(far, head)
    Account(far).up_to(head).times()
    close(origin)
    far.ask("await state closed")
    assert stage.sender.ends(signal.SIGINT) == -signal.SIGINT, stage.sender.said()
    assert stage.receiver.ends(signal.SIGTERM) == -signal.SIGTERM, stage.receiver.said()


@scenario("a mirror is the same channel: capacity, sizes, times, schema, wakeup")
def properties(stage):
    kinds = {
        "plain": {},
        "schema": {"schema": "acme.Quote{bid:f64,ask:f64,levels:{price:f32,volume:u64}[2]}", "capacity": 16},
        "name-only": {"schema": "acme.Order", "message_alignment": 64},
        "no-times": {"timestamps": 0, "capacity": 2, "max_message_size": 0},
        "copy-behind": {"copy_behind": 1, "wakeup": 1, "capacity": 8, "max_message_size": 200_000},
        "polling": {"wakeup": 2, "capacity": 64},
    }
    origins = {name: stage.origin(1, name=name, **options) for name, options in kinds.items()}
    stage.send(1, "--all")
    stage.receive(2, "*")
    for name, origin in origins.items():
        far = stage.endpoint(2, "subscriber", name, largest_of(stage.identity(1, name)))
        head = publish(origin, 1)
        reach(far, head)
        Account(far).lost(0).up_to(head)
        assert_same_channel(stage, name)


def assert_same_channel(stage, name=NAME):
    one, two = stage.identity(1, name), stage.identity(2, name)
    assert one == two, f"{one}\n{two}"


def largest_of(identity):
    return int(identity.split("max_message_size ")[1].split()[0])


def over_bad_network(stage, *commands):
    for command in commands:
        stage.network.set(command)
    origin, far = stage.pair(capacity=256, max_message_size=20_000 if LONG else 3000)
    for _ in range(20 if LONG else 2):
        head = publish(origin, 50)
        reach(far, head)
    Account(far).from_first().lost(0).up_to(head).times()
    origin.ask("run")
    reach(far, head + (3000 if LONG else 100))
    origin.ask("stop")
    head = publish(origin, 500)
    close(origin)
    far.ask("await state closed")
    Account(far).up_to(head).times()


@scenario("a fifth of all frames is lost")
def loss(stage):
    over_bad_network(stage, "loss 20")
    assert stage.network.counts()[1] > 0


@scenario("frames arrive late, out of order and twice")
def disorder(stage):
    over_bad_network(stage, "delay 50 30", "duplicate 20")
    assert stage.network.counts()[2] > 0


@scenario("a network that is divided for a while: nothing is lost that the origin still holds")
def partition(stage):
    origin, far = stage.pair(capacity=64)
    head = publish(origin, 10)
    reach(far, head)
    stage.network.set("partition 1 2")
    publish(origin, 40)
    stage.network.well()
    head = publish(origin, 1)
    reach(far, head)
    Account(far).from_first().lost(0).up_to(head).times()
    stage.network.set("partition 1 2")
    far.ask("await state closed")  # the origin is no longer heard of
    head = publish(origin, 40)
    stage.network.well()
    reach(far, head)
    Account(far).from_first().lost(0).up_to(head).times()
    stage.network.set("partition 1 2")
    far.ask("await state closed")
    head = publish(origin, 1000)
    stage.network.well()
    reach(far, head)
    account = Account(far).up_to(head).times()
    assert account.last["lost"] >= 1000 - 64, account.text


@scenario("a sender that is killed and started again: the mirror goes on, without a loss or a message twice")
def sender_killed(stage):
    origin, far = stage.pair(capacity=64)
    head = publish(origin, 10)
    for time_of_kill in range(3):
        reach(far, head)
        stage.sender.kill()
        head = publish(origin, 20)
        stage.sender = stage.send(1)
        head = publish(origin, 20)
    reach(far, head)
    Account(far).from_first().lost(0).up_to(head).times(shifts_at_most=3).channels_seen(1)


@scenario("a sender whose successor is weaker: what that sends while its predecessor is not yet given up arrives, too")
def sender_weaker(stage):
    origin = stage.origin(1, capacity=64)
    sender = stage.send(1, NAME, "--strength", "1")
    stage.receive(2)
    far = stage.subscriber(2)
    reach(far, publish(origin, 10))
    sender.kill()
    head = publish(origin, 20)
    stage.send(1)
    reach(far, head)
    Account(far).from_first().lost(0).up_to(head).times(shifts_at_most=1).channels_seen(1)


@scenario("a receiver that is killed and started again goes on from where its channel stands")
def receiver_killed(stage):
    origin, far = stage.pair(capacity=64)
    head = publish(origin, 10)
    for _ in range(3):
        reach(far, head)
        stage.receiver.kill()
        head = publish(origin, 20)
        stage.receiver = stage.receive(2)
        head = publish(origin, 20)
    reach(far, head)
    Account(far).from_first().lost(0).up_to(head).times(shifts_at_most=3).channels_seen(1)


@scenario("an origin that is killed, and goes on in a new epoch")
def origin_killed(stage):
    origin, far = stage.pair(capacity=64)
    for epoch in range(1, 4):
        head = publish(origin, 20)
        reach(far, head)
        account = Account(far).from_first().lost(0).up_to(head).times()
        assert account.last["epoch"] == epoch, account.text
        assert account.last["epochs_unknown"] == 0, account.text
        if epoch == 2:
            close(origin)
        else:
            origin.kill()
        far.ask("await state closed")
        origin = stage.origin(1, capacity=64)
        far.ask("await state closed")


@scenario("publishers that come and go while the sender is stopped: no message gets the epoch of another one")
def epochs_missed(stage):
    origin, far = stage.pair(capacity=64)
    reach(far, publish(origin, 10))
    stage.sender.stop()
    origin.kill()
    origin = stage.origin(1, capacity=64)
    head = publish(origin, 10)
    origin.kill()
    origin = stage.origin(1, capacity=64)
    stage.sender.send(signal.SIGCONT)
    reach(far, head)  # before a message of the third epoch hides what the second one's have
    account = Account(far).from_first().lost(0).up_to(head)
    assert account.last["epochs_unknown"] > 0, account.text
    head = publish(origin, 10)
    reach(far, head)
    account = Account(far).from_first().lost(0).up_to(head)
    assert account.last["epoch"] == 3, account.text


@scenario("an origin that is replaced: the mirror is superseded, and the new one is exact")
def origin_replaced(stage):
    origin, far = stage.pair(capacity=64)
    head = publish(origin, 20)
    reach(far, head)
    close(origin)
    origin = stage.origin(1, tag=2, capacity=128)
    head = publish(origin, 100)
    far.ask("await tag 2")
    reach(far, head)
    Account(far).channels_seen(2).from_first().lost(0).up_to(head).times()
    assert_same_channel(stage)


@scenario("an origin that goes back to an earlier state, as after a power cut, with other messages of the same numbers")
def origin_goes_back(stage):
    name, copy = "/dev/shm/ticks", "/dev/shm/copy"
    origin = stage.origin(1, name=name, capacity=64)
    stage.send(1, name)
    stage.receive(2, "ticks")
    far = stage.subscriber(2, name="ticks")
    reach(far, publish(origin, 20))
    stage.network.hosts[1].command("cp", name, copy)
    head = publish(origin, 20)
    reach(far, head)
    origin.kill()
    stage.network.hosts[1].command("mv", copy, name)
    origin = stage.origin(1, name=name, tag=2, capacity=64)
    head = publish(origin, 10)
    far.ask("await tag 2")
    reach(far, head)
    Account(far).channels_seen(2).up_to(head)


@scenario("sequences that the origin has left out are lost in the mirror, no more and no less")
def skips(stage):
    origin, far = stage.pair(capacity=64)
    left_out = 0
    for count in (3, 1, 63, 64, 1000, 1 << 40):
        reach(far, publish(origin, 10))
        origin.ask(f"skip {count}")
        left_out += count
        head = publish(origin, 1)
        reach(far, head)
        Account(far).from_first().lost(left_out).up_to(head)
    head = int(origin.ask("skip 5"))
    close(origin)
    far.ask("await state closed")
    account = Account(far).lost(left_out)
    assert account.all["head"] == head, account.text


@scenario("a receiver that comes late gets what the origin still holds, and from there all")
def late_receiver(stage):
    origin = stage.origin(1, capacity=64)
    head = publish(origin, 1000)
    stage.send(1)
    near = stage.receive(1, NAME, "--prefix", "near.")
    reach(stage.subscriber(1, name="near." + NAME), head)
    head = publish(origin, 10)
    stage.receive(2)
    far = stage.subscriber(2)
    reach(far, head)
    head = publish(origin, 20)
    reach(far, head)
    account = Account(far).up_to(head).times()
    assert account.last["received"] <= 64 + 20, account.text
    assert account.last["received"] >= 50, account.text
    near.check_alive()


@scenario("of two origins of one name the stronger is mirrored, and the other when it is gone: never both", 3)
def strengths(stage):
    one, two = stage.origin(1, tag=1, capacity=64), stage.origin(2, tag=2, capacity=64)
    sender_of_one = stage.send(1, NAME, "--strength", "1")
    receiver = stage.receive(3)
    publish(one, 10)
    far = stage.subscriber(3)
    far.ask("await tag 1")
    rounds = 3 if LONG else 1
    for _ in range(rounds):
        sender_of_two = stage.send(2, NAME, "--strength", "2")
        publish(two, 10)
        publish(one, 10)
        far.ask("await tag 2")
        two.ask("run")
        one.ask("run")
        reach(far, publish(two, 10))
        sender_of_two.kill()
        far.ask("await tag 1")
        reach(far, publish(one, 10))
    # The same two channels, and the other way round: it is by strength, not by anything else.
    sender_of_two = stage.send(2, NAME, "--strength", "0")
    sender_of_two.await_said("stands by")
    publish(two, 10)
    for _ in range(3):
        head = publish(one, 10)
        reach(far, head)
    Account(far).channels_seen(1 + 2 * rounds).up_to(head)
    close(one)  # a channel without a publisher gives way
    far.ask("await tag 2")
    head = publish(two, 10)
    reach(far, head)
    Account(far).channels_seen(2 + 2 * rounds).up_to(head)
    for process in (sender_of_one, sender_of_two, receiver):
        process.check_alive()


@scenario("a stopped receiver holds up neither the origin nor, for ever, another receiver", 3)
def stopped_receiver(stage):
    origin = stage.origin(1, capacity=64, max_message_size=20_000)
    stage.send(1)
    stopped = stage.receive(2)
    stage.receive(3)
    head = publish(origin, 10)
    far, other = stage.subscriber(2), stage.subscriber(3)
    reach(far, head)
    reach(other, head)
    stopped.stop()
    head = publish(origin, 20_000)
    reach(other, head)
    Account(other).up_to(head).times(ahead=2)
    stopped.send(signal.SIGCONT)
    head = publish(origin, 10)
    for subscriber, ahead in ((far, 1), (other, 2)):
        reach(subscriber, head)
        Account(subscriber).up_to(head).times(ahead=ahead)


@scenario("everything of two hosts mirrored on the other: no message comes back")
def both_ways(stage):
    origins = {"one": stage.origin(1, name="one", tag=1), "two": stage.origin(2, name="two", tag=2)}
    senders = {host: stage.send(host, "--all") for host in (1, 2)}
    receivers = {host: stage.receive(host, "--all") for host in (1, 2)}
    fars = {"one": stage.subscriber(2, name="one"), "two": stage.subscriber(1, name="two")}
    own = {"one": stage.subscriber(1, name="one"), "two": stage.subscriber(2, name="two")}
    for _ in range(5):
        for name, origin in origins.items():
            head = publish(origin, 100)
            reach(fars[name], head)
            Account(fars[name]).channels_seen(1).lost(0).up_to(head).times(ahead=1 if name == "one" else -1)
            reach(own[name], head)
            Account(own[name]).channels_seen(1).lost(0).up_to(head)
    names = {"one", "one.bell", "two", "two.bell"}
    for host in (1, 2):
        assert stage.network.hosts[host].shared_memory() == names, stage.network.hosts[host].shared_memory()
        assert senders[host].ends(signal.SIGINT) == -signal.SIGINT, senders[host].said()
        table = senders[host].rest()
        assert [name in table for name in ("one", "two")] == [host == 1, host == 2], table
        assert receivers[host].ends(signal.SIGINT) == -signal.SIGINT, receivers[host].said()


@scenario("a channel that is no mirror is left alone, but for --replace; and a mirror is not sent on")
def refusals(stage):
    own = stage.origin(2, tag=9)
    head = publish(own, 5)
    origin = stage.origin(1, capacity=64)
    stage.send(1)
    receiver = stage.receive(2)
    publish(origin, 10)
    receiver.await_said("--replace")
    far = stage.subscriber(2)
    reach(far, head)
    head = publish(own, 5)
    reach(far, head)
    Account(far).channels_seen(1).lost(0).up_to(head)
    receiver.kill()
    close(own)
    stage.receive(2, NAME, "--replace")
    far.ask("await tag 1")
    head = publish(origin, 10)
    reach(far, head)
    Account(far).channels_seen(2).up_to(head)
    again = stage.send(2)
    assert again.ends() == 1, again.said()
    again.await_said("mirror")


@scenario("channels in files: the name is the last part of the path")
def files(stage):
    for host in (1, 2):
        stage.network.hosts[host].command("mkdir", "/dev/shm/folder")
    origin = stage.origin(1, name="/dev/shm/folder/ticks.dat", capacity=64)
    stage.send(1, "/dev/shm/folder/ticks.dat")
    stage.receive(2, "ticks.dat")
    stage.receive(2, "ticks.*", "--prefix", "/dev/shm/folder/far.")
    head = publish(origin, 20)
    for name in ("ticks.dat", "/dev/shm/folder/far.ticks.dat"):
        far = stage.subscriber(2, name=name)
        reach(far, head)
        Account(far).from_first().lost(0).up_to(head).times()


@scenario("messages of 1 and of 4 MiB")
def large(stage):
    for megabytes in (1, 4):
        name = f"large{megabytes}"
        origin = stage.origin(1, name=name, capacity=8, max_message_size=megabytes << 20)
        stage.send(1, name)
        stage.receive(2, name)
        far = stage.subscriber(2, name=name)
        for _ in range(12):
            head = publish(origin, 4)
            reach(far, head)
        account = Account(far).lost(0).up_to(head).times()
        assert account.last["bytes"] > megabytes << 20, account.text


@scenario("a DDS program that has only the IDL file reads what was published, byte for byte")
def plain_peer(stage):
    origin = stage.origin(1, capacity=256, max_message_size=5000)
    stage.send(1)
    peer = stage.peer(2, "plain_peer", "seqcast/channel/" + NAME, "256")
    peer.read_line()
    head = publish(origin, 200)
    listing = stage.network.hosts[1].command(stage.programs["endpoint"], "list", NAME)
    published = [line.split() for line in listing.splitlines()]
    close(origin)
    read = [peer.read_line().split() for _ in range(head + 1)]
    assert peer.ends() == 0, peer.said()
    assert len(published) == head
    first_time, first_read_time = int(published[0][1]), int(read[0][4])
    assert abs(first_read_time / 1e9 - time.time()) < 3600, read[0]  # since 1970
    for (sequence, at, size, text), (kind, *numbers, read_at, read_size, read_text) in zip(published, read):
        assert [kind, *numbers] == ["0", sequence, "1", "1"], (sequence, kind, numbers)
        assert [size, text] == [read_size, read_text], (sequence, size, read_size)
        assert int(at) - first_time == int(read_at) - first_read_time, sequence
    kind, sequence, *_, size, _ = read[-1]
    assert [kind, sequence, size] == ["1", str(head), "0"], read[-1]  # closed


@scenario("a hostile remote: the receiver goes on, makes no file elsewhere, and takes no memory for promises", 3)
def hostile(stage):
    origin = stage.origin(1, capacity=64)
    stage.send(1)
    host, folder = stage.network.hosts[2], stage.network.folder
    os.mkdir(f"{folder}/far")
    receiver = stage.receive(2, "--all", "--largest-channel", "1M")
    into_files = stage.receive(2, "--all", "--largest-channel", "1M", "--prefix", f"{folder}/far/")
    fars = [stage.subscriber(2, name=name, largest=0) for name in (NAME, f"{folder}/far/{NAME}")]
    head = publish(origin, 10)
    for far in fars:
        reach(far, head)
    peer = stage.peer(3, "hostile_peer", NAME, folder)
    assert peer.read_line() == "done"
    for far in fars:
        reach(far, 105)
        account = Account(far).channels_seen(2).up_to(105)
        assert account.last["received"] == 2, account.text
        far.discard()
    peer.kill()
    hosts.wait_until("the origin's channel to be back", lambda: stage.identity(2) == stage.identity(1))
    far = stage.subscriber(2)
    head = publish(origin, 10)
    reach(far, head)
    Account(far).up_to(head)
    assert not any("evil" in name for name in os.listdir(folder)), os.listdir(folder)
    assert NAME in os.listdir(f"{folder}/far")
    for process in (receiver, into_files):
        process.check_alive()
        with open(f"/proc/{process.process.pid}/status", encoding="ascii") as status:
            peak = int(status.read().split("VmHWM:")[1].split()[0])
        assert peak < 1 << 20, f"{peak} KiB of memory"
    names = host.shared_memory()
    assert len(names) <= 2 * 1001, f"{len(names)} files in /dev/shm"
    size = int(host.command("du", "-k", "-s", "/dev/shm").split()[0])
    assert size < 32 << 10, f"{size} KiB in /dev/shm"


@scenario("programs on both sides killed, stopped and divided at random: every account is exact in the end")
def random_kills(stage):
    options = {"capacity": 256, "max_message_size": 5000}
    origin, far = stage.pair(**options)
    origin.ask("run")
    reach(far, 1)
    counts = {}

    def restart_origin():
        nonlocal origin
        if stage.random.random() < 0.5:
            origin.kill()
        else:
            close(origin)
        origin = stage.origin(1, **options)
        origin.ask("run")

    def restart_sender():
        stage.sender.kill()
        stage.sender = stage.send(1)

    def restart_receiver():
        stage.receiver.kill()
        stage.receiver = stage.receive(2)

    def flood():
        publish(origin, stage.random.randrange(2000))
        origin.ask("run")

    def skip():
        origin.ask(f"skip {stage.random.randrange(600)}")
        origin.ask("run")

    def stop(process):
        process.stop()
        time.sleep(stage.random.random())
        process.send(signal.SIGCONT)

    def stop_receiver():
        stop(stage.receiver)

    def stop_sender():
        stop(stage.sender)

    def worsen():
        stage.network.set(stage.random.choice(("loss 20", "delay 20 20", "duplicate 10")))

    def divide():
        stage.network.set("partition 1 2")
        time.sleep(stage.random.random() * 3)
        stage.network.set("partition")

    def wait_for_progress():
        head = publish(origin, 1)
        origin.ask("run")
        reach(far, head)

    events = (restart_origin, restart_sender, restart_receiver, flood, skip, stop_receiver, stop_sender, worsen, divide,
              stage.network.well, stage.network.well, wait_for_progress)
    end = time.monotonic() + KILLING_SECONDS
    while time.monotonic() < end:
        event = stage.random.choice(events)
        counts[event.__name__] = counts.get(event.__name__, 0) + 1
        event()
        time.sleep(stage.random.random() * stage.random.random())
    stage.network.well()
    origin.ask("stop")
    head = publish(origin, 1)
    reach(far, head)
    close(origin)
    far.ask("await state closed")
    restarts = counts.get("restart_sender", 0) + counts.get("restart_receiver", 0)
    account = Account(far).channels_seen(1).up_to(head).times(shifts_at_most=restarts)
    print(f"  {counts}; {account.last}")


def run_one(sentence, number_of_hosts, function, programs):
    with tempfile.TemporaryDirectory(prefix="seqcast-mirror-") as folder, contextlib.ExitStack() as at_end:
        stage = Stage(number_of_hosts, programs, folder)
        at_end.callback(stage.network.remove)
        begin = time.monotonic()
        try:
            function(stage)
        except Exception:
            traceback.print_exc()
            print(f"{stage.network.logs()}\nFAILED: {function.__name__}: {sentence}")
            return False
        print(f"passed: {function.__name__}: {sentence} ({time.monotonic() - begin:.1f} s)")
        return True


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    programs = {"dds": os.path.abspath(sys.argv[1])}
    for name in ("network", "endpoint", "plain_peer", "hostile_peer"):
        programs[name] = os.path.abspath(f"{sys.argv[2]}/mirror_{name}")
    reason = hosts.missing()
    if reason:
        print(f"skipped: {reason}")
        return 0
    words = sys.argv[3:]
    chosen = [one for one in scenarios if not words or any(word in one[2].__name__ for word in words)]
    print(f"SEQCAST_SEED={SEED}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    failed = [one[2].__name__ for one in chosen if not run_one(*one, programs)]
    print(f"{len(chosen) - len(failed)} cases passed", *(["FAILED:", *failed] if failed else []))
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
