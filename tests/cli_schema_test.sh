#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
#
# cli_schema_test: 'seqcast pub --schema', and how 'sub' and 'info' show a channel that describes its messages. Run by
# ./tests/run, or by hand:
#
#   tests/cli_schema_test.sh build/lib/cli/seqcast
# shellcheck source=SCRIPTDIR/support/cli.sh
. "$(dirname -- "$0")/support/cli.sh"

quote='acme.Quote{bid:f64,ask:f64}'
order='acme.Order{symbol:char[8],side:i8,live:bool,levels:{price:f32,volume:u64}[2]}'

# lines LINE...: the output is these lines.
lines() {
  printf '%s\n' "$@" >expected
  same_as expected
}
# left_out TEXT ERROR: pub reports this line, leaves it out, and ends with 1.
left_out() {
  printf '%s\n' "$1" | expect 1 pub ./orders --schema "$order"
  error_has "line 1: $2"
  error_has 'left out'
}

test_case 'JSON lines go in, and come out by their fields, as objects and as a column'
printf '%s\n' '{"bid":99.5,"ask":100}' '{"ask":2.25, "bid":1.5}' | expect 0 pub ./quotes --schema "$quote"
no_output
expect 0 sub ./quotes --from oldest
lines 'bid=99.5 ask=100.0' 'bid=1.5 ask=2.25'
expect 0 sub ./quotes --from oldest --field ask
lines 100.0 2.25
expect 0 sub ./quotes --from oldest --json
output_has '"size":16,"message":{"bid":99.5,"ask":100.0}}'
output_has '"message":{"bid":1.5,"ask":2.25}}'

test_case 'structures, arrays, texts and numbers of each kind survive the way in and out'
line='{"symbol":"ACME","side":-1,"live":true,"levels":[{"price":0.1,"volume":18446744073709551615},{"price":-2.5,"volume":7}]}'
printf '%s\n' "$line" | expect 0 pub ./orders --schema "$order"
expect 0 sub ./orders --from oldest --json
output_has "\"message\":$line}"
expect 0 sub ./orders --from oldest
lines 'symbol="ACME" side=-1 live=true levels=[{"price":0.1,"volume":18446744073709551615},{"price":-2.5,"volume":7}]'
for pair in 'symbol ACME' 'levels.1.price -2.5' 'levels.0 {"price":0.1,"volume":18446744073709551615}'; do
  expect 0 sub ./orders --from oldest --field "${pair%% *}"
  lines "${pair#* }"
done
all='a{a:i8,b:i16,c:i32,d:i64,e:u8,f:u16,g:u32,h:u64,i:f16,j:f32,k:f64,l:char,m:i16[2][3]}'
line='{"a":-128,"b":-32768,"c":-2147483648,"d":-9223372036854775808,"e":255,"f":65535,"g":4294967295,"h":1,"i":0.5,"j":1.5,"k":1e+300,"l":"x","m":[[1,2,3],[4,5,6]]}'
printf '%s\n' "$line" | expect 0 pub ./all --schema "$all"
expect 0 sub ./all --from oldest --json
output_has "\"message\":$line}"

test_case 'half floats are rounded to even, and what is too large is infinite'
printf '{"x":%s}\n' 65504 65519 65520 5.960464477539063e-08 2e-08 -1.0009765625 2049 2051 |
  expect 0 pub ./half --schema 'a{x:f16}'
expect 0 sub ./half --from oldest --field x
lines 65504.0 65504.0 null 5.960464477539063e-08 0.0 -1.0009765625 2048.0 2052.0

test_case 'a TEXT is a message in JSON as well, and one that is none publishes nothing'
expect 0 pub ./quotes --schema "$quote" '{"bid":1,"ask":2}' '{"bid":3,"ask":4}'
expect 0 sub ./quotes --from oldest --field bid
lines 1.0 3.0
expect 1 pub ./quotes --schema "$quote" '{"bid":5,"ask":6}' '{"bid":7}'
error_has 'TEXT 2: ask: expected a value, found none. Nothing was published'
expect 0 sub ./quotes --latest -n 1 --field bid
lines 3.0

test_case 'a line that is no such message is reported with its field and left out; the others are published'
left_out 'hello' 'expected a value in JSON, found "hello"'
left_out '' 'expected a value in JSON'
left_out '[1]' 'the message: expected an object with symbol, side, live, levels, found an array of 1'
left_out '{"symbol":"ACME"}' 'side: expected a value, found none'
left_out '{"symbol":"ACMEACMEX","side":0,"live":true,"levels":[]}' 'symbol: expected a text of at most 8 bytes'
left_out '{"symbol":7,"side":0,"live":true,"levels":[]}' 'symbol: expected a text of at most 8 bytes, found 7'
left_out '{"symbol":"A","side":128,"live":true,"levels":[]}' 'side: expected an integer from -128 to 127, found 128'
left_out '{"symbol":"A","side":1.5,"live":true,"levels":[]}' 'side: expected an integer from -128 to 127, found 1.5'
left_out '{"symbol":"A","side":1,"live":1,"levels":[]}' 'live: expected true or false, found 1'
left_out '{"symbol":"A","side":1,"live":true,"levels":[]}' 'levels: expected an array of 2, found an array of 0'
left_out '{"symbol":"A","side":1,"live":true,"levels":[{"price":1,"volume":2},{"price":"x","volume":2}]}' \
  'levels.1.price: expected a number, found "x"'
