#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
#
# cli_recording_test: 'seqcast record', 'replay' and 'check', and how 'sub', 'dump' and 'info' read a
# recording. Run by ./tests/run, or by hand:
#
#   tests/cli_recording_test.sh build/lib/cli/seqcast
# shellcheck source=SCRIPTDIR/support/cli.sh
. "$(dirname -- "$0")/support/cli.sh"
shared=seqcast-recording-$$

clean_up_here() {
  umount "$work/small" 2>/dev/null || :
  rm -f "/dev/shm/$shared"*
  clean_up
}
trap clean_up_here EXIT

# accounts FILE NAME: before, recorded, lost and head of each region with this name in the recording, a
# line each.
accounts() {
  { "$seqcast" info "$1" --json 2>/dev/null || :; } | { grep -o '{"name":"[^}]*}' || :; } | { grep -F "\"name\":\"$2\"" || :; } |
    sed 's/.*"before":\([0-9]*\),"recorded":\([0-9]*\),"lost":\([0-9]*\),"head":\([0-9]*\).*/\1 \2 \3 \4/'
}
# adds_up FILE NAME HEAD: before + recorded + lost is the head, which is that, and the file has so many
# messages. Sets $before, $recorded and $lost.
adds_up() {
  local head
  read -r before recorded lost head <<<"$(accounts "$1" "$2")"
  [ "$head" -eq "$3" ] || fail "$2 has the head $head, not $3"
  [ $((before + recorded + lost)) -eq "$head" ] || fail "$2: $before before, $recorded recorded, $lost lost, head $head"
  [ "$({ "$seqcast" sub "$1" --channel "$2" 2>/dev/null || :; } | wc -l)" -eq "$recorded" ] ||
    fail "there are not $recorded messages of $2 in $1"
}
# head_of NAME: the newest sequence of a channel.
head_of() { "$seqcast" info "$1" --json | sed 's/.*"head":\([0-9]*\).*/\1/'; }
# await_recorded FILE NAME COUNT: waits until so many messages of the channel are in the file.
await_recorded() {
  local recorded=0
  for _ in $(seq 1 3000); do
    # shellcheck disable=SC2034  # head
    read -r _ recorded _ _ <<<"$(accounts "$1" "$2")" || :
    [ "${recorded:-0}" -lt "$3" ] || return 0
    sleep 0.02
  done
  fail "there never were $3 messages of $2 in $1"
}
# interrupt: ends the recorder, process $recorder, by Ctrl-C.
interrupt() {
  kill -INT "$recorder"
  pid=$recorder ends 0
}
# recording ARGUMENT...: starts a recorder, and waits for its file, the word behind -o, or the first
# numbered one.
recording() {
  start record.txt record "$@"
  recorder=$pid
  while [ "$1" != -o ]; do shift; done
  for _ in $(seq 1 3000); do
    [ -z "$(find . -name "${2%.mcap}*.mcap" -size +0)" ] || return 0
    sleep 0.02
  done
  fail "there never was a file $2"
}
# numbers: sequence, loss and text of the objects in standard input.
numbers() { sed 's/.*"sequence":\([0-9]*\),"lost":\([0-9]*\),.*"text":"\([^"]*\)".*/\1 \2 \3/'; }

test_case 'three publishers, one killed in the middle and one dead before: each account adds up, to the message'
seq 1 5000 | expect 0 pub ./dead
start killed.txt pub ./killed tick --repeat --rate 3000
killed=$pid
start alive.txt pub ./alive tick --repeat --rate 3000
alive=$pid
await_message ./killed
await_message ./alive
recording ./dead ./killed ./alive -o run.mcap
await_recorded run.mcap ./killed 1000
kill -KILL "$killed"
pid=$killed ends 137
seq 1 500 | expect 0 pub ./killed
kill -INT "$alive"
pid=$alive ends 130
interrupt
adds_up run.mcap ./dead 5000
[ "$before $recorded $lost" = '3977 1023 0' ] || fail "$before before, $recorded recorded, $lost lost"
adds_up run.mcap ./killed "$(head_of ./killed)"
adds_up run.mcap ./alive "$(head_of ./alive)"
grep -qE '^\./dead +1023 .* 0 +3977 +5000$' record.txt || fail 'the table says something else'
expect 0 check run.mcap
output_has 'all as it should be'
expect 0 sub run.mcap --channel ./dead
seq 3978 5000 >expected
same_as expected

