// SPDX-License-Identifier: BSL-1.0
//
// The doorbell's protocol, staged: one thread plays the publisher and the sleepers, on processors with store
// buffers, with every interleaving of their steps.
//
// Invariants of what is staged
//   1. A sleeper falls asleep as in the kernel: only if the word is what it expects.
//   2. A wake ends the sleep of all that are asleep at that point, and of no sleeper that falls asleep later.
#include <doctest/doctest.h>
#include <seqcast/detail/doorbell.hpp>
#include "support/staged_policy.hpp"

#include <vector>

namespace {

using test::StagedPolicy;
using Staging = StagedPolicy::Staging;
using Stores = StagedPolicy::Stores;
using PublisherBell = seqcast::detail::DoorbellPublisher<StagedPolicy>;
using SubscriberBell = seqcast::detail::DoorbellSubscriber<StagedPolicy>;

constexpr auto relaxed = std::memory_order_relaxed;

enum class BellKind { flag_and_word, word_only };

/// A channel whose messages are only counted.
struct Channel {
  StagedPolicy::Word newest;
  StagedPolicy::Word flag;
  StagedPolicy::Word word;
};

struct Sleeper {
  Sleeper(Channel& its_channel, BellKind kind, std::size_t its_processor)
      : channel{its_channel},
        bell{kind == BellKind::word_only ? nullptr : &its_channel.flag, &its_channel.word},
        processor{its_processor} {}

  Channel& channel;
  SubscriberBell bell;
  std::size_t processor;
  std::uint64_t read = 0;
  std::uint32_t expected = 0;
  bool found = false;
  bool asleep = false;

  // The three steps before a sleep; another process may act between them.
  void drain_and_prepare() {
    read = channel.newest.load(relaxed);
    expected = bell.prepare();
  }
  void poll() {
    found = channel.newest.load(relaxed) > read;
  }
  void sleep() {
    StagedPolicy::system_call();
    asleep = !found && static_cast<std::uint32_t>(channel.word.value) == expected;
  }
  void fall_asleep() {
    drain_and_prepare();
    poll();
    sleep();
  }
  void step(int which) {
    StagedPolicy::on(processor, [&] {
      if (which == 0) drain_and_prepare();
      if (which == 1) poll();
      if (which == 2) sleep();
    });
  }
  /// Asleep although there is something to read: a lost wake-up.
  bool missed_wake() const {
    return asleep && channel.newest.value > read;
  }
};

struct Sender {
  Sender(Channel& its_channel, BellKind kind)
      : channel{its_channel},
        bell{kind == BellKind::word_only ? nullptr : &its_channel.flag, &its_channel.word} {}

  Channel& channel;
  PublisherBell bell;
  std::vector<Sleeper*> sleepers = {};
  int wakes = 0;

  void publish() {
    store_message();
    ring();
  }
  void store_message() {
    channel.newest.store(channel.newest.load(relaxed) + 1, std::memory_order_release);
  }
  void ring() {
    if (bell.ring_if_sleeper()) wake();
  }
  void wake() {
    StagedPolicy::system_call();
    ++wakes;
    for (Sleeper* sleeper : sleepers) sleeper->asleep = false;
  }
  /// Publishes until it executes no more fences.
  void become_unguarded() {
    for (std::uint32_t i = 0; i <= PublisherBell::guarded_messages; ++i) publish();
    StagedPolicy::drain();
  }
};

/// Before which operations of the publisher the three steps of a sleeper come.
using Points = std::array<std::uint64_t, 3>;

template <class Run>
void for_all_points(std::uint64_t operations, const Run& run) {
  for (std::uint64_t a = 0; a <= operations; ++a) {
    for (std::uint64_t b = a; b <= operations; ++b) {
      for (std::uint64_t c = b; c <= operations; ++c) run(Points{a, b, c});
    }
  }
}

void steps_at(const Points& points, std::uint64_t operation, Sleeper& sleeper) {
  for (int which = 0; which < 3; ++which) {
    if (points[static_cast<std::size_t>(which)] == operation) sleeper.step(which);
  }
}

struct Counts {
  int interleavings = 0;
  int slept = 0;        // the sleeper fell asleep at some time
  int missed_wakes = 0; // and slept on although there was a message
};

/// One sleeper goes to sleep, in every possible way, while two messages are published.
Counts one_sleeper(BellKind kind, bool guarded) {
  Staging staging;
  Counts counts;
  std::uint64_t operations = 20;
  for_all_points(operations, [&](const Points& points) {
    Channel channel;
    Sender sender{channel, kind};
    staging.restart({}, Stores::buffered);
    if (!guarded) sender.become_unguarded();
    Sleeper sleeper{channel, kind, 1};
    sender.sleepers = {&sleeper};
    bool slept = false;
    staging.restart(
        [&](std::uint64_t operation) {
          steps_at(points, operation, sleeper);
          slept = slept || sleeper.asleep;
        },
        Stores::buffered);
    sender.publish();
    sender.publish();
    StagedPolicy::system_call(); // some time later
    REQUIRE(staging.operations() <= operations);
    for (std::uint64_t late = staging.operations(); late <= operations; ++late) steps_at(points, late, sleeper);
    ++counts.interleavings;
    counts.slept += slept || sleeper.asleep ? 1 : 0;
    if (!sleeper.missed_wake()) return;
    ++counts.missed_wakes;
    // The first sleep is a short one, and the missed message is visible when it ends.
    sleeper.asleep = false;
    StagedPolicy::on(1, [&] { sleeper.poll(); });
    CHECK(sleeper.found);
  });
  return counts;
}

} // namespace

