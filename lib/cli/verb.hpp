// SPDX-License-Identifier: BSL-1.0
//
// verb: how a verb is added to the command line. Each verb has a file with an add_NAME(), which main() calls.
//
//     void cli::add_rm(CLI::App& app, Action& action) {
//       auto settings = std::make_shared<RmSettings>();
//       CLI::App& verb = add_verb(app, "rm", "Remove channels", rm_help);
//       add_channel(verb, settings->channel);
//       on_parsed(verb, action, [settings](Console& console) { return remove_all(*settings, console); });
//     }
//
// A verb throws Failure, or passes on what the library throws; main() prints it. The names in a verb's file
// differ from those in the other files, so that all of them can be one translation unit.
#pragma once

#include "console.hpp"
#include "exit_code.hpp"

#include <CLI/App.hpp>
#include <functional>
#include <string>

namespace cli {

/// What the command line asks for.
using Action = std::function<Exit(Console&)>;

/// Adds a verb with its one-line description. `help` is the end of its --help: paragraphs, sections with a
/// heading that ends with a colon, and examples last.
CLI::App& add_verb(CLI::App& app, const std::string& name, const std::string& description,
                   const std::string& help);

/// Stores `verb_action` in `action` if the command line names this verb.
void on_parsed(CLI::App& verb, Action& action, Action verb_action);

void add_pub(CLI::App& app, Action& action);
void add_sub(CLI::App& app, Action& action);
void add_ls(CLI::App& app, Action& action);
void add_info(CLI::App& app, Action& action);
void add_stat(CLI::App& app, Action& action);
void add_top(CLI::App& app, Action& action);
void add_dump(CLI::App& app, Action& action);
void add_rm(CLI::App& app, Action& action);
void add_record(CLI::App& app, Action& action);
void add_replay(CLI::App& app, Action& action);
void add_check(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);

} // namespace cli
