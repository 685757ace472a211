# SPDX-License-Identifier: BSL-1.0
"""The demos in Python, with those in C++ on the same test.dat."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

SOURCES = pathlib.Path(__file__).parents[2] / "demos"
BUILT = pathlib.Path(os.environ.get("SEQCAST_DEMOS", "build/demos")).resolve()


@pytest.fixture
def start(tmp_path):
    """Starts a demo by its file's name, in a folder of its own."""
    running = []

    def start(name, *arguments):
        command = [sys.executable, "-u", SOURCES / name] if name.endswith(".py") else [BUILT / name]
        if not command[-1].exists():
            pytest.skip(f"{command[-1]} is not built")
        program = subprocess.Popen([*command, *arguments], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        running.append(program)
        return program

    yield start
    for program in running:
        program.kill()
        program.communicate()


def read_until(program, pattern):
    for line in program.stdout:
        if re.search(pattern, line):
            return line
    raise AssertionError(f"{program.args} ended without {pattern!r}")


@pytest.mark.parametrize("server", ["server", "server.py"])
@pytest.mark.parametrize("client", ["client", "client.py"])
def test_each_client_reads_each_server_and_its_successor(start, server, client):
    clients = [start(client), start(client)]  # before the server
    first = start(server)
    for one in clients:  # they begin with the newest, which on a busy machine need not be the first
        read_until(one, r"^ *(\d+) .*msg \1\b")
        read_until(one, r"^ *(\d+) .*msg \1\b")
    first.kill()
    for one in clients:
        read_until(one, r"--.*waiting for the next")
    start("server.py" if server == "server" else "server")
    for one in clients:
        read_until(one, r"\bmsg \d+")


def test_a_killed_worker_of_the_broadcast_costs_the_others_nothing():
    command = [sys.executable, "-B", "-c", "import broadcast; broadcast.through_seqcast()"]
    ended = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stderr == "", ended.stderr
    for line in ("3 idle workers use ", "the others got 200 of 200 messages", ": 0 files left in /dev/shm"):
        assert line in ended.stdout
