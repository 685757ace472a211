#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# demos_test: server, client, torn and crash do what their first comment promises. Run by ./tests/run, or by hand:
#
#   tests/demos_test.sh build/demos [EMULATOR...]
set -eu
demos=$(CDPATH='' cd -- "${1:?the folder of the demos, build/demos say}" && pwd)
shift
emulator=$(printf '%s ' "$@")
suffix='' stop=TERM
[ ! -e "$demos/server.exe" ] || suffix=.exe stop=INT # which Wine delivers as Ctrl-C
work=$(mktemp -d)
running='' passed=0 name=''

clean_up() {
  # shellcheck disable=SC2086  # process ids
  [ -z "$running" ] || kill -KILL $running 2>/dev/null || :
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM
cd "$work"

test_case() {
  [ -z "$name" ] || echo "passed: $name"
  name=$1 passed=$((passed + 1))
  rm -f ./*
}

fail() {
  printf 'FAILED: %s: %s\n' "$name" "$1"
  for file in *.txt; do printf -- '--- %s\n%s\n' "$file" "$(tail -n 20 "$file")"; done
  exit 1
}

# start NAME PROGRAM [ARGUMENT...]: starts it in the background, with its output in NAME.txt. Sets $pid.
start() {
  output=$1.txt program=$demos/$2$suffix
  shift 2
  # shellcheck disable=SC2086  # words
  $emulator "$program" "$@" >"$output" 2>&1 <&"${input:-0}" &
  pid=$!
  running="$running $pid"
}

# await FILE TEXT: waits until the file contains the text, for a minute at most.
await() {
  for _ in $(seq 1 3000); do
    ! grep -qsF -- "$2" "$1" || return 0
    sleep 0.02
  done
  fail "$1 never had '$2' in it"
}

# expect STATUS PROGRAM [ARGUMENT...]: runs it, with its output in output.txt.
expect() {
  expected=$1 program=$demos/$2$suffix
  shift 2
  # shellcheck disable=SC2086  # words
  timeout 100 $emulator "$program" "$@" >output.txt 2>&1 && found=0 || found=$?
  [ "$found" -eq "$expected" ] || fail "exit status $found, not $expected"
}

# accounts FILE: each message is number N with the text N, after N - 1 or after a note with the number lost.
accounts() {
  tr -d '\r' <"$1" | awk '$1 == "--" && $3 == "lost," { last += $2; next } $1 == "--" { next }
       { if ($1 != last + 1 || $4 != $1) { print "line " NR ": " $0; exit 1 }; last = $1 }
       END { if (last != 100000) exit 1 }' >wrong.txt || fail "$(cat wrong.txt)"
}

test_case 'a client that started first accounts for each of 100000 lines'
start client client --count 100000 --timeout 60
client=$pid
await client.txt waiting
seq 1 100000 | expect 0 server --stdin
wait "$client" || fail 'the client failed'
accounts client.txt
await client.txt '100000 messages:'

test_case 'with room for all, it gets each of 100000 lines, once and in order'
start client client --count 100000 --timeout 60
client=$pid
await client.txt waiting
seq 1 100000 | expect 0 server --stdin --capacity 131072
wait "$client" || fail 'the client failed'
accounts client.txt
await client.txt '100000 messages: 100000 received, 0 lost'

test_case 'a line that is too long is reported, left out, and counts as an error'
printf 'short\n%2000s\nlast, without a newline' '' | expect 1 server --stdin
await output.txt 'line 2 has 2000 bytes, 1024 are the most'
expect 3 client --oldest --count 3 --timeout 0
await output.txt 'short'
await output.txt 'last, without a newline'
await output.txt '2 messages: 2 received, 0 lost'

test_case 'a client outlives a server that is killed or ends, and continues with the next one'
start server server --rate 50
server=$pid
await server.txt 'from message 1 on'
start client client --oldest
client=$pid
await client.txt 'msg 3'
kill -KILL "$server"
await client.txt 'the server has died'
start second server --rate 50
server=$pid
await second.txt 'from message'
first=$(sed -n 's/.*from message \([0-9]*\) on.*/\1/p' second.txt)
await client.txt "msg $first"
kill -$stop "$server"
wait "$server" || fail "SIG$stop was an error to the server"
await client.txt 'the server has ended'
expect 0 server --replace --max-size 64 --count 1
await client.txt 'another channel'
await client.txt '     1 '
kill -$stop "$client"
wait "$client" || fail "SIG$stop was an error to the client"
await client.txt ' 0 lost'

test_case 'a server whose file is removed or replaced says so and ends with an error, while it pauses or waits for lines'
[ -n "$suffix" ] || for arguments in '--rate 0.001' '--rate 1000' --stdin; do
  mkfifo lines
  exec 3<>lines # a background command's input is /dev/null otherwise
  input=3
  # shellcheck disable=SC2086  # words
  start server server $arguments
  server=$pid
  await server.txt 'from message 1 on'
  rm test.dat
  await server.txt 'the channel was removed or replaced'
  input=''
  wait "$server" && fail 'it ended with 0' || [ $? -eq 1 ] || fail "it ended with $?"
  rm -f ./*
done

test_case 'a second server is refused'
start server server --rate 50
server=$pid
await server.txt 'from message 1 on'
expect 1 server
await output.txt 'cannot publish'
kill "$server"

test_case 'a client without a server ends with status 3 when its time is over'
expect 3 client --timeout 0.1

test_case 'a wrong command line ends with status 2, a wrong capacity with an error'
expect 2 server --rate -1
expect 2 client --no-such-option
expect 1 server --capacity 3
await output.txt 'power of two'

test_case 'a message through seqcast is never torn'
expect 0 torn
tr -d '\r' <output.txt | grep -q '^seqcast  *0 of  *[1-9][0-9]* reads torn$' || fail 'no reads, or torn ones'

test_case 'publishers that are killed lose no complete message'
expect 0 crash
await output.txt '100 publishers killed; 10000 messages in order, 0 lost, 0 torn'

echo "passed: $name"
echo "$passed cases passed"
