// SPDX-License-Identifier: BSL-1.0
//
// temporary_folder: a folder of its own for one test, gone with everything in it when the test ends; and a
// shared-memory name that no other test process has.
//
// Who may use it: any test.
//
// Invariants
//   1. Only what was made inside the folder, or under the name, is removed.
#pragma once

#include <seqcast/options.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include <unistd.h>

namespace test {

class TemporaryFolder {
 public:
  TemporaryFolder() : path_{(std::filesystem::temp_directory_path() / "seqcast-test-XXXXXX").string()} {
    if (::mkdtemp(path_.data()) == nullptr) throw std::system_error{errno, std::system_category(), path_};
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const noexcept {
    return path_;
  }
  std::string operator/(const std::string& name) const {
    return path_ + "/" + name;
  }
  seqcast::Location channel(const std::string& name = "channel") const {
    return seqcast::file(*this / name);
  }

 private:
  std::string path_;
};

/// A shared-memory channel that is removed at the end.
class TemporaryName {
 public:
  explicit TemporaryName(const std::string& what)
      : location_{seqcast::shared_memory("seqcast-test-" + what + "-" + std::to_string(::getpid()))} {}
  TemporaryName(const TemporaryName&) = delete;
  ~TemporaryName() {
    std::error_code ignored;
    seqcast::remove(location_, ignored);
  }

  const seqcast::Location& channel() const noexcept {
    return location_;
  }

 private:
  seqcast::Location location_;
};

} // namespace test
