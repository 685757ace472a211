// SPDX-License-Identifier: BSL-1.0
//
// What the kernel is asked for of memory that is mapped already: huge pages, and to keep it there. See
// platform.hpp.
#include "platform.hpp"

#include <cerrno>

#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 // Linux 6.1; the kernel's number, where the C library is older
#endif

namespace seqcast::inline v1::detail::platform {

namespace {

// Of x86-64, and of aarch64 with pages of 4 KiB. Where they are larger the kernel declines, and nothing is
// lost.
constexpr std::size_t huge_page = std::size_t{2} << 20;

} // namespace

void* address_for_huge_pages(std::size_t size) noexcept {
  if (size < huge_page) return nullptr;
  std::size_t reserved = size + huge_page;
  void* const begin = ::mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (begin == MAP_FAILED) return nullptr;
  void* aligned = begin;
  std::align(huge_page, size, aligned, reserved);
  ::munmap(begin, size + huge_page);
  return aligned;
}

void use_huge_pages(void* address, std::size_t size) noexcept {
  // The first for memory that is still to come, the second for what is there.
  ::madvise(address, size, MADV_HUGEPAGE);
  ::madvise(address, size, MADV_COLLAPSE);
}

void lock_memory(const void* address, std::size_t size, std::error_code& error) noexcept {
  if (::mlock(address, size) != 0) error = {errno, std::system_category()};
}

} // namespace seqcast::inline v1::detail::platform
