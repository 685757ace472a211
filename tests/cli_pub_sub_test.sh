#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
#
# cli_pub_sub_test: 'seqcast pub' and 'seqcast sub' do what their --help says. Run by ./tests/run, or by hand:
#
#   tests/cli_pub_sub_test.sh build/lib/cli/seqcast
# shellcheck source=SCRIPTDIR/support/cli.sh
. "$(dirname -- "$0")/support/cli.sh"

case_of 'arguments are messages, byte for byte, and stay for a subscriber that comes later'
expect 0 pub ./a one 'two words' '' '[a,b]' '{}' '++' '-5' -- --rate -- $'\x01x'
silent
expect 0 sub ./a --from oldest
printf '%s\n' one 'two words' '' '[a,b]' '{}' '++' '-5' --rate -- $'\x01x' >wanted
same_as wanted
quiet

case_of 'lines of standard input are messages, the last one with its newline or without'
printf 'first\n\n  third \nlast' | expect 0 pub ./a
silent
expect 0 sub ./a --from oldest
printf 'first\n\n  third \nlast\n' >wanted
same_as wanted

case_of 'a channel goes on with the next number, and --replace begins another one'
expect 0 pub ./a one
expect 0 pub ./a two
expect 0 sub ./a --from oldest --json
output_has '"sequence":2'
expect 1 pub ./a --size 64 three
error_has '--replace'
expect 0 pub ./a --size 64 --replace three
expect 0 sub ./a --from oldest --json
output_has '"sequence":1,"lost":0'
output_has '"text":"three"'

case_of 'a new channel has room for the longest argument; one that is there says what to do'
long=$(printf '%5000s' end)
expect 0 pub ./a "$long"
expect 0 pub ./b short
expect 1 pub ./b short "$long"
error_has 'TEXT 2 has 5000 bytes, the channel takes 1024; nothing was published. --replace --size 5000'
expect 0 sub ./b --from oldest
printf 'short\n' >wanted
same_as wanted

case_of 'a line that is too long is named and left out, and the status is 1 at the end'
{ echo short; head -c 300000 /dev/zero | tr '\0' x; echo; printf '%1025s\n' ''; printf '%1024s\n' fits; echo last; } |
  expect 1 pub ./a
error_has 'line 2 has 300000 bytes, the channel takes 1024; left out (--size 300000 takes it)'
error_has 'line 3 has 1025 bytes'
expect 0 sub ./a --from oldest
{ echo short; printf '%1024s\n' fits; echo last; } >wanted
same_as wanted

case_of '--count and --repeat: so many messages, in turn'
expect 0 pub ./a a b --repeat --count 5
expect 0 sub ./a --from oldest
printf '%s\n' a b a b a >wanted
same_as wanted
seq 1 9 | expect 0 pub ./b --count 3
expect 0 sub ./b --from oldest
seq 1 3 >wanted
same_as wanted

case_of '--rate keeps its time'
begin=$(date +%s%N)
expect 0 pub ./a tick --repeat --count 21 --rate 100
[ $(($(date +%s%N) - begin)) -ge 200000000 ] || broken '20 pauses of 10 ms took less than 200 ms'

case_of 'every byte of a message of any size goes through sub --raw | pub --raw'
# Sizes around the powers of two, empty and the largest; every message has all 256 values, as far as it is long.
perl -e '
  my $all = join "", map chr, 0..255;
  for my $size (0, 1, 2, 3, 7, 8, 9, 47, 48, 49, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097,
                65535, 65536, 65537, 99999, 100000, 0, 100000) {
    my $rotated = substr($all, $size % 256) . substr($all, 0, $size % 256);
    print pack("V", $size), substr($rotated x ($size / 256 + 1), 0, $size);
  }' >frames
