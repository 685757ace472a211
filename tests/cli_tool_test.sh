#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
#
# cli_tool_test: rm, doctor, bench, --help, completion and manual page of 'seqcast'. Run by ./tests/run, or by hand:
#
#   tests/cli_tool_test.sh build/lib/cli/seqcast
# shellcheck source=SCRIPTDIR/support/cli.sh
. "$(dirname -- "$0")/support/cli.sh"
completions=$sources/lib/cli/completions

case_of 'rm removes channels, those in files with their bells, and says which are not there'
expect 0 pub ./a one
expect 0 pub ./b one
expect 3 rm ./a ./missing ./b
error_has 'no channel ./missing'
rm -f output error
[ -z "$(ls)" ] || broken 'something is left'
expect 0 rm --force ./missing
quiet

case_of 'rm leaves a channel alone that has a live publisher, unless it is forced'
start pub.txt pub ./a tick --repeat --rate 50
await_live ./a
expect 1 rm ./a
error_has "process $pid"
error_has '--force removes it all the same'
[ -e a ] || broken 'it is gone'
publisher=$pid
start sub.txt sub ./a
await sub.txt tick
expect 0 rm --force ./a
[ ! -e a ] || broken 'it is still there'
ends 5
kill "$publisher"
pid=$publisher ends 143

case_of 'rm never removes what is no channel'
echo precious >a
expect 1 rm ./a
expect 1 rm --force ./a
[ "$(cat a)" = precious ] || broken 'it did'
mkdir b
expect 1 rm --force ./b
[ -d b ] || broken 'it did'

case_of 'doctor finds this machine fit, sends a message, and leaves nothing behind'
start output doctor # in the background, for its id
ends 0
grep -q '^ok .*a message went through' output || broken 'no message went through'
grep -q '^ok .* processors' output || grep -q '^warning .* processors' output || broken 'no processors'
! grep -E '^.{80}' output || broken 'a line is too long'
[ -z "$(ls "/dev/shm/seqcast-doctor-$pid"* 2>/dev/null)" ] || broken 'it left a channel behind'
expect 0 doctor --json
[ "$(grep -cE '^  "grade": "(ok|note|warning|problem)",$' output)" -ge 5 ] || broken 'there are too few findings'

# found GRADE SUBJECT TEXT: doctor says that about the system below ./root.
found() { grep -A4 "^$1 *$2 " output | tr -s ' \n' ' ' | grep -F -- "$3" >/dev/null || broken "no $1 about $2 with '$3'"; }

case_of 'doctor names what is wrong with another system, and what to do'
mkdir -p root/dev/shm root/proc/sys/kernel root/run/systemd/system root/etc/systemd/logind.conf.d root/sys/fs/cgroup
clock=root/sys/devices/system/clocksource/clocksource0 governor=root/sys/devices/system/cpu/cpu0/cpufreq
huge=root/sys/kernel/mm/transparent_hugepage
mkdir -p $clock $governor $huge
chmod 0755 root/dev/shm
touch root/.dockerenv
echo 5.10.0-8-amd64 >root/proc/sys/kernel/osrelease
echo 'ext4 /dev/shm ext4 rw 0 0' >root/proc/mounts
echo '50000 100000' >root/sys/fs/cgroup/cpu.max
echo hpet >$clock/current_clocksource
echo powersave >$governor/scaling_governor
echo 'always within_size advise [never] deny force' >$huge/shmem_enabled
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
found note swap 'lock_memory'
found note 'huge pages' 'PublisherOptions::huge_pages'
chmod 0777 root/dev/shm
expect 0 doctor --root root
found warning permissions 'any user can remove'

case_of 'doctor is content with another system where all is well'
mkdir -p root/dev/shm root/proc/sys/kernel root/run/systemd/system root/etc/systemd/logind.conf.d $clock $governor $huge
chmod 1777 root/dev/shm
echo 6.1.0 >root/proc/sys/kernel/osrelease
echo tsc >$clock/current_clocksource
echo performance >$governor/scaling_governor
echo 'always [within_size] advise never' >$huge/shmem_enabled
echo 'Filename Type' >root/proc/swaps
echo 'RemoveIPC=yes' >root/etc/systemd/logind.conf
echo 'RemoveIPC=no' >root/etc/systemd/logind.conf.d/seqcast.conf
expect 0 doctor --root root
for subject in permissions RemoveIPC frequency kernel clock swap 'huge pages'; do found ok "$subject" ''; done

case_of 'doctor ends with 1 where no channel can be made'
expect 1 doctor --root nowhere
found problem /dev/shm 'mount -t tmpfs tmpfs /dev/shm'

