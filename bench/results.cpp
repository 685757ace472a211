// SPDX-License-Identifier: BSL-1.0
//
// results: what is written into files, for programs and for the plots.
#include "figures.hpp"
#include "report.hpp"
#include "transports/all.hpp"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bench {

using namespace figures;

namespace {

using Json = nlohmann::json;

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
void write_data(const std::filesystem::path& path, const Plan& plan, const Band& band, Scenario scenario,
                Number number) {
  std::ofstream file = created(path);
  for (const Transport* transport : all) {
    std::string block;
    for (const std::size_t size : plan.sizes()) {
      const Cell* cell = plan.find(*transport, size, scenario, 1);
      const auto values = cell == nullptr ? std::nullopt : spread(*cell, number, band);
      if (values) block += fmt::format("{} {} {} {}\n", size, values->median, values->least, values->most);
    }
    if (!block.empty()) file << fmt::format("\"{}\"\n{}\n\n", transport->about.name, block);
  }
}

} // namespace

Json to_json(const Plan& plan, const Choice& choice) {
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
  for (const Band& band : bands_of(plan)) {
    for (const Goal& goal : goals_of(plan, band)) {
      if (!goal.known) continue;
      made["goals"].push_back({{"what", goal.what},
                               {"against", goal.rival},
                               {"bound", goal.bound},
                               {"at_most", goal.at_most},
                               {"median", goal.ratio.median},
                               {"least", goal.ratio.least},
                               {"most", goal.ratio.most},
                               {"met", goal.met()}});
      if (!band.everything()) made["goals"].back()["line"] = {band.least, band.most};
    }
  }
  made["skipped"] = plan.skipped;
  return made;
}

void write_folder(const std::string& folder, const Plan& plan, const Choice& choice) {
  const std::filesystem::path path{folder};
  std::filesystem::create_directories(path);
  created(path / "results.json") << to_json(plan, choice).dump(1) << '\n';
  created(path / "table.txt") << machine_facts().dump(1) << '\n' << tables(plan);
  const Band band = bands_of(plan).front(); // one plot shows one distance of the cores
  write_data(path / "one_way_p50.dat", plan, band, Scenario::one_way, p50);
  write_data(path / "one_way_p99.dat", plan, band, Scenario::one_way, p99);
  write_data(path / "flat_out.dat", plan, band, Scenario::flat_out, rate);
  write_data(path / "line.dat", plan, band, Scenario::one_way, line);
  write_data(path / "torn.dat", plan, band, Scenario::flat_out, torn_percent);
  std::ofstream fan_out = created(path / "fan_out.dat");
  for (const Transport* transport : all) {
    std::string block;
    for (const int receivers : {1, 2, 4, 8}) {
      const Cell* cell = plan.find(*transport, 48, Scenario::fan_out, receivers);
      const auto values = cell == nullptr ? std::nullopt : spread(*cell, cost_p50, band);
      if (values) block += fmt::format("{} {} {} {}\n", receivers, values->median, values->least, values->most);
    }
    if (!block.empty()) fan_out << fmt::format("\"{}\"\n{}\n\n", transport->about.name, block);
  }
}

} // namespace bench
