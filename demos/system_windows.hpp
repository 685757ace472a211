// SPDX-License-Identifier: BSL-1.0
//
// system_windows: see system.hpp.
#pragma once

#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <span>
#include <stop_token>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace demo {

[[noreturn]] inline void throw_last_error(const char* what) {
  throw std::system_error{static_cast<int>(GetLastError()), std::system_category(), what};
}

inline std::uint64_t process_id() {
  return GetCurrentProcessId();
}

/// Has each line written as soon as it is complete, into a pipe too.
inline void flush_each_line() {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
}

/// Ctrl-C, Ctrl-Break and the end of the console request a stop.
inline void stop_on_signal(std::stop_source source) {
  static std::stop_source stop;
  stop = std::move(source);
  SetConsoleCtrlHandler([](DWORD) -> BOOL { return stop.request_stop() ? TRUE : FALSE; }, TRUE);
}

/// Whether standard input has something to read, or has ended, within 100 ms.
inline bool input_is_ready() {
  const HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
  const DWORD type = GetFileType(input);
  if (type == FILE_TYPE_CHAR) return WaitForSingleObject(input, 100) == WAIT_OBJECT_0;
  if (type != FILE_TYPE_PIPE) return true;
  for (int slice = 0; slice < 10; ++slice) {
    DWORD available = 0;
    if (PeekNamedPipe(input, nullptr, 0, nullptr, &available, nullptr) == 0 || available > 0) return true;
    Sleep(10);
  }
  return false;
}
/// Bytes read, without carriage returns; 0 at the end of the input.
inline std::size_t read_input(std::span<char> chunk) {
  for (;;) {
    DWORD size = 0;
    const auto most = static_cast<DWORD>(chunk.size());
    if (ReadFile(GetStdHandle(STD_INPUT_HANDLE), chunk.data(), most, &size, nullptr) == 0) {
      if (GetLastError() != ERROR_BROKEN_PIPE) throw_last_error("cannot read standard input");
    }
    if (size == 0) return 0;
    const auto end = std::remove(chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(size), '\r');
    if (end != chunk.begin()) return static_cast<std::size_t>(end - chunk.begin());
  }
}

/// This program, started again with arguments, none of which has a quote or ends with a backslash. It is killed
/// when the object, or this process, ends.
class Child {
 public:
  /// The exit status of a child that was killed.
  static constexpr int killed = 137;

  /// The body is for systems with fork(), which runs it in place of main().
  template <class Body>
  Child(const std::vector<std::string>& arguments, const Body& /*body*/)
      : job_{CreateJobObjectW(nullptr, nullptr)} {
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    SetInformationJobObject(job_, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    std::array<char, MAX_PATH> self{};
    GetModuleFileNameA(nullptr, self.data(), static_cast<DWORD>(self.size()));
    std::string line = "child";
    for (const std::string& argument : arguments) line += " \"" + argument + "\"";
    STARTUPINFOA start{};
    start.cb = sizeof start;
    PROCESS_INFORMATION created{};
    // Under Wine 8 one in some hundred processes fails with an internal error before it runs.
    for (int tries = 1; CreateProcessA(self.data(), std::string{line}.data(), nullptr, nullptr, FALSE,
                                       CREATE_SUSPENDED, nullptr, nullptr, &start, &created) == 0;
         ++tries) {
      if (GetLastError() != ERROR_INTERNAL_ERROR || tries == 5) throw_last_error("cannot start a process");
    }
    process_ = created.hProcess;
    AssignProcessToJobObject(job_, process_);
    ResumeThread(created.hThread);
    CloseHandle(created.hThread);
  }
  Child(Child&& other) noexcept
      : job_{std::exchange(other.job_, nullptr)}, process_{std::exchange(other.process_, nullptr)} {}
  ~Child() {
    if (process_ != nullptr) kill();
    if (job_ != nullptr) CloseHandle(job_);
  }

  /// Whether it ends within that time.
  bool ends_within(std::chrono::nanoseconds timeout) const {
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    return WaitForSingleObject(process_, static_cast<DWORD>(milliseconds)) == WAIT_OBJECT_0;
  }
  /// Waits until it has ended, and gives its exit status.
  int wait() {
    const HANDLE process = std::exchange(process_, nullptr);
    WaitForSingleObject(process, INFINITE);
    DWORD status = 0;
    GetExitCodeProcess(process, &status);
    CloseHandle(process);
    return static_cast<int>(status);
  }
  /// Kills it, and waits until it has ended.
  void kill() {
    TerminateProcess(process_, killed);
    wait();
  }

 private:
  HANDLE job_;
  HANDLE process_ = nullptr;
};

/// Plain shared memory with a name, zeros at first, the same bytes in every process that opens the name.
class SharedBytes {
 public:
  SharedBytes(const std::string& name, std::size_t size)
      : section_{CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, static_cast<DWORD>(size),
                                    name.c_str())},
        bytes_{section_ == nullptr ? nullptr : MapViewOfFile(section_, FILE_MAP_WRITE, 0, 0, size)} {
    if (bytes_ == nullptr) throw_last_error("cannot share memory");
  }
  SharedBytes(const SharedBytes&) = delete;
  SharedBytes& operator=(const SharedBytes&) = delete;
  ~SharedBytes() {
    UnmapViewOfFile(bytes_);
    CloseHandle(section_);
  }
  void* get() const {
    return bytes_;
  }

 private:
  HANDLE section_;
  void* bytes_;
};

/// Reserved memory without access: every load from it or store to it faults.
inline void* map_inaccessible(std::size_t size) {
  void* const memory = VirtualAlloc(nullptr, size, MEM_RESERVE, PAGE_NOACCESS);
  if (memory == nullptr) throw_last_error("cannot map memory");
  return memory;
}

/// From here on a memory fault kills this process at that instruction: no destructor and no handler runs.
inline void kill_on_fault() {
  AddVectoredExceptionHandler(1, [](EXCEPTION_POINTERS* found) -> LONG {
    if (found->ExceptionRecord->ExceptionCode == EXCEPTION_ACCESS_VIOLATION) {
      TerminateProcess(GetCurrentProcess(), Child::killed);
    }
    return EXCEPTION_CONTINUE_SEARCH;
  });
}

} // namespace demo
