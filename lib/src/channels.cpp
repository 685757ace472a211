// SPDX-License-Identifier: BSL-1.0
//
// channels: which files of a folder are channels.
#include <seqcast/inspect.hpp>

#include "platform/platform.hpp"

#include <algorithm>
#include <filesystem>

namespace seqcast::inline v1 {

using namespace detail;

namespace {

/// Whether its first bytes are a channel's, of either byte order and any version.
bool is_channel(const std::string& path) {
  std::error_code error;
  const platform::Handle handle = platform::open_file(path, platform::Access::read_only, error);
  if (error || !platform::facts_of(handle, error).regular) return false;
  std::uint64_t found = 0;
  platform::read_at(handle, 0, &found, sizeof found);
  return found == magic || found == swapped_magic;
}

// Names are UTF-8 here, whatever the system has them in.
std::filesystem::path path_from(const std::string& name) {
  return std::filesystem::path{std::u8string{name.begin(), name.end()}};
}
std::string name_from(const std::filesystem::path& path) {
  const std::u8string name = path.u8string();
  return {name.begin(), name.end()};
}

/// The names of the channels in a folder, in order.
std::vector<std::string> names_in(const std::string& folder, std::error_code& error) {
  std::vector<std::string> names;
  auto entry = std::filesystem::directory_iterator{path_from(folder), error};
  for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    std::error_code gone;
    // Before it is opened: even to open a FIFO or a device and close it again can disturb somebody.
    const bool regular = std::filesystem::is_regular_file(entry->symlink_status(gone));
    if (!gone && regular && is_channel(name_from(entry->path()))) {
      names.push_back(name_from(entry->path().filename()));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

template <class List>
std::vector<Location> listed(const std::string& what, const List& list) {
  std::error_code error;
  auto found = list(error);
  if (error) throw std::system_error{error, "cannot list " + what};
  return found;
}

} // namespace

std::vector<Location> channels_in_folder(const std::string& folder, std::error_code& error) {
  error.clear();
  std::vector<Location> found;
  const std::string prefix = folder.ends_with('/') ? folder : folder + "/";
  for (const std::string& name : names_in(folder, error)) found.push_back(file(prefix + name));
  return found;
}

std::vector<Location> channels_in_folder(const std::string& folder) {
  return listed("the channels in " + folder,
                [&](std::error_code& error) { return channels_in_folder(folder, error); });
}

std::vector<Location> channels_in_shared_memory(std::error_code& error) {
  error.clear();
  std::vector<Location> found;
  const std::string folder = platform::shared_memory_folder(error);
  if (error) return found;
  for (const std::string& name : names_in(folder, error)) found.push_back(shared_memory(name));
  return found;
}

std::vector<Location> channels_in_shared_memory() {
  return listed("the channels in shared memory",
                [](std::error_code& error) { return channels_in_shared_memory(error); });
}

} // namespace seqcast::inline v1
