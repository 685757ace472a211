// SPDX-License-Identifier: BSL-1.0
//
// Threads of one process: over one array of words that all of them share, and through publishers and
// subscribers of one channel. This is the test to run under ThreadSanitizer, which checks one process only,
// with all accesses of both sides in it. Without it the processes of channel_stress_test.cpp are the more
// demanding test.
#include "support/checked_payload.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/detail/recovery.hpp>
#include <seqcast/seqcast.hpp>

#include <atomic>
#include <thread>

using namespace test;
using seqcast::detail::HardwarePolicy;
using seqcast::detail::ReadStatus;

namespace {

constexpr std::uint64_t minimum_distinct = 50;
constexpr std::uint64_t at_least = 5000; // messages

/// What a subscriber thread has seen. doctest's checks are made by the main thread, afterwards.
struct Account {
  std::atomic<std::uint64_t> distinct{0};
  std::uint64_t torn = 0;
  std::uint64_t disorder = 0;
  std::uint64_t lost = 0;
  std::uint64_t last = 0;
  std::uint64_t failed = 0; // calls that gave an error other than overrun
};

void check(const std::vector<Account>& accounts, std::uint64_t published) {
  for (const Account& account : accounts) {
    CHECK(account.torn == 0);
    CHECK(account.disorder == 0);
    CHECK(account.failed == 0);
    CHECK(account.distinct >= minimum_distinct);
    CHECK(account.last == published);
    CHECK(account.distinct + account.lost == published);
  }
}

/// Publishes in bursts of a ring until enough is out, and everybody has seen the floor. Gives how many.
template <class Publish>
std::uint64_t publish_enough(const Publish& publish, std::uint64_t capacity,
                             const std::vector<Account>& accounts) {
  const Watchdog watchdog{"subscriber threads to see their floor of distinct messages"};
  const auto floor_reached = [&] {
    return std::all_of(accounts.begin(), accounts.end(),
                       [](const Account& account) { return account.distinct >= minimum_distinct; });
  };
  std::uint64_t sequence = 0;
  while ((sequence < at_least || !floor_reached()) && !watchdog.expired()) {
    for (std::uint64_t i = 0; i <= sequence % (2 * capacity); ++i) publish(++sequence);
    std::this_thread::yield();
  }
  return sequence;
}

/// The ring itself over plain memory: no file, no mapping, no lock.
void stress_ring(std::uint64_t capacity, std::uint32_t size) {
  CAPTURE(capacity);
  CAPTURE(size);
  const std::size_t stride = seqcast::detail::round_up(16 + seqcast::detail::round_up(size, 8), 64) / 8;
  const seqcast::detail::Geometry geometry{.slots_word = 64,
                                           .stride_words = stride,
                                           .capacity = capacity,
                                           .payload_word = 2,
                                           .max_message_size = size,
                                           .timestamps = false};
  std::vector<seqcast::detail::Word> words(64 + stride * capacity);
  seqcast::detail::Recovery<HardwarePolicy>{words.data(), geometry}.create();
  std::vector<Account> accounts(3);
  std::atomic<bool> finished{false};
  std::vector<std::jthread> subscribers;
  for (Account& account : accounts) {
    subscribers.emplace_back([&] {
      seqcast::detail::RingSubscriber<HardwarePolicy> ring{words.data(), geometry, 0, 1, capacity / 2 - 1};
      std::vector<std::byte> buffer(size);
      for (;;) {
        const bool last_round = finished;
        const auto read = ring.next(seqcast::detail::BufferDestination{buffer.data(), buffer.size()});
        if (read.status == ReadStatus::overrun) continue;
        if (read.status == ReadStatus::nothing) {
          if (last_round) return;
          std::this_thread::yield();
          continue;
        }
        if (read.status != ReadStatus::message) {
          ++account.failed;
          return;
        }
        if (read.size != size || !is_whole(buffer, read.sequence)) ++account.torn;
        if (read.sequence != account.last + 1 + read.lost) ++account.disorder;
        account.last = read.sequence;
        account.lost += read.lost;
        ++account.distinct;
      }
    });
  }
  seqcast::detail::RingPublisher<HardwarePolicy> ring{words.data(), geometry, 0};
  std::vector<std::byte> message(size);
  const std::uint64_t published = publish_enough(
      [&](std::uint64_t sequence) {
        fill_payload(message, sequence);
        ring.publish(message.data(), size, 0);
      },
      capacity, accounts);
  finished = true;
  subscribers.clear();
  check(accounts, published);
}

} // namespace

