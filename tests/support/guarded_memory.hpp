// SPDX-License-Identifier: BSL-1.0
//
// guarded_memory: bytes that end (or begin) exactly at a page which nobody may touch, so that reading or
// writing one byte too many is a fault and not a matter of luck.
//
// Who may use it: tests that give buffers of an exact size to the code under test.
//
// Invariants
//   1. There is a page without any access right before and one right behind the pages of the bytes.
#pragma once

#include <cstddef>
#include <new>
#include <span>

#include <sys/mman.h>
#include <unistd.h>

namespace test {

class GuardedMemory {
 public:
  enum class Against { end, begin };

  /// `size` bytes of zeros that touch the forbidden page at their end, or at their beginning.
  explicit GuardedMemory(std::size_t size, Against side = Against::end)
      : page_{static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))},
        inner_{(size + page_ - 1) / page_ * page_},
        all_{::mmap(nullptr, inner_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)} {
    if (all_ == MAP_FAILED) throw std::bad_alloc{};
    std::byte* const inside = static_cast<std::byte*>(all_) + page_;
    if (inner_ > 0 && ::mprotect(inside, inner_, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc{};
    bytes_ = {side == Against::end ? inside + inner_ - size : inside, size};
  }
  GuardedMemory(const GuardedMemory&) = delete;
  ~GuardedMemory() {
    ::munmap(all_, inner_ + 2 * page_);
  }

  std::span<std::byte> bytes() const noexcept {
    return bytes_;
  }
  std::byte* data() const noexcept {
    return bytes_.data();
  }

 private:
  std::size_t page_;
  std::size_t inner_;
  void* all_;
  std::span<std::byte> bytes_;
};

} // namespace test
