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
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <span>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace demo {

[[noreturn]] inline void throw_last_error(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}

inline std::uint64_t process_id() {
  return static_cast<std::uint64_t>(getpid());
}

/// Has each line written as soon as it is complete, into a pipe too.
inline void flush_each_line() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
}

/// SIGINT and SIGTERM request a stop. Threads that are started later do not receive these signals.
inline void stop_on_signal(std::stop_source source) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // Detached: it waits until the program ends, and uses nothing but its own copies.
  std::thread{[signals, source]() mutable {
    int signal = 0;
    sigwait(&signals, &signal);
    source.request_stop();
  }}.detach();
}

/// Whether standard input has something to read, or has ended, within 100 ms.
inline bool input_is_ready() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  constexpr int timeout_ms = 100;
  return poll(&input, 1, timeout_ms) != 0;
}
/// Bytes read; 0 at the end of the input.
inline std::size_t read_input(std::span<char> chunk) {
  const auto size = read(STDIN_FILENO, chunk.data(), chunk.size());
  if (size < 0) throw_last_error("cannot read standard input");
  return static_cast<std::size_t>(size);
}

/// A fork of this process that runs `body()`, whose value is its exit status. It is killed when the object, or
/// the thread that made it, ends.
class Child {
 public:
  /// The exit status of a child that was killed.
  static constexpr int killed = 128 + SIGKILL;

  /// The arguments are for systems without fork(), where main() gets them in a new process of this program.
  template <class Body>
  Child(const std::vector<std::string>& /*arguments*/, const Body& body) {
    std::fflush(nullptr); // otherwise both processes would write what is still in the buffers
    const pid_t parent = getpid();
    id_ = fork();
    if (id_ < 0) throw_last_error("cannot start a process");
    if (id_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1); // it ended before prctl()
    int status = 1;
    try {
      status = body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    std::fflush(nullptr);
    _exit(status);
  }
  Child(Child&& other) noexcept : id_{std::exchange(other.id_, 0)} {}
  ~Child() {
    if (id_ > 0) kill();
  }

  /// Whether it ends within that time.
  bool ends_within(std::chrono::nanoseconds timeout) const {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
      siginfo_t info{};
      const int failed = waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG | WNOWAIT);
      if (failed == 0 && info.si_pid != 0) return true;
      if (std::chrono::steady_clock::now() >= deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }
  /// Waits until it has ended, and gives its exit status.
  int wait() {
    int status = 0;
    const pid_t id = std::exchange(id_, 0);
    while (waitpid(id, &status, 0) < 0 && errno == EINTR) continue;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  /// Kills it, and waits until it has ended.
  void kill() {
    ::kill(id_, SIGKILL);
    wait();
  }

 private:
  pid_t id_ = 0;
};

/// Plain shared memory with a name, zeros at first, the same bytes in every process that opens the name.
class SharedBytes {
 public:
  SharedBytes(const std::string& name, std::size_t size) : name_{name}, size_{size} {
    const int file = shm_open(name.c_str(), O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, static_cast<off_t>(size)) != 0) throw_last_error("cannot share memory");
    bytes_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (bytes_ == MAP_FAILED) throw_last_error("cannot map memory");
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

/// Reserved memory without access: every load from it or store to it faults.
inline void* map_inaccessible(std::size_t size) {
  void* const memory = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_last_error("cannot map memory");
  return memory;
}

/// From here on a memory fault kills this process at that instruction: no destructor and no handler runs.
inline void kill_on_fault() {
  std::signal(SIGSEGV, [](int) { ::kill(getpid(), SIGKILL); });
}

} // namespace demo
