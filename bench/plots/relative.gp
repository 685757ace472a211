# SPDX-License-Identifier: BSL-1.0
#
# relative: as latency, as a multiple of the first transport's, which is seqcast: what is below 1 is faster.
file = 'relative.dat'
divide = "/^\"/ { block++ } /^[0-9]/ { if (block == 1) first[$1] = $2; if (first[$1]) ".\
  "print $1, $2 / first[$1], $3 / first[$1], $4 / first[$1]; next } { print }"
system("awk '".divide."' one_way_p50.dat >".file)
set title 'One-way latency at a low rate, median, as a multiple of seqcast (below 1: faster)'
set logscale y 2
set yrange [0.4:4]
set ytics ('0.5' 0.5, '0.7' 0.7, '1' 1, '1.4' 1.4, '2' 2, '3' 3, '4' 4)
load here.'/curves.gp'