test_case 'what a stopped recorder misses is counted, exactly, and the next messages are right'
start pub.txt pub ./a --capacity 8 first
ends 0
recording ./a -o run.mcap
await_recorded run.mcap ./a 1
kill -STOP "$recorder"
seq 1 1000 | expect 0 pub ./a
kill -CONT "$recorder"
interrupt
adds_up run.mcap ./a 1001
[ "$lost" -gt 900 ] || fail "it lost $lost"
expect 0 sub run.mcap --json
"$seqcast" sub run.mcap --json 2>/dev/null | numbers >seen
awk -v last=0 '$1 != last + 1 + $2 { exit 1 } NR > 1 && $3 != $1 - 1 { exit 1 } { last = $1 }' seen || fail 'a message is wrong'
expect 6 sub run.mcap --strict

test_case 'a publisher that starts anew goes on, and a new channel behind the name is another one'
recording ./a -o run.mcap
seq 1 10 | expect 0 pub ./a
seq 11 20 | expect 0 pub ./a
await_recorded run.mcap ./a 20
seq 1 5 | expect 0 pub ./a --size 64 --replace
for _ in $(seq 1 3000); do
  [ "$(accounts run.mcap ./a)" != $'0 20 0 20\n0 5 0 5' ] || break
  sleep 0.02
done
interrupt
[ "$(accounts run.mcap ./a)" = $'0 20 0 20\n0 5 0 5' ] || fail "not two channels"
expect 0 sub run.mcap
{ seq 1 20 && seq 1 5; } >expected
same_as expected
expect 0 dump run.mcap --json
output_has '"sequence":20,"lost":0,"epoch":2'
output_has '"sequence":5,"lost":0,"epoch":1'

test_case 'a pattern stands for channels that come later, and --all for all of them'
recording "$shared*" -o run.mcap
expect 0 pub "$shared-x" one
expect 0 pub "$shared-y" two three
await_recorded run.mcap "$shared-y" 2
await_recorded run.mcap "$shared-x" 1
interrupt
adds_up run.mcap "$shared-x" 1
adds_up run.mcap "$shared-y" 2
expect 0 record --all --last -o all.mcap
adds_up all.mcap "$shared-y" 2
expect 0 rm "$shared-x" "$shared-y"

test_case 'record ends by itself: after a time, at a size, with the publishers'
expect 0 record ./later -o a.mcap --duration 0.1
error_has 'no channel ./later yet'
expect 0 check a.mcap
start pub.txt pub ./a --size 64K "$(printf '%060000d' 1)" --repeat --rate 2000
expect 0 record ./a -o b.mcap --size 6M
[ "$(stat -c %s b.mcap)" -ge 6291456 ] || fail 'it is smaller'
kill "$pid"
ends 143
seq 1 10 | expect 0 pub ./b
expect 0 record ./b -o c.mcap --until-closed
adds_up c.mcap ./b 10

test_case 'no file is overwritten without --force, and what is wrong is said before one is made'
expect 0 pub ./a one
echo precious >run.mcap
expect 1 record ./a --last -o run.mcap
error_has 'there is a file run.mcap already. Use another name, or --force'
[ "$(cat run.mcap)" = precious ] || fail 'it is'
expect 0 record ./a --last -o run.mcap --force
expect 0 check run.mcap
echo text >no-channel
expect 1 record ./no-channel -o b.mcap
expect 1 record ./a --reliable -o b.mcap
error_has 'waits for no subscriber'
expect 2 record -o b.mcap
error_has 'a NAME is missing, or --all'
expect 2 record ./a
error_has '--output is missing'
expect 2 record ./a --all -o b.mcap
expect 2 record ./a -o b.mcap --keep 2
expect 2 record ./a -o b.mcap --before 5
expect 2 record ./a -o b.mcap --duration soon
error_has 'takes a time in seconds, such as 10, 0.5s, 200ms, 5min or 2h'
expect 1 record ./a -o none/b.mcap
[ ! -e b.mcap ] || fail 'there is a file'

