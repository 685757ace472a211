// SPDX-License-Identifier: BSL-1.0
#include "waiting.hpp"

#include "identity.hpp"

#include <algorithm>
#include <thread>

namespace seqcast::inline v1 {

namespace detail {

namespace {

// About 10 us: a message that comes this soon costs no system call.
constexpr int spins = 500;
// The first sleep of a wait, after which the slot is polled once more: see detail/doorbell.hpp.
constexpr auto first_slice = std::chrono::microseconds{50};
// Every later one; then the state of the publisher is checked.
constexpr auto slice = std::chrono::milliseconds{100};
// Where a stop token cannot end a sleep, it is polled this often.
constexpr auto stop_slice = std::chrono::milliseconds{10};
// Without a bell the pauses grow to this.
constexpr auto longest_pause = std::chrono::milliseconds{1};

} // namespace

std::chrono::steady_clock::time_point deadline_after(std::chrono::nanoseconds timeout) noexcept {
  const auto now = std::chrono::steady_clock::now();
  const auto most = (std::chrono::steady_clock::time_point::max)() - now;
  return timeout < most ? now + timeout : (std::chrono::steady_clock::time_point::max)();
}

void Watch::find_doorbell() {
  doorbell = {};
  const bool superseded = region->superseded();
  // The kernel refuses to sleep on a word of a truncated region. And whoever publishes behind a lost name rings
  // for another region: a flag that is set for this one would cost that publisher a system call a message.
  silent = region->mapping.truncated() || (superseded && !region->publisher_alive());
  if (silent) return;
  const Wakeup wakeup = wakeup_of(region->identity);
  if (wakeup == Wakeup::every_message) doorbell = {nullptr, region->words + wake_word};
  if (wakeup != Wakeup::bell) return;
  const std::uint64_t epoch = SubscriberHeader<HardwarePolicy>{region->words}.epoch_number();
  const bool same_epoch = std::exchange(bell_epoch, epoch) == epoch;
  const bool missing = !bell || !*bell || bell->mapping().truncated();
  if (!superseded && (missing || (!same_epoch && bell->stale()))) {
    bell = Bell::find(region->place, region->status.owner, region->mapping.survives_truncation());
  }
  if (bell && *bell) doorbell = {bell->flag(), bell->word()};
}

std::optional<WaitResult> Watch::changed_state() noexcept {
  // The epoch is read before the state: should another publisher come in between, its end is reported once
  // more, not once less.
  const std::uint64_t epoch = SubscriberHeader<HardwarePolicy>{region->words}.epoch_number();
  const std::pair now{region->state(), epoch};
  if (std::exchange(last_reported, now) == now) return std::nullopt;
  switch (now.first) {
    case ChannelState::live:
      break;
    case ChannelState::no_publisher:
      return WaitResult::no_publisher;
    case ChannelState::closed:
      return WaitResult::closed;
    case ChannelState::superseded:
      return WaitResult::superseded;
  }
  return std::nullopt;
}

Waiter::Entry Waiter::entry_of(AnySubscriber& subscriber) noexcept {
  subscriber.ring_.report(); // the publisher may wait for it
  const bool corrupt = subscriber.status_ == ReadStatus::corrupt;
  SubscriberState& state = *subscriber.state_;
  return {&state.watch, corrupt ? nullptr : &subscriber.ring_, state.options.follow ? &subscriber : nullptr,
          state.options.strategy};
}

Waiter::Waiter(std::span<const Entry> entries, clock::time_point deadline, const std::stop_token& stop)
    : entries_{entries},
      deadline_{deadline},
      stop_{stop},
      interruption_{platform::stop_callbacks_return && stop.stop_possible() ? &own_ : nullptr},
      calm_{own_.prepare()} {}

Waiter::Waiter(std::span<const Entry> entries, Interruption& interruption, std::uint32_t calm)
    : entries_{entries}, deadline_{(clock::time_point::max)()}, interruption_{&interruption}, calm_{calm} {}

Waiter::Result Waiter::run() {
  for (int i = 0; i < (uses(WaitStrategy::spin_then_sleep) ? spins : 1); ++i) {
    if (const Result found = poll(); found.entry != nullptr) return found;
    HardwarePolicy::pause();
  }
  // Ends a sleep when the token asks to stop.
  auto interrupt = [this]() noexcept {
    own_.raise();
    platform::wake_all(low_half(own_.word()));
  };
  std::optional<std::stop_callback<decltype(interrupt)>> callback;
  if (interruption_ == &own_) callback.emplace(stop_, interrupt);
  for (;;) {
    cancellation_.act_on_request();
    if (const Result found = poll(); found.entry != nullptr) return found;
    const auto now = clock::now();
    if (now >= next_check_) {
      if (const Result found = check_states(); found.entry != nullptr) return found;
      next_check_ = now + slice;
    }
    if (interrupted()) return {nullptr, WaitResult::stopped};
    if (now >= deadline_) return {nullptr, WaitResult::timeout};
    if (uses(WaitStrategy::spin)) {
      for (int i = 0; i < 64 && poll().entry == nullptr; ++i) HardwarePolicy::pause();
    } else if (uses(WaitStrategy::yield)) {
      std::this_thread::yield();
    } else if (const Result found = sleep(now); found.entry != nullptr) {
      return found;
    }
  }
}

bool Waiter::uses(WaitStrategy strategy) const noexcept {
  for (const Entry& entry : entries_) {
    if (entry.strategy == strategy) return true;
  }
  return false;
}

bool Waiter::interrupted() const noexcept {
  return stop_.stop_requested() || (interruption_ != nullptr && interruption_->prepare() != calm_);
}

bool Waiter::ready(const Entry& entry) noexcept {
  if (entry.ring == nullptr) return false;
  return entry.ends_at_gap ? entry.ring->ready() : entry.ring->ready_after_gaps();
}

Waiter::Result Waiter::poll() const noexcept {
  for (const Entry& entry : entries_) {
    if (ready(entry)) return {&entry, WaitResult::message};
  }
  return {};
}

Waiter::Result Waiter::check_states() {
  // [bell-word] The words before the states: if a bell is rung after its state was checked, sleep() finds
  // another word, and the states are checked again.
  for (const Entry& entry : entries_) {
    Watch& watch = *entry.watch;
    watch.find_doorbell(); // first, since the word of an old bell may be unmapped by now
    watch.word_before = watch.doorbell.present()
                            ? platform::WaitWord{low_half(watch.doorbell.word()), watch.doorbell.value()}
                            : platform::WaitWord{};
  }
  for (const Entry& entry : entries_) {
    if (const auto reason = check_state(entry)) return {&entry, *reason};
  }
  return {};
}

std::optional<WaitResult> Waiter::check_state(const Entry& entry) {
  Watch& watch = *entry.watch;
  // Once there is a successor nobody publishes into the old region any more; that is drained first.
  if (entry.subscriber != nullptr && watch.region->has_successor() && !ready(entry)) {
    Error error;
    // Reported before the new region's messages, which have sequences of their own.
    if (entry.subscriber->reopen(error)) return WaitResult::superseded;
  }
  // next() has that to report; once, so that a loop that waits does not spin.
  if (watch.region->check_truncation() && !std::exchange(watch.truncation_reported, true))
    return WaitResult::message;
  const auto before = watch.last_reported;
  const std::optional<WaitResult> change = watch.changed_state();
  // What was published before the change is reported first, and the change by the wait after that.
  if (change && ready(entry)) {
    watch.last_reported = before;
    return WaitResult::message;
  }
  return change;
}

Waiter::Result Waiter::sleep(clock::time_point now) {
  auto until = std::min({deadline_, next_check_, now + (has_slept_ ? slice : first_slice)});
  words_.clear();
  if (interruption_ != nullptr) {
    words_.push_back({low_half(interruption_->word()), calm_});
  } else if (stop_.stop_possible()) {
    until = std::min<clock::time_point>(until, now + stop_slice);
  }
  bool rung = false; // a bell, since the states were checked
  for (const Entry& entry : entries_) {
    const DoorbellSubscriber<HardwarePolicy>& doorbell = entry.watch->doorbell;
    // Its state is checked after each slice, and no message is waited for.
    if (entry.ring == nullptr || entry.watch->silent) continue;
    if (doorbell.present()) {
      words_.push_back({low_half(doorbell.word()), doorbell.prepare()});
      rung = rung || words_.back() != entry.watch->word_before;
    } else {
      until = std::min<clock::time_point>(until, now + pause_);
    }
  }
  if (const Result found = poll(); found.entry != nullptr) return found;
  // Woken, but for no message: perhaps because the publisher closed the channel.
  if (rung || platform::wait_on_words(words_, until)) next_check_ = now;
  if (rung) return {};
  has_slept_ = true;
  pause_ = std::min<std::chrono::nanoseconds>(pause_ + pause_ / 2, longest_pause);
  return {};
}

} // namespace detail

using namespace detail;

WaitResult AnySubscriber::wait_until(std::chrono::steady_clock::time_point deadline,
                                     const std::stop_token& stop) {
  const Waiter::Entry entry = Waiter::entry_of(*this);
  state_->reopened = false;
  wait_result_ = Waiter{{&entry, 1}, deadline, stop}.run().reason;
  return wait_result_;
}

WaitAnyResult wait_any(std::span<AnySubscriber* const> subscribers, std::chrono::nanoseconds timeout,
                       const std::stop_token& stop) {
  std::vector<Waiter::Entry> entries;
  entries.reserve(subscribers.size());
  for (AnySubscriber* const subscriber : subscribers) entries.push_back(Waiter::entry_of(*subscriber));
  const Waiter::Result found = Waiter{entries, deadline_after(timeout), stop}.run();
  if (found.entry == nullptr) return {nullptr, found.reason};
  return {subscribers[static_cast<std::size_t>(found.entry - entries.data())], found.reason};
}

} // namespace seqcast::inline v1
