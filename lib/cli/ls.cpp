// SPDX-License-Identifier: BSL-1.0
//
// ls: a list of all channels.
#include "channel.hpp"
#include "inspection.hpp"
#include "messages.hpp"
#include "units.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace cli {

namespace {

struct LsSettings {
  std::vector<std::string> folders;
  bool quiet = false;
  bool json = false;
};

constexpr const char* ls_help =
    "AGE is that of the newest message, for channels with timestamps. A channel that\n"
    "this version cannot read is listed with the reason; channels that this user may\n"
    "not read are left out.\n"
    "\n"
    "With --json, one object per line, with the fields of 'seqcast info --json'.\n"
    "\n"
    "Examples:\n"
    "  seqcast ls                        the channels in shared memory\n"
    "  seqcast ls . /var/lib/feeds       those, and the ones in two folders\n"
    "  seqcast ls --json | jq -r 'select(.publisher_alive | not) | .name'";

void add_row(Table& table, const seqcast::Location& location) {
  seqcast::Error error;
  const auto inspector = inspect(location, error);
  if (error == seqcast::Errc::no_channel) return; // removed meanwhile
  const Cell name{printable(to_name(location)), Style::plain};
  if (!inspector) return table.add({name, {error.code().message(), Style::red}});
  const seqcast::ChannelIdentity& identity = inspector->identity();
  const seqcast::ChannelStatus status = inspector->status();
  table.add({name,
             state_cell(status),
             {process_text(status)},
             {to_count(static_cast<double>(identity.capacity))},
             {to_bytes(identity.max_message_size)},
             {status.error ? "-" : std::to_string(status.head)},
             {to_duration(age_of_newest(status))}});
}

void print_ls_json(const seqcast::Location& location, Console& console) {
  seqcast::Error error;
  const auto inspector = inspect(location, error);
  if (error == seqcast::Errc::no_channel) return;
  console.out.print(to_line(inspector ? to_json(*inspector) : to_json(location, error)));
}

Exit list(const LsSettings& settings, Console& console) {
  std::vector<std::string> problems;
  const auto found = find_channels(settings.folders, problems);
  for (const std::string& problem : problems) console.complain(problem);
  Table table{{{"NAME"},
               {"STATE"},
               {"PROCESS", true, 0, 3},
               {"SLOTS", true, 0, 1},
               {"SIZE", true, 0, 2},
               {"HEAD", true, 0, 5},
               {"AGE", true, 0, 4}}};
  for (const seqcast::Location& location : found) {
    if (settings.json) {
      print_ls_json(location, console);
    } else if (settings.quiet) {
      const std::string name = to_name(location);
      console.out.print((console.out.terminal() ? printable(name) : name) + '\n');
    } else {
      add_row(table, location);
    }
  }
  if (!table.empty()) console.out.print(table.text(console.out));
  if (found.empty() && problems.empty() && console.err.terminal()) {
    console.note("no channels; 'seqcast pub NAME' creates one");
  }
  return problems.empty() ? Exit::ok : Exit::failure;
}

} // namespace

void add_ls(CLI::App& app, Action& action) {
  auto settings = std::make_shared<LsSettings>();
  CLI::App& verb = add_verb(app, "ls", "List channels", ls_help);
  add_folders(verb, settings->folders);
  auto* const quiet = verb.add_flag("-q,--quiet", settings->quiet, "Only the names");
  verb.add_flag("--json", settings->json, "One JSON object per line")->excludes(quiet);
  on_parsed(verb, action, [settings](Console& console) { return list(*settings, console); });
}

} // namespace cli
