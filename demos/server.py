#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
"""Publishes "msg 1", "msg 2" and so on into test.dat, one a second: what server.cpp does, for either client."""
import time

import seqcast

with seqcast.Publisher("./test.dat", timestamps=True) as server:
    while True:
        server.publish(f"msg {server.head + 1}".encode())
        time.sleep(1)
