// SPDX-License-Identifier: BSL-1.0
//
// doctor: says whether channels work here, what is in their way, and what to do about it.
#include "findings.hpp"
#include "help.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>

namespace cli {

namespace {

constexpr std::size_t text_column = 22;

struct Settings {
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

void print(const Finding& finding, Stream& out) {
  // Padded before it is painted: escape sequences have no width.
  const std::string grade = fmt::format("{:<8}", to_string(finding.grade));
  out.print(fmt::format("{} {:<12} {}\n", out.paint(style_of(finding.grade), grade), finding.subject,
                        wrapped(finding.found, text_column)));
  if (finding.advice.empty()) return;
  out.print(fmt::format("{:{}}{}\n", "", text_column, wrapped(finding.advice, text_column)));
}

std::string to_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    all.push_back({{"grade", to_string(finding.grade)},
                   {"subject", finding.subject},
                   {"found", finding.found},
                   {"advice", finding.advice}});
  }
  return all.dump(1) + '\n';
}

Exit examine_all(const Settings& settings, Console& console) {
  std::vector<Finding> findings{trial()};
  std::ranges::move(examine(settings.root), std::back_inserter(findings));
  const auto problems = std::ranges::count(findings, Grade::problem, &Finding::grade);
  if (settings.json) {
    console.out.print(to_json(findings));
  } else {
    for (const Finding& finding : findings) print(finding, console.out);
  }
  return problems == 0 ? Exit::ok : Exit::failure;
}

constexpr const char* footer =
    "It publishes one message to itself, and looks at the size and permissions of\n"
    "/dev/shm, at systemd's RemoveIPC, and at what makes messages slow: processors,\n"
    "clock, frequency, swap, huge pages. A warning is followed by what to do.\n"
    "\n"
    "It ends with 1 if there is a problem that keeps channels from working.\n"
    "\n"
    "Examples:\n"
    "  seqcast doctor               is all well here?\n"
    "  seqcast doctor --json        the same for a program";

} // namespace

void add_doctor(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App& verb = add_verb(app, "doctor", "Examine this machine, and say what to do", footer);
  verb.add_flag("--json", settings->json, "An array with an object for each finding");
  verb.add_option("--root", settings->root, "Look at the system whose files are below this folder")
      ->option_text("FOLDER");
  on_parsed(verb, action, [settings](Console& console) { return examine_all(*settings, console); });
}

} // namespace cli
