// SPDX-License-Identifier: BSL-1.0
//
// recording_format: the bytes of what seqcast adds to MCAP, both ways. lib/docs/recording.md describes them.
// Only the files of lib/mcap use it.
#pragma once

#include "recording.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace seqcast::recording::format {

inline constexpr const char* profile = "seqcast";                  ///< In the header.
inline constexpr const char* version = "1";                        ///< Of what is described here.
inline constexpr const char* message_encoding = "seqcast";         ///< Of raw bytes.
inline constexpr const char* schema_encoding = "pep3118";          ///< Of a format string.
inline constexpr const char* recording_name = "seqcast.recording"; ///< The Metadata of the whole file.
inline constexpr const char* account_name = "seqcast.account";     ///< The Metadata of a channel's account.
inline constexpr const char* version_key = "version";
inline constexpr const char* offset_key = "steady_clock_offset_ns";

/// The opcode of Sequences.
inline constexpr mcap::Opcode sequences_opcode{0x80};

/// The private record of one channel in a chunk, in front of that: the 64-bit sequences, what was lost, and the
/// epochs of its messages.
struct Sequences {
  struct Run {
    std::uint64_t position = 0; ///< The channel's messages in the chunk before it.
    std::uint64_t sequence = 0; ///< Of the message with which it begins.
    Epoch epoch{};              ///< Of all its messages.
  };

  std::uint16_t channel = 0;
  std::uint64_t messages = 0; ///< In the chunk.
  std::uint64_t previous =
      0; ///< Sequence of the channel's message before them in the file; of the first, `before`.
  std::uint64_t last = 0; ///< Sequence of the last of them.
  /// At least one. Within a run a sequence is less than 2^32 above the one before, of which it has the
  /// low 32 bits.
  std::vector<Run> runs{};
};

void append(mcap::Buffer& to, const Sequences& record);
/// Errors: throws Failure if it contradicts itself.
Sequences read_sequences(mcap::RecordReader reader);

/// What a channel is, as its Channel record keeps it.
mcap::TextMap to_map(const RecordedChannel& channel);
/// The other way; nothing if it is not a channel of seqcast.
std::optional<RecordedChannel> to_channel(const mcap::Channel& record, const mcap::Schema* schema);

mcap::Metadata to_metadata(std::uint16_t channel, const std::string& topic, const Account& account);
/// An account and its channel; nothing if the texts are no such thing.
std::optional<std::pair<std::uint16_t, Account>> to_account(const mcap::Metadata& metadata);

/// A value of a map; nothing if the key is not there.
std::optional<std::string> text_of(const mcap::TextMap& map, std::string_view key);
/// A number in decimal digits; nothing if it is none, or too large.
template <class Integer>
std::optional<Integer> number_of(const mcap::TextMap& map, std::string_view key);

/// The text, with octal escapes in the place of bytes that are not UTF-8: strings of MCAP are.
std::string to_utf8(std::string_view text);
bool is_utf8(std::string_view text) noexcept;

} // namespace seqcast::recording::format
