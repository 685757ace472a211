#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
#
# cli_tool_test: rm, doctor, --help, completion and manual page of 'seqcast'. Run by ./tests/run, or by hand:
#
#   tests/cli_tool_test.sh build/lib/cli/seqcast
# shellcheck source=SCRIPTDIR/support/cli.sh
. "$(dirname -- "$0")/support/cli.sh"
completions=$sources/lib/cli/completions

test_case 'rm removes channels, files with their bells, and names missing ones'
expect 0 pub ./a one
expect 0 pub ./b one
expect 3 rm ./a ./missing ./b
error_has "no channel ./missing; 'seqcast ls' lists the channels"
! grep -F 'seqcast pub' error || fail 'it advises to publish'
rm -f output error
[ -z "$(ls)" ] || fail 'something is left'
expect 0 rm --force ./missing
stderr_is_empty

test_case 'rm refuses a channel with a live publisher unless it is forced'
start pub.txt pub ./a tick --repeat --rate 50
await_live ./a
expect 1 rm ./a
error_has "process $pid"
error_has 'or remove it nevertheless by --force'
[ -e a ] || fail 'it is gone'
publisher=$pid
start sub.txt sub ./a
await sub.txt tick
kill -STOP "$publisher" # it closes the channel when it finds the name gone; sub may then see that first, and end with 0
expect 0 rm --force ./a
[ ! -e a ] || fail 'it is still there'
ends 5
kill -CONT "$publisher"
pid=$publisher ends 5

test_case 'rm never removes what is no channel'
echo precious >a
expect 1 rm ./a
expect 1 rm --force ./a
[ "$(cat a)" = precious ] || fail 'it did'
mkdir b
expect 1 rm --force ./b
[ -d b ] || fail 'it did'

test_case 'doctor finds this machine fit, sends a message, and leaves nothing behind'
start output doctor # in the background, for its id
ends 0
grep -q '^ok .*a message went through' output || fail 'no message went through'
grep -q '^ok .* processors' output || grep -q '^warning .* processors' output || fail 'no processors'
! grep -E '^.{80}' output || fail 'a line is too long'
[ -z "$(ls "/dev/shm/seqcast-doctor-$pid"* 2>/dev/null)" ] || fail 'it left a channel behind'
expect 0 doctor --json
[ "$(grep -cE '^  "grade": "(ok|note|warning|problem)",$' output)" -ge 5 ] || fail 'there are too few findings'

# found GRADE SUBJECT TEXT: doctor has this finding about the system below ./root.
found() { grep -A4 "^$1 *$2 " output | tr -s ' \n' ' ' | grep -F -- "$3" >/dev/null || fail "no $1 about $2 with '$3'"; }

test_case 'doctor finds what is wrong with another system, and gives advice'
mkdir -p root/dev/shm root/proc/sys/kernel root/run/systemd/system root/etc/systemd/logind.conf.d root/sys/fs/cgroup
clock=root/sys/devices/system/clocksource/clocksource0 governor=root/sys/devices/system/cpu/cpu0/cpufreq
mkdir -p $clock $governor
chmod 0755 root/dev/shm
touch root/.dockerenv
echo 5.10.0-8-amd64 >root/proc/sys/kernel/osrelease
echo 'ext4 /dev/shm ext4 rw 0 0' >root/proc/mounts
echo '50000 100000' >root/sys/fs/cgroup/cpu.max
echo hpet >$clock/current_clocksource
echo powersave >$governor/scaling_governor
printf 'Filename Type\n/dev/sda2 partition\n' >root/proc/swaps
expect 0 doctor --root root
found warning /dev/shm 'mount -t tmpfs'
found warning permissions 'chmod 1777 /dev/shm'
found warning RemoveIPC 'RemoveIPC=no in /etc/systemd/logind.conf'
found note container '--ipc=host'
found warning processors 'the time of 0.5'
found note frequency 'cpupower frequency-set -g performance'
found note kernel 'from 5.16 on'
found warning clock 'takes a system call'
found note swap 'lock the channels'
chmod 0777 root/dev/shm
expect 0 doctor --root root
found warning permissions 'any user can remove'

test_case 'doctor finds no fault with a system where there is none'
mkdir -p root/dev/shm root/proc/sys/kernel root/run/systemd/system root/etc/systemd/logind.conf.d $clock $governor
chmod 1777 root/dev/shm
echo 6.1.0 >root/proc/sys/kernel/osrelease
echo tsc >$clock/current_clocksource
echo performance >$governor/scaling_governor
echo 'Filename Type' >root/proc/swaps
echo 'RemoveIPC=yes' >root/etc/systemd/logind.conf
echo 'RemoveIPC=no' >root/etc/systemd/logind.conf.d/seqcast.conf
expect 0 doctor --root root
for subject in permissions RemoveIPC frequency kernel clock swap; do found ok "$subject" ''; done

test_case 'doctor ends with 1 where no channel can be created'
expect 1 doctor --root nowhere
found problem /dev/shm 'mount -t tmpfs tmpfs /dev/shm'

