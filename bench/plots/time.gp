# SPDX-License-Identifier: BSL-1.0
#
# time: a logarithmic axis of times in ns, from a cache-line transfer to a time slice of the scheduler.
set logscale y
set ytics ('1 ns' 1, '10 ns' 10, '100 ns' 100, '1 µs' 1e3, '10 µs' 1e4, '100 µs' 1e5, '1 ms' 1e6, '10 ms' 1e7)
set encoding utf8
more = ", 'line.dat' index 0 using 1:2 with lines lw 1.5 dt 3 lc rgb '#495057' title 'one cache line'"
