// SPDX-License-Identifier: BSL-1.0
//
// waiting: one loop for all that wait: wait_for() on one subscriber, wait_any() on many, and the helper thread
// of a PollDescriptor. What is watched, and what has been reported of it, is a Watch.
//
// Who may call it: one thread at a time per object.
#pragma once

#include "reliable.hpp"

#include <seqcast/subscriber.hpp>

#include <vector>

namespace seqcast::inline v1::detail {

/// One channel that is waited on: how to sleep on it, and what waits have reported of it.
struct Watch {
  std::shared_ptr<const SubscriberRegion> region{};
  DoorbellSubscriber<HardwarePolicy> doorbell{}; // not present where it has to be polled
  platform::WaitWord word_before{};              // the doorbell's, when the state was last checked
  std::pair<ChannelState, std::uint64_t> last_reported{ChannelState::live, 0}; // and of which epoch
  bool truncation_reported = false;
  bool silent = false;          // nobody publishes into the region any more
  std::optional<Bell> bell{};   // none, or an empty one, if there is none that this process may write to
  std::uint64_t bell_epoch = 0; // in which it was looked for; only a new publisher makes another

  /// Finds out how to sleep. Opens the bell again where it is missing or has been replaced. The bell belongs to
  /// the name: a region that has lost its name keeps the bell that it has, while its publisher lives.
  void find_doorbell();
  /// What has become of the publisher since the last report.
  std::optional<WaitResult> changed_state() noexcept;
};

/// What a subscriber keeps beside its ring.
struct SubscriberState {
  Watch watch;
  ReadableRange range; // when the region was opened
  SubscriberOptions options;
  ExpectedIdentity expected;
  std::unique_ptr<std::byte[]> buffer; // for messages of any size
  bool reopened;                       // since the last wait began
  ReliableEntry entry;                 // after the region, which it uses: it ends first
  RingSubscriber<HardwarePolicy> ring; // as it begins
};

class Waiter {
 public:
  using Ring = RingSubscriber<HardwarePolicy>;

  /// What is waited for.
  struct Entry {
    Watch* watch;
    Ring* ring;                // null if the region is corrupt: there is nothing more to read
    AnySubscriber* subscriber; // one that moves on to a successor of its region (follow); null if none does
    WaitStrategy strategy = WaitStrategy::sleep;
    bool ends_at_gap = false; // otherwise gaps are passed over, and are nothing to read
  };
  struct Result {
    const Entry* entry = nullptr; // null with timeout and stopped
    WaitResult reason = WaitResult::timeout;
  };

  static Entry entry_of(AnySubscriber& subscriber) noexcept;

  /// Waits for the first of the entries, in their order, until the deadline, or until the token asks to stop.
  Waiter(std::span<const Entry> entries, std::chrono::steady_clock::time_point deadline,
         const std::stop_token& stop);
  /// Waits until `interruption` is raised after it had the value `calm`; that, too, is WaitResult::stopped.
  Waiter(std::span<const Entry> entries, Interruption& interruption, std::uint32_t calm);
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  Result run();

 private:
  using clock = std::chrono::steady_clock;

  bool uses(WaitStrategy strategy) const noexcept;
  static bool ready(const Entry& entry) noexcept;
  Result poll() const noexcept;
  Result check_states();
  static std::optional<WaitResult> check_state(const Entry& entry);
  Result sleep(clock::time_point now);
  bool interrupted() const noexcept;

  platform::NoCancellation cancellation_{};
  std::span<const Entry> entries_;
  clock::time_point deadline_;
  std::stop_token stop_{};
  Interruption own_{};
  Interruption* interruption_; // null if no other thread can end a sleep
  std::uint32_t calm_;
  clock::time_point next_check_ = clock::now();
  bool has_slept_ = false;
  std::chrono::nanoseconds pause_{20'000};
  std::vector<platform::WaitWord> words_{};
};

} // namespace seqcast::inline v1::detail
