#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
#
# cli_pub_sub_test: 'seqcast pub' and 'seqcast sub' do what their --help says. Run by ./tests/run, or by hand:
#
#   tests/cli_pub_sub_test.sh build/lib/cli/seqcast
# shellcheck source=SCRIPTDIR/support/cli.sh
. "$(dirname -- "$0")/support/cli.sh"

test_case 'arguments are messages, byte for byte, and stay for a subscriber that comes later'
expect 0 pub ./a one 'two words' '' '[a,b]' '{}' '++' '-5' -- --rate -- $'\x01x'
no_output
expect 0 sub ./a --from oldest
printf '%s\n' one 'two words' '' '[a,b]' '{}' '++' '-5' --rate -- $'\x01x' >expected
same_as expected
stderr_is_empty

test_case 'lines of standard input are messages, the last one with its newline or without'
printf 'first\n\n  third \nlast' | expect 0 pub ./a
no_output
expect 0 sub ./a --from oldest
printf 'first\n\n  third \nlast\n' >expected
same_as expected

test_case 'a channel goes on with the next number, and --replace begins another one'
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

test_case 'a new channel has room for the longest argument; an error about an existing one has advice'
long=$(printf '%5000s' end)
expect 0 pub ./a "$long"
expect 0 pub ./b short
expect 1 pub ./b short "$long"
error_has 'TEXT 2 has 5000 bytes, the channel takes 1024, and nothing was published. --replace --size 5000'
expect 0 sub ./b --from oldest
printf 'short\n' >expected
same_as expected

test_case 'a line that is too long is named and left out, and the status is 1 at the end'
{ echo short; head -c 300000 /dev/zero | tr '\0' x; echo; printf '%1025s\n' ''; printf '%1024s\n' fits; echo last; } |
  expect 1 pub ./a
error_has 'line 2 has 300000 bytes, the channel takes 1024, and the line is left out. --replace --size 300000'
error_has 'line 3 has 1025 bytes'
expect 0 sub ./a --from oldest
{ echo short; printf '%1024s\n' fits; echo last; } >expected
same_as expected

test_case 'the advice about a message that is too long works as it stands'
expect 0 pub ./a short
for long in "$(printf '%3000s' end)" "$(printf '%30000s' end)"; do
  echo "$long" | expect 1 pub ./a
  advice=$(grep -o -e '--replace --size [0-9]*' error) || fail 'no advice'
  # shellcheck disable=SC2086  # words
  echo "$long" | expect 0 pub ./a $advice
  expect 1 pub ./a "$long$long"
  advice=$(grep -o -e '--replace --size [0-9]*' error) || fail 'no advice'
  # shellcheck disable=SC2086  # words
  expect 0 pub ./a $advice "$long$long"
done

test_case '--mode, --bell-mode and --wakeup make a channel that other users can read; an existing one keeps its mode'
expect 0 pub ./a --mode 644 --bell-mode 0666 one
no_output
[ "$(stat -c %a a a.bell | tr '\n' ' ')" = '644 666 ' ] || fail 'not with these permissions'
for wakeup in bell every-message polling; do
  expect 0 pub ./$wakeup --wakeup $wakeup one
  expect 0 info ./$wakeup --json
  output_has "\"wakeup\":\"${wakeup/-/ }\""
done
expect 0 pub ./bell --mode 644 two
error_has 'the channel ./bell was there already, with the permissions 600; chmod changes them'
expect 0 pub ./bell -q --mode 644 three
stderr_is_empty
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  chmod 755 .
  setpriv --reuid 65534 --clear-groups "$seqcast" sub ./a --from oldest >output 2>error || fail 'no other user may read'
  echo one >expected
  same_as expected
fi

test_case 'bytes enter a channel with a schema only by --schema, which the refusal names'
expect 0 pub ./a --schema acme.Quote one
expect 1 pub ./a two
error_has "Its messages have the schema acme.Quote. With --schema 'acme.Quote' you publish"
expect 1 pub ./a --schema acme.Trade two
error_has 'the schema acme.Quote, not acme.Trade'
expect 0 pub ./a --schema acme.Quote two
expect 0 sub ./a --from oldest
printf 'one\ntwo\n' >expected
same_as expected
expect 0 info ./a
output_has 'acme.Quote'

