// SPDX-License-Identifier: BSL-1.0
//
// The doorbell's protocol, staged: one thread plays the publisher and the sleepers, on processors with store
// buffers, and goes through every point at which the one can come between two steps of the other.
#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>
#include "support/staged_atomics.hpp"
#include "support/staged_doorbell.hpp"

namespace {

using test::BellKind;
using test::Channel;
using test::LazyAtomics;
using test::PublisherBell;
using test::relaxed;
using test::Sender;
using test::Sleeper;
using test::SubscriberBell;
using Stores = LazyAtomics::Stores;

/// Where the steps of a sleeper come: before these operations of the publisher.
using Points = std::array<std::size_t, 3>;

template <class Run>
void for_all_points(std::size_t operations, const Run& run) {
  for (std::size_t a = 0; a <= operations; ++a) {
    for (std::size_t b = a; b <= operations; ++b) {
      for (std::size_t c = b; c <= operations; ++c) run(Points{a, b, c});
    }
  }
}

void steps_at(const Points& points, std::size_t operation, Sleeper& sleeper) {
  for (int which = 0; which < 3; ++which) {
    if (points[static_cast<std::size_t>(which)] == operation) sleeper.step(which);
  }
}

struct Outcome {
  int runs = 0;
  int slept = 0;      // fell asleep at some time
  int overlooked = 0; // and slept on although there was a message
};

/// One sleeper goes to sleep, in every possible way, while two messages are published.
Outcome one_sleeper(BellKind kind, bool guarded) {
  Outcome outcome;
  std::size_t operations = 20;
  for_all_points(operations, [&](const Points& points) {
    Channel channel;
    Sender sender{channel, kind};
    LazyAtomics::before_each(nullptr);
    if (!guarded) sender.let_its_guard_down();
    Sleeper sleeper{channel, kind, 1};
    sender.sleepers = {&sleeper};
    bool slept = false;
    LazyAtomics::before_each([&](std::size_t operation) {
      steps_at(points, operation, sleeper);
      slept = slept || sleeper.asleep;
    });
    sender.publish();
    sender.publish();
    LazyAtomics::system_call(); // some time later
    REQUIRE(LazyAtomics::operations() <= operations);
    for (std::size_t late = LazyAtomics::operations(); late <= operations; ++late)
      steps_at(points, late, sleeper);
    ++outcome.runs;
    outcome.slept += slept || sleeper.asleep ? 1 : 0;
    if (!sleeper.overlooked()) return;
    ++outcome.overlooked;
    // The first sleep is a short one. What it was overlooked for is visible by then.
    sleeper.asleep = false;
    LazyAtomics::on(1, [&] { sleeper.look(); });
    CHECK(sleeper.found);
  });
  return outcome;
}

} // namespace

TEST_CASE("no sleeper is overlooked by a guarded publisher, whenever it falls asleep") {
  const Outcome outcome = one_sleeper(BellKind::flag_and_word, true);
  MESSAGE(outcome.runs, " interleavings, asleep in ", outcome.slept);
  CHECK(outcome.slept > 100);
  CHECK(outcome.overlooked == 0);
}

TEST_CASE("no sleeper is overlooked where every message is rung, whenever it falls asleep") {
  const Outcome outcome = one_sleeper(BellKind::word_only, true);
  MESSAGE(outcome.runs, " interleavings, asleep in ", outcome.slept);
  CHECK(outcome.slept > 100);
  CHECK(outcome.overlooked == 0);
}

TEST_CASE("a sleeper that an unguarded publisher overlooks finds the message at its second look") {
  const Outcome outcome = one_sleeper(BellKind::flag_and_word, false);
  MESSAGE(outcome.runs, " interleavings, overlooked in ", outcome.overlooked);
  // That it happens at all is why the first sleep of a wait is short.
  CHECK(outcome.overlooked > 0);
}

