// SPDX-License-Identifier: BSL-1.0
//
// windows_memory: what the system is asked for of memory that is mapped already. See platform.hpp. Huge pages
// are not to be had for files here, and for sections only with a right that hardly anybody has.
#include "windows.hpp"

namespace seqcast::inline v1::detail::platform {

void* address_for_huge_pages(std::size_t) noexcept {
  return nullptr;
}

void use_huge_pages(void*, std::size_t) noexcept {}

// What is locked has to fit into the process's smallest working set, so that one grows along.
void lock_memory(const void* address, std::size_t size, std::error_code& error) noexcept {
  void* const begin = const_cast<void*>(address);
  if (::VirtualLock(begin, size) != 0) return;
  const HANDLE self = ::GetCurrentProcess();
  SIZE_T least = 0;
  SIZE_T most = 0;
  ::GetProcessWorkingSetSize(self, &least, &most);
  const SIZE_T more = size + 2 * page_size();
  if (::SetProcessWorkingSetSize(self, least + more, most + more) == 0 || ::VirtualLock(begin, size) == 0) {
    error = last_error();
  }
}

} // namespace seqcast::inline v1::detail::platform
