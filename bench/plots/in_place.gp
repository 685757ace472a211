# SPDX-License-Identifier: BSL-1.0
file = 'one_way_p50.dat'
set title 'One-way latency of messages written and read in place, median'
shown(t) = in_place(t)
set xrange [50000:1400000]
load here.'/time.gp'
load here.'/curves.gp'
