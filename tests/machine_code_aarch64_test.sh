#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# machine_code_aarch64_test PROGRAM OBJDUMP [EMULATOR...]: the barriers that the calls in machine_code.cpp execute on
# 64-bit ARM, counted in a trace that qemu writes of PROGRAM, which is machine_code_calls. They are those of
# lib/docs/ordering.md and no more: no other barrier, no exclusive or locked instruction.
set -eu
program=$1 objdump=$2
shift 2
[ $# -gt 0 ] || set -- qemu-aarch64
command -v "$1" >/dev/null || { echo "skipped: there is no $1, which writes the trace" && exit 0; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The whole program, linked statically, so that the trace has all code of a call.
text=$("$objdump" -h "$program" | awk '$2 == ".text" { print "0x" $4 "+0x" $3 }')
timeout 60 "$@" -singlestep -d exec,nochain -dfilter "$text" -D "$work/trace" "$program" "$work/channel" ||
  { echo 'FAILED  the calls themselves' && exit 1; }

# Each instruction with its address, then each address that was executed, with the function it is in.
"$objdump" -d --no-show-raw-insn "$program" >"$work/code"
awk '
  FNR == NR {
    # Barriers; loads and stores that order, or are exclusive; operations that read and write at once.
    if ($2 ~ /^(dmb|dsb|isb|sb|(ld|st)l?[ax]|stl|ldl|ldap|cas|swp|(ld|st)(add|clr|eor|set|[su]max|[su]min))/) {
      sub(":", "", $1)
      name = $2 ($2 == "dmb" ? " " $3 : "")
      if (name == "ldapr") name = "ldar" # acquires as well, where the processor is known to have it
      ordering["0x" substr("0000000000000000", length($1) + 1) $1] = name
    }
    next
  }
  {
    split($4, at, "/")
    symbol = $5
    if (symbol == "main") { call = ""; next }
    if (call == "" && symbol ~ /_bytes$/) { call = symbol; calls[++number] = symbol }
    if (call != "" && ("0x" at[2]) in ordering) ++count[number, ordering["0x" at[2]]]
  }
  END {
    kinds = split("dmb ish,dmb ishld,stlr,ldar", kind, ",")
    for (key in count) {
      split(key, part, SUBSEP)
      known = 0
      for (i = 1; i <= kinds; ++i) known += part[2] == kind[i]
      if (!known) print "unexpected: " part[2] " in " calls[part[1]]
    }
    for (n = 1; n <= number; ++n) {
      line = calls[n] ":"
      for (i = 1; i <= kinds; ++i) if (count[n, kind[i]]) line = line " " count[n, kind[i]] " " kind[i] ","
      print substr(line, 1, length(line) - 1)
    }
  }' "$work/code" "$work/trace" >"$work/found"

# publish: [slot-open]; [message-ready], [head], [slot-opened]. A message of more lines: [slot-open] once more, for
# prefetching the next slot's lines. With a bell: the fence before the load of its flag.
# next, latest: [message-ready], for latest also [head]; [slot-open].
cat >"$work/expected" <<'LINES'
publish_48_bytes: 1 dmb ish, 3 stlr
publish_4096_bytes: 2 dmb ish, 3 stlr
publish_48_bytes: 2 dmb ish, 3 stlr
latest_48_bytes: 1 dmb ishld, 2 ldar
publish_48_bytes: 1 dmb ish, 3 stlr
next_48_bytes: 1 dmb ishld, 1 ldar
next_48_bytes: 1 ldar
LINES
cat "$work/found"
diff "$work/expected" "$work/found" >"$work/difference" && exit 0
printf 'FAILED  expected (<) and found (>):\n%s\n' "$(cat "$work/difference")"
exit 1
