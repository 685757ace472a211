// SPDX-License-Identifier: BSL-1.0
//
// info: all properties of one channel.
#include "channel.hpp"
#include "fields.hpp"
#include "inspection.hpp"
#include "messages.hpp"
#include "recorded_output.hpp"
#include "units.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace cli {

namespace {

struct InfoSettings {
  ChannelName channel;
  bool json = false;
};

constexpr const char* info_help =
    "Fields of --json, in this order; later versions may append more:\n"
    "  name, location            as typed; \"file\" or \"shared_memory\"\n"
    "  state                     \"live\", \"no publisher\", \"closed\", \"superseded\"\n"
    "  publisher_alive           whether a process holds the publisher's lock\n"
    "  publisher_process         its id, or the last one's, in its own namespace\n"
    "  epoch, first_sequence     publishers so far; what the last one began with;\n"
    "                            null if that changes all the time\n"
    "  head, oldest              newest message, first that can be read; or null\n"
    "  age_ns                    of the newest message; null without timestamps\n"
    "  created_at                UTC; null where the file system does not store it\n"
    "  id                        random, of the region; a mirror has its origin's\n"
    "  capacity                  slots\n"
    "  max_message_size, message_alignment\n"
    "                            bytes\n"
    "  timestamps                whether messages carry their publish time\n"
    "  wakeup                    how subscribers that sleep are woken: \"bell\",\n"
    "                            \"every message\", or \"polling\": not at all\n"
    "  bell_found                whether the bell's file exists\n"
    "  copy_behind               whether subscribers may read unfinished messages\n"
    "  gaps                      whether numbers may be left out\n"
    "  mirror                    whether it mirrors a channel of another machine\n"
    "  unknown_flags             of a newer seqcast\n"
    "  schema_name, schema_tag   of a channel with a schema; \"\" and 0\n"
    "  schema_format             its format string of PEP 3118\n"
    "  format_version, region_size, slots_offset, slot_stride, payload_offset\n"
    "                            numbers of the format; bytes\n"
    "  error                     null, or why the channel is damaged or truncated\n"
    "  fields                    of a message: name, type, offset, size of one\n"
    "                            element, shape, and fields of a structure\n"
    "  reliable_subscribers      of each process, cursor (the last message that it\n"
    "                            has reported as read), lag (messages behind), and\n"
    "                            state: \"waited for\", \"demoted\" or \"dead\"\n"
    "\n"
    "A damaged channel is an error (exit status 1); one without a publisher is not.\n"
    "\n"
    "Where NAME is a recording, a file that 'seqcast record' made, info shows what is in\n"
    "it. Its --json has file, size, complete, messages, start_ns and end_ns (since 1970),\n"
    "chunks, uncompressed_size, compressed_size, compression, program, and channels: of\n"
    "each name, location, before, recorded, lost and head (before + recorded + lost is\n"
    "head), encoding, and the properties that it had. One that is incomplete gives 1.\n"
    "\n"
    "Examples:\n"
    "  seqcast info news\n"
    "  seqcast info run.mcap\n"
    "  seqcast info ./quotes.dat --json | jq .head";

std::string location_text(const seqcast::Inspector& inspector) {
  const seqcast::ChannelIdentity& identity = inspector.identity();
  const bool file = inspector.location().kind() == seqcast::Location::Kind::file;
  std::string text = fmt::format("{}, {}", file ? "file" : "shared memory", to_bytes(identity.region_size));
  if (!identity.created_at) return text;
  return text + ", created " + to_age(std::chrono::system_clock::now() - *identity.created_at);
}

std::string publisher_text(const seqcast::ChannelStatus& status) {
  return fmt::format("{}process {}", status.publisher_alive ? "" : "none; the last one was ",
                     status.publisher_process);
}

std::string epoch_text(const seqcast::ChannelStatus& status) {
  if (!status.epoch) return "changes all the time";
  return fmt::format("{}, from message {} on", status.epoch->number, status.epoch->first_sequence);
}

std::string messages_text(const seqcast::ChannelStatus& status) {
  if (status.head == 0) return "none yet";
  if (status.oldest > status.head) return fmt::format("{}, none of which can be read any more", status.head);
  return fmt::format("{}, of which {} to {} can be read", status.head, status.oldest, status.head);
}

std::string flags_text(const seqcast::ChannelIdentity& identity) {
  std::vector<std::string> flags;
  if (identity.timestamps) flags.emplace_back("timestamps");
  if (identity.copy_behind) flags.emplace_back("copy_behind");
  if (identity.gaps) flags.emplace_back("gaps");
  if (identity.mirror) flags.emplace_back("mirror");
  if (identity.unknown_flags != 0) flags.push_back(fmt::format("unknown {:#x}", identity.unknown_flags));
  return flags.empty() ? "none" : fmt::format("{}", fmt::join(flags, ", "));
}

std::string wakeup_text(const seqcast::ChannelIdentity& identity, const seqcast::ChannelStatus& status) {
  switch (identity.wakeup) {
    case seqcast::Wakeup::every_message:
      return "every message wakes the subscribers that sleep";
    case seqcast::Wakeup::bell:
      return status.bell_found ? "bell" : "bell, but its file is missing: subscribers poll";
    case seqcast::Wakeup::polling:
      break;
  }
  return "none: subscribers poll";
}

void print_info(const seqcast::Inspector& inspector, Console& console) {
  const seqcast::ChannelIdentity& identity = inspector.identity();
  const seqcast::ChannelStatus status = inspector.status();
  const Cell state = state_cell(status);
  console.out.print(console.out.paint(Style::bold, printable(to_name(inspector.location()))) + '\n');
  console.field("location", location_text(inspector));
  console.field("state", console.out.paint(state.style, state.text));
  console.field("publisher", publisher_text(status));
  console.field("epoch", epoch_text(status));
  if (!status.error) console.field("messages", messages_text(status));
  if (const auto age = age_of_newest(status)) console.field("newest", "published " + to_age(*age));
  console.field("slots", fmt::format("{}, {} each", identity.capacity, to_bytes(identity.slot_stride)));
  console.field("size", fmt::format("messages up to {} bytes, aligned to {}", identity.max_message_size,
                                    identity.message_alignment));
  console.field("flags", flags_text(identity));
  console.field("wakeup", wakeup_text(identity, status));
  for (const seqcast::ReliableSubscription& one : inspector.reliable_subscribers()) {
    const Cell one_state = state_cell(one);
    console.field("reliable", fmt::format("process {}, {} behind, {}", one.process, plural(one.lag, "message"),
                                          console.out.paint(one_state.style, one_state.text)));
  }
  if (identity.schema_tag != 0 || !identity.schema_name.empty()) {
    console.field("schema",
                  fmt::format("{}, tag {:016x}", printable(identity.schema_name), identity.schema_tag));
  }
  console.field("id", fmt::format("{:016x}", identity.id));
  console.field("format", fmt::format("version {}", identity.format_version));
  const seqcast::Schema schema = inspector.schema();
  if (!schema.problem().empty()) {
    console.field("fields", "cannot be read: " + printable(schema.problem()));
  } else if (!schema.fields().empty()) {
    console.out.print('\n' + field_table(schema).text(console.out));
  }
}

Exit info(const InfoSettings& settings, Console& console) {
  if (is_recording(settings.channel)) return info_recording(settings.channel.name, settings.json, console);
  const seqcast::Inspector inspector = inspect(settings.channel.location());
  if (settings.json) {
    console.out.print(to_line(to_json(inspector)));
  } else {
    print_info(inspector, console);
  }
  const std::error_code error = inspector.status().error;
  if (!error) return Exit::ok;
  const bool damaged = error == seqcast::Errc::damaged;
  console.complain(to_name(inspector.location()) + (damaged ? " is a damaged channel" : " was truncated"));
  return Exit::failure;
}

} // namespace

void add_info(CLI::App& app, Action& action) {
  auto settings = std::make_shared<InfoSettings>();
  CLI::App& verb = add_verb(app, "info", "Show all properties of a channel", info_help);
  add_channel(verb, settings->channel);
  verb.add_flag("--json", settings->json, "One JSON object");
  on_parsed(verb, action, [settings](Console& console) { return info(*settings, console); });
}

} // namespace cli
