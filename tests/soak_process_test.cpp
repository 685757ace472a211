// SPDX-License-Identifier: BSL-1.0
//
// The whole life of a channel in fast motion. Publishers follow one another: most are killed at any moment,
// some close in order, some are stopped for a while, some are outlived by children that inherited them. Some
// subscribers stay, others open and close the channel, are killed, stopped, and forked. With every kind of
// wakeup. In the end every account has to balance, and nothing may be left behind.
//
// SEQCAST_SOAK_SECONDS=600 in the environment makes it go on for that long; otherwise it takes 8 s.
#include "support/open_resources.hpp"
#include "support/soak.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>

using namespace test;
using namespace test::soak;
using seqcast::Wakeup;

namespace {

struct Flavour {
  const char* name;
  seqcast::PublisherOptions options;
  Wakeup wakeup;
  bool in_file;
};

std::chrono::milliseconds asked_for() {
  const char* const text = std::getenv("SEQCAST_SOAK_SECONDS");
  return std::chrono::seconds{text == nullptr ? 8 : std::atol(text)};
}

class Soak {
 public:
  Soak(const seqcast::Location& place, std::string path, const Flavour& flavour, Tally& tally, bool adopts)
      : place_{place}, path_{std::move(path)}, flavour_{flavour}, tally_{tally}, adopts_{adopts} {
    const seqcast::BytePublisher first{place_, flavour_.options}; // so that subscribers begin at 1
    ledger_->tenure(1).first = 1;
    ledger_->entered = 1;
  }

  void run(std::chrono::milliseconds time) {
    observer_.emplace(place_);
    CHECK(observer_->wakeup() == flavour_.wakeup);
    for (const Reading reading : {Reading::next, Reading::waiting, Reading::mixed}) {
      stayers_.emplace_back([this, reading](Line& line) {
        Follower follower{place_, seqcast::StartPosition::oldest, reading, *ledger_, 1};
        line.send(true);
        static const std::atomic<bool> never{false};
        line.send(follower.run(never, ~std::uint64_t{0} >> 1, true));
        line.send(follower.subscriber().state());
        line.send(follower.subscriber().epoch().value().number);
      });
    }
    for (Child& stayer : stayers_) REQUIRE(stayer.line().expect<bool>());
    overrun_one();
    for (const auto end = steady::now() + time; steady::now() < end;) {
      disturb_subscribers();
      publish_for_a_while();
    }
    settle();
  }

 private:
  struct Visitor {
    std::optional<Child> child;
    bool stopped = false;
  };

  /// However few publishers there is time for, one subscriber loses messages.
  void overrun_one() {
    stayers_.front().stop();
    publish_for_a_while(3 * observer_->capacity());
    stayers_.front().resume();
  }

