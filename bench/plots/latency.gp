# SPDX-License-Identifier: BSL-1.0
file = 'one_way_p50.dat'
set title 'One-way latency between two processes, median, low rate'
set ylabel 'ns' norotate
set logscale y
load here.'/curves.gp'
