// SPDX-License-Identifier: BSL-1.0
#include "measure.hpp"

#include "machine.hpp"
#include "plan.hpp"

#include <cmath>

namespace bench {

bool comparable(double line_time, double other_line_time) {
  return line_time <= 1.25 * other_line_time && other_line_time <= 1.25 * line_time;
}

void measure(Cell& cell, Control& control, std::span<const int> cpus, double& reference_line_time,
             const Options& options) {
  if (!cell.skip_reason.empty()) return;
  Measurement run;
  Setting setting = cell.transport->about.use;
  setting.size = cell.size;
  if (options.ring_bytes > 0) setting.ring_bytes = options.ring_bytes;
  try {
    for (int attempt = 0; attempt < (options.quick ? 2 : 4); ++attempt) {
      run.line_before = line_time_ns(cpus);
      const Energy before = energy();
      cell.transport->run(setting, cell.task, control);
      run.joules = joules_between(before, energy());
      run.line_after = line_time_ns(cpus);
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
  run.latency = Histogram{control.latencies.get(), scenario == Scenario::ping_pong ? 2.0 : 1.0};
  run.send_time = Histogram{control.send_times.get(), scenario == Scenario::no_receiver ? no_receiver_batch
                                                      : scenario == Scenario::fan_out   ? fan_out_burst
                                                                                        : 1.0};
  run.sent = control.sent();
  run.sender_cpu_ns = control.sender_cpu_ns();
  run.size = cell.size;
  for (int i = 0; i < cell.task.receivers; ++i) run.counts.push_back(control.counts(i));
  cell.runs.push_back(run);
}

} // namespace bench
