// SPDX-License-Identifier: BSL-1.0
//
// The model checker against the memory model: the usual litmus tests, each with exactly the outcomes that C++20
// allows, no more and no fewer. There is one exception: load buffering, which the standard allows for relaxed
// operations, and which the model leaves out (as RC11 does, and as every known compiler and processor does
// where it matters). The number of executions is compared with a plain search through all interleavings.
#include "model/litmus.hpp"

#include <doctest/doctest.h>

using namespace model;
using enum std::memory_order;
using enum Name;

namespace {

using Expected = std::set<std::string>;

const Expected any2{"00", "01", "10", "11"};

Expected any3() {
  Expected all;
  for (const auto& two : any2) {
    all.insert(two + "0");
    all.insert(two + "1");
  }
  return all;
}

Expected without(Expected all, const std::string& outcome) {
  CHECK(all.erase(outcome) == 1);
  return all;
}

void check(const Litmus& litmus, const Expected& expected) {
  CAPTURE(litmus.name);
  const Outcomes outcomes = outcomes_of(litmus);
  CHECK(outcomes.all == expected);
  CHECK_FALSE(outcomes.found.capped);
  CHECK(outcomes.found.executions == outcomes.interleaved);
  std::printf("  %-44s %5zu outcomes %7llu executions\n", litmus.name.c_str(), outcomes.all.size(),
              static_cast<unsigned long long>(outcomes.found.executions));
}

} // namespace

TEST_CASE("message passing needs a release and an acquire, as operations or as fences") {
  const auto stale = without(any2, "10"); // sees y and not x
  check({"MP relaxed", {{put(x, 1, relaxed), put(y, 1, relaxed)}, {get(0, y, relaxed), get(1, x, relaxed)}}, 2},
        any2);
  check({"MP release, acquire",
         {{put(x, 1, relaxed), put(y, 1, release)}, {get(0, y, acquire), get(1, x, relaxed)}},
         2},
        stale);
  check({"MP release, relaxed",
         {{put(x, 1, relaxed), put(y, 1, release)}, {get(0, y, relaxed), get(1, x, relaxed)}},
         2},
        any2);
  check({"MP relaxed, acquire",
         {{put(x, 1, relaxed), put(y, 1, relaxed)}, {get(0, y, acquire), get(1, x, relaxed)}},
         2},
        any2);
  check({"MP two fences",
         {{put(x, 1, relaxed), fence(release), put(y, 1, relaxed)},
          {get(0, y, relaxed), fence(acquire), get(1, x, relaxed)}},
         2},
        stale);
  check({"MP release fence, acquire load",
         {{put(x, 1, relaxed), fence(release), put(y, 1, relaxed)}, {get(0, y, acquire), get(1, x, relaxed)}},
         2},
        stale);
  check({"MP release store, acquire fence",
         {{put(x, 1, relaxed), put(y, 1, release)}, {get(0, y, relaxed), fence(acquire), get(1, x, relaxed)}},
         2},
        stale);
  check({"MP release fence alone",
         {{put(x, 1, relaxed), fence(release), put(y, 1, relaxed)}, {get(0, y, relaxed), get(1, x, relaxed)}},
         2},
        any2);
  check({"MP acquire fence alone",
         {{put(x, 1, relaxed), put(y, 1, relaxed)}, {get(0, y, relaxed), fence(acquire), get(1, x, relaxed)}},
         2},
        any2);
  check({"MP release fence too late",
         {{put(x, 1, relaxed), put(y, 1, relaxed), fence(release)}, {get(0, y, acquire), get(1, x, relaxed)}},
         2},
        any2);
  check({"MP acquire fence too early",
         {{put(x, 1, relaxed), put(y, 1, release)}, {fence(acquire), get(0, y, relaxed), get(1, x, relaxed)}},
         2},
        any2);
  check({"MP seq_cst fences",
         {{put(x, 1, relaxed), fence(seq_cst), put(y, 1, relaxed)},
          {get(0, y, relaxed), fence(seq_cst), get(1, x, relaxed)}},
         2},
        stale);
}

