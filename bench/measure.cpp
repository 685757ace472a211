// SPDX-License-Identifier: BSL-1.0
#include "measure.hpp"

#include <algorithm>
#include <cmath>

#include <boost/histogram.hpp>

namespace bench {

Percentiles percentiles_of(std::span<const std::uint64_t> stamps, double together) {
  if (stamps.empty()) return {};
  namespace histogram = boost::histogram;
  // Steps of half a percent from a tenth of a ns to 10 s.
  using Axis = histogram::axis::regular<double, histogram::axis::transform::log>;
  auto counts = histogram::make_histogram(Axis{5060, 0.1, 1e10});
  double most = 0;
  double within = 0; // of the clock's step, evenly: what lies behind one reading is spread over all of it
  for (const std::uint64_t value : stamps) {
    within += 0.6180339887498949;
    within -= std::floor(within);
    const double spread = static_cast<double>(value) + (within - 0.5) * clock_step();
    const double ns = std::max(spread - clock_itself(), 0.0) / stamps_per_ns();
    counts(std::max(ns, 0.1));
    most = std::max(most, ns);
  }
  const auto at = [&](double part) {
    const double wanted = part * static_cast<double>(stamps.size());
    double seen = 0;
    for (int i = 0; i < counts.axis().size(); ++i) {
      seen += counts[i];
      if (seen >= wanted) return std::min(counts.axis().bin(i).center(), most) / together;
    }
    return most / together;
  };
  return {at(0.5), at(0.9), at(0.99), at(0.999), most / together};
}

double Measurement::rate() const {
  if (tallies.empty() || tallies[0].seconds <= 0) return 0;
  return static_cast<double>(tallies[0].received) / tallies[0].seconds;
}

bool comparable(double line, double other_line) {
  return line <= 1.25 * other_line && other_line <= 1.25 * line;
}

void measure(Cell& cell, Control& control, double& wanted_line, int attempts) {
  if (!cell.unable.empty()) return;
  Measurement made;
  try {
    for (int attempt = 0; attempt < attempts; ++attempt) {
      made.line_before = line_ns();
      cell.transport->run[cell.size_index](cell.task, control);
      made.line_after = line_ns();
      made.moved = std::abs(made.line_after - made.line_before) > 0.15 * made.line_before;
      if (made.moved) continue;
      if (wanted_line == 0) wanted_line = made.line();
      if (comparable(made.line(), wanted_line)) break;
    }
  } catch (const std::exception& error) {
    cell.unable = error.what();
    return;
  }
  made.time = percentiles_of(control.times.get(), cell.task.scenario == Scenario::ping_pong ? 2 : 1);
  made.cost = percentiles_of(control.costs.get(), cell.task.scenario == Scenario::alone ? sends_together : 1);
  made.sent = control.sent();
  made.size = cell.size();
  for (int i = 0; i < cell.task.receivers; ++i) made.tallies.push_back(control.tally(i));
  cell.runs.push_back(made);
}

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

} // namespace bench
