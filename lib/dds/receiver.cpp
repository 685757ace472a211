// SPDX-License-Identifier: BSL-1.0
#include "receiver.hpp"

#include "messages.hpp"
#include "stop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mirror {

namespace {

using namespace std::chrono_literals;

constexpr dds_duration_t longest_wait = DDS_MSECS(100);
constexpr auto choice_interval = 50ms;
constexpr auto name_check_interval = 250ms;
// How long is waited for the mark of a channel that ends, and for the announcement of one that was received before:
// when this process was stopped, or has just begun, those of other channels may come first.
constexpr auto longest_change = 2 * announcement_interval;
// Several origins may announce themselves at that time, and the strongest not first.
constexpr auto first_choice_after = 200ms;
// Samples that are taken at once are in memory twice.
constexpr std::uint64_t most_bytes_at_once = std::uint64_t{8} << 20;

} // namespace

Receiver::Receiver(ReceivingSide side, std::string name)
    : side_{side},
      name_{std::move(name)},
      far_{name_, side.settings, side.clock, side.notes},
      topic_{dds_create_topic(side.participant.get(), &seqcast_Message_desc, topic_of(name_).c_str(), nullptr,
                              nullptr),
             fmt::format("receive '{}'", cli::printable(name_))} {}

void Receiver::run(const std::stop_token& stop) noexcept {
  while (!stop.stop_requested()) {
    try {
      choose();
      if (may_change(true)) change();
      if (reader_) receive(stop);
    } catch (const std::exception& error) {
      side_.notes.complain_once(error.what());
    }
    if (!next_ || !reader_) cli::sleep_for(choice_interval, stop);
  }
}

/// Finds out whose samples are to be taken.
void Receiver::choose() {
  const std::vector<Announced> alive = side_.announcements.alive(name_);
  const Announced* const best = chosen(alive);
  present_alive_ = false;
  for (const Announced& announced : alive) {
    if (!present_ || announced.id != present_->id) continue;
    present_ = announced;
    present_alive_ = true;
    lost_ = false;
  }
  if (best == nullptr || (present_ && best->id == present_->id)) {
    next_.reset();
    return;
  }
  if (!next_) next_since_ = Clock::now();
  next_ = *best;
}

/// Whether the present channel may be left for the next one. `drained`: all that has arrived of it was taken.
bool Receiver::may_change(bool drained) const {
  if (!next_) return false;
  const auto now = Clock::now();
  const bool waited = now - next_since_ >= longest_change;
  if (!present_) {
    const std::uint64_t standing = far_.standing_id();
    return standing == next_->id || waited || (standing == 0 && now - next_since_ >= first_choice_after);
  }
  if (present_alive_ && present_->state == seqcast_STATE_LIVE) return true; // the next one is stronger
  if (present_alive_) return waited || (drained && far_.is_closed(present_->id));
  return waited || (drained && side_.announcements.has_ended(name_, present_->id));
}

void Receiver::change() {
  reader_.reset();
  present_ = std::exchange(next_, std::nullopt);
  present_alive_ = true;
  lost_ = false;
  reader_ = Entity{
      dds_create_reader(side_.subscriber, topic_.get(), topic_qos(depth_of(present_->capacity)).get(), nullptr),
      fmt::format("receive '{}'", cli::printable(name_))};
}

/// Until a stop is requested, or another channel is to be received.
void Receiver::receive(const std::stop_token& stop) {
  const ReaderWait wait{side_.participant, reader_.get()};
  Taken<seqcast_Message> samples{reader_.get()};
  Clock::time_point next_choice{};
  while (!stop.stop_requested()) {
    const std::size_t most = batch_size();
    samples.take(most);
    bool drained = samples.count() < most; // but for samples of others
    for (; !samples.at_end() && !stop.stop_requested(); samples.advance()) {
      if (samples.info().valid_data && take(samples.sample())) drained = false;
    }
    if (drained) far_.settle();
    const auto now = Clock::now();
    if (now >= next_choice) {
      next_choice = now + choice_interval;
      choose();
      if (may_change(drained)) return;
    }
    if (samples.count() > 0) continue;
    if (!present_alive_ && !std::exchange(lost_, true)) far_.lose_senders();
    if (now >= next_check_) {
      next_check_ = now + name_check_interval;
      far_.check_name();
    }
    wait.wait(longest_wait);
  }
}

/// Whether it is of the present channel.
bool Receiver::take(const seqcast_Message& sample) {
  if (sample.id != present_->id || name_ != static_cast<const char*>(sample.name)) return false;
  far_.take(sample, *present_);
  return true;
}

/// Samples to take at once.
std::size_t Receiver::batch_size() const noexcept {
  return std::clamp<std::uint64_t>(most_bytes_at_once / std::max<std::uint64_t>(present_->max_message_size, 1),
                                   1, Taken<seqcast_Message>::most);
}

} // namespace mirror
