// SPDX-License-Identifier: BSL-1.0
//
// recorded_output: what sub, dump and info print of a recording. Without lib/mcap each of these ends with an
// error that says what is missing: no_recordings.cpp.
#pragma once

#include "console.hpp"
#include "messages.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cli {

/// A recording, and the names of the channels that are wanted: all if there are none.
struct RecordingChoice {
  std::string path;
  std::vector<std::string> names;
};

/// Prints all messages, as sub does; at most `count`. With `strict` it ends at the first loss.
Exit print_recording(const RecordingChoice& choice, Format format, const std::string& field,
                     std::uint64_t count, bool strict, Console& console);

/// Prints the bytes of the last message of each channel, or of the one with this sequence.
Exit dump_recording(const RecordingChoice& choice, std::optional<std::uint64_t> sequence, bool json,
                    Console& console);

/// Prints what the recording is, and what it has of each channel.
Exit info_recording(const std::string& path, bool json, Console& console);

} // namespace cli
