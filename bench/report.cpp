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

/// Three digits are as many as are true.
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

/// "-" where it cannot be measured, nothing where it was not in this band.
std::string median(const Cell& cell, Number number, const Band& band) {
  const auto values = spread(cell, number, band);
  return values ? short_number(values->median) : cell.runs.empty() ? "-" : "";
}

/// One line for each transport, one column for each size.
std::string table(const Plan& plan, const Band& band, const char* title, Scenario scenario, Number number) {
  std::string text;
  const auto columns = plan.sizes();
  for (const Transport* transport : all) {
    std::string row;
    bool any = false;
    for (const std::size_t size : columns) {
      const Cell* cell = plan.find(*transport, size, scenario, 1);
      std::string value;
      if (cell != nullptr) {
        any = true;
        const bool moved = band.everything() && std::any_of(cell->runs.begin(), cell->runs.end(),
                                                            [](const auto& run) { return run.moved; });
        value = median(*cell, number, band) + (cell->runs.empty() ? "" : moved ? "*" : " ");
      }
      row += fmt::format("{:>10}", value);
    }
    if (any) text += fmt::format("{:<20}{}\n", transport->about.name, row);
  }
  if (text.empty()) return text;
  std::string head = fmt::format("\n{}\n{:<20}", title, "");
  for (const std::size_t size : columns) head += fmt::format("{:>9} ", size_name(size));
  return head + "\n" + text;
}

std::string alone_table(const Plan& plan, const Band& band) {
  std::string text;
  for (const Transport* transport : all) {
    std::string row;
    for (const std::size_t size : {8U, 48U}) {
      const Cell* cell = plan.find(*transport, size, Scenario::alone, 0);
      if (cell == nullptr || cell->runs.empty()) continue;
      row += fmt::format("{:>7}: {:>5}", size_name(size), median(*cell, cost_p50, band));
    }
    if (!row.empty()) text += fmt::format("{:<20}{}\n", transport->about.name, row);
  }
  if (text.empty()) return text;
  return "\nthe sender's own time with nobody there, ns\n" + text;
}

std::string fan_out_table(const Plan& plan, const Band& band) {
  std::string text;
  for (const Transport* transport : all) {
    std::string row;
    for (const int receivers : {1, 2, 4, 8}) {
      const Cell* cell = plan.find(*transport, 48, Scenario::fan_out, receivers);
      if (cell == nullptr) continue;
      row += fmt::format("{:>2}: {:>6} ({:>5})", receivers, median(*cell, cost_p50, band),
                         median(*cell, cost_p99, band));
    }
    if (!row.empty()) text += fmt::format("{:<20}{}\n", transport->about.name, row);
  }
  if (text.empty()) return text;
  return "\nthe sender's own time, ns, p50 (p99), 48 B, by number of receivers that look all the time\n" + text;
}

std::string goals_table(const std::vector<Goal>& goals) {
  std::string text = fmt::format("\ngoals: ratios in one repetition; median, goal, and least to most\n");
  for (const Goal& goal : goals) {
    if (!goal.known) continue;
    text += fmt::format("{:<7}{:<46}{:<18}{:>5} {} {:<5g}{} to {}\n", goal.met() ? "met" : "MISSED", goal.what,
                        goal.rival, short_number(goal.ratio.median), goal.at_most ? "<=" : ">=", goal.bound,
                        short_number(goal.ratio.least), short_number(goal.ratio.most));
  }
  return text;
}

std::string tables(const Plan& plan, const Band& band) {
  std::string text;
  const auto add = [&](const char* title, Scenario scenario, Number number) {
    text += table(plan, band, title, scenario, number);
  };
  add("one-way at a low rate, ns, p50 (* the line time moved meanwhile)", Scenario::one_way, p50);
  add("one-way at a low rate, ns, p99", Scenario::one_way, p99);
  add("one-way at a low rate: the sender's own time, ns, p50", Scenario::one_way, cost_p50);
  add("half a round trip, ns, p50", Scenario::ping_pong, p50);
  add("flat out: million messages received a second", Scenario::flat_out, million_a_second);
  add("flat out: GB/s received", Scenario::flat_out, gigabytes_a_second);
  add("flat out: % of the messages sent that were not received", Scenario::flat_out, lost_percent);
  add("flat out: % of the messages received that were torn", Scenario::flat_out, torn_percent);
  text += alone_table(plan, band);
  text += fan_out_table(plan, band);
  add("line time during the one-way measurements, ns", Scenario::one_way, line);
  return text + goals_table(goals_of(plan, band));
}

std::string limits_and_settings(const Plan& plan) {
  std::string text;
  const auto limit = [](const char* name, const std::vector<double>& values) {
    const Spread found = spread_of(values);
    return fmt::format("{:<40}{:>8}   {} to {}\n", name, short_number(found.median), short_number(found.least),
                       short_number(found.most));
  };
  text += "\nwhat the machine allows, ns, median, and least to most of the repetitions\n";
  text += limit("line: half a round trip", plan.limits.line);
  text += limit("full fence", plan.limits.fence);
  for (const auto& [size, values] : plan.limits.dirty_copy) {
    text += limit(fmt::format("copy of {} dirty in the other core", size_name(size)).c_str(), values);
  }
  for (const auto& [size, values] : plan.limits.cached_copy) {
    text += limit(fmt::format("copy of {} in cache", size_name(size)).c_str(), values);
  }

  text += limit("the clock itself, taken off every time", {clock_itself() / stamps_per_ns()});

  text += "\nsettings\n";
  for (const Transport* transport : all) {
    const bool used = std::any_of(plan.cells.begin(), plan.cells.end(),
                                  [&](const Cell& cell) { return cell.transport == transport; });
    if (used) text += fmt::format("{:<20}{}\n", transport->about.name, transport->about.setting);
  }
  for (const std::string& skipped : plan.skipped) text += fmt::format("skipped: {}\n", skipped);
  std::string last;
  for (const Cell& cell : plan.cells) {
    const std::string why =
        fmt::format("{} {}: {}", cell.transport->about.name, size_name(cell.size()), cell.unable);
    if (!cell.unable.empty() && why != last) text += fmt::format("not measured: {}\n", why);
    last = why;
  }
  return text;
}

} // namespace

std::string tables(const Plan& plan) {
  const std::vector<Band> bands = bands_of(plan);
  std::string text;
  for (const Band& band : bands) {
    if (!band.everything()) {
      text += fmt::format("\n==== the cores {:.0f} to {:.0f} ns apart: {} of the measurements\n", band.least,
                          band.most, band.runs);
    }
    text += tables(plan, band);
  }
  if (bands.size() > 1) text += "\n==== all the time\n";
  return text + limits_and_settings(plan);
}

} // namespace bench