TEST_CASE("message passing and store buffering have the number of executions that can be counted by hand") {
  // Two loads of two possible sources each; release and acquire take one of the four away.
  const Litmus relaxed_passing{
      "MP", {{put(x, 1, relaxed), put(y, 1, relaxed)}, {get(0, y, relaxed), get(1, x, relaxed)}}, 2};
  const Litmus passing{
      "MP", {{put(x, 1, relaxed), put(y, 1, release)}, {get(0, y, acquire), get(1, x, relaxed)}}, 2};
  const Litmus buffering{
      "SB", {{put(x, 1, relaxed), get(0, y, relaxed)}, {put(y, 1, relaxed), get(1, x, relaxed)}}, 2};
  const Litmus fenced{"SB",
                      {{put(x, 1, relaxed), fence(seq_cst), get(0, y, relaxed)},
                       {put(y, 1, relaxed), fence(seq_cst), get(1, x, relaxed)}},
                      2};
  CHECK(outcomes_of(relaxed_passing).found.executions == 4);
  CHECK(outcomes_of(passing).found.executions == 3);
  CHECK(outcomes_of(buffering).found.executions == 4);
  CHECK(outcomes_of(fenced).found.executions == 3);
}

TEST_CASE("store buffering needs two sequentially consistent fences") {
  const auto program = [](const char* name, const Step& first, const Step& second) {
    return Litmus{
        name,
        {{put(x, 1, release), first, get(0, y, acquire)}, {put(y, 1, release), second, get(1, x, acquire)}},
        2};
  };
  const Step nothing = [] {};
  check(program("SB release, acquire", nothing, nothing), any2);
  check(program("SB one seq_cst fence", fence(seq_cst), nothing), any2);
  check(program("SB acq_rel fences", fence(acq_rel), fence(acq_rel)), any2);
  check(program("SB seq_cst fences", fence(seq_cst), fence(seq_cst)), without(any2, "00"));
  check({"SB of one word", {{put(x, 1, relaxed), get(0, x, relaxed)}}, 1}, {"1"});
}

TEST_CASE("load buffering is left out of the model, with any order") {
  const auto program = [](const char* name, std::memory_order load, std::memory_order store) {
    return Litmus{name, {{get(0, x, load), put(y, 1, store)}, {get(1, y, load), put(x, 1, store)}}, 2};
  };
  check(program("LB relaxed (C++20 allows 11)", relaxed, relaxed), without(any2, "11"));
  check(program("LB acquire", acquire, relaxed), without(any2, "11"));
  check(program("LB release", relaxed, release), without(any2, "11"));
}

TEST_CASE("two readers may see two stores in different orders, unless fences are sequentially consistent") {
  const auto program = [](const char* name, const Step& between, std::memory_order load) {
    return Litmus{name,
                  {{put(x, 1, release)},
                   {put(y, 1, release)},
                   {get(0, x, load), between, get(1, y, load)},
                   {get(2, y, load), between, get(3, x, load)}},
                  4};
  };
  Expected any4;
  for (const auto& one : any2) {
    for (const auto& two : any2) any4.insert(one + two);
  }
  check(program(
            "IRIW relaxed", [] {}, relaxed),
        any4);
  check(program(
            "IRIW acquire", [] {}, acquire),
        any4);
  check(program("IRIW acq_rel fences", fence(acq_rel), relaxed), any4);
  check(program("IRIW seq_cst fences", fence(seq_cst), relaxed), without(any4, "1010"));
}

TEST_CASE("two threads may each be overwritten by the other's first store, unless fences are in between") {
  const auto program = [](const char* name, const Step& between, std::memory_order store) {
    return Litmus{
        name,
        {{put(x, 1, store), between, put(y, 2, store)}, {put(y, 1, store), between, put(x, 2, store)}},
        0,
        {x, y}};
  };
  const Expected any{"11", "12", "21", "22"};
  check(program(
            "2+2W relaxed", [] {}, relaxed),
        any);
  check(program(
            "2+2W release", [] {}, release),
        any);
  check(program("2+2W seq_cst fences", fence(seq_cst), relaxed), without(any, "11"));
}

