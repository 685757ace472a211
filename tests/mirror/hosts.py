# SPDX-License-Identifier: BSL-1.0
"""hosts: several machines in one, for mirror_test.py. Each host has a network interface, a /dev/shm and a steady clock
of its own (namespaces of Linux), so nothing but the network leads from one to another. The network is network.cpp.

Needs root. Nothing of it has a name outside: when the test ends, however it ends, all of it is gone.
"""
import os
import select
import shutil
import signal
import subprocess
import time

SECONDS = 60  # after which a wait has failed: far more than a slow machine needs
CLOCK_STEP = 100_000  # seconds by which the steady clock of a host is ahead of that of the host before


class Failure(AssertionError):
    """What was waited for did not come."""


def missing():
    """Why hosts cannot be made here, or nothing."""
    if os.geteuid() != 0:
        return "it needs root, for network namespaces"
    for program in ("ip", "nsenter", "setpriv", "unshare"):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return f"there is no {program} (Debian packages iproute2, util-linux)"
    try:
        subprocess.run(["unshare", "--net", "--mount", "--time", "--fork", "true"], check=True, capture_output=True)
        command = "ip link add name a type veth peer name b"
        subprocess.run(["unshare", "--net", *command.split()], check=True, capture_output=True)
    except subprocess.CalledProcessError as failure:
        return f"namespaces cannot be made here: {failure.stderr.decode().strip()}"
    return None


class Process:
    """A program on a host. It answers lines on its stdin with lines on its stdout; stderr goes to a file."""

    def __init__(self, name, command, log_folder, environment=None):
        self.name = name
        self.log = os.path.join(log_folder, name.replace("/", "_") + ".log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **(environment or {})},
                # Who starts the test in the background of a script has it ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        self.text = b""

    def read_line(self, seconds=SECONDS):
        """The next line of its stdout."""
        end = time.monotonic() + seconds
        while b"\n" not in self.text:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise Failure(f"{self.name} did not answer within {seconds} s\n{self.said()}")
            more = os.read(self.process.stdout.fileno(), 1 << 16)
            if not more:
                raise Failure(f"{self.name} ended: {self.process.wait()}\n{self.said()}")
            self.text += more
        line, self.text = self.text.split(b"\n", 1)
        return line.decode()

    def tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, line, seconds=SECONDS):
        """Its answer to a line."""
        self.tell(line)
        return self.read_line(seconds)

    def said(self):
        """What is in its log."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def await_said(self, text):
        """Waits until the text is in its log."""
        wait_until(f"{self.name} to say '{text}'", lambda: text in self.said(), self.said)

    def check_alive(self):
        if self.process.poll() is not None:
            raise Failure(f"{self.name} has ended: {self.process.returncode}\n{self.said()}")

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        """SIGKILL, at any instruction; waits until it is dead."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGSTOP; waits until it is stopped."""
        self.check_alive()
        self.send(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def ends(self, number=None):
        """Its exit status, after a signal if one is given; it has to end by itself."""
        if number is not None:
            self.send(number)
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} did not end\n{self.said()}") from None

    def rest(self):
        """What is left on its stdout, when it has ended."""
        return (self.text + self.process.stdout.read()).decode(errors="backslashreplace")

    def discard(self):
        if self.process.poll() is None:
            self.kill()
        self.process.stdin.close()
        self.process.stdout.close()


class Host:
    """One machine. Its address is 192.0.2.NUMBER."""

    def __init__(self, number, network):
        self.number = number
        self.network = network
        self.processes = []
        script = "mount -t tmpfs -o size=1g seqcast /dev/shm && ip link set lo up && echo $$ && exec cat"
        clock = str(number * CLOCK_STEP)
        self.holder = Process(
            f"host{number}",
            ["unshare", "--net", "--mount", "--time", "--monotonic", clock, "--fork", "sh", "-c", script],
            network.folder,
        )
        self.inside = ["nsenter", "-t", self.holder.read_line(), "-n", "-m", "-T"]

    def command(self, *words):
        """Runs a program to its end, and gives its output."""
        words = [*self.inside, *words]
        done = subprocess.run(words, capture_output=True, timeout=SECONDS, errors="backslashreplace", check=False)
        if done.returncode != 0:
            raise Failure(f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, name, *words, environment=None):
        """Starts a program, which is killed when this process ends. Its log is appended to that of its name."""
        command = [*self.inside, "setpriv", "--pdeathsig", "KILL", *words]
        process = Process(f"host{self.number}-{name}", command, self.network.folder, environment)
        self.processes.append(process)
        return process

    def shared_memory(self):
        """The names in its /dev/shm."""
        return set(self.command("ls", "-A", "/dev/shm").split())


class Network:
    """Hosts and the network between them, which does nothing bad at first. `hosts[1]` is the first host."""

    def __init__(self, number_of_hosts, program, seed, folder):
        self.folder = folder
        self.hosts = {}
        self.middle = Process("middle", ["unshare", "--net", "sh", "-c", "echo $$ && exec cat"], folder)
        self.control = None
        middle = self.middle.read_line()
        inside = ["nsenter", "-t", middle, "-n"]
        for number in range(1, number_of_hosts + 1):
            host = self.hosts[number] = Host(number, self)
            link = f"ip link add name port{number} type veth peer name eth0 netns {host.inside[2]}"
            subprocess.run([*inside, "sh", "-c", f"{link} && ip link set port{number} up"], check=True)
            host.command("ip", "address", "add", f"192.0.2.{number}/24", "dev", "eth0")
            host.command("ip", "link", "set", "eth0", "multicast", "on", "up")
        ports = [f"port{number}" for number in self.hosts]
        command = [*inside, "setpriv", "--pdeathsig", "KILL", program, str(seed), *ports]
        self.control = Process("network", command, folder)
        self.control.read_line()

    def set(self, command):
        """A command of network.cpp; it holds when this returns."""
        answer = self.control.ask(command)
        if answer != "ok":
            raise Failure(f"the network: {answer}")

    def well(self):
        """No loss, no delay, no partition."""
        for command in ("loss 0", "delay 0 0", "duplicate 0", "partition"):
            self.set(command)

    def counts(self):
        """Frames forwarded, lost and doubled."""
        return [int(word) for word in self.control.ask("count").split()]

    def remove(self):
        for host in self.hosts.values():
            for process in host.processes:
                process.discard()
            host.holder.process.stdin.close()
            host.holder.ends()
            host.holder.process.stdout.close()
        if self.control:
            self.control.discard()
        self.middle.discard()

    def logs(self):
        """The ends of all logs."""
        text = ""
        for name in sorted(name for name in os.listdir(self.folder) if name.endswith(".log")):
            with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as log:
                lines = log.read()[-3000:]
            text += f"--- {name}\n{lines}\n" if lines else ""
        return text


def wait_until(what, holds, explain=lambda: ""):
    """Polls until it holds."""
    end = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > end:
            raise Failure(f"timed out waiting for {what}\n{explain()}")
        time.sleep(0.01)
