# SPDX-License-Identifier: BSL-1.0
file = 'flat_out.dat'
set title 'Messages received a second, sender flat out (torn ones are counted)'
set logscale y
set ytics ('10' 10, '100' 100, '1 k' 1e3, '10 k' 1e4, '100 k' 1e5, '1 M' 1e6, '10 M' 1e7, '100 M' 1e8)
set yrange [100:*]
load here.'/curves.gp'