test_case 'a recorder that is killed at any moment leaves what it had finished'
start pub.txt pub ./a --size 20K --repeat "$(printf '%020000d' 7)" --rate 20000
await_message ./a
for i in $(seq 1 20); do
  rm -f run.mcap
  recording ./a -o run.mcap
  [ $((i % 2)) -eq 0 ] || await_recorded run.mcap ./a 1
  sleep "0.$((i % 10))"
  kill -KILL "$recorder"
  pid=$recorder ends 137
  expect 1 check run.mcap
  output_has 'the end is missing'
  read -r _ recorded _ head <<<"$(accounts run.mcap ./a)" || :
  [ $((i % 2)) -eq 0 ] || adds_up run.mcap ./a "$head"
  [ $((i % 2)) -eq 0 ] || [ "$recorded" -gt 0 ] || fail 'nothing is there'
done

test_case 'a full disk is an error that says what can be read'
mkdir small
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=14m tmpfs small 2>/dev/null; then
  start pub.txt pub ./a --size 20K --repeat "$(printf '%020000d' 7)" --rate 5000
  await_message ./a
  expect 1 record ./a -o small/run.mcap
  error_has 'No space left on device'
  error_has 'small/run.mcap has'
  error_has 'and can be read'
  read -r _ _ _ head <<<"$(accounts small/run.mcap ./a)"
  adds_up small/run.mcap ./a "$head"
  [ "$recorded" -gt 100 ] || fail "only $recorded messages are there"
  umount small
else
  echo 'skipped: the full disk, which needs the right to mount a small file system'
fi

# twenty_kilobytes FIRST LAST: these numbers, each as a line of 20 kB.
twenty_kilobytes() { awk -v first="$1" -v last="$2" 'BEGIN { for (i = first; i <= last; ++i) printf "%020000d\n", i }'; }

test_case 'with --reliable nothing is lost, and files that are split follow each other; --keep removes the oldest'
for keep in 1000 2; do
  rm -f run.* a a.bell
  open_lines
  start pub.txt pub ./a --size 20K --max-blocking-time 60 <lines 3>&-
  publisher=$pid
  echo start >&3
  await_message ./a
  recording ./a --reliable -o run.mcap --split-size 5M --keep $keep --until-closed 3>&-
  twenty_kilobytes 2 1200 >&3
  exec 3>&-
  rm lines
  pid=$publisher ends 0
  pid=$recorder ends 0
  [ ! -e run.mcap ] || fail 'a file is not numbered'
  last=0 count=0
  for file in run.*.mcap; do
    count=$((count + 1))
    expect 0 check "$file"
    adds_up "$file" ./a "$("$seqcast" info "$file" --json | sed 's/.*"head":\([0-9]*\).*/\1/')"
    [ "$lost" -eq 0 ] || fail "$lost were lost"
    [ $count -eq 1 ] || [ "$before" -eq "$last" ] || fail "$file begins after $before, and not after $last"
    [ $count -gt 1 ] || [ $keep -eq 2 ] || [ "$before" -eq 0 ] || fail "$before are missing at the beginning"
    last=$((before + recorded))
  done
  [ $last -eq 1200 ] || fail "the last file ends with $last"
  if [ $keep -eq 2 ]; then
    [ $count -eq 2 ] || fail "there are $count files"
  else
    [ $count -ge 4 ] || fail "there are $count files"
  fi
done
newest=$(find . -name 'run.*.mcap' | sort | tail -n 1)
sum=$(cksum <"$newest")
expect 0 record ./a --last -o run.mcap --split-time 1h
[ "$(find . -name 'run.*.mcap' | wc -l)" -eq 3 ] || fail 'there are not three files'
[[ $(find . -name 'run.*.mcap' | sort | tail -n 1) > $newest ]] || fail 'the numbers do not go on'
[ "$(cksum <"$newest")" = "$sum" ] || fail 'a file of another recording has changed'

