# SPDX-License-Identifier: BSL-1.0
#
# curves: a curve for each block of `file`, whose title is the block's first line.
n = blocks_of(file)
array titles[n]
do for [i = 1:n] { titles[i] = title_of(file, i - 1) }
plot for [i = 1:n] file index (i - 1) using 1:2 with linespoints pt 7 \
  ps (like(titles[i]) ? 0.8 : 0.5) lw (like(titles[i]) ? 3 : 1.5) dt dash(titles[i]) \
  lc rgb (titles[i] eq 'seqcast' ? ours : colour(i)) title titles[i]
