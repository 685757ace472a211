// SPDX-License-Identifier: BSL-1.0
//
// linux_lock: the lock that keeps a second publisher out, and its release in forked children.
//
// It is an open-file-description lock (F_OFD_SETLK, Linux 3.15; fcntl_locking(2)). A POSIX record lock would be
// released by any close() of the same file in the process, and would admit a second publisher in the process. A
// flock() lock cannot be queried without an attempt to take it. A forked child shares the open file and would
// keep its lock: so the child closes its copy before it does anything else.
#include "platform.hpp"

#include <cerrno>
#include <mutex>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

namespace seqcast::inline v1::detail::platform {

namespace {

/// Every OpenLock of this process. Locked across fork(), so that a child finds each either complete or not
/// at all.
struct Registry {
  std::mutex mutex;
  std::vector<OpenLock*> locks;

  Registry() {
    ::pthread_atfork([] { instance().mutex.lock(); }, [] { instance().mutex.unlock(); },
                     [] {
                       instance().give_up_in_child();
                       instance().mutex.unlock();
                     });
  }

  static Registry& instance() {
    static Registry& registry = *new Registry; // never destroyed: a thread may fork after the end of main()
    return registry;
  }

  /// Runs in a child before anything else. Async-signal-safe: makes system calls only.
  void give_up_in_child() noexcept {
    for (OpenLock* const lock : locks) {
      lock->inherited = true;
      lock->handle = {};
      for (const OpenLock::Range& range : lock->ranges) {
        if (range.address == nullptr) continue;
        constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
        ::mmap(range.address, range.size, PROT_READ | PROT_WRITE, flags, -1, 0);
      }
    }
  }
};

struct flock whole_file(short type) noexcept {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

struct flock one_byte(short type, std::uint64_t offset) noexcept {
  struct flock lock = whole_file(type);
  lock.l_start = static_cast<off_t>(offset);
  lock.l_len = 1;
  return lock;
}

/// False without an error if another holds a lock that is in the way.
bool take(const Handle& handle, struct flock lock, std::error_code& error) noexcept {
  if (::fcntl(handle.id(), F_OFD_SETLK, &lock) == 0) return true;
  if (errno != EAGAIN && errno != EACCES && errno != EINTR) error = last_error();
  return false;
}

/// The lock that conflicts with this one. Its type is F_UNLCK if there is none, or after an error.
struct flock conflicting(const Handle& handle, struct flock lock) noexcept {
  if (::fcntl(handle.id(), F_OFD_GETLK, &lock) != 0) lock.l_type = F_UNLCK;
  return lock;
}

} // namespace

LockFile open_for_lock(const Place& place, int flags, std::error_code& error) {
  auto lock = std::make_unique<OpenLock>();
  Registry& registry = Registry::instance();
  const std::lock_guard guard{registry.mutex};
  registry.locks.push_back(lock.get());
  lock->handle = Handle{open_at(place, flags, 0600)};
  if (lock->handle) return LockFile{std::move(lock)};
  error = last_error();
  return {};
}

OpenLock::~OpenLock() {
  Registry& registry = Registry::instance();
  const std::lock_guard guard{registry.mutex};
  std::erase(registry.locks, this);
  if (!inherited) {
    // close() is not enough: a child that was forked just now may not have closed its copy yet.
    struct flock lock = whole_file(F_UNLCK);
    ::fcntl(handle.id(), F_OFD_SETLK, &lock);
  }
  handle = {}; // under the mutex: no child inherits the descriptor of a lock that is not registered
}

bool OpenLock::try_lock(std::error_code& error) noexcept {
  return take(handle, whole_file(F_WRLCK), error);
}

bool OpenLock::try_lock_byte(std::uint64_t offset, std::error_code& error) noexcept {
  return take(handle, one_byte(F_WRLCK, offset), error);
}

std::optional<LockResult> OpenLock::obstacle() const noexcept {
  const short type = conflicting(handle, whole_file(F_WRLCK)).l_type;
  if (type == F_UNLCK) return std::nullopt;
  return type == F_WRLCK ? LockResult::held_by_publisher : LockResult::held_by_other;
}

std::uint64_t OpenLock::holder() const noexcept {
  const struct flock found = conflicting(handle, whole_file(F_WRLCK));
  return found.l_type != F_UNLCK && found.l_pid > 0 ? static_cast<std::uint64_t>(found.l_pid) : 0;
}

void OpenLock::protect_from_children(void* address, std::size_t size) noexcept {
  const std::lock_guard guard{Registry::instance().mutex};
  for (Range& range : ranges) {
    if (range.address != nullptr) continue;
    range = {address, size};
    // For children that begin without the handlers of fork() (_Fork()), or cannot map anything more: they have
    // nothing mapped here, and are killed if they publish.
    ::madvise(address, size, MADV_DONTFORK);
    return;
  }
}

void OpenLock::clear_protected_ranges() noexcept {
  const std::lock_guard guard{Registry::instance().mutex};
  ranges = {};
}

// A read lock, which any process that can open the file may take, does not conflict with F_RDLCK.
bool publisher_lock_held(const Handle& handle) noexcept {
  return conflicting(handle, whole_file(F_RDLCK)).l_type == F_WRLCK;
}

bool byte_lock_held(const Handle& handle, std::uint64_t offset) noexcept {
  return conflicting(handle, one_byte(F_RDLCK, offset)).l_type == F_WRLCK;
}

} // namespace seqcast::inline v1::detail::platform