test_case 'the black box writes what is still there, also of dead publishers'
start pub.txt pub ./a --capacity 64 x --repeat --rate 1000
await_message ./a
kill -KILL "$pid"
ends 137
expect 3 record ./a ./missing --last -o crash.mcap
error_has 'no channel ./missing'
adds_up crash.mcap ./a "$(head_of ./a)"
expect 3 record ./missing --last -o none.mcap
[ ! -e none.mcap ] || fail 'there is a file'

test_case 'the black box writes the time before a trigger, at a signal, and is armed again'
seq 1 100 | expect 0 pub ./a
start record.txt record ./a -o box.mcap --on SIGUSR1 --before 1h --after 0
recorder=$pid
await record.txt "process $recorder waits for SIGUSR1"
kill -USR1 "$recorder"
await record.txt 'box.0001.mcap is complete: 100 messages'
seq 101 250 | expect 0 pub ./a
kill -USR1 "$recorder"
await record.txt 'box.0002.mcap is complete: 150 messages'
interrupt
adds_up box.0001.mcap ./a 100
adds_up box.0002.mcap ./a 250
[ "$before" -eq 100 ] || fail "$before before"
expect 0 info box.0002.mcap
output_has 'cause: SIGUSR1'
start record.txt record ./a -o box.mcap --on SIGUSR1
recorder=$pid
await record.txt 'waits for SIGUSR1'
interrupt
await record.txt 'there was no trigger'

test_case 'a command is a trigger when it ends with 0; what is recorded goes on for --after'
start record.txt record ./a -o box.mcap --on 'until test -e go; do sleep 0.02; done' --after 1h --once
recorder=$pid
seq 1 10 | expect 0 pub ./a
touch go
await record.txt 'triggered by'
seq 11 20 | expect 0 pub ./a
interrupt
expect 0 sub box.mcap
seq 1 20 >expected
same_as expected
expect 1 record ./a -o c.mcap --on ./no-such-command
error_has 'ended with 127'

test_case 'the black box says when its buffer is shorter than the time'
start pub.txt pub ./a --size 100K --repeat "$(printf '%0100000d' 7)" --rate 2000
await_message ./a
start record.txt record ./a -o box.mcap --on SIGUSR1 --before 1h --after 0 --buffer 16M --once
recorder=$pid
await record.txt '--buffer has room for the last'
kill -USR1 "$recorder"
pid=$recorder ends 0
[ "$(stat -c %s box.mcap)" -lt $((64 << 20)) ] || fail 'it has more than the buffer'
read -r _ _ _ head <<<"$(accounts box.mcap ./a)"
adds_up box.mcap ./a "$head"

# as_recorded FILE NAME CHANNEL: what a subscriber has printed of the channel is what is in the recording:
# every byte, and every sequence from the first message on.
as_recorded() {
  "$seqcast" sub "$1" --channel "$2" --json 2>/dev/null | numbers | sed '1s/ [0-9]* / - /' >expected
  numbers <"$3" | sed '1s/ [0-9]* / - /' >output
  same_as expected
}

test_case 'replay gives a subscriber every byte and every number, gaps as well'
seq 1 100 | expect 0 pub ./a --capacity 16
recording ./a -o run.mcap
await_recorded run.mcap ./a 1
kill -STOP "$recorder"
seq 101 1000 | expect 0 pub ./a
kill -CONT "$recorder"
interrupt
adds_up run.mcap ./a 1000
[ $((before > 0 && lost > 0)) -eq 1 ] || fail "$before before, $lost lost"
open_lines
start replay.txt replay run.mcap --prefix again. --step --max-blocking-time 60 <lines 3>&-
replay=$pid
for _ in $(seq 1 3000); do
  [ ! -e again.a ] || break
  sleep 0.02
done
start sub.txt sub ./again.a --reliable --from oldest --json 3>&-
subscriber=$pid
for _ in $(seq 1 3000); do
  ! "$seqcast" info ./again.a --json | grep -q '"state":"waited for"' || break
  sleep 0.02