case_of 'bench becomes the benchmark, or says with 3 where to get it'
mkdir -p build/lib/cli build/bench bin libexec/seqcast
cp "$seqcast" build/lib/cli/seqcast
cp "$seqcast" bin/seqcast
for place in build/lib/cli bin; do
  found=0
  timeout 60 $place/seqcast bench >output 2>error || found=$?
  [ $found -eq 3 ] || broken "status $found"
  error_has './bench/run --quick'
done
printf '#!/bin/sh\necho "$@"\nexit 7\n' | tee build/bench/latency >libexec/seqcast/latency
chmod +x build/bench/latency libexec/seqcast/latency
for place in build/lib/cli bin; do
  found=0
  timeout 60 $place/seqcast bench -- --only 'a b' >output 2>error || found=$?
  [ $found -eq 7 ] || broken "status $found"
  output_has '--quick --only a b'
done

verbs=$("$seqcast" --help | sed -n '/^Verbs:$/,/^$/s/^  \([a-z]*\) .*/\1/p')
options_of() { "$seqcast" ${1:+"$1"} --help | grep -oE '^  (-[a-z], |    )--[a-z-]+' | grep -oE -e '--[a-z-]+' | sort; }

case_of 'each --help has usage and examples, and goes within 80 columns; the statuses are in that of the program'
for verb in '' $verbs; do
  # shellcheck disable=SC2086  # no word for the program
  expect 0 $verb --help
  quiet
  grep -q '^Usage: seqcast ' output || broken "no usage of '$verb'"
  grep -q '^Examples:$' output || broken "no example of '$verb'"
  ! grep -E '^.{81}' output || broken "a line of '$verb' is too long"
done
expect 0 --help
for status in 0 1 2 3 4 5 6 130; do grep -q "^  $status  *[a-z]" output || broken "no status $status"; done
expect 0 --version
grep -qE '^seqcast [0-9]+\.[0-9]+\.[0-9]+$' output || broken 'no version'

case_of 'a command line without a verb, or with an unknown one, ends with 2'
expect 2
expect 2 mend ./a
error_has "there is no verb 'mend'; seqcast --help lists them"

case_of 'colours and progress are for terminals, and NO_COLOR is heeded'
expect 3 rm ./missing
! grep -q $'\e' error || broken 'colours in a pipe'
on_terminal "TERM=xterm $seqcast rm ./missing" || :
output_has $'\e[31m'
on_terminal "TERM=xterm NO_COLOR=1 $seqcast rm ./missing" || :
! grep -q $'\e' output || broken 'colours in spite of NO_COLOR'
on_terminal "TERM=dumb $seqcast rm ./missing" || :
! grep -q $'\e' output || broken 'colours on a dumb terminal'
on_terminal "TERM=xterm $seqcast pub ./a tick --repeat --rate 100 --count 100"
output_has 'messages published'
expect 0 pub ./a tick --repeat --rate 100 --count 100
silent

# complete_bash WORD...: what bash offers for the last word.
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
# By a terminal: zsh completes only where somebody types.
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
  # offers TEXTS WORD...: all of these texts, one a line, are among what the shell offers for the last word.
  offers() {
    local texts=$1
    shift
    "complete_$shell" "$@" >offered 2>error || broken "$shell failed"
    while IFS= read -r text; do
      grep -qxF -- "$text" offered || broken "$shell does not offer '$text' for '$*', but $(tr '\n' ' ' <offered)"
    done <<<"$texts"
  }
  case_of "$shell completes verbs, channels, files and values"
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

  case_of "$shell completes the options that --help names, for each verb"
  for verb in $verbs; do offers "$(options_of "$verb")" "$verb" --; done
  offers --count sub --co
done

case_of 'a channel with a malicious name is a name like any other to completion'
# shellcheck disable=SC2016  # that is the point
channel=seqcast-cli-$$'-$(touch${IFS}pwned)'
expect 0 pub --shm "$channel" one
complete_bash sub "seqcast-cli-$$-" >offered
[ ! -e pwned ] || broken 'its name was executed'
grep -qF '\$\(touch' offered || broken 'it is not offered, or not quoted'
expect 0 rm "$channel"

if command -v help2man >/dev/null; then
  case_of 'the manual page has every verb with its options, and groff has nothing to say about it'
  "$sources/lib/cli/man.sh" "$seqcast" help2man page.1 2>error || broken 'it could not be made'
  quiet
  for verb in $verbs; do
    grep -qi "^\.SH \"seqcast $verb\"" page.1 || broken "no section about $verb"
    for option in $(options_of "$verb"); do
      sed -n "/^\.SH \"SEQCAST ${verb^^}\"/,/^\.SH/s/\\\\-/-/gp" page.1 | grep -F -- "$option" >/dev/null ||
        broken "no $verb $option"
    done
  done
  if command -v groff >/dev/null; then
    groff -man -Tutf8 -ww page.1 2>error >/dev/null
    quiet
  fi
fi

finish
