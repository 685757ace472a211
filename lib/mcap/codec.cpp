// SPDX-License-Identifier: BSL-1.0
#include "codec.hpp"

#include <zlib.h>
#include <zstd.h>

#include <new>

namespace mcap {

std::string_view to_string(Compression compression) noexcept {
  return compression == Compression::zstd ? "zstd" : "";
}

std::uint32_t crc32(std::uint32_t crc, Bytes bytes) noexcept {
  if (bytes.empty()) return crc; // for zlib null means the initial value
  const auto* const first = static_cast<const Bytef*>(static_cast<const void*>(bytes.data()));
  return static_cast<std::uint32_t>(::crc32_z(crc, first, bytes.size()));
}

std::uint32_t crc32_combine(std::uint32_t first, std::uint32_t second, std::uint64_t size) noexcept {
  return static_cast<std::uint32_t>(::crc32_combine(first, second, static_cast<z_off_t>(size)));
}

struct Compressor::Impl {
  ZSTD_CCtx* context = nullptr;
  std::unique_ptr<std::byte[]> memory;
  std::size_t capacity = 0;

  Impl() = default;
  Impl(const Impl&) = delete;
  ~Impl() {
    ZSTD_freeCCtx(context);
  }
};

Compressor::Compressor() : impl_{std::make_unique<Impl>()} {}
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;

Bytes Compressor::compress(Bytes bytes, int level) {
  if (impl_->context == nullptr) impl_->context = ZSTD_createCCtx();
  if (impl_->context == nullptr) throw std::bad_alloc{};
  const std::size_t most = ZSTD_compressBound(bytes.size());
  if (most > impl_->capacity) {
    impl_->capacity = 0;
    impl_->memory.reset();
    impl_->memory = std::make_unique_for_overwrite<std::byte[]>(most);
    impl_->capacity = most;
  }
  // There is room for any result, so only memory can be missing.
  const std::size_t size = ZSTD_compressCCtx(impl_->context, impl_->memory.get(), impl_->capacity, bytes.data(),
                                             bytes.size(), level);
  if (ZSTD_isError(size)) throw std::bad_alloc{};
  return {impl_->memory.get(), size};
}

struct Decompressor::Impl {
  ZSTD_DCtx* context = nullptr;

  Impl() = default;
  Impl(const Impl&) = delete;
  ~Impl() {
    ZSTD_freeDCtx(context);
  }
};

Decompressor::Decompressor() : impl_{std::make_unique<Impl>()} {}
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

bool Decompressor::decompress(Bytes bytes, std::span<std::byte> content) {
  if (impl_->context == nullptr) impl_->context = ZSTD_createDCtx();
  if (impl_->context == nullptr) throw std::bad_alloc{};
  const std::size_t size =
      ZSTD_decompressDCtx(impl_->context, content.data(), content.size(), bytes.data(), bytes.size());
  return !ZSTD_isError(size) && size == content.size();
}

} // namespace mcap
