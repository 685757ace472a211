// SPDX-License-Identifier: BSL-1.0
#include <seqcast/poll_descriptor.hpp>

#include "waiting.hpp"

#include <algorithm>
#include <mutex>

namespace seqcast::inline v1 {

using namespace detail;

struct PollDescriptor::Impl {
  /// One channel, as the helper thread watches it.
  struct Watched {
    Watch watch;
    Waiter::Ring ring; // its cursor is the subscriber's at the last arm(), or behind gaps
  };

  platform::Event event;
  Interruption interruption; // raised after each change of what follows
  std::mutex mutex;          // guards what follows
  std::vector<Watched> armed;
  std::vector<Waiter::Entry> entries; // of these
  std::uint64_t arms = 0;             // so far
  bool ended = false;
  std::thread thread;

  ~Impl() {
    if (!thread.joinable()) return;
    {
      const std::lock_guard guard{mutex};
      ended = true;
    }
    interrupt();
    thread.join();
  }

  void interrupt() noexcept {
    interruption.raise();
    platform::wake_all(low_half(interruption.word()));
  }

  void start() {
    try {
      thread = platform::start_without_signals([this] { run(); });
    } catch (const std::system_error& failure) {
      fail(failure.code(), "cannot start the helper thread of a PollDescriptor");
    }
  }

  void run() {
    // Of this thread alone, so that a region is unmapped only when the thread does not sleep on its words.
    std::vector<Watched> watched;
    std::vector<Waiter::Entry> waited_for;
    std::uint64_t seen = 0;
    for (;;) {
      const std::uint32_t calm = interruption.prepare();
      {
        const std::lock_guard guard{mutex};
        if (ended) return;
        if (std::exchange(seen, arms) != arms) {
          keep_reports(watched, armed);
          watched.swap(armed);
          waited_for.swap(entries);
        }
      }
      const Waiter::Entry* const found = wait(waited_for, calm);
      if (found == nullptr) continue;
      const std::lock_guard guard{mutex};
      if (arms == seen) {
        event.set();
        waited_for
            .clear(); // it stays readable until the next arm(); what happens until then is not reported yet
      } else {        // the descriptor was made unreadable meanwhile: this has to be reported once more
        found->watch->last_reported = {ChannelState::live, 0};
        found->watch->truncation_reported = false;
      }
    }
  }

  /// Null after an interruption.
  const Waiter::Entry* wait(std::span<const Waiter::Entry> waited_for, std::uint32_t calm) noexcept {
    try {
      return Waiter{waited_for, interruption, calm}.run().entry;
    } catch (const std::bad_alloc&) {
      platform::wait_on_words({}, platform::clock::now() + std::chrono::milliseconds{1});
      return nullptr;
    }
  }

  /// A change of state is reported once, however often a subscriber is armed.
  static void keep_reports(std::vector<Watched>& from, std::vector<Watched>& to) noexcept {
    for (Watched& next : to) {
      for (Watched& before : from) {
        if (before.watch.region == next.watch.region) next.watch = std::move(before.watch);
      }
    }
  }
};

PollDescriptor::PollDescriptor() : impl_{new Impl} {
  std::error_code error;
  impl_->event = platform::Event::make(error);
  if (error) fail(error, "cannot make a PollDescriptor");
}

PollDescriptor::PollDescriptor(PollDescriptor&&) noexcept = default;
PollDescriptor& PollDescriptor::operator=(PollDescriptor&&) noexcept = default;
PollDescriptor::~PollDescriptor() = default;

PollDescriptor::NativeHandle PollDescriptor::native_handle() const noexcept {
  return impl_->event.id();
}

void PollDescriptor::arm(std::span<AnySubscriber* const> subscribers) {
  std::vector<Impl::Watched> next;
  std::vector<Waiter::Entry> entries;
  next.reserve(subscribers.size());
  entries.reserve(subscribers.size());
  for (AnySubscriber* const subscriber : subscribers) {
    subscriber->ring_.report(); // the publisher may wait for it
    // A corrupt region always has "something to read".
    if (subscriber->error() == Errc::corrupt) continue;
    const std::shared_ptr<const SubscriberRegion>& region = subscriber->state_->watch.region;
    const auto same = [&](const Impl::Watched& other) { return other.watch.region == region; };
    if (std::any_of(next.begin(), next.end(), same)) continue; // the same one twice
    next.push_back({{.region = region}, subscriber->ring_});
    // Only the subscriber itself can report that it has passed over gaps.
    entries.push_back(
        {&next.back().watch, &next.back().ring, nullptr, WaitStrategy::sleep, subscriber->reliable()});
  }
  {
    const std::lock_guard guard{impl_->mutex};
    impl_->armed.swap(next);
    impl_->entries.swap(entries);
    ++impl_->arms;
    impl_->event.clear();
  }
  if (impl_->thread.joinable()) {
    impl_->interrupt();
    return;
  }
  try {
    impl_->start();
  } catch (...) {
    impl_->armed.clear(); // as before
    impl_->entries.clear();
    throw;
  }
}

} // namespace seqcast::inline v1
