// SPDX-License-Identifier: BSL-1.0
#include "channel.hpp"

#include <filesystem>

namespace cli {

namespace {

bool is_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

} // namespace

seqcast::Location location_of(const std::string& name) {
  return name.find('/') != std::string::npos ? seqcast::file(name) : seqcast::shared_memory(name);
}

seqcast::Location ChannelName::location() const {
  if (file) return seqcast::file(name);
  if (shared_memory) return seqcast::shared_memory(name);
  return location_of(name);
}

std::string to_name(const seqcast::Location& location) {
  const bool bare_file =
      location.kind() == seqcast::Location::Kind::file && location.name().find('/') == std::string::npos;
  return bare_file ? "./" + location.name() : location.name();
}

void add_channel(CLI::App& verb, ChannelName& channel) {
  verb.add_option("NAME", channel.name, channel_help)->required();
  add_location_flags(verb, channel.file, channel.shared_memory);
}

void add_location_flags(CLI::App& verb, bool& file, bool& shared_memory) {
  auto* const is_file = verb.add_flag("--file", file, "The NAME is a file, with or without a slash");
  verb.add_flag("--shm", shared_memory, "The NAME is in shared memory")->excludes(is_file);
}

std::string no_channel_text(const seqcast::Location& location) {
  const std::string name = to_name(location);
  std::string text = "no channel " + name;
  if (location.kind() == seqcast::Location::Kind::shared_memory && is_file(location.name())) {
    return text + " in shared memory; the file of that name is ./" + name;
  }
  return text + "; 'seqcast ls' lists the channels, 'seqcast pub " + name + "' creates this one";
}

} // namespace cli
