// SPDX-License-Identifier: BSL-1.0
#include <seqcast/options.hpp>

namespace seqcast::inline v1 {

const char* to_string(State state) noexcept {
  switch (state) {
    case State::live:
      return "live";
    case State::no_publisher:
      return "no publisher";
    case State::closed:
      return "closed";
    case State::superseded:
      return "superseded";
  }
  return "unknown";
}

const char* to_string(Wait reason) noexcept {
  switch (reason) {
    case Wait::message:
      return "message";
    case Wait::timeout:
      return "timeout";
    case Wait::closed:
      return "closed";
    case Wait::no_publisher:
      return "no publisher";
    case Wait::superseded:
      return "superseded";
    case Wait::stopped:
      return "stopped";
  }
  return "unknown";
}

const char* to_string(Wakeup wakeup) noexcept {
  switch (wakeup) {
    case Wakeup::doorbell:
      return "doorbell";
    case Wakeup::wake_word:
      return "wake word";
    case Wakeup::polling:
      return "polling";
  }
  return "unknown";
}

std::string to_string(const Location& location) {
  const char* kind = location.kind() == Location::Kind::file ? "file" : "shared_memory";
  return std::string{kind} + "(\"" + location.name() + "\")";
}

} // namespace seqcast::inline v1
