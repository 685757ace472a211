// SPDX-License-Identifier: BSL-1.0
//
// litmus: small programs written down as lists of loads, stores and fences, and the set of their outcomes.
// Words are called x, y, z; a register is a place in the outcome. An outcome is the registers' values, and then
// the last values of the words asked for.
#pragma once

#include "interleaver.hpp"
#include "trace.hpp"

#include <set>

namespace model {

enum class Name : std::uint8_t { x, y, z };

inline Machine::Word& word(Name name) {
  return *Machine::get().word(static_cast<std::size_t>(name));
}

inline std::array<std::uint64_t, 6>& registers() {
  static std::array<std::uint64_t, 6> values;
  return values;
}

using Step = std::function<void()>;

inline Step put(Name name, std::uint64_t value, std::memory_order order) {
  return [=] { word(name).store(value, order); };
}
inline Step get(std::size_t to, Name name, std::memory_order order) {
  return [=] { registers()[to] = word(name).load(order); };
}
inline Step add(std::size_t to, Name name, std::uint64_t more, std::memory_order order) {
  return [=] { registers()[to] = word(name).fetch_add(more, order); };
}
inline Step fence(std::memory_order order) {
  return [=] { Policy::fence(order); };
}

/// One after the other, as the body of a thread.
inline Step in_order(std::vector<Step> steps) {
  return [steps = std::move(steps)] {
    for (const Step& step : steps) step();
  };
}

struct Litmus {
  std::string name;
  std::vector<std::vector<Step>> threads = {};
  std::size_t registers = 0; // how many make the outcome
  std::vector<Name> last = {};
};

struct Outcomes {
  std::set<std::string> all;
  Found found;
  std::uint64_t interleaved = 0; // executions that the plain search finds
};

/// The value that a word holds at the end of an execution.
inline std::uint64_t last_value(const Graph& graph, std::size_t word) {
  const Machine& machine = Machine::get();
  for (std::size_t l = 0; l < machine.locations(); ++l) {
    if (machine.word_of(l) != word) continue;
    const auto& order = graph.stores[l];
    return order.size() == 0 ? machine.initial(l) : graph.at(order[order.size() - 1]).value;
  }
  return 0;
}

inline Outcomes outcomes_of(Program program, std::size_t count, const std::vector<Name>& last) {
  Outcomes outcomes;
  program.at_end = [&](const Final& end) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += std::to_string(registers()[i]);
    for (const Name name : last) {
      text += std::to_string(last_value(end.graph, static_cast<std::size_t>(name)));
    }
    outcomes.all.insert(text);
    return std::string{};
  };
  const Mutation none;
  outcomes.found = Explorer{program, none, 1'000'000}.run();
  outcomes.interleaved = Interleaver{program}.run();
  return outcomes;
}

inline Outcomes outcomes_of(const Litmus& litmus) {
  Program program;
  for (const auto& steps : litmus.threads) {
    const std::string name = "thread " + std::to_string(program.threads.size());
    program.threads.push_back({.name = name, .body = in_order(steps)});
  }
  return outcomes_of(std::move(program), litmus.registers, litmus.last);
}

} // namespace model