left_out '{"symbol":"A","side":1,"live":true,"levels":[{"price":1e39,"volume":2},{"price":1,"volume":2}]}' \
  'levels.0.price: expected a number that an f32 takes'
left_out '{"symbol":"A","side":1,"live":true,"levels":[{"price":1,"volume":-2},{"price":1,"volume":2}]}' \
  'levels.0.volume: expected an integer from 0 to 18446744073709551615, found -2'
left_out '{"symbol":"A","side":1,"live":true,"levels":[],"more":1}' 'more: expected one of symbol, side, live, levels'
printf '%s\n' '{"bid":1,"ask":2}' 'no' '{"bid":3,"ask":4}' | expect 1 pub ./quotes --schema "$quote"
error_has 'line 2: '
expect 0 sub ./quotes --from oldest --field bid
lines 1.0 3.0
head -c 300000 /dev/zero | tr '\0' '[' | expect 1 pub ./quotes --schema "$quote"
error_has 'line 1: expected a value in JSON'

test_case 'a format string of Python is a schema too, with its offsets and its byte order'
printf '{"x":1,"y":2}\n' | expect 0 pub ./python --schema 'T{>i:x:4x<d:y:}:acme.Point:'
expect 0 sub ./python --from oldest
lines 'x=1 y=2.0'
expect 0 sub ./python --from oldest --hex
output_has '00 00 00 01 00 00 00 00  00 00 00 00 00 00 00 40'
expect 2 pub ./bad --schema 'a{x:f63}' '{}'
error_has "not 'f63', at byte 5 of the schema"
expect 2 pub ./bad --schema 'T{P:x:}' '{}'
error_has 'no pointer'

test_case 'a channel with a schema takes the same schema alone, and the refusal says which'
expect 0 pub ./quotes --schema "$quote" '{"bid":1,"ask":2}'
expect 1 pub ./quotes one
error_has "With --schema '$quote' you publish such messages, as JSON"
expect 1 pub ./quotes --schema 'acme.Quote{bid:f64,ask:f32}' '{"bid":1,"ask":2}'
error_has "the schema $quote, not acme.Quote{bid:f64,ask:f32}"
expect 1 pub ./quotes --schema acme.Quote one
error_has "the schema $quote, not acme.Quote"
expect 0 pub ./quotes --schema 'T{d:bid:d:ask:}:acme.Quote:' '{"bid":1,"ask":2}'
expect 0 sub ./quotes --from oldest --raw
expect 0 pub ./quotes --schema "$quote" --raw <output
printf '\003\0\0\0abc' | expect 1 pub ./quotes --schema "$quote" --raw
error_has 'message 1 has 3 bytes, and those of the schema have 16'

test_case 'a name alone describes nothing: its messages are texts'
expect 0 pub ./texts --schema acme.Text 'hello'
expect 0 sub ./texts --from oldest
lines hello

test_case 'info shows the fields, for people and for programs'
expect 0 pub ./orders --schema "$order" \
  '{"symbol":"A","side":1,"live":true,"levels":[{"price":1,"volume":2},{"price":1,"volume":2}]}'
expect 0 info ./orders
output_has 'acme.Order, tag '
for row in 'symbol +char\[8\] +0 +8' 'live +bool +9 +1' 'levels +struct\[2\] +16 +32' 'levels\[\]\.volume +u64 +24 +8'; do
  grep -Eq "^ *$row\$" output || fail "no row $row"
done
expect 0 info ./orders --json
output_has '"schema_format":"T{8s:symbol:b:side:?:live:6x(2)T{<f:price:4x<Q:volume:}:levels:}"'
output_has '{"name":"levels","type":"struct","offset":16,"size":16,"shape":[2],"fields":['

test_case '--field names a field of the channel, and nothing else'
expect 0 pub ./quotes --schema "$quote" '{"bid":1,"ask":2}'
expect 1 sub ./quotes --from oldest --field bit
error_has "no field 'bit'. Their fields are bid, ask"
expect 1 sub ./quotes --from oldest --field bid.x
expect 2 sub ./quotes --from oldest --field bid --json
expect 0 pub ./plain one
expect 1 sub ./plain --from oldest --field bid
error_has 'The channel does not describe its messages'

test_case 'a hostile description is shown harmless, and messages are then bytes'
expect 0 pub ./quotes --schema 'a{x:u8[5]}' '{"x":[104,101,108,108,111]}'
printf 'T\033]0;title\007' | dd of=quotes bs=1 seek=512 conv=notrunc status=none
expect 0 sub ./quotes --from oldest
lines hello
expect 0 info ./quotes
output_has 'cannot be read: '
if grep -q $'\e' output; then fail 'an escape reached the output'; fi
expect 1 pub ./quotes one
error_has 'which bytes cannot pass as'

test_case 'control characters in a text of a message reach no terminal'
expect 0 pub ./texts --schema 'a{x:char[16]}' '{"x":"\u001b]0;t\u0007\u009b"}'
on_terminal "$(printf '%q ' "$seqcast" sub ./texts --from oldest)"
if grep -q $'\e]0' output; then fail 'an escape reached the terminal'; fi
expect 0 sub ./texts --from oldest --field x
if grep -q $'\e' output; then fail 'an escape is in the column'; fi

finish
