#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
#
# man.sh SEQCAST PAGE: makes the manual page from the --help of the program and of each verb.
set -eu
seqcast=$1 page=$2
version=$("$seqcast" --version)

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
  printf '.TH SEQCAST 1 "" "%s" "User Commands"\n' "$version"
  printf '.SH NAME\nseqcast \\- publish and subscribe in shared memory\n'
  "$seqcast" --help | as_roff SH
  for verb in $("$seqcast" --help | sed -n '/^Verbs:$/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    printf '.SH "SEQCAST %s"\n' "$(printf '%s' "$verb" | tr '[:lower:]' '[:upper:]')"
    "$seqcast" "$verb" --help | as_roff SS
  done
} >"$page"
