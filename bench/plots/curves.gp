# SPDX-License-Identifier: BSL-1.0
#
# curves: for each block of `file` that is shown, a curve of the medians, with bars from the min to the max of the
# repetitions. A block's first line is its title. `more`, where a plot sets it, is drawn too. The first transports
# are drawn last, above the others, and named first.
array titles[blocks_of(file)]
array blocks[blocks_of(file)]
n = 0
do for [i = 1:blocks_of(file)] {
  if (shown(title_of(file, i - 1))) { n = n + 1; titles[n] = title_of(file, i - 1); blocks[n] = i - 1 }
}
if (!exists('more')) more = ''
plot for [i = n:1:-1] file index (blocks[i]) using 1:2:3:4 with yerrorlines pt 7 \
  ps (width(titles[i]) > 2 ? 0.8 : 0.5) lw width(titles[i]) dt dash(titles[i]) lc rgb colour(titles[i]) notitle, \
  for [i = 1:n] keyentry with linespoints pt 7 ps (width(titles[i]) > 2 ? 0.8 : 0.5) lw width(titles[i]) \
  dt dash(titles[i]) lc rgb colour(titles[i]) title (titles[i]) @more