done
for _ in $(seq 1 "$((recorded + 10))"); do echo; done >&3
exec 3>&-
pid=$replay ends 0
pid=$subscriber ends 0
grep -v '^seqcast: ' sub.txt >seen
[ "$(wc -l <seen)" -eq "$recorded" ] || fail 'there are too few'
as_recorded run.mcap ./a seen
[ "$(head_of ./again.a)" -eq 1000 ] || fail 'the head is another one'
grep -qE "^\./again\.a +$recorded .* $((before + lost)) +1000\$" replay.txt || fail 'the table says something else'
for _ in $(seq 1 $((2 * recorded))); do echo; done | expect 0 replay run.mcap --prefix loop. --loop --step
[ "$(head_of ./loop.a)" -eq $((2000 - before)) ] || fail 'the gaps are not there the second time'

test_case 'Ctrl-C ends a replay that waits for a reliable subscriber, before a message and before a gap'
seq 1 2 | expect 0 pub ./a --capacity 16
recording ./a -o gap.mcap
await_recorded gap.mcap ./a 2
expect 0 record ./a --last -o message.mcap
kill -STOP "$recorder"
seq 3 1000 | expect 0 pub ./a
kill -CONT "$recorder"
interrupt
[ "$(accounts gap.mcap ./a | cut -d ' ' -f 1)" -eq 0 ] || fail 'the first messages are missing'
for kind in message gap; do
  rm -f again.a again.a.bell
  open_lines
  start replay.txt replay $kind.mcap --prefix again. --loop --step --max-blocking-time 1h <lines 3>&-
  replay=$pid
  echo >&3
  await_message ./again.a
  start sub.txt sub ./again.a --reliable --from oldest 3>&-
  await sub.txt 1
  kill -STOP "$pid"
  for _ in $(seq 1 30); do echo; done >&3
  # The first that it does not publish is the third, behind a gap, or the one that would overwrite the second.
  last=2
  [ $kind = gap ] || last=16
  for _ in $(seq 1 3000); do
    [ "$(head_of ./again.a)" -lt $last ] || break
    sleep 0.02
  done
  kill -INT "$replay"
  subscriber=$pid
  pid=$replay ends 130
  [ "$(head_of ./again.a)" -eq $last ] || fail "the last number is $(head_of ./again.a)"
  kill -CONT "$subscriber"
  for _ in $(seq 1 3000); do
    [ "$(grep -cv '^seqcast: ' sub.txt)" -lt $last ] || break
    sleep 0.02
  done
  [ "$(grep -cv '^seqcast: ' sub.txt)" -eq $last ] || fail 'the subscriber did not receive all'
  kill_all "$subscriber"
  exec 3>&-
done

test_case 'the channel of a replay has the properties that it had'
expect 0 pub ./a --capacity 32 --schema 'acme.Quote{bid:f64,ask:f64}' '{"bid":1.5,"ask":2}'
expect 0 record ./a --last -o run.mcap
expect 0 replay run.mcap --prefix again.
expect 0 sub ./again.a --from oldest
echo 'bid=1.5 ask=2.0' >expected
same_as expected
for channel in a again.a; do
  "$seqcast" info ./$channel --json | grep -oE '"(capacity|max_message_size|message_alignment|timestamps|copy_behind|wakeup|schema_tag|schema_format)":[^,]*' >$channel.properties
done
cmp -s a.properties again.a.properties || fail 'the properties differ'

test_case 'replay refuses a live publisher, and then nothing is touched'
expect 0 pub ./a one
expect 0 pub ./b two
expect 0 record ./a ./b --last -o run.mcap
rm a a.bell
start pub.txt pub ./b tick --repeat --rate 100
await_live ./b
expect 1 replay run.mcap
error_has "'./b' has a live publisher (process $pid), and nothing was published"
[ ! -e a ] || fail 'a channel was made'
expect 0 replay run.mcap --channel ./a
expect 3 replay run.mcap --channel ./c
error_has 'there is no channel ./c in run.mcap. There are: ./a, ./b'

