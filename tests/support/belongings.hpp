// SPDX-License-Identifier: BSL-1.0
//
// belongings: what a process has open, counted before and after something, to see that nothing leaks.
//
// Who may call it: any test, while no other thread of it opens or maps anything.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace test {

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) ++count;
  return count;
}

inline std::size_t shared_mappings() {
  std::ifstream maps{"/proc/self/maps"};
  std::size_t count = 0;
  for (std::string range, rights, rest; maps >> range >> rights && std::getline(maps, rest);) {
    if (rights.back() == 's') ++count;
  }
  return count;
}

/// Entries of this process that a leak would add to.
struct Belongings {
  std::size_t descriptors = open_descriptors();
  std::size_t mappings = shared_mappings();
  friend bool operator==(const Belongings&, const Belongings&) = default;
};

} // namespace test
