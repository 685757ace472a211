# SPDX-License-Identifier: BSL-1.0
"""The programs in Python in the guide and in the README, as they stand there."""
import os
import pathlib
import re
import subprocess
import sys

import pytest
import seqcast

numpy = pytest.importorskip("numpy")

ROOT = pathlib.Path(__file__).parents[2]


def programs(path):
    """Each behind as many empty lines as make its tracebacks name the document's lines."""
    text = (ROOT / path).read_text()
    blocks = re.finditer("^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    found = ["\n" * text.count("\n", 0, block.start(1)) + block[1] for block in blocks]
    assert found, f"{path} has no program in Python"
    return found


def test_the_guides_programs_run_and_leave_nothing(tmp_path):
    # From a folder of its own, where a relative PYTHONPATH would lead elsewhere.
    environment = os.environ | {"PYTHONPATH": str(pathlib.Path(seqcast.__file__).parents[1].absolute())}
    for number, program in enumerate(programs("lib/docs/guide.md")):
        file = tmp_path / f"guide.md-{number}"
        file.write_text(program)
        folder = tmp_path / f"{number}"
        folder.mkdir()
        command = [sys.executable, "-X", "dev", "-W", "error", file]
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert ended.returncode == 0 and ended.stderr == "", ended.stderr
        assert list(folder.iterdir()) == []


def test_the_readmes_subscriber(channel, capsys):
    (program,) = programs("README.md")
    program = program.replace('"quotes"', repr(channel))
    assert repr(channel) in program
    with seqcast.Publisher(channel, schema="acme.Quote{bid:f64,ask:f64}") as publisher:
        publisher.publish(numpy.array((99.5, 100.5), publisher.dtype))
        once = program.replace("open_timeout=60", "open_timeout=60, start='oldest'")  # it begins with the newest otherwise
        exec(compile(f"{once.rstrip()}\n    break", "README.md", "exec"), {"seqcast": seqcast})
    assert capsys.readouterr().out == "1 0 [99.5]\n"
