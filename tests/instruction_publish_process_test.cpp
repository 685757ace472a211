// SPDX-License-Identifier: BSL-1.0
//
// A publisher that is killed after every single instruction of publish(): a message counts as complete once
// publish() has returned; the message of the interrupted call is there completely or not at all. Guarantees G1,
// G4 and G6.
//
// instruction_opening_process_test.cpp and instruction_closing_process_test.cpp do the same to opening and
// closing, and instruction_subscriber_process_test.cpp stops subscribers.
#include "support/after_crash.hpp"
#include "support/instruction_points.hpp"
#include "support/shared_block.hpp"

#include <atomic>

using namespace test;

namespace {

#if defined(__OPTIMIZE__)
constexpr Coverage coverage = Coverage::every;
#else
constexpr Coverage coverage = Coverage::sample; // several times the instructions, of the same stores
#endif

struct Flavour {
  const char* name;
  bool timestamps = false;
  seqcast::Wakeup wakeup = seqcast::Wakeup::polling;
  bool asleep = false; // a subscriber sleeps on the bell
  bool gather = false;
  bool outlived = false; // by a child that it forked
};

struct Inheritor {
  pid_t id = 0;
  std::atomic<bool> ready{false};
};

template <class Kind>
class Publishing : public Scene {
 public:
  /// `count` messages after the first `history` ones; the witness has to be able to hold them all.
  Publishing(const Flavour& flavour, std::uint64_t capacity, std::uint64_t history, std::uint64_t count)
      : flavour_{flavour}, history_{history}, count_{count}, options_{Kind::options(capacity)} {
    options_.timestamps = flavour.timestamps;
    options_.wakeup = flavour.wakeup;
  }

  ~Publishing() override {
    end_inheritor();
  }

  void before() override {
    end_inheritor();
    publisher_.reset();
    seqcast::remove_channel(channel_.place());
    channel_.publish_history(options_, history_);
    witness_.emplace(channel_.place());
    slow_.emplace(channel_.place(), seqcast::SubscriberOptions{.start = seqcast::StartPosition::oldest});
    slow_cursor_ = slow_->cursor();
    *returned_ = history_;
  }

  void prepare() override {
    publisher_.emplace(channel_.place());
    messages_.clear();
    for (std::uint64_t i = 1; i <= count_; ++i) messages_.push_back(Kind::make(history_ + i, seed_before));
    if (flavour_.outlived) fork_inheritor();
    if (flavour_.asleep) set_word_in_file(channel_.path() + ".bell", seqcast::detail::bell_flag_offset, 1);
  }

  void act() override {
    for (const auto& message : messages_) *returned_ = publish(message);
  }

  void after() override {
    const std::uint64_t newest = channel_.read_on(*witness_, history_, seed_before);
    CHECK(newest >= *returned_);
    CHECK(newest <= std::min(*returned_ + 1, history_ + count_));
    const auto latest = witness_->latest();
    CHECK(latest.has_value() == (newest > 0));
    if (latest) CHECK((latest->sequence == newest && Kind::whole(*latest, seed_before)));
    if (latest) CHECK(latest->published_at.has_value() == flavour_.timestamps);
    // This subscriber may not have read what is overwritten.
    CHECK(channel_.catch_up(*slow_, slow_cursor_) == newest);
    found_.insert(newest);
    channel_.check_successor(newest, &*witness_);
    if (flavour_.outlived) CHECK(::kill(inheritor_->id, 0) == 0); // the child has outlived the publisher
  }

  /// Checks that the publisher was killed before, between and after all of the messages.
  void check_found() const {
    CHECK(found_.size() == count_ + 1);
  }

 private:
  /// A process that inherits the publisher, and does nothing until it is killed.
  void fork_inheritor() const {
    inheritor_->ready = false;
    const pid_t id = ::fork();
    if (id < 0) raise_errno("fork");
    if (id > 0) {
      inheritor_->id = id;
      return wait_until("the inheriting child", [this] { return inheritor_->ready.load(); });
    }
    ::alarm(static_cast<unsigned>(watchdog_timeout.count()));
    inheritor_->ready = true; // fork() has released the lock before it returned
    for (;;) ::pause();
  }
  void end_inheritor() const {
    if (const pid_t id = std::exchange(inheritor_->id, 0); id != 0) {
      ::kill(id, SIGKILL);
      ::waitpid(id, nullptr, 0); // it is this process's own child by then: see adopt_orphans()
    }
  }

