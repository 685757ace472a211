// SPDX-License-Identifier: BSL-1.0
//
// results: the files that --json and --out write.
#include "figures.hpp"
#include "machine.hpp"
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

Json json_of(const Machine& machine) {
  return {{"cpu", machine.cpu},
          {"cores", machine.cores},
          {"caches", machine.caches},
          {"stamps_per_ns", stamps_per_ns()},
          {"virtualised", machine.virtualised},
          {"governor", machine.governor},
          {"kernel", machine.kernel},
          {"architecture", machine.architecture},
          {"compiler", machine.compiler},
          {"flags", machine.flags},
          {"commit", machine.commit}};
}

/// Without the percentiles that there are too few samples for.
Json json_of(const Histogram& times) {
  Json json{{"samples", times.count()}, {"p50", times.median()}, {"max", times.max()}};
  for (const auto& [name, part] :
       {std::pair{"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}}) {
    if (const auto value = times.percentile(part)) json[name] = *value;
  }
  return json;
}

const char* name_of(Scenario scenario) {
  switch (scenario) {
    case Scenario::one_way:
      return "one-way";
    case Scenario::one_way_used:
      return "one-way, every word";
    case Scenario::ping_pong:
      return "ping-pong";
    case Scenario::flat_out:
      return "flat out";
    case Scenario::fan_out:
      return "fan-out";
    case Scenario::no_receiver:
      return "no receiver";
  }
  return "";
}

Json json_of(const Measurement& run) {
  Json json{{"line_before", run.line_before}, {"line_after", run.line_after}, {"line_moved", run.line_changed}};
  if (run.latency.count() > 0) json["time"] = json_of(run.latency);
  if (run.send_time.count() > 0) json["cost"] = json_of(run.send_time);
  if (run.sent > 0) json["sent"] = run.sent;
  if (run.sender_cpu_ns > 0) json["cpu_ns"] = run.sender_cpu_ns;
  if (run.joules) json["joules"] = *run.joules;
  if (run.rate() > 0) json["rate"] = run.rate();
  for (const Counts& counts : run.counts) {
    json["receivers"].push_back({{"received", counts.received},
                                 {"torn", counts.torn},
                                 {"lost", counts.lost},
                                 {"disordered", counts.disordered},
                                 {"cpu_ns", counts.cpu_ns},
                                 {"seconds", counts.seconds}});
  }
  return json;
}

Json json_of(const Goal& goal) {
  return {{"what", goal.what},         {"against", goal.rival},         {"bound", goal.bound},
          {"at_most", goal.at_most},   {"difference", goal.difference}, {"median", goal.reached.median},
          {"least", goal.reached.min}, {"most", goal.reached.max},      {"met", goal.met()}};
}

Json json_of(const Plan& plan) {
  Json json{{"name", plan.placement.name},
            {"processors", plan.placement.cpus},
            {"limits", {{"line", plan.limits.line_time}, {"fence", plan.limits.fence}}}};
  for (const Cell& cell : plan.cells) {
    const Description& about = cell.transport->about;
    Json entry{{"transport", about.name},
               {"setting", about.setting},
               {"may_tear", about.may_tear},
               {"lossless", about.lossless},
               {"scenario", name_of(cell.task.scenario)},
               {"size", cell.size},
               {"receivers", cell.task.receivers}};
    if (!cell.skip_reason.empty()) entry["skip_reason"] = cell.skip_reason;
    for (const Measurement& run : cell.runs) entry["runs"].push_back(json_of(run));
    json["cells"].push_back(std::move(entry));
  }
  for (const auto& [size, values] : plan.limits.dirty_copy) {
    json["limits"]["dirty_copy"][std::to_string(size)] = values;
  }
  for (const auto& [size, values] : plan.limits.cached_copy) {
    json["limits"]["cached_copy"][std::to_string(size)] = values;
  }
  for (const Band& band : bands_of(plan)) {
    for (const Goal& goal : goals_of(plan, band)) {
      if (!goal.measured) continue;
      json["goals"].push_back(json_of(goal));
      if (!band.unlimited()) json["goals"].back()["line"] = {band.min, band.max};
    }
  }
  return json;
}

std::ofstream create(const std::filesystem::path& path) {
  std::ofstream file{path};
  if (!file) throw std::runtime_error{"cannot write " + path.string()};
  return file;
}

/// A file for gnuplot: a block for each transport; in it, for each x that `cell_of(transport, x)` has
/// measurements for, a line of x, median, min, max.
template <class Xs, class CellOf>
void write_blocks(const std::filesystem::path& path, const Xs& xs, const Band& band, Figure figure,
                  const CellOf& cell_of) {
  std::ofstream file = create(path);
  for (const Transport* transport : all) {
    std::string block;
    for (const auto x : xs) {
      const Cell* cell = cell_of(*transport, x);
      const auto values = cell == nullptr ? std::nullopt : spread(*cell, figure, band);
      if (values) block += fmt::format("{} {} {} {}\n", x, values->median, values->min, values->max);
    }
    if (!block.empty()) file << fmt::format("\"{}\"\n{}\n\n", transport->about.name, block);
  }
}

} // namespace

Json to_json(const Results& results) {
  Json json{{"machine", json_of(this_machine())},
            {"repetitions", results.options.repetitions},
            {"quick", results.options.quick},
            {"line_times", {{"processors", results.line_times.cpus}, {"ns", results.line_times.ns}}},
            {"skipped", results.plans.front().skipped}};
  for (const Plan& plan : results.plans) json["placements"].push_back(json_of(plan));
  return json;
}

void write_folder(const std::string& folder, const Results& results) {
  const std::filesystem::path path{folder};
  std::filesystem::create_directories(path);
  create(path / "results.json") << to_json(results).dump(1) << '\n';
  create(path / "table.txt") << json_of(this_machine()).dump(1) << '\n' << tables(results);
  const LineTimes& times = results.line_times;
  if (times.cpus.size() > 2) {
    std::ofstream file = create(path / "line_times.dat");
    for (std::size_t i = 0; i < times.cpus.size(); ++i) {
      for (std::size_t k = 0; k < times.cpus.size(); ++k) {
        file << fmt::format("{} {} {}\n", times.cpus[i], times.cpus[k],
                            i == k ? "nan" : fmt::format("{}", times.ns[i][k]));
      }
      file << '\n';
    }
  }
  for (const Plan& plan : results.plans) {
    const std::filesystem::path of_plan = results.plans.size() == 1 ? path : path / plan.placement.name;
    std::filesystem::create_directories(of_plan);
    const Band band = bands_of(plan).front(); // the plots show the fullest
    const auto write_by_size = [&](const char* name, Scenario scenario, Figure figure) {
      write_blocks(of_plan / name, plan.sizes(), band, figure,
                   [&](const Transport& transport, std::size_t size) {
                     return plan.find(transport, size, scenario, 1);
                   });
    };
    write_by_size("one_way_p50.dat", Scenario::one_way, p50);
    write_by_size("one_way_p99.dat", Scenario::one_way, p99);
    write_by_size("flat_out.dat", Scenario::flat_out, rate);
    write_by_size("line.dat", Scenario::one_way, line_time);
    write_by_size("torn.dat", Scenario::flat_out, torn_percent);
    write_blocks(of_plan / "fan_out.dat", fan_out_receivers(plan.placement), band, send_p50,
                 [&](const Transport& transport, int receivers) {
                   return plan.find(transport, 48, Scenario::fan_out, receivers);
                 });
  }
}

} // namespace bench
