# SPDX-License-Identifier: BSL-1.0
file = 'one_way_p99.dat'
set title 'One-way latency between two processes, 99th percentile, low rate'
set ylabel 'ns' norotate
set logscale y
load here.'/curves.gp'
