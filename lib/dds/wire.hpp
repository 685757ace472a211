// SPDX-License-Identifier: BSL-1.0
//
// wire: how a channel is written in DDS terms: names of topics, properties of data writers and data readers,
// which of several origins is received, time. lib/docs/mirror.md describes it for other peers. Pure functions.
#pragma once

#include "dds.hpp"
#include "mirror.h"

#include <seqcast/seqcast.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mirror {

inline constexpr std::size_t longest_name = 200; // bytes, of mirror.idl
inline constexpr std::uint64_t largest_sequence = std::uint64_t{1} << 60;
inline constexpr int most_strength = 255; // of the user
/// Bytes of a sample beside its message and schema: never more.
inline constexpr std::uint64_t sample_overhead = 1024;

/// Whether it may be the name of a mirrored channel: one in shared memory.
bool is_valid_name(std::string_view name) noexcept;

/// How often a channel is announced: after a silence, of a process that was stopped say, DDS takes a channel for one
/// without a sender until it is announced again.
inline constexpr std::chrono::seconds announcement_interval{1};
inline constexpr const char* announcements_topic = "seqcast/channels";
/// "seqcast/channel/NAME": what no topic may have in its name becomes /xx, its byte in hexadecimal.
std::string topic_of(std::string_view name);

/// What a channel is, as announced.
struct Announced {
  std::string name;
  std::uint64_t id = 0;
  std::uint64_t capacity = 0;
  std::uint32_t max_message_size = 0;
  std::uint32_t message_alignment = 0;
  bool timestamps = false;
  bool copy_behind = false;
  seqcast::Wakeup wakeup = seqcast::Wakeup::bell;
  std::string schema;
  std::int32_t strength = 0;
  seqcast_State state = seqcast_STATE_LIVE;
};
Announced announced_of(const std::string& name, const seqcast::ChannelIdentity& identity,
                       std::int32_t strength);
Announced announced_of(const seqcast_Channel& sample);
/// Refers to the texts of `announced`.
seqcast_Channel sample_of(const Announced& announced);

/// Why this cannot be a channel here, of `largest_channel` bytes at most; nothing if it can.
std::optional<std::string> problem_of(const Announced& announced, std::uint64_t largest_channel);

/// Of channels of one name, that which is received: a live one before others, then the strongest, then that of
/// the greatest id, so that all receivers choose the same. Null if there is none.
const Announced* chosen(const std::vector<Announced>& announced) noexcept;

/// Copies the name into the key of a sample, whose rest is zero. Requires: is_valid_name(name).
void set_name(char (&key)[longest_name + 1], std::string_view name) noexcept;

/// The depth of the histories of a channel's data writer and data reader.
std::int32_t depth_of(std::uint64_t capacity) noexcept;

/// Of both ends: of messages, and with a depth of 1 of announcements.
Qos topic_qos(std::int32_t depth);
/// Of the data writer of announcements: by it others find out that this sender has died.
Qos announcing_qos();
/// Of a DDS publisher or subscriber; an empty text is the default partition.
Qos partition_qos(const std::string& partition);

/// Steady time as wall time. One offset for the life of a process, so that differences are those of the
/// steady clock.
class WallClock {
 public:
  WallClock();
  /// ns since 1970 UTC.
  std::int64_t to_wall(std::chrono::steady_clock::time_point time) const noexcept;
  std::chrono::steady_clock::time_point to_steady(std::int64_t wall_ns) const noexcept;

 private:
  std::int64_t offset_ns_;
};

} // namespace mirror
