// SPDX-License-Identifier: BSL-1.0
//
// seqcast: channels at the shell. Each verb has its file; this one parses the command line and turns whatever a
// verb ends with into an exit status.
//
//     seqcast pub news "hello"                 publishes a message
//     seqcast sub news --from oldest           prints it
#include "console.hpp"
#include "exit_code.hpp"
#include "help.hpp"
#include "verb.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <sstream>

namespace {

using namespace cli;

void describe(CLI::App& app) {
  app.name("seqcast");
  app.description("Publish to, subscribe to and look into channels in shared memory, from the shell");
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("--version", "seqcast " SEQCAST_VERSION, "Print the version and exit");
  app.require_subcommand(1);
  app.footer(std::string{exit_codes_help()} +
             "\n\nExamples:\n"
             "  seqcast pub news hello            publish a message\n"
             "  seqcast sub news --from oldest    print what is there\n"
             "  seqcast pub --help                what else pub can do");
}

/// Nothing if the command line names a verb; otherwise how the program ends.
std::optional<Exit> parse(CLI::App& app, int argc, char** argv, Console& console) try {
  app.parse(argc, argv);
  return std::nullopt;
} catch (const CLI::Success& asked) { // --help, --version
  std::ostringstream text;
  app.exit(asked, text, text);
  console.out.print(text.str());
  return Exit::ok;
} catch (const CLI::ParseError& error) {
  const auto verbs = app.get_subcommands();
  const std::string help =
      verbs.empty() ? "seqcast --help" : "seqcast " + verbs.front()->get_name() + " --help";
  console.complain(std::string{error.what()} + " (" + help + " says more)");
  return Exit::usage;
}

Exit run(int argc, char** argv, Console& console) {
  CLI::App app;
  Action action;
  describe(app);
  add_rm(app, action);
  if (const auto ended = parse(app, argc, argv, console)) return *ended;
  return action(console);
}

/// What went wrong becomes a line on stderr and a status.
Exit run_or_complain(int argc, char** argv, Console& console) try {
  const Exit status = run(argc, argv, console);
  console.out.flush();
  return status;
} catch (const OutputClosed&) {
  return Exit::ok;
} catch (const Failure& failure) {
  console.complain(failure.what());
  return failure.status();
} catch (const std::system_error& error) {
  console.complain(error.what());
  return exit_for(error.code());
} catch (const std::exception& error) {
  console.complain(error.what());
  return Exit::failure;
}

} // namespace

int main(int argc, char** argv) {
  const Stop stop;
  Console console{stop};
  const Exit status = run_or_complain(argc, argv, console);
  console.end_progress();
  console.err.flush();
  if (status == Exit::interrupted && stop.signal() != 0) platform::end_by(stop.signal());
  return static_cast<int>(status);
}