  std::uint64_t publish(const typename Kind::Message& message) {
    if constexpr (std::is_same_v<Kind, Bytes>) {
      const std::span<const std::byte> all{message};
      if (flavour_.gather) return publisher_->publish({all.first(13), all.subspan(13)});
    }
    return publisher_->publish(message);
  }

  const Flavour flavour_;
  const std::uint64_t history_;
  const std::uint64_t count_;
  seqcast::PublisherOptions options_;
  const AfterCrash<Kind> channel_{folder, flavour_.wakeup == seqcast::Wakeup::bell};
  const SharedBlock<std::uint64_t> returned_;
  const SharedBlock<Inheritor> inheritor_;
  std::optional<typename Kind::Publisher> publisher_;
  std::optional<typename Kind::Subscriber> witness_; // has read everything
  std::optional<typename Kind::Subscriber> slow_;    // has read nothing of what is still there
  std::uint64_t slow_cursor_ = 0;
  std::vector<typename Kind::Message> messages_;
  std::set<std::uint64_t> found_;
};

struct Position {
  std::uint64_t capacity;
  std::uint64_t history;
  std::uint64_t count;
};

template <class Kind>
void kill_while_publishing(const Flavour& flavour, std::initializer_list<Position> positions) {
  if (const std::string reason = cannot_step(); !reason.empty()) {
    MESSAGE("skipped: " << reason);
    return;
  }
  for (const Position& at : positions) {
    Publishing<Kind> scene{flavour, at.capacity, at.history, at.count};
    kill_at_each_instruction(std::string{"publish(), "} + Kind::name + ", " + flavour.name + ", capacity " +
                                 std::to_string(at.capacity) + ", after message " + std::to_string(at.history),
                             scene, coverage);
    scene.check_found();
  }
}

// The first message of all, the last slot, the first slot again; and over an old message everywhere.
constexpr std::initializer_list<Position> everywhere{{2, 0, 1}, {2, 1, 1}, {2, 2, 1}, {2, 3, 1},
                                                     {4, 0, 2}, {4, 3, 2}, {4, 5, 3}};
constexpr std::initializer_list<Position> here_and_there{{2, 2, 1}, {4, 2, 2}};

} // namespace

TEST_CASE(
    "a publisher killed at any instruction of publish() loses no complete message, at any place of the ring") {
  kill_while_publishing<Typed>({.name = "no bell"}, everywhere);
  kill_while_publishing<Bytes>({.name = "no bell"}, {{2, 1, 1}, {2, 2, 1}, {4, 3, 2}});
}

TEST_CASE("a publisher killed at any instruction of publish() loses no complete message, with timestamps") {
  const Flavour flavour{.name = "timestamps", .timestamps = true};
  kill_while_publishing<Typed>(flavour, here_and_there);
  kill_while_publishing<Bytes>(flavour, here_and_there);
}

TEST_CASE("after a publisher was killed at any instruction of ringing its successor wakes all sleepers") {
  const Flavour idle{.name = "bell", .wakeup = seqcast::Wakeup::bell};
  const Flavour asleep{
      .name = "bell, with a sleeper", .timestamps = true, .wakeup = seqcast::Wakeup::bell, .asleep = true};
  const Flavour always{.name = "every message wakes", .wakeup = seqcast::Wakeup::every_message};
  for (const Flavour& flavour : {idle, asleep, always}) {
    kill_while_publishing<Typed>(flavour, here_and_there);
    kill_while_publishing<Bytes>(flavour, here_and_there);
  }
}

TEST_CASE("a publisher killed at any instruction of a gathering publish() loses no complete message") {
  kill_while_publishing<Bytes>({.name = "gathered", .gather = true}, here_and_there);
}

TEST_CASE(
    "a publisher killed at any instruction of publish() releases its lock although a child of it lives on") {
  if (!adopt_orphans(true)) {
    MESSAGE(cannot_adopt);
    return;
  }
  kill_while_publishing<Typed>(
      {.name = "outlived by a child", .wakeup = seqcast::Wakeup::bell, .outlived = true}, {{2, 2, 1}});
}
