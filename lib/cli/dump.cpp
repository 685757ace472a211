// SPDX-License-Identifier: BSL-1.0
//
// dump: the bytes of one slot, and the meaning of its version.
#include "channel.hpp"
#include "inspection.hpp"
#include "messages.hpp"
#include "recorded_output.hpp"
#include "units.hpp"
#include "values.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace cli {

namespace {

struct DumpSettings {
  ChannelName channel;
  std::vector<std::string> channels; // of a recording
  std::optional<std::uint64_t> slot;
  std::optional<std::uint64_t> sequence;
  bool json = false;
};

constexpr const char* dump_help =
    "Of a slot that is open, unused or corrupt, dump shows all bytes that a message\n"
    "could have; they may be any bytes. Lines that repeat the one before are shown\n"
    "as *. A fast publisher may overwrite the slot during each copy: after 1000\n"
    "copies dump shows the last one and ends with 1.\n"
    "\n"
    "Fields of --json: slot, version, state (\"unused\", \"open\", \"complete\", \"gap\"\n"
    "or \"corrupt\"), sequence, size, published_at_ns (of the steady clock; 0 without\n"
    "timestamps), whole, hex.\n"
    "\n"
    "Where NAME is a recording, a file that 'seqcast record' made, dump shows the last\n"
    "message of each channel, or that of --sequence.\n"
    "\n"
    "Examples:\n"
    "  seqcast dump news                 the newest message\n"
    "  seqcast dump news --sequence 17   message 17, if it is still there\n"
    "  seqcast dump news --slot 0        the content of the first slot";

constexpr int max_attempts = 1000;

/// A slot, and the memory of its bytes.
struct SlotCopy {
  seqcast::SlotContent slot;
  std::unique_ptr<std::byte[]> buffer;
};

/// Copies until the slot is not overwritten during the copy, at most max_attempts times.
SlotCopy copy_slot(const seqcast::Inspector& inspector, std::uint64_t index, const Stop& stop) {
  SlotCopy copy;
  std::size_t buffer_size = 0;
  for (int attempt = 0; attempt < max_attempts && !stop.requested(); ++attempt) {
    copy.slot = inspector.slot(index, {copy.buffer.get(), buffer_size});
    const std::size_t max_size = inspector.identity().max_message_size;
    const seqcast::SlotState state = copy.slot.state;
    const bool sized = state == seqcast::SlotState::complete || state == seqcast::SlotState::gap;
    const std::size_t needed = sized ? std::min<std::size_t>(copy.slot.size, max_size) : max_size;
    if (needed <= buffer_size && copy.slot.stable) break;
    if (needed <= buffer_size) continue;
    // Not zeroed: a hostile channel may announce 2 GiB, but only pages that are copied to use memory.
    copy.buffer = std::make_unique_for_overwrite<std::byte[]>(needed);
    buffer_size = needed;
  }
  return copy;
}

std::string slot_meaning(const seqcast::SlotContent& slot) {
  switch (slot.state) {
    case seqcast::SlotState::unused:
      return "unused";
    case seqcast::SlotState::open:
      return fmt::format("open for message {}", slot.sequence);
    case seqcast::SlotState::complete:
      return fmt::format("holds message {}, complete", slot.sequence);
    case seqcast::SlotState::gap:
      return fmt::format("gap: message {} was never here", slot.sequence);
    case seqcast::SlotState::corrupt:
      break;
  }
  return "corrupt, no publisher stores this version here";
}

void print_hex(std::span<const std::byte> bytes, Console& console) {
  std::span<const std::byte> previous;
  bool repeated = false;
  for (std::size_t offset = 0; offset < bytes.size() && !console.stop().requested(); offset += bytes_per_line) {
    const auto line = bytes.subspan(offset, std::min(bytes_per_line, bytes.size() - offset));
    const bool last = offset + bytes_per_line >= bytes.size();
    const bool same = !last && std::ranges::equal(line, previous);
    if (!same) console.out.print(hex_line(offset, line));
    if (same && !repeated) console.out.print("*\n");
    repeated = same;
    previous = line;
  }
}

void print_slot(const seqcast::Inspector& inspector, std::uint64_t index, const seqcast::SlotContent& slot,
                Console& console) {
  const Stream& out = console.out;
  console.out.print(fmt::format("{}, slot {} of {}\n",
                                out.paint(Style::bold, printable(to_name(inspector.location()))), index,
                                inspector.identity().capacity));
  console.field("version", fmt::format("{}: {}", slot.version, slot_meaning(slot)));
  console.field("size", plural(slot.size, "byte"));
  if (slot.published_at && slot.whole) console.field("published", to_age(age_of(*slot.published_at)));
  print_hex(slot.bytes, console);
}

void print_slot_json(std::uint64_t index, const seqcast::SlotContent& slot, Console& console) {
  const nlohmann::ordered_json json{{"slot", index},
                                    {"version", slot.version},
                                    {"state", to_string(slot.state)},
                                    {"sequence", slot.sequence},
                                    {"size", slot.size},
                                    {"published_at_ns", slot.published_at ? to_ns(*slot.published_at) : 0},
                                    {"whole", slot.whole},
                                    {"hex", to_hex(slot.bytes)}};
  console.out.print(to_line(json));
}

std::uint64_t chosen_slot(const DumpSettings& settings, const seqcast::Inspector& inspector) {
  const seqcast::ChannelIdentity& identity = inspector.identity();
  if (settings.slot && *settings.slot >= identity.capacity) {
    throw Failure{Exit::usage,
                  fmt::format("there is no slot {}; there are 0 to {}", *settings.slot, identity.capacity - 1)};
  }
  if (settings.slot) return *settings.slot;
  return identity.slot_of(settings.sequence.value_or(std::max<std::uint64_t>(inspector.head(), 1)));
}

Exit dump(const DumpSettings& settings, Console& console) {
  if (is_recording(settings.channel)) {
    if (settings.slot) throw Failure{Exit::usage, "--slot is for a channel; a recording has no slots"};
    return dump_recording({settings.channel.name, settings.channels}, settings.sequence, settings.json,
                          console);
  }
  if (!settings.channels.empty()) {
    throw Failure{Exit::usage,
                  fmt::format("--channel is for a recording, and {} is none", settings.channel.name)};
  }
  const seqcast::Inspector inspector = inspect(settings.channel.location());
  const std::uint64_t index = chosen_slot(settings, inspector);
  const SlotCopy copy = copy_slot(inspector, index, console.stop());
  if (console.stop().requested()) return console.stopped();
  const seqcast::SlotContent& slot = copy.slot;
  if (settings.sequence &&
      (slot.sequence != *settings.sequence || slot.state != seqcast::SlotState::complete)) {
    throw Failure{Exit::failure, fmt::format("message {} is not there; slot {} {}", *settings.sequence, index,
                                             slot.version == 0 ? "is unused"
                                                               : "has version " + std::to_string(slot.version) +
                                                                     ", " + slot_meaning(slot))};
  }
  if (settings.json) {
    print_slot_json(index, slot, console);
  } else {
    print_slot(inspector, index, slot, console);
  }
  if (slot.stable) return Exit::ok;
  console.complain(
      "the publisher overwrote the slot during each attempt to copy it; these bytes are of several messages");
  return Exit::failure;
}

} // namespace

void add_dump(CLI::App& app, Action& action) {
  auto settings = std::make_shared<DumpSettings>();
  CLI::App& verb = add_verb(app, "dump", "Show the bytes of one slot", dump_help);
  add_channel(verb, settings->channel);
  auto* const slot =
      verb.add_option("--slot", settings->slot, "The slot, from 0 on [that of the newest message]");
  slot->option_text("K")->transform(whole_number());
  verb.add_option("--sequence", settings->sequence, "The slot of this message")
      ->option_text("S")
      ->transform(whole_number(1))
      ->excludes(slot);
  verb.add_option("--channel", settings->channels,
                  "Of a recording, only this channel; may be given several times")
      ->expected(1)
      ->take_all()
      ->option_text("NAME");
  verb.add_flag("--json", settings->json, "One JSON object");
  on_parsed(verb, action, [settings](Console& console) { return dump(*settings, console); });
}

} // namespace cli