test_case 'pub notices that its channel was removed or replaced: it ends with 5, or makes it anew with --recreate'
for removal in 'rm -f a' 'mv a b' "$seqcast rm --force ./a"; do
  for arguments in 'x --repeat --rate 0.001' 'x --repeat --rate 1000' 'x --repeat' ''; do
    open_lines
    # shellcheck disable=SC2086  # words
    start pub.txt pub ./a $arguments <lines
    [ -n "$arguments" ] || echo one >&3
    await_message ./a
    $removal
    ends 5
    await pub.txt 'the channel ./a was removed or replaced'
    exec 3>&-
    rm -f ./*
  done
done
start pub.txt pub ./a --recreate x --repeat --rate 100 --mode 640 --capacity 16 --wakeup every-message
publisher=$pid
for _ in 1 2; do
  await_message ./a
  : >pub.txt
  rm a
  await pub.txt 'it is made anew'
done
expect 0 sub ./a --from oldest -n 3
expect 0 info ./a --json
output_has '"capacity":16'
output_has '"wakeup":"every message"'
[ "$(stat -c %a a)" = 640 ] || fail 'it has other permissions'
kill "$publisher"
pid=$publisher ends 143

test_case 'pub is not told that its channel is gone where the name leads to the channel of another publisher'
start pub.txt pub ./a --recreate x --repeat --rate 100
first=$pid
await_message ./a
kill -STOP "$first"
rm a
start second.txt pub ./a y --repeat --rate 100
second=$pid
await_live ./a
kill -CONT "$first"
pid=$first ends 1
await pub.txt "A live publisher (process $second) has it open"
kill "$second"

test_case '--count and --repeat: so many messages, in turn'
expect 0 pub ./a a b --repeat --count 5
expect 0 sub ./a --from oldest
printf '%s\n' a b a b a >expected
same_as expected
seq 1 9 | expect 0 pub ./b -n 003
expect 0 sub ./b --from oldest
seq 1 3 >expected
same_as expected

test_case '--rate keeps its pauses'
# In 10 ms, of a clock that nobody sets; rounded down at both ends.
uptime() { tr -d . </proc/uptime | cut -d ' ' -f 1; }
begin=$(uptime)
expect 0 pub ./a tick --repeat --count 21 --rate 100
[ $(($(uptime) - begin)) -ge 19 ] || fail '20 pauses of 10 ms took less than 190 ms'

test_case 'every byte of a message of any size goes through sub --raw | pub --raw'
# Sizes around the powers of two, empty and the largest; every message has all 256 values, as far as it is long.
perl -e '
  my $all = join "", map chr, 0..255;
  for my $size (0, 1, 2, 3, 7, 8, 9, 47, 48, 49, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097,
                65535, 65536, 65537, 99999, 100000, 0, 100000) {
    my $rotated = substr($all, $size % 256) . substr($all, 0, $size % 256);
    print pack("V", $size), substr($rotated x ($size / 256 + 1), 0, $size);
  }' >frames
expect 0 pub ./a --raw --size 100000 --capacity 64 <frames
no_output
"$seqcast" sub ./a --from oldest --raw 2>sub-error | expect 0 pub ./b --raw --size 100000 --capacity 64
no_output
expect 0 sub ./b --from oldest --raw
same_as frames
perl -e 'print pack("V", 1), chr $_ for 0..255' >frames
expect 0 pub ./c --raw <frames
"$seqcast" sub ./c --from oldest --raw 2>sub-error | expect 0 pub ./d --raw
expect 0 sub ./d --from oldest --raw
same_as frames

test_case 'frames that are cut off or too long end pub with 1, and what came before them is published'
printf '\3\0\0\0abc\5\0\0\0de' | expect 1 pub ./a --raw
error_has 'the input ends in the middle of message 2, after 2 of 5 bytes. 1 message was published before it'
printf '\3\0' | expect 1 pub ./a --raw
error_has 'message 1, after 2 of the 4 bytes of its size'
printf '\3\0\0\0def\1\4\0\0' | expect 1 pub ./a --raw
error_has 'message 2 of the input has 1025 bytes, the channel takes 1024'
error_has '--size 1025'
echo 'this is text' | expect 1 pub ./a --raw
error_has 'If the input is text, leave out --raw'
expect 0 sub ./a --from oldest
printf 'abc\ndef\n' >expected
same_as expected

test_case '--json has number, loss, age, size and text, or hex where it is no text; --hex is a dump'
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

test_case 'on a terminal control characters are shown, in a pipe they are as they came'
expect 0 pub ./a $'\e[31mred\a\r\ttab gr\303\274n \302\233 \377'
expect 0 sub ./a --from oldest
printf '\e[31mred\a\r\ttab gr\303\274n \302\233 \377\n' >expected
same_as expected
on_terminal "$seqcast sub ./a --from oldest"
printf '\\x1b[31mred\\x07\\x0d\ttab gr\303\274n \\xc2\\x9b \\xff\n' >expected
same_as expected
on_terminal "$seqcast sub ./a --from oldest --raw" && fail '--raw went to a terminal'
output_has 'use a pipe or --hex'

test_case 'sub waits for a channel and begins with its first message; it ends with 0 when the publisher does'
start sub.txt sub ./a
await sub.txt 'no channel ./a yet; waiting for a publisher'
seq 1 100 | expect 0 pub ./a
ends 0
seq 1 100 >expected
grep -v seqcast: sub.txt | cmp -s - expected || fail 'not all of it came'

test_case 'where the last publisher has ended, sub waits for the next one, and gets all of that'
expect 0 pub ./a old
start sub.txt sub ./a
await sub.txt 'no publisher at the moment; waiting for one'
seq 1 100 | expect 0 pub ./a
ends 0
grep -v seqcast: sub.txt >output || :
seq 1 100 >expected
same_as expected

test_case 'sub prints a line as soon as it was published'
open_lines
start pub.txt pub ./a <lines 3>&-
start sub.txt sub ./a --from oldest 3>&-
for line in one two three; do
  echo $line >&3
  await sub.txt $line
done
exec 3>&-
ends 0

test_case '-n ends after so many; with 5 if the publisher ends before'
expect 0 pub ./a one two three
expect 0 sub ./a --from oldest -n 2
printf 'one\ntwo\n' >expected
same_as expected
expect 5 sub ./a --from oldest -n 4
error_has 'the publisher has ended, 3 of 4 messages (--follow waits for the next one)'
expect 0 sub ./a --from oldest -n 0
: >expected
same_as expected

test_case 'a publisher that is killed ends sub with 5; --follow goes on with the next one'
start pub.txt pub ./a tick --repeat --rate 200
publisher=$pid
start sub.txt sub ./a --from oldest
subscriber=$pid
start follow.txt sub ./a --from oldest --follow
follower=$pid
await sub.txt tick
await follow.txt tick
kill_all "$publisher"
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

test_case 'a channel that is removed or replaced ends sub with 5'
expect 0 pub ./a one
start sub.txt sub ./a
await sub.txt 'no publisher at the moment'
expect 0 rm ./a
ends 5
await sub.txt 'the channel was removed or replaced'

test_case '--timeout ends with 4, with a channel or without; --timeout 0 prints what is there'
expect 4 sub ./a --timeout 0.1
error_has 'no channel ./a yet'
expect 3 sub ./a --timeout 0
error_has "no channel ./a; 'seqcast ls' lists the channels, 'seqcast pub ./a' creates this one"
expect 0 pub ./a one
expect 4 sub ./a --timeout 0.1
expect 0 sub ./a --from oldest --timeout 0
start pub.txt pub ./a tick --repeat --rate 50
await_live ./a
expect 4 sub ./a --from oldest --timeout 0
output_has one
kill "$pid"
ends 143

test_case '--timeout 0 ends although messages arrive faster than they are printed'
start pub.txt pub ./a tick --repeat --capacity 1024
await_message ./a
for arguments in '--from oldest --json' '--latest'; do
  # shellcheck disable=SC2086  # words
  { found=0; timeout 60 "$seqcast" sub ./a --timeout 0 $arguments 2>error || found=$?; echo $found >status; } |
    perl -e 'select(undef, undef, undef, 0.01) while sysread(STDIN, $_, 4096)'
  [ "$(cat status)" -eq 4 ] || fail "'$arguments' ends with $(cat status)"
done
kill "$pid"

test_case 'a damaged region, or a copy that was made while a publisher wrote, ends sub with an error'
seq 1 8 | expect 0 pub ./a --capacity 8 --size 8
expect 0 info ./a --json
stride=$(sed 's/.*"slot_stride":\([0-9]*\).*/\1/' output) slot=0
for version in 17 20 54 72 90 107 110 128; do # of a lap later each, while the head is still 8
  printf '%b' "$(printf '\\0%o' $version)" | dd of=a bs=1 seek=$((512 + stride * slot)) conv=notrunc status=none
  slot=$((slot + 1))
