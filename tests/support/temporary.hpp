// SPDX-License-Identifier: BSL-1.0
//
// temporary: unique names for files and shared-memory objects, which are removed afterwards.
//
// Who may call it: any test. Objects belong to the process that made them: in a forked child their destructors
// do nothing.
#pragma once

#include <doctest/doctest.h>

#include "support/system.hpp"

#include <seqcast/options.hpp>

#include <atomic>
#include <filesystem>
#include <set>
#include <string>

namespace test {

/// The paths in the folder of `path` whose names begin with its name; `path` itself, too, if it exists.
inline std::set<std::string> siblings_of(const std::string& path) {
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator{std::filesystem::path{path}.parent_path()}) {
    const std::string name = entry.path().generic_string();
    if (name.starts_with(path)) found.insert(name);
  }
  return found;
}

/// A new folder, removed with its content. By default on a tmpfs, where there is one.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& place = default_place()) : path_{make_folder(place)} {}
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (process_id() == owner_) std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const noexcept {
    return path_;
  }
  std::string operator/(const std::string& name) const {
    return path_ + "/" + name;
  }

  /// A channel in it.
  seqcast::Location channel(const std::string& name = "channel") const {
    return seqcast::file(*this / name);
  }

  /// Lets every user list it and make files in it.
  void open_to_all() const {
    std::filesystem::permissions(path_, std::filesystem::perms::all);
  }

  /// The number of files in it, without the bells of channels that are in it too, and without files that have
  /// lost their names on Windows and are still open.
  std::size_t entries() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator{path_}) {
      const std::filesystem::path& path = entry.path();
      const bool bell =
          path.extension() == ".bell" && std::filesystem::exists(path.parent_path() / path.stem());
      const bool gone = path.filename().string().find(".seqcast-gone-") != std::string::npos;
      if (!bell && !gone) ++count;
    }
    return count;
  }

 private:
  std::string path_;
  std::uint64_t owner_ = process_id();
};

/// Whether this machine shows no file system on a disk: what is tested there is skipped, with a message.
inline bool no_disk() {
  if (!disk_place().empty()) return false;
  MESSAGE("skipped: there is no folder on a disk");
  return true;
}

/// A unique name for a shared-memory object; the object is removed, if there is one.
class TemporaryObject {
 public:
  TemporaryObject() {
    static std::atomic<int> count{0};
    name_ = "seqcast-test-" + std::to_string(process_id()) + "-" + std::to_string(++count);
  }
  TemporaryObject(const TemporaryObject&) = delete;
  TemporaryObject& operator=(const TemporaryObject&) = delete;
  ~TemporaryObject() {
    if (process_id() == owner_) remove_object(name_);
  }

  seqcast::Location channel() const {
    return seqcast::shared_memory(name_);
  }
  std::string path() const {
    return object_path(name_);
  }

 private:
  std::string name_;
  std::uint64_t owner_ = process_id();
};

} // namespace test