TEST_CASE("threads that share one mapping get whole messages, and count what they lost") {
  for (const std::uint64_t capacity : {2U, 8U}) {
    for (const std::uint32_t size : {1U, 48U, 49U, 1025U}) stress_ring(capacity, size);
  }
}

TEST_CASE("publisher and subscribers in threads of one process work as in processes of their own") {
  using Message = CheckedMessage<200>;
  const TemporaryObject object;
  std::vector<Account> accounts(3);
  std::vector<std::jthread> threads;
  std::atomic<bool> finished{false};
  std::uint64_t published = 0;
  {
    seqcast::Publisher<Message> publisher{object.channel(), {.capacity = 8}};
    for (Account& account : accounts) {
      seqcast::Subscriber<Message> opened{object.channel()};
      threads.emplace_back([&, subscriber = std::move(opened)]() mutable {
        for (;;) {
          const bool last_round = finished;
          const auto found = subscriber.next();
          if (!found) {
            if (subscriber.error() == seqcast::Errc::overrun) continue;
            if (subscriber.error()) ++account.failed;
            if (last_round || subscriber.error()) return;
            subscriber.wait_for(std::chrono::milliseconds{1});
            continue;
          }
          if (!found->message.whole(found->sequence)) ++account.torn;
          if (found->sequence != account.last + 1 + found->lost) ++account.disorder;
          account.last = found->sequence;
          account.lost += found->lost;
          ++account.distinct;
        }
      });
    }
    Message message;
    published = publish_enough(
        [&](std::uint64_t sequence) {
          message.fill(sequence);
          publisher.publish(message);
        },
        8, accounts);
  }
  finished = true;
  threads.clear();
  check(accounts, published);
}

TEST_CASE("a publisher handed from thread to thread tears no message") {
  using Message = CheckedMessage<120>;
  const TemporaryObject object;
  std::vector<Account> accounts(1);
  std::atomic<bool> finished{false};
  seqcast::Publisher<Message> publisher{object.channel(), {.capacity = 64}};
  seqcast::Subscriber<Message> subscriber{object.channel()};
  std::jthread reader{[&] {
    for (bool last_round = false;; last_round = finished) {
      while (const auto found = subscriber.next()) {
        if (!found->message.whole(found->sequence)) ++accounts[0].torn;
        if (found->sequence != accounts[0].last + 1 + found->lost) ++accounts[0].disorder;
        accounts[0].last = found->sequence;
        accounts[0].lost += found->lost;
        ++accounts[0].distinct;
      }
      if (subscriber.error() && subscriber.error() != seqcast::Errc::overrun) ++accounts[0].failed;
      if (last_round && !subscriber.error()) return;
      if (accounts[0].failed > 0) return;
    }
  }};
  std::uint64_t sequence = 0;
  for (int hand = 0; hand < 50; ++hand) {
    std::jthread{[&] {
      Message message;
      for (int i = 0; i < 100; ++i) {
        message.fill(++sequence);
        publisher.publish(message);
      }
    }}.join();
  }
  wait_until("the reader to see its floor", [&] {
    if (accounts[0].distinct >= minimum_distinct) return true;
    Message message;
    message.fill(++sequence);
    publisher.publish(message);
    return false;
  });
  finished = true;
  reader.join();
  check(accounts, sequence);
}
