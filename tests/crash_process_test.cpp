// SPDX-License-Identifier: BSL-1.0
//
// Publishers that are killed at random moments, one after the other, while a subscriber in another process
// reads all the time. The instruction_*_process_test.cpp kill at every single instruction instead.
//
// Every message contains its publisher's epoch, so that a sequence that is used twice is detected.
#include "support/checked_payload.hpp"
#include "support/child.hpp"
#include "support/shared_block.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <random>

#include <sys/mman.h>

using namespace test;

namespace {

/// What the processes share apart from the channel. One process at a time writes each member.
struct Control {
  std::atomic<std::uint64_t> opened;    // epoch of the publisher that has opened the channel last
  std::atomic<std::uint64_t> published; // sequence that the last publish() to return gave
  std::atomic<bool> publishing;         // true inside publish()
  std::atomic<std::uint64_t> delivered; // the last sequence that the subscriber received
  std::atomic<bool> resting;            // the subscriber waits to be overrun
  std::atomic<std::uint64_t> broken;    // what publishers found wrong
  std::atomic<bool> finished;
};

struct Plan {
  std::uint64_t capacity;
  std::uint32_t max_size;
  bool paced; // never more than half a ring ahead of the subscriber
};

struct Report {
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  std::uint64_t torn = 0;
  std::uint64_t disorder = 0;
  std::uint64_t epochs_back = 0; // messages of an earlier publisher than the message before
  std::uint64_t last = 0;
};

std::size_t size_of(std::uint64_t sequence, std::uint32_t max_size) {
  return 16 + sequence * 7919 % (max_size - 15);
}

/// 8 bytes of epoch, then the checked payload.
void fill(std::span<std::byte> message, std::uint64_t sequence, std::uint64_t epoch) {
  std::memcpy(message.data(), &epoch, 8);
  fill_payload(message.subspan(8), sequence, epoch);
}

/// The same bytes in small pieces: gathering them takes longer than making them, so that publishers are often
/// killed inside publish().
void cut(std::span<const std::byte> message, std::vector<seqcast::BytesRef>& pieces) {
  constexpr std::size_t piece = 5;
  pieces.clear();
  for (; message.size() > piece; message = message.subspan(piece)) pieces.push_back(message.first(piece));
  pieces.push_back(message);
}

/// A piece of a message that kills the process that copies it, by SIGKILL.
std::span<const std::byte> fatal_piece() {
  constexpr std::size_t page = 4096;
  std::signal(SIGSEGV, [](int) { ::kill(::getpid(), SIGKILL); });
  void* const forbidden = ::mmap(nullptr, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (forbidden == MAP_FAILED) raise_errno("mmap");
  return {static_cast<const std::byte*>(forbidden), 1};
}

/// It crashes in the middle of message `last`.
void publish_until_killed(const seqcast::Location& place, const Plan& plan, Control& control,
                          std::uint64_t last) {
  const auto expect = [&](bool holds) {
    if (!holds) ++control.broken;
  };
  const std::uint64_t delivered = control.delivered;
  const std::uint64_t published = control.published;
  std::vector<std::byte> message(plan.max_size);
  std::vector<seqcast::BytesRef> pieces;
  seqcast::BytePublisher publisher{place, {.capacity = plan.capacity, .max_message_size = plan.max_size}};
  // The crashed publisher may have completed a message without returning from publish().
  expect(publisher.head() == published || publisher.head() == published + 1);
  expect(publisher.head() >= delivered);
  expect(publisher.epoch().first_sequence == publisher.head() + 1);
  expect(publisher.epoch().number > control.opened);
  control.published = publisher.head();
  control.opened = publisher.epoch().number;
  for (;;) {
    const std::uint64_t sequence = publisher.head() + 1;
    while (plan.paced && sequence > control.delivered + plan.capacity / 2) std::this_thread::yield();
    const std::span<std::byte> bytes{message.data(), size_of(sequence, plan.max_size)};
    fill(bytes, sequence, publisher.epoch().number);
    cut(bytes, pieces);
    if (sequence >= last) pieces[sequence * 7919 % pieces.size()] = fatal_piece();
    control.publishing = true;
    const std::uint64_t given = publisher.publish(pieces);
    control.publishing = false;
    expect(given == sequence);
    control.published = given;
    if (!plan.paced && sequence % 64 == 0) std::this_thread::yield();
  }
}

Report read_all(seqcast::ByteSubscriber& subscriber, const Plan& plan, Control& control) {
  Report report;
  std::uint64_t epoch = 0;
  for (;;) {
    const bool finished = control.finished;
    const auto found = subscriber.next();
    if (!found) {
      if (subscriber.error() && subscriber.error() != seqcast::Errc::overrun)
        throw std::system_error{subscriber.error()};
      if (finished && !subscriber.error()) return report;
      if (!subscriber.error()) std::this_thread::yield();
      continue;
    }
    std::uint64_t its_epoch = 0;
    if (found->message.size() >= 8) std::memcpy(&its_epoch, found->message.data(), 8);
    const bool whole = found->message.size() == size_of(found->sequence, plan.max_size) &&
                       is_whole(found->message.subspan(8), found->sequence, its_epoch);
    if (!whole) ++report.torn;
    if (found->sequence != report.last + 1 + found->lost) ++report.disorder;
    if (its_epoch < epoch) ++report.epochs_back;
    epoch = its_epoch;
    report.lost += found->lost;
    report.last = found->sequence;
    ++report.received;
    control.delivered = found->sequence;
    // A fast subscriber might never be overrun: sometimes it pauses until it is lapped. There is
    // always one more publisher until `finished`.
    control.resting = !plan.paced && report.received % 256 == 1;
    while (control.resting && !control.finished && control.published <= found->sequence + plan.capacity)
      std::this_thread::yield();
    control.resting = false;
  }
}

struct Outcome {
  Report report;
  std::uint64_t head = 0;
  std::uint64_t epoch = 0;
  int killed_inside = 0; // publish()
  int killed_before_open = 0;
};

Outcome run(const Plan& plan, int kills) {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  SharedBlock<Control> control;
  Outcome outcome;
  {
    const seqcast::BytePublisher first{place, {.capacity = plan.capacity, .max_message_size = plan.max_size}};
    control->opened = first.epoch().number;
  }
  Child subscriber{[&](Line& line) {
    seqcast::ByteSubscriber messages{place};
    line.send(true);
    line.send(read_all(messages, plan, *control));
  }};
  subscriber.line().expect<bool>();
  std::mt19937 random{20240229};
  std::uint64_t unheard = 0; // publishers that may have counted without saying so
  for (int kill = 0; kill < kills; ++kill) {
    const std::uint64_t before = control->opened;
    const std::uint64_t head = control->published;
    // Of three one is killed at some moment of its opening, one when a few messages are out, and one inside
    // publish(): on a busy machine that moment might never be met.
    const std::uint64_t enough = head + 1 + random() % 40;
    const bool inside = kill % 3 == 2;
    const std::uint64_t last = inside ? enough + 1 : ~std::uint64_t{0};
    Child publisher{[&](Line&) { publish_until_killed(place, plan, *control, last); }};
    if (kill % 3 == 1) {
      wait_until("a publisher to publish", [&] { return control->published >= enough; });
    }
    for (auto spins = random() % 20000; spins > 0; --spins) std::atomic_signal_fence(std::memory_order_seq_cst);
    REQUIRE((inside ? publisher.wait() : publisher.kill()) == ended_killed);
    if (control->publishing.exchange(false)) ++outcome.killed_inside;
    if (control->opened == before) {
      ++outcome.killed_before_open;
      ++unheard;
    } else {
      CHECK(control->opened - before >= 1);
      CHECK(control->opened - before <= 1 + unheard);
      unheard = 0;
    }
    CHECK(folder.entries() == 1);
    // While no process publishes even a slow subscriber can read the newest message.
    if (kill % 5 == 0) {
      wait_until("the newest message of a dead publisher to be received",
                 [&] { return control->delivered >= control->published || control->resting; });
    }
  }
  {
    seqcast::BytePublisher last{place};
    std::vector<std::byte> message(size_of(last.head() + 1, plan.max_size));
    fill(message, last.head() + 1, last.epoch().number);
    outcome.head = last.publish(message);
    outcome.epoch = last.epoch().number;
  }
  control->finished = true;
  outcome.report = subscriber.line().expect<Report>();
  CHECK(subscriber.wait() == ended_well);
  CHECK(control->broken == 0);
  return outcome;
}

void check(const Outcome& outcome, int kills) {
  const Report& report = outcome.report;
  CHECK(report.torn == 0);
  CHECK(report.disorder == 0);
  CHECK(report.epochs_back == 0);
  CHECK(report.last == outcome.head);
  CHECK(report.received + report.lost == outcome.head);
  CHECK(outcome.killed_inside >= kills / 3);
  // The first and the last were not killed; each publisher counts once.
  CHECK(outcome.epoch <= static_cast<std::uint64_t>(kills) + 2);
  CHECK(outcome.epoch >= static_cast<std::uint64_t>(kills - outcome.killed_before_open) + 2);
  MESSAGE(kills << " kills, " << outcome.killed_inside << " inside publish(), " << outcome.killed_before_open
                << " before the channel was open; " << report.received << " messages received, " << report.lost
                << " lost");
}

} // namespace

TEST_CASE("no message is lost or torn when one publisher after the other is killed") {
  const int kills = 1000;
  const Outcome outcome = run({.capacity = 64, .max_size = 16384, .paced = true}, kills);
  check(outcome, kills);
  CHECK(outcome.report.lost == 0);
}

TEST_CASE("a subscriber that is overrun by publishers that are killed counts exactly what it lost") {
  const int kills = 300;
  for (const std::uint64_t capacity : {2U, 8U}) {
    CAPTURE(capacity);
    const Outcome outcome = run({.capacity = capacity, .max_size = 1025, .paced = false}, kills);
    check(outcome, kills);
    // With two slots a slow subscriber misses many messages, but not those after a crash.
    CHECK(outcome.report.received > static_cast<std::uint64_t>(kills / 10));
    CHECK(outcome.report.lost > 0);
  }
}
