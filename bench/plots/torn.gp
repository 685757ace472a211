# SPDX-License-Identifier: BSL-1.0
file = 'torn.dat'
set title 'Torn messages among those received, sender flat out'
set ylabel '%' norotate
set yrange [-2:100]
load here.'/curves.gp'