TEST_CASE("one word is coherent, whatever the orders") {
  check({"CoWW", {{put(x, 1, relaxed), put(x, 2, relaxed)}}, 0, {x}}, {"2"});
  check({"CoRR", {{put(x, 1, relaxed), put(x, 2, relaxed)}, {get(0, x, relaxed), get(1, x, relaxed)}}, 2},
        {"00", "01", "02", "11", "12", "22"});
  check({"CoRW own", {{get(0, x, relaxed), put(x, 1, relaxed)}}, 1, {x}}, {"01"});
  check({"CoRW", {{get(0, x, relaxed), put(x, 1, relaxed)}, {put(x, 2, relaxed)}}, 1, {x}}, {"01", "02", "21"});
  check({"CoWR", {{put(x, 1, relaxed), get(0, x, relaxed)}, {put(x, 2, relaxed)}}, 1, {x}}, {"11", "12", "22"});

  const Expected one{"00", "01", "02", "11", "12", "21", "22"};
  Expected two;
  for (const auto& a : one) {
    for (const auto& b : one) two.insert(a + b);
  }
  two = without(without(two, "1221"), "2112"); // they agree on the order
  check({"CoRR of two readers",
         {{put(x, 1, relaxed)},
          {put(x, 2, relaxed)},
          {get(0, x, relaxed), get(1, x, relaxed)},
          {get(2, x, relaxed), get(3, x, relaxed)}},
         4},
        two);
}

TEST_CASE("happens-before goes through a third thread") {
  const auto third = [](const char* name, std::memory_order load, std::memory_order store) {
    return Litmus{
        name,
        {{put(x, 1, relaxed)}, {get(0, x, relaxed), put(y, 1, store)}, {get(1, y, load), get(2, x, relaxed)}},
        3};
  };
  check(third("WRC relaxed", relaxed, relaxed), any3());
  check(third("WRC release, acquire", acquire, release), without(any3(), "110"));
  check(third("WRC release", relaxed, release), any3());

  const auto chain = [](const char* name, std::memory_order load, std::memory_order store) {
    return Litmus{name,
                  {{put(x, 1, relaxed), put(y, 1, store)},
                   {get(0, y, load), put(z, 1, store)},
                   {get(1, z, load), get(2, x, relaxed)}},
                  3};
  };
  check(chain("ISA2 relaxed", relaxed, relaxed), any3());
  check(chain("ISA2 release, acquire", acquire, release), without(any3(), "110"));
}

TEST_CASE("a store that comes after an acquire comes later in the modification order too") {
  const auto program = [](const char* name, std::memory_order store, std::memory_order load) {
    return Litmus{
        name, {{put(x, 2, relaxed), put(y, 1, store)}, {get(0, y, load), put(x, 1, relaxed)}}, 1, {x}};
  };
  check(program("S relaxed", relaxed, relaxed), {"01", "02", "11", "12"});
  check(program("S release, acquire", release, acquire), {"01", "02", "11"});
  const auto other = [](const char* name, const Step& between) {
    return Litmus{
        name,
        {{put(x, 1, release), between, put(y, 1, release)}, {put(y, 2, release), between, get(0, x, acquire)}},
        1,
        {y}};
  };
  check(other("R release, acquire", [] {}), {"01", "02", "11", "12"});
  check(other("R seq_cst fences", fence(seq_cst)), {"01", "11", "12"});
}

TEST_CASE("a read-modify-write is atomic, and goes on with a release sequence") {
  check({"two additions", {{add(0, x, 1, relaxed)}, {add(1, x, 1, relaxed)}}, 2, {x}}, {"012", "102"});
  const Litmus three{
      "three additions", {{add(0, x, 1, relaxed)}, {add(1, x, 1, relaxed)}, {add(2, x, 1, relaxed)}}, 3, {x}};
  check(three, {"0123", "0213", "1023", "1203", "2013", "2103"});
  CHECK(outcomes_of(three).found.executions == 6);
  check({"additions, a store and a reader",
         {{add(0, x, 1, relaxed)}, {put(x, 5, relaxed)}, {add(1, x, 1, relaxed), get(2, x, relaxed)}},
         0,
         {x}},
        {"5", "6", "7"});
  check({"release sequence of an addition",
         {{put(x, 1, relaxed), put(y, 1, release)},
          {add(2, y, 1, relaxed)},
          {get(0, y, acquire), get(1, x, relaxed)}},
         2},
        {"00", "01", "10", "11", "21"});
  check({"no release sequence of another's store",
         {{put(x, 1, relaxed), put(y, 1, release)},
          {put(y, 2, relaxed)},
          {get(0, y, acquire), get(1, x, relaxed)}},
         2},
        {"00", "01", "11", "20", "21"});
  check(
      {"no release sequence of its own store (C++20)",
       {{put(x, 1, relaxed), put(y, 1, release), put(y, 2, relaxed)}, {get(0, y, acquire), get(1, x, relaxed)}},
       2},
      {"00", "01", "11", "20", "21"});
}
