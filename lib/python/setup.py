# SPDX-License-Identifier: BSL-1.0
"""The wheel's extension is built by CMake, as everywhere else; its version is the project's."""
import pathlib
import re
import shutil
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).resolve().parents[2]


class BuildWithCMake(build_ext):
    def build_extension(self, extension):
        build = pathlib.Path(self.build_temp).resolve()
        options = {"CMAKE_BUILD_TYPE": "Release", "BUILD_SHARED_LIBS": "OFF", "SEQCAST_BUILD_PYTHON": "ON",
                   "SEQCAST_PYTHON": sys.executable, "SEQCAST_INSTALL": "OFF"}
        for part in ("TESTS", "DEMOS", "BENCH", "CLI"):
            options[f"SEQCAST_BUILD_{part}"] = "OFF"
        subprocess.run(["cmake", "-S", ROOT, "-B", build, *(f"-D{key}={value}" for key, value in options.items())], check=True)
        subprocess.run(["cmake", "--build", build, "--parallel", "--target", "seqcast_python"], check=True)
        target = pathlib.Path(self.get_ext_fullpath(extension.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(build / "lib" / "python" / "seqcast" / "_seqcast.abi3.so", target)


setup(
    version=re.search(r"project\(seqcast VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1],
    ext_modules=[Extension("seqcast._seqcast", sources=[], py_limited_api=True)],
    cmdclass={"build_ext": BuildWithCMake},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
