// SPDX-License-Identifier: BSL-1.0
//
// soak: the publishers and subscribers of the soak test, each in a process of its own, and the ledger in shared
// memory, apart from the channel, in which they note what has to be true of it.
//
// Who may call it: soak_process_test.cpp. A failed check ends the process with a failure.
//
// Invariants
//   1. A message contains its publisher's epoch; every byte depends on its epoch and sequence.
//   2. A publisher notes its first sequence before it publishes, and each sequence after publish() has
//      returned; subscribers note the newest message that they have received of each publisher. So a sequence
//      that is used twice is detected even if no subscriber receives it twice.
#pragma once

#include "support/checked_payload.hpp"
#include "support/child.hpp"
#include "support/shared_block.hpp"

#include <seqcast/seqcast.hpp>

#include <atomic>
#include <random>
#include <stdexcept>
#include <thread>

namespace test::soak {

using Random = std::minstd_rand;

constexpr std::uint32_t largest = 200;
constexpr std::size_t max_tenures = 1 << 18;
constexpr std::size_t max_visitors = 3;

/// What is known of one publisher's tenure.
struct Tenure {
  std::atomic<std::uint64_t> first;    // its first sequence; 0 if it crashed before it noted that
  std::atomic<std::uint64_t> returned; // the last sequence that publish() gave it, or the one before its first
  std::atomic<std::uint64_t> seen;     // the newest sequence of its messages that any subscriber received
};

struct Ledger {
  std::array<Tenure, max_tenures> tenures; // by epoch
  std::atomic<std::uint64_t> entered;      // epoch of the last publisher that has opened the channel
  std::atomic<std::uint64_t> inheritors;   // children of publishers, with an inherited publisher
  std::atomic<bool> retire;                // asks the publisher to close
  std::atomic<bool> finished;              // no process will publish any more
  std::array<std::atomic<bool>, max_visitors> leave;

  Tenure& tenure(std::uint64_t epoch) {
    return tenures.at(epoch);
  }
  std::uint64_t returned() {
    return tenure(entered).returned;
  }
};

inline void expect(bool holds, const char* what) {
  if (!holds) throw std::runtime_error{what};
}

constexpr std::size_t size_of(std::uint64_t sequence) noexcept {
  return 16 + sequence * 7919 % (largest - 15);
}

inline void raise_to(std::atomic<std::uint64_t>& most, std::uint64_t value) {
  for (std::uint64_t now = most; now < value && !most.compare_exchange_weak(now, value);) continue;
}

/// Forks a process that inherits the publisher and outlives it, until the next publisher has opened the
/// channel. With the lock in its hands there would be no next one.
inline void fork_inheritor(seqcast::BytePublisher& publisher, Ledger& ledger) {
  const pid_t id = ::fork();
  if (id < 0) raise_errno("fork");
  if (id > 0) return;
  ++ledger.inheritors;
  ::alarm(static_cast<unsigned>(watchdog_timeout.count()));
  for (int i = 0; i < 100; ++i) publisher.publish("from an inherited publisher");
  const std::uint64_t epoch = publisher.epoch().number;
  while (ledger.entered <= epoch && !ledger.finished) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  ::_exit(0);
}

/// Takes over from the publisher of epoch `before`, and publishes until it is killed, or told to close.
inline void publish(const seqcast::Location& place, const seqcast::PublisherOptions& options, Ledger& ledger,
                    std::uint64_t before, unsigned seed) {
  Random random{seed};
  const std::uint64_t last_returned = ledger.returned();
  seqcast::BytePublisher publisher{place, options};
  const auto [epoch, first] = publisher.epoch();
  expect(epoch == before + 1, "an epoch is one more than the one before");
  expect(first == publisher.head() + 1, "a publisher begins after the head");
  // The publisher before may have been killed between the completion of a message and the return of publish().
  expect(first == last_returned + 1 || first == last_returned + 2, "the sequence goes on where it was");
  Tenure& tenure = ledger.tenure(epoch);
  tenure.returned = first - 1;
  tenure.first = first;
  ledger.entered = epoch;
  if (random() % 16 == 0) fork_inheritor(publisher, ledger);

  std::array<std::byte, largest> scratch;
  for (std::uint64_t sequence = first; !ledger.retire;) {
    const auto burst = random() % (3 * publisher.capacity());
    for (std::uint64_t i = 0; i < burst && !ledger.retire; ++i, ++sequence) {
      const std::span message{scratch.data(), size_of(sequence)};
      std::memcpy(message.data(), &epoch, 8);
      fill_payload(message.subspan(8), sequence, epoch);
      expect(publisher.publish(message) == sequence, "sequences go up by one");
      tenure.returned.store(sequence, std::memory_order_release);
    }
    // Pauses, in which subscribers catch up and fall asleep.
    if (burst % 4 == 0) std::this_thread::sleep_for(std::chrono::microseconds{100});
    if (burst % 4 == 1) std::this_thread::yield();
  }
}

enum class Reading { next, waiting, mixed };

/// What a subscriber reports at its end.
struct Account {
  std::uint64_t begin = 0; // its cursor when it had opened the channel
  std::uint64_t received = 0, lost = 0, skipped = 0, overruns = 0, last = 0;
  std::uint64_t waits = 0, reported_ends = 0, forks = 0;

