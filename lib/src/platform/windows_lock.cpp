// SPDX-License-Identifier: BSL-1.0
//
// windows_lock: the lock that keeps a second publisher out.
//
// For a file it is an exclusive lock (LockFileEx) on one byte far beyond any data: on this system a lock keeps
// others from reading and writing what is locked. It belongs to the open file, so that a second publisher in
// the same process is refused as well; a mutex would belong to a thread. A query takes a shared lock on the
// same byte for a moment; a publisher that starts just then tries again.
//
// For a section it is an event that exists while its creator has it open. A query opens it.
#include "windows_system.hpp"

namespace seqcast::inline v1::detail::platform {

namespace {

// What stands for a lock: the publisher's, or that on one byte of a bell.
constexpr std::uint64_t publishers = 0;
constexpr std::uint64_t byte_for(std::uint64_t offset) noexcept {
  return 1 + offset;
}

OVERLAPPED lock_place(std::uint64_t byte) noexcept {
  OVERLAPPED place{};
  place.OffsetHigh = 0x4000'0000; // byte 2^62
  place.Offset = static_cast<DWORD>(byte);
  return place;
}

/// Returns the system's error, or ERROR_SUCCESS.
DWORD lock_byte(HANDLE file, DWORD flags, std::uint64_t byte) noexcept {
  OVERLAPPED place = lock_place(byte);
  const bool locked = ::LockFileEx(file, flags | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place) != 0;
  return locked ? ERROR_SUCCESS : ::GetLastError();
}

void unlock_byte(HANDLE file, std::uint64_t byte) noexcept {
  OVERLAPPED place = lock_place(byte);
  ::UnlockFileEx(file, 0, 1, 0, &place);
}

ObjectName event_name_of(const Handle& section, std::uint64_t byte) noexcept {
  ObjectName name;
  name << L"Local\\seqcast-lock." << section.section().id;
  if (byte != publishers) name << L"." << byte;
  return name;
}

/// Whether a lock was refused because another holds it.
bool held(DWORD error) noexcept {
  return error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING || error == ERROR_ALREADY_EXISTS;
}

} // namespace

OpenLock::~OpenLock() {
  if (!handle.is_section()) unlock_byte(handle.id(), byte); // no effect if it is not locked
}

bool OpenLock::try_lock(std::error_code& error) noexcept {
  DWORD result = ERROR_SUCCESS;
  if (handle.is_section()) {
    Handle created{::CreateEventW(nullptr, TRUE, FALSE, event_name_of(handle, byte).c_str())};
    result = ::GetLastError(); // also if the event exists, and was opened
    if (result == ERROR_SUCCESS) event = std::move(created);
  } else {
    result = lock_byte(handle.id(), LOCKFILE_EXCLUSIVE_LOCK, byte);
  }
  if (result != ERROR_SUCCESS && !held(result)) error = code_of(result);
  return result == ERROR_SUCCESS;
}

bool OpenLock::try_lock_byte(std::uint64_t offset, std::error_code& error) noexcept {
  byte = byte_for(offset);
  return try_lock(error);
}

std::optional<LockResult> OpenLock::obstacle() const noexcept {
  return publisher_lock_held(handle) ? LockResult::held_by_publisher : LockResult::held_by_other;
}

namespace {

bool is_held(const Handle& handle, std::uint64_t byte) noexcept {
  if (handle.is_section()) {
    return static_cast<bool>(Handle{::OpenEventW(SYNCHRONIZE, FALSE, event_name_of(handle, byte).c_str())});
  }
  const DWORD result = lock_byte(handle.id(), 0, byte);
  if (result == ERROR_SUCCESS) unlock_byte(handle.id(), byte);
  return held(result);
}

} // namespace

bool publisher_lock_held(const Handle& handle) noexcept {
  return is_held(handle, publishers);
}

bool byte_lock_held(const Handle& handle, std::uint64_t offset) noexcept {
  return is_held(handle, byte_for(offset));
}

} // namespace seqcast::inline v1::detail::platform
