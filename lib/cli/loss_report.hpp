// SPDX-License-Identifier: BSL-1.0
//
// loss_report: losses on standard error: the first one at once, then at most once a second.
#pragma once

#include "console.hpp"

#include <chrono>
#include <cstdint>

namespace cli {

class LossReport {
 public:
  explicit LossReport(Console& console) : console_{console} {}

  /// `lost` messages are missing before number `sequence`.
  void add(std::uint64_t lost, std::uint64_t sequence);
  /// When report() has something to print; the end of time if there is nothing.
  std::chrono::steady_clock::time_point due() const {
    return lost_ > 0 ? next_report_ : std::chrono::steady_clock::time_point::max();
  }
  void report();

 private:
  Console& console_;
  std::uint64_t lost_ = 0;
  std::uint64_t gaps_ = 0;
  std::uint64_t last_ = 0;
  std::chrono::steady_clock::time_point next_report_{};
};

} // namespace cli
