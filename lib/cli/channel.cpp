// SPDX-License-Identifier: BSL-1.0
#include "channel.hpp"

#include "platform/platform.hpp"

#include <fmt/format.h>
#include <filesystem>
#include <fstream>
#include <seqcast/inspect.hpp>
#include <vector>

namespace cli {

namespace {

bool is_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

/// The channels in the folder of that file, or those in shared memory.
std::vector<seqcast::Location> channels_beside(const seqcast::Location& location) {
  seqcast::Error none;
  if (location.kind() == seqcast::Location::Kind::shared_memory)
    return seqcast::channels_in_shared_memory(none);
  const std::string name = to_name(location);
  return seqcast::channels_in_folder(name.substr(0, name.rfind('/') + 1), none);
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

bool is_recording(const ChannelName& channel) {
  constexpr std::string_view magic{"\x89MCAP0\r\n", 8};
  if (channel.shared_memory || !is_file(channel.name)) return false;
  std::string begin(magic.size(), '\0');
  std::ifstream file{channel.name, std::ios::binary};
  return file.read(begin.data(), static_cast<std::streamsize>(begin.size())) && begin == magic;
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
  const bool shared_memory = location.kind() == seqcast::Location::Kind::shared_memory;
  if (shared_memory && is_file(location.name())) {
    return fmt::format("no channel {} in shared memory; the file of that name is ./{}", name, name);
  }
  if (!is_pattern(location)) return fmt::format("no channel {}; 'seqcast ls' lists the channels", name);
  std::string matching;
  for (const seqcast::Location& channel : channels_beside(location)) {
    if (platform::matches(to_name(channel), name))
      matching += (matching.empty() ? "" : ", ") + to_name(channel);
  }
  return fmt::format("no channel {}. That is a pattern, not a name; it matches {}", name,
                     matching.empty() ? "no channel" : matching);
}

bool is_pattern(const seqcast::Location& location) {
  return location.name().find_first_of("*?[") != std::string::npos;
}

const char* word_of(seqcast::Wakeup wakeup) noexcept {
  switch (wakeup) {
    case seqcast::Wakeup::bell:
      return "bell";
    case seqcast::Wakeup::every_message:
      return "every-message";
    case seqcast::Wakeup::polling:
      break;
  }
  return "polling";
}

seqcast::Location prefixed(const seqcast::Location& location, const std::string& prefix) {
  if (prefix.empty()) return location;
  if (location.kind() == seqcast::Location::Kind::shared_memory) return location_of(prefix + location.name());
  const std::size_t last = location.name().rfind('/') + 1; // 0 if there is no slash
  const std::string folder = prefix.find('/') != std::string::npos ? "" : location.name().substr(0, last);
  return seqcast::file(folder + prefix + location.name().substr(last));
}

std::string path_of(const seqcast::Location& location) {
  const bool file = location.kind() == seqcast::Location::Kind::file;
  return file ? location.name() : "/dev/shm/" + location.name();
}

} // namespace cli
