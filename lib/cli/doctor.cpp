// SPDX-License-Identifier: BSL-1.0
//
// doctor: checks whether channels work on this machine, and what to do where they do not.
#include "findings.hpp"
#include "verb.hpp"

#include <algorithm>
#include <iterator>

namespace cli {

namespace {

struct DoctorSettings {
  bool json = false;
  std::string root;
};

Exit diagnose(const DoctorSettings& settings, Console& console) {
  std::vector<Finding> findings{try_channel()};
  std::ranges::move(check_system(settings.root), std::back_inserter(findings));
  return report(findings, settings.json, console);
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
