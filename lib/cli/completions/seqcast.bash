# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
#
# Completion of seqcast for bash: verbs, options (of --help), channels, files. To be sourced, or installed as 'seqcast'
# in bash-completion's folder.

# The options in the --help of a verb, or of the program; with ' [A-Z]' only those that take a value.
_seqcast_options() {
  "$1" ${2:+"$2"} --help 2>/dev/null | sed -n "s/^  \(-[a-zA-Z], \|    \)\(--[a-z-]*\)$3.*/\2/p"
}

# Offers those lines of standard input that begin with the word. Not by compgen -W, which expands its words: any user may
# give a channel a name such as '$(command)'.
_seqcast_offer() {
  local choice quoted
  while IFS= read -r choice; do
    printf -v quoted %q "$choice"
    [[ $choice != "$1"* ]] || COMPREPLY+=("$quoted")
  done
}

# Offers files ('f') or folders ('d').
_seqcast_offer_files() {
  mapfile -t COMPREPLY < <(compgen "-$1" -- "$2")
  compopt -o filenames 2>/dev/null
}

_seqcast_arguments() {
  local program=$1 verb=$2 word=$3 before=$4 files=$5
  case $verb:$before in
    sub:--from | record:--from) _seqcast_offer "$word" <<<$'newest\noldest' && return ;;
    pub:--wakeup) _seqcast_offer "$word" <<<$'bell\nevery-message\npolling' && return ;;
    top:--sort) _seqcast_offer "$word" <<<$'name\nrate' && return ;;
    doctor:--root) _seqcast_offer_files d "$word" && return ;;
    record:-o | record:--output) _seqcast_offer_files f "$word" && return ;;
  esac
  # The value of any other option is a number, or a name that nobody can foresee.
  if [[ $before == -n ]] || _seqcast_options "$program" "$verb" ' [A-Z]' | grep -qxe "$before"; then return; fi
  case $verb:$files:$word in
    ls:* | top:*) _seqcast_offer_files d "$word" ;;
    doctor:*) ;;
    replay:* | check:*) _seqcast_offer_files f "$word" ;;
    *:yes:* | *:*:*/*) _seqcast_offer_files f "$word" ;;
    *) _seqcast_offer "$word" < <("$program" ls -q 2>/dev/null) ;;
  esac
}

_seqcast() {
  local program=$1 word=$2 before=$3 verb='' files=no i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --file) files=yes ;;
      -*) ;;
      *) verb=${verb:-${COMP_WORDS[i]}} ;;
    esac
  done
  if [[ $word == -* ]]; then
    _seqcast_offer "$word" < <(_seqcast_options "$program" "$verb" '')
  elif [[ -z $verb || $verb == help ]]; then
    _seqcast_offer "$word" < <(
      "$program" --help | sed -n '/^Verbs:$/,/^$/s/^  \([a-z]*\) .*/\1/p'
      [[ -n $verb ]] || echo help
    )
  else
    _seqcast_arguments "$program" "$verb" "$word" "$before" "$files"
  fi
}

complete -F _seqcast seqcast
