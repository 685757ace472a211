// SPDX-License-Identifier: BSL-1.0
//
// linux_truncation: reading on after the file behind a mapping was truncated. The kernel raises SIGBUS at the
// next read beyond the new end. The handler replaces the whole mapping with zeros, and the interrupted load
// runs again: it, and every later load, returns zero, which is not the version of any complete message. So the
// check that ends every read discards what was being copied, and the data path needs no check of its own.
//
// Who may call it: any thread. The handler runs in the thread that faults: it takes no lock, allocates nothing
// and preserves errno.
//
// Invariants
//   1. A fault outside the protected mappings goes to the previous handler, or kills the process.
//   2. The handler is installed once and never removed, nor is its code ever unloaded. Entries are reused and
//      never freed.
#include "platform.hpp"

#include <atomic>
#include <bit>
#include <cerrno>
#include <csignal>
#include <new>

#include <dlfcn.h>
#include <sys/mman.h>

// Before glibc 2.34 they are in a library of their own, which a program that loads plugins has.
#pragma weak dladdr
#pragma weak dlsym

namespace seqcast::inline v1::detail::platform {

/// One protected mapping, in a list that only grows.
struct TruncationGuard::Entry {
  std::atomic<std::uint64_t> version{0}; // odd while the fields below change
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::size_t> size{0}; // bytes, whole pages; 0: free
  std::atomic<int> protection{PROT_READ};
  std::atomic<bool> truncated{false};
  Entry* next = nullptr; // set before the entry is in the list

  using Words = std::atomic<std::uint64_t>;
  static_assert(Words::is_always_lock_free && std::atomic<Entry*>::is_always_lock_free);

  static std::atomic<Entry*>& first() noexcept {
    static constinit std::atomic<Entry*> instance{nullptr};
    return instance;
  }

  /// Takes a free entry. Returns false if it is not free, or if another thread took it.
  bool claim(std::uintptr_t address, std::size_t bytes, int access) noexcept {
    // [protection] acquire: pairs with the release below and in release(): the size belongs to this version.
    std::uint64_t found = version.load(std::memory_order_acquire);
    if (found % 2 != 0 || size.load(std::memory_order_relaxed) != 0) return false; // relaxed: as above
    // relaxed on failure: no value that was read is used.
    if (!version.compare_exchange_strong(found, found + 1, std::memory_order_acquire,
                                         std::memory_order_relaxed))
      return false;
    // [protection] release fence: pairs with the acquire fence in holds().
    // Otherwise the handler could take the begin of one mapping with the size of another.
    std::atomic_thread_fence(std::memory_order_release);
    // relaxed: the fence before and the release after order them.
    begin.store(address, std::memory_order_relaxed);
    size.store(bytes, std::memory_order_relaxed);
    protection.store(access, std::memory_order_relaxed);
    truncated.store(false, std::memory_order_relaxed);
    // [protection] release: pairs with the acquire in holds() and in claim().
    version.store(found + 2, std::memory_order_release);
    return true;
  }

  void release() noexcept {
    // relaxed: no other thread changes an entry that is in use.
    const std::uint64_t found = version.load(std::memory_order_relaxed);
    version.store(found + 1, std::memory_order_relaxed); // relaxed: the fence below orders it
    // [protection] release fence: as in claim().
    std::atomic_thread_fence(std::memory_order_release);
    size.store(0, std::memory_order_relaxed); // relaxed: the release below orders it
    // [protection] release: pairs with the acquire in holds() and in claim().
    version.store(found + 2, std::memory_order_release);
  }

  /// Whether the address lies in this mapping. An entry that changes meanwhile is not the one that protects the
  /// faulting thread's mapping: that one is in use until the read has ended.
  bool holds(std::uintptr_t address) const noexcept {
    // [protection] acquire: pairs with the release in claim() and in release().
    const std::uint64_t before = version.load(std::memory_order_acquire);
    // relaxed: the acquire before and the fence after order them.
    const std::uintptr_t from = begin.load(std::memory_order_relaxed);
    const std::size_t bytes = size.load(std::memory_order_relaxed);
    // [protection] acquire fence: pairs with the release fences in claim() and in release().
    std::atomic_thread_fence(std::memory_order_acquire);
    // relaxed: the fence above is the order it needs.
    return before % 2 == 0 && version.load(std::memory_order_relaxed) == before && address - from < bytes;
  }

  bool replace_with_zeros() noexcept {
    // [protection] release: pairs with the acquire in TruncationGuard::truncated().
    // Before the zeros are visible, so that a reader that finds them also finds the reason.
    truncated.store(true, std::memory_order_release);
    // relaxed: the caller's mapping is this one, or holds() has ordered it.
    void* const address = std::bit_cast<void*>(begin.load(std::memory_order_relaxed));
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    return ::mmap(address, size.load(std::memory_order_relaxed), protection.load(std::memory_order_relaxed),
                  flags, -1, 0) == address;
  }

