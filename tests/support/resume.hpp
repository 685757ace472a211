// SPDX-License-Identifier: BSL-1.0
//
// resume: ResumePosition as the number of messages behind the newest that RingSubscriber takes.
#pragma once

#include <seqcast/options.hpp>

#include <array>

namespace test {

using seqcast::ResumePosition;

inline constexpr std::array resume_positions{ResumePosition::half, ResumePosition::newest,
                                             ResumePosition::oldest};

constexpr std::uint64_t resume_behind(ResumePosition resume, std::uint64_t capacity) {
  if (resume == ResumePosition::newest) return 0;
  return resume == ResumePosition::half ? capacity / 2 - 1 : capacity - 2;
}

} // namespace test
