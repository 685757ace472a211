// SPDX-License-Identifier: BSL-1.0
//
// A publisher that is killed after every single instruction of closing its channel, or of removing it: every
// message is still there, or the channel is gone as a whole. Guarantees G4 and G6.
#include "support/aftermath.hpp"
#include "support/instruction_points.hpp"

using namespace test;

namespace {

using Names = std::set<std::string>;
using Channel = Aftermath<Bytes>;
using State = seqcast::State;

enum class End { close, close_and_remove, remove };

constexpr std::uint64_t history = 4;

class Closing : public Scene {
 public:
  explicit Closing(End end) : end_{end} {}

  void before() override {
    publisher_.reset();
    for (const std::string& name : names_in(folder)) std::filesystem::remove(folder / name);
    channel_.publish_history(options_, end_ == End::remove ? history : history - 1);
    witness_.emplace(channel_.place(), seqcast::SubscriberOptions{.start = seqcast::Start::oldest});
  }
  void prepare() override {
    if (end_ == End::remove) return;
    publisher_.emplace(channel_.place(),
                       seqcast::PublisherOptions{.remove_on_close = end_ == End::close_and_remove});
    publisher_->publish(Bytes::make(history, seed_before));
  }
  void act() override {
    publisher_.reset();
    if (end_ == End::remove) seqcast::remove(channel_.place());
  }

  void after() override {
    CHECK(Channel::read_on(*witness_, 0, seed_before) == history);
    const State state = witness_->state();
    found.insert(state);
    const Names names = names_in(folder);
    if (names.count("channel") > 0) {
      CHECK((state == State::no_publisher || state == State::closed));
      channel_.go_on(history, &*witness_);
      return;
    }
    CHECK(state == State::superseded);
    CHECK((names.empty() || names == Names{"channel.bell"}));
    std::error_code error;
    CHECK_FALSE(Bytes::Subscriber::open(channel_.place(), {}, error).has_value());
    CHECK(error == seqcast::Errc::no_channel);
    CHECK(witness_->wait_for(patience) == seqcast::Wait::superseded);
    channel_.publish_history(options_, 0); // a successor, which has to create it
    CHECK(witness_->reopen());
    channel_.go_on(0, &*witness_);
  }

  std::set<State> found;

 private:
  const End end_;
  const seqcast::PublisherOptions options_ = Bytes::options(8);
  const Channel channel_{folder};
  std::optional<Bytes::Publisher> publisher_;
  std::optional<Bytes::Subscriber> witness_;
};

void die_while(const char* what, End end, const std::set<State>& expected) {
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
  die_while("closing", End::close, {State::no_publisher, State::closed});
}

TEST_CASE(
    "a publisher killed at any instruction of closing and removing its channel leaves all of it or nothing") {
  die_while("closing and removing", End::close_and_remove,
            {State::no_publisher, State::closed, State::superseded});
}

TEST_CASE("a process killed at any instruction of removing a channel leaves all of it or nothing") {
  die_while("removing", End::remove, {State::closed, State::superseded});
}