test_case 'a channel that is there goes on, or the error says what would help'
seq 1 10 | expect 0 pub ./a
expect 0 record ./a --last -o run.mcap
expect 1 replay run.mcap
error_has 'has messages up to number 10, the recording begins with 1, and nothing was published. --replace'
[ "$(head_of ./a)" -eq 10 ] || fail 'something was published'
expect 0 replay run.mcap --renumber
[ "$(head_of ./a)" -eq 20 ] || fail 'it did not go on'
expect 0 replay run.mcap --replace
[ "$(head_of ./a)" -eq 10 ] || fail 'it was not replaced'
seq 11 20 | expect 0 pub ./a
recording ./a -o more.mcap --from newest
seq 21 25 | expect 0 pub ./a
await_recorded more.mcap ./a 5
interrupt
expect 0 replay more.mcap --prefix new.
[ "$(head_of ./new.a)" -eq 25 ] || fail 'the numbers are not as recorded'
expect 0 sub ./new.a --from oldest
seq 21 25 >expected
same_as expected
expect 0 replay run.mcap --replace
seq 11 20 | expect 0 pub ./a
expect 0 replay more.mcap
[ "$(head_of ./a)" -eq 25 ] || fail 'it did not go on'
expect 0 replay more.mcap --renumber --prefix dense.
[ "$(head_of ./dense.a)" -eq 5 ] || fail 'there are gaps'
expect 0 pub ./a --size 64 --replace x
expect 1 replay run.mcap
error_has 'there is another channel'
rm a a.bell
echo text >a
expect 1 replay run.mcap
[ "$(cat a)" = text ] || fail 'a file was overwritten'

test_case 'a name with two channels is replayed as one after the other'
recording ./a -o run.mcap
seq 1 3 | expect 0 pub ./a
await_recorded run.mcap ./a 3
seq 4 5 | expect 0 pub ./a --size 64 --replace
for _ in $(seq 1 3000); do
  [ "$(accounts run.mcap ./a | wc -l)" -lt 2 ] || break
  sleep 0.02
done
interrupt
expect 0 replay run.mcap --prefix again.
expect 0 sub ./again.a --from oldest
printf '%s\n' 4 5 >expected
same_as expected
expect 0 info ./again.a --json
output_has '"max_message_size":64'
expect 0 replay run.mcap --prefix /dev/shm/"$shared-"
expect 0 sub "$shared-a" --from oldest
same_as expected

test_case 'replay keeps the times, from one to another; --loop goes on with the numbers'
for i in 1 2 3; do
  expect 0 pub ./a $i
  sleep 0.3
done
recording ./a -o run.mcap
await_recorded run.mcap ./a 3
sleep 0.3
expect 0 pub ./a 4
await_recorded run.mcap ./a 4
interrupt
expect 0 replay run.mcap --start 0.2 --prefix late.
expect 0 sub ./late.a --from oldest
echo 4 >expected
same_as expected
expect 0 replay run.mcap --end 200ms --prefix early.
expect 0 sub ./early.a --from oldest
seq 1 3 >expected
same_as expected
for _ in $(seq 1 11); do echo; done | expect 0 replay run.mcap --loop --step --prefix loop.
expect 0 sub ./loop.a --from oldest
printf '%s\n' 1 2 3 4 1 2 3 4 1 2 3 >expected
same_as expected
[ "$(head_of ./loop.a)" -eq 11 ] || fail 'the numbers did not go on'
begin=$(date +%s%N)
expect 0 replay run.mcap --prefix timed.
[ $(($(date +%s%N) - begin)) -ge 1100000000 ] || fail 'it was faster than what was recorded'
expect 0 replay run.mcap --prefix fast. --as-fast-as-possible
expect 0 replay run.mcap --prefix faster. --rate 1000
expect 2 replay run.mcap --rate 2 --step
expect 2 replay run.mcap --rate 0

