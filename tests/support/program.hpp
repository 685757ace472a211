// SPDX-License-Identifier: BSL-1.0
//
// program: this test program, started once more in another role. On Linux it is a fork, so that it works under
// an emulator too. It shares nothing with the test but its arguments.
//
//     static const Role publisher{"publisher", [](const Arguments& arguments) { ...; return 0; }};
//     ... in a test: Program other{"publisher", {folder / "channel", "100"}};
//
// Who may use it: any test.
//
// Invariants
//   1. A program is always reaped: by wait(), by kill(), or killed and reaped by the destructor.
//   2. Every wait has a watchdog.
#pragma once

#include "support/system.hpp"

#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace test {

using Arguments = std::vector<std::string>;

/// A function that another program runs. The program's status is its result; 1 if it throws.
class Role {
 public:
  using Play = std::function<int(const Arguments&)>;

  Role(const std::string& name, Play play) {
    all()[name] = std::move(play);
  }
  static std::map<std::string, Play>& all() {
    static std::map<std::string, Play> instance;
    return instance;
  }
};

inline int play(const std::string& role, const Arguments& arguments) {
  try {
    return Role::all().at(role)(arguments);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", role.c_str(), failure.what());
    return 1;
  }
}

/// To be called first in main(): the status of a role's program, or nothing in the test itself.
inline std::optional<int> play_role(int argc, char** argv) {
  if (argc < 3 || std::string{argv[1]} != "--role") return std::nullopt;
  return play(argv[2], Arguments(argv + 3, argv + argc));
}

class Program {
 public:
  Program(const std::string& role, const Arguments& arguments)
      : process_{with_role(role, arguments), [&] { return play(role, arguments); }} {}
  Program(Program&&) noexcept = default;

  /// Waits for its end, and gives its status.
  int wait() {
    if (!process_.ends_within(watchdog_timeout)) {
      process_.kill();
      throw WaitFailed{"timed out waiting for the end of another program"};
    }
    return process_.wait();
  }
  /// SIGKILL, at any instruction; waits until the program is dead.
  void kill() {
    process_.kill();
  }

 private:
  static Arguments with_role(const std::string& role, const Arguments& arguments) {
    Arguments all{"--role", role};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  demo::Child process_;
};

} // namespace test
