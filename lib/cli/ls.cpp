// SPDX-License-Identifier: BSL-1.0
//
// ls: the channels that there are.
#include "channel.hpp"
#include "look.hpp"
#include "messages.hpp"
#include "units.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace cli {

namespace {

struct Settings {
  std::vector<std::string> folders;
  bool quiet = false;
  bool json = false;
};

constexpr const char* footer =
    "AGE is that of the newest message, where messages carry their time. A channel\n"
    "that this version cannot read is listed with the reason; what this user may not\n"
    "read is left out.\n"
    "\n"
    "With --json, one object a line, with the fields of 'seqcast info --json'.\n"
    "\n"
    "Examples:\n"
    "  seqcast ls                        the channels in shared memory\n"
    "  seqcast ls . /var/lib/feeds       those, and the ones in two folders\n"
    "  seqcast ls --json | jq -r 'select(.publisher_alive | not) | .name'";

void add_row(Table& table, const seqcast::Location& location) {
  std::error_code error;
  const auto inspector = inspect(location, error);
  if (error == seqcast::Errc::no_channel) return; // it has gone meanwhile
  const Cell name{printable(to_name(location)), Style::plain};
  if (!inspector) return table.add({name, {error.message(), Style::red}});
  const seqcast::ChannelIdentity& identity = inspector->identity();
  const seqcast::ChannelStatus status = inspector->status();
  const auto age = age_of_newest(status);
  table.add({name,
             state_cell(status),
             {status.publisher_alive ? std::to_string(status.publisher_process) : "-"},
             {to_count(static_cast<double>(identity.capacity))},
             {to_bytes(identity.max_message_size)},
             {status.error ? "-" : std::to_string(status.head)},
             {age ? to_duration(*age) : "-"}});
}

void print_json(const seqcast::Location& location, Console& console) {
  std::error_code error;
  const auto inspector = inspect(location, error);
  if (error == seqcast::Errc::no_channel) return;
  console.out.print(to_line(inspector ? to_json(*inspector) : to_json(location, error)));
}

Exit list(const Settings& settings, Console& console) {
  std::vector<std::string> problems;
  const auto found = find_channels(settings.folders, problems);
  for (const std::string& problem : problems) console.complain(problem);
  Table table{
      {{"NAME"}, {"STATE"}, {"PROCESS", true}, {"SLOTS", true}, {"SIZE", true}, {"HEAD", true}, {"AGE", true}}};
  for (const seqcast::Location& location : found) {
    if (settings.json) {
      print_json(location, console);
    } else if (settings.quiet) {
      const std::string name = to_name(location);
      console.out.print((console.out.terminal() ? printable(name) : name) + '\n');
    } else {
      add_row(table, location);
    }
  }
  if (!table.empty()) console.out.print(table.text(console.out));
  if (found.empty() && problems.empty() && console.err.terminal()) {
    console.note("no channels; 'seqcast pub NAME' makes one");
  }
  return problems.empty() ? Exit::ok : Exit::failure;
}

} // namespace

void add_ls(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App& verb = add_verb(app, "ls", "List channels", footer);
  add_folders(verb, settings->folders);
  auto* const quiet = verb.add_flag("-q,--quiet", settings->quiet, "Names alone");
  verb.add_flag("--json", settings->json, "One JSON object a line")->excludes(quiet);
  on_parsed(verb, action, [settings](Console& console) { return list(*settings, console); });
}

} // namespace cli