expect 0 pub ./a --raw --size 100000 --capacity 64 <frames
silent
"$seqcast" sub ./a --from oldest --raw 2>sub-error | expect 0 pub ./b --raw --size 100000 --capacity 64
silent
expect 0 sub ./b --from oldest --raw
same_as frames
perl -e 'print pack("V", 1), chr $_ for 0..255' >frames
expect 0 pub ./c --raw <frames
"$seqcast" sub ./c --from oldest --raw 2>sub-error | expect 0 pub ./d --raw
expect 0 sub ./d --from oldest --raw
same_as frames

case_of 'frames that are cut off or too long end pub with 1, and what came before them is published'
printf '\3\0\0\0abc\5\0\0\0de' | expect 1 pub ./a --raw
error_has 'the input ends in the middle of message 2: 2 of 5 bytes; the 1 before it were published'
printf '\3\0' | expect 1 pub ./a --raw
error_has 'message 1: 2 of the 4 bytes that say its size'
printf '\3\0\0\0def\1\4\0\0' | expect 1 pub ./a --raw
error_has 'message 2 of the input has 1025 bytes, the channel takes 1024'
error_has '--size 1025'
echo 'this is text' | expect 1 pub ./a --raw
error_has 'leave out --raw if the input is text'
expect 0 sub ./a --from oldest
printf 'abc\ndef\n' >wanted
same_as wanted

case_of '--json says number, loss, age, size and text, or hex where it is no text; --hex is a dump'
printf '\2\0\0\0\377\0' | expect 0 pub ./a --raw
expect 0 pub ./a $'gr\303\274n "\t'
expect 0 sub ./a --from oldest --json
output_has '"sequence":1,"lost":0,"published_at_ns":'
output_has '"age_ns":'
output_has '"size":2,"hex":"ff00"}'
output_has '"size":8,"text":"grün \"\t"}'
expect 0 sub ./a --from oldest --hex
output_has 'message 1, 2 bytes'
output_has '00000000  ff 00                                             |..|'

case_of 'on a terminal control characters are shown, in a pipe they are as they came'
expect 0 pub ./a $'\e[31mred\a\r\ttab gr\303\274n \302\233 \377'
expect 0 sub ./a --from oldest
printf '\e[31mred\a\r\ttab gr\303\274n \302\233 \377\n' >wanted
same_as wanted
on_terminal "$seqcast sub ./a --from oldest"
printf '\\x1b[31mred\\x07\\x0d\ttab gr\303\274n \\xc2\\x9b \\xff\n' >wanted
same_as wanted
on_terminal "$seqcast sub ./a --from oldest --raw" && broken '--raw went to a terminal'
output_has 'pipe it, or use --hex'

case_of 'sub waits for a channel and begins with its first message; it ends with 0 when the publisher does'
start sub.txt sub ./a
await sub.txt 'no channel ./a yet; waiting for a publisher'
seq 1 100 | expect 0 pub ./a
ends 0
seq 1 100 >wanted
grep -v seqcast: sub.txt | cmp -s - wanted || broken 'not all of it came'

case_of 'where the last publisher has ended, sub waits for the next one, and gets all of that'
expect 0 pub ./a old
start sub.txt sub ./a
await sub.txt 'no publisher at the moment; waiting for one'
seq 1 100 | expect 0 pub ./a
ends 0
grep -v seqcast: sub.txt >output || :
seq 1 100 >wanted
same_as wanted

case_of 'a line is there as soon as it was published'
open_lines
start pub.txt pub ./a <lines 3>&-
start sub.txt sub ./a --from oldest 3>&-
for line in one two three; do
  echo $line >&3
  await sub.txt $line
done
exec 3>&-
ends 0

case_of '-n ends after so many; with 5 if the publisher ends before'
expect 0 pub ./a one two three
expect 0 sub ./a --from oldest -n 2
printf 'one\ntwo\n' >wanted
same_as wanted
expect 5 sub ./a --from oldest -n 4
error_has 'the publisher has ended, 3 of 4 messages (--follow waits for the next one)'
expect 0 sub ./a --from oldest -n 0
: >wanted
same_as wanted

