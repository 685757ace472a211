// SPDX-License-Identifier: BSL-1.0
//
// file_bytes: the bytes of a channel's file, to be compared and to be damaged, without the library.
//
// Who may use it: any test.
//
// Invariants
//   1. Files are changed in place: they keep their inode, so that every mapping sees the change.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) throw std::runtime_error{"cannot read " + path};
  return Bytes(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
}

inline void write_file(const std::string& path, const Bytes& bytes) {
  std::ofstream out{path, std::ios::binary | std::ios::trunc};
  for (const std::uint8_t byte : bytes) out.put(static_cast<char>(byte));
  out.close();
  if (!out) throw std::runtime_error{"cannot write " + path};
}
inline void write_text(const std::string& path, const std::string& text) {
  write_file(path, Bytes(text.begin(), text.end()));
}

/// The number at `offset`, in this machine's byte order.
template <class Number>
Number number_at(const Bytes& bytes, std::size_t offset) {
  std::array<std::uint8_t, sizeof(Number)> raw{};
  for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = bytes.at(offset + i);
  return __builtin_bit_cast(Number, raw);
}

template <class Number>
void put_number(Bytes& bytes, std::size_t offset, Number value) {
  const auto raw = __builtin_bit_cast(std::array<std::uint8_t, sizeof(Number)>, value);
  for (std::size_t i = 0; i < raw.size(); ++i) bytes.at(offset + i) = raw[i];
}

/// Changes the number at `offset` of a file.
template <class Number>
void patch_file(const std::string& path, std::size_t offset, Number value) {
  const auto raw = __builtin_bit_cast(std::array<char, sizeof(Number)>, value);
  std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(raw.data(), raw.size());
  file.close();
  if (!file) throw std::runtime_error{"cannot patch " + path};
}

} // namespace test