  static Entry* find(const void* address) noexcept {
    // [protection] acquire: pairs with the release in add().
    for (Entry* entry = first().load(std::memory_order_acquire); entry != nullptr; entry = entry->next) {
      if (entry->holds(std::bit_cast<std::uintptr_t>(address))) return entry;
    }
    return nullptr;
  }

  static Entry* add(std::uintptr_t address, std::size_t bytes, int access) noexcept {
    // [protection] acquire: pairs with the release below.
    for (Entry* entry = first().load(std::memory_order_acquire); entry != nullptr; entry = entry->next) {
      if (entry->claim(address, bytes, access)) return entry;
    }
    Entry* const entry = new (std::nothrow) Entry;
    if (entry == nullptr || !entry->claim(address, bytes, access)) return nullptr;
    entry->next = first().load(std::memory_order_relaxed); // relaxed: only compared and passed on
    // [protection] release: pairs with the acquire in find() and above. relaxed on failure: tried again.
    while (!first().compare_exchange_weak(entry->next, entry, std::memory_order_release,
                                          std::memory_order_relaxed)) {
    }
    return entry;
  }
};

namespace {

struct sigaction previous {}; // the action for SIGBUS when the first mapping was protected

/// Does what would have happened without this handler.
void pass_on(int number, siginfo_t* info, void* context) noexcept {
  const bool sent = info->si_code <= 0; // by kill() and the like: no instruction will fault again
  const bool plain = (previous.sa_flags & SA_SIGINFO) == 0;
  if (plain && previous.sa_handler == SIG_IGN && sent) return;
  if (plain && (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN)) {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    ::sigaction(number, &standard, nullptr);
    if (sent) ::raise(number); // delivered when this handler returns; a fault occurs again by itself
    return;
  }
  // The mask that the other handler expects. It is restored when this handler returns, or by a siglongjmp().
  sigset_t mask = previous.sa_mask;
  ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  if ((previous.sa_flags & SA_NODEFER) != 0) {
    ::sigemptyset(&mask);
    ::sigaddset(&mask, number);
    ::pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
  }
  const struct sigaction action = previous;
  if ((previous.sa_flags & static_cast<int>(SA_RESETHAND)) != 0) {
    previous = {};
    previous.sa_handler = SIG_DFL;
  }
  if (plain) {
    action.sa_handler(number);
  } else {
    action.sa_sigaction(number, info, context);
  }
}

/// Keeps this code in memory if it is part of a plugin. To take the handler back when that is unloaded would not
/// do: another one may have been installed on top of it by then, and pass faults on to it.
void keep_code_loaded(const void* code) noexcept {
  Dl_info found{};
  if (dlsym == nullptr || dladdr == nullptr || ::dladdr(code, &found) == 0) return;
  // A static program has none, and would be linked with a warning if it were called by name.
  const auto open = std::bit_cast<decltype(&::dlopen)>(::dlsym(RTLD_DEFAULT, "dlopen"));
  if (open != nullptr) open(found.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

} // namespace

bool TruncationGuard::handle_fault(const void* address) noexcept {
  Entry* const entry = Entry::find(address);
  return entry != nullptr && entry->replace_with_zeros();
}

bool TruncationGuard::install_handler() noexcept {
  static const bool installed = [] {
    if (::sigaction(SIGBUS, nullptr, &previous) != 0) return false;
    keep_code_loaded(&previous);
    struct sigaction ours {};
    ours.sa_sigaction = [](int number, siginfo_t* info, void* context) {
      const int saved = errno;
      if (info->si_code != BUS_ADRERR || !handle_fault(info->si_addr)) pass_on(number, info, context);
      errno = saved;
    };
    // Runs on the application's alternate stack, if it has one. System calls restart if they did before, or if
    // the signal was ignored.
    const bool ignored = (previous.sa_flags & SA_SIGINFO) == 0 && previous.sa_handler == SIG_IGN;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (ignored ? SA_RESTART : previous.sa_flags & SA_RESTART);
    ::sigemptyset(&ours.sa_mask);
    return ::sigaction(SIGBUS, &ours, nullptr) == 0;
  }();
  return installed;
}

TruncationGuard TruncationGuard::protect(const void* address, std::uint64_t size, Access access,
                                         std::error_code& error) {
  TruncationGuard guard;
  if (!install_handler()) {
    error = last_error();
    return guard;
  }
  const std::uint64_t page = page_size();
  const int protection = access == Access::read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  guard.entry_.reset(Entry::add(std::bit_cast<std::uintptr_t>(address),
                                static_cast<std::size_t>((size + page - 1) / page * page), protection));
  if (!guard) error = std::make_error_code(std::errc::not_enough_memory);
  return guard;
}

void TruncationGuard::Release::operator()(Entry* entry) const noexcept {
  entry->release();
}

bool TruncationGuard::truncated() const noexcept {
  // [protection] acquire: pairs with the release in Entry::replace_with_zeros().
  return entry_ != nullptr && entry_->truncated.load(std::memory_order_acquire);
}

void TruncationGuard::replace_with_zeros() const noexcept {
  if (entry_ != nullptr) entry_->replace_with_zeros();
}

} // namespace seqcast::inline v1::detail::platform