TEST_CASE("no wake-up by a guarded publisher is lost, whenever the sleeper falls asleep") {
  const Counts counts = one_sleeper(BellKind::flag_and_word, true);
  MESSAGE(counts.interleavings, " interleavings, asleep in ", counts.slept);
  CHECK(counts.slept > 100);
  CHECK(counts.missed_wakes == 0);
}

TEST_CASE("no wake-up is lost where every message wakes, whenever the sleeper falls asleep") {
  const Counts counts = one_sleeper(BellKind::word_only, true);
  MESSAGE(counts.interleavings, " interleavings, asleep in ", counts.slept);
  CHECK(counts.slept > 100);
  CHECK(counts.missed_wakes == 0);
}

TEST_CASE("a sleeper that an unguarded publisher does not wake finds the message at its second poll") {
  const Counts counts = one_sleeper(BellKind::flag_and_word, false);
  MESSAGE(counts.interleavings, " interleavings, wake-ups lost in ", counts.missed_wakes);
  // That it happens at all is why the first sleep of a wait is short.
  CHECK(counts.missed_wakes > 0);
}

TEST_CASE("clearing the flag once wakes two sleepers, or leaves the flag of the later one set") {
  Staging staging;
  int both_slept = 0;
  constexpr std::uint64_t operations = 9;
  for_all_points(operations, [&](const Points& first) {
    for_all_points(operations, [&](const Points& second) {
      Channel channel;
      Sender sender{channel, BellKind::flag_and_word};
      Sleeper one{channel, BellKind::flag_and_word, 1};
      Sleeper other{channel, BellKind::flag_and_word, 2};
      sender.sleepers = {&one, &other};
      bool both = false;
      staging.restart(
          [&](std::uint64_t operation) {
            steps_at(first, operation, one);
            steps_at(second, operation, other);
            both = both || (one.asleep && other.asleep);
          },
          Stores::buffered);
      sender.publish();
      StagedPolicy::system_call(); // some time later
      REQUIRE(staging.operations() <= operations);
      for (std::uint64_t late = staging.operations(); late <= operations; ++late) {
        steps_at(first, late, one);
        steps_at(second, late, other);
      }
      both_slept += both ? 1 : 0;
      if (one.missed_wake() || other.missed_wake()) FAIL("a wake-up was lost");
      // The next message wakes each sleeper.
      staging.restart({}, Stores::buffered);
      sender.publish();
      StagedPolicy::drain();
      if (one.missed_wake() || other.missed_wake()) FAIL("the second message lost a wake-up");
    });
  });
  MESSAGE("both were asleep in ", both_slept);
  CHECK(both_slept > 100);
}

TEST_CASE("a flag that is set while the publisher rings for another sleeper stays set") {
  constexpr std::uint64_t operations = 20;
  int slept = 0;
  Staging staging;
  for (const Stores stores : {Stores::buffered, Stores::at_once}) {
    for_all_points(operations, [&](const Points& points) {
      Channel channel;
      Sender sender{channel, BellKind::flag_and_word};
      Sleeper asleep{channel, BellKind::flag_and_word, 1};
      Sleeper second{channel, BellKind::flag_and_word, 2};
      sender.sleepers = {&asleep, &second};
      staging.restart({}, Stores::buffered);
      StagedPolicy::on(1, [&] { asleep.fall_asleep(); });
      REQUIRE(asleep.asleep);
      staging.restart([&](std::uint64_t operation) { steps_at(points, operation, second); }, stores);
      sender.publish();
      sender.publish();
      StagedPolicy::system_call(); // some time later
      CHECK_FALSE(asleep.asleep);
      REQUIRE(staging.operations() <= operations);
      for (std::uint64_t late = staging.operations(); late <= operations; ++late) {
        steps_at(points, late, second);
      }
      slept += second.asleep ? 1 : 0;
      if (second.missed_wake()) FAIL("a wake-up was lost");
    });
  }
  CHECK(slept > 0);
}

