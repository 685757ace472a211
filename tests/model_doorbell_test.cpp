// SPDX-License-Identifier: BSL-1.0
//
// No wake-up is lost: the library's own doorbell in the model checker, with one and two sleepers, and with a
// publisher that crashes between any two of its steps; and the mutants that must lose one. bell.hpp says what
// is modelled.
#include "model/bell.hpp"
#include "model/checks.hpp"

#include <doctest/doctest.h>

using namespace model;
using enum std::memory_order;

namespace {

/// Clears the flag after the word is incremented.
class ClearsLate {
 public:
  ClearsLate(Machine::Word* flag, Machine::Word* word) : flag_{flag}, word_{word} {}

  bool ring_if_sleeper() const {
    Policy::fence(seq_cst);
    if (flag_->load(relaxed) == 0) return false;
    word_->store(word_->load(relaxed) + 1, release);
    flag_->store(0, relaxed);
    return true;
  }

 private:
  Machine::Word* flag_;
  Machine::Word* word_;
};

Shape shape_of(std::uint64_t messages) {
  return {.capacity = 2, .words = 1, .total = messages};
}

Program sleepers(int count, int messages, BellKind kind, LastPoll last_poll = LastPoll::after_flag) {
  const Shape shape = shape_of(static_cast<std::uint64_t>(messages));
  std::vector<Thread> threads{ringing(shape, messages, kind)};
  for (int i = 0; i < count; ++i) threads.push_back(sleeping(threads.size(), shape, kind, last_poll));
  return belled(shape, std::move(threads));
}

/// `total` 0: the successor publishes nothing.
Program crash(BellKind kind, int before, std::uint64_t total, bool rings_first) {
  const Shape shape = shape_of(total);
  return belled(shape, {crashing(ringing(shape, before, kind)), ringing_after(shape, kind, 0, rings_first),
                        sleeping(2, shape, kind)});
}

} // namespace

TEST_CASE("no wake-up is lost") {
  const bool long_run = std::getenv("SEQCAST_MODEL_LONG") != nullptr;
  if (!long_run)
    std::printf(
        "  2 larger cases of each kind are left to SEQCAST_MODEL_LONG=1; 2 sleepers with 2 messages are too "
        "many\n");
  for (const BellKind kind : {BellKind::flag, BellKind::every_message}) {
    const std::string how = kind == BellKind::flag ? "flag, " : "every message, ";
    holds(how + "1 sleeper, 1 message", sleepers(1, 1, kind));
    holds(how + "1 sleeper, 2 messages", sleepers(1, 2, kind));
    holds(how + "2 sleepers, 1 message", sleepers(2, 1, kind));
    holds(how + "crash in 1 message, successor rings", crash(kind, 1, 0, true));
    holds(how + "crash in 1 message, successor rings and publishes up to 1", crash(kind, 1, 1, true));
    if (!long_run) continue;
    holds(how + "crash in 2 messages, successor rings and publishes up to 2", crash(kind, 2, 2, true));
    holds(how + "crash in 1 message, successor rings and publishes up to 2", crash(kind, 1, 2, true));
  }
}

TEST_CASE("a doorbell with a step left out or weakened loses a wake-up") {
  const Program one = sleepers(1, 1, BellKind::flag);
  const Program again = sleepers(1, 2, BellKind::flag);
  const auto fence_of = [](bool publisher, bool leave_out) {
    return [=](Access& access) {
      if (access.kind != Kind::fence || access.order != seq_cst) return;
      if ((access.phase == Phase::publish) != publisher) return;
      access.skip = leave_out;
      access.order = acq_rel;
    };
  };
  finds("[bell-flag] publisher's fence left out", one, fence_of(true, true));
  finds("[bell-flag] publisher's fence weakened to acq_rel", one, fence_of(true, false));
  finds("[bell-flag] subscriber's fence left out", one, fence_of(false, true));
  finds("[bell-flag] subscriber's fence weakened to acq_rel", one, fence_of(false, false));
  const auto relax = [](Kind kind, std::memory_order order) {
    return [=](Access& access) {
      if (access.kind == kind && access.field == Field::bell && access.order == order) access.order = relaxed;
    };
  };
  finds("[bell-word] release weakened", again, relax(Kind::store, release));
  finds("[bell-word] acquire weakened", again, relax(Kind::load, acquire));
  const auto without = [](Field place, std::uint64_t value) {
    return [=](Access& access) {
      access.skip = access.kind == Kind::store && access.field == place && access.value == value;
    };
  };
  finds("flag not set", one, without(Field::flag, 1));
  finds("word not incremented", one, without(Field::bell, 1));
  finds("last poll of the slot before the flag is set", sleepers(1, 1, BellKind::flag, LastPoll::before_flag));
  finds("no poll of the slot after the flag is set", sleepers(1, 1, BellKind::flag, LastPoll::none));
  const Shape shape = shape_of(2);
  finds("flag cleared after the word is incremented",
        belled(shape, {ringing<ClearsLate>(shape, 2, BellKind::flag), sleeping(1, shape, BellKind::flag)}));
  finds("successor does not ring", crash(BellKind::flag, 1, 0, false));

  const Program every_message = sleepers(1, 1, BellKind::every_message);
  finds("every message, [bell-word] release weakened", every_message, relax(Kind::store, release));
  finds("every message, [bell-word] acquire weakened", every_message, relax(Kind::load, acquire));
}
