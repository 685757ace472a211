// SPDX-License-Identifier: BSL-1.0
//
// The model checker against itself: random programs, whose executions it must find exactly as a plain search
// through all interleavings does; and what it adds to the standard: crashes, and hand-overs from one thread to
// the next.
#include "model/litmus.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace model;
using enum std::memory_order;
using enum Name;

namespace {

using Expected = std::set<std::string>;

} // namespace

TEST_CASE("the explorer finds each execution of random programs once, as many as all interleavings give") {
  std::mt19937 random{20240607};
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  constexpr std::array load_orders{relaxed, acquire};
  constexpr std::array store_orders{relaxed, release};
  constexpr std::array fence_orders{acquire, release, acq_rel, seq_cst, seq_cst};
  std::uint64_t executions = 0;
  constexpr int programs = 500;
  for (int i = 0; i < programs; ++i) {
    Litmus litmus{.name = "random " + std::to_string(i), .registers = 6};
    const unsigned threads = 2 + below(2);
    std::size_t to = 0;
    for (unsigned t = 0; t < threads; ++t) {
      std::vector<Step> steps;
      for (unsigned length = 2 + below(threads == 2 ? 4 : 2); length > 0; --length) {
        const Name name = below(3) > 0 ? x : y;
        switch (below(5)) {
          case 0:
          case 1:
            steps.push_back(get(to++ % 6, name, load_orders[below(2)]));
            break;
          case 2:
            steps.push_back(put(name, 1 + below(9), store_orders[below(2)]));
            break;
          case 3:
            steps.push_back(add(to++ % 6, name, 1 + below(9), fence_orders[below(3)]));
            break;
          default:
            steps.push_back(fence(fence_orders[below(5)]));
        }
      }
      litmus.threads.push_back(steps);
    }
    CAPTURE(litmus.name);
    const Outcomes outcomes = outcomes_of(litmus);
    CHECK(outcomes.found.executions == outcomes.interleaved);
    executions += outcomes.found.executions;
  }
  std::printf("  %d random programs %45llu executions\n", programs,
              static_cast<unsigned long long>(executions));
}

TEST_CASE("a crash loses stores that need not have been performed yet, and a successor sees the rest") {
  const auto program = [](const Step& between, std::memory_order second) {
    Program made;
    made.threads.push_back({.name = "crashing",
                            .body = in_order({put(x, 1, relaxed), between, put(y, 1, second)}),
                            .may_crash = true});
    made.threads.push_back(
        {.name = "successor", .body = in_order({get(0, x, relaxed), get(1, y, relaxed)}), .after = {0}});
    return made;
  };
  const Step nothing = [] {};
  CHECK(outcomes_of(program(nothing, relaxed), 2, {}).all == Expected{"00", "01", "10", "11"});
  CHECK(outcomes_of(program(nothing, release), 2, {}).all == Expected{"00", "10", "11"});
  CHECK(outcomes_of(program(fence(release), relaxed), 2, {}).all == Expected{"00", "10", "11"});
}

TEST_CASE("a hand-over that orders nothing hides nothing from the successor, but stores from other threads") {
  for (const bool ordered : {true, false}) {
    Program program;
    program.threads.push_back({.name = "first", .body = put(x, 1, relaxed)});
    program.threads.push_back({.name = "second",
                               .body = in_order({get(0, x, relaxed), put(y, 1, release)}),
                               .after = {0},
                               .ordered = ordered});
    program.threads.push_back({.name = "third", .body = in_order({get(1, y, acquire), get(2, x, relaxed)})});
    const Outcomes outcomes = outcomes_of(program, 3, {});
    CHECK(outcomes.found.executions == outcomes.interleaved);
    // The second has read x, so coherence alone binds the third. Without that read it does not.
    CHECK(outcomes.all == Expected{"100", "101", "111"});
    program.threads[1].body = put(y, 1, release);
    CHECK(outcomes_of(program, 3, {}).all.contains("110") == !ordered);
  }
}
