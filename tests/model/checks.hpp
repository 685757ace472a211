// SPDX-License-Identifier: BSL-1.0
//
// checks: a test's verdict on a program: that no execution breaks anything, or that a mutant is found. Each prints how
// much was explored; SEQCAST_MODEL_TRACE=1 prints how a violation comes about.
#pragma once

#include "explorer.hpp"
#include "trace.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

namespace model {

inline Found explore(const std::string& name, const Program& program, const Mutation& mutation) {
  const Found found = Explorer{program, mutation, 20'000'000}.run();
  const std::string how = found.violation.substr(0, found.violation.find('\n'));
  std::printf("  %-72s %9llu executions, %llu steps %s\n", name.c_str(),
              static_cast<unsigned long long>(found.executions), static_cast<unsigned long long>(found.steps),
              how.c_str());
  if (std::getenv("SEQCAST_MODEL_TRACE") != nullptr) std::printf("%s", found.violation.c_str());
  std::fflush(stdout);
  return found;
}

inline void holds(const std::string& name, const Program& program) {
  CAPTURE(name);
  const Mutation none;
  const Found found = explore(name, program, none);
  CHECK_MESSAGE(found.violation.empty(), found.violation);
  CHECK_FALSE(found.capped);
  CHECK(found.unrolled == 0);
}

inline void finds(const std::string& name, const Program& program, const Mutation& mutation = {}) {
  CAPTURE(name);
  CHECK_FALSE(explore(name, program, mutation).violation.empty());
}

} // namespace model
