#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
#
# cli_observe_test: ls, info, dump, stat and top of 'seqcast'. Run by ./tests/run, or by hand:
#
#   tests/cli_observe_test.sh build/lib/cli/seqcast
# shellcheck source=SCRIPTDIR/support/cli.sh
. "$(dirname -- "$0")/support/cli.sh"
escape=$'\e'
shm=seqcast-cli-$$-observed
trap '"$seqcast" rm --force "$shm" 2>/dev/null; clean_up' EXIT

output_lacks() { ! grep -qF -- "$1" output || fail "the output has '$1'"; }

# patch FILE OFFSET BYTES: overwrites bytes of a file.
patch() { printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

# start_on_terminal FILE [ARGUMENT...]: as start, on a terminal of 80 x 24, or $columns x 24, with what is written to >&4 as
# keyboard input.
start_on_terminal() {
  local file=$1
  shift
  rm -f keys
  mkfifo keys
  exec 4<>keys
  : >"$file"
  TERM=xterm script -qefc "stty rows 24 cols ${columns:-80}; exec env --default-signal=INT '$seqcast' $*" /dev/null \
    <keys >"$file" 2>&1 &
  pid=$!
  running="$running $pid"
}

test_case 'ls lists channels with their states, and no other files'
expect 0 pub ./b 'one' 'two'
expect 0 pub ./a 'one'
start live.txt pub ./live tick --repeat --rate 100
await_message ./live
echo text >text
mkfifo fifo
ln -s a link
expect 0 ls .
[ "$(awk '/^\.\// { print $1 }' output | tr '\n' ' ')" = './a ./b ./live ' ] || fail 'not the three channels'
grep -Eq '^\./b +closed +- +[0-9.k]+ +1 KiB +2 ' output || fail 'b is not as it is'
grep -Eq "^\./live +live +$pid " output || fail 'live is not as it is'
expect 0 ls -q .
grep -qx './a' output || fail 'no bare name'
expect 0 ls . --json
grep -F '"name":"./b"' output | grep -F '"state":"closed"' | grep -qF '"head":2' || fail 'no such JSON'

test_case 'ls lists shared memory by bare names, and names what it cannot list or read'
expect 0 pub "$shm" 'one'
expect 0 pub ./newer 'one'
patch newer 8 '\002'
expect 1 ls . ./nowhere
output_has "$shm "
output_has './newer'
output_has 'another format version'
error_has 'cannot list ./nowhere'
expect 0 ls . --json
output_has '{"name":"./newer","location":"file","error":'
expect 0 rm "$shm"
expect 0 ls
output_lacks "$shm"

test_case 'control characters in a name or a schema reach no terminal'
expect 0 pub ./red$'\e[31m'x 'one'
patch red*x 88 '\033]0;title\007'
expect 0 ls .
output_has 'red\x1b[31mx'
expect 0 info ./red*x
output_has '\x1b]0;title\x07'
output_lacks "$escape"

test_case 'info shows the properties of a channel, and is an error without a channel or with a damaged one'
expect 0 pub ./news --capacity 16 --size 100 'one' 'two' 'three'
expect 0 info ./news
output_has '3, of which 1 to 3 can be read'
output_has '16, '
output_has 'up to 100 bytes'
expect 0 info ./news --json
for field in name location state publisher_alive publisher_process epoch first_sequence head oldest age_ns \
  created_at capacity max_message_size message_alignment timestamps wakeup bell_found copy_behind gaps \
  unknown_flags schema_name schema_tag schema_format format_version region_size slots_offset slot_stride \
  payload_offset error fields reliable_subscribers; do
  output_has "\"$field\":"
done
output_has '"wakeup":"bell"'
output_lacks doorbell
expect 3 info ./nothing
error_has 'no channel ./nothing'
expect 2 info
mkfifo fifo
expect 1 info ./fifo
patch news 256 '\377\377\377\377\377\377\377\377'
expect 1 info ./news
output_has 'damaged'
error_has 'damaged channel'

test_case 'dump shows the bytes of a slot, and the meaning of its version'
expect 0 pub ./news --capacity 4 'one' 'the second message' 'three'
expect 0 dump ./news
output_has 'slot 2 of 4'
output_has '6: holds message 3, complete'
grep -Eq '^00000000  74 68 72 65 65 +\|three\|$' output || fail 'no such bytes'
expect 0 dump ./news --sequence 2
grep -Eq '^00000000  74 68 65 20 73 65 63 6f  6e 64 20 6d 65 73 73 61  \|the second messa\|$' output || fail 'line 1'
grep -Eq '^00000010  67 65 +\|ge\|$' output || fail 'line 2'
expect 0 dump ./news --slot 3
output_has '7: open for message 4'
output_has '*'
expect 0 dump ./news --slot 0 --json
output_has '{"slot":0,"version":2,"state":"complete","sequence":1,"size":3,'
output_has '"whole":true,"hex":"6f6e65"}'
expect 1 dump ./news --sequence 7
error_has 'message 7 is not there'
expect 2 dump ./news --slot 4
error_has 'there are 0 to 3'
expect 2 dump ./news --slot 0 --sequence 1

test_case 'a gap is shown as one'
expect 0 pub ./gappy --capacity 4 --size 40 'one' 'two' 'three'
patch gappy 72 '\001' # the incompatible flag of gaps
patch gappy 584 '\000\000\000\000\001\000\000\000' # the size word of message 2
expect 0 info ./gappy
output_has 'gaps'
expect 0 dump ./gappy --slot 1
output_has '4: gap: message 2 was never here'
expect 0 dump ./gappy --slot 1 --json
output_has '"state":"gap","sequence":2,"size":0,'
output_has '"whole":true,"hex":""}'
expect 1 dump ./gappy --sequence 2
error_has 'message 2 is not there'
error_has 'gap'
expect 0 dump ./gappy --sequence 3

test_case 'stat counts every message, from the head alone'
start clock.txt pub ./clock 'tick tack' --repeat --rate 200
await_message ./clock
expect 0 stat ./clock -i 0.5
output_has 'live'
output_has '/s, up to '
expect 0 stat ./clock -i 0.5 --json
before=$(sed -n 's/.*"head":\([0-9]*\),.*/\1/p' output)
# The heads of two lines differ by the messages of the second: none is counted twice, or not at all. On a busy machine
# there may be an interval without any, and even three.
for _ in $(seq 1 100); do
  expect 0 stat ./clock -n 3 -i 0.1 --json
  [ "$(wc -l <output)" -eq 3 ] || fail 'not three lines'
  all=$(awk -F'[:,]' -v before="$before" '{ for (i = 1; i < NF; ++i) { if ($i ~ /"head"/) head = $(i + 1);
      if ($i ~ /"messages"/) messages = $(i + 1) } }
    head < before || (last && head != last + messages) { exit 1 } { last = head; all += messages }
    END { print all + 0 }' output) || fail 'heads and messages do not agree'
  [ "$all" -eq 0 ] || break
