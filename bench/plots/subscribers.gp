# SPDX-License-Identifier: BSL-1.0
file = 'fan_out.dat'
set title "The sender's own time for 48 bytes, median, by number of polling receivers"
set ytics format '%g ns'
set xlabel 'receivers, all on one core'
set xtics ('1' 1, '2' 2, '4' 4, '8' 8)
set xrange [0.9:9]
set yrange [0:*]
load here.'/curves.gp'
