#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# man.sh PROGRAM PAGE: makes the manual page from the --help of the program and of each verb.
set -eu
program=$1 page=$2
name=${program##*/}
version=$("$program" --version)

upper() { printf '%s' "$1" | tr '[:lower:]' '[:upper:]'; }
# What the program is: its description, without the full stop.
summary=$("$program" --help | awk 'NR > 2 { if ($0 == "") exit; printf "%s%s", between, $0; between = " " }')
summary=$(printf '%s' "$summary" | sed 's/\.$//; s/^./\L&/')

# as_roff SECTION: help text as a part of the page. Its titles become sections, by the macro SECTION; entries have their
# term at the margin and their text behind it; everything below "Examples:" stays as it is.
as_roff() {
  awk -v section="$1" '
    function escaped(text) {
      gsub(/\\/, "\\e", text)
      gsub(/-/, "\\-", text)
      return text ~ /^[.\047]/ ? "\\&" text : text
    }
    function end_examples() {
      if (examples) print ".fi"
      examples = 0
    }
    /^Usage: / {
      print "." section " SYNOPSIS"
      sub(/^Usage: /, "")
      print ".B " escaped($0)
      next
    }
    /^[A-Z][a-z ]*:$/ {
      end_examples()
      print "." section " \"" toupper(substr($0, 1, length - 1)) "\""
      examples = /^Examples/
      if (examples) print ".nf"
      next
    }
    examples {
      print escaped(substr($0, 3))
      next
    }
    /^$/ {
      paragraph = 1
      next
    }
    /^  [^ ]|^      --/ {
      sub(/^ */, "")
      at = match($0, /  +/)
      print ".TP\n.B " escaped(at ? substr($0, 1, at - 1) : $0)
      if (at) print escaped(substr($0, at + RLENGTH))
      paragraph = 0
      next
    }
    {
      if (paragraph && !/^ /) print ".PP"
      paragraph = 0
      sub(/^ */, "")
      print escaped($0)
    }
    END { end_examples() }'
}

{
  printf '.TH "%s" 1 "" "%s" "User Commands"\n' "$(upper "$name")" "$version"
  printf '.SH NAME\n%s \\- %s\n' "$name" "$summary"
  "$program" --help | as_roff SH
  for verb in $("$program" --help | sed -n '/^Verbs:$/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    printf '.SH "%s %s"\n' "$(upper "$name")" "$(upper "$verb")"
    "$program" "$verb" --help | as_roff SS
  done
} >"$page"