done
[ "$all" -gt 0 ] || fail 'no message was counted'
output_has '"bytes_estimated":false'
output_has '"gaps":0'
output_has '"age_ns":{"p50":'
kill "$pid"
ends 143
expect 0 stat ./clock -i 0.05
output_has 'closed'
output_has '0/s'
expect 3 stat ./nothing
expect 2 stat ./clock -i 0
expect 2 stat ./clock --watch --once

test_case 'stat counts gaps where a channel has few slots for its rate'
start flood.txt pub ./flood x --repeat --capacity 2
await_message ./flood
for _ in $(seq 1 50); do # until the publisher ran between two samples
  expect 0 stat ./flood -i 0.3 --json
  grep -qF '"gaps":0,' output || break
done
output_lacks '"gaps":0,'
output_has '"bytes_estimated":true'

test_case 'stat continues with the channel that takes the name of a removed one'
start old.txt pub ./news x --repeat --rate 100
old=$pid
await_message ./news
start stat.txt stat ./news --watch -i 0.05
stat=$pid
await stat.txt 'live'
kill -STOP "$old" # a publisher that notices would close the channel before it is seen without a name
expect 0 rm --force ./news
await stat.txt 'superseded'
kill -CONT "$old"
: >stat.txt
start new.txt pub ./news --size 2000 y --repeat --rate 100
await stat.txt 'live'
kill "$stat"
pid=$stat
ends 143

test_case 'top in lines shows new channels, and no removed ones'
expect 0 pub ./a x
start top.txt top . -i 0.05
await top.txt './a'
expect 0 pub ./b x
await top.txt './b'
expect 0 rm ./a
expect 0 pub ./c x
await top.txt './c'
! grep -F './c' -A 99 top.txt | grep -qF './a' || fail 'a is still there'
kill -TERM "$pid"
ends 143
expect 0 top . -n 2 -i 0.05 --json
[ "$(grep -c '"name":"./b"' output)" -eq 2 ] || fail 'not twice'
expect 2 top --sort size
expect 1 top ./nowhere -n 1

