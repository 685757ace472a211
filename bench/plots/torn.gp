# SPDX-License-Identifier: BSL-1.0
#
# torn: the transports that tore a message, and seqcast.
file = 'torn.dat'
set title 'Torn messages among those received, sender flat out'
set ytics format '%g %%'
set yrange [-2:102]
tearing = ''
do for [i = 1:blocks_of(file)] {
  stats file index (i - 1) using 2 nooutput
  if (STATS_max > 0) { tearing = tearing."'".title_of(file, i - 1)."'" }
}
shown(t) = t eq 'seqcast' || strstrt(tearing, "'".t."'") > 0
load here.'/curves.gp'
