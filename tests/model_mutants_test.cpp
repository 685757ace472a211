// SPDX-License-Identifier: BSL-1.0
//
// What the model checker must catch: each fence left out, each release and acquire weakened, and the steps of
// the protocol that look dispensable. A policy changes the operation while the library's own code runs; the two
// mistakes that no policy can make are in variants.hpp. A mutant that survives its case fails the test: then
// either the library orders too much, or the model checks too little.
#include "model/cases.hpp"
#include "model/variants.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace model;

namespace {

struct Mutant {
  std::string name;
  std::string found_by; // a case
  Mutation mutation;
};

using enum std::memory_order;

bool reading_phase(const Access& access) {
  return access.phase == Phase::next || access.phase == Phase::latest;
}

/// Weakens every operation of this kind, order and field to relaxed.
Mutation relax(Kind kind, std::memory_order order, Field field, bool (*also)(const Access&) = nullptr) {
  return [=](Access& access) {
    if (access.kind == kind && access.order == order && access.field == field &&
        (also == nullptr || also(access))) {
      access.order = relaxed;
    }
  };
}

/// Leaves out every fence of this order for which `which` holds.
Mutation without_fence(std::memory_order order, bool (*which)(const Access&)) {
  return [=](Access& access) {
    if (access.kind == Kind::fence && access.order == order && which(access)) access.skip = true;
  };
}

bool odd(const Access& access) {
  return access.value % 2 == 1;
}
bool even(const Access& access) {
  return access.value % 2 == 0;
}
bool recovering(const Access& access) {
  return access.phase == Phase::recover;
}
bool publishing_phase(const Access& access) {
  return access.phase == Phase::publish;
}
bool loan_phase(const Access& access) {
  return access.phase == Phase::loan;
}
bool after_version(const Access& access) {
  return publishing_phase(access) && access.previous_field == Field::version;
}
/// Leaves out the first store of this field in each publish().
Mutation without_first_store(Field field) {
  return [=](Access& access) {
    access.skip = access.kind == Kind::store && access.field == field && access.before == 0 &&
                  access.phase == Phase::publish;
  };
}
bool no_phase(const Access& access) {
  return access.phase == Phase::none;
}

const char* const torn_case = "one subscriber nn c2 m3 w2";
const char* const latest_case = "one subscriber ll c2 m3 w2";
const char* const two_successors = "crash in 1 messages, 2 successors, ordered hand-over, nn c2 w2";
const char* const unordered_take_over =
    "crash in 2 messages, 1 successors, hand-over that orders nothing, ll c4 w2";

std::vector<Mutant> mutants() {
  std::vector<Mutant> all;
  // Each end of each tag in ring.hpp, follow.hpp and header.hpp.
  all.push_back({"[slot-open] release fence left out", torn_case, without_fence(release, publishing_phase)});
  all.push_back({"[slot-open] release fence left out before lines are prefetched",
                 "one subscriber nn c2 m3 w2 lines of 2", without_fence(release, after_version)});
  all.push_back({"[slot-open] release fence left out before lines are prefetched by string instructions",
                 "one subscriber nn c2 m3 w2 lines of 2 strings", without_fence(release, after_version)});
  all.push_back({"[slot-open] release fence left out in open_payload()", "one subscriber nn c2 m3 w2 in place",
                 without_fence(release, loan_phase)});
  all.push_back({"[slot-open] release fence left out in open_payload(), after a crash",
                 "crash in 2 messages, 1 successors, ordered hand-over, in place vv c2 w2",
                 without_fence(release, loan_phase)});
  all.push_back(
      {"[slot-open] acquire fence left out", torn_case, without_fence(acquire, [](const Access& access) {
         return access.previous_field == Field::payload || access.previous_field == Field::size;
       })});
  const char* const batch_case = "one subscriber b c2 m4 w2";
  // The second fence of a call: the first is that of the first message alone.
  all.push_back({"[slot-open] acquire fence left out in next_batch()", batch_case,
                 [first_passed = false](Access& access) mutable {
                   if (access.phase != Phase::batch) return;
                   if (access.previous == Kind::begin) first_passed = false;
                   if (access.kind != Kind::fence || access.previous_field != Field::payload) return;
                   access.skip = first_passed;
                   first_passed = true;
                 }});
  all.push_back({"versions not read again in next_batch()", batch_case, [](Access& access) {
                   access.stale = access.kind == Kind::load && access.field == Field::version &&
                                  access.order == relaxed && access.phase == Phase::batch;
                 }});
  all.push_back({"[message-ready] acquire weakened in next_batch()", batch_case,
                 relax(Kind::load, acquire, Field::version,
                       [](const Access& access) { return access.phase == Phase::batch; })});
  const char* const view_case = "one subscriber vv c2 m3 w2";
  all.push_back(
      {"[slot-open] acquire fence left out in validate()", view_case,
       without_fence(acquire, [](const Access& access) { return access.previous_field == Field::payload; })});
  all.push_back({"version not read again in validate()", view_case, [](Access& access) {
                   access.stale = access.kind == Kind::load && access.field == Field::version &&
                                  access.previous == Kind::fence && access.before == 2;
                 }});
  all.push_back(
      {"[slot-opened] acquire fence left out", torn_case,
       without_fence(acquire, [](const Access& access) { return access.previous_field == Field::version; })});
  all.push_back(
      {"[slot-opened] release weakened", torn_case, relax(Kind::store, release, Field::version, odd)});
  all.push_back({"[slot-opened] release weakened: a crash loses a message",
                 "crash in 2 messages, 1 successors, ordered hand-over, nn c4 w2",
                 relax(Kind::store, release, Field::version, odd)});
  all.push_back(
      {"[message-ready] release weakened", torn_case, relax(Kind::store, release, Field::version, even)});
  all.push_back({"[message-ready] acquire weakened", torn_case,
                 relax(Kind::load, acquire, Field::version, reading_phase)});
  all.push_back({"[head] release weakened", latest_case, relax(Kind::store, release, Field::head)});
  all.push_back({"[head] acquire weakened", latest_case, relax(Kind::load, acquire, Field::head)});
  all.push_back({"[head] release weakened, at take-over", unordered_take_over,
                 relax(Kind::store, release, Field::head, recovering)});
  all.push_back({"[slot-opened] release weakened, at take-over",
                 "crash in 2 messages, 1 successors, ordered hand-over, nn c2 w2",
                 relax(Kind::store, release, Field::version, recovering)});
  all.push_back({"[state] release weakened", "closing c4 m2 w2", relax(Kind::store, release, Field::state)});
  all.push_back({"[state] acquire weakened", "closing c4 m2 w2", relax(Kind::load, acquire, Field::state)});
  const char* const epochs_case = "three epochs, ordered hand-over";
  all.push_back({"[epoch] release weakened", epochs_case, relax(Kind::store, release, Field::epoch)});
  all.push_back({"[epoch] acquire weakened", epochs_case, relax(Kind::load, acquire, Field::epoch)});
  all.push_back({"[epoch] release fence left out", epochs_case, without_fence(release, no_phase)});
  all.push_back({"[epoch] acquire fence left out", epochs_case, without_fence(acquire, no_phase)});
  const char* const origin_case = "two origin's epochs, ordered hand-over";
  all.push_back(
      {"[origin-epoch] release weakened", origin_case, relax(Kind::store, release, Field::origin_epoch)});
  all.push_back(
      {"[origin-epoch] acquire weakened", origin_case, relax(Kind::load, acquire, Field::origin_epoch)});
  all.push_back({"[origin-epoch] release fence left out", origin_case, without_fence(release, no_phase)});
  all.push_back({"[origin-epoch] acquire fence left out", origin_case, without_fence(acquire, no_phase)});
  all.push_back({"the origin's epoch is not 0 in between", origin_case, [](Access& access) {
                   access.skip = access.kind == Kind::store && access.field == Field::origin_epoch &&
                                 access.order == relaxed;
                 }});
  const char* const behind_case = "one subscriber nn c2 m3 w2 behind";
  const char* const behind_crash = "crash in 1 messages, 1 successors, ordered hand-over, behind nn c2 w2";
  all.push_back({"[progress] release weakened", behind_case, relax(Kind::store, release, Field::progress)});
  all.push_back({"[progress] acquire weakened", behind_case, relax(Kind::load, acquire, Field::progress)});
  all.push_back({"progress not reset when a slot is opened", behind_crash, [](Access& access) {
                   access.skip =
                       access.kind == Kind::store && access.field == Field::progress && access.order == relaxed;
                 }});
  all.push_back({"epoch not read again after following", behind_crash, [](Access& access) {
                   access.stale =
                       access.kind == Kind::load && access.field == Field::epoch && access.phase == Phase::next;
                 }});
  all.push_back({"[epoch] acquire weakened before following", behind_crash, [](Access& access) {
                   if (access.kind == Kind::load && access.field == Field::epoch &&
                       access.phase == Phase::next) {
                     access.order = relaxed;
                   }
                 }});
  all.push_back({"size stored after the chunks", behind_case, without_first_store(Field::size)});
  all.push_back({"publish time stored after the chunks", "one subscriber nn c2 m3 w2 timed behind",
                 without_first_store(Field::time)});
  // Steps of the protocol.
  all.push_back({"version not read again after the copy", torn_case, [](Access& access) {
                   access.stale =
                       access.kind == Kind::load && access.field == Field::version && access.order == relaxed;
                 }});
  all.push_back({"head not read again in latest()", latest_case, [](Access& access) {
                   access.stale = access.kind == Kind::load && access.field == Field::head;
                 }});
  all.push_back({"next slot not opened ahead", torn_case, [](Access& access) {
                   access.skip = access.kind == Kind::store && access.field == Field::version && odd(access);
                 }});
  all.push_back({"release fence after opening, not before the payload",
                 "handed over to another thread nn c2 m3 w2", [](Access& access) {
                   if (access.kind == Kind::fence && access.order == release) access.skip = true;
                   if (access.kind == Kind::store && access.field == Field::version && odd(access)) {
                     access.fence_after = true;
                   }
                 }});
  all.push_back({"wrong parity at take-over", two_successors, [](Access& access) {
                   if (access.kind == Kind::store && access.field == Field::version && recovering(access)) {
                     ++access.value;
                   }
                 }});
  all.push_back({"opened for the message before, at take-over", two_successors, [](Access& access) {
                   if (access.kind == Kind::store && access.field == Field::version && recovering(access)) {
                     access.value -= 2;
                   }
                 }});
  all.push_back({"head not stored at take-over", two_successors, [](Access& access) {
                   access.skip =
                       access.kind == Kind::store && access.field == Field::head && recovering(access);
                 }});
  all.push_back({"slot not opened at take-over", two_successors, [](Access& access) {
                   access.skip =
                       access.kind == Kind::store && access.field == Field::version && recovering(access);
                 }});
  return all;
}

/// Mutants without an observable difference, and the reason.
std::vector<Mutant> indistinguishable() {
  // What a successor releases carries its own loads, and a load binds later loads of the same word, relaxed or
  // not (read-read coherence). The take-over loads head and every version before it stores anything, so a
  // subscriber that acquires from the successor finds these versions or newer ones, and acquires the dead
  // publisher's message from them directly. The payload needs nothing more: no successor reads it.
  const std::string because = "read-read coherence";
  const auto relaxed_at_take_over = [](Access& access) {
    if (access.kind == Kind::load && recovering(access)) access.order = relaxed;
  };
  return {
      {"[message-ready] acquire weakened, at take-over", because,
       relax(Kind::load, acquire, Field::version, recovering)},
      {"[head] acquire weakened, at take-over", because, relax(Kind::load, acquire, Field::head, recovering)},
      {"every acquire weakened, at take-over", because, relaxed_at_take_over}};
}

void report(const std::string& name, const std::string& by, const Found& found) {
  const std::string how = found.violation.substr(0, found.violation.find('\n'));
  std::printf("  %-88s %s (execution %llu of: %s)\n", name.c_str(), how.empty() ? "SURVIVED" : how.c_str(),
              static_cast<unsigned long long>(found.executions + 1), by.c_str());
  if (std::getenv("SEQCAST_MODEL_TRACE") != nullptr) std::printf("%s", found.violation.c_str());
}

} // namespace

