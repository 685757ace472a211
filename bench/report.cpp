// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include "figures.hpp"
#include "transports/all.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace bench {

using namespace figures;

namespace {

std::string size_name(std::size_t size) {
  if (size < 1024) return fmt::format("{} B", size);
  return size < 1048576 ? fmt::format("{} KiB", size / 1024) : fmt::format("{} MiB", size / 1048576);
}

/// With three significant digits: the measurements are not more precise.
std::string short_number(double value) {
  const char* unit = "";
  for (const char* larger : {"k", "M", "G"}) {
    if (value < 9999.5) break;
    value /= 1000;
    unit = larger;
  }
  if (value == 0) return "0";
  if (value < 0.0995) return fmt::format("{:.2g}", value);
  if (value < 9.995) return fmt::format("{:.2f}{}", value, unit);
  if (value < 99.95) return fmt::format("{:.1f}{}", value, unit);
  return fmt::format("{:.0f}{}", value, unit);
}

/// The name, and what a reader has to know of all its figures.
std::string label(const Transport& transport) {
  const Description& about = transport.about;
  return fmt::format("{:<21}{}", about.name, about.may_tear ? 'T' : about.lossless ? 'W' : ' ');
}

/// The head, and a row for each transport that `row_of` gives something for. Empty if that is none.
template <class RowOf>
std::string rows(const std::string& title, const std::string& head, const RowOf& row_of) {
  std::string text;
  for (const Transport* transport : all) {
    const std::string row = row_of(*transport);
    if (!row.empty()) text += label(*transport) + row + "\n";
  }
  return text.empty() ? text : fmt::format("\n{}\n{:<22}{}\n{}", title, "", head, text);
}

/// One row for each transport, one column for each size.
std::string table_by_size(const Plan& plan, const Band& band, const char* title, Scenario scenario,
                          Figure figure) {
  std::string head;
  const auto columns = plan.sizes();
  for (const std::size_t size : columns) head += fmt::format("{:>8} ", size_name(size));
  return rows(title, head, [&](const Transport& transport) {
    std::string row;
    bool measured = false;
    for (const std::size_t size : columns) {
      const Cell* cell = plan.find(transport, size, scenario, 1);
      std::string value;
      if (cell != nullptr) {
        measured = true;
        const auto values = spread(*cell, figure, band);
        const bool mark =
            band.unlimited() && std::any_of(cell->runs.begin(), cell->runs.end(),
                                            [](const Measurement& run) { return run.line_changed; });
        value = values ? short_number(values->median) + (mark ? "*" : " ") : cell->runs.empty() ? "- " : "";
      }
      row += fmt::format("{:>9}", value);
    }
    return measured ? row : "";
  });
}

/// Everything about messages of one size: a row for each transport.
std::string table_of_size(const Plan& plan, const Band& band, std::size_t size) {
  bool energy = false;
  for (const Cell& cell : plan.cells) {
    for (const Measurement& run : cell.runs) energy = energy || run.joules.has_value();
  }
  const std::string head =
      fmt::format("{:>7}{:>7}{:>7}{:>7}{:>7}{:>6} |{:>7}{:>6}{:>6}{:>7}{:>7}{}", "p50", "p90", "p99", "p99.9",
                  "p99.99", "torn%", "M/s", "lost%", "torn%", "CPU s", "CPU r", energy ? "     nJ" : "");
  const std::string title = fmt::format(
      "{}: one-way at a low rate, ns | flat out: received, ns of CPU time a message", size_name(size));
  return rows(title, head, [&](const Transport& transport) {
    std::string row;
    bool measured = false;
    const auto add = [&](const Cell* cell, Figure figure, int width) {
      const auto values = cell == nullptr ? std::nullopt : spread(*cell, figure, band);
      row += fmt::format("{:>{}}", values ? short_number(values->median) : "-", width);
      measured = measured || values;
    };
    const Cell* one_way = plan.find(transport, size, Scenario::one_way, 1);
    add(one_way, p50, 7);
    for (const double part : {0.9, 0.99, 0.999, 0.9999}) {
      const auto value = one_way == nullptr ? std::nullopt : percentile(*one_way, part, band);
      row += fmt::format("{:>7}", value ? short_number(*value) : "-");
    }
    add(one_way, torn_percent, 6);
    row += " |";
    const Cell* flat_out = plan.find(transport, size, Scenario::flat_out, 1);
    add(flat_out, millions_per_second, 7);
    add(flat_out, lost_percent, 6);
    add(flat_out, torn_percent, 6);
    add(flat_out, sender_cpu, 7);
    add(flat_out, receiver_cpu, 7);
    if (energy) add(flat_out, energy_nj, 7);
    return measured ? row : "";
  });
}

std::string no_receiver_table(const Plan& plan, const Band& band) {
  return rows("the sender's own time without a receiver, ns, in batches", "", [&](const Transport& transport) {
    std::string row;
    for (const std::size_t size : {8U, 48U, 256U}) {
      const Cell* cell = plan.find(transport, size, Scenario::no_receiver, 0);
      const auto values = cell == nullptr ? std::nullopt : spread(*cell, send_p50, band);
      if (values) row += fmt::format("{:>8}: {:>5}", size_name(size), short_number(values->median));
    }
    return row;
  });
}

std::string fan_out_table(const Plan& plan, const Band& band) {
  const auto title = fmt::format(
      "the sender's own time for 48 B, ns, in bursts of {}, by number of polling receivers", fan_out_burst);
  return rows(title, "", [&](const Transport& transport) {
    std::string row;
    for (const int receivers : fan_out_receivers(plan.placement)) {
      const Cell* cell = plan.find(transport, 48, Scenario::fan_out, receivers);
      const auto values = cell == nullptr ? std::nullopt : spread(*cell, send_p50, band);
      if (values) row += fmt::format("{:>4}: {:>5}", receivers, short_number(values->median));
    }
    return row;
  });
}

std::string goals_table(const std::vector<Goal>& goals) {
  std::string text =
      "\ngoals: ratios (or differences in ns) within a repetition: median, goal, and min to max\n";
  std::size_t met = 0, measured = 0;
  for (const Goal& goal : goals) {
    if (!goal.measured) continue;
    ++measured;
    if (goal.met()) ++met;
    text += fmt::format("{:<7}{:<46}{:<18}{:>5} {} {:<5g}{} to {}\n", goal.met() ? "met" : "MISSED", goal.what,
                        goal.rival, short_number(goal.reached.median), goal.at_most ? "<=" : ">=", goal.bound,
                        short_number(goal.reached.min), short_number(goal.reached.max));
  }
  return measured == 0 ? "" : text + fmt::format("{} of {} met\n", met, measured);
}

std::string tables_of(const Plan& plan, const Band& band) {
  std::string text =
      "\nT: may tear a message. W: lossless, the sender waits for a receiver that is behind. Others lose "
      "what a\nreceiver does not take in time. *: the line time changed during a measurement.\n";
  text += table_by_size(plan, band, "one-way at a low rate, ns, p50", Scenario::one_way, p50);
  text += table_by_size(plan, band, "flat out: million messages received a second", Scenario::flat_out,
                        millions_per_second);
  text += goals_table(goals_of(plan, band));
  text +=
      table_by_size(plan, band, "line time during the one-way measurements, ns", Scenario::one_way, line_time);
  text += table_by_size(plan, band, "half a round trip, ns, p50", Scenario::ping_pong, p50);
  text += table_by_size(plan, band, "one-way, every word written and read inside the clock, ns, p50",
                        Scenario::one_way_used, p50);
  text += no_receiver_table(plan, band) + fan_out_table(plan, band);
  for (const std::size_t size : plan.sizes()) text += table_of_size(plan, band, size);
  return text +
         "Who polls uses a processor all the time: CPU s and CPU r are then the time between two messages of "
         "the\nsender and the receiver. Higher percentiles: of all repetitions; -: fewer than 5 samples "
         "above.\n";
}

std::string limits(const Plan& plan) {
  std::string text = "\nlimits of the machine, ns: median, and min to max of the repetitions\n";
  const auto add = [&](const std::string& name, const std::vector<double>& values) {
    const Spread limit = spread_of(values);
    text += fmt::format("{:<40}{:>8}   {} to {}\n", name, short_number(limit.median), short_number(limit.min),
                        short_number(limit.max));
  };
  add("line time: a stamp, one way", plan.limits.line_time);
  add("full fence", plan.limits.fence);
  for (const auto& [size, values] : plan.limits.dirty_copy) {
    add(fmt::format("copy of {}, dirty in the other core", size_name(size)), values);
  }
  for (const auto& [size, values] : plan.limits.cached_copy) {
    add(fmt::format("copy of {} in cache", size_name(size)), values);
  }
  add("overhead of the clock, subtracted", {clock_overhead() / stamps_per_ns()});
  add("step of the clock", {clock_step() / stamps_per_ns()});
  return text;
}

std::string settings(const Results& results) {
  std::string text = "\nsettings; every ring has the bytes of seqcast's by default, unless it says otherwise\n";
  const Plan& plan = results.plans.front();
  for (const Transport* transport : all) {
    const bool used = std::any_of(plan.cells.begin(), plan.cells.end(),
                                  [&](const Cell& cell) { return cell.transport == transport; });
    if (used) text += fmt::format("{} {}\n", label(*transport), transport->about.setting);
  }
  for (const std::string& skipped : plan.skipped) text += fmt::format("skipped: {}\n", skipped);
  for (const Cell& cell : plan.cells) {
    const std::string line = fmt::format("not measured: {} {}: {}\n", cell.transport->about.name,
                                         size_name(cell.size), cell.skip_reason);
    if (!cell.skip_reason.empty() && text.find(line) == std::string::npos) text += line;
  }
  return text;
}

/// As a matrix, where it fits into a terminal.
std::string line_times_table(const LineTimes& times) {
  if (times.cpus.size() < 3 || times.cpus.size() > 16) return "";
  std::string text = "\nline time of each pair of processors, ns\n    ";
  for (const int cpu : times.cpus) text += fmt::format("{:>6}", cpu);
  for (std::size_t i = 0; i < times.cpus.size(); ++i) {
    text += fmt::format("\n{:>4}", times.cpus[i]);
    for (std::size_t k = 0; k < times.cpus.size(); ++k) {
      text += i == k ? fmt::format("{:>6}", "") : fmt::format("{:>6.0f}", times.ns[i][k]);
    }
  }
  return text + "\n";
}

} // namespace

std::string tables(const Results& results) {
  std::string text = line_times_table(results.line_times);
  for (const Plan& plan : results.plans) {
    text += fmt::format("\n==== {}{}sender on processor {}, receiver on {}: line time {:.0f} ns\n",
                        plan.placement.name, plan.placement.name.empty() ? "" : ": ", plan.placement.cpus[0],
                        plan.placement.cpus[1], plan.line_time({}));
    for (const Band& band : bands_of(plan)) {
      if (!band.unlimited()) {
        text += fmt::format("\n==== line time {:.0f} to {:.0f} ns: {} of the measurements\n", band.min,
                            band.max, band.runs);
      }
      text += tables_of(plan, band);
    }
    text += limits(plan);
  }
  return text + settings(results);
}

} // namespace bench
