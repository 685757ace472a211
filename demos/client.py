#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
"""Prints every message of test.dat with its number, and how many were lost before it: of either server, and the next."""
import seqcast

with seqcast.Subscriber("./test.dat", start="oldest", open_timeout=None, follow=True) as client:
    while True:
        for message in client:
            print(f"{message.sequence:9}  {message.data.decode()}  {message.lost} lost", flush=True)
        print(f"       --  the server has ended ({client.wait_result}); waiting for the next one", flush=True)