  /// One publisher, from its start to its end, which is not before it has published `at_least` messages.
  void publish_for_a_while(std::uint64_t at_least = 0) {
    const std::uint64_t before = epochs_;
    const std::uint64_t last = ledger_->returned();
    // Most live for a few messages, some for many.
    const std::uint64_t life =
        std::max(at_least, random_() % 4 == 0 ? random_() % 20'000 : 1 + random_() % 200);
    ledger_->retire = false;
    const auto seed = static_cast<unsigned>(random_());
    Child publisher{[&](Line&) { publish(place_, flavour_.options, *ledger_, before, seed); }};
    ++tally_.publishers;
    const bool at_opening = random_() % 6 == 0 && at_least == 0;
    if (!at_opening) {
      wait_until("a publisher to publish", [&] {
        REQUIRE_FALSE(publisher.has_ended());
        return ledger_->entered > before && ledger_->returned() > last + life;
      });
    }
    for (auto spins = random_() % 60'000; spins > 0; --spins)
      std::atomic_signal_fence(std::memory_order_seq_cst);
    if (!at_opening && random_() % 4 == 0) stop_and_go_on(publisher);
    if (!at_opening && random_() % 4 == 0) {
      publisher.resume();
      ledger_->retire = true;
      CHECK(publisher.wait() == ended_well);
      CHECK(observer_->state() == seqcast::ChannelState::closed);
      ++tally_.closed;
    } else {
      REQUIRE(publisher.kill() == ended_killed);
      // A child that it was forking just then has the lock until it runs.
      wait_until("a killed publisher's lock", [&] { return !observer_->publisher_alive(); });
      if (!at_opening) CHECK(observer_->state() == seqcast::ChannelState::no_publisher);
      ++tally_.killed;
    }
    check_epoch(before);
  }

  /// Each publisher that opened the channel counts once, and no other process counts.
  void check_epoch(std::uint64_t before) {
    const bool was_in = ledger_->entered > before;
    epochs_ = observer_->epoch().value().number;
    if (was_in) {
      REQUIRE(epochs_ == before + 1);
    } else { // it may have been killed after the count and before its report
      ++tally_.killed_at_opening;
      REQUIRE(epochs_ >= before);
      REQUIRE(epochs_ <= before + 1);
    }
    REQUIRE(epochs_ + 3 < max_tenures);
    std::set<std::string> expected{path_};
    if (flavour_.wakeup == Wakeup::bell) expected.insert(path_ + ".bell");
    CHECK(siblings_of(path_) == expected);
  }

  void stop_and_go_on(Child& publisher) {
    publisher.stop();
    ++tally_.stopped;
    CHECK(observer_->state() == seqcast::ChannelState::live);
    if (random_() % 4 == 0) {
      seqcast::Error error;
      CHECK_FALSE(seqcast::BytePublisher::open(place_, flavour_.options, error));
      CHECK(error == seqcast::Errc::publisher_alive);
      ++tally_.refused;
    }
    if (random_() % 4 == 0) return; // to be killed or closed at its current instruction
    const std::uint64_t last = ledger_->returned();
    publisher.resume();
    wait_until("a publisher to go on", [&] { return ledger_->returned() > last; });
  }

  void disturb_subscribers() {
    Child& stayer = stayers_[random_() % stayers_.size()];
    if (stopped_stayer_ != nullptr) {
      std::exchange(stopped_stayer_, nullptr)->resume();
    } else if (random_() % 4 == 0) {
      (stopped_stayer_ = &stayer)->stop();
      ++tally_.subscribers_stopped;
    }
    const std::size_t i = random_() % visitors_.size();
    Visitor& visitor = visitors_[i];
    if (!visitor.child) {
      come(i);
    } else if (visitor.stopped && random_() % 2 == 0) {
      visitor.child->resume();
      visitor.stopped = false;
    } else if (random_() % 3 == 0) {
      REQUIRE(visitor.child->kill() == ended_killed);
      ++tally_.subscribers_killed;
      visitor.child.reset();
    } else if (!visitor.stopped && random_() % 2 == 0) {
      visitor.child->stop();
      visitor.stopped = true;
      ++tally_.subscribers_stopped;
    } else {
      go(i);
    }
  }

  void come(std::size_t i) {
    ledger_->leave[i] = false;
    visitors_[i].stopped = false;
    const auto seed = static_cast<unsigned>(random_());
    visitors_[i].child.emplace([this, i, seed](Line& line) {
      const auto start = seed % 2 == 0 ? seqcast::StartPosition::oldest : seqcast::StartPosition::newest;
      const auto reading = static_cast<Reading>(seed / 2 % 3);
      Follower follower{place_, start, reading, *ledger_, seed};
      line.send(follower.run(ledger_->leave[i], ~std::uint64_t{0} >> 1, seed / 6 % 2 == 0));
    });
    ++tally_.subscribers;
  }

  void go(std::size_t i) {
    Visitor& visitor = visitors_[i];
    ledger_->leave[i] = true;
    visitor.child->resume();
    tally_.add(visitor.child->line().expect<Account>());
    CHECK(visitor.child->wait() == ended_well);
    visitor.child.reset();
  }

  /// The last publisher opens and closes, and every subscriber reads the rest.
  void settle() {
    {
      seqcast::BytePublisher last{place_};
      CHECK(last.epoch().number == epochs_ + 1);
      ledger_->entered = ++epochs_;
      ledger_->tenure(epochs_).returned = ledger_->tenure(epochs_).first = last.head() + 1;
      std::array<std::byte, largest> scratch;
      const std::span message{scratch.data(), size_of(last.head() + 1)};
      std::memcpy(message.data(), &epochs_, 8);
      fill_payload(message.subspan(8), last.head() + 1, epochs_);
      tally_.published += last.publish(message);
    }
    const std::uint64_t head = observer_->latest().value().sequence;
    ledger_->finished = true;
    for (std::size_t i = 0; i < visitors_.size(); ++i) {
      if (visitors_[i].child) go(i);
    }
    for (Child& stayer : stayers_) {
      stayer.resume();
      const auto account = stayer.line().expect<Account>();
      CHECK(account.begin == 0);
      CHECK(account.last == head);
      CHECK(account.received + account.lost + account.skipped == head);
      CHECK(account.received > 0);
      CHECK(stayer.line().expect<seqcast::ChannelState>() == seqcast::ChannelState::closed);
      CHECK(stayer.line().expect<std::uint64_t>() == epochs_);
      CHECK(stayer.wait() == ended_well);
      tally_.add(account);
    }
    check_tenures(head);
    reap_orphans();
    CHECK(seqcast::remove_channel(place_));
    CHECK(siblings_of(path_).empty());
  }

  /// Reaps the inheritors of publishers, and the forks of subscribers that were killed, which end with them.
  void reap_orphans() const {
    constexpr Ended born_an_orphan{2, 0}; // see Child
    std::uint64_t inheritors = 0;
    while (const std::optional<Ended> ended = reap_any()) {
      CHECK((*ended == ended_well || *ended == ended_killed || *ended == born_an_orphan));
      if (*ended == ended_well) ++inheritors;
    }
    if (adopts_) CHECK(inheritors >= ledger_->inheritors);
  }

  /// No sequence was used twice, and no message whose publish() had returned was dropped.
  void check_tenures(std::uint64_t head) {
    std::uint64_t returned = 0, seen = 0;
    for (std::uint64_t epoch = 1; epoch <= epochs_; ++epoch) {
      const Tenure& tenure = ledger_->tenure(epoch);
      if (tenure.first == 0) continue;
      CHECK(tenure.first > seen);
      CHECK(tenure.first > returned);
      CHECK(tenure.first <= returned + 2);
      returned = tenure.returned;
      seen = std::max(seen, tenure.seen.load());
    }
    CHECK(returned == head);
    CHECK(seen == head);
  }

  seqcast::Location place_;
  std::string path_;
  const Flavour& flavour_;
  Tally& tally_;
  bool adopts_;
  SharedBlock<Ledger> ledger_;
  Random random_{20240606};
  std::optional<seqcast::ByteSubscriber> observer_;
  std::vector<Child> stayers_;
  std::array<Visitor, max_visitors> visitors_;
  Child* stopped_stayer_ = nullptr;
  std::uint64_t epochs_ = 1;
};

} // namespace

TEST_CASE(
    "publishers and subscribers open, close and crash, every account balances, and nothing is left behind") {
  const bool adopts = adopt_orphans(true); // the inheritors of publishers that died
  const OpenResources before;
  Tally tally;
  const Flavour flavours[] = {
      {"bell", {.capacity = 64, .max_message_size = largest}, Wakeup::bell, false},
      {"no bell",
       {.capacity = 16, .max_message_size = largest, .wakeup = seqcast::Wakeup::polling},
       Wakeup::polling,
       true},
      {"wake always",
       {.capacity = 1024,
        .max_message_size = largest,
        .timestamps = true,
        .wakeup = seqcast::Wakeup::every_message},
       Wakeup::every_message,
       false},
  };
  for (const Flavour& flavour : flavours) {
    INFO(std::string{flavour.name});
    const TemporaryFolder folder;
    const TemporaryObject object;
    const std::string file = folder / "channel";
    Soak soak{flavour.in_file ? seqcast::file(file) : object.channel(), flavour.in_file ? file : object.path(),
              flavour, tally, adopts};
    soak.run(asked_for() / std::size(flavours));
  }
  if (!adopts) MESSAGE("the inheritors of publishers are not counted: the system does not hand them over");
  adopt_orphans(false);
  CHECK(OpenResources{} == before);
  CHECK(tally.lost > 0);
  CHECK(tally.reported_ends > 0);
  MESSAGE(tally.published << " messages published; " << tally.received << " received and checked, "
                          << tally.lost << " lost, " << tally.skipped << " skipped, " << tally.overruns
                          << " overruns, " << tally.waits << " waits");
  MESSAGE(tally.publishers << " publishers: " << tally.killed << " killed (" << tally.killed_at_opening
                           << " before they were in), " << tally.closed << " closed, " << tally.stopped
                           << " stopped, " << tally.refused << " rivals refused meanwhile");
  MESSAGE(tally.subscribers << " passing subscribers: " << tally.subscribers_killed << " killed, "
                            << tally.subscribers_stopped << " stopped (with those that stayed), " << tally.forks
                            << " forks");
}