case_of 'a publisher that is killed ends sub with 5; --follow goes on with the next one'
start pub.txt pub ./a tick --repeat --rate 200
publisher=$pid
start sub.txt sub ./a --from oldest
subscriber=$pid
start follow.txt sub ./a --from oldest --follow
follower=$pid
await sub.txt tick
await follow.txt tick
slay "$publisher"
pid=$subscriber ends 5
await sub.txt 'the publisher has died'
await follow.txt 'the publisher has died; waiting for the next one'
expect 0 pub ./a second
await follow.txt second
await follow.txt 'the publisher has ended; waiting for the next one'
expect 0 pub ./a --size 64 --replace third
await follow.txt 'removed or replaced'
await follow.txt third
kill "$follower"
pid=$follower ends 143

case_of 'a channel that is removed or replaced ends sub with 5'
expect 0 pub ./a one
start sub.txt sub ./a
await sub.txt 'no publisher at the moment'
expect 0 rm ./a
ends 5
await sub.txt 'the channel was removed or replaced'

case_of '--timeout ends with 4, with a channel or without; --timeout 0 prints what is there'
expect 4 sub ./a --timeout 0.1
error_has 'no channel ./a yet'
expect 3 sub ./a --timeout 0
error_has "'seqcast pub ./a' makes one"
expect 0 pub ./a one
expect 4 sub ./a --timeout 0.1
expect 0 sub ./a --from oldest --timeout 0
start pub.txt pub ./a tick --repeat --rate 50 --count 1000
await_live ./a
expect 4 sub ./a --from oldest --timeout 0
output_has one
kill "$pid"
ends 143

case_of '--latest gives the newest message, at once'
expect 0 pub ./a one two three
expect 0 sub ./a --latest -n 1
echo three >wanted
same_as wanted
expect 0 sub ./a --latest
same_as wanted
start pub.txt pub ./a tick --repeat --rate 200
await_live ./a
expect 0 sub ./a --latest -n 3 --json
[ "$(grep -o '"sequence":[0-9]*' output | sort -u | wc -l)" -eq 3 ] || broken 'a message was printed twice'
kill "$pid"

