// SPDX-License-Identifier: BSL-1.0
#include <seqcast/notifier.hpp>

#include "platform/platform.hpp"

#include <mutex>
#include <thread>
#include <vector>

namespace seqcast::inline v1 {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto first_slice = std::chrono::microseconds{50};
constexpr auto slice = std::chrono::milliseconds{100};
constexpr auto poll_pause = std::chrono::milliseconds{1};

} // namespace

struct Notifier::Impl {
  using Ring = detail::RingSubscriber<detail::HardwareAtomics>;

  /// One channel, as the helper thread sees it.
  struct Watch {
    SubscriberBase* subscriber; // to be touched by the caller's thread only; null when removed
    detail::SubscriberRegion region;
    Ring ring;                                            // its cursor is the subscriber's at the last arm()
    std::pair<State, std::uint64_t> told{State::live, 0}; // and of which epoch
    bool truncated = false;                               // told already
    bool armed = true;
    detail::platform::SleepOn asked{nullptr, 0}; // the bell's word before its state was last asked for
  };

  detail::platform::Signal signal;
  std::mutex mutex; // guards what follows
  std::vector<Watch> watches;
  std::vector<detail::SubscriberRegion> left; // by subscribers that were reopened
  detail::Interruption interruption;          // raised after each change of watches, and to end
  std::jthread thread;

  ~Impl() {
    thread.request_stop();
    interrupt();
  }

  void interrupt() noexcept {
    interruption.raise();
    detail::platform::wake_all(detail::low_half(interruption.word()));
  }

  static Ring ring_of(const detail::SubscriberRegion& region, std::uint64_t cursor) {
    return {region.words(), region.geometry(), cursor, region.oldest(), detail::ResumeAt::half};
  }

  static bool fires(Watch& watch, bool ask_for_state) {
    if (watch.ring.ready()) return true;
    if (!ask_for_state) return false;
    // The epoch is read first, as in SubscriberBase::changed_state(): each publisher's end is news, its coming
    // not.
    const std::uint64_t epoch = watch.region.epoch().number;
    const std::pair now{watch.region.state(), epoch};
    const bool truncated = watch.region.find_truncation();
    const bool ended = std::exchange(watch.told, now) != now && now.first != State::live;
    return std::exchange(watch.truncated, truncated) != truncated || ended;
  }

  /// Makes the descriptor readable if there is news; gives what to sleep on until there may be some.
  std::vector<detail::platform::SleepOn> look(bool ask_for_state, bool& polling) {
    std::vector<detail::platform::SleepOn> sleeps{
        {detail::low_half(interruption.word()), interruption.prepare()}};
    const std::lock_guard guard{mutex};
    // Only here, where this thread does not sleep on their words any more.
    left.clear();
    std::erase_if(watches, [](const Watch& watch) { return watch.subscriber == nullptr; });
    for (Watch& watch : watches) {
      if (!watch.armed) continue;
      const auto doorbell = watch.region.doorbell();
      bool ask = ask_for_state;
      if (doorbell.present()) {
        sleeps.push_back({detail::low_half(doorbell.word()), doorbell.prepare()});
        // [bell-word] Rung for since the last question: by the publisher's going, perhaps.
        ask = std::exchange(watch.asked, sleeps.back()) != sleeps.back() || ask;
      } else {
        polling = true;
      }
      if (!fires(watch, ask)) continue;
      watch.armed = false;
      signal.set();
    }
    return sleeps;
  }

  void run(const std::stop_token& stop) {
    // As in waiting.cpp: a short sleep first, then long ones, until something happens.
    std::chrono::nanoseconds next_slice = first_slice;
    auto next_question = clock::now();
    while (!stop.stop_requested()) {
      const auto now = clock::now();
      const bool ask_for_state = now >= next_question;
      if (ask_for_state) next_question = now + slice;
      bool polling = false;
      const auto sleeps = look(ask_for_state, polling);
      if (stop.stop_requested()) return; // the interruption may have come before look() prepared for it
      const auto until =
          now + (polling ? std::min<std::chrono::nanoseconds>(poll_pause, next_slice) : next_slice);
      const bool woken = detail::platform::sleep_on(sleeps, until);
      next_slice = woken ? first_slice : slice;
      if (woken) next_question = now; // perhaps by the publisher's going
    }
  }
};

Notifier::Notifier() : impl_{std::make_unique<Impl>()} {
  std::error_code error;
  impl_->signal = detail::platform::Signal::make(error);
  if (error) throw std::system_error{error, "seqcast: no descriptor for a Notifier"};
}

Notifier::Notifier(Notifier&&) noexcept = default;
Notifier& Notifier::operator=(Notifier&&) noexcept = default;
Notifier::~Notifier() = default;

int Notifier::descriptor() const noexcept {
  return impl_->signal.id();
}

void Notifier::add(SubscriberBase& subscriber) {
  {
    const std::lock_guard guard{impl_->mutex};
    auto region = subscriber.region_.share();
    auto ring = Impl::ring_of(region, subscriber.cursor());
    impl_->watches.push_back({&subscriber, std::move(region), ring});
  }
  if (!impl_->thread.joinable()) {
    impl_->thread = std::jthread{[impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); }};
  }
  impl_->interrupt();
}

void Notifier::remove(SubscriberBase& subscriber) noexcept {
  {
    const std::lock_guard guard{impl_->mutex};
    for (Impl::Watch& watch : impl_->watches) {
      if (watch.subscriber == &subscriber) watch.subscriber = nullptr;
    }
  }
  impl_->interrupt();
}

void Notifier::arm() {
  {
    const std::lock_guard guard{impl_->mutex};
    impl_->signal.clear();
    for (Impl::Watch& watch : impl_->watches) {
      if (watch.subscriber == nullptr) continue;
      SubscriberBase& subscriber = *watch.subscriber;
      if (subscriber.region_.words() != watch.region.words()) { // reopened
        impl_->left.push_back(std::exchange(watch.region, subscriber.region_.share()));
        watch.told = {State::live, 0};
        watch.truncated = false;
        watch.asked = {nullptr, 0};
      }
      watch.ring = Impl::ring_of(watch.region, subscriber.cursor());
      // A corrupt region always has "something to read".
      watch.armed = subscriber.error() != Errc::corrupt;
    }
  }
  impl_->interrupt();
}

} // namespace seqcast::inline v1
