// SPDX-License-Identifier: BSL-1.0
#include "sender.hpp"

#include "channel.hpp"
#include "exit_code.hpp"
#include "explain.hpp"
#include "messages.hpp"
#include "stop.hpp"

#include <fmt/format.h>

#include <utility>

namespace mirror {

namespace {

using namespace std::chrono_literals;
using seqcast::Errc;

// How often a channel is looked for, and its publisher's state.
constexpr auto slice = 100ms;
constexpr auto watch_interval = 100ms;
// As in sub: an intact channel never announces a message twice that is not there.
constexpr int most_in_vain = 1000;
// Cyclone sends as fast as it can. Data readers that fall behind by more than their socket's buffer lose
// packets, which have to be sent again; in the end little of it arrives.
constexpr std::uint64_t most_in_flight = receive_buffer_size; // the kernel keeps twice as much
constexpr dds_duration_t longest_flow_control = DDS_MSECS(100);
constexpr auto flow_control_pause = 1s; // after one was in vain
constexpr dds_duration_t longest_end = DDS_SECS(1);
// A publisher that is started again within this time keeps its place.
constexpr auto hand_over_after = 2s;

} // namespace

Sender::Sender(SendingSide side, seqcast::Location location, std::string name)
    : side_{side},
      location_{std::move(location)},
      name_{std::move(name)},
      topic_name_{topic_of(name_)},
      topic_{dds_create_topic(side.participant.get(), &seqcast_Message_desc, topic_name_.c_str(), nullptr,
                              nullptr),
             fmt::format("make the topic {}", topic_name_)} {}

std::optional<std::string> Sender::refusal_of(const seqcast::ChannelIdentity& identity) {
  if (identity.mirror) return "It mirrors a channel of another machine, and is sent by its origin alone";
  if (identity.id == 0)
    return "An older seqcast has made it, without an id. Make it anew: 'seqcast rm', then start its publisher";
  return std::nullopt;
}

void Sender::run(const std::stop_token& stop) noexcept {
  while (!stop.stop_requested()) {
    try {
      if (!open()) {
        cli::sleep_for(slice, stop);
        continue;
      }
      begin_region();
      send_region(stop);
    } catch (const std::exception& error) {
      side_.notes.complain_once(
          fmt::format("'{}' is not sent at present: {}", cli::to_name(location_), error.what()));
      cli::sleep_for(1s, stop);
    }
    end_region();
  }
}

/// Opens the region that the name leads to now; false if there is none that can be sent.
bool Sender::open() {
  seqcast::Error error;
  seqcast::SubscriberOptions options;
  options.start = seqcast::StartPosition::oldest;
  options.survive_truncation = true;
  auto subscriber = seqcast::ByteSubscriber::open(location_, options, error);
  std::optional<seqcast::Inspector> inspector;
  if (subscriber) inspector = seqcast::Inspector::open(location_, {.survive_truncation = true}, error);
  if (!inspector) {
    if (error != Errc::no_channel)
      side_.notes.complain_once(cli::refusal(cli::Attempt::subscribe, location_, error).what());
    return false;
  }
  // A name does not return to a region that it has left, so both are of one region if it still leads there.
  if (subscriber->state() == seqcast::ChannelState::superseded) return false;
  const seqcast::ChannelIdentity& identity = inspector->identity();
  if (const auto refusal = refusal_of(identity)) {
    side_.notes.complain_once(fmt::format("'{}' is not sent. {}", cli::to_name(location_), *refusal));
    return false;
  }
  if (identity.id == unreadable_) return false;
  subscriber_ = std::move(subscriber);
  announced_ = announced_of(name_, identity, side_.strength);
  return true;
}

void Sender::begin_region() {
  seqcast_State state = seqcast_STATE_LIVE;
  if (subscriber_->state() == seqcast::ChannelState::closed) state = seqcast_STATE_CLOSED;
  if (subscriber_->state() == seqcast::ChannelState::no_publisher) state = seqcast_STATE_DIED;
  announce(state);
  writer_ = Entity{
      dds_create_writer(side_.publisher, topic_.get(), topic_qos(depth_of(announced_.capacity)).get(), nullptr),
      fmt::format("send '{}'", name_)};
  epochs_.emplace(*subscriber_);
  gone_.reset();
  stands_by_ = false;
  in_vain_ = 0;
  in_flight_ = 0;
  next_flow_control_ = {};
  side_.notes.note(
      fmt::format("sends '{}', from number {} on", cli::to_name(location_), subscriber_->cursor() + 1));
}

void Sender::announce(seqcast_State state) {
  next_announcement_ = Clock::now() + announcement_interval;
  announced_.state = state;
  const seqcast_Channel sample = sample_of(announced_);
  checked(dds_write(side_.announcing, &sample), "announce the channel");
  dds_write_flush(side_.announcing);
}

/// Waits a moment until it has arrived everywhere.
void Sender::end_region() {
  if (writer_) {
    dds_write_flush(writer_.get());
    dds_wait_for_acks(writer_.get(), longest_end);
    writer_.reset();
    const seqcast_Channel sample = sample_of(announced_);
    dds_dispose(side_.announcing, &sample);
    dds_unregister_instance(side_.announcing, &sample);
    dds_write_flush(side_.announcing);
  }
  subscriber_.reset();
}

void Sender::send_region(const std::stop_token& stop) {
  bool superseded = false;
  std::optional<seqcast_State> gone; // found out, but there may be messages before that
  while (!stop.stop_requested()) {
    if (Clock::now() >= next_watch_) watch();
    if (const auto message = subscriber_->next()) {
      send(*message, stop);
      continue;
    }
    if (const std::error_code error = subscriber_->error()) {
      if (error == Errc::overrun || error == Errc::wrong_size) continue;
      return give_up(error == Errc::truncated ? "Its file was truncated"
                                              : "It is corrupt: it contains what no publisher stores");
    }
    dds_write_flush(writer_.get());
    if (superseded) return;
    if (gone) send_mark(*std::exchange(gone, std::nullopt), stop);
    switch (subscriber_->wait_for(slice, stop)) {
      case seqcast::WaitResult::message:
        if (++in_vain_ >= most_in_vain)
          return give_up("It is damaged, or a copy that was made while a publisher wrote");
        break;
      case seqcast::WaitResult::closed:
        gone = seqcast_STATE_CLOSED;
        break;
      case seqcast::WaitResult::no_publisher:
        gone = seqcast_STATE_DIED;
        break;
      case seqcast::WaitResult::superseded:
        superseded = true;
        break;
      case seqcast::WaitResult::timeout:
      case seqcast::WaitResult::stopped:
        break;
    }
  }
}

void Sender::give_up(const std::string& why) {
  unreadable_ = announced_.id;
  side_.notes.complain_once(fmt::format("cannot read '{}' any further. {}", cli::to_name(location_), why));
}

void Sender::send(const seqcast::ReceivedBytes& message, const std::stop_token& stop) {
  gone_.reset();
  if (announced_.state != seqcast_STATE_LIVE) announce(seqcast_STATE_LIVE);
  const seqcast::Epoch epoch = epochs_->of(*subscriber_, message.sequence);
  seqcast_Message sample{};
  set_name(sample.name, name_);
  sample.id = announced_.id;
  sample.kind = seqcast_KIND_MESSAGE;
  sample.sequence = message.sequence;
  sample.epoch = epoch.number;
  sample.first_sequence = epoch.first_sequence;
  if (message.published_at) sample.published_at = side_.clock.to_wall(*message.published_at);
  sample.lost = message.lost;
  // Cyclone only reads them.
  sample.bytes._buffer =
      static_cast<std::uint8_t*>(static_cast<void*>(const_cast<std::byte*>(message.message.data())));
  sample.bytes._length = sample.bytes._maximum = static_cast<std::uint32_t>(message.message.size());
  write(sample, stop);
  in_vain_ = 0;
  ++account_.messages;
  account_.bytes += message.message.size();
  account_.lost += message.lost;
  account_.last = message.sequence;
  in_flight_ += message.message.size() + sample_overhead / 8;
  if (in_flight_ >= most_in_flight) wait_for_data_readers();
}

/// The publisher has gone, behind the last message.
void Sender::send_mark(seqcast_State state, const std::stop_token& stop) {
  const bool closed = state == seqcast_STATE_CLOSED;
  seqcast_Message sample{};
  set_name(sample.name, name_);
  sample.id = announced_.id;
  sample.kind = closed ? seqcast_KIND_CLOSED : seqcast_KIND_DIED;
  sample.sequence = subscriber_->cursor() + subscriber_->lag();
  const seqcast::Epoch epoch = epochs_->of(*subscriber_, sample.sequence);
  sample.epoch = epoch.number;
  sample.first_sequence = epoch.first_sequence;
  write(sample, stop);
  dds_write_flush(writer_.get());
  gone_ = state;
  gone_since_ = Clock::now();
  side_.notes.note(fmt::format("'{}' {}, at number {}", cli::to_name(location_),
                               closed ? "was closed by its publisher" : "has lost its publisher",
                               sample.sequence));
}

void Sender::watch() {
  const auto now = Clock::now();
  next_watch_ = now + watch_interval;
  watch_publisher();
  watch_others();
  if (now >= next_announcement_) announce(announced_.state);
}

/// Another origin is received when this one is announced as gone.
void Sender::watch_publisher() {
  if (!gone_) return;
  if (subscriber_->state() == seqcast::ChannelState::live) {
    gone_.reset();
    if (announced_.state != seqcast_STATE_LIVE) announce(seqcast_STATE_LIVE);
  } else if (announced_.state == seqcast_STATE_LIVE && Clock::now() - gone_since_ >= hand_over_after) {
    announce(*gone_);
  }
}

void Sender::write(const seqcast_Message& sample, const std::stop_token& stop) {
  // What is published meanwhile stays in the channel's ring, or is lost there, and counted.
  dds_return_t result = dds_write(writer_.get(), &sample);
  while (result == DDS_RETCODE_TIMEOUT && !stop.stop_requested()) result = dds_write(writer_.get(), &sample);
  if (result != DDS_RETCODE_TIMEOUT) checked(result, "send a message");
}

/// Until all have received everything, or for a short time.
void Sender::wait_for_data_readers() {
  in_flight_ = 0;
  if (Clock::now() < next_flow_control_) return;
  dds_write_flush(writer_.get());
  if (dds_wait_for_acks(writer_.get(), longest_flow_control) == DDS_RETCODE_TIMEOUT)
    next_flow_control_ = Clock::now() + flow_control_pause;
}

/// Notes whether another origin is received in place of this one.
void Sender::watch_others() {
  const std::vector<Announced> alive = side_.announcements.alive(name_);
  const Announced* const best = chosen(alive);
  const bool stands_by = best != nullptr && best->id != announced_.id;
  if (stands_by == std::exchange(stands_by_, stands_by)) return;
  if (!stands_by)
    return side_.notes.note(fmt::format("'{}' is the one that is received of its name now", name_));
  const bool stronger = best->strength > announced_.strength;
  side_.notes.note(fmt::format("another machine sends '{}' with strength {}{}: this one stands by", name_,
                               best->strength, stronger ? "" : " and is received"));
}

} // namespace mirror
