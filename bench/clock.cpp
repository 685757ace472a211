// SPDX-License-Identifier: BSL-1.0
#include "clock.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

namespace bench {

double stamps_per_ns() {
  static const double rate = [] {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    const std::uint64_t first = stamp();
    while (Clock::now() - begin < std::chrono::milliseconds{50}) continue;
    const std::uint64_t last = stamp();
    return static_cast<double>(last - first) /
           std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  }();
  return rate;
}

double clock_overhead() {
  static const double mean = [] {
    std::vector<std::uint64_t> times(10'001);
    for (std::uint64_t& time : times) {
      const std::uint64_t begin = stamp_after();
      time = stamp_after() - begin;
    }
    // The mean, because the counter's steps are large compared with it. The largest 5% are interruptions.
    std::sort(times.begin(), times.end());
    times.resize(9'500);
    return std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
  }();
  return mean;
}

double clock_step() {
  static const double step = [] {
    std::map<std::uint64_t, int> occurrences; // by difference
    for (int i = 0; i < 10'000; ++i) {
      const std::uint64_t begin = stamp_after();
      for (volatile int wait = i % 64; wait > 0;) wait = wait - 1;
      ++occurrences[stamp_after() - begin];
    }
    std::erase_if(occurrences, [](const auto& entry) { return entry.second < 50; });
    // The median distance between frequent differences. Two that are one apart are one, rounded differently.
    std::vector<std::uint64_t> distances;
    std::uint64_t last = 0;
    for (const auto& [difference, count] : occurrences) {
      if (last > 0 && difference > last + 1) distances.push_back(difference - last);
      last = difference;
    }
    if (distances.empty()) return 1.0;
    std::sort(distances.begin(), distances.end());
    return static_cast<double>(distances[distances.size() / 2]);
  }();
  return step;
}

} // namespace bench
