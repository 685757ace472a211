// SPDX-License-Identifier: BSL-1.0
//
// waiting: one loop for waiting on one subscriber or on many.
#include <seqcast/subscriber.hpp>

#include "platform/platform.hpp"

#include <optional>
#include <thread>
#include <vector>

namespace seqcast::inline v1 {

namespace {

using clock = std::chrono::steady_clock;

// About 10 us: a message that comes this soon costs nobody a system call.
constexpr int spins = 500;
// The first sleep of a wait, after which there is another look: see detail/doorbell.hpp.
constexpr auto first_slice = std::chrono::microseconds{50};
// Every later one; then the state of the publisher is looked at.
constexpr auto slice = std::chrono::milliseconds{100};
// Where a stop token cannot end a sleep, it is looked at this often.
constexpr auto stop_slice = std::chrono::milliseconds{10};
// Without a bell the pauses grow to this.
constexpr auto longest_pause = std::chrono::milliseconds{1};

} // namespace

class detail::Waiting {
 public:
  Waiting(std::span<SubscriberBase* const> subscribers, clock::time_point deadline, const std::stop_token& stop)
      : subscribers_{subscribers}, deadline_{deadline}, stop_{stop} {}

  WaitedFor run() {
    if (const WaitedFor found = spin_briefly(); found.subscriber != nullptr) return found;
    std::optional<std::stop_callback<Interrupt>> interrupt;
    if (interruptible_) interrupt.emplace(stop_, Interrupt{&interruption_});
    for (;;) {
      if (const WaitedFor found = look(); found.subscriber != nullptr) return found;
      const auto now = clock::now();
      if (now >= next_look_) {
        if (const WaitedFor found = look_around(); found.subscriber != nullptr) return found;
        next_look_ = now + slice;
      }
      if (stop_.stop_requested()) return {nullptr, Wait::stopped};
      if (now >= deadline_) return {nullptr, Wait::timeout};
      if (uses(Strategy::spin)) {
        for (int i = 0; i < 64 && look().subscriber == nullptr; ++i) HardwareAtomics::pause();
      } else if (uses(Strategy::yield)) {
        std::this_thread::yield();
      } else if (const WaitedFor found = sleep(now); found.subscriber != nullptr) {
        return found;
      }
    }
  }

 private:
  /// Ends a sleep when the token is told to stop.
  struct Interrupt {
    Interruption* interruption;
    void operator()() const noexcept {
      interruption->raise();
      platform::wake_all(low_half(interruption->word()));
    }
  };

  bool uses(Strategy strategy) const noexcept {
    for (const SubscriberBase* subscriber : subscribers_) {
      if (subscriber->options_.strategy == strategy) return true;
    }
    return false;
  }

  WaitedFor look() const noexcept {
    for (SubscriberBase* subscriber : subscribers_) {
      if (subscriber->ready()) return {subscriber, Wait::message};
    }
    return {};
  }

  WaitedFor spin_briefly() const noexcept {
    WaitedFor found = look();
    if (!uses(Strategy::spin_then_sleep)) return found;
    for (int i = 0; i < spins && found.subscriber == nullptr; ++i) {
      HardwareAtomics::pause();
      found = look();
    }
    return found;
  }

  WaitedFor look_around() {
    // [bell-word] Before the states: what is rung for afterwards sleep() does not miss.
    seen_.clear();
    for (SubscriberBase* subscriber : subscribers_) {
      subscriber->doorbell_ = subscriber->region_.doorbell(); // nobody may look at the word of an old one
      seen_.push_back(word_of(subscriber->doorbell_));
    }
    for (SubscriberBase* subscriber : subscribers_) {
      if (const auto reason = subscriber->look_around()) return {subscriber, *reason};
    }
    return {};
  }

  static platform::SleepOn word_of(const DoorbellSubscriber<HardwareAtomics>& doorbell) noexcept {
    if (!doorbell.present()) return {nullptr, 0};
    return {low_half(doorbell.word()), doorbell.seen()};
  }

  WaitedFor sleep(clock::time_point now) {
    sleeps_.clear();
    bool rung = false; // since look_around(), or it is another bell
    auto until = std::min({deadline_, next_look_, now + (slept_ ? slice : first_slice)});
    if (interruptible_) {
      sleeps_.push_back({low_half(interruption_.word()), interruption_.prepare()});
      if (stop_.stop_requested()) return {nullptr, Wait::stopped};
    } else if (stop_.stop_possible()) {
      until = std::min<clock::time_point>(until, now + stop_slice);
    }
    for (std::size_t i = 0; i < subscribers_.size(); ++i) {
      const auto& doorbell = subscribers_[i]->doorbell_;
      if (doorbell.present()) {
        sleeps_.push_back({low_half(doorbell.word()), doorbell.prepare()});
        rung = rung || sleeps_.back() != seen_[i];
      } else {
        until = std::min<clock::time_point>(until, now + pause_);
      }
    }
    if (const WaitedFor found = look(); found.subscriber != nullptr) return found;
    // Woken for no message: by the publisher's going, perhaps.
    if (rung || platform::sleep_on(sleeps_, until)) next_look_ = now;
    if (rung) return {};
    slept_ = true;
    pause_ = std::min<std::chrono::nanoseconds>(pause_ + pause_ / 2, longest_pause);
    return {};
  }

  std::span<SubscriberBase* const> subscribers_;
  clock::time_point deadline_;
  std::stop_token stop_;
  bool interruptible_ = stop_.stop_possible() && platform::stop_callbacks_end();
  Interruption interruption_;
  clock::time_point next_look_ = clock::now();
  bool slept_ = false;
  std::chrono::nanoseconds pause_{20'000};
  std::vector<platform::SleepOn> sleeps_;
  std::vector<platform::SleepOn> seen_; // of each subscriber's bell, before its state was looked at
};

Wait SubscriberBase::wait_until(clock::time_point deadline, const std::stop_token& stop) {
  SubscriberBase* const self = this;
  return detail::Waiting{{&self, 1}, deadline, stop}.run().reason;
}

WaitedFor wait_any(std::span<SubscriberBase* const> subscribers, std::chrono::nanoseconds timeout,
                   const std::stop_token& stop) {
  return detail::Waiting{subscribers, detail::after(timeout), stop}.run();
}

} // namespace seqcast::inline v1
