// SPDX-License-Identifier: BSL-1.0
//
// tally: what a client has received and what it has lost, and how that looks on its page.
#pragma once

#include <fmt/core.h>
#include <seqcast/message.hpp>

#include <chrono>
#include <string_view>
#include <utility>

/// A line that is no message.
inline void say(std::string_view note) {
  fmt::print("{:>9}  {}\n", "--", note);
}

struct Tally {
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  bool from_the_first = false; // the channel has appeared before our eyes: its first message counts, too

  std::uint64_t total() const {
    return received + lost;
  }

  void add(const seqcast::ReceivedBytes& message) {
    const auto missing = std::exchange(from_the_first, false) ? message.sequence - 1 : message.lost;
    if (missing > 0) say(fmt::format("{} lost, up to {}", missing, message.sequence - 1));
    const std::chrono::duration<double, std::micro> age = message.age();
    fmt::print("{:>9} {:>9.1f} us  {}\n", message.sequence, age.count(), message.text());
    ++received;
    lost += missing;
  }

  void sum_up() const {
    say(fmt::format("{} messages: {} received, {} lost", total(), received, lost));
  }
};
