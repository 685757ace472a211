// SPDX-License-Identifier: BSL-1.0
#include "verb.hpp"

namespace cli {

CLI::App& add_verb(CLI::App& app, const std::string& name, const std::string& description,
                   const std::string& help) {
  CLI::App* const verb = app.add_subcommand(name, description);
  verb->footer(help);
  verb->group("Verbs");
  return *verb;
}

void on_parsed(CLI::App& verb, Action& action, Action verb_action) {
  verb.callback([&action, verb_action = std::move(verb_action)] { action = verb_action; });
}

} // namespace cli
