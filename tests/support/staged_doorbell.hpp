// SPDX-License-Identifier: BSL-1.0
//
// staged_doorbell: a publisher and sleepers around a doorbell, reduced to what matters for waking: messages are
// but a count, and sleeping is to be marked asleep. Each step can be made to come at any point of another's.
//
// Who may use it: tests of the doorbell; one thread at a time.
//
// Invariants
//   1. A sleeper falls asleep as the kernel lets it: only if the word is what it expects.
//   2. A wake ends the sleep of all that are asleep at that point, and of nobody who falls asleep later.
#pragma once

#include <seqcast/detail/doorbell.hpp>
#include <seqcast/detail/slot.hpp>
#include "support/lazy_atomics.hpp"

namespace test {

using PublisherBell = seqcast::detail::DoorbellPublisher<LazyAtomics>;
using SubscriberBell = seqcast::detail::DoorbellSubscriber<LazyAtomics>;

inline constexpr auto relaxed = std::memory_order_relaxed;

enum class BellKind { flag_and_word, word_only };

/// A channel whose messages are but a count.
struct Channel {
  LazyAtomics::Word newest;
  LazyAtomics::Word flag;
  LazyAtomics::Word word;
};

struct Sleeper {
  Sleeper(Channel& its_channel, BellKind kind, std::size_t its_processor)
      : channel{its_channel},
        bell{kind == BellKind::word_only ? SubscriberBell{&its_channel.word}
                                         : SubscriberBell{&its_channel.flag, &its_channel.word}},
        processor{its_processor} {}

  Channel& channel;
  SubscriberBell bell;
  std::size_t processor;
  std::uint64_t read = 0;
  std::uint32_t expected = 0;
  bool found = false;
  bool asleep = false;

  // The three steps of going to sleep, between which anything may happen.
  void drain_and_prepare() {
    read = channel.newest.load(relaxed);
    expected = bell.prepare();
  }
  void look() {
    found = channel.newest.load(relaxed) > read;
  }
  void sleep() {
    LazyAtomics::system_call();
    asleep = !found && static_cast<std::uint32_t>(channel.word.value) == expected;
  }
  void fall_asleep() {
    drain_and_prepare();
    look();
    sleep();
  }
  void step(int which) {
    LazyAtomics::on(processor, [&] {
      if (which == 0) drain_and_prepare();
      if (which == 1) look();
      if (which == 2) sleep();
    });
  }
  /// Asleep although there is something to read: a lost wake-up.
  bool overlooked() const {
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
    if (bell.published()) wake();
  }
  void wake() {
    LazyAtomics::system_call();
    ++wakes;
    for (Sleeper* sleeper : sleepers) sleeper->asleep = false;
  }
  /// Until it takes no more fences.
  void let_its_guard_down() {
    for (std::uint32_t i = 0; i <= PublisherBell::guarded_messages; ++i) publish();
    LazyAtomics::drain();
  }
};

} // namespace test
