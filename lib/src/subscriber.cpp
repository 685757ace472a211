// SPDX-License-Identifier: BSL-1.0
#include <seqcast/subscriber.hpp>

#include "identity.hpp"
#include "opening.hpp"
#include "waiting.hpp"

namespace seqcast::inline v1 {

using namespace detail;

void detail::destroy(SubscriberState* state) noexcept {
  delete state;
}

namespace {

RingSubscriber<HardwarePolicy> ring_of(const SubscriberState& state, StartPosition start) noexcept {
  const SubscriberRegion& region = *state.watch.region;
  const std::uint64_t cursor = start == StartPosition::oldest ? state.range.oldest - 1 : state.range.newest;
  std::uint64_t resume_behind = region.geometry.capacity / 2 - 1;
  if (state.options.resume == ResumePosition::newest) resume_behind = 0;
  if (state.options.resume == ResumePosition::oldest) resume_behind = region.geometry.capacity - 2;
  return {region.words, region.geometry, cursor, state.range.oldest, resume_behind};
}

/// Registers a subscriber whose next message is that after its cursor; the newest, if `from_newest`.
/// Errors: throws Failure; it receives by best effort then.
void register_at(SubscriberState& state, RingSubscriber<HardwarePolicy>& ring, bool from_newest) {
  const SubscriberRegion& region = *state.watch.region;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    if (!state.entry || state.entry.inherited())
      state.entry = ReliableEntry{region, state.options.open_timeout};
    ring.register_reliable(state.entry.subscriber(), from_newest);
    if (ring.registered() && state.entry.is_polled()) return;
    // It is of a bell that was removed, or its publisher is just about to make it the region's.
    ring.unregister();
    state.entry = {};
    platform::wait_on_words({}, platform::clock::now() + std::chrono::milliseconds{1});
  }
  fail(Errc::no_channel, "another publisher came at this moment; try again");
}

Owner<SubscriberState> open_at(const platform::Place& place, const Location& location,
                               const SubscriberOptions& options, const ExpectedIdentity& expected,
                               StartPosition start) {
  auto [region, range] = open_for_subscriber(location, place, options, expected);
  // Not zeroed: a region may say 2 GiB, and pages that nothing is copied to cost nothing.
  auto buffer = expected.message_size
                    ? nullptr
                    : std::make_unique_for_overwrite<std::byte[]>(region->geometry.max_message_size);
  Owner<SubscriberState> state{new SubscriberState{
      {.region = std::move(region)}, range, options, expected, std::move(buffer), false, {}, {}}};
  state->ring = ring_of(*state, start);
  if (options.reliable) register_at(*state, state->ring, start == StartPosition::newest);
  return state;
}

Owner<SubscriberState> open_subscriber(const Location& location, const SubscriberOptions& options,
                                       const ExpectedIdentity& expected) {
  return explained("cannot subscribe to", location, [&] {
    check_build(expected); // first: with other headers the options may be another structure
    return open_at(find_place(location), location, options, expected, options.start);
  });
}

} // namespace

AnySubscriber::AnySubscriber(const Location& location, const SubscriberOptions& options,
                             const ExpectedIdentity& expected)
    : AnySubscriber{open_subscriber(location, options, expected)} {}

Owner<SubscriberState> AnySubscriber::open_state(const Location& location, const SubscriberOptions& options,
                                                 const ExpectedIdentity& expected, Error& error) {
  return without_exceptions(error, [&] { return open_subscriber(location, options, expected); });
}

AnySubscriber::AnySubscriber(Owner<SubscriberState> state) noexcept
    : ring_{state->ring}, buffer_{state->buffer.get()}, state_{std::move(state)} {}

std::error_code AnySubscriber::error() const noexcept {
  // What a truncated region gives otherwise, nothing or corrupt, is only what zeros look like.
  if (status_ != ReadStatus::message && state_->watch.region->mapping.truncated()) return Errc::truncated;
  switch (status_) {
    case ReadStatus::message:
    case ReadStatus::nothing:
    case ReadStatus::gap:
      break;
    case ReadStatus::overrun:
      return Errc::overrun;
    case ReadStatus::corrupt:
      return Errc::corrupt;
    case ReadStatus::wrong_size:
      return Errc::wrong_size;
    case ReadStatus::buffer_too_small:
      return Errc::buffer_too_small;
    case ReadStatus::demoted:
      return Errc::demoted;
  }
  return {};
}

void AnySubscriber::register_reliable() {
  explained("cannot subscribe reliably to", location(), [&] {
    register_at(*state_, ring_, false);
    return true;
  });
}

bool AnySubscriber::register_reliable(Error& error) {
  return without_exceptions(error, [this] {
    register_reliable();
    return true;
  });
}

bool AnySubscriber::publisher_alive() const noexcept {
  return state_->watch.region->publisher_alive();
}

ChannelState AnySubscriber::state() const noexcept {
  return state_->watch.region->state();
}

std::optional<Epoch> AnySubscriber::epoch() const noexcept {
  return state_->watch.region->epoch();
}

const Location& AnySubscriber::location() const noexcept {
  return state_->watch.region->location;
}

Schema AnySubscriber::schema() const {
  const SubscriberRegion& region = *state_->watch.region;
  return Schema::stored(schema_name_of(region.identity), region.format);
}

bool AnySubscriber::wait_to_read(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) {
  const std::error_code found = error();
  const bool failed = found == Errc::corrupt || found == Errc::truncated;
  const bool again = found == Errc::overrun || found == Errc::wrong_size; // and there is something to read
  // A failure is reported once, and later calls wait for a successor of the region.
  if (found == Errc::buffer_too_small || found == Errc::demoted ||
      (failed && !std::exchange(failure_reported_, true)) ||
      (again && std::chrono::steady_clock::now() >= deadline)) {
    wait_result_ = WaitResult::message; // error() says why there is none
    return false;
  }
  return wait_until(deadline, stop) == WaitResult::message;
}

bool AnySubscriber::goes_on() const noexcept {
  return wait_result_ == WaitResult::superseded && state_->reopened;
}

Wakeup AnySubscriber::wakeup() {
  state_->watch.find_doorbell();
  return state_->watch.doorbell.present() ? wakeup_of(state_->watch.region->identity) : Wakeup::polling;
}

bool AnySubscriber::reopen() {
  const SubscriberRegion& old = *state_->watch.region;
  if (!old.superseded()) return false;
  return explained("cannot reopen", old.location, [&] {
    SubscriberOptions options = state_->options;
    const auto timeout = std::exchange(options.open_timeout, {});
    // In the folder as it was: the current one may be another by now.
    Owner<SubscriberState> next =
        open_at(old.place, old.location, options, state_->expected, StartPosition::oldest);
    next->options.open_timeout = timeout;
    ring_ = next->ring;
    state_->entry = {}; // while its region is there
    buffer_ = next->buffer.get();
    *state_ = std::move(*next); // in place, since a wait may be using it
    state_->reopened = true;
    status_ = ReadStatus::nothing;
    failure_reported_ = false;
    return true;
  });
}

bool AnySubscriber::reopen(Error& error) {
  return without_exceptions(error, [this] { return reopen(); });
}

} // namespace seqcast::inline v1
