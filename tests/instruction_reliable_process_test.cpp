// SPDX-License-Identifier: BSL-1.0
//
// A reliable subscriber that is killed after every single instruction of registering, of receiving and of its end, and
// a publisher that is killed likewise while it waits and demotes. Each time the others go on: they lose nothing unseen,
// and a dead one blocks nobody. Guarantee G10.
#include "support/after_crash.hpp"
#include "support/instruction_points.hpp"
#include "support/reliable.hpp"

using namespace test;

namespace {

using Publisher = NumberPublisher;
using Subscriber = NumberSubscriber;

constexpr std::uint64_t slots = 8; // as waits() takes them

/// Reads everything. Gives whether it was demoted; before that it has lost nothing.
bool read_all(Subscriber& subscriber, std::uint64_t head) {
  bool demoted = false;
  for (;;) {
    if (const auto message = subscriber.next()) {
      CHECK(message->message == message->sequence);
      CHECK((message->lost == 0 || demoted));
    } else if (subscriber.error() == seqcast::Errc::demoted) {
      CHECK_FALSE(std::exchange(demoted, true));
    } else {
      CHECK_FALSE(subscriber.error());
      break;
    }
  }
  CHECK(subscriber.cursor() == head);
  return demoted;
}

class Scenery : public Scene {
 protected:
  seqcast::Location place() const {
    return seqcast::file(folder / "channel");
  }
  void remove_channel() const {
    for (const std::string& name : names_in(folder)) std::filesystem::remove(folder / name);
  }
};

enum class Action { registers, receives, ends };

class Dying : public Scenery {
 public:
  explicit Dying(Action action) : action_{action} {}

  void before() override {
    victim_.reset();
    other_.reset();
    publisher_.reset();
    remove_channel();
    publisher_.emplace(place(), waits());
    for (std::uint64_t i = 1; i <= 3; ++i) publisher_->publish(i);
    other_.emplace(place(), reliably);
    publisher_->publish(4);
  }
  void prepare() override {
    if (action_ != Action::registers) subscribe();
  }
  void act() override {
    if (action_ == Action::registers) subscribe();
    if (action_ == Action::receives) {
      for (int i = 0; i < 4; ++i) received_ = received_ + victim_->next().has_value();
    }
    if (action_ == Action::ends) victim_.reset();
  }
  void after() override {
    const std::uint64_t room = fill(*publisher_);
    CHECK(room >= 6); // `other` has one to read
    CHECK_FALSE(read_all(*other_, publisher_->head()));
    CHECK(fill(*publisher_) == slots - 1);
    Subscriber next{place(), reliably};
    CHECK(publisher_->reliable_subscribers() == 2);
    CHECK_FALSE(read_all(*other_, publisher_->head()));
    const std::uint64_t more = fill(*publisher_); // it begins at the newest
    CHECK(more == slots - 1);
    CHECK_FALSE(read_all(next, publisher_->head()));
  }

 private:
  void subscribe() {
    victim_.emplace(place(),
                    seqcast::SubscriberOptions{.start = seqcast::StartPosition::oldest, .reliable = true});
  }

  const Action action_;
  std::optional<Publisher> publisher_;
  std::optional<Subscriber> other_;
  std::optional<Subscriber> victim_;
  volatile int received_ = 0;
};

/// The publisher publishes while `reader` reads nothing.
class Waiting : public Scenery {
 public:
  void before() override {
    publisher_.reset();
    reader_.reset();
    remove_channel();
    publisher_.emplace(place(), waits());
    publisher_->publish(1);
    reader_.emplace(place(), reliably);
    publisher_.reset();
  }
  void prepare() override {
    publisher_.emplace(place(), waits(std::chrono::nanoseconds{0}));
    fill(*publisher_);
  }
  void act() override {
    publisher_->publish(publisher_->head() + 1);
  }
  void after() override {
    publisher_.reset(); // in the first, unstepped run
    Publisher successor{place(), waits()};
    const bool demoted = read_all(*reader_, successor.head());
    (demoted ? demotions : survivals) += 1;
    if (demoted) reader_->register_reliable();
    CHECK(fill(successor) == slots - 1);
    CHECK_FALSE(read_all(*reader_, successor.head()));
  }

  int demotions = 0;
  int survivals = 0;

 private:
  std::optional<Publisher> publisher_;
  std::optional<Subscriber> reader_;
};

void die_while(const char* what, Action action) {
  if (const std::string reason = cannot_step(); !reason.empty()) {
    MESSAGE("skipped: " << reason);
    return;
  }
  Dying scene{action};
  kill_at_each_instruction(what, scene, Coverage::sample);
}

} // namespace

TEST_CASE("a subscriber killed at any instruction of registering blocks nobody") {
  die_while("registering", Action::registers);
}

TEST_CASE("a subscriber killed at any instruction of receiving blocks nobody") {
  die_while("receiving", Action::receives);
}

TEST_CASE("a subscriber killed at any instruction of its end blocks nobody") {
  die_while("ending", Action::ends);
}

TEST_CASE("after a publisher that was killed at any instruction of waiting nothing is lost unseen") {
  if (const std::string reason = cannot_step(); !reason.empty()) {
    MESSAGE("skipped: " << reason);
    return;
  }
  Waiting scene;
  kill_at_each_instruction("waiting", scene, Coverage::sample);
  CHECK(scene.demotions > 0);
  CHECK(scene.survivals > 0);
}
