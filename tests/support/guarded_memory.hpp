// SPDX-License-Identifier: BSL-1.0
//
// guarded_memory: bytes that end (or begin) exactly at a page without access, so that reading or writing one
// byte too many is always a fault.
//
// Who may use it: tests that give buffers of an exact size to the code under test.
//
// Invariants
//   1. There is a page without any access right before and one right behind the pages of the bytes.
#pragma once

#include "support/system.hpp"

#include <cstddef>
#include <span>

namespace test {

class GuardedMemory {
 public:
  enum class Against { end, begin };

  /// `size` bytes of zeros next to the guard page at their end, or at their beginning.
  explicit GuardedMemory(std::size_t size, Against side = Against::end)
      : inner_{(size + Pages::page_size() - 1) / Pages::page_size() * Pages::page_size()},
        pages_{inner_ + 2 * Pages::page_size()} {
    std::byte* const inside = pages_.begin() + Pages::page_size();
    pages_.allow(inside, inner_);
    bytes_ = {side == Against::end ? inside + inner_ - size : inside, size};
  }

  std::span<std::byte> bytes() const noexcept {
    return bytes_;
  }
  std::byte* data() const noexcept {
    return bytes_.data();
  }

 private:
  std::size_t inner_;
  Pages pages_;
  std::span<std::byte> bytes_;
};

} // namespace test
