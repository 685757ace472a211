// SPDX-License-Identifier: BSL-1.0
//
// channel: the NAME of a channel on the command line, and the location that it means. A name with a slash is a
// file, any other name is in shared memory; --file and --shm override that.
#pragma once

#include <CLI/App.hpp>
#include <seqcast/options.hpp>
#include <string>

namespace cli {

/// A NAME as typed, with its flags.
struct ChannelName {
  std::string name;
  bool file = false;
  bool shared_memory = false;

  seqcast::Location location() const;
};

/// Whether the NAME is a recording: a file that begins as one of the format MCAP. Its path needs no slash.
bool is_recording(const ChannelName& channel);

/// The location of `name` without --file and --shm.
seqcast::Location location_of(const std::string& name);

/// The location with a prefix before its last part; before all of a name in shared memory. A prefix with a slash
/// makes a file of such a name, and replaces the folder of a file.
seqcast::Location prefixed(const seqcast::Location& location, const std::string& prefix);

/// As a user would type it: the bare name, or a path with a slash in it.
std::string to_name(const seqcast::Location& location);

/// Adds the NAME, --file and --shm to a verb.
void add_channel(CLI::App& verb, ChannelName& channel);
/// For a verb that takes several NAMEs: adds only --file and --shm, and the help text of a NAME.
void add_location_flags(CLI::App& verb, bool& file, bool& shared_memory);
inline constexpr const char* channel_help = "A name in shared memory, or a file if it has a slash";

/// The message that there is no channel at `location`, with a suggestion. Of a pattern such as 'a*' it says that
/// a pattern is no name, and which channels match.
std::string no_channel_text(const seqcast::Location& location);
/// Whether the name has a character of a pattern: that of a shell.
bool is_pattern(const seqcast::Location& location);

/// A way of waking subscribers, as --wakeup takes it.
const char* word_of(seqcast::Wakeup wakeup) noexcept;

/// The path of the channel's file.
std::string path_of(const seqcast::Location& location);

} // namespace cli
