// SPDX-License-Identifier: BSL-1.0
//
// system_linux: see system.hpp.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <span>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

[[noreturn]] inline void give_up(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}

inline std::uint64_t process_id() {
  return static_cast<std::uint64_t>(getpid());
}

/// Each line goes out when it is complete, into a pipe as well.
inline void print_line_by_line() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
}

/// SIGINT and SIGTERM request a stop. All threads that are started later leave these signals alone.
inline void stop_on_signal(std::stop_source source) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // Detached: it waits for as long as the program runs, and touches nothing but what it holds itself.
  std::thread{[signals, source]() mutable {
    int signal = 0;
    sigwait(&signals, &signal);
    source.request_stop();
  }}.detach();
}

/// Whether standard input has something to read, or has ended, within 100 ms.
inline bool input_is_ready() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  constexpr int slice_ms = 100;
  return poll(&input, 1, slice_ms) != 0;
}
/// Bytes read; 0 at its end.
inline std::size_t read_input(std::span<char> chunk) {
  const auto size = read(STDIN_FILENO, chunk.data(), chunk.size());
  if (size < 0) give_up("cannot read standard input");
  return static_cast<std::size_t>(size);
}

/// A process that does what this program does when it is started with an argument. It never outlives the
/// object, nor the process that started it.
class Child {
 public:
  /// The status of one that was killed.
  static constexpr int killed = 128 + SIGKILL;

  Child(const std::string& argument, void (*body)(const std::string&)) : id_{fork()} {
    if (id_ < 0) give_up("cannot start a process");
    if (id_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      body(argument);
      _exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (id_ > 0) kill(id_, SIGKILL);
    wait();
  }

  /// Waits for its end, and gives its status.
  int wait() {
    int status = 0;
    if (const pid_t id = std::exchange(id_, 0); id > 0) waitpid(id, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t id_;
};

/// Plain bytes that have a name, zeros at first: in every process that asks for the name the same ones.
class SharedBytes {
 public:
  SharedBytes(const std::string& name, std::size_t size) : name_{name}, size_{size} {
    const int file = shm_open(name.c_str(), O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, static_cast<off_t>(size)) != 0) give_up("cannot share memory");
    bytes_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (bytes_ == MAP_FAILED) give_up("cannot map memory");
  }
  SharedBytes(const SharedBytes&) = delete;
  SharedBytes& operator=(const SharedBytes&) = delete;
  ~SharedBytes() {
    munmap(bytes_, size_);
    shm_unlink(name_.c_str());
  }
  void* get() const {
    return bytes_;
  }

 private:
  std::string name_;
  std::size_t size_;
  void* bytes_;
};

/// Bytes that nobody may read: whoever tries is killed at that instruction.
inline std::span<const std::byte> deadly_bytes(std::size_t size) {
  std::signal(SIGSEGV, [](int) { kill(getpid(), SIGKILL); });
  const void* forbidden = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return {static_cast<const std::byte*>(forbidden), size};
}
