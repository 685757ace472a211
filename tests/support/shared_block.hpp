// SPDX-License-Identifier: BSL-1.0
//
// shared_block: memory that a test shares with the children it forks later, for counters and flags; made
// without seqcast.
#pragma once

#include "support/child.hpp"

#include <new>

#include <sys/mman.h>

namespace test {

/// One T, all zeros at first, at the same address in this process and in its children.
/// Requires: T is made of lock-free atomics and plain numbers.
template <class T>
class SharedBlock {
 public:
  SharedBlock() {
    void* const memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) raise_errno("mmap");
    block_ = ::new (memory) T{};
  }
  SharedBlock(const SharedBlock&) = delete;
  SharedBlock& operator=(const SharedBlock&) = delete;
  ~SharedBlock() {
    ::munmap(block_, sizeof(T));
  }

  T* operator->() const noexcept {
    return block_;
  }
  T& operator*() const noexcept {
    return *block_;
  }

 private:
  T* block_ = nullptr;
};

} // namespace test