case_of 'what is lost is told on stderr, exactly; --strict ends with 6 at the first loss'
for strict in '' --strict; do
  open_lines
  # shellcheck disable=SC2086  # no word where there is no flag
  start sub.txt sub ./a $strict 3>&-
  subscriber=$pid
  await sub.txt 'waiting for a publisher'
  start pub.txt pub ./a --capacity 4 <lines 3>&-
  echo first >&3
  await sub.txt first
  kill -STOP "$subscriber"
  seq 1 1000 >&3
  await_newest ./a 1000
  kill -CONT "$subscriber"
  exec 3>&-
  pid=$subscriber
  if [ -n "$strict" ]; then
    ends 6
    await sub.txt 'seqcast: lost '
    [ "$(grep -vc seqcast: sub.txt)" -eq 1 ] || broken 'something was printed after the loss'
  else
    ends 0
    awk '$2 == "lost" { lost += $3; next } $1 != "seqcast:" { printed += 1; last = $1 }
         END { exit !(lost > 0 && lost + printed == 1001 && last == 1000) }' sub.txt || broken 'it does not add up'
  fi
  rm -f ./*
done

case_of 'a reader that goes away ends sub with 0 and quietly, while messages come and while none do'
start pub.txt pub ./a tick --repeat --rate 200
publisher=$pid
await_live ./a
{ "$seqcast" sub ./a --from oldest 2>error && echo 0 >status || echo $? >status; } | head -n 1 >output
await status 0
quiet
kill -STOP "$publisher"
{ "$seqcast" sub ./a 2>error && echo 0 >status || echo $? >status; } | true
await status 0
quiet
slay "$publisher"

case_of 'a full disk is an error, not a truncated success'
if [ -w /dev/full ]; then
  expect 0 pub ./a one
  "$seqcast" sub ./a --from oldest >/dev/full 2>error && broken 'no error'
  error_has 'cannot write to standard output: No space left on device'
fi

case_of 'what is said where stderr is closed does not land in the channel, and a closed stdin or stdout is an error'
found=0
{ echo first; printf '%2000s\n' long; echo last; } | "$seqcast" pub ./a 2>&- || found=$?
[ $found -eq 1 ] || broken "status $found"
expect 0 sub ./a --from oldest
printf 'first\nlast\n' >wanted
same_as wanted
"$seqcast" sub ./a --from oldest >&- 2>error && broken 'nobody noticed'
error_has 'cannot write to standard output'
"$seqcast" pub ./a <&- 2>error && broken 'nobody noticed'
error_has 'cannot read standard input'

case_of 'SIGINT, SIGTERM and SIGHUP end both as such, and the publisher closes the channel'
for signal in INT:130 TERM:143 HUP:129; do
  start pub.txt pub ./a tick --repeat --rate 50
  publisher=$pid
  start sub.txt sub ./a --follow
  subscriber=$pid
  await sub.txt tick
  kill "-${signal%:*}" "$subscriber"
  pid=$subscriber ends "${signal#*:}"
  start sub.txt sub ./a
  await sub.txt tick
  kill "-${signal%:*}" "$publisher"
  ends 0 # closed, not died
  pid=$publisher ends "${signal#*:}"
done

case_of 'a signal that was ignored at the beginning stays ignored'
(trap '' HUP && exec "$seqcast" pub ./a tick --repeat --rate 50) >pub.txt 2>&1 &
pid=$!
running="$running $pid"
await_live ./a
kill -HUP "$pid"
expect 0 sub ./a -n 3
kill -TERM "$pid"
ends 143

case_of 'a second publisher is refused with 1, and told whom to stop'
start pub.txt pub ./a tick --repeat --rate 50
await_live ./a
expect 1 pub ./a mine
error_has "process $pid"
kill "$pid"

case_of 'a wrong command line ends with 2 and says where to read more'
expect 2 pub
error_has 'NAME is required; seqcast pub --help says more'
expect 2 pub ./a --no-such-option
expect 2 pub ./a -x
error_has 'or -- before it'
expect 2 pub ./a --capacity 3
error_has '3 is no power of two; 4 is'
expect 2 pub ./a --rate 0
expect 2 pub ./a --size 4G text
expect 2 pub ./a --size 3G text
expect 2 pub ./a --raw text
expect 2 pub ./a --repeat
expect 2 pub --file --shm a text
expect 2 pub '' text
expect 2 sub ./a --json --raw
expect 2 sub ./a --from middle
expect 2 sub ./a -n some
error_has 'is no number'
expect 2 sub ./a ./b
[ -z "$(ls ./a ./b 2>/dev/null)" ] || broken 'a channel was made'

case_of 'a NAME without a slash is in shared memory; --file and --shm say otherwise'
channel=seqcast-cli-test-$$
expect 0 pub "$channel" shared
[ -e "/dev/shm/$channel" ] || broken 'it is not in /dev/shm'
expect 0 pub --file "$channel" filed
[ -e "$channel" ] || broken 'it is not in a file'
expect 0 sub "$channel" --from oldest
echo shared >wanted
same_as wanted
expect 0 sub --file "$channel" --from oldest
echo filed >wanted
same_as wanted
expect 0 rm "$channel"
expect 3 sub "$channel" --timeout 0
error_has "for the file of that name say ./$channel"

case_of 'what is no channel is left alone'
echo precious >a
expect 1 pub ./a text
expect 1 pub ./a --replace text
expect 1 sub ./a
echo precious >wanted
cmp -s a wanted || broken 'the file has changed'

finish
