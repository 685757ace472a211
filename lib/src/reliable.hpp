// SPDX-License-Identifier: BSL-1.0
//
// reliable: what needs the operating system of reliable subscribers: a subscriber's entry of the bell, with the lock
// that shows that its process lives, and the publisher's wait. The protocol is in detail/reliable.hpp.
//
// Who may call it: one thread at a time per object.
#pragma once

#include "bell.hpp"
#include "subscriber_region.hpp"

#include <seqcast/inspect.hpp>

namespace seqcast::inline v1::detail {

/// An entry of the bell that belongs to this process until it ends, or to nobody: then the subscriber is a
/// best-effort one. In a forked child it is private memory.
class ReliableEntry {
 public:
  ReliableEntry() noexcept = default;
  /// Takes a free entry of the region's bell, and waits for the bell for `timeout`, where there is none yet.
  /// Errors: throws Failure: not_reliable, no_entry, the system's.
  ReliableEntry(const SubscriberRegion& region, std::chrono::nanoseconds timeout);
  ReliableEntry(ReliableEntry&&) noexcept = default;
  ReliableEntry& operator=(ReliableEntry&& other) noexcept;
  /// Ends the registration.
  ~ReliableEntry();

  explicit operator bool() const noexcept {
    return static_cast<bool>(lock_);
  }
  /// Whether its bell is that of the region, as its publisher polls it.
  bool is_polled() const noexcept {
    return number_of_bell(bell_.words()) == polled_number(region_->words);
  }
  /// Whether a forked child has it from its parent.
  bool inherited() const noexcept {
    return lock_.inherited();
  }
  /// The protocol's side of it. Requires: it is one.
  ReliableSubscriber<HardwarePolicy> subscriber() const noexcept;

 private:
  const SubscriberRegion* region_ = nullptr;
  Bell bell_{}; // mapped once more: in a forked child this mapping is private, and sleepers need theirs
  platform::LockFile lock_{};
  std::size_t index_ = 0;
};

/// The subscribers that are registered in the bell of a region, in the order of their entries; none if there is
/// no bell that this user may read. `head`: for their lags. The bell is read, not mapped: nobody can truncate
/// it under this.
std::vector<ReliableSubscription> reliable_subscriptions(const SubscriberRegion& region, std::uint64_t head);

/// The publisher's side.
class ReliableWait {
 public:
  /// For a region with an announced number, whose bell is `bell`. Errors: throws Failure.
  ReliableWait(const Mapping& region, const Bell& bell, std::uint64_t capacity, std::chrono::nanoseconds most);

  /// Waits until the messages after `head` up to `last` may be published; gives the last one that may be.
  std::uint64_t wait_for_room(std::uint64_t head, std::uint64_t last) noexcept;
  /// Whether they may be published at once; `limit` is the last one that may be.
  bool has_room(std::uint64_t head, std::uint64_t last, std::uint64_t& limit) noexcept;
  /// Those that are waited for.
  std::size_t count() const noexcept;

 private:
  platform::Handle bell_; // for questions about locks
  ReliablePublisher<HardwarePolicy> publisher_;
  std::chrono::nanoseconds most_;
};

} // namespace seqcast::inline v1::detail
