// SPDX-License-Identifier: BSL-1.0
//
// trace: an execution in words, to explain a violation.
#pragma once

#include "explorer.hpp"

namespace model {

inline const char* name_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    default:
      return "seq_cst";
  }
}

inline std::string describe(const Machine& machine, const Program& program, const Event& event) {
  const std::string where = event.op.kind == Kind::fence || event.op.kind == Kind::begin
                                ? std::string{}
                                : machine.name_of(event.op.location) + " ";
  const std::string order = name_of(event.op.order);
  switch (event.kind) {
    case Kind::load:
      return where + "is " + std::to_string(event.value) + " " + order + ", from " +
             (event.source.initial()
                  ? std::string{"the beginning"}
                  : program.threads[event.source.thread].name + " " + std::to_string(event.source.index));
    case Kind::store:
      return where + "= " + std::to_string(event.value) + " " + order;
    case Kind::fence:
      return "fence " + order;
    case Kind::begin:
      return "begins";
    case Kind::lost:
      return where + "= " + std::to_string(event.op.value) + " is lost in the crash";
  }
  return {};
}

inline std::string trace(const Machine& machine, const Program& program, const Graph& graph) {
  std::vector<std::pair<std::uint32_t, std::string>> lines;
  for (std::size_t t = 0; t < program.threads.size(); ++t) {
    for (std::size_t i = 0; i < graph.threads[t].size(); ++i) {
      const Event& event = graph.threads[t][i];
      lines.emplace_back(event.stamp, "  " + program.threads[t].name + " " + std::to_string(i) + ": " +
                                          describe(machine, program, event) + "\n");
    }
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const auto& [stamp, line] : lines) text += line;
  return text;
}

} // namespace model
