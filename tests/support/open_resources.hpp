// SPDX-License-Identifier: BSL-1.0
//
// open_resources: descriptors and mappings of a process, counted before and after something, to notice leaks.
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

/// What a leak would increase.
struct OpenResources {
  std::size_t descriptors = open_descriptors();
  std::size_t mappings = shared_mappings();
  friend bool operator==(const OpenResources&, const OpenResources&) = default;
};

} // namespace test
