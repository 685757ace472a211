# SPDX-License-Identifier: BSL-1.0
file = 'flat_out.dat'
set title 'Messages received a second, sender flat out'
set ylabel '1/s' norotate
set logscale y
set format y '%.0s%c'
load here.'/curves.gp'
