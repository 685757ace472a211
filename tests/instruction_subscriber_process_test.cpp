// SPDX-License-Identifier: BSL-1.0
//
// A subscriber that is stopped after every single instruction of next() and of latest() while the publisher,
// which is this process, publishes a few messages or laps the ring; then it runs on and reads all messages.
// Guarantees G1, G2 and G4.
//
// One process is the subscriber for all points of a series: each point is a round of it.
#include "support/instruction_points.hpp"
#include "support/message_kinds.hpp"
#include "support/shared_block.hpp"

#include <functional>

using namespace test;

namespace {

/// All of one size, so that every round takes the same instructions.
struct LongBytes : Bytes {
  static constexpr const char* name = "200 bytes";

  static Message make(std::uint64_t sequence, std::uint64_t seed) {
    Message message(200);
    fill_payload(message, sequence, seed);
    return message;
  }
  static bool whole(const seqcast::ReceivedBytes& received, std::uint64_t seed) {
    return received.message.size() == 200 && is_whole(received.message, received.sequence, seed);
  }
};

enum class Call { next, latest };

/// What the subscriber reports of one round.
struct Round {
  struct Seen {
    bool delivered = false;
    bool whole = false;
    int error = 0;
    std::uint64_t sequence = 0;
    std::uint64_t lost = 0;
  };
  Seen interrupted;           // the call that was stopped
  std::array<Seen, 64> later; // next() until there is nothing more
  std::size_t count = 0;
  Seen newest; // latest() after that
};

template <class Kind>
Round::Seen seen(const typename Kind::Subscriber& subscriber, const auto& received) {
  Round::Seen result{.error = subscriber.error().value()};
  if (!received) return result;
  result.delivered = true;
  result.whole = Kind::whole(*received, 0);
  result.sequence = received->sequence;
  result.lost = received->lost;
  return result;
}

/// What the subscriber's process does, for ever.
template <class Kind>
void subscribe(const seqcast::Location& place, Call call, Round& round) {
  typename Kind::Subscriber subscriber{place};
  for (;;) {
    ::alarm(static_cast<unsigned>(watchdog_timeout.count()));
    mark();
    const auto received = call == Call::next ? subscriber.next() : subscriber.latest();
    mark();
    round.interrupted = seen<Kind>(subscriber, received);
    for (round.count = 0; round.count < round.later.size(); ++round.count) {
      Round::Seen& result = round.later[round.count];
      result = seen<Kind>(subscriber, subscriber.next());
      if (!result.delivered && result.error == 0) break;
    }
    round.newest = seen<Kind>(subscriber, subscriber.latest());
  }
}

template <class Kind>
class Series {
 public:
  Series(Call call, std::uint64_t capacity)
      : call_{call}, capacity_{capacity}, publisher_{place(), options(capacity)}, tracee_{[this] {
          subscribe<Kind>(place(), call_, *round_);
        }} {
    REQUIRE(tracee_.run_to_mark());
    stop_after(1, 0, nullptr); // for the dynamic linker's sake; and latest() always has something to give
    stop_after(0, capacity, nullptr);
  }

  /// Stops it at each instruction, with `unread` messages waiting, and publishes `burst` more.
  void run(std::uint64_t unread, std::uint64_t burst) {
    const Walk way = walk(unread);
    for (std::uint64_t point = 0; point <= way.length(); ++point) {
      INFO("stopped after " << point << " instructions, " << unread << " unread, " << burst << " published");
      stop_after(unread, burst, [&] {
        if (!advance(tracee_, way, point)) ++astray_;
      });
      ++points_;
    }
  }

  void report(const char* what) const {
    MESSAGE(std::string{Kind::name} << ", " << std::string{what} << ", capacity " << capacity_
                                    << ": stopped at " << points_ << " points, " << astray_
                                    << " of them not met exactly; overtaken during the call " << overtaken_
                                    << " times, " << lost_ << " messages lost, all told");
    CHECK(astray_ == 0);
    CHECK(overtaken_ > 0);
    CHECK(lost_ > 0);
  }

