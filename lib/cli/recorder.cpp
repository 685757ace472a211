// SPDX-License-Identifier: BSL-1.0
#include "recorder.hpp"

#include "explain.hpp"
#include "platform/platform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <utility>

namespace cli {

namespace {

using seqcast::ChannelState;
using seqcast::Errc;
using seqcast::recording::Time;

// One turn of a channel: short beside a second, long beside the clock that is read once in it.
constexpr std::uint64_t messages_of_turn = 1024;
constexpr std::uint64_t bytes_of_turn = std::uint64_t{1} << 20;
// How often new channels are looked for, and those that are read for another region behind their name.
constexpr std::chrono::milliseconds look_interval{100};
// As in sub: an intact channel never announces a message twice that is not there.
constexpr int most_in_vain = 1000;
constexpr std::uint16_t most_regions = 65535; // of MCAP

/// The sum of a time that any publisher may have stored and the offset; without overflow, which would
/// be undefined.
Time on_wall_clock(std::chrono::steady_clock::time_point time, std::chrono::nanoseconds offset) {
  const auto since = std::chrono::nanoseconds{time.time_since_epoch()}.count();
  const auto sum = static_cast<std::uint64_t>(since) + static_cast<std::uint64_t>(offset.count());
  return Time{std::chrono::nanoseconds{static_cast<std::int64_t>(sum)}};
}

} // namespace

std::vector<seqcast::Location> Recorder::open() {
  find_new(true);
  publish_progress();
  std::vector<seqcast::Location> missing;
  for (const seqcast::Location& location : options_.names) {
    if (!has_source(to_name(location))) missing.push_back(location);
  }
  return missing;
}

void Recorder::run(const std::stop_token& stop) {
  try {
    while (!stop.stop_requested()) {
      if (Clock::now() >= next_look_) {
        check_states();
        find_new(false);
        publish_progress();
        if (options_.until_closed && all_closed()) break;
      }
      if (queue_.flush_requested()) {
        catch_up();
        pass_on(true);
      }
      if (!have_chunk(stop)) continue;
      const bool busy = read_all();
      drop_complete();
      if (!busy) wait(stop);
      if (chunk_ && !chunk_->messages.empty() && Clock::now() >= chunk_->begin + oldest_chunk) pass_on();
    }
    find_new(false); // one that came since the last look
    catch_up();
  } catch (const std::exception& error) {
    note(fmt::format("the recording ends: {}", error.what()), true);
  }
  if (chunk_) pass_on();
  publish_progress();
  queue_.close();
  const std::lock_guard lock{mutex_};
  ended_ = true;
}

std::vector<RegionProgress> Recorder::progress() const {
  const std::lock_guard lock{mutex_};
  std::vector<RegionProgress> all = past_;
  all.insert(all.end(), progress_.begin(), progress_.end());
  return all;
}

std::vector<RecorderNote> Recorder::take_notes() {
  const std::lock_guard lock{mutex_};
  return std::exchange(notes_, {});
}

bool Recorder::ended() const {
  const std::lock_guard lock{mutex_};
  return ended_;
}

void Recorder::note(std::string text, bool complaint) {
  const std::lock_guard lock{mutex_};
  notes_.push_back({std::move(text), complaint});
}

/// Whether the region to which this name leads is one of the sources.
bool Recorder::has_source(const std::string& name) const {
  return std::ranges::any_of(
      sources_, [&name](const auto& source) { return !source->last_wanted && source->name() == name; });
}

void Recorder::find_new(bool first) {
  next_look_ = Clock::now() + look_interval;
  for (const seqcast::Location& location : options_.names) {
    if (!has_source(to_name(location))) open_source(location, first, first && !options_.tolerant);
  }
  if (options_.patterns.empty()) return;
  seqcast::Error error;
  for (const seqcast::Location& location : seqcast::channels_in_shared_memory(error)) {
    const auto matches = [&location](const std::string& pattern) {
      return platform::matches(location.name(), pattern);
    };
    if (std::ranges::any_of(options_.patterns, matches) && !has_source(to_name(location)))
      open_source(location, first, false);
  }
  if (error && complained_.insert("").second)
    note("cannot list the channels in shared memory: " + error.message(), true);
}

/// The subscriber; nothing where there is no channel. What cannot be read is an error if `strict`; otherwise
/// nothing, with a complaint.
std::optional<seqcast::ByteSubscriber> Recorder::subscribe(const seqcast::Location& location, bool newest,
                                                           bool strict) {
  seqcast::SubscriberOptions options;
  options.start = newest ? seqcast::StartPosition::newest : seqcast::StartPosition::oldest;
  options.survive_truncation = true;
  options.reliable = options_.reliable;
  seqcast::Error error;
  auto subscriber = seqcast::ByteSubscriber::open(location, options, error);
  if (subscriber || error == Errc::no_channel) return subscriber;
  const Failure failure = refusal(Attempt::subscribe, location, error);
  if (strict) throw failure;
  const std::string name = to_name(location);
  if (options_.reliable) {
    options.reliable = false;
    subscriber = seqcast::ByteSubscriber::open(location, options, error);
    if (subscriber && complained_.insert(name).second)
      note(fmt::format("{}. It is recorded by best effort", failure.what()), true);
    if (subscriber || error == Errc::no_channel) return subscriber;
  }
  if (complained_.insert(name).second) note(failure.what(), true);
  return std::nullopt;
}

/// What the subscriber reads; null if the name does not lead to it any more.
std::shared_ptr<Region> Recorder::region_of(const seqcast::Location& location,
                                            const seqcast::ByteSubscriber& subscriber) {
  seqcast::Error error;
  const auto inspector = seqcast::Inspector::open(location, {.survive_truncation = true}, error);
  // A name does not return to a region that it has left. So both are the same region if the name still
  // leads there.
  if (!inspector || subscriber.state() == ChannelState::superseded) return nullptr;
  const seqcast::ChannelIdentity& identity = inspector->identity();
  auto region = std::make_shared<Region>();
  region->location = location;
  region->schema = subscriber.schema();
  region->capacity = identity.capacity;
  region->max_message_size = identity.max_message_size;
  region->message_alignment = identity.message_alignment;
  region->wakeup = identity.wakeup;
  region->timestamps = identity.timestamps;
  region->copy_behind = identity.copy_behind;
  region->gaps = identity.gaps;
  region->before = subscriber.cursor();
  return region;
}

void Recorder::open_source(const seqcast::Location& location, bool first, bool strict) {
  if (last_id_ == most_regions) return;
  auto subscriber = subscribe(location, first && options_.from_newest, strict);
  if (!subscriber) return;
  auto region = region_of(location, *subscriber);
  if (!region) return;
  region->id = ++last_id_;
  if (region->id == most_regions) note("a recording has at most 65535 channels: no others join", true);
  auto source = std::make_unique<Source>(std::move(region), std::move(*subscriber));
  if (options_.json) {
    const JsonMessages json{source->schema};
    if (json.possible()) {
      source->json.emplace(source->schema);
      source->region->encoding = seqcast::recording::Encoding::json;
      source->region->json_schema = json.json_schema();
    } else {
      note(fmt::format("the messages of '{}' have a field named base64: they are recorded as bytes",
                       to_name(location)));
    }
  }
  sources_.push_back(std::move(source));
}

void Recorder::check_states() {
  for (const auto& source : sources_) {
    if (source->last_wanted || source->subscriber.state() != ChannelState::superseded) continue;
    source->last_wanted = source->newest();
  }
}

bool Recorder::all_closed() const {
  const bool waited_for = std::ranges::any_of(
      options_.names, [this](const seqcast::Location& location) { return !has_source(to_name(location)); });
  return !waited_for && !sources_.empty() && std::ranges::all_of(sources_, [](const auto& source) {
    return source->gone || (source->subscriber.state() != ChannelState::live && source->subscriber.lag() == 0);
  });
}

/// Gives every channel a turn; whether any had a message.
bool Recorder::read_all() {
  bool busy = false;
  for (std::size_t i = 0; i < sources_.size() && chunk_; ++i) busy |= read_turn(*sources_[i]);
  return busy;
}

bool Recorder::read_turn(Source& source) {
  if (!std::exchange(source.begun, true)) begin(source);
  Time received_at = now();
  const std::uint64_t messages_before = source.messages;
  const std::uint64_t bytes_before = source.bytes;
  for (std::uint64_t i = 0; i < messages_of_turn && !source.complete(); ++i) {
    const auto message = read(source);
    if (!message && !goes_on(source)) break;
    if (message && !add(source, *message, received_at)) break;
    if (source.bytes - bytes_before >= bytes_of_turn) break;
  }
  if (&source == announced_) announced_ = nullptr;
  return source.messages > messages_before;
}

/// Before the first message is read: goes to the oldest one that is there now. Since the channel was opened
/// others may have been overwritten, and to find that out by reading would cost half a ring.
void Recorder::begin(Source& source) {
  if (source.subscriber.reliable() || source.announced) return;
  source.subscriber.seek(source.before + 1);
  source.before = source.passed_on = source.subscriber.cursor();
}

/// The next message; where that is possible it is copied to where it will be in the chunk.
std::optional<seqcast::ReceivedBytes> Recorder::read(Source& source) {
  const std::uint32_t longest = source.subscriber.max_message_size();
  if (source.json || longest > full_chunk) return source.subscriber.next();
  return source.subscriber.next(chunk_->messages.room(longest));
}

/// Appends the message to the chunk; whether there is a chunk for the next one.
bool Recorder::add(Source& source, const seqcast::ReceivedBytes& message, Time& received_at) {
  if (chunk_->messages.empty()) chunk_->begin = Clock::now();
  Time published_at = received_at;
  if (message.published_at) published_at = on_wall_clock(*message.published_at, options_.clock_offset);
  // Published during this turn, after the clock was read.
  if (published_at > received_at && published_at < received_at + oldest_chunk) received_at = published_at;
  const seqcast::Epoch epoch = source.epochs.of(source.subscriber, message.sequence);
  if (source.json) {
    const std::string json = source.json->to_json(message.message);
    chunk_->messages.add(source.id, message.sequence, epoch, published_at, received_at,
                         std::as_bytes(std::span{json}));
  } else {
    chunk_->messages.add(source.id, message.sequence, epoch, published_at, received_at, message.message);
  }
  ++source.in_chunk;
  ++source.messages;
  source.bytes += message.message.size();
  source.in_vain = 0;
  if (chunk_->messages.size() < full_chunk) return true;
  pass_on();
  chunk_ = queue_.begin();
  return chunk_ != nullptr;
}

bool Recorder::goes_on(Source& source) {
  const std::error_code error = source.subscriber.error();
  if (error == Errc::demoted) {
    report_demotion(source);
    return true;
  }
  if (error == Errc::overrun || error == Errc::wrong_size) return true;
  if (error == Errc::truncated) give_up(source, "Its file was truncated");
  if (error == Errc::corrupt) give_up(source, "It is corrupt: it contains what no publisher stores");
  if (error || &source != announced_) return false;
  const std::uint64_t newest = source.newest();
  if (std::exchange(source.in_vain_at, newest) != newest) source.in_vain = 0;
  if (++source.in_vain >= most_in_vain)
    give_up(source, "It is damaged, or a copy that was made while a publisher wrote");
  return false;
}

void Recorder::report_demotion(Source& source) {
  const std::string name = source.name();
  seqcast::Error error;
  const bool again = source.subscriber.register_reliable(error);
  note(fmt::format("the publisher of '{}' has stopped waiting for the recorder, after number {}{}", name,
                   source.subscriber.cursor(),
                   again ? fmt::format("; from number {} on it waits again", source.newest() + 1)
                         : "; from here on it is recorded by best effort"),
       true);
}

void Recorder::give_up(Source& source, const std::string& why) {
  source.gone = true;
  note(fmt::format("cannot read '{}' any further. {}", source.name(), why), true);
}

Time Recorder::now() const {
  return on_wall_clock(Clock::now(), options_.clock_offset);
}

/// Whether there is a chunk to be filled; waits for it a moment.
bool Recorder::have_chunk(const std::stop_token& stop) {
  if (!chunk_) chunk_ = queue_.begin();
  if (!chunk_) queue_.wait_for_room(Clock::now() + look_interval, stop);
  return chunk_ != nullptr;
}

void Recorder::pass_on(bool flushed) {
  if (!chunk_) chunk_ = std::make_unique<RecordedChunk>();
  for (const auto& source : sources_) {
    const std::uint64_t cursor = source->subscriber.cursor();
    if (source->announced && cursor == source->passed_on) continue;
    source->announced = true;
    chunk_->shares.push_back(
        {source->region, std::exchange(source->passed_on, cursor), cursor, std::exchange(source->in_chunk, 0)});
  }
  chunk_->end = Clock::now();
  if (chunk_->messages.empty()) chunk_->begin = chunk_->end;
  chunk_->flushed = flushed;
  queue_.push(std::exchange(chunk_, nullptr));
}

/// Forgets the regions that were read to their ends, and to which no name leads any more.
void Recorder::drop_complete() {
  const auto is_over = [](const auto& source) { return source->last_wanted && source->complete(); };
  if (std::ranges::none_of(sources_, is_over)) return;
  pass_on();
  publish_progress();
  {
    const std::lock_guard lock{mutex_};
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (!is_over(sources_[i])) continue;
      progress_[i].ended = true;
      past_.push_back(progress_[i]);
    }
  }
  std::erase_if(sources_, is_over);
  announced_ = nullptr;
  publish_progress();
}

