// SPDX-License-Identifier: BSL-1.0
//
// latency: seqcast between two processes, beside the naive version, every rival that is installed, and the
// limits of the machine. Start it with ./bench/run.
#include "machine.hpp"
#include "report.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

using namespace bench;

namespace {

/// Shows how much is done, where the standard error is a terminal.
class Progress {
 public:
  explicit Progress(std::size_t steps) : steps_{steps} {}
  void step(const std::string& what) {
    ++done_;
    if (!shown_) return;
    fmt::print(stderr, "\r{:3} %  {:<60}", 100 * done_ / steps_, what.substr(0, 60));
    std::fflush(stderr);
  }
  ~Progress() {
    if (shown_) fmt::print(stderr, "\r{:70}\r", "");
  }

 private:
  std::size_t steps_;
  std::size_t done_ = 0;
  bool shown_ = ::isatty(STDERR_FILENO) != 0;
};

void measure_all(std::deque<Plan>& plans, const Options& options) {
  std::size_t cells = 0;
  for (const Plan& plan : plans) cells += plan.cells.size() + 1;
  Progress progress{cells * static_cast<std::size_t>(options.repetitions)};
  const SharedRegion region{sizeof(Control)};
  for (int i = 0; i < options.repetitions; ++i) {
    for (Plan& plan : plans) {
      Control& control = Control::make_in(region, plan.placement.cpus);
      progress.step("limits of the machine");
      measure_limits(plan, options, control);
      double reference_line_time = 0;
      const Cell* last = nullptr;
      for (Cell& cell : plan.cells) {
        // Only cells of the same size are compared with each other.
        if (last == nullptr || last->size != cell.size) reference_line_time = 0;
        last = &cell;
        progress.step(fmt::format("{}, {} bytes", cell.transport->about.name, cell.size));
        measure(cell, control, plan.placement.cpus, reference_line_time, options);
      }
    }
  }
}

int run(Options& options, const std::string& placement, const std::string& json, const std::string& folder) {
  // Before the measurements: it may fail.
  if (!folder.empty()) std::filesystem::create_directories(folder);
  Results results;
  results.line_times = measure_line_times();
  if (results.line_times.cpus.size() < 2) {
    fmt::print(stderr, "this needs two processors; this process may use one\n");
    return 1;
  }
  const std::vector<Placement> placements = choose_placements(results.line_times, placement);
  // The same time for two placements as for one.
  if (options.repetitions == 0) options.repetitions = options.quick ? 1 : placements.size() > 1 ? 3 : 5;
  results.options = options;
  for (const Placement& chosen : placements) results.plans.push_back(make_plan(chosen, options));
  if (results.plans[0].cells.empty()) {
    fmt::print(stderr, "nothing to measure: no transport of that name was built\n");
    return 2;
  }
  measure_all(results.plans, options);
  if (!folder.empty()) write_folder(folder, results);
  if (json == "-") {
    fmt::print("{}\n", to_json(results).dump(1));
    return 0;
  }
  if (!json.empty()) {
    std::ofstream file{json};
    if (!(file << to_json(results).dump(1) << '\n')) {
      fmt::print(stderr, "cannot write {}\n", json);
      return 1;
    }
  }
  fmt::print("{}\n{}", to_string(this_machine()), tables(results));
  return 0;
}

} // namespace

int main(int count, char** arguments) {
  CLI::App app{"Latency and throughput between two processes, beside the naive version and the rivals."};
  Options options;
  std::string json;
  std::string folder;
  std::string placement = "both";
  options.repetitions = 0;
  app.add_flag("--quick", options.quick, "Fewer messages and cells: less than a minute");
  app.add_option("--repetitions", options.repetitions,
                 "How often all is measured, in turn (5; with two placements "
                 "3 each; 1 with --quick)")
      ->check(CLI::Range(1, 100));
  app.add_option("--only", options.only, "Transports whose name contains this")->delimiter(',');
  app.add_option("--size", options.only_sizes, "Message sizes in bytes, of those that are measured")
      ->delimiter(',')
      ->check(CLI::IsMember({8, 48, 256, 1024, 4096, 65536, 1048576}));
  app.add_option("--placement", placement, "Of the processes, on more than two processors: near, far or both")
      ->check(CLI::IsMember({"near", "far", "both"}))
      ->capture_default_str();
  app.add_option("--ring", options.ring_bytes, "Bytes of every ring, instead of each transport's own setting");
  app.add_option("--json", json, "Also write all measurements as JSON; -: to standard output, without tables");
  app.add_option("--out", folder, "Also write JSON, tables and the data of the plots into this folder");
  CLI11_PARSE(app, count, arguments);
  try {
    return run(options, placement, json, folder);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
