// SPDX-License-Identifier: BSL-1.0
//
// A publisher that is killed after every single instruction of opening: a new channel, an empty file, a channel
// that was closed or whose publisher crashed, and the replacement of another channel. Guarantees G4, G6 and G7.
//
// Opening takes thousands of instructions. The stride of the tested ones is printed; SEQCAST_LONG=1 tests all.
// instruction_closing_process_test.cpp does the same to closing and removing.
#include "support/after_crash.hpp"
#include "support/instruction_points.hpp"

#include <fstream>

using namespace test;

namespace {

using Names = std::set<std::string>;
using Channel = AfterCrash<Typed>;
using ChannelState = seqcast::ChannelState;

constexpr std::uint64_t history = 3;
constexpr std::uint64_t first_slot = 512; // bytes; then 64 a slot: docs/format.md

/// A scene in which opening a publisher is what is stepped.
class Opening : public Scene {
 public:
  explicit Opening(const seqcast::PublisherOptions& options) : options_{options} {}

  void before() override {
    publisher_.reset();
    witness_.reset();
    for (const std::string& name : names_in(folder)) std::filesystem::remove(folder / name);
  }
  void act() override {
    publisher_.emplace(channel_.place(), options_);
  }

 protected:
  bool left(const std::string& name) const {
    return names_in(folder).count(name) > 0;
  }

  const seqcast::PublisherOptions options_;
  const Channel channel_{folder, options_.wakeup.value_or(seqcast::Wakeup::bell) == seqcast::Wakeup::bell};
  std::optional<Typed::Publisher> publisher_;
  std::optional<Typed::Subscriber> witness_;
};

class Creating : public Opening {
 public:
  Creating(bool empty_file, seqcast::Wakeup wakeup)
      : Opening{{.capacity = 2, .wakeup = wakeup}}, empty_file_{empty_file} {}

  void before() override {
    Opening::before();
    if (empty_file_) std::ofstream{channel_.path()};
  }

  void after() override {
    seqcast::Error error;
    const bool there = Typed::Subscriber::open(channel_.place(), {}, error).has_value();
    if (!there) {
      CHECK(error == seqcast::Errc::no_channel);
      CHECK(left("channel") == empty_file_);
      CHECK_FALSE(left("channel.bell"));
      saw_intermediate += temporary_names_in(folder).empty() ? 0 : 1;
      channel_.publish_history(options_, 0); // a successor, which had to create it
    }
    (there ? found : not_found) += 1;
    CHECK(channel_.version_for(1) == 1); // open for the first message before the channel is visible
    Typed::Subscriber witness{channel_.place()};
    CHECK(witness.epoch()->number == 1);
    CHECK(witness.epoch()->first_sequence == 1);
    CHECK(witness.capacity() == 2);
    channel_.check_successor(0, &witness, temporary_names_in(folder)); // and nothing else is left
  }

  int found = 0;
  int not_found = 0;
  int saw_intermediate = 0;

