// SPDX-License-Identifier: BSL-1.0
//
// verb: how a verb joins the command line. Each has a file of its own with an add_NAME(), which main() calls.
//
//     void cli::add_rm(CLI::App& app, Action& action) {
//       auto settings = std::make_shared<Settings>();
//       CLI::App& verb = add_verb(app, "rm", "Removes a channel", "seqcast rm news    ...");
//       add_channel(verb, settings->channel);
//       on_parsed(verb, action, [settings](Console& console) { return rm(*settings, console); });
//     }
//
// A verb throws Failure, or what the library throws, for everything that went wrong; main() prints it.
#pragma once

#include "console.hpp"
#include "exit_code.hpp"

#include <CLI/App.hpp>
#include <functional>
#include <string>

namespace cli {

/// What a command line asks for.
using Action = std::function<Exit(Console&)>;

/// A verb with its one-line description and, for the end of its --help, what more there is to say: sections,
/// each with a heading that ends with a colon; examples last.
CLI::App& add_verb(CLI::App& app, const std::string& name, const std::string& description,
                   const std::string& footer);

/// `what` is to be done if the command line names this verb.
void on_parsed(CLI::App& verb, Action& action, Action what);

void add_bench(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);
void add_pub(CLI::App& app, Action& action);
void add_rm(CLI::App& app, Action& action);
void add_sub(CLI::App& app, Action& action);
void add_dump(CLI::App& app, Action& action);
void add_info(CLI::App& app, Action& action);
void add_ls(CLI::App& app, Action& action);
void add_stat(CLI::App& app, Action& action);
void add_top(CLI::App& app, Action& action);

} // namespace cli
