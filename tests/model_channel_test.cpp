// SPDX-License-Identifier: BSL-1.0
//
// The library's own publisher, subscriber and recovery in the model checker: every execution that C++20 allows,
// for channels small enough. channel.hpp says what must hold, cases.hpp what is tried, and explorer.hpp what
// the model leaves out. SEQCAST_MODEL_LONG=1 tries larger ones.
#include "model/cases.hpp"

#include <doctest/doctest.h>

using namespace model;

TEST_CASE("no execution of a small channel breaks a guarantee") {
  const bool long_run = std::getenv("SEQCAST_MODEL_LONG") != nullptr;
  const std::uint64_t most = long_run ? 1'000'000'000 : 3'000'000;
  const Mutation none;
  std::uint64_t executions = 0;
  std::uint64_t left_out = 0;
  for (const Case& tried : channel_cases()) {
    if (tried.only_long && !long_run) {
      ++left_out;
      continue;
    }
    CAPTURE(tried.name);
    const Found found = Explorer{tried.program, none, most}.run();
    CHECK_MESSAGE(found.violation.empty(), found.violation);
    CHECK_MESSAGE(!found.capped, "not explored to the end: more executions than ", most);
    CHECK(found.unrolled == 0);
    CHECK(found.blocked == 0);
    executions += found.executions;
    std::printf("  %-96s %9llu executions\n", tried.name.c_str(),
                static_cast<unsigned long long>(found.executions));
  }
  std::printf("  %llu executions; %llu larger cases are left to SEQCAST_MODEL_LONG=1\n",
              static_cast<unsigned long long>(executions), static_cast<unsigned long long>(left_out));
  CHECK(executions > 10'000);
}