 private:
  const bool empty_file_;
};

/// Where the publisher before died, if it did.
enum class Left { closed, idle, in_the_payload, complete_with_head_behind };

/// The bytes of a region of capacity 2 whose publisher ended like that, after `history` complete messages.
std::string bytes_left(Left how) {
  const TemporaryFolder folder;
  const Channel channel{folder};
  channel.publish_history({.capacity = 2}, history);
  if (how != Left::closed) {
    Tracee tracee{[&] {
      Typed::Publisher publisher{channel.place()};
      const auto message = Typed::make(history + 1, seed_before);
      mark();
      publisher.publish(message);
      mark();
    }};
    if (!tracee.run_to_mark()) throw std::runtime_error{"the publisher ended before its mark"};
    const std::uint64_t slot = first_slot + history % 2 * 64;
    const auto now = [&](std::uint64_t offset) { return word_in_file(channel.path(), offset).value(); };
    const std::uint64_t third_word = now(slot + 32);
    while (how == Left::in_the_payload && now(slot + 32) == third_word) REQUIRE(tracee.step());
    while (how == Left::complete_with_head_behind && now(slot) != 2 * (history + 1)) REQUIRE(tracee.step());
    tracee.kill();
    CHECK(now(seqcast::detail::head_offset) == history);
  }
  std::ifstream file{channel.path(), std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// A scene that begins with a region that another publisher left.
class Succeeding : public Opening {
 public:
  Succeeding(Left how, bool bell_is_there, const seqcast::PublisherOptions& options)
      : Opening{options},
        bytes_{bytes_left(how)},
        bell_is_there_{bell_is_there},
        newest_{how == Left::complete_with_head_behind ? history + 1 : history} {}

  void before() override {
    Opening::before();
    // A closed channel of the same shape first, to make the bell.
    channel_.publish_history({.capacity = 2}, 0);
    if (!bell_is_there_) std::filesystem::remove(channel_.path() + ".bell");
    std::ofstream{channel_.path(), std::ios::binary} << bytes_;
    witness_.emplace(channel_.place(), seqcast::SubscriberOptions{.start = seqcast::StartPosition::oldest});
    epoch_ = witness_->epoch()->number;
  }

 protected:
  void drain_witness() {
    CHECK(Channel::read_on(*witness_, newest_ - 1, seed_before) == newest_);
  }

  const std::string bytes_;
  const bool bell_is_there_;
  const std::uint64_t newest_;
  std::uint64_t epoch_ = 0;
};

class TakingOver : public Succeeding {
 public:
  TakingOver(Left how, bool bell_is_there) : Succeeding{how, bell_is_there, {}} {}

  void after() override {
    drain_witness();
    CHECK((witness_->state() == ChannelState::no_publisher || witness_->state() == ChannelState::closed));
    const seqcast::Epoch now = witness_->epoch().value();
    epochs.insert(now.number - epoch_);
    if (now.number != epoch_) CHECK(now.first_sequence == newest_ + 1);
    channel_.check_successor(newest_, &*witness_);
  }

  std::set<std::uint64_t> epochs;
};

class Replacing : public Succeeding {
 public:
  explicit Replacing(Left how) : Succeeding{how, true, {.capacity = 4, .replace = true}} {}

  void after() override {
    const bool is_new = Typed::Subscriber{channel_.place()}.capacity() == 4;
    (is_new ? found_new : found_old) += 1;
    CHECK((witness_->state() == ChannelState::superseded) == is_new);
    drain_witness(); // in either case
    if (is_new) {
      CHECK(temporary_names_in(folder).empty());
      CHECK(witness_->wait_for(watchdog_timeout) == seqcast::WaitResult::superseded);
      CHECK(witness_->reopen());
      channel_.check_successor(0, &*witness_);
      return;
    }
    Names names = temporary_names_in(folder);
    saw_intermediate += names.empty() ? 0 : 1;
    channel_.check_successor(newest_, &*witness_, names);
    CHECK(Typed::Publisher(channel_.place(), options_).capacity() == 4);
    names.insert({"channel", "channel.bell"});
    CHECK(names_in(folder) == names);
    CHECK(witness_->state() == ChannelState::superseded);
  }

  int found_new = 0;
  int found_old = 0;
  int saw_intermediate = 0;
};

bool can_step() {
  const std::string reason = cannot_step();
  if (!reason.empty()) MESSAGE("skipped: " << reason);
  return reason.empty();
}

} // namespace

TEST_CASE("a publisher killed at any instruction of creating a channel leaves a sound one or none") {
  if (!can_step()) return;
  for (const seqcast::Wakeup wakeup : {seqcast::Wakeup::bell, seqcast::Wakeup::polling}) {
    Creating scene{false, wakeup};
    kill_at_each_instruction(std::string{"creating, wakeup by "} + to_string(wakeup), scene, Coverage::sample);
    CHECK(scene.found > 0);
    CHECK(scene.not_found > 0);
    CHECK(scene.saw_intermediate == 0);
  }
}

TEST_CASE(
    "a publisher killed at any instruction of creating a channel over an empty file leaves a sound one or "
    "none") {
  if (!can_step()) return;
  Creating scene{true, seqcast::Wakeup::bell};
  kill_at_each_instruction("creating over an empty file", scene, Coverage::sample);
  CHECK(scene.found > 0);
  CHECK(scene.not_found > 0);
  CHECK(scene.saw_intermediate > 0); // which was in nobody's way
}

TEST_CASE("a publisher killed at any instruction of taking a channel over loses no message and no sequence") {
  if (!can_step()) return;
  const std::pair<Left, const char*> left[]{{Left::closed, "a closed channel"},
                                            {Left::idle, "a dead publisher's channel"},
                                            {Left::in_the_payload, "one that died in its payload"},
                                            {Left::complete_with_head_behind, "one that died before head"}};
  for (const auto& [how, what] : left) {
    TakingOver scene{how, how != Left::idle};
    kill_at_each_instruction(std::string{"taking over "} + what, scene, Coverage::sample);
    CHECK(scene.epochs == std::set<std::uint64_t>{0, 1});
  }
}

TEST_CASE(
    "a publisher killed at any instruction of replacing a channel leaves the old one or the new one, whole") {
  if (!can_step()) return;
  for (const Left how : {Left::closed, Left::complete_with_head_behind}) {
    Replacing scene{how};
    kill_at_each_instruction(how == Left::closed ? "replacing a closed channel" : "replacing a dead one's",
                             scene, Coverage::sample);
    CHECK(scene.found_new > 0);
    CHECK(scene.found_old > 0);
    CHECK(scene.saw_intermediate > 0); // which was in nobody's way
  }
}