 private:
  seqcast::Location place() const {
    return seqcast::file(folder_ / "channel");
  }
  static seqcast::PublisherOptions options(std::uint64_t capacity) {
    seqcast::PublisherOptions options = Kind::options(capacity);
    options.wakeup = seqcast::Wakeup::polling;
    return options;
  }

  void publish(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) publisher_.publish(Kind::make(publisher_.head() + 1, 0));
  }

  Walk walk(std::uint64_t unread) {
    Walk way;
    stop_after(unread, 0, [&] {
      do {
        way.positions.push_back(tracee_.position());
        if (tracee_.at_system_call()) break; // the mark: next() and latest() make none
      } while (tracee_.step());
    });
    return way;
  }

  /// One round: from the mark before the call to the mark before the next one.
  void stop_after(std::uint64_t unread, std::uint64_t burst, const std::function<void()>& advance_tracee) {
    const std::uint64_t before = publisher_.head();
    publish(unread);
    if (advance_tracee) advance_tracee();
    publish(burst);
    REQUIRE(tracee_.run_to_mark());
    REQUIRE(tracee_.run_to_mark());
    check(before, unread, burst);
  }

  void check(std::uint64_t before, std::uint64_t unread, std::uint64_t burst) {
    const Round::Seen& first = round_->interrupted;
    const std::uint64_t published = before + unread + burst;
    std::uint64_t last = before;
    // One interruption is less than what either call puts up with.
    CHECK(first.error == 0);
    if (call_ == Call::latest) {
      CHECK(first.delivered);
      CHECK(first.whole);
      CHECK(first.lost == 0);
      CHECK(first.sequence >= before + unread);
      CHECK(first.sequence <= published);
      last = first.sequence;
    } else if (first.delivered) {
      last = follow(first, last);
    } else {
      CHECK(unread == 0);
    }
    if (first.sequence > before + unread) ++overtaken_;
    REQUIRE(round_->count < round_->later.size());
    for (std::size_t i = 0; i < round_->count; ++i) {
      CHECK(round_->later[i].error == 0);
      last = follow(round_->later[i], last);
    }
    CHECK(last == published); // received + lost, exactly
    CHECK(round_->newest.sequence == published);
    CHECK(round_->newest.whole);
    // What the ring can hold is not lost.
    if (unread + burst < capacity_) CHECK(lost_in_round_ == 0);
    lost_ += std::exchange(lost_in_round_, 0);
  }

  std::uint64_t follow(const Round::Seen& seen, std::uint64_t last) {
    CHECK(seen.delivered);
    CHECK(seen.whole);
    CHECK(seen.sequence == last + 1 + seen.lost);
    lost_in_round_ += seen.lost;
    return seen.sequence;
  }

  const OneProcessor cheap_steps_;
  const Call call_;
  const std::uint64_t capacity_;
  const TemporaryFolder folder_;
  const SharedBlock<Round> round_;
  typename Kind::Publisher publisher_;
  Tracee tracee_;
  std::uint64_t points_ = 0;
  std::uint64_t astray_ = 0;
  std::uint64_t overtaken_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t lost_in_round_ = 0;
};

template <class Kind>
void stop_everywhere(Call call, const char* what) {
  if (const std::string reason = cannot_step(); !reason.empty()) {
    MESSAGE("skipped: " << reason);
    return;
  }
  for (const std::uint64_t capacity : {2U, 4U, 8U}) {
    Series<Kind> series{call, capacity};
    for (const std::uint64_t unread : std::set<std::uint64_t>{0, 1, capacity - 1}) {
      for (const std::uint64_t burst :
           std::set<std::uint64_t>{1, capacity - 1, capacity, capacity + 1, 3 * capacity}) {
        series.run(unread, burst);
      }
    }
    series.report(what);
  }
}

} // namespace

TEST_CASE(
    "a subscriber stopped at any instruction of next() gets whole messages, in order, and counts the lost") {
  stop_everywhere<Typed>(Call::next, "next()");
  stop_everywhere<LongBytes>(Call::next, "next()");
}

TEST_CASE("a subscriber stopped at any instruction of latest() gets a whole message, never an older one") {
  stop_everywhere<Typed>(Call::latest, "latest()");
  stop_everywhere<LongBytes>(Call::latest, "latest()");
}