/// Waits for the next message, at most until there is something else to do.
void Recorder::wait(const std::stop_token& stop) {
  Clock::time_point until = next_look_;
  if (chunk_ && !chunk_->messages.empty()) until = std::min(until, chunk_->begin + oldest_chunk);
  const auto timeout = std::max<std::chrono::nanoseconds>(until - Clock::now(), std::chrono::nanoseconds{0});
  std::vector<seqcast::AnySubscriber*> subscribers;
  for (const auto& source : sources_) {
    if (!source->gone) subscribers.push_back(&source->subscriber);
  }
  if (subscribers.empty()) {
    std::mutex mutex;
    std::unique_lock lock{mutex};
    std::condition_variable_any{}.wait_for(lock, stop, timeout, [] { return false; });
    return;
  }
  const seqcast::WaitAnyResult result = seqcast::wait_any(subscribers, timeout, stop);
  if (result.reason == seqcast::WaitResult::superseded) next_look_ = Clock::now();
  announced_ = nullptr;
  if (result.reason != seqcast::WaitResult::message) return;
  for (const auto& source : sources_) {
    if (&source->subscriber == result.subscriber) announced_ = source.get();
  }
}

/// Reads what is published by now, and hardly more.
void Recorder::catch_up() {
  std::vector<std::uint64_t> heads;
  for (const auto& source : sources_) heads.push_back(source->newest());
  for (bool busy = true; busy;) {
    if (!have_chunk({})) continue;
    busy = false;
    for (std::size_t i = 0; i < sources_.size() && chunk_; ++i) {
      if (sources_[i]->subscriber.cursor() < heads[i]) busy |= read_turn(*sources_[i]);
    }
    busy |= !chunk_;
  }
}

void Recorder::publish_progress() {
  std::vector<RegionProgress> all;
  for (const auto& source : sources_) {
    const std::uint64_t cursor = source->subscriber.cursor();
    all.push_back({source->name(), source->before, source->messages, source->bytes,
                   cursor - source->before - source->messages, cursor, source->subscriber.lag(), false});
  }
  const std::lock_guard lock{mutex_};
  progress_ = std::move(all);
}

} // namespace cli
