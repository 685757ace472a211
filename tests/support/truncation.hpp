// SPDX-License-Identifier: BSL-1.0
//
// truncation: cutting a file short, if needed at an exact point of a copy.
//
// Who may call it: tests; one TrapBuffer at a time in a process.
#pragma once

#include "support/child.hpp"

#include <csignal>
#include <functional>
#include <span>
#include <string>

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

namespace test {

inline void cut(const std::string& path, off_t size) {
  if (::truncate(path.c_str(), size) != 0) raise_errno("truncate");
}

/// For children that are expected to die of SIGBUS: no core, and no sanitizer's handler that makes it an exit.
inline void no_core() {
  constexpr struct rlimit none {};
  ::setrlimit(RLIMIT_CORE, &none);
  ::signal(SIGBUS, SIG_DFL);
}

/// A buffer with a page that is protected until the first write to it. That write calls `on_write`, once, and
/// then goes on.
class TrapBuffer {
 public:
  TrapBuffer(std::size_t size, std::size_t trapped_page, std::function<void()> on_write)
      : page_{static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))}, size_{size}, on_write_{std::move(on_write)} {
    room_ = (size + page_ - 1) / page_ * page_;
    void* const memory = ::mmap(nullptr, room_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) raise_errno("mmap");
    bytes_ = static_cast<std::byte*>(memory);
    if (::mprotect(bytes_ + trapped_page * page_, page_, PROT_NONE) != 0) raise_errno("mprotect");
    armed() = this;
    struct sigaction action {};
    action.sa_sigaction = [](int, siginfo_t*, void*) { armed()->release(); };
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGSEGV, &action, &before_);
  }
  TrapBuffer(const TrapBuffer&) = delete;
  ~TrapBuffer() {
    ::sigaction(SIGSEGV, &before_, nullptr);
    ::munmap(bytes_, room_);
  }

  std::span<std::byte> bytes() const noexcept {
    return {bytes_, size_};
  }
  bool was_written() const noexcept {
    return times_ == 1;
  }

 private:
  static TrapBuffer*& armed() noexcept {
    static TrapBuffer* instance = nullptr;
    return instance;
  }
  void release() {
    times_ = times_ + 1;
    if (times_ > 1) ::_exit(3); // a fault of another kind
    ::mprotect(bytes_, room_, PROT_READ | PROT_WRITE);
    on_write_();
  }

  std::size_t page_;
  std::size_t size_;
  std::size_t room_ = 0;
  std::function<void()> on_write_;
  std::byte* bytes_ = nullptr;
  struct sigaction before_ {};
  volatile std::sig_atomic_t times_ = 0;
};

} // namespace test
