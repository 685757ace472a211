// SPDX-License-Identifier: BSL-1.0
//
// poll_descriptor: a file descriptor for event loops (epoll, poll, asio, libuv) that is readable when there is
// something to read on any of a number of channels. One helper thread sleeps for all of them; it starts with
// the first arm() and ends with the object.
//
//     seqcast::PollDescriptor ready;
//     ... add ready.native_handle() to the loop, for reading, and then:
//     ready.arm({&quotes, &trades});
//     ... when it is readable:
//     while (auto quote = quotes.next()) handle(quote->message);
//     while (auto trade = trades.next()) handle(trade->message);
//     ready.arm({&quotes, &trades});
//
// Who may call it: the thread that uses the subscribers; not in a forked child.
//
// Invariants
//   1. The descriptor becomes readable after each message that the subscribers had not read at the last arm(),
//      and stays so until the next arm(). For a reliable subscriber gaps make it readable too.
//   2. No address of a subscriber is kept: between two arms they may be used, moved, reopened and destroyed.
//      The helper thread reads mappings that it shares with them.
#pragma once

#include <seqcast/subscriber.hpp>

#include <initializer_list>
#include <span>

namespace seqcast::inline v1 {

/// A descriptor for one event loop, and what it watches. A moved-from object may only be assigned or destroyed.
class PollDescriptor {
 public:
#if defined(_WIN32)
  /// The HANDLE of an event, for WaitForMultipleObjects().
  using NativeHandle = void*;
#else
  /// A file descriptor, for poll() and the like.
  using NativeHandle = int;
#endif

  /// Watches nothing yet. Errors: throws std::system_error with the system's code if no descriptor
  /// is available.
  PollDescriptor();
  /// Takes over the descriptor, and what is watched.
  PollDescriptor(PollDescriptor&&) noexcept;
  /// Takes over the descriptor, and what is watched; what this one watched is watched no longer.
  PollDescriptor& operator=(PollDescriptor&&) noexcept;
  /// Ends the helper thread and closes the descriptor.
  ~PollDescriptor();

  /// To be polled for reading, and for nothing else; it belongs to this object.
  NativeHandle native_handle() const noexcept;

  /// Watches these subscribers, and no others, from here on: makes the descriptor unreadable until there is
  /// something that they have not read, or until something has become of a publisher, which wait_for() with no
  /// timeout reports. To be called once they have been drained. The helper thread sleeps on as many as
  /// wait_any() can, and polls every millisecond where it cannot. Errors: throws std::system_error if the
  /// helper thread cannot be started, or std::bad_alloc; what was watched before is watched on.
  void arm(std::span<AnySubscriber* const> subscribers);
  /// Watches several: `arm({&quotes, &trades})`.
  void arm(std::initializer_list<AnySubscriber*> subscribers) {
    arm(std::span<AnySubscriber* const>{subscribers.begin(), subscribers.size()});
  }
  /// Watches one.
  void arm(AnySubscriber& subscriber) {
    arm({&subscriber});
  }

 private:
  struct Impl;
  detail::Owner<Impl> impl_;
};

} // namespace seqcast::inline v1