  bool balanced() const noexcept {
    return received + lost + skipped == last - begin;
  }
};

/// The sums of the whole test.
struct Tally {
  std::uint64_t publishers = 0, killed = 0, killed_at_opening = 0, closed = 0, stopped = 0, refused = 0;
  std::uint64_t subscribers = 0, subscribers_killed = 0, subscribers_stopped = 0, forks = 0;
  std::uint64_t published = 0, received = 0, lost = 0, skipped = 0, overruns = 0, waits = 0, reported_ends = 0;

  void add(const Account& account) {
    received += account.received;
    lost += account.lost;
    skipped += account.skipped;
    overruns += account.overruns;
    waits += account.waits;
    reported_ends += account.reported_ends;
    forks += account.forks;
  }
};

/// A subscriber of the channel that checks all it gets.
class Follower {
 public:
  Follower(const seqcast::Location& place, seqcast::StartPosition start, Reading reading, Ledger& ledger,
           unsigned seed)
      : ledger_{ledger},
        reading_{reading},
        random_{seed},
        subscriber_{place, {.start = start, .strategy = seqcast::WaitStrategy::sleep}} {
    account_.begin = account_.last = subscriber_.cursor();
  }

  seqcast::ByteSubscriber& subscriber() noexcept {
    return subscriber_;
  }

  /// Until no process publishes any more and all has been read; or until `leave`; or for `most` messages.
  Account run(const std::atomic<bool>& leave, std::uint64_t most, bool may_fork) {
    std::optional<Child> fork;
    const auto reap_fork = [&] {
      if (fork) expect(fork->wait() == ended_well, "a forked subscriber's account balances, too");
      fork.reset();
    };
    for (const std::uint64_t end = account_.received + most; account_.received < end && !leave;) {
      const bool finished = ledger_.finished;
      if (!step() && finished && !subscriber_.error()) break;
      if (may_fork && account_.received % 4096 == 1) {
        reap_fork();
        // It goes on with what it inherits, from where the two are now.
        fork.emplace([&](Line&) { run(leave, 1 + random_() % 2000, false); });
        ++account_.forks;
      }
    }
    reap_fork();
    expect(account_.balanced(), "received + lost + skipped is what was published");
    return account_;
  }

 private:
  /// False if there was nothing more.
  bool step() {
    const bool latest = reading_ == Reading::mixed && random_() % 64 == 0;
    const auto found = latest ? subscriber_.latest() : subscriber_.next();
    if (found) {
      check(*found, latest);
      return true;
    }
    if (latest) return true;
    const std::error_code error = subscriber_.error();
    expect(!error || error == seqcast::Errc::overrun, "no error but an overrun");
    if (error) {
      ++account_.overruns;
    } else if (reading_ == Reading::waiting) {
      wait();
    } else {
      std::this_thread::yield();
    }
    return false;
  }

  void wait() {
    const seqcast::WaitResult reason = subscriber_.wait_for(std::chrono::milliseconds{20});
    expect(reason != seqcast::WaitResult::superseded && reason != seqcast::WaitResult::stopped,
           "the channel keeps its name");
    ++account_.waits;
    if (reason == seqcast::WaitResult::closed || reason == seqcast::WaitResult::no_publisher)
      ++account_.reported_ends;
  }

  void check(const seqcast::ReceivedBytes& found, bool latest) {
    const std::uint64_t sequence = found.sequence;
    std::uint64_t epoch = 0;
    expect(found.message.size() == size_of(sequence), "a message has its size");
    std::memcpy(&epoch, found.message.data(), 8);
    expect(is_whole(found.message.subspan(8), sequence, epoch), "a message is whole");
    expect(epoch >= epoch_ && epoch < max_tenures, "no publisher's messages come after its successor's");
    epoch_ = epoch;
    Tenure& tenure = ledger_.tenure(epoch);
    expect(tenure.first != 0 && sequence >= tenure.first, "no message is older than its publisher");
    raise_to(tenure.seen, sequence);
    if (latest) {
      expect(sequence >= account_.last && found.lost == 0, "latest() never goes back");
      if (sequence == account_.last) return;
      account_.skipped += sequence - account_.last - 1;
    } else {
      expect(sequence == account_.last + 1 + found.lost, "a gap is exactly what was lost");
    }
    account_.lost += found.lost;
    account_.last = sequence;
    ++account_.received;
  }

  Ledger& ledger_;
  Reading reading_;
  Random random_;
  seqcast::ByteSubscriber subscriber_;
  Account account_;
  std::uint64_t epoch_ = 0;
};

} // namespace test::soak
