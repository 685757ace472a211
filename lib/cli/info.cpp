// SPDX-License-Identifier: BSL-1.0
//
// info: all there is to know about one channel.
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
  ChannelName channel;
  bool json = false;
};

constexpr const char* footer =
    "Fields of --json, in this order; further ones may follow:\n"
    "  name, location            as typed; \"file\" or \"shared_memory\"\n"
    "  state                     \"live\", \"no publisher\", \"closed\", \"superseded\"\n"
    "  publisher_alive           whether a process holds the publisher's lock\n"
    "  publisher_process         its id, or the last one's, in its own namespace\n"
    "  epoch, first_sequence     publishers so far; what the last one began with\n"
    "  head, oldest              newest message, first that can be read; or null\n"
    "  age_ns                    of the newest message; null without timestamps\n"
    "  created_at                UTC; null where the file system does not keep it\n"
    "  capacity                  slots\n"
    "  max_message_size, message_alignment\n"
    "                            bytes\n"
    "  timestamps, doorbell, wake_always, copy_behind\n"
    "                            what the channel was made with\n"
    "  bell_found                whether its bell is there\n"
    "  unknown_flags             of a newer seqcast\n"
    "  schema_name, schema_tag   of a typed channel; \"\" and 0\n"
    "  format_version, region_size, slots_offset, slot_stride, payload_offset\n"
    "                            the format's own numbers; bytes\n"
    "  error                     null, or why the channel is damaged or truncated\n"
    "\n"
    "A damaged channel is an error (exit status 1); one without a publisher is not.\n"
    "\n"
    "Examples:\n"
    "  seqcast info news\n"
    "  seqcast info ./quotes.dat --json | jq .head";

class Page {
 public:
  explicit Page(Console& console) : out_{console.out} {}

  void line(std::string_view what, const std::string& text) {
    out_.print(fmt::format("  {}  {}\n", out_.paint(Style::dim, fmt::format("{:<9}", what)), text));
  }

 private:
  Stream& out_;
};

std::string ago(std::chrono::nanoseconds age) {
  return to_duration(std::max(age, std::chrono::nanoseconds{0})) + " ago";
}

std::string where_text(const seqcast::Inspector& inspector) {
  const seqcast::ChannelIdentity& identity = inspector.identity();
  const bool file = inspector.location().kind() == seqcast::Location::Kind::file;
  std::string text = fmt::format("{}, {}", file ? "file" : "shared memory", to_bytes(identity.region_size));
  if (!identity.created_at) return text;
  return text + ", made " + ago(std::chrono::system_clock::now() - *identity.created_at);
}

std::string publisher_text(const seqcast::ChannelStatus& status) {
  return fmt::format("{}process {}", status.publisher_alive ? "" : "none; the last was ",
                     status.publisher_process);
}

std::string messages_text(const seqcast::ChannelStatus& status) {
  if (status.head == 0) return "none yet";
  if (status.oldest > status.head) return fmt::format("{}, of which none can be read any more", status.head);
  return fmt::format("{}, of which {} to {} can be read", status.head, status.oldest, status.head);
}

std::string flags_text(const seqcast::ChannelIdentity& identity) {
  std::vector<std::string> flags;
  if (identity.timestamps) flags.emplace_back("timestamps");
  if (identity.doorbell) flags.emplace_back("doorbell");
  if (identity.wake_always) flags.emplace_back("wake_always");
  if (identity.copy_behind) flags.emplace_back("copy_behind");
  if (identity.unknown_flags != 0) flags.push_back(fmt::format("unknown {:#x}", identity.unknown_flags));
  return flags.empty() ? "none" : fmt::format("{}", fmt::join(flags, ", "));
}

std::string waking_text(const seqcast::ChannelIdentity& identity, const seqcast::ChannelStatus& status) {
  if (identity.wake_always) return "by every message";
  if (!identity.doorbell) return "not at all: subscribers poll";
  return status.bell_found ? "by the bell" : "not at all: the bell is missing, subscribers poll";
}

void print_page(const seqcast::Inspector& inspector, Console& console) {
  const seqcast::ChannelIdentity& identity = inspector.identity();
  const seqcast::ChannelStatus status = inspector.status();
  const Cell state = state_cell(status);
  Page page{console};
  console.out.print(console.out.paint(Style::bold, printable(to_name(inspector.location()))) + '\n');
  page.line("where", where_text(inspector));
  page.line("state", console.out.paint(state.style, state.text));
  page.line("publisher", publisher_text(status));
  page.line("epoch", fmt::format("{}, from message {} on", status.epoch.number, status.epoch.first_sequence));
  if (!status.error) page.line("messages", messages_text(status));
  if (const auto age = age_of_newest(status)) page.line("newest", "published " + ago(*age));
  page.line("slots", fmt::format("{}, {} each", identity.capacity, to_bytes(identity.slot_stride)));
  page.line("size", fmt::format("messages up to {} bytes, aligned to {}", identity.max_message_size,
                                identity.message_alignment));
  page.line("flags", flags_text(identity));
  page.line("waking", waking_text(identity, status));
  if (identity.schema_tag != 0 || !identity.schema_name.empty()) {
    page.line("schema", fmt::format("{}, tag {}", printable(identity.schema_name), identity.schema_tag));
  }
  page.line("format", fmt::format("version {}", identity.format_version));
}

Exit info(const Settings& settings, Console& console) {
  const seqcast::Inspector inspector = inspect(settings.channel.location());
  if (settings.json) {
    console.out.print(to_line(to_json(inspector)));
  } else {
    print_page(inspector, console);
  }
  const std::error_code error = inspector.status().error;
  if (!error) return Exit::ok;
  console.complain(error.message());
  return Exit::failure;
}

} // namespace

void add_info(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App& verb = add_verb(app, "info", "Show what a channel is and how far it has come", footer);
  add_channel(verb, settings->channel);
  verb.add_flag("--json", settings->json, "One JSON object");
  on_parsed(verb, action, [settings](Console& console) { return info(*settings, console); });
}

} // namespace cli
