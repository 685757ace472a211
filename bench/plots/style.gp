# SPDX-License-Identifier: BSL-1.0
#
# style: what the plots have in common. Requires: kind (svg or png) and name.
if (kind eq 'svg') {
  set terminal svg size 900,560 dynamic background '#ffffff' font 'DejaVu Sans,13'
} else {
  set terminal pngcairo size 1350,840 background '#ffffff' font 'DejaVu Sans,15'
}
set termoption noenhanced
set output name.'.'.kind

set border 3 lc rgb '#555555'
set tics nomirror textcolor rgb '#333333'
set grid y lc rgb '#e3e3e3' lt 1
set key outside right center reverse Left samplen 2 spacing 1.25 textcolor rgb '#333333'
set title offset 0,0.5 font ',16'

# Seqcast stands out, the naive version and its like are dashed, the others are thin.
ours = '#c2255c'
like(t) = t[1:7] eq "seqcast" ? 1 : 0
dash(t) = t eq 'naive' || t eq 'hand-off' || t eq 'one-slot seqlock' ? 2 : 1
colour(i) = word('#1971c2 #2f9e44 #e8590c #6741d9 #0c8599 #868e96 #a9700a #495057 #74b816 #b197fc #d6336c #15aabf', 1 + int(i) % 12)

# The title of block i of a file.
title_of(file, i) = system(sprintf("grep '^\"' %s | sed -n '%dp' | tr -d '\"'", file, i + 1))
blocks_of(file) = int(system(sprintf("grep -c '^\"' %s", file)))

set xtics ('8 B' 8, '48 B' 48, '256 B' 256, '1 KiB' 1024, '4 KiB' 4096, '64 KiB' 65536, '1 MiB' 1048576)
set logscale x
set xlabel 'message size'
