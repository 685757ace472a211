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
#include <cstdint>
#include <cstdio>
#include <span>
#include <stop_token>
#include <string>
#include <system_error>
#include <utility>

[[noreturn]] inline void give_up(const char* what) {
  throw std::system_error{static_cast<int>(GetLastError()), std::system_category(), what};
}

inline std::uint64_t process_id() {
  return GetCurrentProcessId();
}

/// Each line goes out when it is complete, into a pipe as well.
inline void print_line_by_line() {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
}

/// Ctrl-C and the like request a stop.
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
    DWORD there = 0;
    if (PeekNamedPipe(input, nullptr, 0, nullptr, &there, nullptr) == 0 || there > 0) return true;
    Sleep(10);
  }
  return false;
}
/// Bytes read, but for carriage returns; 0 at its end.
inline std::size_t read_input(std::span<char> chunk) {
  for (;;) {
    DWORD size = 0;
    const auto most = static_cast<DWORD>(chunk.size());
    if (ReadFile(GetStdHandle(STD_INPUT_HANDLE), chunk.data(), most, &size, nullptr) == 0) {
      if (GetLastError() != ERROR_BROKEN_PIPE) give_up("cannot read standard input");
    }
    if (size == 0) return 0;
    const auto end = std::remove(chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(size), '\r');
    if (end != chunk.begin()) return static_cast<std::size_t>(end - chunk.begin());
  }
}

/// A process that does what this program does when it is started with an argument. It never outlives the
/// object, nor the process that started it.
class Child {
 public:
  /// The status of one that was killed.
  static constexpr int killed = 137;

  Child(const std::string& argument, void (*)(const std::string&)) : job_{CreateJobObjectW(nullptr, nullptr)} {
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    SetInformationJobObject(job_, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    std::array<char, MAX_PATH> self{};
    GetModuleFileNameA(nullptr, self.data(), static_cast<DWORD>(self.size()));
    std::string line = "child \"" + argument + "\"";
    STARTUPINFOA start{};
    start.cb = sizeof start;
    PROCESS_INFORMATION made{};
    if (CreateProcessA(self.data(), line.data(), nullptr, nullptr, FALSE, CREATE_SUSPENDED, nullptr, nullptr,
                       &start, &made) == 0) {
      give_up("cannot start a process");
    }
    process_ = made.hProcess;
    AssignProcessToJobObject(job_, process_);
    ResumeThread(made.hThread);
    CloseHandle(made.hThread);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    TerminateProcess(process_, killed);
    wait();
    CloseHandle(process_);
    CloseHandle(job_);
  }

  /// Waits for its end, and gives its status.
  int wait() {
    WaitForSingleObject(process_, INFINITE);
    DWORD status = 0;
    GetExitCodeProcess(process_, &status);
    return static_cast<int>(status);
  }

 private:
  HANDLE job_;
  HANDLE process_ = nullptr;
};

/// Plain bytes that have a name, zeros at first: in every process that asks for the name the same ones.
class SharedBytes {
 public:
  SharedBytes(const std::string& name, std::size_t size)
      : section_{CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, static_cast<DWORD>(size),
                                    name.c_str())},
        bytes_{section_ == nullptr ? nullptr : MapViewOfFile(section_, FILE_MAP_WRITE, 0, 0, size)} {
    if (bytes_ == nullptr) give_up("cannot share memory");
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

/// Bytes that nobody may read: whoever tries is killed at that instruction.
inline std::span<const std::byte> deadly_bytes(std::size_t size) {
  AddVectoredExceptionHandler(1, [](EXCEPTION_POINTERS* found) -> LONG {
    if (found->ExceptionRecord->ExceptionCode == EXCEPTION_ACCESS_VIOLATION) {
      TerminateProcess(GetCurrentProcess(), Child::killed);
    }
    return EXCEPTION_CONTINUE_SEARCH;
  });
  const void* forbidden = VirtualAlloc(nullptr, size, MEM_RESERVE, PAGE_NOACCESS);
  return {static_cast<const std::byte*>(forbidden), size};
}
