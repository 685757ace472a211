// SPDX-License-Identifier: BSL-1.0
//
// program: what the explorer is given, and what it gives back.
#pragma once

#include "policy.hpp"

namespace model {

struct Thread {
  std::string name;
  std::function<void()> body;
  std::vector<std::size_t> after = {}; // threads that end before this one begins
  bool ordered = true; // what they did happens before it; otherwise only coherence orders it after their stores
  bool may_crash = false; // see Machine::store()
};

/// A complete execution, for a program's check.
struct Final {
  const Graph& graph;
  const std::vector<Script>& scripts;
};

struct Program {
  std::function<void()> setup = {}; // sets initial values
  std::vector<Thread> threads = {};
  std::function<std::string(const Final&)> at_end = {}; // what is wrong with a whole execution, or ""
};

/// The events of a graph, one a line, in the order in which the search added them.
inline std::string trace(const Machine& machine, const Program& program, const Graph& graph);

struct Found {
  std::uint64_t executions = 0; // complete ones, each counted once
  std::uint64_t blocked = 0;    // of them: with a thread that waits for ever, or until it is read again
  std::uint64_t unrolled = 0;   // of them: with a thread that met the bound of a loop
  std::uint64_t steps = 0;
  bool capped = false;
  std::string violation; // the first one, and how it came about
};

} // namespace model
