// SPDX-License-Identifier: BSL-1.0
//
// codec: CRC-32, by zlib or by instructions of the processor, and Zstandard by libzstd. codec.cpp is the only
// file that includes their headers.
#pragma once

#include "file.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace mcap {

/// How the records of a chunk are stored.
enum class Compression : std::uint8_t { none, zstd };

/// The word in the file: "" or "zstd".
std::string_view to_string(Compression compression) noexcept;

/// The CRC-32 of IEEE 802.3 of `bytes` behind bytes whose CRC is `crc`; 0 is the CRC of none.
std::uint32_t crc32(std::uint32_t crc, Bytes bytes) noexcept;
/// The CRC of two sequences of bytes, of which the second has `size` bytes. Takes no look at them.
std::uint32_t crc32_combine(std::uint32_t first, std::uint32_t second, std::uint64_t size) noexcept;

/// Compresses one block after another with the memory of the first.
class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;
  /// One frame that says its content's size, valid until the next call. `level` as zstd has it: 1 is fast,
  /// 19 is small.
  /// Errors: throws std::bad_alloc.
  Bytes compress(Bytes bytes, int level);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Decompresses one block after another.
class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;
  /// Fills `content` exactly. False if `bytes` are damaged, or are of another size decompressed. Never writes
  /// beyond `content`. Errors: throws std::bad_alloc.
  bool decompress(Bytes bytes, std::span<std::byte> content);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace mcap
