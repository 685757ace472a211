# SPDX-License-Identifier: BSL-1.0
"""What the tests share: a channel of their own, programs, and a watchdog on every test."""
import faulthandler
import os
import secrets
import signal
import subprocess
import sys
import textwrap

import pytest
import seqcast

SECONDS = 1500  # after which a test that hangs is ended, with all its threads' places


@pytest.fixture(autouse=True)
def watchdog():
    faulthandler.dump_traceback_later(SECONDS, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def channel():
    """A name in shared memory, gone afterwards."""
    name = f"seqcast-python-{os.getpid()}-{secrets.token_hex(4)}"
    yield name
    seqcast.remove(name, even_if_alive=True)


@pytest.fixture
def python():
    """Starts a Python program that finds seqcast; its input and output are pipes of text."""
    programs = []

    def start(program, *arguments, options=()):
        command = [sys.executable, *options, "-c", textwrap.dedent(program), *arguments]
        programs.append(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # Who starts the tests in the background of a script has it ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        )
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
        program.communicate()


@pytest.fixture
def tool():
    """The program seqcast, written in C++."""
    path = os.environ.get("SEQCAST_TOOL")
    if not path or not os.path.exists(path):
        pytest.skip("the tool seqcast is not built")
    return path
