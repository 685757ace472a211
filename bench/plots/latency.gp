# SPDX-License-Identifier: BSL-1.0
file = 'one_way_p50.dat'
set title 'One-way latency between two processes at a low rate, median'
load here.'/time.gp'
load here.'/curves.gp'
