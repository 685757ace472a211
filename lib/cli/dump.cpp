// SPDX-License-Identifier: BSL-1.0
//
// dump: the bytes of one slot, with what its version says about them.
#include "channel.hpp"
#include "look.hpp"
#include "messages.hpp"
#include "units.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <seqcast/message.hpp>

#include <algorithm>

namespace cli {

namespace {

struct Settings {
  ChannelName channel;
  std::optional<std::uint64_t> slot;
  std::optional<std::uint64_t> sequence;
  bool json = false;
};

constexpr const char* footer =
    "Of a slot that is open, unused or corrupt the whole room for a message is\n"
    "shown: bytes that nobody vouches for. Lines that repeat the one before are shown\n"
    "as *. A publisher may be faster than any copy; after 1000 attempts dump gives up\n"
    "(exit status 1) and shows what it has.\n"
    "\n"
    "Fields of --json: slot, version, state (\"unused\", \"open\", \"complete\" or\n"
    "\"corrupt\"), sequence, size, published_at_ns (of the steady clock; 0 without\n"
    "timestamps), whole, hex.\n"
    "\n"
    "Examples:\n"
    "  seqcast dump news                 the newest message\n"
    "  seqcast dump news --sequence 17   message 17, if it is still there\n"
    "  seqcast dump news --slot 0        whatever is in the first slot";

constexpr int most_attempts = 1000;

/// A slot, and the memory that its bytes lie in.
struct Copy {
  seqcast::SlotContent slot;
  std::unique_ptr<std::byte[]> buffer;
};

/// Copies until nobody overwrites it meanwhile, or often enough.
Copy copy_slot(const seqcast::Inspector& inspector, std::uint64_t index, const Stop& stop) {
  Copy copy;
  std::size_t room = 0;
  for (int attempt = 0; attempt < most_attempts && !stop.requested(); ++attempt) {
    copy.slot = inspector.slot(index, {copy.buffer.get(), room});
    const std::size_t most = inspector.identity().max_message_size;
    const bool complete = copy.slot.state == seqcast::SlotState::complete;
    const std::size_t needed = complete ? std::min<std::size_t>(copy.slot.size, most) : most;
    if (needed <= room && copy.slot.stable) break;
    if (needed <= room) continue;
    // Not zeroed: a hostile channel may announce 2 GiB, and pages that nothing is copied to cost nothing.
    copy.buffer = std::make_unique_for_overwrite<std::byte[]>(needed);
    room = needed;
  }
  return copy;
}

std::string meaning(const seqcast::SlotContent& slot) {
  switch (slot.state) {
    case seqcast::SlotState::unused:
      return "unused";
    case seqcast::SlotState::open:
      return fmt::format("open for message {}", slot.sequence);
    case seqcast::SlotState::complete:
      return fmt::format("holds message {}, complete", slot.sequence);
    case seqcast::SlotState::corrupt:
      break;
  }
  return "corrupt: no publisher stores this here";
}

void print_hex(std::span<const std::byte> bytes, Console& console) {
  std::span<const std::byte> before;
  bool repeated = false;
  for (std::size_t offset = 0; offset < bytes.size() && !console.stop().requested(); offset += bytes_a_line) {
    const auto now = bytes.subspan(offset, std::min(bytes_a_line, bytes.size() - offset));
    const bool last = offset + bytes_a_line >= bytes.size();
    const bool same = !last && std::ranges::equal(now, before);
    if (!same) console.out.print(hex_line(offset, now));
    if (same && !repeated) console.out.print("*\n");
    repeated = same;
    before = now;
  }
}

void print_text(const seqcast::Inspector& inspector, std::uint64_t index, const seqcast::SlotContent& slot,
                Console& console) {
  const Stream& out = console.out;
  const auto line = [&](std::string_view what, const std::string& text) {
    console.out.print(fmt::format("  {}  {}\n", out.paint(Style::dim, fmt::format("{:<9}", what)), text));
  };
  console.out.print(fmt::format("{}, slot {} of {}\n",
                                out.paint(Style::bold, printable(to_name(inspector.location()))), index,
                                inspector.identity().capacity));
  line("version", fmt::format("{}: {}", slot.version, meaning(slot)));
  line("size", plural(slot.size, "byte"));
  if (slot.published_at_ns != 0 && slot.whole) {
    const auto age = seqcast::Delivery{.published_at_ns = slot.published_at_ns}.age();
    line("published", to_duration(std::max(age, std::chrono::nanoseconds{0})) + " ago");
  }
  print_hex(slot.bytes, console);
}

void print_json(std::uint64_t index, const seqcast::SlotContent& slot, Console& console) {
  const nlohmann::ordered_json json{{"slot", index},
                                    {"version", slot.version},
                                    {"state", to_string(slot.state)},
                                    {"sequence", slot.sequence},
                                    {"size", slot.size},
                                    {"published_at_ns", slot.published_at_ns},
                                    {"whole", slot.whole},
                                    {"hex", to_hex(slot.bytes)}};
  console.out.print(to_line(json));
}

std::uint64_t chosen_slot(const Settings& settings, const seqcast::Inspector& inspector) {
  const seqcast::ChannelIdentity& identity = inspector.identity();
  if (settings.slot && *settings.slot >= identity.capacity) {
    throw Failure{Exit::usage,
                  fmt::format("there is no slot {}; there are 0 to {}", *settings.slot, identity.capacity - 1)};
  }
  if (settings.slot) return *settings.slot;
  return identity.slot_of(settings.sequence.value_or(std::max<std::uint64_t>(inspector.head(), 1)));
}

Exit dump(const Settings& settings, Console& console) {
  const seqcast::Inspector inspector = inspect(settings.channel.location());
  const std::uint64_t index = chosen_slot(settings, inspector);
  const Copy copy = copy_slot(inspector, index, console.stop());
  if (console.stop().requested()) return console.stopped();
  const seqcast::SlotContent& slot = copy.slot;
  if (settings.sequence &&
      (slot.sequence != *settings.sequence || slot.state != seqcast::SlotState::complete)) {
    throw Failure{Exit::failure, fmt::format("message {} is not there; slot {} {}", *settings.sequence, index,
                                             slot.version == 0 ? "is unused"
                                                               : "has version " + std::to_string(slot.version) +
                                                                     ": " + meaning(slot))};
  }
  if (settings.json) {
    print_json(index, slot, console);
  } else {
    print_text(inspector, index, slot, console);
  }
  if (slot.stable) return Exit::ok;
  console.complain(
      "the publisher overwrote the slot during each attempt to copy it; these bytes are of several messages");
  return Exit::failure;
}

} // namespace

void add_dump(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App& verb = add_verb(app, "dump", "Show the bytes of one slot", footer);
  add_channel(verb, settings->channel);
  auto* const slot =
      verb.add_option("--slot", settings->slot, "The slot, from 0 on [that of the newest message]");
  slot->option_text("K");
  verb.add_option("--sequence", settings->sequence, "The slot of this message")
      ->option_text("S")
      ->check(CLI::PositiveNumber)
      ->excludes(slot);
  verb.add_flag("--json", settings->json, "One JSON object");
  on_parsed(verb, action, [settings](Console& console) { return dump(*settings, console); });
}

} // namespace cli
