// SPDX-License-Identifier: BSL-1.0
#include "measure.hpp"

#include <cmath>

namespace bench {

double Measurement::rate() const {
  if (counts.empty() || counts[0].seconds <= 0) return 0;
  return static_cast<double>(counts[0].received) / counts[0].seconds;
}

bool comparable(double line_time, double other_line_time) {
  return line_time <= 1.25 * other_line_time && other_line_time <= 1.25 * line_time;
}

void measure(Cell& cell, Control& control, double& reference_line_time, int attempts) {
  if (!cell.skip_reason.empty()) return;
  Measurement run;
  try {
    for (int attempt = 0; attempt < attempts; ++attempt) {
      run.line_before = line_time_ns();
      cell.transport->run[cell.size_index](cell.task, control);
      run.line_after = line_time_ns();
      run.line_changed = std::abs(run.line_after - run.line_before) > 0.15 * run.line_before;
      if (run.line_changed) continue;
      if (reference_line_time == 0) reference_line_time = run.line_time();
      if (comparable(run.line_time(), reference_line_time)) break;
    }
  } catch (const std::exception& error) {
    cell.skip_reason = error.what();
    return;
  }
  const Scenario scenario = cell.task.scenario;
  run.latency = percentiles_of(control.latencies.get(), scenario == Scenario::ping_pong ? 2 : 1);
  run.send_time =
      percentiles_of(control.send_times.get(), scenario == Scenario::no_receiver ? sends_per_sample : 1);
  run.sent = control.sent();
  run.size = cell.size();
  for (int i = 0; i < cell.task.receivers; ++i) run.counts.push_back(control.counts(i));
  cell.runs.push_back(run);
}

} // namespace bench
