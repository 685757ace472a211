# SPDX-License-Identifier: BSL-1.0
file = 'fan_out.dat'
set title "The sender's own time for 48 bytes in bursts, median, by number of polling receivers"
set ytics format '%g ns'
set xlabel 'receivers, each on a core of its own'
set xtics ('1' 1, '2' 2, '4' 4, '8' 8, '16' 16, '32' 32, '64' 64)
set xrange [0.9:*]
set yrange [0:*]
load here.'/curves.gp'