test_case 'sub, dump and info read a recording as they read a channel'
printf 'one\ntwo\n' | expect 0 pub ./a
expect 0 pub ./b --schema 'acme.Quote{bid:f64,ask:f64}' '{"bid":1.5,"ask":2}'
expect 0 record ./a ./b --last -o run.mcap --compress
expect 0 sub run.mcap
printf '%s\n' './a: one' './a: two' './b: bid=1.5 ask=2.0' >expected
same_as expected
expect 0 sub run.mcap --channel ./b --field bid
echo 1.5 >expected
same_as expected
expect 0 sub run.mcap --channel ./a --raw
printf '\3\0\0\0one\3\0\0\0two' >expected
same_as expected
expect 2 sub run.mcap --raw
expect 2 sub run.mcap --follow
expect 2 sub ./a --channel ./a
expect 0 sub ./run.mcap --json -n 1
output_has '{"channel":"./a","sequence":1,"lost":0,"published_at_ns":1'
output_has '"size":3,"text":"one"}'
expect 0 dump run.mcap
output_has './a, message 2'
output_has '|two|'
output_has './b, message 1'
expect 0 dump run.mcap --channel ./a --sequence 1
output_has '|one|'
expect 1 dump run.mcap --channel ./a --sequence 7
expect 0 info run.mcap
output_has 'complete'
output_has 'compression zstd'
expect 2 dump run.mcap --slot 1

test_case 'with --json messages are JSON in the file, and the same bytes when they are read'
order='acme.Order{symbol:char[8],side:i8,live:bool,levels:{price:f32,volume:u64}[2],spread:f64}'
printf '%s\n' '{"symbol":"ACME","side":-1,"live":true,"levels":[{"price":0.1,"volume":18446744073709551615},{"price":-2.5,"volume":7}],"spread":1e-300}' \
  '{"symbol":"","side":0,"live":false,"levels":[{"price":null,"volume":0},{"price":-0.0,"volume":1}],"spread":null}' |
  expect 0 pub ./orders --schema "$order"
# Infinite, a number that is none with a payload, a text that is no UTF-8, and a bool that is neither.
head -c 8 /dev/zero | tr '\0' '\377' >odd
{ printf '\1\2\0\0\0\0\0\0' && printf '\0\0\200\377\0\0\0\0\1\0\0\0\0\0\0\200' && printf '\1\0\240\177\0\0\0\0\0\0\0\0\0\0\0\0' &&
  printf '\1\2\3\4\5\6\370\177'; } >>odd
[ "$(stat -c %s odd)" -eq 56 ] || fail 'it is no order'
{ printf '\70\0\0\0' && cat odd; } | expect 0 pub ./orders --schema "$order" --raw
expect 0 pub ./texts 'text' '{"a":1}' '{"text":"b"}' '{"base64":"!"}' $'\xff\xfe' '' '[1]' 'x' -- '{"a":1,"a":2}'
expect 0 pub ./numbers --schema 'a{x:f64[2]}' '{"x":[1,2]}'
expect 0 pub ./scalar --schema 'T{<d:x:}' '{"x":5}'
expect 0 record ./orders ./texts ./numbers ./scalar --last --json -o run.mcap
grep -qaF '{"symbol":"ACME","side":-1,"live":true,"levels":[{"price":0.1,"volume":18446744073709551615}' run.mcap || fail 'no JSON'
grep -qaF '"symbol":{"type":"string"}' run.mcap || fail 'no JSON schema'
grep -qaF '{"a":1,"a":2}' run.mcap || fail 'an object was changed'
for channel in orders texts numbers scalar; do
  "$seqcast" sub ./$channel --from oldest --timeout 0 --raw >expected || :
  expect 0 sub run.mcap --channel ./$channel --raw
  same_as expected
done
expect 0 replay run.mcap --prefix again.
"$seqcast" sub ./orders --from oldest --timeout 0 --raw >expected || :
"$seqcast" sub ./again.orders --from oldest --timeout 0 --raw >output || :
same_as expected

test_case 'a recording that is cut is replayed as far as it goes; what is none is refused'
seq 1 100 | expect 0 pub ./a
expect 0 record ./a --last -o run.mcap
head -c -50 run.mcap >cut.mcap
expect 1 check cut.mcap
expect 0 replay cut.mcap --prefix again.
error_has 'the recording is incomplete'
[ "$(head_of ./again.a)" -eq 100 ] || fail 'not all of it'
echo text >text
expect 1 replay text
expect 1 check missing.mcap
expect 1 replay ./a

finish
