// SPDX-License-Identifier: BSL-1.0
//
// statistics: samples in, the few numbers of a table out.
#pragma once

#include <cstdint>
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

/// Of single durations, in ns.
struct Percentiles {
  double p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0;
};
/// Of durations in stamps, less clock_overhead(). Each is the duration of `batch` operations and is divided by
/// that. With many samples the resolution is finer than the clock's step. All zero if there are no samples.
Percentiles percentiles_of(std::span<const std::uint64_t> stamps, double batch = 1);

} // namespace bench