TEST_CASE("one clearing of the flag wakes two sleepers, or leaves the later one's flag set") {
  int both_slept = 0;
  constexpr std::size_t operations = 9;
  for_all_points(operations, [&](const Points& first) {
    for_all_points(operations, [&](const Points& second) {
      Channel channel;
      Sender sender{channel, BellKind::flag_and_word};
      Sleeper one{channel, BellKind::flag_and_word, 1};
      Sleeper other{channel, BellKind::flag_and_word, 2};
      sender.sleepers = {&one, &other};
      bool both = false;
      LazyAtomics::before_each([&](std::size_t operation) {
        steps_at(first, operation, one);
        steps_at(second, operation, other);
        both = both || (one.asleep && other.asleep);
      });
      sender.publish();
      LazyAtomics::system_call(); // some time later
      REQUIRE(LazyAtomics::operations() <= operations);
      for (std::size_t late = LazyAtomics::operations(); late <= operations; ++late) {
        steps_at(first, late, one);
        steps_at(second, late, other);
      }
      both_slept += both ? 1 : 0;
      if (one.overlooked() || other.overlooked()) FAIL("a sleeper was overlooked");
      // Whoever sleeps now is woken by the next message.
      LazyAtomics::before_each(nullptr);
      sender.publish();
      LazyAtomics::drain();
      if (one.overlooked() || other.overlooked()) FAIL("a sleeper was overlooked by the second message");
    });
  });
  MESSAGE("both were asleep in ", both_slept);
  CHECK(both_slept > 100);
}

TEST_CASE("a flag that is set while the publisher rings for another sleeper is not wiped out") {
  constexpr std::size_t operations = 20;
  int slept = 0;
  for (const Stores stores : {Stores::lazy, Stores::eager}) {
    for_all_points(operations, [&](const Points& points) {
      Channel channel;
      Sender sender{channel, BellKind::flag_and_word};
      Sleeper asleep{channel, BellKind::flag_and_word, 1};
      Sleeper comes{channel, BellKind::flag_and_word, 2};
      sender.sleepers = {&asleep, &comes};
      LazyAtomics::before_each(nullptr);
      LazyAtomics::on(1, [&] { asleep.fall_asleep(); });
      REQUIRE(asleep.asleep);
      LazyAtomics::before_each([&](std::size_t operation) { steps_at(points, operation, comes); }, stores);
      sender.publish();
      sender.publish();
      LazyAtomics::system_call(); // some time later
      CHECK_FALSE(asleep.asleep);
      REQUIRE(LazyAtomics::operations() <= operations);
      for (std::size_t late = LazyAtomics::operations(); late <= operations; ++late) {
        steps_at(points, late, comes);
      }
      slept += comes.asleep ? 1 : 0;
      if (comes.overlooked()) FAIL("the sleeper that came was overlooked");
    });
  }
  CHECK(slept > 0);
}

TEST_CASE("no sleeper is overlooked, whenever the publisher comes between its steps") {
  constexpr std::size_t operations = 8;
  int slept = 0;
  for (const bool another_sleeps : {false, true}) {
    for_all_points(operations, [&](const Points& points) {
      Channel channel;
      Sender sender{channel, BellKind::flag_and_word};
      Sleeper another{channel, BellKind::flag_and_word, 1};
      Sleeper sleeper{channel, BellKind::flag_and_word, 2};
      sender.sleepers = {&another, &sleeper};
      LazyAtomics::before_each(nullptr);
      if (another_sleeps) LazyAtomics::on(1, [&] { another.fall_asleep(); });
      // A message, the ringing for it, and one more message with its own.
      LazyAtomics::before_each(
          [&](std::size_t operation) {
            LazyAtomics::on(0, [&] {
              if (points[0] == operation) sender.store_message();
              if (points[1] == operation) sender.ring();
              if (points[2] == operation) sender.publish();
              LazyAtomics::drain();
            });
          },
          Stores::eager);
      LazyAtomics::on(2, [&] { sleeper.fall_asleep(); });
      REQUIRE(LazyAtomics::operations() < operations);
      slept += sleeper.asleep ? 1 : 0;
      while (LazyAtomics::operations() <= operations) LazyAtomics::system_call(); // what is still to come
      REQUIRE(channel.newest.value == 2);
      if (sleeper.overlooked()) FAIL("the sleeper was overlooked");
    });
  }
  CHECK(slept > 0);
}

TEST_CASE("a sleeper that dies, or gives up, costs one wake, and nothing else") {
  LazyAtomics::before_each(nullptr);
  Channel channel;
  Sender sender{channel, BellKind::flag_and_word};
  Sleeper dies{channel, BellKind::flag_and_word, 1};
  LazyAtomics::on(1, [&] { dies.fall_asleep(); });
  REQUIRE(dies.asleep);
  for (int i = 0; i < 1000; ++i) sender.publish();
  CHECK(sender.wakes == 1);
  CHECK(channel.newest.load(relaxed) == 1000);
}

