// SPDX-License-Identifier: BSL-1.0
//
// statistics: samples in, the few numbers of a table out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace bench {

/// Of one figure over its repetitions.
struct Spread {
  double median = 0, min = 0, max = 0;
};
/// All zero if there are no values.
Spread spread_of(std::vector<double> values);

/// The value that a `part` (0 to 1) of the values do not exceed. Requires: there is a value.
double quantile(std::vector<double> values, double part);

/// Of single durations, in bins of half a percent.
class Histogram {
 public:
  Histogram() = default;
  /// Of durations in stamps, less clock_overhead(). Each is that of `batch` operations and is divided by that.
  /// With many samples the resolution is finer than the clock's step.
  explicit Histogram(std::span<const std::uint64_t> stamps, double batch = 1);
  void add(const Histogram& other);
  std::uint64_t count() const {
    return count_;
  }
  double max() const {
    return max_;
  }
  /// ns. 0 if there are no samples.
  double median() const {
    return at(0.5);
  }
  /// ns. Nothing if fewer than five samples exceed it.
  std::optional<double> percentile(double part) const;

 private:
  double at(double part) const;
  std::map<int, std::uint64_t> bins_;
  std::uint64_t count_ = 0;
  double max_ = 0;
};

} // namespace bench
