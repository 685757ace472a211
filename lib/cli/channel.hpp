// SPDX-License-Identifier: BSL-1.0
//
// channel: the NAME of a command line, and the location that it means. A name with a slash is a file, any other
// one shared memory; --file and --shm say so where that is not what is meant.
#pragma once

#include <CLI/App.hpp>
#include <seqcast/options.hpp>
#include <string>

namespace cli {

/// What a user typed for a channel.
struct ChannelName {
  std::string name;
  bool file = false;
  bool shared_memory = false;

  seqcast::Location location() const;
};

/// Where `name` lies if nothing else is said about it.
seqcast::Location location_of(const std::string& name);

/// As a user would write it: the bare name, or a path with a slash in it.
std::string to_name(const seqcast::Location& location);

/// Adds the NAME, --file and --shm to a verb.
void add_channel(CLI::App& verb, ChannelName& channel);
/// --file and --shm alone, and what to say of a NAME, for a verb that takes several.
void add_kinds(CLI::App& verb, bool& file, bool& shared_memory);
inline constexpr const char* channel_help = "A name in shared memory, or a file if it has a slash";

/// What to say where `location` has no channel: that, and what may have been meant.
std::string no_channel_text(const seqcast::Location& location);

} // namespace cli
