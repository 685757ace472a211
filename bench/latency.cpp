// SPDX-License-Identifier: BSL-1.0
//
// latency: seqcast between two processes, beside the naive version, every rival that is installed, and what the
// machine allows. Start it with ./bench/run.
#include "report.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

using namespace bench;

namespace {

/// How far it is, where somebody looks.
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

int run(const Choice& choice, const std::string& json, const std::string& folder) {
  // What cannot be written is not measured first.
  if (!folder.empty()) std::filesystem::create_directories(folder);
  if (std::thread::hardware_concurrency() < 2) {
    fmt::print(stderr, "two processes need two cores; there is one\n");
    return 1;
  }
  Control& control = Control::make();
  Plan plan = make_plan(choice);
  if (plan.cells.empty()) {
    fmt::print(stderr, "nothing to measure: no transport of that name is here\n");
    return 2;
  }
  {
    Progress progress{(plan.cells.size() + 1) * static_cast<std::size_t>(choice.repetitions)};
    for (int i = 0; i < choice.repetitions; ++i) {
      progress.step("what the machine allows");
      measure_limits(plan, choice, control);
      double wanted_line = 0;
      const Cell* last = nullptr;
      for (Cell& cell : plan.cells) {
        // What is compared with each other has the same size.
        if (last == nullptr || last->size() != cell.size()) wanted_line = 0;
        last = &cell;
        progress.step(fmt::format("{}, {} bytes", cell.transport->about.name, cell.size()));
        measure(cell, control, wanted_line, choice.quick ? 2 : 4);
      }
    }
  }
  if (!folder.empty()) write_folder(folder, plan, choice);
  if (json == "-") {
    fmt::print("{}\n", to_json(plan, choice).dump(1));
    return 0;
  }
  if (!json.empty()) {
    std::ofstream file{json};
    if (!(file << to_json(plan, choice).dump(1) << '\n')) {
      fmt::print(stderr, "cannot write {}\n", json);
      return 1;
    }
  }
  const nlohmann::json facts = machine_facts();
  fmt::print("{}, {} cores{}, {}, {}\n", facts["cpu"].get<std::string>(), facts["cores"].get<int>(),
             facts["virtualised"].get<bool>() ? " (virtualised)" : "", facts["kernel"].get<std::string>(),
             facts["compiler"].get<std::string>());
  fmt::print("{}", tables(plan));
  return 0;
}

} // namespace

int main(int count, char** arguments) {
  CLI::App app{"Latency and throughput between two processes, in the same run as what it is compared with."};
  Choice choice;
  std::string json;
  std::string folder;
  int repetitions = 0;
  app.add_flag("--quick", choice.quick, "Less of everything, in under a minute");
  app.add_option("--repetitions", repetitions, "How often everything is measured, in turn (5; 1 with --quick)")
      ->check(CLI::Range(1, 100));
  app.add_option("--only", choice.only, "Transports whose name contains this")->delimiter(',');
  app.add_option("--size", choice.only_sizes, "Message sizes in bytes, of those that are measured")
      ->delimiter(',')
      ->check(CLI::IsMember({8, 48, 256, 1024, 4096, 65536, 1048576}));
  app.add_option("--json", json, "Also write everything as JSON; - is standard output, and then no table");
  app.add_option("--out", folder, "Also write JSON, tables and the data of the plots into this folder");
  CLI11_PARSE(app, count, arguments);
  choice.repetitions = repetitions > 0 ? repetitions : choice.quick ? 1 : 5;
  try {
    return run(choice, json, folder);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
