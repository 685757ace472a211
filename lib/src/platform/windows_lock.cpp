// SPDX-License-Identifier: BSL-1.0
//
// windows_lock: the lock that makes a publisher the only one.
//
// For a file it is an exclusive lock (LockFileEx) on one byte far beyond any data: here locks keep others from
// reading and writing what is locked. It belongs to the open file, so that a second publisher in the same
// process is refused as well; a mutex would belong to a thread. Whoever asks whether it is held takes a shared
// lock on the same byte for a moment, and a publisher that comes just then tries again.
//
// For a section it is an event that exists for as long as its maker has it: to ask, one looks for it.
//
// Nothing is forked here, and no handle is inherited: the half of LockFile that deals with children does
// nothing.
#include "windows.hpp"

#include <chrono>

namespace seqcast::inline v1::detail::platform {

namespace {

using clock = std::chrono::steady_clock;

// A killed process is not dead yet when TerminateProcess() returns, and its locks go with its handles.
constexpr auto patience = std::chrono::milliseconds{50};

OVERLAPPED lock_place() noexcept {
  OVERLAPPED place{};
  place.OffsetHigh = 0x4000'0000; // byte 2^62
  return place;
}

/// Gives the system's error, or ERROR_SUCCESS.
DWORD lock_byte(HANDLE file, DWORD flags) noexcept {
  OVERLAPPED place = lock_place();
  const bool locked = ::LockFileEx(file, flags | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place) != 0;
  return locked ? ERROR_SUCCESS : ::GetLastError();
}

void unlock_byte(HANDLE file) noexcept {
  OVERLAPPED place = lock_place();
  ::UnlockFileEx(file, 0, 1, 0, &place);
}

/// Whether a lock was refused because there is one.
bool held(DWORD error) noexcept {
  return error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING || error == ERROR_ALREADY_EXISTS;
}

} // namespace

struct LockFile::Entry {
  Handle handle;
  Handle event = {}; // of a section, while it is locked
  bool byte_locked = false;

  /// Gives the system's error, or ERROR_SUCCESS.
  DWORD try_lock() {
    if (!handle.is_section()) {
      const DWORD error = lock_byte(handle.id(), LOCKFILE_EXCLUSIVE_LOCK);
      byte_locked = error == ERROR_SUCCESS;
      return error;
    }
    const std::wstring name = lock_name_of(handle);
    Handle made{::CreateEventW(nullptr, TRUE, FALSE, name.c_str())};
    const DWORD error = ::GetLastError(); // also if it was made, or was there already
    if (error == ERROR_SUCCESS) event = std::move(made);
    return error;
  }
};

LockFile::LockFile() noexcept = default;
LockFile::LockFile(LockFile&&) noexcept = default;

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(entry_, other.entry_);
  return *this;
}

LockFile::~LockFile() {
  if (entry_ && entry_->byte_locked) unlock_byte(entry_->handle.id());
}

LockFile LockFile::open(const std::string& path, std::error_code& error) {
  return open_for_lock(path.c_str(), OPEN_EXISTING, error);
}

LockFile LockFile::adopt(Handle handle) {
  LockFile file;
  file.entry_ = std::make_unique<Entry>(Entry{.handle = std::move(handle)});
  return file;
}

LockFile::operator bool() const noexcept {
  return entry_ != nullptr;
}

const Handle& LockFile::handle() const noexcept {
  return entry_->handle;
}

LockFile::Attempt LockFile::lock(std::error_code& error) noexcept {
  const auto end = clock::now() + patience;
  for (;;) {
    const DWORD found = entry_->try_lock();
    if (found == ERROR_SUCCESS) return Attempt::locked;
    if (!held(found)) {
      error = code_of(found);
      return Attempt::failed;
    }
    if (clock::now() >= end) break;
    ::Sleep(1);
  }
  return publisher_lock_held(entry_->handle) ? Attempt::held_by_publisher : Attempt::held_by_other;
}

std::uint64_t LockFile::holder() const noexcept {
  return 0;
}

void LockFile::keep_from_children(void*, std::size_t) noexcept {}

void LockFile::forget_children() noexcept {}

bool LockFile::inherited() const noexcept {
  return false;
}

bool publisher_lock_held(const Handle& handle) noexcept {
  if (handle.is_section()) {
    return static_cast<bool>(Handle{::OpenEventW(SYNCHRONIZE, FALSE, lock_name_of(handle).c_str())});
  }
  const DWORD found = lock_byte(handle.id(), 0);
  if (found == ERROR_SUCCESS) unlock_byte(handle.id());
  return held(found);
}

} // namespace seqcast::inline v1::detail::platform
