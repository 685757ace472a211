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

void measure_all(Plan& plan, const Options& options) {
  const SharedRegion region{sizeof(Control)};
  Control& control = Control::make_in(region);
  Progress progress{(plan.cells.size() + 1) * static_cast<std::size_t>(options.repetitions)};
  for (int i = 0; i < options.repetitions; ++i) {
    progress.step("limits of the machine");
    measure_limits(plan, options, control);
    double reference_line_time = 0;
    const Cell* last = nullptr;
    for (Cell& cell : plan.cells) {
      // Only cells of the same size are compared with each other.
      if (last == nullptr || last->size() != cell.size()) reference_line_time = 0;
      last = &cell;
      progress.step(fmt::format("{}, {} bytes", cell.transport->about.name, cell.size()));
      measure(cell, control, reference_line_time, options.quick ? 2 : 4);
    }
  }
}

int run(const Options& options, const std::string& json, const std::string& folder) {
  // Before the measurements: it may fail.
  if (!folder.empty()) std::filesystem::create_directories(folder);
  const Machine machine = this_machine();
  if (machine.cores < 2) {
    fmt::print(stderr, "this needs two cores; there is one\n");
    return 1;
  }
  Plan plan = make_plan(options);
  if (plan.cells.empty()) {
    fmt::print(stderr, "nothing to measure: no transport of that name was built\n");
    return 2;
  }
  measure_all(plan, options);
  if (!folder.empty()) write_folder(folder, plan, options);
  if (json == "-") {
    fmt::print("{}\n", to_json(plan, options).dump(1));
    return 0;
  }
  if (!json.empty()) {
    std::ofstream file{json};
    if (!(file << to_json(plan, options).dump(1) << '\n')) {
      fmt::print(stderr, "cannot write {}\n", json);
      return 1;
    }
  }
  fmt::print("{}\n{}", to_string(machine), tables(plan));
  return 0;
}

} // namespace

int main(int count, char** arguments) {
  CLI::App app{"Latency and throughput between two processes, beside the naive version and the rivals."};
  Options options;
  std::string json;
  std::string folder;
  int repetitions = 0;
  app.add_flag("--quick", options.quick, "Fewer messages and cells: less than a minute");
  app.add_option("--repetitions", repetitions, "How often everything is measured, in turn (5; 1 with --quick)")
      ->check(CLI::Range(1, 100));
  app.add_option("--only", options.only, "Transports whose name contains this")->delimiter(',');
  app.add_option("--size", options.only_sizes, "Message sizes in bytes, of those that are measured")
      ->delimiter(',')
      ->check(CLI::IsMember({8, 48, 256, 1024, 4096, 65536, 1048576}));
  app.add_option("--json", json, "Also write all measurements as JSON; -: to standard output, without tables");
  app.add_option("--out", folder, "Also write JSON, tables and the data of the plots into this folder");
  CLI11_PARSE(app, count, arguments);
  options.repetitions = repetitions > 0 ? repetitions : options.quick ? 1 : 5;
  try {
    return run(options, json, folder);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