test_case 'output to a pipe has no escape sequences, and a closed pipe is no error'
expect 0 pub ./a x
for verb in 'ls .' 'info ./a' 'dump ./a' 'stat ./a -n 1 -i 0.05' 'stat ./a -i 0.05' 'top . -n 1 -i 0.05'; do
  # shellcheck disable=SC2086  # words
  TERM=xterm expect 0 $verb
  output_lacks "$escape"
done
# top learns of it while it waits for its next interval.
for verb in 'stat ./a --watch -i 0.05' 'top . -i 60'; do
  {
    found=0
    # shellcheck disable=SC2086  # words
    timeout 20 "$seqcast" $verb 2>error || found=$?
    echo $found >status.txt
  } | head -n 1 >output
  [ "$(cat status.txt)" -eq 0 ] || fail "'$verb' ends with $(cat status.txt)"
  stderr_is_empty
done

test_case 'a truncated file ends no observer'
start live.txt pub ./live x --repeat --rate 100 --capacity 4096
publisher=$pid
await_message ./live
start stat.txt stat ./live --watch -i 0.05
stat=$pid
start top.txt top . -i 0.05
top=$pid
await stat.txt 'live'
await top.txt './live'
kill "$publisher" # which the truncation would kill
pid=$publisher
ends 143
truncate -s 512 live
await stat.txt 'truncated'
await top.txt 'truncated'
kill "$stat" "$top"
pid=$stat
ends 143
pid=$top
ends 143

if ! command -v script >/dev/null; then
  echo "skipped: there is no script(1) to create a terminal"
  finish
  exit 0
fi

test_case 'top on a terminal draws a page of at most 80 columns and 24 rows, until q, and restores the terminal'
for i in $(seq 1 40); do expect 0 pub "./channel-with-a-name-that-is-far-too-long-for-its-column-$i" x; done
start_on_terminal top.txt top . -i 0.1
await top.txt 'q quits'
printf x >&4
await top.txt 'and '
printf q >&4
ends 0
tr -d '\r' <top.txt | awk -v escape="$escape" '
  { gsub(escape "\\[[0-9;?]*[A-Za-z]", "") } length($0) > 80 { exit 1 }' || fail 'wider than 80 columns'
grep -qF "${escape}[?1049h" top.txt || fail 'no page of its own'
tail -c 30 top.txt | grep -qF "${escape}[?7h${escape}[?25h${escape}[?1049l" || fail 'the terminal is not restored'

# page FILE: the last page that top wrote into that file, line by line.
page() {
  tr -d '\r' <"$1" | sed -E "s/$escape\\[H/\\n\\f/g" | awk '/^\f/ { page = "" } { page = page $0 "\n" } END { print page }' |
    sed -E "s/\\f//; s/$escape\\[[0-9;?]*[A-Za-z]//g"
}

test_case 'top leaves out columns where the terminal is narrow, and each line fits'
start live.txt pub ./live x --repeat --rate 100
await_message ./live
expect 0 pub ./ein-sehr-langer-name-mit-wörtern-und-日本語の名前 x
for columns in 30 40 60 80 120; do
  start_on_terminal top.txt top . -i 0.1
  await top.txt 'q quits'
  printf q >&4
  ends 0
  page top.txt >page.txt
  # In bytes: more than there are columns for the two lines with characters of several bytes.
  grep -v ^./ein page.txt | awk -v columns="$columns" 'length($0) > columns { exit 1 }' ||
    fail "wider than $columns columns"
  grep -q '^NAME .*MSG/S' page.txt || fail "no rate at $columns columns"
  # Each line of the table ends where the titles do: all columns are aligned, and none is cut off.
  grep -E '^NAME|^\./live' page.txt | awk '{ if (last && length($0) != last) exit 1; last = length($0) }' ||
    fail "the columns are not aligned at $columns columns"
done
grep -q '^NAME *STATE *PROCESS *MSG/S *BYTES/S *HEAD *AGE *LAG$' page.txt || fail 'columns are missing at 120'
columns=''

test_case 'top restores the terminal when a signal ends it'
start_on_terminal top.txt top . -i 0.1
await top.txt 'q quits'
printf '\003' >&4
ends 130
tail -c 30 top.txt | grep -qF "${escape}[?1049l" || fail 'the terminal is not restored'

test_case 'colours are for terminals, and on a dumb one top prints lines'
expect 0 pub ./a x
on_terminal "TERM=xterm $seqcast ls ."
output_has "${escape}[1mNAME"
on_terminal "NO_COLOR=1 TERM=xterm $seqcast ls ."
output_lacks "$escape"
on_terminal "TERM=dumb $seqcast top . -n 1 -i 0.05"
output_has './a'
output_lacks "$escape"

finish
