// SPDX-License-Identifier: BSL-1.0
//
// recording_memory: recordings in memory, in the place of files.
//
// Who may call it: tests and fuzzers that link seqcast_mcap.
#pragma once

#include "file.hpp"
#include "records.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace test {

inline const std::string memory_name = "memory";

/// Appends to a vector, and may be full.
class MemorySink final : public mcap::Sink {
 public:
  explicit MemorySink(std::shared_ptr<std::vector<std::byte>> bytes) : bytes_{std::move(bytes)} {}

  const std::string& name() const noexcept override {
    return memory_name;
  }
  void write(std::span<const mcap::Bytes> parts) override {
    for (const mcap::Bytes part : parts) {
      const std::size_t fits = std::min(part.size(), limit_ - std::min(limit_, bytes_->size()));
      bytes_->insert(bytes_->end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(fits));
      if (fits < part.size())
        mcap::fail(std::make_error_code(std::errc::no_space_on_device), memory_name, "cannot be written");
    }
  }
  bool truncate(std::uint64_t size) noexcept override {
    bytes_->resize(static_cast<std::size_t>(size));
    return true;
  }
  void sync() override {}

  /// From here on it has at most so many bytes.
  void limit(std::size_t size) noexcept {
    limit_ = size;
  }

 private:
  std::shared_ptr<std::vector<std::byte>> bytes_;
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
};

/// A copy of bytes, of exactly their size, so that sanitizers see what is read beyond.
class MemorySource final : public mcap::Source {
 public:
  explicit MemorySource(mcap::Bytes bytes) : bytes_{bytes.begin(), bytes.end()} {}
  /// Of at most the first `size` bytes.
  static std::shared_ptr<const MemorySource> first(mcap::Bytes bytes, std::size_t size = ~std::size_t{0}) {
    return std::make_shared<const MemorySource>(bytes.first(std::min(size, bytes.size())));
  }

  const std::string& name() const noexcept override {
    return memory_name;
  }
  std::uint64_t size() const noexcept override {
    return bytes_.size();
  }
  void read(std::uint64_t offset, std::span<std::byte> bytes) const override {
    if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset)
      std::abort(); // Source::read() requires it
    if (!bytes.empty()) std::memcpy(bytes.data(), bytes_.data() + offset, bytes.size());
  }

 private:
  std::vector<std::byte> bytes_;
};

/// Calls `use` with opcode and content of each record between the magics.
template <class Use>
void for_each_record(std::vector<std::byte>& bytes, const Use& use) {
  constexpr std::size_t header = mcap::record_header_size;
  std::size_t at = mcap::magic.size();
  while (bytes.size() - at > mcap::magic.size()) {
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 8; ++i)
      length |= std::uint64_t{static_cast<std::uint8_t>(bytes[at + 1 + i])} << (8 * i);
    use(mcap::Opcode{static_cast<std::uint8_t>(bytes[at])}, std::span{bytes}.subspan(at + header, length));
    at += header + length;
  }
}

/// Sets the CRCs of chunks, data section and summary to 0: not computed. Requires: a complete recording.
inline void forget_crcs(std::vector<std::byte>& bytes) {
  for_each_record(bytes, [](mcap::Opcode opcode, std::span<std::byte> content) {
    if (opcode == mcap::Opcode::chunk) std::memset(content.data() + 24, 0, 4);
    if (opcode == mcap::Opcode::data_end) std::memset(content.data(), 0, 4);
    if (opcode == mcap::Opcode::footer) std::memset(content.data() + 16, 0, 4);
  });
}

} // namespace test