done
for arguments in '--timeout 0' '--timeout 60' ''; do
  # shellcheck disable=SC2086  # words
  expect 1 sub ./a --from oldest $arguments
  error_has "cannot read './a' any further. It is "
done

test_case 'copies of a live region, and regions with a bit that was flipped, end sub too'
start pub.txt pub ./a tick --repeat --capacity 64 --size 4096
await_message ./a
for i in $(seq 1 20); do cp a "copy$i"; done
kill "$pid"
for i in $(seq 1 20); do
  cp copy1 "bit$i"
  at=$((i * 977 % 262144))
  printf '\377' | dd of="bit$i" bs=1 seek=$at conv=notrunc status=none
done
for file in copy* bit*; do
  found=0
  timeout 60 "$seqcast" sub "./$file" --timeout 0 --from oldest >output 2>error || found=$?
  [ $found -lt 7 ] || fail "$file: exit status $found"
done

test_case 'a pattern is no name: sub says which channels match, and does not wait for one of that name'
expect 0 pub ./alpha one
expect 0 pub ./apple one
expect 3 sub './a*'
error_has 'no channel ./a*. That is a pattern, not a name; it matches ./alpha, ./apple'
expect 3 sub './b?'
error_has 'it matches no channel'
expect 3 info './a*'
error_has 'it matches ./alpha'
expect 0 pub './a*' two
expect 0 sub './a*' --from oldest

