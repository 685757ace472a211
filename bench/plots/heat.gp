# SPDX-License-Identifier: BSL-1.0
#
# heat: the line time of each pair of processors.
set title 'Time of one cache line from the sender to the receiver, ns'
set size ratio -1
set rmargin 12
set lmargin 8
unset key
unset grid
set xlabel 'processor of the receiver' textcolor rgb '#495057'
set ylabel 'processor of the sender' textcolor rgb '#495057'
unset logscale x
set xrange [*:*] noextend
set yrange [*:*] noextend reverse
set xtics auto
set palette defined (0 '#fff5f5', 0.5 '#e64980', 1 '#5f3dc4')
set datafile missing 'nan'
set style fill solid noborder
plot 'line_times.dat' using 2:1:($2 - 0.5):($2 + 0.5):($1 - 0.5):($1 + 0.5):3 with boxxyerror lc palette notitle
