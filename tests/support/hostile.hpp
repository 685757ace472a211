// SPDX-License-Identifier: BSL-1.0
//
// hostile: writes of a process that may write a region or its bell, and tries to do harm.
//
// Who may call it: children of tests, on files made by the test.
#pragma once

#include "support/child.hpp"

#include <seqcast/detail/copy.hpp>

#include <atomic>
#include <random>
#include <span>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace test {

namespace detail = seqcast::detail;

// The channel under attack.
inline constexpr std::uint64_t attacked_capacity = 8;
inline constexpr std::uint32_t attacked_size = 3000; // the largest message

/// The words that the hostile process changes.
enum class Aim { sizes, versions, header, identity, bell, anywhere };

inline std::uint64_t hostile_value(std::mt19937_64& random, std::uint64_t honest) {
  switch (random() % 8) {
    case 0:
      return 0;
    case 1:
      return ~std::uint64_t{0} >> random() % 64;
    case 2:
      return std::uint64_t{1} << random() % 64;
    case 3:
      return honest ^ std::uint64_t{1} << random() % 64;
    case 4:
      return honest + random() % 33 - 16;
    case 5:
      return honest + 2 * attacked_capacity * (random() % 5 - 2);
    case 6:
      return detail::pack_size(static_cast<std::uint32_t>(attacked_size + random() % 3 - 1));
    default:
      return random();
  }
}

inline std::size_t aimed_word(Aim aim, std::size_t words, std::size_t stride, std::mt19937_64& random) {
  const std::size_t slot = detail::header_size / 8 + random() % attacked_capacity * stride;
  switch (aim) {
    case Aim::sizes:
      return slot + detail::size_word;
    case Aim::versions:
      return slot + detail::version_word;
    case Aim::header: {
      constexpr std::array at{
          detail::head_offset,   detail::state_offset, detail::epoch_offset, detail::first_sequence_offset,
          detail::oldest_offset, detail::boot_offset,  detail::wake_offset};
      return at[random() % at.size()] / 8;
    }
    case Aim::identity:
      return random() % (sizeof(detail::Identity) / 8);
    case Aim::bell:
      return 1 + random() % (words - 1); // not its magic, without which publishers refuse the bell
    case Aim::anywhere:
      break;
  }
  return random() % words;
}

/// A file mapped for writing, as only its owner may.
class Target {
 public:
  explicit Target(const std::string& path) {
    const Descriptor file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    struct stat facts {};
    if (file.id() < 0 || ::fstat(file.id(), &facts) != 0 || facts.st_size < 8) return;
    size_ = static_cast<std::size_t>(facts.st_size);
    all_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file.id(), 0);
    if (all_ == MAP_FAILED) size_ = 0;
  }
  Target(const Target&) = delete;
  ~Target() {
    if (size_ > 0) ::munmap(all_, size_);
  }
  std::span<std::atomic<std::uint64_t>> words() const {
    return {static_cast<std::atomic<std::uint64_t>*>(all_), size_ / 8};
  }

 private:
  void* all_ = nullptr;
  std::size_t size_ = 0;
};

} // namespace test
