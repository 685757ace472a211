// SPDX-License-Identifier: BSL-1.0
//
// Gaps, one by one and by a jump, in the model checker: the library's own code of the publisher, of its
// successor, and of best-effort and reliable subscribers. gaps.hpp says what must hold. In the names: the steps
// of the publisher (m is a message, g a gap, j a jump of as many sequences as there are slots, J of one more),
// then the calls of a subscriber beside it (n is next(), l latest(), b a batch, v and w views, a a wait).
#include "model/checks.hpp"
#include "model/gaps.hpp"

#include <doctest/doctest.h>

using namespace model;
using enum std::memory_order;

namespace {

Shape shape_of(const char* steps, std::uint64_t capacity = 2, std::uint64_t before = 0) {
  return {.capacity = capacity, .words = 1, .before = before, .steps = steps};
}

void beside(const char* steps, const char* calls, std::uint64_t capacity = 2, std::uint64_t before = 0) {
  holds(std::string{steps} + ", " + calls + ", " + std::to_string(capacity) + " slots, " +
            std::to_string(before) + " messages before",
        skipping(shape_of(steps, capacity, before), calls, *calls == 'w' ? "w" : "l"));
}

void dying(const char* steps, int successors, const char* calls, bool ordered, std::uint64_t capacity = 2,
           std::uint64_t before = 0) {
  holds(std::string{steps} + ", " + calls + ", dies, " + std::to_string(successors) +
            (ordered ? " successors" : " successors that nothing orders") + ", " + std::to_string(capacity) +
            " slots",
        skipping_and_dying(shape_of(steps, capacity, before), successors, calls, ordered));
}

/// Leaves out the stores of this field for which `which` holds.
Mutation without_store(Field field, bool (*which)(const Access&)) {
  return [=](Access& access) {
    access.skip = access.kind == Kind::store && access.field == field && which(access);
  };
}

bool publishing_phase(const Access& access) {
  return access.phase == Phase::publish;
}

} // namespace

TEST_CASE("a subscriber beside a publisher that skips counts every gap, and waits for none") {
  for (const char* steps : {"g", "mg", "gm", "mgm", "ggm", "mgg"}) {
    for (const char* calls : {"nn", "ll", "nl", "ln", "b", "vw", "an"}) {
      for (const std::uint64_t capacity : {2U, 4U}) beside(steps, calls, capacity);
    }
  }
  for (const char* steps : {"gggm", "mggm", "mgmg"}) {
    for (const char* calls : {"nl", "an", "w"}) beside(steps, calls, 4, 1);
  }
  for (const char* steps : {"j", "J", "mj", "jm", "mjm", "jg", "gj", "jgm", "mJ"}) {
    for (const char* calls : {"nn", "ll", "nl", "w", "an"}) beside(steps, calls);
  }
  for (const char* steps : {"j", "jm", "mJ"}) {
    for (const char* calls : {"nl", "an"}) beside(steps, calls, 4, 2);
  }
}

TEST_CASE("after a death in the middle of a gap or of a jump a successor goes on, and nobody waits for ever") {
  for (const bool ordered : {true, false}) {
    for (const char* steps : {"g", "mg", "gm", "j", "J", "mj", "jm", "jg"}) {
      dying(steps, 1, "n", ordered);
      dying(steps, 1, "", ordered, 4, 1);
      dying(steps, 2, "", ordered);
    }
    dying("j", 1, "l", ordered);
    dying("j", 1, "an", ordered, 4, 2);
    dying("J", 2, "n", ordered, 4);
  }
}

TEST_CASE("a reliable subscriber loses gaps alone, and nobody sleeps for ever") {
  const auto reliably = [](const char* steps, const char* calls, bool waits) {
    holds(std::string{steps} + ", " + calls + (waits ? "" : ", demoted at once"),
          skipping_reliably(shape_of(steps), calls, waits));
  };
  const auto both_sleep = [](const char* steps) {
    Shape shape = shape_of(steps);
    for (const char* step = steps; *step != 0; ++step) shape.total += length_of(shape, *step);
    holds(std::string{steps} + ", both sleep", skipping_while_asleep(shape));
  };
  reliably("mj", "nn", true);
  reliably("jm", "nn", true);
  reliably("mj", "ll", true);
  for (const char* steps : {"mgm", "ggm", "mj", "jm", "mjm"}) reliably(steps, "nn", false);
  for (const char* steps : {"mj", "mgg"}) reliably(steps, "ll", false);
  both_sleep("gm");
  if (std::getenv("SEQCAST_MODEL_LONG") == nullptr) {
    std::printf("  7 larger cases are left to SEQCAST_MODEL_LONG=1\n");
    return;
  }
  for (const char* steps : {"mgm", "ggm", "mjm"}) reliably(steps, "nn", true);
  reliably("mgg", "ll", true);
  for (const char* steps : {"ggm", "mgm", "jm"}) both_sleep(steps);
}

TEST_CASE(
    "with a step of a jump left out or weakened a subscriber waits for ever, or takes a region for corrupt") {
  const auto jump = [](const char* steps, const char* calls) { return skipping(shape_of(steps), calls, "l"); };
  finds("oldest not stored", jump("mj", "nn"), without_store(Field::oldest, publishing_phase));
  finds("head not stored", jump("j", "nn"), without_store(Field::head, [](const Access& access) {
          return publishing_phase(access) && access.previous_field == Field::oldest;
        }));
  finds("the first slot not opened", skipping(shape_of("J", 2, 1), "n"),
        without_store(Field::version, [](const Access& access) {
          return publishing_phase(access) && access.previous_field == Field::head && access.value > 4;
        }));
  finds("[slot-opened] release weakened", jump("mj", "nn"), [](Access& access) {
    if (access.kind == Kind::store && access.field == Field::version && access.value % 2 == 1)
      access.order = relaxed;
  });
  finds("[head] release weakened", jump("mj", "ll"), [](Access& access) {
    if (access.kind == Kind::store && access.field == Field::head) access.order = relaxed;
  });
}
