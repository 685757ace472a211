// SPDX-License-Identifier: BSL-1.0
//
// checked_payload: bytes that can be checked by a sequence and a seed alone. The first (up to 8) bytes are the
// sequence; every later byte depends on the sequence, on the seed and on its position. So a mix of two
// messages, a shift and a stale tail are detected, with a chance of one in 256 to miss a single wrong byte.
//
// Who may call it: any test. Pure functions.
//
// The seed distinguishes publishers that use the same sequence; 0 where there is one publisher. It needs
// payloads of more than 8 bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace test {

/// The 8 bytes at position 8 * index.
constexpr std::uint64_t payload_word(std::uint64_t sequence, std::uint64_t seed, std::uint64_t index) noexcept {
  if (index == 0) return sequence;
  // splitmix64's finaliser (Steele, Lea, Flood 2014)
  std::uint64_t x =
      sequence * 0x9E37'79B9'7F4A'7C15 + seed * 0xD1B5'4A32'D192'ED03 + index * 0x8CB9'2BA7'2F3D'8DD7;
  x = (x ^ (x >> 30)) * 0xBF58'476D'1CE4'E5B9;
  x = (x ^ (x >> 27)) * 0x94D0'49BB'1331'11EB;
  return x ^ (x >> 31);
}

inline void fill_payload(std::span<std::byte> bytes, std::uint64_t sequence, std::uint64_t seed = 0) noexcept {
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const std::uint64_t word = payload_word(sequence, seed, at / 8);
    std::memcpy(bytes.data() + at, &word, std::min<std::size_t>(8, bytes.size() - at));
  }
}

/// Whether these are exactly the bytes that fill_payload() makes.
inline bool is_whole(std::span<const std::byte> bytes, std::uint64_t sequence,
                     std::uint64_t seed = 0) noexcept {
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const std::uint64_t word = payload_word(sequence, seed, at / 8);
    if (std::memcmp(bytes.data() + at, &word, std::min<std::size_t>(8, bytes.size() - at)) != 0) return false;
  }
  return true;
}

/// A typed message of exactly `Size` bytes.
template <std::size_t Size>
struct CheckedMessage {
  std::array<std::byte, Size> bytes;

  void fill(std::uint64_t sequence, std::uint64_t seed = 0) noexcept {
    fill_payload(bytes, sequence, seed);
  }
  bool whole(std::uint64_t sequence, std::uint64_t seed = 0) const noexcept {
    return is_whole(bytes, sequence, seed);
  }
};

/// 1, and 2^n - 1, 2^n, 2^n + 1 up to 64 KiB, each once, ascending.
inline std::vector<std::size_t> payload_sizes() {
  std::vector<std::size_t> sizes{1};
  for (std::size_t power = 2; power <= 65536; power *= 2) {
    for (const std::size_t size : {power - 1, power, power + 1}) {
      if (size > sizes.back() && size <= 65536) sizes.push_back(size);
    }
  }
  return sizes;
}

} // namespace test
