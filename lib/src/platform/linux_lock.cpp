// SPDX-License-Identifier: BSL-1.0
//
// linux_lock: the lock that makes a publisher the only one, and what becomes of it in forked children.
//
// It is an open-file-description lock (F_OFD_SETLK, Linux 3.15; fcntl_locking(2)). A POSIX record lock would be
// dropped by any close of the same file anywhere in the process, and would admit a second publisher in the same
// process; flock() cannot be asked about from a descriptor without trying to take it. Such a lock belongs to
// the open file, which a forked child shares and would keep: so the child closes its copy, first thing.
#include "linux.hpp"

#include <cerrno>
#include <ctime>
#include <mutex>

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

namespace seqcast::inline v1::detail::platform {

namespace {

/// What a forked child has to let go of, in a list of all that this process has.
struct Holding {
  struct Range {
    void* address = nullptr;
    std::size_t size = 0;
  };

  Handle handle;
  std::array<Range, 2> ranges{}; // a region and a bell
  bool inherited = false;
  Holding* next = nullptr;
  Holding* previous = nullptr;
};

/// Every LockFile of this process. Locked across fork(), so that a child sees each either whole or not at all.
struct Registry {
  std::mutex mutex;
  Holding first;

  Registry() {
    ::pthread_atfork([] { registry().mutex.lock(); }, [] { registry().mutex.unlock(); },
                     [] {
                       registry().let_go();
                       registry().mutex.unlock();
                     });
  }

  static Registry& registry() {
    static Registry& instance = *new Registry; // never destroyed: a fork may come later than main() ends
    return instance;
  }

  void add(Holding& holding) noexcept {
    holding.previous = &first;
    holding.next = std::exchange(first.next, &holding);
    if (holding.next != nullptr) holding.next->previous = &holding;
  }

  static void remove(Holding& holding) noexcept {
    holding.previous->next = holding.next;
    if (holding.next != nullptr) holding.next->previous = holding.previous;
  }

  /// In a child, before anything else runs there: only system calls.
  void let_go() noexcept {
    for (Holding* holding = first.next; holding != nullptr; holding = holding->next) {
      holding->inherited = true;
      holding->handle = Handle{};
      for (const Holding::Range& range : holding->ranges) {
        if (range.address == nullptr) continue;
        ::mmap(range.address, range.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
               0);
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

/// The lock that keeps one of `type` off the file; F_UNLCK if there is none, or if the system does not tell.
struct flock conflicting(const Handle& handle, short type) noexcept {
  struct flock lock = whole_file(type);
  if (::fcntl(handle.id(), F_OFD_GETLK, &lock) != 0) lock.l_type = F_UNLCK;
  return lock;
}

} // namespace

struct LockFile::Entry : Holding {};

LockFile::LockFile() noexcept = default;
LockFile::LockFile(LockFile&&) noexcept = default;

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(entry_, other.entry_);
  return *this;
}

LockFile::~LockFile() {
  if (!entry_) return;
  Registry& registry = Registry::registry();
  const std::lock_guard guard{registry.mutex};
  Registry::remove(*entry_);
  if (!entry_->inherited) {
    // Closing alone would not do while a child that was just forked has not run yet, and still has a copy.
    struct flock lock = whole_file(F_UNLCK);
    ::fcntl(entry_->handle.id(), F_OFD_SETLK, &lock);
  }
  entry_.reset();
}

LockFile LockFile::open(const std::string& path, std::error_code& error) {
  return open_for_lock(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, error);
}

LockFile open_for_lock(const char* path, int flags, std::error_code& error) {
  const std::lock_guard guard{Registry::registry().mutex};
  Handle handle{::open(path, flags, 0600)};
  if (handle) return LockFile::adopt(std::move(handle));
  error = last_error();
  return {};
}

LockFile LockFile::adopt(Handle handle) {
  LockFile file;
  file.entry_ = std::make_unique<Entry>();
  file.entry_->handle = std::move(handle);
  Registry::registry().add(*file.entry_);
  return file;
}

LockFile::operator bool() const noexcept {
  return entry_ != nullptr;
}

const Handle& LockFile::handle() const noexcept {
  return entry_->handle;
}

LockFile::Attempt LockFile::lock(std::error_code& error) noexcept {
  constexpr int attempts = 100;
  constexpr struct timespec pause { 0, 200'000 }; // 0.2 ms
  for (int attempt = 1;; ++attempt) {
    struct flock lock = whole_file(F_WRLCK);
    if (::fcntl(entry_->handle.id(), F_OFD_SETLK, &lock) == 0) return Attempt::locked;
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
      error = last_error();
      return Attempt::failed;
    }
    if (attempt == attempts) break;
    ::nanosleep(&pause, nullptr);
  }
  return publisher_lock_held(entry_->handle) ? Attempt::held_by_publisher : Attempt::held_by_other;
}

std::uint64_t LockFile::holder() const noexcept {
  const struct flock found = conflicting(entry_->handle, F_WRLCK);
  return found.l_type != F_UNLCK && found.l_pid > 0 ? static_cast<std::uint64_t>(found.l_pid) : 0;
}

void LockFile::keep_from_children(void* address, std::size_t size) noexcept {
  const std::lock_guard guard{Registry::registry().mutex};
  for (Holding::Range& range : entry_->ranges) {
    if (range.address != nullptr) continue;
    range = {address, size};
    return;
  }
}

void LockFile::forget_children() noexcept {
  const std::lock_guard guard{Registry::registry().mutex};
  entry_->ranges = {};
}

bool LockFile::inherited() const noexcept {
  return entry_ != nullptr && entry_->inherited;
}

// A read lock, which anybody who can open the file may take, does not conflict with the one asked about here.
bool publisher_lock_held(const Handle& handle) noexcept {
  return conflicting(handle, F_RDLCK).l_type == F_WRLCK;
}

} // namespace seqcast::inline v1::detail::platform