TEST_CASE("a successor wakes whom a publisher that died at any step of ringing left asleep") {
  using test::StagedAtomics;
  using StagedPublisher = seqcast::detail::DoorbellPublisher<StagedAtomics>;
  using StagedSubscriber = seqcast::detail::DoorbellSubscriber<StagedAtomics>;
  // Stores of a publisher: the message, the flag, the word. Then comes the wake, which a dead one never makes.
  for (std::int64_t stores = 0; stores <= 3; ++stores) {
    CAPTURE(stores);
    StagedAtomics::Word newest;
    StagedAtomics::Word flag;
    StagedAtomics::Word word;
    const StagedSubscriber sleeper{&flag, &word};
    const std::uint32_t expected = sleeper.prepare();
    REQUIRE(newest.value == 0);
    {
      StagedAtomics::Staging staging;
      staging.die_after(stores);
      StagedPublisher dies{&flag, &word};
      newest.store(1, std::memory_order_release);
      (void)dies.published();
    }
    CHECK(newest.value == (stores >= 1 ? 1U : 0U));
    CHECK(flag.value == (stores >= 2 ? 0U : 1U));
    // Somebody who has prepared, and sleeps only now, is kept from it by the word alone.
    CHECK((static_cast<std::uint32_t>(word.value) == expected) == (stores < 3));
    // The successor wakes all who sleep on the word after this, whatever it finds.
    StagedPublisher successor{&flag, &word};
    successor.ring();
    CHECK(static_cast<std::uint32_t>(word.value) != expected);
    // And its own first message finds the flag of whoever goes to sleep after that.
    CHECK(sleeper.prepare() == static_cast<std::uint32_t>(word.value));
    CHECK(successor.published());
  }
}

TEST_CASE("a publisher takes the fence for 64 messages after the last that found somebody asleep") {
  Channel channel;
  Sender sender{channel, BellKind::flag_and_word};
  const auto fences_of_a_message = [&] {
    LazyAtomics::before_each(nullptr);
    (void)sender.bell.published();
    return LazyAtomics::operations() - 1; // all but the look at the flag
  };
  CHECK(PublisherBell::guarded_messages == 64);
  for (int turn = 0; turn < 3; ++turn) {
    for (int i = 0; i < 64; ++i) CHECK(fences_of_a_message() == 1);
    for (int i = 0; i < 100; ++i) CHECK(fences_of_a_message() == 0);
    channel.flag.value = 1;
    LazyAtomics::before_each(nullptr);
    CHECK(sender.bell.published());
    CHECK(LazyAtomics::operations() ==
          4); // look at the flag, clear it, read and bump the word: still unguarded
    LazyAtomics::drain();
    CHECK(channel.flag.value == 0);
  }
}

TEST_CASE("a word without a flag is rung for every message, without a fence") {
  LazyAtomics::before_each(nullptr);
  Channel channel;
  PublisherBell bell{nullptr, &channel.word};
  CHECK(bell.present());
  for (std::uint64_t i = 1; i <= 200; ++i) {
    CHECK(bell.published());
    LazyAtomics::drain();
    CHECK(channel.word.value == i);
  }
  CHECK(LazyAtomics::operations() == 400);
}

TEST_CASE("the word goes round from its largest value to its smallest") {
  LazyAtomics::before_each(nullptr);
  for (const std::uint64_t last : {std::uint64_t{0xFFFF'FFFF}, ~std::uint64_t{0}}) {
    Channel channel;
    channel.word.value = last;
    Sleeper sleeper{channel, BellKind::flag_and_word, 1};
    CHECK(sleeper.bell.prepare() == 0xFFFF'FFFF);
    PublisherBell{&channel.flag, &channel.word}.ring();
    LazyAtomics::drain();
    CHECK(static_cast<std::uint32_t>(channel.word.value) == 0);
  }
}

TEST_CASE("where there is no bell, there is none") {
  CHECK_FALSE(PublisherBell{}.present());
  CHECK_FALSE(SubscriberBell{}.present());
  CHECK(PublisherBell{}.word() == nullptr);
}
