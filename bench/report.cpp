// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include "transports/all.hpp"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bench {

namespace {

using Json = nlohmann::json;
using Number = double (*)(const Measurement&);

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

Spread spread(const Cell& cell, Number number) {
  std::vector<double> values;
  for (const Measurement& run : cell.runs) values.push_back(number(run));
  return spread_of(values);
}

double p50(const Measurement& run) {
  return run.time.p50;
}
double p99(const Measurement& run) {
  return run.time.p99;
}
double cost_p50(const Measurement& run) {
  return run.cost.p50;
}
double million_a_second(const Measurement& run) {
  return run.rate() / 1e6;
}
double lost_percent(const Measurement& run) {
  if (run.sent == 0 || run.tallies.empty()) return 0;
  return 100 * (1 - static_cast<double>(run.tallies[0].received) / static_cast<double>(run.sent));
}
double torn_percent(const Measurement& run) {
  if (run.tallies.empty() || run.tallies[0].received == 0) return 0;
  return 100 * static_cast<double>(run.tallies[0].torn) / static_cast<double>(run.tallies[0].received);
}
double line(const Measurement& run) {
  return run.line();
}

std::vector<std::size_t> sizes_of(const Plan& plan) {
  std::vector<std::size_t> found;
  for (const std::size_t size : sizes) {
    if (std::any_of(plan.cells.begin(), plan.cells.end(),
                    [&](const Cell& cell) { return cell.size() == size; })) {
      found.push_back(size);
    }
  }
  return found;
}

/// One line for each transport, one column for each size.
std::string table(const Plan& plan, const char* title, Scenario scenario, Number number) {
  std::string text;
  const auto columns = sizes_of(plan);
  for (const Transport* transport : all) {
    std::string row;
    bool any = false;
    for (const std::size_t size : columns) {
      const Cell* cell = plan.find(*transport, size, scenario, 1);
      std::string value;
      if (cell != nullptr) {
        any = true;
        const bool moved =
            std::any_of(cell->runs.begin(), cell->runs.end(), [](const auto& run) { return run.moved; });
        value = cell->runs.empty() ? "-" : short_number(spread(*cell, number).median) + (moved ? "*" : " ");
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

std::string alone_table(const Plan& plan) {
  std::string text;
  for (const Transport* transport : all) {
    std::string row;
    for (const std::size_t size : {8U, 48U}) {
      const Cell* cell = plan.find(*transport, size, Scenario::alone, 0);
      if (cell == nullptr || cell->runs.empty()) continue;
      row += fmt::format("{:>7}: {:>5}", size_name(size),
                         short_number(spread(*cell, cost_p50).median / static_cast<double>(sends_together)));
    }
    if (!row.empty()) text += fmt::format("{:<20}{}\n", transport->about.name, row);
  }
  if (text.empty()) return text;
  return "\nthe sender's own time with nobody there, ns\n" + text;
}

std::string fan_out_table(const Plan& plan) {
  std::string text;
  for (const Transport* transport : all) {
    std::string row;
    for (const int receivers : {1, 2, 4, 8}) {
      const Cell* cell = plan.find(*transport, 48, Scenario::fan_out, receivers);
      if (cell == nullptr) continue;
      row += cell->runs.empty()
                 ? fmt::format("{:>18}", "-")
                 : fmt::format(
                       "{:>2}: {:>6} ({:>5})", receivers, short_number(spread(*cell, cost_p50).median),
                       short_number(spread(*cell, [](const Measurement& run) { return run.cost.p99; }).median));
    }
    if (!row.empty()) text += fmt::format("{:<20}{}\n", transport->about.name, row);
  }
  if (text.empty()) return text;
  return "\nthe sender's own time, ns, p50 (p99), 48 B, by number of receivers that look all the time\n" + text;
}

Json json_of(const Percentiles& times) {
  return {
      {"p50", times.p50}, {"p90", times.p90}, {"p99", times.p99}, {"p99.9", times.p999}, {"max", times.max}};
}

const char* name_of(Scenario scenario) {
  switch (scenario) {
    case Scenario::one_way:
      return "one-way";
    case Scenario::ping_pong:
      return "ping-pong";
    case Scenario::flat_out:
      return "flat out";
    case Scenario::fan_out:
      return "fan-out";
    case Scenario::alone:
      return "alone";
  }
  return "";
}

Json json_of(const Measurement& run) {
  Json made{{"line_before", run.line_before}, {"line_after", run.line_after}, {"line_moved", run.moved}};
  if (run.time.max > 0) made["time"] = json_of(run.time);
  if (run.cost.max > 0) made["cost"] = json_of(run.cost);
  if (run.sent > 0) made["sent"] = run.sent;
  if (run.rate() > 0) made["rate"] = run.rate();
  for (const Tally& tally : run.tallies) {
    made["receivers"].push_back({{"received", tally.received},
                                 {"torn", tally.torn},
                                 {"lost", tally.lost},
                                 {"disordered", tally.disordered},
                                 {"gave_up", tally.failed},
                                 {"gave_up_in_a_row", tally.most_failed},
                                 {"seconds", tally.seconds}});
  }
  return made;
}

std::ofstream created(const std::filesystem::path& path) {
  std::ofstream file{path};
  if (!file) throw std::runtime_error{"cannot write " + path.string()};
  return file;
}

/// A file for gnuplot: a block for each transport, a line for each size: size, median, least, most.
void write_data(const std::filesystem::path& path, const Plan& plan, Scenario scenario, Number number) {
  std::ofstream file = created(path);
  for (const Transport* transport : all) {
    std::string block;
    for (const std::size_t size : sizes_of(plan)) {
      const Cell* cell = plan.find(*transport, size, scenario, 1);
      if (cell == nullptr || cell->runs.empty()) continue;
      const Spread values = spread(*cell, number);
      block += fmt::format("{} {} {} {}\n", size, values.median, values.least, values.most);
    }
    if (!block.empty()) file << fmt::format("\"{}\"\n{}\n\n", transport->about.name, block);
  }
}

} // namespace

std::string tables(const Plan& plan) {
  std::string text;
  text +=
      table(plan, "one-way at a low rate, ns, p50 (* the line time moved meanwhile)", Scenario::one_way, p50);
  text += table(plan, "one-way at a low rate, ns, p99", Scenario::one_way, p99);
  text += table(plan, "one-way at a low rate: the sender's own time, ns, p50", Scenario::one_way, cost_p50);
  text += table(plan, "half a round trip, ns, p50", Scenario::ping_pong, p50);
  text += table(plan, "flat out: million messages received a second", Scenario::flat_out, million_a_second);
  text +=
      table(plan, "flat out: % of the messages sent that were not received", Scenario::flat_out, lost_percent);
  text += table(plan, "flat out: % of the messages received that were torn", Scenario::flat_out, torn_percent);
  text += alone_table(plan);
  text += fan_out_table(plan);
  text += table(plan, "line time during the one-way measurements, ns", Scenario::one_way, line);

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

std::string goals_table(const std::vector<Goal>& goals) {
  std::string text = fmt::format("\ngoals: ratios in one repetition; median, and least to most\n");
  for (const Goal& goal : goals) {
    if (!goal.known) continue;
    text +=
        fmt::format("{:<7}{:<46}{:<25}{:>6} ({} {:g})   {} to {}\n", goal.met() ? "met" : "MISSED", goal.what,
                    "/ " + goal.rival, short_number(goal.ratio.median), goal.at_most ? "<=" : ">=", goal.bound,
                    short_number(goal.ratio.least), short_number(goal.ratio.most));
  }
  return text;
}

Json to_json(const Plan& plan, const std::vector<Goal>& goals, const Choice& choice) {
  Json made{{"machine", machine_facts()}, {"repetitions", choice.repetitions}, {"quick", choice.quick}};
  for (const Cell& cell : plan.cells) {
    Json one{{"transport", cell.transport->about.name},
             {"setting", cell.transport->about.setting},
             {"scenario", name_of(cell.task.scenario)},
             {"size", cell.size()},
             {"receivers", cell.task.receivers}};
    if (!cell.unable.empty()) one["unable"] = cell.unable;
    for (const Measurement& run : cell.runs) one["runs"].push_back(json_of(run));
    made["cells"].push_back(std::move(one));
  }
  made["limits"] = {{"line", plan.limits.line}, {"fence", plan.limits.fence}};
  for (const auto& [size, values] : plan.limits.dirty_copy)
    made["limits"]["dirty_copy"][std::to_string(size)] = values;
  for (const auto& [size, values] : plan.limits.cached_copy) {
    made["limits"]["cached_copy"][std::to_string(size)] = values;
  }
  for (const Goal& goal : goals) {
    if (!goal.known) continue;
    made["goals"].push_back({{"what", goal.what},
                             {"against", goal.rival},
                             {"bound", goal.bound},
                             {"at_most", goal.at_most},
                             {"median", goal.ratio.median},
                             {"least", goal.ratio.least},
                             {"most", goal.ratio.most},
                             {"met", goal.met()}});
  }
  made["skipped"] = plan.skipped;
  return made;
}

void write_folder(const std::string& folder, const Plan& plan, const std::vector<Goal>& goals,
                  const Choice& choice) {
  const std::filesystem::path path{folder};
  std::filesystem::create_directories(path);
  created(path / "results.json") << to_json(plan, goals, choice).dump(1) << '\n';
  created(path / "table.txt") << machine_facts().dump(1) << '\n' << tables(plan) << goals_table(goals);
  write_data(path / "one_way_p50.dat", plan, Scenario::one_way, p50);
  write_data(path / "one_way_p99.dat", plan, Scenario::one_way, p99);
  write_data(path / "flat_out.dat", plan, Scenario::flat_out,
             [](const Measurement& run) { return run.rate(); });
  write_data(path / "torn.dat", plan, Scenario::flat_out, torn_percent);
  std::ofstream fan_out = created(path / "fan_out.dat");
  for (const Transport* transport : all) {
    std::string block;
    for (const int receivers : {1, 2, 4, 8}) {
      const Cell* cell = plan.find(*transport, 48, Scenario::fan_out, receivers);
      if (cell == nullptr || cell->runs.empty()) continue;
      const Spread values = spread(*cell, cost_p50);
      block += fmt::format("{} {} {} {}\n", receivers, values.median, values.least, values.most);
    }
    if (!block.empty()) fan_out << fmt::format("\"{}\"\n{}\n\n", transport->about.name, block);
  }
}

} // namespace bench
