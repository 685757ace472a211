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
  if (size < 4096) return fmt::format("{} B", size);
  if (size < 1048576) return fmt::format("{} KiB", size / 1024);
  return fmt::format("{} MiB", size / 1048576);
}

/// With three significant digits: the measurements are not more precise.
std::string short_number(double value) {
  const char* unit = "";
  for (const char* larger : {"k", "M", "G"}) {
    if (value < 10000) break;
    value /= 1000;
    unit = larger;
  }
  if (value == 0) return "0";
  if (value < 9.995) return fmt::format("{:.2f}{}", value, unit);
  if (value < 99.95) return fmt::format("{:.1f}{}", value, unit);
  return fmt::format("{:.0f}{}", value, unit);
}

/// "-" if the cell could not be measured; empty if it has no measurement in this band.
std::string median(const Cell& cell, Figure figure, const Band& band) {
  const auto values = spread(cell, figure, band);
  return values ? short_number(values->median) : cell.runs.empty() ? "-" : "";
}

/// The head, and a row for each transport that `row_of` gives something for. Empty if that is none.
template <class RowOf>
std::string rows(const std::string& head, const RowOf& row_of) {
  std::string text;
  for (const Transport* transport : all) {
    const std::string row = row_of(*transport);
    if (!row.empty()) text += fmt::format("{:<20}{}\n", transport->about.name, row);
  }
  return text.empty() ? text : "\n" + head + "\n" + text;
}

/// One row for each transport, one column for each size.
std::string table(const Plan& plan, const Band& band, const char* title, Scenario scenario, Figure figure) {
  const auto columns = plan.sizes();
  std::string head = fmt::format("{}\n{:<20}", title, "");
  for (const std::size_t size : columns) head += fmt::format("{:>9} ", size_name(size));
  return rows(head, [&](const Transport& transport) {
    std::string row;
    bool measured = false;
    for (const std::size_t size : columns) {
      const Cell* cell = plan.find(transport, size, scenario, 1);
      std::string value;
      if (cell != nullptr) {
        measured = true;
        const bool mark =
            band.unlimited() && std::any_of(cell->runs.begin(), cell->runs.end(),
                                            [](const Measurement& run) { return run.line_changed; });
        value = median(*cell, figure, band) + (cell->runs.empty() ? "" : mark ? "*" : " ");
      }
      row += fmt::format("{:>10}", value);
    }
    return measured ? row : "";
  });
}

std::string no_receiver_table(const Plan& plan, const Band& band) {
  return rows("the sender's own time without a receiver, ns, p50", [&](const Transport& transport) {
    std::string row;
    for (const std::size_t size : {8U, 48U}) {
      const Cell* cell = plan.find(transport, size, Scenario::no_receiver, 0);
      if (cell == nullptr || cell->runs.empty()) continue;
      row += fmt::format("{:>7}: {:>5}", size_name(size), median(*cell, send_p50, band));
    }
    return row;
  });
}

std::string fan_out_table(const Plan& plan, const Band& band) {
  const char* const head = "the sender's own time, ns, p50 (p99), 48 B, by number of polling receivers";
  return rows(head, [&](const Transport& transport) {
    std::string row;
    for (const int receivers : fan_out_receivers) {
      const Cell* cell = plan.find(transport, 48, Scenario::fan_out, receivers);
      if (cell == nullptr) continue;
      row += fmt::format("{:>2}: {:>6} ({:>5})", receivers, median(*cell, send_p50, band),
                         median(*cell, send_p99, band));
    }
    return row;
  });
}

std::string goals_table(const std::vector<Goal>& goals) {
  std::string text = fmt::format("\ngoals: ratios within a repetition: median, goal, and min to max\n");
  for (const Goal& goal : goals) {
    if (!goal.measured) continue;
    text += fmt::format("{:<7}{:<46}{:<18}{:>5} {} {:<5g}{} to {}\n", goal.met() ? "met" : "MISSED", goal.what,
                        goal.rival, short_number(goal.ratio.median), goal.at_most ? "<=" : ">=", goal.bound,
                        short_number(goal.ratio.min), short_number(goal.ratio.max));
  }
  return text;
}

std::string tables(const Plan& plan, const Band& band) {
  std::string text;
  const auto add = [&](const char* title, Scenario scenario, Figure figure) {
    text += table(plan, band, title, scenario, figure);
  };
  add("one-way at a low rate, ns, p50 (*: the line time changed during a measurement)", Scenario::one_way, p50);
  add("one-way at a low rate, ns, p99", Scenario::one_way, p99);
  add("one-way at a low rate: the sender's own time, ns, p50", Scenario::one_way, send_p50);
  add("half a round trip, ns, p50", Scenario::ping_pong, p50);
  add("flat out: million messages received a second", Scenario::flat_out, millions_per_second);
  add("flat out: GB/s received", Scenario::flat_out, gigabytes_per_second);
  add("flat out: % of the messages sent that were not received", Scenario::flat_out, lost_percent);
  add("flat out: % of the messages received that were torn", Scenario::flat_out, torn_percent);
  text += no_receiver_table(plan, band);
  text += fan_out_table(plan, band);
  add("line time during the one-way measurements, ns", Scenario::one_way, line_time);
  return text + goals_table(goals_of(plan, band));
}

std::string limits_and_settings(const Plan& plan) {
  std::string text = "\nlimits of the machine, ns: median, and min to max of the repetitions\n";
  const auto add = [&](const std::string& name, const std::vector<double>& values) {
    const Spread limit = spread_of(values);
    text += fmt::format("{:<40}{:>8}   {} to {}\n", name, short_number(limit.median), short_number(limit.min),
                        short_number(limit.max));
  };
  add("line time: half a round trip", plan.limits.line_time);
  add("full fence", plan.limits.fence);
  for (const auto& [size, values] : plan.limits.dirty_copy) {
    add(fmt::format("copy of {}, dirty in the other core", size_name(size)), values);
  }
  for (const auto& [size, values] : plan.limits.cached_copy) {
    add(fmt::format("copy of {} in cache", size_name(size)), values);
  }
  add("overhead of the clock, subtracted", {clock_overhead() / stamps_per_ns()});

  text += "\nsettings\n";
  for (const Transport* transport : all) {
    const bool used = std::any_of(plan.cells.begin(), plan.cells.end(),
                                  [&](const Cell& cell) { return cell.transport == transport; });
    if (used) text += fmt::format("{:<20}{}\n", transport->about.name, transport->about.setting);
  }
  for (const std::string& skipped : plan.skipped) text += fmt::format("skipped: {}\n", skipped);
  std::string last;
  for (const Cell& cell : plan.cells) {
    const std::string line = fmt::format("not measured: {} {}: {}\n", cell.transport->about.name,
                                         size_name(cell.size()), cell.skip_reason);
    if (!cell.skip_reason.empty() && line != last) text += line;
    last = line;
  }
  return text;
}

} // namespace

std::string tables(const Plan& plan) {
  const std::vector<Band> bands = bands_of(plan);
  std::string text;
  for (const Band& band : bands) {
    if (!band.unlimited()) {
      text += fmt::format("\n==== line time {:.0f} to {:.0f} ns: {} of the measurements\n", band.min, band.max,
                          band.runs);
    }
    text += tables(plan, band);
  }
  if (bands.size() > 1) text += "\n==== all line times\n";
  return text + limits_and_settings(plan);
}

} // namespace bench
