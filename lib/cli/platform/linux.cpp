// SPDX-License-Identifier: BSL-1.0
#include "platform.hpp"

#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace cli::platform {

namespace {

std::error_code last_error() noexcept {
  return {errno, std::generic_category()};
}

int descriptor_of(Standard stream) noexcept {
  return static_cast<int>(stream);
}

} // namespace

void ensure_standard_streams() noexcept {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // For the wrong direction, so that a later read or write fails. open() takes the lowest free number.
    [[maybe_unused]] const int opened = ::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

bool is_terminal(Standard stream) noexcept {
  return ::isatty(descriptor_of(stream)) != 0;
}

bool in_foreground(Standard stream) noexcept {
  return ::tcgetpgrp(descriptor_of(stream)) == ::getpgrp();
}

Size terminal_size(Standard stream) noexcept {
  winsize found{};
  if (::ioctl(descriptor_of(stream), TIOCGWINSZ, &found) != 0 || found.ws_col == 0) return {};
  return {found.ws_col, found.ws_row == 0 ? 24 : found.ws_row};
}

std::error_code write_all(Standard stream, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor_of(stream), bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) { // another process made the terminal or the pipe non-blocking
      pollfd output{.fd = descriptor_of(stream), .events = POLLOUT, .revents = 0};
      ::poll(&output, 1, -1);
    } else if (errno != EINTR) {
      return last_error();
    }
  }
  return {};
}

std::size_t read_some(std::span<char> buffer, int milliseconds, std::error_code& error) noexcept {
  error.clear();
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&input, 1, milliseconds);
  if (ready == 0) error = std::make_error_code(std::errc::timed_out);
  if (ready < 0 && errno != EINTR) error = last_error();
  if (ready < 0 && errno == EINTR) error = std::make_error_code(std::errc::timed_out);
  if (error) return 0;
  const auto size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (size >= 0) return static_cast<std::size_t>(size);
  error = errno == EINTR || errno == EAGAIN ? std::make_error_code(std::errc::timed_out) : last_error();
  return 0;
}

struct Keyboard::Mode {
  termios settings{};
};

Keyboard::Keyboard() {
  auto saved = std::make_unique<Mode>();
  if (::tcgetattr(STDIN_FILENO, &saved->settings) != 0) return;
  termios keys = saved->settings;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  // A process that is stopped or dumped could not restore the terminal first.
  keys.c_cc[VSUSP] = _POSIX_VDISABLE;
  keys.c_cc[VQUIT] = _POSIX_VDISABLE;
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0) saved_ = std::move(saved);
}

Keyboard::~Keyboard() {
  // Flushed: keys typed meanwhile are not for the shell.
  if (saved_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_->settings);
}

void on_stop(std::function<void(int)> stopped) {
  std::signal(SIGPIPE, SIG_IGN); // write_all() reports it
  std::signal(SIGXFSZ, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    // Ignored on purpose: by nohup, or by a shell that started a background job.
    if (before.sa_handler != SIG_IGN) sigaddset(&signals, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // Detached: it waits until the program ends, and uses nothing but its own copies.
  std::thread{[signals, stopped] {
    int signal = 0;
    if (sigwait(&signals, &signal) == 0) stopped(signal);
  }}.detach();
}

void on_output_closed(std::function<void()> closed) {
  std::thread{[closed] {
    // POLLERR: the reader of the pipe or socket has closed it. It is reported even if no events are requested.
    pollfd output{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
    while (::poll(&output, 1, -1) < 0 && errno == EINTR) {
    }
    if ((output.revents & POLLERR) != 0) closed();
  }}.detach();
}

namespace {

int signal_note = -1; // an eventfd: a handler may write to it

void note_one(int) noexcept {
  const int saved = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(signal_note, &one, sizeof one);
  errno = saved;
}

} // namespace

std::optional<int> user_signal(std::string_view word) noexcept {
  if (word == "SIGUSR1" || word == "USR1") return SIGUSR1;
  if (word == "SIGUSR2" || word == "USR2") return SIGUSR2;
  return std::nullopt;
}

void note_signal(int signal) {
  signal_note = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (signal_note < 0) throw std::system_error{last_error(), "cannot take note of signals"};
  struct sigaction action {};
  action.sa_handler = note_one;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

bool signal_came() noexcept {
  std::uint64_t count = 0;
  return ::read(signal_note, &count, sizeof count) == sizeof count;
}

ShellCommand::ShellCommand(const std::string& command) : process_{::fork()} {
  if (process_ < 0) throw std::system_error{last_error(), "cannot start a shell"};
  if (process_ > 0) {
    ::setpgid(process_, process_);
    return;
  }
  // In the child: only what a signal handler may do, until the shell runs.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  const int input = ::open("/dev/null", O_RDONLY);
  ::dup2(input, STDIN_FILENO);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
  ::_exit(127);
}

ShellCommand::~ShellCommand() {
  if (status()) return;
  ::kill(-process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

std::optional<int> ShellCommand::status() noexcept {
  int status = 0;
  if (status_ || ::waitpid(process_, &status, WNOHANG) != process_) return status_;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

void sleep_precisely() noexcept {
  ::prctl(PR_SET_TIMERSLACK, 1UL);
}

void end_by(int signal) noexcept {
  std::signal(signal, SIG_DFL);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, signal);
  ::raise(signal);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  std::_Exit(128 + signal);
}

unsigned processors() noexcept {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return std::thread::hardware_concurrency();
  return static_cast<unsigned>(CPU_COUNT(&allowed));
}

std::optional<std::uint64_t> limit_of(Limit limit) noexcept {
  rlimit found{};
  if (::getrlimit(limit == Limit::file_size ? RLIMIT_FSIZE : RLIMIT_MEMLOCK, &found) != 0) return std::nullopt;
  if (found.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return found.rlim_cur;
}

bool matches(const std::string& name, const std::string& pattern) noexcept {
  return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

std::optional<bool> is_locked(const std::string& path) noexcept {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return std::nullopt;
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  const bool asked = ::fcntl(descriptor, F_OFD_GETLK, &lock) == 0;
  ::close(descriptor);
  if (!asked) return std::nullopt;
  return lock.l_type != F_UNLCK;
}

bool may_write(const std::string& folder) noexcept {
  return ::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

std::uint64_t user_id() noexcept {
  return ::geteuid();
}

std::uint64_t process_id() noexcept {
  return static_cast<std::uint64_t>(::getpid());
}

} // namespace cli::platform