test_case '-q: no notes, but losses and errors'
expect 4 sub ./a -q --timeout 0.1
stderr_is_empty
expect 1 pub ./a -q --raw <<<'this is text'
error_has 'message 1 of the input has'

test_case '--latest gives the newest message, at once'
expect 0 pub ./a one two three
expect 0 sub ./a --latest -n 1
echo three >expected
same_as expected
expect 0 sub ./a --latest
same_as expected
start pub.txt pub ./a tick --repeat --rate 200
await_live ./a
expect 0 sub ./a --latest -n 3 --json
[ "$(grep -o '"sequence":[0-9]*' output | sort -u | wc -l)" -eq 3 ] || fail 'a message was printed twice'
kill "$pid"

# reliable_pair SECONDS [ARGUMENT...]: starts a pub --max-blocking-time SECONDS with four slots, of the lines that come by
# >&3, and a sub --reliable with these arguments, and stops that when it is waited for. Sets $publisher and $subscriber.
reliable_pair() {
  local seconds=$1
  shift
  open_lines
  start pub.txt pub ./a --capacity 4 --max-blocking-time "$seconds" <lines 3>&-
  publisher=$pid
  echo first >&3
  await_message ./a
  start sub.txt sub ./a --reliable "$@" 3>&-
  subscriber=$pid
  await_info 'behind, waited for'
  kill -STOP "$subscriber"
}

# await_info TEXT: waits until info ./a has it.
await_info() {
  for _ in $(seq 1 3000); do
    ! "$seqcast" info ./a 2>/dev/null | grep -qF -- "$1" || return 0
    sleep 0.02
  done
  fail "info never had '$1'"
}

