// SPDX-License-Identifier: BSL-1.0
//
// system_windows: see system.hpp.
#pragma once

#include "support/watchdog.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <malloc.h>
#include <tlhelp32.h>

namespace test {

[[noreturn]] inline void raise_last_error(const char* what) {
  throw std::system_error{static_cast<int>(::GetLastError()), std::system_category(), what};
}

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

inline std::uint64_t process_id() {
  return ::GetCurrentProcessId();
}

inline std::string default_place() {
  return std::filesystem::temp_directory_path().generic_string();
}

/// A new folder that nobody else has.
inline std::string make_folder(const std::string& place) {
  static std::atomic<int> count{0};
  std::string path;
  do { // one of a killed test of the same number may still be there
    path = place + "/seqcast-test-" + std::to_string(process_id()) + "-" + std::to_string(++count);
  } while (!std::filesystem::create_directory(path));
  return path;
}

/// What the system calls a shared-memory object.
inline std::string object_path(const std::string& name) {
  return "Local\\seqcast." + name;
}
/// There is nothing to remove: an object goes with whoever has it last.
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
inline std::chrono::nanoseconds thread_time() {
  return time_of(::GetCurrentThread());
}

/// Whether a thread sleeps, as far as can be told: it got no CPU time in 2 ms. The system does not say more,
/// and to suspend it for a look at where it is would disturb its sleep.
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

/// After which the first, short sleep of a wait is over, and its second one has begun.
inline constexpr std::chrono::milliseconds first_sleep_time{30};

/// Channels; more than the system waits for at once.
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

/// True if a Notifier's descriptor becomes readable before the watchdog's time is over.
inline bool readable(int descriptor, const Watchdog& watchdog) {
  const auto handle = std::bit_cast<HANDLE>(static_cast<std::intptr_t>(descriptor));
  return ::WaitForSingleObject(handle, static_cast<DWORD>(watchdog.milliseconds_left())) == WAIT_OBJECT_0;
}

/// This program, started with other arguments, none of which has a quote or ends with a backslash. It ends with
/// this process, or with the object, at the latest.
class Process {
 public:
  template <class Body>
  Process(const std::vector<std::string>& arguments, const Body&) : job_{::CreateJobObjectW(nullptr, nullptr)} {
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    ::SetInformationJobObject(job_.id(), JobObjectExtendedLimitInformation, &limits, sizeof limits);
    std::array<char, MAX_PATH> self{};
    ::GetModuleFileNameA(nullptr, self.data(), static_cast<DWORD>(self.size()));
    std::string line = "test";
    for (const std::string& argument : arguments) line += " \"" + argument + "\"";
    STARTUPINFOA start{};
    start.cb = sizeof start;
    PROCESS_INFORMATION made{};
    // Under Wine 8 one in some hundred processes does not come up: an "internal error", before it has run at
    // all.
    for (int tries = 1; ::CreateProcessA(self.data(), std::string{line}.data(), nullptr, nullptr, FALSE,
                                         CREATE_SUSPENDED, nullptr, nullptr, &start, &made) == 0;
         ++tries) {
      if (::GetLastError() != ERROR_INTERNAL_ERROR || tries == 5) raise_last_error("CreateProcess");
    }
    process_ = OwnedHandle{made.hProcess};
    const OwnedHandle thread{made.hThread};
    ::AssignProcessToJobObject(job_.id(), process_.id());
    ::ResumeThread(thread.id());
  }
  Process(Process&& other) noexcept = default;
  ~Process() {
    if (process_.id() != nullptr) kill();
  }

  int wait(const Watchdog& watchdog) {
    const OwnedHandle process = std::move(process_);
    const bool ended =
        ::WaitForSingleObject(process.id(), static_cast<DWORD>(watchdog.milliseconds_left())) == WAIT_OBJECT_0;
    if (!ended) ::TerminateProcess(process.id(), 1);
    if (!ended) throw GaveUp{"gave up waiting for " + watchdog.what() + " and killed it"};
    DWORD status = 0;
    ::GetExitCodeProcess(process.id(), &status);
    return static_cast<int>(status);
  }
  void kill() {
    ::TerminateProcess(process_.id(), 137);
    wait(Watchdog{"the end of a killed program"});
  }

 private:
  OwnedHandle job_;
  OwnedHandle process_;
};

/// Pages of memory that nobody may touch, until allow() says so.
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
