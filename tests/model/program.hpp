// SPDX-License-Identifier: BSL-1.0
//
// program: what the explorer is given, and what it gives back.
#pragma once

#include "atomics.hpp"

namespace model {

struct Thread {
  std::string name;
  std::function<void()> body;
  std::vector<std::size_t> after = {}; // threads that must have ended before this one begins
  bool ordered =
      true; // what they did then happens before it; otherwise it merely does not overlook their stores
  bool mortal = false; // may die: see Machine::store()
};

/// What a program's end can be asked about.
struct Final {
  const Graph& graph;
  const std::vector<Script>& scripts;
};

struct Program {
  std::function<void()> setup = {}; // sets initial values
  std::vector<Thread> threads = {};
  std::function<std::string(const Final&)> at_end = {}; // what is wrong with a whole execution, or ""
};

/// The events of a graph, one a line, in the order in which the search came to them.
inline std::string trace(const Machine& machine, const Program& program, const Graph& graph);

struct Found {
  std::uint64_t executions = 0; // whole ones, none counted twice
  std::uint64_t blocked = 0;    // of them: with a thread that waits for ever, or until it is read again
  std::uint64_t unrolled = 0;   // of them: with a thread that met the bound of a loop
  std::uint64_t steps = 0;
  bool capped = false;
  std::string violation; // the first one, and how it came about
};

} // namespace model
