// SPDX-License-Identifier: BSL-1.0
//
// A publisher that is killed after every single instruction of closing or removing its channel: either every
// message is still there, or the whole channel is gone. Guarantees G4 and G6.
#include "support/after_crash.hpp"
#include "support/instruction_points.hpp"

using namespace test;

namespace {

using Names = std::set<std::string>;
using Channel = AfterCrash<Bytes>;
using ChannelState = seqcast::ChannelState;

enum class End { close, close_and_remove, remove };

constexpr std::uint64_t history = 4;

class Closing : public Scene {
 public:
  explicit Closing(End end) : end_{end} {}

  void before() override {
    publisher_.reset();
    for (const std::string& name : names_in(folder)) std::filesystem::remove(folder / name);
    channel_.publish_history(options_, end_ == End::remove ? history : history - 1);
    witness_.emplace(channel_.place(), seqcast::SubscriberOptions{.start = seqcast::StartPosition::oldest});
  }
  void prepare() override {
    if (end_ == End::remove) return;
    publisher_.emplace(channel_.place(),
                       seqcast::PublisherOptions{.remove_on_close = end_ == End::close_and_remove});
    publisher_->publish(Bytes::make(history, seed_before));
  }
  void act() override {
    publisher_.reset();
    if (end_ == End::remove) seqcast::remove_channel(channel_.place());
  }

  void after() override {
    CHECK(Channel::read_on(*witness_, 0, seed_before) == history);
    const ChannelState state = witness_->state();
    found.insert(state);
    const Names names = names_in(folder);
    if (names.count("channel") > 0) {
      CHECK((state == ChannelState::no_publisher || state == ChannelState::closed));
      channel_.check_successor(history, &*witness_);
      return;
    }
    CHECK((state == ChannelState::closed || end_ == End::remove));
    CHECK((names.empty() || names == Names{"channel.bell"}));
    seqcast::Error error;
    CHECK_FALSE(Bytes::Subscriber::open(channel_.place(), {}, error).has_value());
    CHECK(error == seqcast::Errc::no_channel);
    const bool closed = state == ChannelState::closed;
    CHECK(witness_->wait_for(watchdog_timeout) ==
          (closed ? seqcast::WaitResult::closed : seqcast::WaitResult::superseded));
    channel_.publish_history(options_, 0); // a successor, which has to create it
    CHECK(witness_->reopen());
    channel_.check_successor(0, &*witness_);
  }

  std::set<ChannelState> found;

 private:
  const End end_;
  const seqcast::PublisherOptions options_ = Bytes::options(8);
  const Channel channel_{folder};
  std::optional<Bytes::Publisher> publisher_;
  std::optional<Bytes::Subscriber> witness_;
};

void die_while(const char* what, End end, const std::set<ChannelState>& expected) {
  if (const std::string reason = cannot_step(); !reason.empty()) {
    MESSAGE("skipped: " << reason);
    return;
  }
  Closing scene{end};
  kill_at_each_instruction(what, scene, Coverage::sample);
  CHECK(scene.found == expected);
}

} // namespace

TEST_CASE("a publisher killed at any instruction of closing its channel loses no message") {
  die_while("closing", End::close, {ChannelState::no_publisher, ChannelState::closed});
}

TEST_CASE(
    "a publisher killed at any instruction of closing and removing its channel leaves all of it or nothing") {
  die_while("closing and removing", End::close_and_remove, {ChannelState::no_publisher, ChannelState::closed});
}

TEST_CASE("a process killed at any instruction of removing a channel leaves all of it or nothing") {
  die_while("removing", End::remove, {ChannelState::closed, ChannelState::superseded});
}
