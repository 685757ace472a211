# SPDX-License-Identifier: BSL-1.0
#
# style: what the plots share. A transport has the same colour in all of them: seqcast a thick line, the naive
# version and its variants grey dashes, rivals thin lines. Requires: kind (svg or png) and name.
if (kind eq 'svg') {
  set terminal svg size 960,600 dynamic background '#ffffff' font 'DejaVu Sans,13'
} else {
  set terminal pngcairo size 1440,900 background '#ffffff' font 'DejaVu Sans,15'
}
set termoption noenhanced
set output name.'.'.kind

set border 2 lc rgb '#adb5bd'
set tics nomirror scale 0 textcolor rgb '#343a40'
set mytics 1
set grid y lc rgb '#e9ecef' lt 1 lw 1
set key at graph 1.03, graph 0.98 left top reverse Left samplen 2.5 spacing 1.2 \
  textcolor rgb '#343a40'
set title offset 0,0.6 font ',17' textcolor rgb '#212529'
set errorbars 0
set lmargin 11
set rmargin 32

# After the name of a transport: its colour, width and dash (1: none).
styles = "'seqcast' #c2255c 3.5 1 | 'seqcast, 8 MiB' #f06595 2.2 1 | 'seqcast, behind' #862e9c 2.2 1 | ".\
  "'seqcast latest()' #e8590c 2.2 1 | 'naive' #212529 1.8 2 | 'hand-off' #868e96 1.8 2 | ".\
  "'one-slot seqlock' #adb5bd 1.8 2 | 'broadcast ring' #5c940d 1.6 1 | 'Agrona broadcast' #94d82d 1.6 1 | ".\
  "'gated ring' #0b7285 1.6 1 | 'gated ring, best' #3bc9db 1.6 1 | 'Lamport queue' #364fc7 1.6 1 | ".\
  "'Lamport queue, best' #748ffc 1.6 1 | 'chunked hand-off' #6741d9 1.6 1 | ".\
  "'chunked, one buffer' #b197fc 1.6 1 | 'Boost spsc_queue' #1971c2 1.6 1 | ".\
  "'Boost spsc, batches' #4dabf7 1.6 1 | 'Boost message_queue' #a5d8ff 1.6 1 | 'iceoryx' #2f9e44 1.6 1 | ".\
  "'pipe' #f08c00 1.6 1 | 'UNIX datagram' #ffd43b 1.6 1 | 'POSIX queue' #99705a 1.6 1 | ".\
  "'nng' #0c8599 1.2 1 | 'ZeroMQ' #66d9e8 1.2 1 "
position_of(t) = strstrt(styles, "'".t."' ")
after_name(t) = position_of(t) + strlen(t) + 3
style_of(t) = position_of(t) == 0 ? '#495057 1.2 1' : styles[after_name(t) : after_name(t) + 17]
colour(t) = word(style_of(t), 1)
width(t) = real(word(style_of(t), 2))
dash(t) = int(word(style_of(t), 3))

# The title of block i of a file, and which blocks are drawn unless a plot defines shown() itself.
title_of(file, i) = system(sprintf("grep '^\"' %s | sed -n '%dp' | tr -d '\"'", file, i + 1))
blocks_of(file) = int(system(sprintf("grep -c '^\"' %s", file)))
shown(t) = 1

set xtics ('8 B' 8, '48 B' 48, '256 B' 256, '1 KiB' 1024, '4 KiB' 4096, '64 KiB' 65536, '1 MiB' 1048576)
set logscale x
set xrange [6:1500000]
set xlabel 'size of a message' textcolor rgb '#495057'