test_case 'doctor names the limit on the size of files, which kills neither it nor pub'
# limited ARGUMENT...: runs the tool where no file may be larger than 0 bytes, with what it writes to pipes in `output`, and
# its status in $found.
limited() {
  found=0
  (ulimit -f 0 && exec timeout 60 "$seqcast" "$@") 2>&1 | cat >output || found=$?
}
limited doctor
[ $found -eq 1 ] || fail "doctor ends with $found"
grep -A6 '^problem *trial' output | tr -s ' \n' ' ' | grep -qF 'ulimit -f' || fail 'the trial does not name ulimit -f'
grep -q '^warning *file size *limited to .*ulimit -f' output || fail 'no finding about it'
limited pub ./a text
[ $found -eq 1 ] || fail "pub ends with $found"
output_has "cannot publish to './a'. It would be larger than this process may make a file, 0 B"
[ -z "$(find . -name 'a*')" ] || fail 'something is left'
(ulimit -f 0 && exec timeout 60 "$seqcast" --help >file) 2>&1 | cat >output || found=$?
output_has 'cannot write to standard output: File too large'

# locked FILE SECONDS: holds a lock on the file as a publisher does, and prints a line when it has it. To be started in
# the background: it becomes perl, so that the end of the test case kills perl, which holds this test's output open.
locked() {
  exec perl -e 'use Fcntl; open(my $file, "+<", $ARGV[0]) or die; $| = 1;
    my $lock = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0);
    fcntl($file, F_SETLK, $lock) or die $!; print "locked\n"; sleep $ARGV[1]' "$@"
}

test_case 'doctor finds the files that killed publishers left, and no others'
mkdir -p root/dev/shm
chmod 1777 root/dev/shm
left=root/dev/shm/news.seqcast-new-
touch ${left}0123456789abcdef ${left}fedcba9876543210 ${left}0123 "${left}0123456789abcdeg" root/dev/shm/other
locked ${left}fedcba9876543210 60 >locked.txt &
running="$running $!"
await locked.txt locked
expect 0 doctor --root root
found note 'left over' '1 file in root/dev/shm'
found note 'left over' "no process holds a lock on them, so they can be removed: rm ${left}0123456789abcdef"
! grep -F fedcba output || fail 'a locked one is named'
rm ${left}0123456789abcdef
expect 0 doctor --root root
! grep -F 'left over' output || fail 'the others are named'

verbs=$("$seqcast" --help | sed -n '/^Verbs:$/,/^$/s/^  \([a-z]*\) .*/\1/p')
options_of() { "$seqcast" ${1:+"$1"} --help | grep -oE '^  (-[a-z], |    )--[a-z-]+' | grep -oE -e '--[a-z-]+' | sort; }

test_case 'each --help has usage and examples, and goes within 80 columns; the statuses are in that of the program'
for verb in '' $verbs; do
  # shellcheck disable=SC2086  # no word for the program
  expect 0 $verb --help
  stderr_is_empty
  grep -q '^Usage: seqcast ' output || fail "no usage of '$verb'"
  grep -q '^Examples:$' output || fail "no example of '$verb'"
  ! grep -E '^.{81}' output || fail "a line of '$verb' is too long"
done
expect 0 --help
for status in 0 1 2 3 4 5 6 130; do grep -q "^  $status  *[a-z]" output || fail "no status $status"; done
expect 0 --version
grep -qE '^seqcast [0-9]+\.[0-9]+\.[0-9]+$' output || fail 'no version'
cp output expected
expect 0 -V
same_as expected

test_case 'help is --help, of the program and of each verb'
for verb in '' $verbs; do
  # shellcheck disable=SC2086  # no word for the program
  expect 0 $verb --help
  cp output expected
  # shellcheck disable=SC2086
  expect 0 help $verb
  same_as expected
done
expect 2 help mend
error_has "there is no verb 'mend'"

test_case 'a command line without a verb, or with an unknown one, ends with 2'
expect 2
expect 2 mend ./a
error_has "there is no verb 'mend'; seqcast --help lists the verbs"
expect 2 --json ls
error_has "there is no option '--json' before a verb"