test_case 'pub --max-blocking-time waits for a sub --reliable, which loses nothing; info and top show how far it is'
reliable_pair 1000 --strict
seq 1 1000 >&3
await_info "process $subscriber, 3 messages behind, waited for"
expect 0 info ./a --json
output_has "\"reliable_subscribers\":[{\"process\":$subscriber,\"cursor\":1,\"lag\":3,\"state\":\"waited for\"}]"
expect 0 top . -n 1 -i 0.05 --json
output_has "\"reliable_subscribers\":[{\"process\":$subscriber,"
expect 0 top . -n 1 -i 0.05
grep -Eq "^[0-9:]+ +reliable +waited for +$subscriber .* 1 +3 *\$" output || fail 'not in the lines of top'
kill -CONT "$subscriber"
exec 3>&-
pid=$publisher
ends 0
pid=$subscriber
ends 0
cp sub.txt output
seq 1 1000 >expected
same_as expected
expect 0 info ./a --json
output_has '"reliable_subscribers":[]'

test_case 'a sub --reliable that is too slow is waited for no more, says so, and is waited for again; --strict ends with 6'
for strict in '' --strict; do
  # shellcheck disable=SC2086  # no word where there is no flag
  reliable_pair 0 $strict
  seq 1 1000 >&3
  await_newest ./a 1000
  expect 0 info ./a
  output_has "process $subscriber, 1000 messages behind, demoted"
  kill -CONT "$subscriber"
  if [ -n "$strict" ]; then
    pid=$subscriber
    ends 6
    await sub.txt 'seqcast: the publisher has stopped waiting for this subscriber, after number 1'
    ! grep -q 'waits again\|lost ' sub.txt || fail 'it went on after the demotion'
    [ "$(grep -vc seqcast: sub.txt)" -eq 0 ] || fail 'something was printed after the demotion'
    exec 3>&-
    pid=$publisher
    ends 0
  else
    await sub.txt '; from number 1002 on it waits again'
    await_info 'behind, waited for'
    exec 3>&-
    ends 0
    lost=$(sed -n 's/^seqcast: lost \([0-9]*\) .*/\1/p' sub.txt)
    [ "$((lost + $(grep -vc seqcast: sub.txt)))" -eq 1000 ] || fail "$lost lost, and the others are not all there"
  fi
  rm -f a a.bell
done

test_case 'a pub that waits for a subscriber ends by a signal, or when its channel is removed, and waits for no dead one'
reliable_pair 1000
seq 1 10 >&3
await_info '3 messages behind, waited for'
kill -TERM "$publisher"
pid=$publisher
ends 143
kill_all "$subscriber"
expect 0 rm ./a
reliable_pair 1000
seq 1 10 >&3
await_info '3 messages behind, waited for'
expect 0 rm --force ./a
pid=$publisher
ends 5
kill_all "$subscriber"
reliable_pair 1000
seq 1 10 >&3
await_info '3 messages behind, waited for'
kill_all "$subscriber"
await_newest ./a 10
exec 3>&-
pid=$publisher
ends 0

test_case 'a sub --reliable ends with 1 when the next publisher waits for nobody'
reliable_pair 1000 --follow
kill -CONT "$subscriber"
exec 3>&-
pid=$publisher
ends 0
await sub.txt 'waiting for the next one'
expect 0 pub ./a x
pid=$subscriber
ends 1
await sub.txt 'Its publisher waits for no subscriber'

