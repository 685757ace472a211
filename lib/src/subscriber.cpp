// SPDX-License-Identifier: BSL-1.0
#include <seqcast/subscriber.hpp>

namespace seqcast::inline v1 {

namespace {

detail::ResumeAt resume_at(Resume resume) noexcept {
  switch (resume) {
    case Resume::newest:
      return detail::ResumeAt::newest;
    case Resume::oldest:
      return detail::ResumeAt::oldest;
    case Resume::half:
      break;
  }
  return detail::ResumeAt::half;
}

} // namespace

std::optional<detail::SubscriberRegion> SubscriberBase::open_or_tell(const Location& location,
                                                                     const SubscriberOptions& options,
                                                                     const detail::Wanted& wanted,
                                                                     std::error_code& error) {
  detail::Failure failure;
  auto region = detail::SubscriberRegion::open(location, options, wanted, failure);
  error = failure.code;
  return region;
}

SubscriberBase::SubscriberBase(const Location& location, const SubscriberOptions& options,
                               const detail::Wanted& wanted)
    : SubscriberBase{[&] {
                       detail::Failure failure;
                       auto region = detail::SubscriberRegion::open(location, options, wanted, failure);
                       if (!region) detail::raise(failure);
                       return std::move(*region);
                     }(),
                     options, wanted} {}

SubscriberBase::SubscriberBase(detail::SubscriberRegion region, const SubscriberOptions& options,
                               const detail::Wanted& wanted)
    : region_{std::move(region)}, options_{options}, wanted_{wanted} {
  attach(options.start);
}

void SubscriberBase::attach(Start start) {
  const bool any_size = !wanted_.message_size;
  // Not zeroed: a region may announce messages of 2 GiB, and pages that nothing is copied to cost nothing.
  if (any_size) buffer_ = std::make_unique_for_overwrite<std::byte[]>(region_.geometry().max_message_size);
  ring_ = {region_.words(), region_.geometry(), region_.cursor(start), region_.oldest(),
           resume_at(options_.resume)};
  outcome_ = detail::Outcome::nothing;
  told_ = {State::live, 0};
  told_truncation_ = false;
  doorbell_ = {};
}

std::error_code SubscriberBase::error() const noexcept {
  // What a truncated region gives otherwise, nothing or corrupt, is only what zeros look like.
  if (outcome_ != detail::Outcome::message && region_.truncated()) return Errc::truncated;
  switch (outcome_) {
    case detail::Outcome::message:
    case detail::Outcome::nothing:
      break;
    case detail::Outcome::overrun:
      return Errc::overrun;
    case detail::Outcome::corrupt:
      return Errc::corrupt;
    case detail::Outcome::wrong_size:
      return Errc::wrong_size;
    case detail::Outcome::buffer_too_small:
      return Errc::buffer_too_small;
  }
  return {};
}

// From a corrupt region nothing more is to be expected: a loop that waits for it must not spin.
bool SubscriberBase::ready() const noexcept {
  return outcome_ != detail::Outcome::corrupt && ring_.ready();
}

std::optional<Wait> SubscriberBase::look_around() {
  if (options_.follow && move_on()) {
    doorbell_ = region_.doorbell();
    return Wait::superseded; // before the new region's messages, which have sequences of their own
  }
  // next() has that to say; once, so that a loop that waits does not spin.
  if (region_.find_truncation() && !std::exchange(told_truncation_, true)) return Wait::message;
  const auto before = told_;
  std::optional<Wait> change = changed_state();
  // What was published before the change is told first, and the change in the wait after that.
  if (change && ready()) {
    told_ = before;
    return Wait::message;
  }
  doorbell_ = region_.doorbell();
  return change;
}

bool SubscriberBase::move_on() {
  if (!region_.successor_exists()) return false;
  // The old region is drained first; nobody publishes there any more.
  std::error_code error;
  return !ready() && reopen(error);
}

std::optional<Wait> SubscriberBase::changed_state() {
  const std::uint64_t epoch = region_.epoch().number;
  const State found = region_.state();
  // Read before the state: should another publisher come in between, its end is told once more, not once less.
  const std::pair now{found, epoch};
  if (std::exchange(told_, now) == now) return std::nullopt;
  switch (found) {
    case State::live:
      return std::nullopt;
    case State::no_publisher:
      return Wait::no_publisher;
    case State::closed:
      return Wait::closed;
    case State::superseded:
      return Wait::superseded;
  }
  return std::nullopt;
}

Wakeup SubscriberBase::wakeup() {
  doorbell_ = region_.doorbell();
  if (!doorbell_.present()) return Wakeup::polling;
  const bool in_region = (region_.identity().compatible_flags & detail::flag_wake_always) != 0;
  return in_region ? Wakeup::wake_word : Wakeup::doorbell;
}

bool SubscriberBase::reopen() {
  std::error_code error;
  const bool changed = reopen(error);
  if (error) detail::raise({error, "cannot reopen " + to_string(location())});
  return changed;
}

bool SubscriberBase::reopen(std::error_code& error) {
  error.clear();
  if (!region_.superseded()) return false;
  SubscriberOptions at_once = options_;
  at_once.open_timeout = {};
  detail::Failure failure;
  auto region = region_.open_again(at_once, wanted_, failure);
  error = failure.code;
  if (!region) return false;
  region_ = std::move(*region);
  attach(Start::oldest);
  return true;
}

} // namespace seqcast::inline v1
