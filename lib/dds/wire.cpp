// SPDX-License-Identifier: BSL-1.0
#include "wire.hpp"

#include "units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>

namespace mirror {

namespace {

// A sender that is silent for so long is taken for dead.
constexpr dds_duration_t lease = DDS_SECS(3);
constexpr dds_duration_t longest_write = DDS_MSECS(100);
constexpr std::uint64_t most_slots = std::uint64_t{1} << 32;
constexpr std::uint64_t largest_alignment = 4096;
constexpr std::uint64_t largest_message = std::uint64_t{1} << 31;
constexpr std::uint64_t slot_header = 64; // bytes, at most

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

} // namespace

bool is_valid_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > longest_name || name == "." || name == "..") return false;
  return name.find('/') == name.npos && name.find('\0') == name.npos;
}

std::string topic_of(std::string_view name) {
  std::string topic = "seqcast/channel/";
  for (const char c : name) {
    if (is_plain(c)) {
      topic += c;
    } else {
      topic += fmt::format("/{:02x}", static_cast<unsigned char>(c));
    }
  }
  return topic;
}

Announced announced_of(const std::string& name, const seqcast::ChannelIdentity& identity,
                       std::int32_t strength) {
  const seqcast::Schema schema = seqcast::Schema::stored(identity.schema_name, identity.schema_format);
  return {name,
          identity.id,
          identity.capacity,
          identity.max_message_size,
          identity.message_alignment,
          identity.timestamps,
          identity.copy_behind,
          identity.wakeup,
          std::string{schema.text()},
          strength,
          seqcast_STATE_LIVE};
}

Announced announced_of(const seqcast_Channel& sample) {
  auto wakeup = seqcast::Wakeup::bell;
  if (sample.wakeup == 1) wakeup = seqcast::Wakeup::every_message;
  if (sample.wakeup == 2) wakeup = seqcast::Wakeup::polling;
  return {static_cast<const char*>(sample.name),
          sample.id,
          sample.capacity,
          sample.max_message_size,
          sample.message_alignment,
          sample.timestamps,
          sample.copy_behind,
          wakeup,
          sample.schema == nullptr ? "" : sample.schema,
          sample.strength,
          sample.state};
}

seqcast_Channel sample_of(const Announced& announced) {
  seqcast_Channel sample{};
  set_name(sample.name, announced.name);
  sample.id = announced.id;
  sample.capacity = announced.capacity;
  sample.max_message_size = announced.max_message_size;
  sample.message_alignment = announced.message_alignment;
  sample.timestamps = announced.timestamps;
  sample.copy_behind = announced.copy_behind;
  if (announced.wakeup == seqcast::Wakeup::every_message) sample.wakeup = 1;
  if (announced.wakeup == seqcast::Wakeup::polling) sample.wakeup = 2;
  sample.schema = const_cast<char*>(announced.schema.c_str()); // Cyclone only reads it
  sample.strength = announced.strength;
  sample.state = announced.state;
  return sample;
}

std::optional<std::string> problem_of(const Announced& announced, std::uint64_t largest_channel) {
  const std::uint64_t slots = announced.capacity;
  const std::uint64_t alignment = announced.message_alignment;
  const bool sound = announced.id != 0 && std::has_single_bit(slots) && slots >= 2 && slots <= most_slots &&
                     std::has_single_bit(alignment) && alignment <= largest_alignment &&
                     announced.max_message_size <= largest_message;
  if (!sound) return "it is announced with properties that no channel has";
  const std::uint64_t slot = slot_header + announced.max_message_size + 2 * alignment;
  if (slots > largest_channel / slot) {
    return fmt::format("it would take {} ({} messages of {}), and --largest-channel permits {}",
                       cli::to_bytes(slots * slot), slots, cli::to_bytes(announced.max_message_size),
                       cli::to_bytes(largest_channel));
  }
  if (announced.schema.empty()) return std::nullopt;
  seqcast::Error error;
  if (seqcast::Schema::parse(announced.schema, error)) return std::nullopt;
  return "its schema is none that can be read here";
}

const Announced* chosen(const std::vector<Announced>& announced) noexcept {
  const auto rank = [](const Announced& one) {
    return std::tuple{one.state == seqcast_STATE_LIVE, one.strength, one.id};
  };
  const auto found =
      std::max_element(announced.begin(), announced.end(),
                       [&](const auto& one, const auto& other) { return rank(one) < rank(other); });
  return found == announced.end() ? nullptr : &*found;
}

void set_name(char (&key)[longest_name + 1], std::string_view name) noexcept {
  std::memcpy(key, name.data(), name.size());
  key[name.size()] = '\0';
}

std::int32_t depth_of(std::uint64_t capacity) noexcept {
  return static_cast<std::int32_t>(std::min<std::uint64_t>(capacity, INT32_MAX));
}

Qos topic_qos(std::int32_t depth) {
  Qos qos;
  dds_qset_reliability(qos.get(), DDS_RELIABILITY_RELIABLE, longest_write);
  dds_qset_durability(qos.get(), DDS_DURABILITY_TRANSIENT_LOCAL);
  dds_qset_history(qos.get(), DDS_HISTORY_KEEP_LAST, depth);
  // Of what is kept for those who come later.
  dds_qset_durability_service(qos.get(), 0, DDS_HISTORY_KEEP_LAST, depth, DDS_LENGTH_UNLIMITED,
                              DDS_LENGTH_UNLIMITED, DDS_LENGTH_UNLIMITED);
  // The end of a sender disposes of nothing: another of the same channel may be there.
  dds_qset_writer_data_lifecycle(qos.get(), false);
  return qos;
}

Qos announcing_qos() {
  Qos qos = topic_qos(1);
  dds_qset_liveliness(qos.get(), DDS_LIVELINESS_AUTOMATIC, lease);
  return qos;
}

Qos partition_qos(const std::string& partition) {
  Qos qos;
  const char* names[] = {partition.c_str()};
  if (!partition.empty()) dds_qset_partition(qos.get(), 1, names);
  return qos;
}

WallClock::WallClock() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  offset_ns_ = std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count() -
               std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

// Unsigned, since any time may come from elsewhere, and an overflow would be undefined.
std::int64_t WallClock::to_wall(std::chrono::steady_clock::time_point time) const noexcept {
  const std::chrono::nanoseconds since = time.time_since_epoch();
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(since.count()) +
                                   static_cast<std::uint64_t>(offset_ns_));
}

std::chrono::steady_clock::time_point WallClock::to_steady(std::int64_t wall_ns) const noexcept {
  const std::uint64_t since = static_cast<std::uint64_t>(wall_ns) - static_cast<std::uint64_t>(offset_ns_);
  return std::chrono::steady_clock::time_point{std::chrono::nanoseconds{static_cast<std::int64_t>(since)}};
}

} // namespace mirror
