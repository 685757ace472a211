// SPDX-License-Identifier: BSL-1.0
//
// child: a forked process that runs a function, and a line (a pair of sockets) for messages to it and from it.
//
// Who may call it: the main thread of a test. The function runs in the child, which never returns into the
// test: it ends with status 0, or with 1 and a message on stderr if the function throws.
//
// Invariants
//   1. A child is always reaped: by wait(), by kill(), or killed and reaped by the destructor.
//   2. A child does not outlive the thread that made it, nor does it run destructors of the test's objects.
//   3. Every wait has a watchdog. If the other side ends, a wait gives nothing.
#pragma once

#include "support/watchdog.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

[[noreturn]] inline void raise_errno(const char* what) {
  throw std::system_error{errno, std::system_category(), what};
}

/// A descriptor that is closed by its destructor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int id) noexcept : id_{id} {}
  Descriptor(Descriptor&& other) noexcept : id_{std::exchange(other.id_, -1)} {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Descriptor() {
    if (id_ >= 0) ::close(id_);
  }
  int id() const noexcept {
    return id_;
  }

 private:
  int id_ = -1;
};

/// True if something can be read, or the other side has ended, before the watchdog's time is over.
inline bool readable(int descriptor, const Watchdog& watchdog) {
  for (;;) {
    struct pollfd polled {
      descriptor, POLLIN, 0
    };
    const int found = ::poll(&polled, 1, watchdog.milliseconds_left());
    if (found > 0) return true;
    if (found == 0) return false;
    if (errno != EINTR) raise_errno("poll");
  }
}

/// One end of a line between two processes.
class Line {
 public:
  explicit Line(int descriptor) noexcept : descriptor_{descriptor} {}

  static std::pair<Line, Line> make() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) raise_errno("socketpair");
    return {Line{ends[0]}, Line{ends[1]}};
  }

  void hang_up() noexcept {
    descriptor_ = Descriptor{};
  }

  void send_bytes(const void* bytes, std::size_t size) {
    const char* next = static_cast<const char*>(bytes);
    while (size > 0) {
      const ssize_t sent = ::send(descriptor_.id(), next, size, MSG_NOSIGNAL);
      if (sent < 0 && errno != EINTR) raise_errno("send");
      if (sent < 0) continue;
      next += sent;
      size -= static_cast<std::size_t>(sent);
    }
  }

  /// Gives false if the other side has ended.
  bool receive_bytes(void* bytes, std::size_t size) {
    const Watchdog watchdog{"a message from another process"};
    char* next = static_cast<char*>(bytes);
    while (size > 0) {
      if (!readable(descriptor_.id(), watchdog)) throw WaitFailed{"timed out waiting for " + watchdog.what()};
      const ssize_t got = ::recv(descriptor_.id(), next, size, 0);
      if (got == 0 || (got < 0 && errno == ECONNRESET)) return false;
      if (got < 0 && errno != EINTR) raise_errno("recv");
      if (got < 0) continue;
      next += got;
      size -= static_cast<std::size_t>(got);
    }
    return true;
  }

  template <class T>
  void send(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    send_bytes(&value, sizeof value);
  }

  void send(const std::string& text) {
    send(text.size());
    send_bytes(text.data(), text.size());
  }

  /// Nothing if the other side has ended. Throws WaitFailed if it lives and sends nothing.
  template <class T>
  std::optional<T> receive() {
    if constexpr (std::is_same_v<T, std::string>) {
      const auto size = receive<std::size_t>();
      std::string text(size.value_or(0), '\0');
      if (!size || !receive_bytes(text.data(), text.size())) return std::nullopt;
      return text;
    } else {
      static_assert(std::is_trivially_copyable_v<T>);
      T value{};
      if (!receive_bytes(&value, sizeof value)) return std::nullopt;
      return value;
    }
  }

  /// For a message that has to come. Throws WaitFailed if the other side has ended.
  template <class T>
  T expect() {
    std::optional<T> value = receive<T>();
    if (!value) throw WaitFailed{"the other process ended before it sent a message"};
    return std::move(*value);
  }

 private:
  Descriptor descriptor_;
};

/// How a process ended.
struct Ended {
  int status = -1; // of exit; -1 if a signal ended it
  int signal = 0;
  friend bool operator==(const Ended&, const Ended&) = default;
};

inline Ended ended_with(int status) noexcept {
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}