TEST_CASE("every weakened ordering and every step left out is found") {
  const std::vector<Case> cases = channel_cases();
  for (const Mutant& mutant : mutants()) {
    CAPTURE(mutant.name);
    CAPTURE(mutant.found_by);
    const auto by =
        std::find_if(cases.begin(), cases.end(), [&](const Case& c) { return c.name == mutant.found_by; });
    REQUIRE(by != cases.end());
    const Found found = Explorer{by->program, mutant.mutation, 3'000'000}.run();
    CHECK_FALSE(found.violation.empty());
    if (found.violation.empty()) { // shows which cases would find it
      for (const Case& other : cases) {
        if (other.only_long) continue;
        const Found elsewhere = Explorer{other.program, mutant.mutation, 100'000}.run();
        if (!elsewhere.violation.empty()) std::printf("    but: %s\n", other.name.c_str());
      }
    }
    report(mutant.name, by->name, found);
  }
}

TEST_CASE("an acquire at take-over makes no difference, as coherence alone does its work") {
  for (const Mutant& mutant : indistinguishable()) {
    std::uint64_t executions = 0;
    for (const Case& tried : channel_cases()) {
      if (tried.only_long || tried.name.find("successors") == std::string::npos) continue;
      CAPTURE(tried.name);
      const Found found = Explorer{tried.program, mutant.mutation, 3'000'000}.run();
      CHECK_MESSAGE(found.violation.empty(), "no longer true: move it to the mutants. ", found.violation);
      CHECK_FALSE(found.capped);
      executions += found.executions;
    }
    std::printf("  %-88s makes no difference, by %s (%llu executions)\n", mutant.name.c_str(),
                mutant.found_by.c_str(), static_cast<unsigned long long>(executions));
  }
}

TEST_CASE("variants that look equivalent are refuted") {
  const Mutation none;
  const Shape shape{.capacity = 2, .words = 2, .total = 2};
  const std::string bounds = bounds_of(shape);
  const auto refute = [&](const std::string& name, const Program& program, const std::string& by) {
    CAPTURE(name);
    const Found found = Explorer{program, none, 3'000'000}.run();
    CHECK_FALSE(found.violation.empty());
    report(name, by, found);
  };
  refute("latest() by head alone",
         channel(shape, {publishing(shape, 2), reading<LatestByHead>("subscriber", shape, "nnl")}),
         "one subscriber nnl " + bounds);
  refute("resume from head",
         channel(shape, {publishing(shape, 2), reading<ResumeFromHead>("subscriber", shape, "nn")}),
         "one subscriber nn " + bounds);
}
