// SPDX-License-Identifier: BSL-1.0
//
// notifier: a file descriptor for event loops (epoll, poll, asio, libuv) that becomes readable when there is
// something to read on any of a number of channels. One helper thread sleeps for all of them; it starts with
// the first add() and ends with the object.
//
//     seqcast::Notifier notifier;
//     notifier.add(quotes);
//     ... add notifier.descriptor() to the loop, for reading; when it is readable:
//     while (auto quote = quotes.next()) handle(quote->message);
//     notifier.arm();
//
// Who may call it: the thread that uses the subscribers added to it; not in a forked child.
//
// Invariants
//   1. The descriptor is readable at some time after each message that came after the last arm(), and stays so
//      until the next arm().
//   2. The helper thread touches no subscriber, only mappings that it shares with them.
#pragma once

#include <seqcast/subscriber.hpp>

#include <memory>

namespace seqcast::inline v1 {

/// A descriptor for one event loop, and what it watches. Movable; a moved-from object may only be assigned or
/// destroyed.
class Notifier {
 public:
  /// Watches nothing yet. Errors: throws std::system_error with the system's code if there is no descriptor to
  /// be had.
  Notifier();
  /// Takes over the descriptor, and what is watched.
  Notifier(Notifier&&) noexcept;
  /// The same.
  Notifier& operator=(Notifier&&) noexcept;
  /// Ends the helper thread and closes the descriptor.
  ~Notifier();

  /// To be waited on for reading, and for nothing else; it belongs to this object. On Windows it is the number
  /// of an event's HANDLE, for WaitForMultipleObjects().
  int descriptor() const noexcept;

  /// Watches one more channel, at once: what its subscriber has not read yet makes the descriptor readable.
  /// The helper thread sleeps on as many as wait_any() can, and looks every millisecond where it cannot.
  /// Requires: the subscriber neither moves nor ends before it is removed, or this object ends.
  /// Errors: throws std::system_error if the helper thread cannot be started.
  void add(SubscriberBase& subscriber);
  /// Watches it no longer.
  void remove(SubscriberBase& subscriber) noexcept;

  /// To be called when the subscribers have been drained: makes the descriptor unreadable, until there is
  /// something that they have not read, or until something has become of a publisher; wait_for() with no
  /// timeout tells what.
  void arm();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace seqcast::inline v1
