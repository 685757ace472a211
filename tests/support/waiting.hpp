// SPDX-License-Identifier: BSL-1.0
//
// waiting: what the tests of waiting have in common: channels, patience, and whether a thread sleeps.
//
// Who may use it: any test.
#pragma once

#include "support/temporary.hpp"
#include "support/watchdog.hpp"

#include <seqcast/seqcast.hpp>

#include <fstream>
#include <optional>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace test {

using namespace std::chrono_literals;
using seqcast::Wait;

/// A wait of this length that runs into its end is a lost wake-up, not a slow machine.
inline constexpr std::chrono::seconds far_away{30};

using Number = std::uint64_t;
using NumberPublisher = seqcast::Publisher<Number>;
using NumberSubscriber = seqcast::Subscriber<Number>;

inline pid_t thread_id() {
  return static_cast<pid_t>(::syscall(SYS_gettid));
}

/// Whether a thread, or a process by its only thread, sleeps in the kernel at this moment.
inline bool sleeps(pid_t thread) {
  // Not by the shorter name: under qemu a process has a made-up file of that name about itself.
  const std::string id = std::to_string(thread);
  std::ifstream file{"/proc/" + id + "/task/" + id + "/stat"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const std::size_t name_end = text.rfind(") ");
  return name_end != std::string::npos && text[name_end + 2] == 'S';
}

inline void wait_until_asleep(pid_t thread) {
  wait_until("a thread to fall asleep", [&] { return sleeps(thread); });
}

/// CPU time of this thread so far.
inline std::chrono::nanoseconds thread_time() {
  struct timespec time {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

/// Permissions of a file; nothing if there is none.
inline std::optional<unsigned> mode_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return status.st_mode & 07777U;
}

/// Reads all there is, and gives how many that were.
inline std::uint64_t drain(NumberSubscriber& subscriber) {
  std::uint64_t count = 0;
  while (subscriber.next()) ++count;
  return count;
}

} // namespace test
