# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=sh
#
# prepare: what demos/run, tests/run and bench/run have in common. To be sourced, with $root set to the clone's
# folder. Configures first, and installs Debian packages only if that shows that something is missing.
#
#   build_targets TARGET...   builds them in $build, or ends the script and says what is wrong
#   progress TEXT             how far it is
#
#   SEQCAST_BUILD=FOLDER      another build folder than build/; if it is configured, it keeps its settings
#   NO_COLOR=1                no colours; there are none either where the output is not a terminal

packages='g++ cmake ninja-build libboost-dev libcli11-dev libfmt-dev nlohmann-json3-dev doctest-dev'
build=${SEQCAST_BUILD:-$root/build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
log=$build/build.log

normal='' bold='' dim='' red='' green='' blue='' yellow='' to_line_start=''
if [ -t 1 ] && [ "${TERM-dumb}" != dumb ]; then
  escape=$(printf '\033')
  to_line_start="$(printf '\r')${escape}[K"
  if [ -z "${NO_COLOR-}" ]; then
    normal="${escape}[0m" bold="${escape}[1m" dim="${escape}[2m"
    red="${escape}[31m" green="${escape}[32m" yellow="${escape}[33m" blue="${escape}[34m"
  fi
fi
# Each script uses some of them.
: "$normal$bold$dim$red$green$yellow$blue"

note() { printf '%s%s%s\n' "$dim" "$*" "$normal"; }

# with_ticks COMMAND...: runs it, with "tick" among its lines every two seconds.
with_ticks() {
  while sleep 2 >/dev/null; do echo tick; done &
  status=0
  "$@" 2>&1 || status=$?
  kill "$!"
  return "$status"
}

# progress TEXT: on a terminal one line that is written over and over, to be ended by printing $to_line_start;
# elsewhere a line every ten seconds at most.
next_progress=0
progress() {
  if [ -n "$to_line_start" ]; then
    printf '%s%s%.78s%s' "$to_line_start" "$dim" "$*" "$normal"
  elif [ "$(date +%s)" -ge "$next_progress" ]; then
    next_progress=$(($(date +%s) + 10))
    printf '%s\n' "$*"
  fi
}

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# fail_with_log LOG WHAT: the end of a log says more than we can.
fail_with_log() {
  printf '%s; the end of %s:\n\n' "$2" "$1" >&2
  tail -n 20 "$1" >&2
  exit 1
}

missing_packages() {
  for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
    [ "$status" = installed ] || printf ' %s' "$package"
  done
}

# Gives an error if there is nothing to install.
install_missing() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    fail 'seqcast needs a C++20 compiler, CMake 3.22, Ninja, Boost 1.74 (headers), CLI11, fmt,' \
      'nlohmann-json and doctest.' \
      'Please install them with the tools of your system, and start again.' "(The details are in $log.)"
  fi
  missing=$(missing_packages)
  [ -n "$missing" ] || return 1
  if [ "$(id -u)" -eq 0 ]; then
    as_root=
  elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then
    as_root=sudo
  else
    fail 'Some Debian packages are missing. Please have root type this line, and start again:' '' \
      "  apt-get update && apt-get install --no-install-recommends$missing" ''
  fi
  note "installing$missing"
  # shellcheck disable=SC2086  # words, each a package; and no word at all for root
  if ! { $as_root apt-get -q update && $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -q install -y --no-install-recommends $missing; } >>"$log" 2>&1 </dev/null; then
    fail_with_log "$log" 'apt-get could not install what is missing'
  fi
}

configured() {
  [ -f "$build/build.ninja" ] || [ -f "$build/Makefile" ] || return 1
  home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt" 2>/dev/null)
  [ "$(cd "$home" 2>/dev/null && pwd -P)" = "$root" ] && return
  # The clone was moved or copied: the folder would build the sources of the old place.
  rm -rf "$build/CMakeCache.txt" "$build/CMakeFiles" "$build/build.ninja" "$build/Makefile"
  return 1
}

configure() {
  command -v cmake >/dev/null && command -v ninja >/dev/null &&
    cmake -G Ninja -D CMAKE_BUILD_TYPE=Release -S "$root" -B "$build" >>"$log" 2>&1
}

# Leaves a configured build folder, whatever it takes.
ensure_configured() {
  if ! mkdir -p "$build" || ! : >"$log"; then
    fail 'Set SEQCAST_BUILD to a build folder that this user may write to.'
  fi
  configured || configure && return
  install_missing || fail_with_log "$log" 'CMake could not configure the build'
  rm -f "$build/CMakeCache.txt" # it remembers what was not found
  configure || fail_with_log "$log" 'CMake could not configure the build'
}

# Leaves a configured build folder, with the packages in $packages without which something is left out. If they cannot
# be installed, the build goes on without.
install_optional() {
  ensure_configured
  if [ -n "$(missing_packages 2>/dev/null)" ] && (install_missing); then
    cmake "$build" >>"$log" 2>&1 || fail_with_log "$log" 'CMake could not configure the build'
  fi
}

build_targets() {
  ensure_configured
  export NINJA_STATUS='[%p] '
  begin=$(date +%s)
  { with_ticks cmake --build "$build" --parallel "$(nproc)" --target "$@" || echo failed; } | {
    percent=0
    while IFS= read -r line && [ "$line" != failed ]; do
      [ "$line" = tick ] || printf '%s\n' "$line" >>"$log"
      case $line in '['*'%] '*) percent=${line%%\%*} percent=${percent#\[} ;; esac
      progress "building: $percent % after $(($(date +%s) - begin)) s"
    done
    printf %s "$to_line_start"
    [ "$line" != failed ]
  } || fail_with_log "$log" 'the build failed'
}
