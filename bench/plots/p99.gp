# SPDX-License-Identifier: BSL-1.0
file = 'one_way_p99.dat'
set title 'One-way latency between two processes at a low rate, 99th percentile'
load here.'/time.gp'
load here.'/curves.gp'
