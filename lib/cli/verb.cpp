// SPDX-License-Identifier: BSL-1.0
#include "verb.hpp"

namespace cli {

CLI::App& add_verb(CLI::App& app, const std::string& name, const std::string& description,
                   const std::string& footer) {
  CLI::App* const verb = app.add_subcommand(name, description);
  verb->footer(footer);
  verb->group("Verbs");
  return *verb;
}

void on_parsed(CLI::App& verb, Action& action, Action what) {
  verb.callback([&action, what = std::move(what)] { action = what; });
}

} // namespace cli