test_case 'losses are reported on stderr, exactly; --strict ends with 6 at the first loss'
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
    [ "$(grep -vc seqcast: sub.txt)" -eq 1 ] || fail 'something was printed after the loss'
  else
    ends 0
    awk '$2 == "lost" { lost += $3; next } $1 != "seqcast:" { printed += 1; last = $1 }
         END { exit !(lost > 0 && lost + printed == 1001 && last == 1000) }' sub.txt || fail 'it does not add up'
  fi
  rm -f ./*
done

test_case 'a reader that closes the output ends sub with 0 and without a message, with messages and without'
start pub.txt pub ./a tick --repeat --rate 200
publisher=$pid
await_live ./a
{ "$seqcast" sub ./a --from oldest 2>error && echo 0 >status || echo $? >status; } | head -n 1 >output
await status 0
stderr_is_empty
kill -STOP "$publisher"
{ "$seqcast" sub ./a 2>error && echo 0 >status || echo $? >status; } | true
await status 0
stderr_is_empty
kill_all "$publisher"

test_case 'a full disk is an error, not a truncated success'
if [ -w /dev/full ]; then
  expect 0 pub ./a one
  "$seqcast" sub ./a --from oldest >/dev/full 2>error && fail 'no error'
  error_has 'cannot write to standard output: No space left on device'
fi

test_case 'output for a closed stderr does not get into the channel, and a closed stdin or stdout is an error'
found=0
{ echo first; printf '%2000s\n' long; echo last; } | "$seqcast" pub ./a 2>&- || found=$?
[ $found -eq 1 ] || fail "status $found"
expect 0 sub ./a --from oldest
printf 'first\nlast\n' >expected
same_as expected
"$seqcast" sub ./a --from oldest >&- 2>error && fail 'no error'
error_has 'cannot write to standard output'
"$seqcast" pub ./a <&- 2>error && fail 'no error'
error_has 'cannot read standard input'

test_case 'SIGINT, SIGTERM and SIGHUP end both as such, and the publisher closes the channel'
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

test_case 'a signal that was ignored at the beginning stays ignored'
(trap '' HUP && exec "$seqcast" pub ./a tick --repeat --rate 50) >pub.txt 2>&1 &
pid=$!
running="$running $pid"
await_live ./a
kill -HUP "$pid"
expect 0 sub ./a -n 3
kill -TERM "$pid"
ends 143

test_case 'a second publisher is refused with 1 and the id of the first'
start pub.txt pub ./a tick --repeat --rate 50
await_live ./a
expect 1 pub ./a mine
error_has "process $pid"
kill "$pid"

# names_no_cpp: stderr has neither a name of the API nor a sentence with two colons beside that behind 'seqcast'.
names_no_cpp() {
  ! grep -E '::|[A-Za-z]_[a-z]|[a-z]\(|[a-z][A-Z][a-z]|set replace|"\)' error || fail 'an error speaks of C++'
  ! sed 's/^seqcast: //' error | tr '.;' '\n' | grep -E ':.*:' || fail 'a chain of colons'
}

test_case 'errors of the library name the options of the tool, no C++ names, and what to do'
expect 0 pub ./a one
expect 1 pub ./a --size 64 --capacity 2 two
error_has "cannot publish to './a'. It has --size 1024, not 64 and --capacity "
error_has 'put a new channel in its place by --replace'
names_no_cpp
expect 1 pub ./a --wakeup polling two
error_has 'It has --wakeup bell, not polling'
names_no_cpp
expect 1 sub ./a --reliable
error_has "cannot subscribe to './a'. Its publisher waits for no subscriber. Start it with pub --max-blocking-time"
names_no_cpp
expect 2 pub ./c --wakeup polling --max-blocking-time 1 one
error_has "cannot publish to './c'. --max-blocking-time needs --wakeup bell"
names_no_cpp
expect 0 pub ./c --wakeup polling one
expect 1 pub ./c --max-blocking-time 1 two
error_has 'It has --wakeup polling, and --max-blocking-time needs bell'
names_no_cpp
expect 0 pub ./c --max-blocking-time 1 --replace two
rm c.bell
expect 1 sub ./c --reliable --timeout 0
error_has "cannot subscribe to './c'. Its bell, the file with .bell behind the name, is missing"
names_no_cpp
expect 2 sub ./a --reliable --latest
expect 2 pub --shm a/b two
error_has "cannot publish to 'a/b'. That is no name in shared memory"
names_no_cpp
expect 2 pub --shm .. two
error_has "cannot publish to '..'. "
expect 1 pub ./nowhere/a two
error_has 'There is no such folder to make it in'
names_no_cpp
expect 1 pub /proc/self/environ two
error_has 'Its folder is one that no file can be made in'
names_no_cpp
expect 2 pub ./big --size 2G --capacity 65536 text
error_has '--capacity and --size together ask for more than the 64 TiB'
names_no_cpp
echo precious >file
mkdir folder
ln -s a link
for kind in file folder link; do
  for verb in pub sub info rm; do
    # shellcheck disable=SC2046  # no word for the others
    expect 1 $verb ./$kind $([ $verb != pub ] || echo text)
    names_no_cpp
  done
done
mkdir taken.bell
expect 1 pub ./taken text
error_has "cannot publish to './taken'. Its bell"
error_has '--wakeup polling'
names_no_cpp
echo precious >b.bell
expect 1 pub ./b text
error_has './b'
error_has '--wakeup polling'
names_no_cpp
expect 0 pub ./b --wakeup polling text
printf '\377\377\377\377\377\377\377\377' | dd of=a bs=1 seek=256 conv=notrunc status=none
expect 1 pub ./a two
error_has 'damaged'
error_has '--replace'
names_no_cpp
expect 1 sub ./a --from oldest --timeout 0
names_no_cpp
expect 0 pub ./a --replace two
mkdir locked
expect 0 pub ./locked/a --mode 600 one
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  chmod 755 . locked # this folder was made for its user alone
  for verb in pub sub info; do
    # shellcheck disable=SC2046  # no word for the others
    setpriv --reuid 65534 --clear-groups "$seqcast" $verb ./locked/a $([ $verb != pub ] || echo text) \
      >output 2>error && fail "another user may $verb"
    error_has "'./locked/a'. This user may not "
    names_no_cpp
  done
fi

test_case 'a wrong command line ends with 2 and a reference to --help'
expect 2 pub
error_has 'a NAME is missing; see seqcast pub --help'
expect 2 pub ./a --no-such-option
expect 2 pub ./a -x
error_has "there is no option '-x'; before an argument that begins with a dash, write --"
expect 2 pub ./a --capacity 3
error_has '--capacity takes a power of two, such as 4, not 3'
expect 2 pub ./a --size abc
error_has "--size takes a number of bytes, such as 2000, 64K or 1M, not 'abc'"
expect 2 pub ./a --size
error_has '--size needs a value'
expect 2 pub ./a -n -1 text
error_has "--count takes a whole number, not '-1'"
expect 2 pub ./a --rate fast text
error_has "--rate takes a number of messages a second, above 0, not 'fast'"
expect 2 pub ./a --mode 0o644 text
error_has "--mode takes permissions in octal, such as 644, not '0o644'"
expect 2 pub ./a --mode 444 text
error_has 'with which the owner reads and writes'
expect 2 pub ./a --wakeup bells text
error_has "--wakeup takes bell, every-message or polling, not 'bells'"
expect 2 pub ./a --rate 0
expect 2 pub ./a --size 4G text
expect 2 pub ./a --size 3G text
expect 2 pub ./a --raw text
expect 2 pub ./a --repeat
expect 2 pub --file --shm a text
expect 2 pub '' text
expect 2 sub ./a --json --raw
error_has '--json and --raw contradict each other'
expect 2 sub ./a --from middle
error_has "--from takes newest or oldest, not 'middle'"
expect 2 sub ./a -n some
error_has "--count takes a whole number, not 'some'"
expect 2 sub ./a --timeout soon
error_has "--timeout takes a number of seconds, such as 0.5, not 'soon'"
expect 2 sub ./a ./b
error_has "'./b' is one argument too many"
[ -z "$(ls ./a ./b 2>/dev/null)" ] || fail 'a channel was made'

test_case 'a NAME without a slash is in shared memory; --file and --shm override that'
channel=seqcast-cli-test-$$
expect 0 pub "$channel" shared
[ -e "/dev/shm/$channel" ] || fail 'it is not in /dev/shm'
expect 0 pub --file "$channel" filed
[ -e "$channel" ] || fail 'it is not in a file'
expect 0 sub "$channel" --from oldest
echo shared >expected
same_as expected
expect 0 sub --file "$channel" --from oldest
echo filed >expected
same_as expected
expect 0 rm "$channel"
expect 3 sub "$channel" --timeout 0
error_has "the file of that name is ./$channel"

test_case 'a file that is no channel stays unchanged'
echo precious >a
expect 1 pub ./a text
expect 1 pub ./a --replace text
expect 1 sub ./a
echo precious >expected
cmp -s a expected || fail 'the file has changed'

finish
