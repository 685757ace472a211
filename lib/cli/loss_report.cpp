// SPDX-License-Identifier: BSL-1.0
#include "loss_report.hpp"

#include <fmt/format.h>

namespace cli {

void LossReport::add(std::uint64_t lost, std::uint64_t sequence) {
  lost_ += lost;
  ++gaps_;
  last_ = sequence;
  if (std::chrono::steady_clock::now() >= next_report_) report();
}

void LossReport::report() {
  if (lost_ == 0) return;
  const std::string gaps = gaps_ == 1 ? fmt::format("before number {}", last_)
                                      : fmt::format("in {} gaps, the last before number {}", gaps_, last_);
  console_.complain(fmt::format("lost {} {}", lost_, gaps)); // even with --quiet
  lost_ = gaps_ = 0;
  next_report_ = std::chrono::steady_clock::now() + std::chrono::seconds{1};
}

} // namespace cli