TEST_CASE("no wake-up is lost, whenever the publisher acts between two steps of the sleeper") {
  constexpr std::uint64_t operations = 8;
  int slept = 0;
  Staging staging;
  for (const bool another_sleeps : {false, true}) {
    for_all_points(operations, [&](const Points& points) {
      Channel channel;
      Sender sender{channel, BellKind::flag_and_word};
      Sleeper another{channel, BellKind::flag_and_word, 1};
      Sleeper sleeper{channel, BellKind::flag_and_word, 2};
      sender.sleepers = {&another, &sleeper};
      staging.restart({}, Stores::buffered);
      if (another_sleeps) StagedPolicy::on(1, [&] { another.fall_asleep(); });
      // A message, the ringing for it, and one more message with its own.
      staging.restart(
          [&](std::uint64_t operation) {
            StagedPolicy::on(0, [&] {
              if (points[0] == operation) sender.store_message();
              if (points[1] == operation) sender.ring();
              if (points[2] == operation) sender.publish();
              StagedPolicy::drain();
            });
          },
          Stores::at_once);
      StagedPolicy::on(2, [&] { sleeper.fall_asleep(); });
      REQUIRE(staging.operations() < operations);
      slept += sleeper.asleep ? 1 : 0;
      while (staging.operations() <= operations) StagedPolicy::system_call(); // what is still to come
      REQUIRE(channel.newest.value == 2);
      if (sleeper.missed_wake()) FAIL("a wake-up was lost");
    });
  }
  CHECK(slept > 0);
}

TEST_CASE("a sleeper that crashes or times out costs one wake and nothing else") {
  const Staging staging{Stores::buffered};
  Channel channel;
  Sender sender{channel, BellKind::flag_and_word};
  Sleeper crashed{channel, BellKind::flag_and_word, 1};
  StagedPolicy::on(1, [&] { crashed.fall_asleep(); });
  REQUIRE(crashed.asleep);
  for (int i = 0; i < 1000; ++i) sender.publish();
  CHECK(sender.wakes == 1);
  CHECK(channel.newest.load(relaxed) == 1000);
}

TEST_CASE("a successor wakes the sleepers of a publisher that crashed at any step of ringing") {
  // A publisher stores the message, the flag and the word. The wake comes after them, so it is never made here.
  for (std::int64_t stores = 0; stores <= 3; ++stores) {
    CAPTURE(stores);
    StagedPolicy::Word newest;
    StagedPolicy::Word flag;
    StagedPolicy::Word word;
    const SubscriberBell sleeper{&flag, &word};
    const std::uint32_t expected = sleeper.prepare();
    REQUIRE(newest.value == 0);
    {
      Staging staging;
      staging.crash_after(stores);
      PublisherBell crashing{&flag, &word};
      newest.store(1, std::memory_order_release);
      (void)crashing.ring_if_sleeper();
    }
    CHECK(newest.value == (stores >= 1 ? 1U : 0U));
    CHECK(flag.value == (stores >= 2 ? 0U : 1U));
    // Only the word keeps a subscriber from sleeping that has prepared before.
    CHECK((static_cast<std::uint32_t>(word.value) == expected) == (stores < 3));
    // After ring_bell() the successor wakes all that sleep on the word.
    PublisherBell successor{&flag, &word};
    successor.ring_bell();
    CHECK(static_cast<std::uint32_t>(word.value) != expected);
    // Its own first message finds the flag of a subscriber that goes to sleep after that.
    CHECK(sleeper.prepare() == static_cast<std::uint32_t>(word.value));
    CHECK(successor.ring_if_sleeper());
  }
}

TEST_CASE("a publisher executes the fence for 64 messages after the last that found a sleeper") {
  Staging staging;
  Channel channel;
  Sender sender{channel, BellKind::flag_and_word};
  const auto fences_of_a_message = [&] {
    staging.restart({}, Stores::buffered);
    (void)sender.bell.ring_if_sleeper();
    return staging.operations() - 1; // all but the load of the flag
  };
  CHECK(PublisherBell::guarded_messages == 64);
  for (int turn = 0; turn < 3; ++turn) {
    for (int i = 0; i < 64; ++i) CHECK(fences_of_a_message() == 1);
    for (int i = 0; i < 100; ++i) CHECK(fences_of_a_message() == 0);
    channel.flag.value = 1;
    staging.restart({}, Stores::buffered);
    CHECK(sender.bell.ring_if_sleeper());
    CHECK(staging.operations() == 4); // load the flag, clear it, load and increment the word: still unguarded
    StagedPolicy::drain();
    CHECK(channel.flag.value == 0);
  }
}

TEST_CASE("a word without a flag is incremented for every message, without a fence") {
  const Staging staging{Stores::buffered};
  Channel channel;
  PublisherBell bell{nullptr, &channel.word};
  for (std::uint64_t i = 1; i <= 200; ++i) {
    CHECK(bell.ring_if_sleeper());
    StagedPolicy::drain();
    CHECK(channel.word.value == i);
  }
  CHECK(staging.operations() == 400);
}

TEST_CASE("the word wraps from its largest value to zero") {
  const Staging staging{Stores::buffered};
  for (const std::uint64_t last : {std::uint64_t{0xFFFF'FFFF}, ~std::uint64_t{0}}) {
    Channel channel;
    channel.word.value = last;
    Sleeper sleeper{channel, BellKind::flag_and_word, 1};
    CHECK(sleeper.bell.prepare() == 0xFFFF'FFFF);
    PublisherBell{&channel.flag, &channel.word}.ring_bell();
    StagedPolicy::drain();
    CHECK(static_cast<std::uint32_t>(channel.word.value) == 0);
  }
}

TEST_CASE("a default doorbell has no bell") {
  CHECK_FALSE(SubscriberBell{}.present());
  CHECK(SubscriberBell{}.word() == nullptr);
}
