// SPDX-License-Identifier: BSL-1.0
//
// program: this test program, started once more to play another role; on Linux a fork does for that, so that it
// works under an emulator too. It shares nothing with the test but what it is told.
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

/// A function that another program runs. Its status is what it gives; 1 if it throws.
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

/// How main() begins: what a role's program ends with, or nothing in the test itself.
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
    return process_.wait(Watchdog{"the end of another program"});
  }
  /// As kill -9 does, whatever it is doing; and waits until it is dead.
  void kill() {
    process_.kill();
  }

 private:
  static Arguments with_role(const std::string& role, const Arguments& arguments) {
    Arguments all{"--role", role};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  Process process_;
};

} // namespace test
