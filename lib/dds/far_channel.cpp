// SPDX-License-Identifier: BSL-1.0
#include "far_channel.hpp"

#include "channel.hpp"
#include "explain.hpp"
#include "messages.hpp"

#include <fmt/format.h>

#include <span>
#include <stdexcept>
#include <utility>

namespace mirror {

namespace {

using namespace std::chrono_literals;

constexpr auto next_attempt_after = 1s; // at a channel that could not be opened

std::span<const std::byte> bytes_of(const seqcast_Message& sample) {
  return {static_cast<const std::byte*>(static_cast<const void*>(sample.bytes._buffer)), sample.bytes._length};
}

} // namespace

FarChannel::FarChannel(const std::string& name, const FarSettings& settings, const WallClock& clock,
                       Notes& notes)
    : name_{name},
      settings_{settings},
      clock_{clock},
      notes_{notes},
      location_{cli::prefixed(seqcast::shared_memory(name), settings.prefix)} {}

std::uint64_t FarChannel::standing_id() const {
  seqcast::Error none;
  const auto found = seqcast::Inspector::open(location_, {.survive_truncation = true}, none);
  return found && found->identity().mirror ? found->identity().id : 0;
}

void FarChannel::take(const seqcast_Message& sample, const Announced& announced) {
  const bool message = sample.kind == seqcast_KIND_MESSAGE;
  if (sample.sequence > largest_sequence || (message && sample.sequence == 0) ||
      sample.bytes._length > announced.max_message_size) {
    complain("a sample contradicts what was announced, and is dropped");
    return;
  }
  // A history that comes again has its mark again.
  if (!message && !publisher_ && sample.id == id_ && sample.sequence <= closed_at_) return;
  if ((!publisher_ || id_ != sample.id || removed_) && !open(announced)) return;
  if (goes_back(sample)) {
    notes_.note(
        fmt::format("the origin of '{}' has gone back to an earlier state: a new channel takes the place of {}",
                    cli::printable(name_), cli::to_name(location_)));
    removed_ = true;
    if (!open(announced)) return;
  }
  try {
    message ? publish(sample) : end_at(sample);
  } catch (const std::logic_error&) { // std::length_error, too
    complain("a sample contradicts what was announced, and is dropped");
  }
}

void FarChannel::publish(const seqcast_Message& sample) {
  const std::uint64_t head = publisher_->head();
  if (sample.sequence <= head) return;
  ended_.reset();
  seqcast::Delivery delivery{sample.sequence};
  if (sample.published_at != 0) delivery.published_at = clock_.to_steady(sample.published_at);
  const auto bytes = bytes_of(sample);
  publisher_->publish_as(bytes, delivery, {sample.epoch, sample.first_sequence});
  ++account_.messages;
  account_.bytes += bytes.size();
  if (head > 0) account_.lost += sample.sequence - head - 1;
  account_.last = sample.sequence;
}

/// The origin's publisher has gone, behind this sequence.
void FarChannel::end_at(const seqcast_Message& sample) {
  const std::uint64_t head = publisher_->head();
  if (sample.sequence > head) {
    publisher_->skip(sample.sequence - head);
    if (head > 0) account_.lost += sample.sequence - head;
  }
  ended_ = sample.kind;
}

void FarChannel::settle() {
  if (publisher_ && ended_)
    close(*ended_ == seqcast_KIND_CLOSED ? "was closed by its publisher" : "has lost its publisher");
}

void FarChannel::lose_senders() {
  if (publisher_) close("has no sender any more");
}

void FarChannel::close(const std::string& how) {
  closed_at_ = publisher_->head();
  publisher_.reset();
  ended_.reset();
  notes_.note(fmt::format("'{}' {}, at number {}", cli::printable(name_), how, closed_at_));
}

void FarChannel::check_name() {
  if (!publisher_ || removed_ || publisher_->state() != seqcast::ChannelState::superseded) return;
  removed_ = true;
  notes_.note(fmt::format("the channel {} was removed or replaced; it is made anew with the next message",
                          cli::to_name(location_)));
}

/// Whether the sample cannot follow what is here, although its sequence may: after a power cut the origin's
/// file can be that of an earlier moment.
bool FarChannel::goes_back(const seqcast_Message& sample) const {
  const seqcast::Epoch here = publisher_->epoch();
  if (sample.epoch == 0 || here.number == 0) return false;
  if (sample.epoch > here.number) return sample.first_sequence <= publisher_->head();
  if (sample.epoch == here.number) return sample.first_sequence != here.first_sequence;
  return sample.sequence >= here.first_sequence;
}

/// Opens the region of that id, and makes it where there is none. Where it was removed, a new one is made.
bool FarChannel::open(const Announced& announced) {
  if (Clock::now() < next_attempt_) return false;
  const bool takes_over = publisher_ && id_ != announced.id;
  publisher_.reset();
  ended_.reset();
  next_attempt_ = Clock::now() + next_attempt_after;

  seqcast::PublisherOptions options;
  options.capacity = announced.capacity;
  options.max_message_size = announced.max_message_size;
  options.message_alignment = announced.message_alignment;
  options.timestamps = announced.timestamps;
  options.copy_behind = announced.copy_behind;
  options.wakeup = announced.wakeup;
  options.schema = announced.schema;
  options.mirror_of = announced.id;
  options.replace = settings_.replace;
  if (!may_replace(announced, options.replace)) return false;
  seqcast::Error error;
  if (std::exchange(removed_, false) && id_ == announced.id) seqcast::remove_channel(location_, error);
  if (!error) publisher_ = seqcast::BytePublisher::open(location_, options, error);
  if (!publisher_) {
    complain(cli::refusal(cli::Attempt::publish, location_, error, options).what());
    return false;
  }
  next_attempt_ = {};
  const bool again = std::exchange(id_, announced.id) == announced.id;
  closed_at_ = 0;
  notes_.note(fmt::format("{} '{}'{}, behind number {}", again ? "goes on with" : "receives",
                          cli::printable(name_), takes_over ? ", of another origin" : "", publisher_->head()));
  return true;
}

/// Another mirror may be replaced; what is no mirror only if the user has asked for that. The origin itself, which a
/// receiver of the same machine finds there, is left alone.
bool FarChannel::may_replace(const Announced& announced, bool& replace) {
  seqcast::Error error;
  const auto found = seqcast::Inspector::open(location_, {.survive_truncation = true}, error);
  if (!found) return true; // opening says what is wrong
  if (!found->identity().mirror && found->identity().id == announced.id) return false;
  if (found->identity().mirror) replace = true;
  if (replace) return true;
  complain(
      fmt::format("there is a channel '{}' that mirrors none, and it is left alone. --prefix gives another "
                  "name, --replace puts the mirror in its place",
                  cli::to_name(location_)));
  return false;
}

void FarChannel::complain(const std::string& text) {
  notes_.complain_once(fmt::format("'{}': {}", cli::printable(name_), text));
}

} // namespace mirror
