// SPDX-License-Identifier: BSL-1.0
//
// system_windows: see system.hpp.
#pragma once

#include "../../demos/system_windows.hpp"
#include "support/watchdog.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <new>
#include <string>
#include <utility>

#include <malloc.h>
#include <tlhelp32.h>

namespace test {

/// A handle that is closed by its destructor.
class OwnedHandle {
 public:
  OwnedHandle() = default;
  explicit OwnedHandle(HANDLE id) noexcept : id_{id} {}
  OwnedHandle(OwnedHandle&& other) noexcept : id_{std::exchange(other.id_, nullptr)} {}
  OwnedHandle& operator=(OwnedHandle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~OwnedHandle() {
    if (id_ != nullptr && id_ != INVALID_HANDLE_VALUE) ::CloseHandle(id_);
  }
  HANDLE id() const noexcept {
    return id_;
  }

 private:
  HANDLE id_ = nullptr;
};

using demo::process_id;

inline std::string default_place() {
  return std::filesystem::temp_directory_path().generic_string();
}

inline std::string disk_place() {
  return default_place();
}

/// A new folder with a unique name.
inline std::string make_folder(const std::string& place) {
  static std::atomic<int> count{0};
  std::string path;
  do { // a killed test with the same process id may have left one
    path = place + "/seqcast-test-" + std::to_string(process_id()) + "-" + std::to_string(++count);
  } while (!std::filesystem::create_directory(path));
  return path;
}

/// The system's name of a shared-memory object.
inline std::string object_path(const std::string& name) {
  return "Local\\seqcast." + name;
}
/// There is nothing to remove: an object ends with its last handle.
inline void remove_object(const std::string&) {}

inline DWORD thread_id() {
  return ::GetCurrentThreadId();
}

/// CPU time of a thread so far.
inline std::chrono::nanoseconds time_of(HANDLE thread) {
  FILETIME unused{}, kernel{}, user{};
  ::GetThreadTimes(thread, &unused, &unused, &kernel, &user);
  const auto ticks = [](const FILETIME& time) {
    return static_cast<std::int64_t>(std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime);
  };
  return std::chrono::nanoseconds{100 * (ticks(kernel) + ticks(user))};
}

/// Whether a thread probably sleeps: it got no CPU time in 2 ms. The system reports no more, and suspending the
/// thread would disturb its sleep.
inline bool sleeps(DWORD thread) {
  const OwnedHandle handle{::OpenThread(THREAD_QUERY_INFORMATION, FALSE, thread)};
  if (handle.id() == nullptr) return false;
  const auto before = time_of(handle.id());
  ::Sleep(2);
  return time_of(handle.id()) == before;
}

/// As std::aligned_alloc(), to be freed by free_aligned().
inline void* allocate_aligned(std::size_t alignment, std::size_t size) noexcept {
  return ::_aligned_malloc(size, alignment);
}
inline void free_aligned(void* memory) noexcept {
  ::_aligned_free(memory);
}

/// The time after which the first, short sleep of a wait is over and the second one has begun.
inline constexpr std::chrono::milliseconds first_sleep_time{30};

/// A number of channels that is more than the system waits for at once.
inline constexpr std::size_t too_many = 66;

/// Threads of this process.
inline std::size_t threads() {
  const OwnedHandle all{::CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0)};
  THREADENTRY32 entry{};
  entry.dwSize = sizeof entry;
  std::size_t count = 0;
  for (BOOL more = ::Thread32First(all.id(), &entry); more != 0; more = ::Thread32Next(all.id(), &entry)) {
    if (entry.th32OwnerProcessID == ::GetCurrentProcessId()) ++count;
  }
  return count;
}

/// True if the event is set before the watchdog's time is over.
inline bool readable(HANDLE handle, const Watchdog& watchdog) {
  return ::WaitForSingleObject(handle, static_cast<DWORD>(watchdog.milliseconds_left())) == WAIT_OBJECT_0;
}

/// Pages of memory without access, until allow() gives it.
class Pages {
 public:
  static std::size_t page_size() {
    SYSTEM_INFO facts{};
    ::GetSystemInfo(&facts);
    return facts.dwPageSize;
  }

  explicit Pages(std::size_t size) : all_{::VirtualAlloc(nullptr, size, MEM_RESERVE, PAGE_NOACCESS)} {
    if (all_ == nullptr) throw std::bad_alloc{};
  }
  Pages(const Pages&) = delete;
  ~Pages() {
    ::VirtualFree(all_, 0, MEM_RELEASE);
  }
  std::byte* begin() const noexcept {
    return static_cast<std::byte*>(all_);
  }
  /// Whole pages, zeros at first.
  void allow(std::byte* from, std::size_t size) const {
    if (size > 0 && ::VirtualAlloc(from, size, MEM_COMMIT, PAGE_READWRITE) == nullptr) throw std::bad_alloc{};
  }

 private:
  void* all_;
};

} // namespace test
