// SPDX-License-Identifier: BSL-1.0
//
// shared_region: zeroed memory that a process shares with the children that it starts.
//
// Who may use it: Control, the limits, and transports whose library does not make shared memory itself.
#pragma once

#include <cstddef>
#include <new>

#include <sys/mman.h>

namespace bench {

class SharedRegion {
 public:
  explicit SharedRegion(std::size_t size)
      : size_{size},
        base_{::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)} {
    if (base_ == MAP_FAILED) throw std::bad_alloc{};
  }
  SharedRegion(const SharedRegion&) = delete;
  ~SharedRegion() {
    ::munmap(base_, size_);
  }
  std::byte* at(std::size_t offset) const {
    return static_cast<std::byte*>(base_) + offset;
  }

 private:
  std::size_t size_;
  void* base_;
};

} // namespace bench
