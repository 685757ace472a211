#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# machine_code_test OBJECT [COPIES]: the compiler's code of the calls in machine_code.cpp. On x86-64 the memory orderings
# of publish(), next() and latest() are free: no lock-prefixed instruction, no fence. The doorbell's fence is in a function
# of its own, which a channel without a bell does not call; so are those of reliable subscribers, in is_demoted() and what
# it calls. COPIES is the object of lib/src/copy.cpp: its non-temporal
# stores, which no fence of C++ orders, are between two sfence.
set -eu
object=$1 copies=${2-}
failed=0

# The functions in whose code there is such an instruction (xchg with memory locks by itself).
fenced() {
  objdump -d --no-show-raw-insn "$object" |
    awk '/^[0-9a-f]+ <.*>:$/ { name = $2 } /\t(lock|mfence|lfence|sfence)/ || /\txchg .*\(/ { print name }' |
    grep -vE 'DoorbellPublisher|ReliableSubscriber|is_demoted' | sort -u
}
# shellcheck disable=SC2317  # called by expect
defined() { objdump -t "$object" | grep -q " F .* $1\$"; }

# expect NAME COMMAND...
expect() {
  name=$1
  shift
  if "$@"; then echo "ok      $name"; else failed=$((failed + 1)) && echo "FAILED  $name"; fi
}

[ "$(uname -m)" = x86_64 ] || { echo 'skipped: this test reads x86-64 code only' && exit 0; }
for function in publish_48_bytes publish_4096_bytes next_48_bytes latest_48_bytes full_fence; do
  expect "$function is there" defined "$function"
done
found=$(fenced)
expect "only full_fence, and the functions of the doorbell and of reliable subscribers, have a fence: $found" [ "$found" = '<full_fence>:' ]
if [ -n "$copies" ]; then
  order=$(objdump -d --no-show-raw-insn "$copies" | awk '$2 ~ /^(sfence|movnt)/ { print $2 }' | uniq | tr '\n' ' ')
  expect "non-temporal stores are between fences: $order" [ "$order" = 'sfence movntps sfence ' ]
fi
exit "$failed"
