// SPDX-License-Identifier: BSL-1.0
#include "statistics.hpp"

#include "clock.hpp"

#include <algorithm>
#include <cmath>

namespace bench {

namespace {

constexpr double least_ns = 0.01;
const double bin_width = std::log(1.005);

} // namespace

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5)];
}

Histogram::Histogram(std::span<const std::uint64_t> stamps, double batch) : count_{stamps.size()} {
  // A reading stands for any time within one step of the clock: readings are dithered evenly over the step, by
  // the golden ratio's multiples (a low-discrepancy sequence).
  double dither = 0;
  for (const std::uint64_t value : stamps) {
    dither += 0.6180339887498949;
    dither -= std::floor(dither);
    const double dithered = static_cast<double>(value) + (dither - 0.5) * clock_step();
    const double ns = std::max((dithered - clock_overhead()) / stamps_per_ns() / batch, least_ns);
    ++bins_[static_cast<int>(std::log(ns / least_ns) / bin_width)];
    max_ = std::max(max_, ns);
  }
}

void Histogram::add(const Histogram& other) {
  for (const auto& [bin, count] : other.bins_) bins_[bin] += count;
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::optional<double> Histogram::percentile(double part) const {
  if ((1 - part) * static_cast<double>(count_) < 5) return std::nullopt;
  return at(part);
}

double Histogram::at(double part) const {
  const double rank = part * static_cast<double>(count_);
  double cumulative = 0;
  for (const auto& [bin, count] : bins_) {
    cumulative += static_cast<double>(count);
    if (cumulative >= rank) return std::min(max_, least_ns * std::exp((bin + 0.5) * bin_width));
  }
  return max_;
}

} // namespace bench
