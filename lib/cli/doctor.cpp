// SPDX-License-Identifier: BSL-1.0
//
// doctor: checks whether channels work on this machine, and what to do where they do not.
#include "findings.hpp"
#include "help.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>

namespace cli {

namespace {

constexpr std::size_t finding_column = 22;

struct DoctorSettings {
  bool json = false;
  std::string root;
};

Style style_of(Grade grade) {
  switch (grade) {
    case Grade::good:
      return Style::green;
    case Grade::note:
      return Style::blue;
    case Grade::warning:
      return Style::yellow;
    case Grade::problem:
      return Style::red;
  }
  return Style::plain;
}

void print_finding(const Finding& finding, Stream& out) {
  // Padded before it is painted: escape sequences have no width.
  const std::string grade = fmt::format("{:<8}", to_string(finding.grade));
  out.print(fmt::format("{} {:<12} {}\n", out.paint(style_of(finding.grade), grade), finding.subject,
                        wrapped(finding.found, finding_column)));
  if (finding.advice.empty()) return;
  out.print(fmt::format("{:{}}{}\n", "", finding_column, wrapped(finding.advice, finding_column)));
}

std::string findings_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    all.push_back({{"grade", to_string(finding.grade)},
                   {"subject", finding.subject},
                   {"found", finding.found},
                   {"advice", finding.advice}});
  }
  return all.dump(1) + '\n';
}

Exit diagnose(const DoctorSettings& settings, Console& console) {
  std::vector<Finding> findings{try_channel()};
  std::ranges::move(check_system(settings.root), std::back_inserter(findings));
  const auto problems = std::ranges::count(findings, Grade::problem, &Finding::grade);
  if (settings.json) {
    console.out.print(findings_json(findings));
  } else {
    for (const Finding& finding : findings) print_finding(finding, console.out);
  }
  return problems == 0 ? Exit::ok : Exit::failure;
}

constexpr const char* doctor_help =
    "doctor publishes a message and receives it. It checks the size and permissions\n"
    "of /dev/shm, systemd's RemoveIPC, and what makes messages slow: processors,\n"
    "clock, frequency, kernel, swap. Each warning has advice on what to do.\n"
    "\n"
    "It ends with 1 if there is a problem that prevents channels from working.\n"
    "\n"
    "Examples:\n"
    "  seqcast doctor               for people\n"
    "  seqcast doctor --json        for a program";

} // namespace

void add_doctor(CLI::App& app, Action& action) {
  auto settings = std::make_shared<DoctorSettings>();
  CLI::App& verb = add_verb(app, "doctor", "Check whether this machine is fit for channels", doctor_help);
  verb.add_flag("--json", settings->json, "A JSON array with an object for each finding");
  verb.add_option("--root", settings->root, "Check the system whose files are below this folder")
      ->option_text("FOLDER");
  on_parsed(verb, action, [settings](Console& console) { return diagnose(*settings, console); });
}

} // namespace cli
