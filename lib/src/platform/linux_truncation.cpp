// SPDX-License-Identifier: BSL-1.0
//
// linux_truncation: reading on when somebody truncates the file behind a mapping. The kernel says so by SIGBUS
// at the next look beyond the new end. The handler here puts zeros in the place of the whole mapping, and the
// interrupted load is made again: it, and every later one, gives zero, which is no version that vouches for
// anything. So what was being copied is thrown away by the second look that every read ends with, and the data
// path needs no look of its own.
//
// Who may call it: protect() and release any thread; the handler runs wherever a fault happens, so it takes no
// lock, allocates nothing and leaves errno alone.
//
// Invariants
//   1. A fault outside the protected mappings is for whoever handled SIGBUS before, or kills as ever.
//   2. The handler is installed once and never removed; entries are used again and never freed.
#include "linux.hpp"

#include <atomic>
#include <bit>
#include <cerrno>
#include <csignal>
#include <new>

#include <sys/mman.h>
#include <unistd.h>

namespace seqcast::inline v1::detail::platform {

/// One protected mapping, in a list that only grows.
struct TruncationGuard::Entry {
  std::atomic<std::uint64_t> version{0}; // odd while the fields below change hands
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

  /// Takes a free entry; false if it is not free, or if somebody else was faster.
  bool claim(std::uintptr_t address, std::size_t bytes, int access) noexcept {
    // [protection] acquire: pairs with the release below and in give_back(): the size is of this version.
    std::uint64_t found = version.load(std::memory_order_acquire);
    if (found % 2 != 0 || size.load(std::memory_order_relaxed) != 0) return false; // relaxed: as said above
    // relaxed on failure: nothing was read that is used.
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

  void give_back() noexcept {
    // relaxed: nobody else changes an entry that is in use.
    const std::uint64_t found = version.load(std::memory_order_relaxed);
    version.store(found + 1, std::memory_order_relaxed); // relaxed: the fence below orders it
    // [protection] release fence: as in claim().
    std::atomic_thread_fence(std::memory_order_release);
    size.store(0, std::memory_order_relaxed); // relaxed: the release below orders it
    // [protection] release: pairs with the acquire in holds() and in claim().
    version.store(found + 2, std::memory_order_release);
  }

  /// Whether the address lies in this mapping. An entry that changes hands meanwhile is not the one that
  /// protects the faulting thread's mapping: that one is in use, and stays so.
  bool holds(std::uintptr_t address) const noexcept {
    // [protection] acquire: pairs with the release in claim() and in give_back().
    const std::uint64_t before = version.load(std::memory_order_acquire);
    // relaxed: the acquire before and the fence after order them.
    const std::uintptr_t from = begin.load(std::memory_order_relaxed);
    const std::size_t bytes = size.load(std::memory_order_relaxed);
    // [protection] acquire fence: pairs with the release fences in claim() and in give_back().
    std::atomic_thread_fence(std::memory_order_acquire);
    // relaxed: the fence above is the order it needs.
    return before % 2 == 0 && version.load(std::memory_order_relaxed) == before && address - from < bytes;
  }

  /// Puts zeros in the mapping's place.
  bool empty() noexcept {
    // [protection] release: pairs with the acquire in TruncationGuard::truncated().
    // Before the zeros can be seen, so that whoever finds nothing in them can be told why.
    truncated.store(true, std::memory_order_release);
    // relaxed: the caller's mapping is this one, or holds() has ordered it.
    void* const address = std::bit_cast<void*>(begin.load(std::memory_order_relaxed));
    return ::mmap(address, size.load(std::memory_order_relaxed), protection.load(std::memory_order_relaxed),
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == address;
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

struct sigaction before_us {}; // what was installed for SIGBUS when the first mapping was protected

/// What would have happened without this handler.
void pass_on(int number, siginfo_t* info, void* context) noexcept {
  const bool sent = info->si_code <= 0; // by kill() and the like: no instruction waits to be repeated
  const bool plain = (before_us.sa_flags & SA_SIGINFO) == 0;
  if (plain && before_us.sa_handler == SIG_IGN && sent) return;
  if (plain && (before_us.sa_handler == SIG_DFL || before_us.sa_handler == SIG_IGN)) {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    ::sigaction(number, &standard, nullptr);
    if (sent) ::raise(number); // delivered when this handler returns; a fault repeats itself
    return;
  }
  // The mask that the other handler was promised; restored when this one returns, as its jumping out would.
  sigset_t mask = before_us.sa_mask;
  ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  if ((before_us.sa_flags & SA_NODEFER) != 0) {
    ::sigemptyset(&mask);
    ::sigaddset(&mask, number);
    ::pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
  }
  const struct sigaction other = before_us;
  if ((before_us.sa_flags & static_cast<int>(SA_RESETHAND)) != 0) {
    before_us = {};
    before_us.sa_handler = SIG_DFL;
  }
  if (plain) {
    other.sa_handler(number);
  } else {
    other.sa_sigaction(number, info, context);
  }
}

} // namespace

bool TruncationGuard::survive(const void* address) noexcept {
  Entry* const entry = Entry::find(address);
  return entry != nullptr && entry->empty();
}

bool TruncationGuard::install() noexcept {
  static const bool installed = [] {
    if (::sigaction(SIGBUS, nullptr, &before_us) != 0) return false;
    struct sigaction ours {};
    ours.sa_sigaction = [](int number, siginfo_t* info, void* context) {
      const int kept = errno;
      if (info->si_code != BUS_ADRERR || !survive(info->si_addr)) pass_on(number, info, context);
      errno = kept;
    };
    // On the application's alternate stack, if it has one; and a signal that it ignored or that restarted
    // system calls goes on doing so.
    const bool ignored = (before_us.sa_flags & SA_SIGINFO) == 0 && before_us.sa_handler == SIG_IGN;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (ignored ? SA_RESTART : before_us.sa_flags & SA_RESTART);
    ::sigemptyset(&ours.sa_mask);
    return ::sigaction(SIGBUS, &ours, nullptr) == 0;
  }();
  return installed;
}

TruncationGuard TruncationGuard::protect(const void* address, std::uint64_t size, Access access,
                                         std::error_code& error) {
  TruncationGuard guard;
  if (!install()) {
    error = last_error();
    return guard;
  }
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const int protection = access == Access::read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  guard.entry_ = Entry::add(std::bit_cast<std::uintptr_t>(address),
                            static_cast<std::size_t>((size + page - 1) / page * page), protection);
  if (guard.entry_ == nullptr) error = std::make_error_code(std::errc::not_enough_memory);
  return guard;
}

TruncationGuard::~TruncationGuard() {
  if (entry_ != nullptr) entry_->give_back();
}

bool TruncationGuard::truncated() const noexcept {
  // [protection] acquire: pairs with the release in Entry::empty().
  return entry_ != nullptr && entry_->truncated.load(std::memory_order_acquire);
}

void TruncationGuard::give_up() const noexcept {
  if (entry_ != nullptr) entry_->empty();
}

} // namespace seqcast::inline v1::detail::platform