test_case 'an option that takes no value is refused with one'
for wrong in 'ls --json=5' 'ls --json=true' 'ls --json=' 'rm --force=no ./a' 'pub --replace=false ./a text' \
  'sub --follow=1 ./a' 'pub -q=1 ./a text' 'info --help=3' 'ls -h=true'; do
  # shellcheck disable=SC2086
  expect 2 $wrong
  option=${wrong#* } && option=${option%%=*}
  error_has "$option takes no value; see seqcast ${wrong%% *} --help"
done
for wrong in --help=3 -V=3; do
  expect 2 $wrong
  error_has "${wrong%=*} takes no value; see seqcast --help"
done
expect 0 pub ./flag -- --json=5 # an argument

test_case 'colours and progress are for terminals only, and NO_COLOR turns colours off'
expect 3 rm ./missing
! grep -q $'\e' error || fail 'colours in a pipe'
on_terminal "TERM=xterm $seqcast rm ./missing" || :
output_has $'\e[31m'
on_terminal "TERM=xterm NO_COLOR=1 $seqcast rm ./missing" || :
! grep -q $'\e' output || fail 'colours in spite of NO_COLOR'
on_terminal "TERM=dumb $seqcast rm ./missing" || :
! grep -q $'\e' output || fail 'colours on a dumb terminal'
on_terminal "TERM=xterm $seqcast pub ./a tick --repeat --rate 100 --count 300"
output_has 'messages published'
! grep -v '^[[:print:]]*$' <<<"$(sed 's/\x1b\[[0-9]*m//g' output)" || fail 'progress is not in whole lines'
on_terminal "TERM=xterm $seqcast pub ./a tick --repeat --rate 100 --count 300 -q"
[ ! -s output ] || fail '-q has progress'
expect 0 pub ./a tick --repeat --rate 100 --count 300
no_output

# complete_bash WORD...: the completions that bash offers for the last word.
complete_bash() {
  bash --norc -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _seqcast "$1" "${@: -1}" "${@: -2:1}"; printf "%s\n" "${COMPREPLY[@]}"' - "$completions/seqcast.bash" "$seqcast" "$@"
}
complete_fish() {
  local words=$seqcast
  [ $# -eq 1 ] || words+=" ${*:1:$#-1}"
  HOME=$work fish --no-config -c "source $completions/seqcast.fish; complete -c $seqcast -w seqcast
    complete -C '$words ${*: -1}'" | cut -f 1
}
# On a terminal: zsh completes only interactive input.
complete_zsh() {
  mkdir -p zsh
  cat >zsh/.zshrc <<END
fpath=($completions \$fpath)
autoload -U compinit && compinit -u -D
compdef _seqcast $seqcast
zstyle ':completion:*' list-colors ''
zstyle ':completion:*' menu no
unsetopt list_beep
setopt list_rows_first
PROMPT= LISTMAX=1000
END
  printf '%s %s\t\t\007exit\n' "$seqcast" "$*" >typed
  HOME=$work ZDOTDIR=$work/zsh TERM=dumb on_terminal "zsh -i" typed || :
  sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g' output | tr -s ' ' '\n' | sort -u
}

for shell in bash zsh fish; do
  if ! command -v $shell >/dev/null; then
    echo "skipped: $shell is not installed"
    continue
  fi
  # offers TEXTS WORD...: the shell offers all of these texts, one per line, for the last word.
  offers() {
    local texts=$1
    shift
    "complete_$shell" "$@" >offered 2>error || fail "$shell failed"
    while IFS= read -r text; do
      grep -qxF -- "$text" offered || fail "$shell does not offer '$text' for '$*', but $(tr '\n' ' ' <offered)"
    done <<<"$texts"
  }
  test_case "$shell completes verbs, channels, files and values"
  offers "$verbs" ''
  offers sub su
  channel=seqcast-cli-$$-channel
  expect 0 pub $channel one
  offers $channel sub "seqcast-cli-$$-ch"
  expect 0 rm $channel
  expect 0 pub ./a-channel-in-a-file one
  offers ./a-channel-in-a-file sub ./a-chan
  offers oldest sub --from o
  offers rate top --sort r
  offers every-message pub --wakeup e
  offers help h
  offers doctor help d

  test_case "$shell completes the options that --help names, for each verb"
  for verb in $verbs; do offers "$(options_of "$verb")" "$verb" --; done
  offers --count sub --co
done

test_case 'what completion says about an option is a whole clause'
for shell in zsh fish; do
  command -v $shell >/dev/null || continue
  if [ $shell = zsh ]; then
    complete_zsh pub --c >offered
    tr -s '\n ' ' ' <output >text
  else
    HOME=$work fish --no-config -c "source $completions/seqcast.fish; complete -c $seqcast -w seqcast
      complete -C '$seqcast pub --c'" >text
  fi
  grep -qE 'Slots of a new channel, a power of two( |$)' text || fail "$shell says something else: $(cat text)"
done

test_case 'completion never executes the name of a channel'
# shellcheck disable=SC2016  # not expanded on purpose
channel=seqcast-cli-$$'-$(touch${IFS}pwned)'
expect 0 pub --shm "$channel" one
complete_bash sub "seqcast-cli-$$-" >offered
[ ! -e pwned ] || fail 'its name was executed'
grep -qF '\$\(touch' offered || fail 'it is not offered, or not quoted'
expect 0 rm "$channel"

test_case 'the manual page has every verb with its options, and groff has no complaints'
"$sources/lib/cli/man.sh" "$seqcast" page.1 2>error || fail 'it could not be made'
stderr_is_empty
for verb in $verbs; do
  grep -q "^\.SH \"SEQCAST ${verb^^}\"" page.1 || fail "no section about $verb"
  for option in $(options_of "$verb"); do
    sed -n "/^\.SH \"SEQCAST ${verb^^}\"/,/^\.SH/s/\\\\-/-/gp" page.1 | grep -F -- "$option" >/dev/null ||
      fail "no $verb $option"
  done
done
if command -v groff >/dev/null; then
  groff -man -Tutf8 -ww page.1 2>error >/dev/null
  stderr_is_empty
fi

finish
