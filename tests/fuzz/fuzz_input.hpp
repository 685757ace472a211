// SPDX-License-Identifier: BSL-1.0
//
// fuzz_input: how an input of region_fuzz is laid out: what to do in its first 64 bytes, then the region's.
//
// Who may use it: region_fuzz and region_seeds.
//
// Invariants
//   1. Every sequence of bytes is an input; one that is too short does nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fuzz {

// Flags, in the first byte.
inline constexpr std::uint8_t of_this_boot = 1; // the boot id in the region is replaced by the machine's
inline constexpr std::uint8_t against_end = 2;  // a forbidden page right behind the region, otherwise before it
inline constexpr std::uint8_t in_a_file = 4;    // the same once more through a file and the public classes
inline constexpr std::uint8_t resume_newest = 8;
inline constexpr std::uint8_t resume_oldest = 16;
inline constexpr std::uint8_t replaces = 32; // PublisherOptions::replace
inline constexpr std::uint8_t typed = 64;    // messages of one size; otherwise of any, into buffers of any

/// A store of another process before the given step.
struct Poke {
  std::uint16_t step;
  std::uint16_t word;  // taken modulo the region's words
  std::uint32_t value; // stretched to 64 bits by stretch()
};

/// Small numbers, numbers near the top, and a few between.
constexpr std::uint64_t stretch(std::uint32_t value) {
  const std::uint64_t low = value & 0x00FF'FFFF;
  switch (value >> 24) {
    case 0xFF:
      return ~std::uint64_t{0} - low;
    case 0xFE:
      return (std::uint64_t{1} << 63) + low;
    case 0xFD:
      return (std::uint64_t{1} << 62) - low;
    case 0xFC:
      return low << 32;
    default:
      return low;
  }
}

struct Control {
  std::uint8_t flags;
  std::uint8_t unused;
  std::array<std::uint8_t, 30> calls; // the low 3 bits say which, the others how
  std::array<Poke, 4> pokes;
};
static_assert(sizeof(Control) == 64);

inline constexpr std::size_t largest_input = 8192;

} // namespace fuzz
