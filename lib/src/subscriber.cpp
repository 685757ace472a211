// SPDX-License-Identifier: BSL-1.0
#include <seqcast/subscriber.hpp>

#include <thread>

namespace seqcast::inline v1 {

namespace {

using clock = std::chrono::steady_clock;

constexpr int spins = 2000; // a few microseconds
constexpr auto longest_pause = std::chrono::milliseconds{1};
constexpr auto state_interval = std::chrono::milliseconds{20};

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
  if (any_size) buffer_.resize(region_.geometry().max_message_size);
  ring_ = {region_.words(), region_.geometry(), region_.cursor(start), region_.oldest(),
           resume_at(options_.resume)};
  outcome_ = detail::Outcome::nothing;
  told_ = State::live;
}

std::error_code SubscriberBase::error() const noexcept {
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

std::optional<Wait> SubscriberBase::changed_state() {
  const State found = region_.state();
  if (found == State::superseded && options_.follow) {
    std::error_code error;
    // The old region is drained first: ready() came before this, and nobody publishes there any more.
    if (ready() || !region_.successor_exists() || !reopen(error)) return std::nullopt;
    return Wait::superseded;
  }
  if (found == std::exchange(told_, found)) return std::nullopt;
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

Wait SubscriberBase::wait_until(clock::time_point deadline, const std::stop_token& stop) {
  for (int i = 0; i < spins; ++i) {
    if (ready()) return Wait::message;
  }
  auto next_look = clock::now();
  std::chrono::nanoseconds pause{0};
  for (;;) {
    const auto now = clock::now();
    if (now >= next_look) {
      const State before = told_;
      const std::optional<Wait> change = changed_state();
      // What was published before the change is told first, and the change in the wait after that.
      if (ready()) {
        told_ = before;
        return Wait::message;
      }
      if (change) return *change;
      next_look = now + state_interval;
    }
    if (ready()) return Wait::message;
    if (stop.stop_requested()) return Wait::stopped;
    if (now >= deadline) return Wait::timeout;
    if (pause.count() == 0) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(pause, deadline - now));
    }
    pause =
        std::min<std::chrono::nanoseconds>(pause + std::chrono::microseconds{20} + pause / 4, longest_pause);
  }
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
  auto region = open_or_tell(location(), at_once, wanted_, error);
  if (!region) return false;
  region_ = std::move(*region);
  attach(Start::oldest);
  return true;
}

} // namespace seqcast::inline v1