/// While `enabled`, orphans among the children of this process's children become its own children, to be
/// reaped. False where the system does not offer that, as under qemu.
inline bool adopt_orphans(bool enabled) noexcept {
  return ::prctl(PR_SET_CHILD_SUBREAPER, enabled ? 1 : 0) == 0;
}
inline constexpr const char* cannot_adopt = "skipped: the system does not let a process adopt orphans";

/// Waits for the end of any child of this process and reaps it; nothing if there is no child.
/// Requires: no Child lives, and every other child ends by itself.
inline std::optional<Ended> reap_any() {
  int status = 0;
  while (::waitpid(-1, &status, 0) < 0) {
    if (errno == ECHILD) return std::nullopt;
    if (errno != EINTR) raise_errno("waitpid");
  }
  return ended_with(status);
}

/// Waits for the end of a process and reaps it; kills it when the watchdog's time is over.
inline Ended reap(pid_t id, const Watchdog& watchdog) {
  const Descriptor process{static_cast<int>(::syscall(SYS_pidfd_open, id, 0))};
  const bool ended = process.id() < 0 || readable(process.id(), watchdog);
  if (!ended) ::kill(id, SIGKILL);
  int status = 0;
  while (::waitpid(id, &status, 0) < 0) {
    if (errno != EINTR) raise_errno("waitpid");
  }
  if (!ended) throw WaitFailed{"timed out waiting for " + watchdog.what() + " and killed it"};
  return ended_with(status);
}

class Child {
 public:
  /// Forks, and runs `function(Line&)` in the child.
  template <class Function>
  explicit Child(Function&& function) : Child{Line::make(), std::forward<Function>(function)} {}

  Child(Child&& other) noexcept : id_{std::exchange(other.id_, 0)}, line_{std::move(other.line_)} {}
  Child& operator=(Child&&) = delete;

  ~Child() {
    if (id_ == 0) return;
    ::kill(id_, SIGKILL);
    while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) continue;
  }

  pid_t id() const noexcept {
    return id_;
  }
  Line& line() noexcept {
    return line_;
  }

  /// To be called when the process was reaped elsewhere.
  void forget() noexcept {
    id_ = 0;
  }

  /// Waits for its end.
  Ended wait() {
    return reap(std::exchange(id_, 0), Watchdog{"the end of a child process"});
  }

  /// SIGKILL, without a wait: the process may end later, and is not reaped.
  void send_kill() noexcept {
    ::kill(id_, SIGKILL);
  }

  /// SIGKILL, and waits until it is dead, but does not reap the zombie.
  void kill_into_zombie() {
    send_kill();
    siginfo_t facts{};
    while (::waitid(P_PID, static_cast<id_t>(id_), &facts, WEXITED | WNOWAIT) != 0) {
      if (errno != EINTR) raise_errno("waitid");
    }
  }

  /// SIGSTOP, and waits until it is stopped.
  void stop() {
    ::kill(id_, SIGSTOP);
    wait_until_stopped();
  }
  /// Throws if it has ended instead.
  void wait_until_stopped() const {
    siginfo_t facts{};
    test::wait_until("a process to be stopped", [&] {
      return ::waitid(P_PID, static_cast<id_t>(id_), &facts, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) == 0 &&
             facts.si_pid != 0;
    });
    if (facts.si_code != CLD_STOPPED) throw WaitFailed{"a process that was to be stopped has ended"};
  }
  void resume() const noexcept {
    ::kill(id_, SIGCONT);
  }

  /// Whether it is dead, reaped or not.
  bool has_ended() const noexcept {
    siginfo_t facts{};
    const int result = ::waitid(P_PID, static_cast<id_t>(id_), &facts, WEXITED | WNOHANG | WNOWAIT);
    return result != 0 || facts.si_pid != 0;
  }

  /// SIGKILL, and reaps it.
  Ended kill() {
    send_kill();
    return wait();
  }

 private:
  template <class Function>
  Child(std::pair<Line, Line> ends, Function&& function) : line_{std::move(ends.first)} {
    std::fflush(nullptr);
    const pid_t parent = ::getpid();
    id_ = ::fork();
    if (id_ < 0) raise_errno("fork");
    if (id_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(2);
    line_.hang_up();
    int status = 0;
    try {
      function(ends.second);
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "child process: %s\n", failure.what());
      status = 1;
    }
    std::fflush(nullptr);
    ::_exit(status);
  }

  pid_t id_ = 0;
  Line line_;
};

inline constexpr Ended ended_well{0, 0};
inline constexpr Ended ended_killed{-1, SIGKILL};

} // namespace test
