// SPDX-License-Identifier: BSL-1.0
#include "statistics.hpp"

#include "clock.hpp"

#include <algorithm>
#include <cmath>

#include <boost/histogram.hpp>

namespace bench {

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5)];
}

Percentiles percentiles_of(std::span<const std::uint64_t> stamps, double batch) {
  if (stamps.empty()) return {};
  namespace histogram = boost::histogram;
  // Bins of half a percent, from a tenth of a ns to 10 s.
  using Axis = histogram::axis::regular<double, histogram::axis::transform::log>;
  auto counts = histogram::make_histogram(Axis{5060, 0.1, 1e10});
  double max = 0;
  // A reading stands for any time within one step of the clock: readings are dithered evenly over the step, by
  // the golden ratio's multiples (a low-discrepancy sequence).
  double dither = 0;
  for (const std::uint64_t value : stamps) {
    dither += 0.6180339887498949;
    dither -= std::floor(dither);
    const double dithered = static_cast<double>(value) + (dither - 0.5) * clock_step();
    const double ns = std::max(dithered - clock_overhead(), 0.0) / stamps_per_ns();
    counts(std::max(ns, 0.1));
    max = std::max(max, ns);
  }
  const auto at = [&](double part) {
    const double rank = part * static_cast<double>(stamps.size());
    double cumulative = 0;
    for (int i = 0; i < counts.axis().size(); ++i) {
      cumulative += counts[i];
      if (cumulative >= rank) return std::min(counts.axis().bin(i).center(), max) / batch;
    }
    return max / batch;
  };
  return {at(0.5), at(0.9), at(0.99), at(0.999), max / batch};
}

} // namespace bench
