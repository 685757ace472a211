// SPDX-License-Identifier: BSL-1.0
//
// subscriber: those who receive. Subscriber<T> receives messages of one type, ByteSubscriber messages of any
// size.
//
// Who may call it: one thread at a time per object; any number of objects per channel, in any processes that
// may read the file. A subscriber maps the channel read-only and cannot disturb its publisher or other
// subscribers.
//
// Invariants
//   1. What next() and latest() give is byte for byte one published message, or nothing.
//   2. Sequences from next() strictly increase, and sequence == previous + 1 + lost, until reopen().
//   3. latest() never gives an older message than this subscriber has already had.
//   4. No call waits for the publisher, but wait_for() and wait_until(), which are bounded.
#pragma once

#include <seqcast/detail/region.hpp>
#include <seqcast/detail/ring_subscriber.hpp>
#include <seqcast/error.hpp>
#include <seqcast/in_place.hpp>
#include <seqcast/message.hpp>
#include <seqcast/options.hpp>

#include <bit>
#include <initializer_list>
#include <memory>
#include <stop_token>

#ifndef __cpp_lib_jthread
#error "seqcast needs std::stop_token, which libc++ before version 20 has with -fexperimental-library only"
#endif

namespace seqcast::inline v1 {

class Notifier;

namespace detail {

class Waiting;

/// The time `timeout` from now, or the end of time.
inline std::chrono::steady_clock::time_point after(std::chrono::nanoseconds timeout) noexcept {
  const auto now = std::chrono::steady_clock::now();
  const auto most = (std::chrono::steady_clock::time_point::max)() - now;
  return timeout < most ? now + timeout : (std::chrono::steady_clock::time_point::max)();
}

} // namespace detail

/// What both kinds of subscriber have in common. Movable; a moved-from object may only be assigned or
/// destroyed.
class SubscriberBase {
 public:
  /// Takes over the channel and the place in it.
  SubscriberBase(SubscriberBase&&) noexcept = default;
  /// The same.
  SubscriberBase& operator=(SubscriberBase&&) noexcept = default;

  /// Why the last next() or latest() gave nothing; no error if there was simply nothing new.
  /// Errc::overrun: call again. Errc::corrupt, Errc::wrong_size, Errc::buffer_too_small, Errc::truncated: see
  /// there.
  std::error_code error() const noexcept;

  /// Messages complete and not yet read by next(), those that are overwritten already among them: from
  /// capacity() on some are lost. Exact while the publisher is idle.
  std::uint64_t lag() const noexcept {
    return ring_.newest() - ring_.cursor();
  }

  /// The last sequence delivered, or passed by latest(); what next() goes on from.
  std::uint64_t cursor() const noexcept {
    return ring_.cursor();
  }

  /// Whether some process has the channel open for publishing, at this moment. Asks the operating system.
  bool publisher_alive() const noexcept {
    return region_.publisher_alive();
  }
  /// What has become of the publisher and of the region. Asks the operating system.
  State state() const noexcept {
    return region_.state();
  }
  /// The time in office of the present publisher, or of the last; {0, 0} if it changed at each of a few looks.
  Epoch epoch() const noexcept {
    return region_.epoch();
  }

  /// Waits until next() has something to say, until something has become of the publisher, or for `timeout` at
  /// most. A state is told once per change, so a loop of draining and waiting never spins. The timeout is of
  /// the steady clock; signals do not shorten or lengthen it. Progress: blocks, in slices of at most 100 ms,
  /// after each of which the publisher's state is looked at; a lost or hostile bell, or a publisher that was
  /// killed, costs one slice.
  Wait wait_for(std::chrono::nanoseconds timeout) {
    return wait_until(detail::after(timeout));
  }
  /// The same, and gives Wait::stopped when the token asks for it.
  Wait wait_for(std::chrono::nanoseconds timeout, const std::stop_token& stop) {
    return wait_until(detail::after(timeout), stop);
  }
  /// The same, until a point in time.
  Wait wait_until(std::chrono::steady_clock::time_point deadline) {
    return wait_until(deadline, std::stop_token{});
  }
  /// The same.
  Wait wait_until(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop);

  /// How this subscriber is woken when it sleeps. Asks the operating system.
  Wakeup wakeup();

  /// Attaches to the region that is behind the name now, from its oldest message on; true if that is another
  /// one than before. Sequences then start afresh. Errors: as for opening; this subscriber stays where it was.
  bool reopen();
  /// The same without exceptions: false, and the reason in `error`, which is empty if nothing has changed.
  bool reopen(std::error_code& error);

  /// Slots. A subscriber may fall this many messages behind, less one, before it loses any.
  std::uint64_t capacity() const noexcept {
    return ring_.geometry().capacity;
  }
  /// Bytes; a buffer of this size takes every message.
  std::uint32_t max_message_size() const noexcept {
    return ring_.geometry().max_message_size;
  }
  /// Whether messages carry their publish time.
  bool timestamps() const noexcept {
    return ring_.geometry().timestamps;
  }
  /// As it was given when this was opened.
  const Location& location() const noexcept {
    return region_.location();
  }

 protected:
  /// Errors: throws std::system_error.
  SubscriberBase(const Location& location, const SubscriberOptions& options, const detail::Wanted& wanted);
  static std::optional<detail::SubscriberRegion> open_or_tell(const Location& location,
                                                              const SubscriberOptions& options,
                                                              const detail::Wanted& wanted,
                                                              std::error_code& error);
  SubscriberBase(detail::SubscriberRegion region, const SubscriberOptions& options,
                 const detail::Wanted& wanted);
  ~SubscriberBase() = default;

  template <class Into>
  detail::Taken take_next(const Into& into) noexcept {
    return remember(ring_.next(into));
  }
  template <class Into>
  detail::Taken take_latest(const Into& into) noexcept {
    return remember(ring_.latest(into));
  }
  template <class InPlace>
  detail::Taken take_view(const InPlace& in_place) noexcept {
    return remember(ring_.view(in_place));
  }
  detail::RingSubscriber<detail::HardwareAtomics>& ring() noexcept {
    return ring_;
  }
  static Delivery delivery(const detail::Taken& taken) noexcept {
    return {taken.sequence, taken.lost, taken.time_ns};
  }

  std::span<std::byte> buffer() noexcept {
    return {buffer_.get(), buffer_ ? max_message_size() : 0};
  }
  std::uint32_t needed_size_ = 0; // of the message that did not fit

 private:
  detail::Taken remember(const detail::Taken& taken) noexcept {
    outcome_ = taken.outcome;
    return taken;
  }

  friend class detail::Waiting;
  friend class Notifier;

  void attach(Start start);
  bool ready() const noexcept;
  /// What has become of the publisher since the last wait that told; Wait::message if messages came before
  /// that.
  std::optional<Wait> look_around();
  std::optional<Wait> changed_state();
  /// Attaches to the channel that has taken this one's place, if there is one and this one is drained.
  bool move_on();

  detail::SubscriberRegion region_;
  SubscriberOptions options_;
  detail::Wanted wanted_;
  detail::RingSubscriber<detail::HardwareAtomics> ring_;
  detail::DoorbellSubscriber<detail::HardwareAtomics> doorbell_; // as look_around() found it
  std::unique_ptr<std::byte[]> buffer_; // of a ByteSubscriber: as long as the longest message
  detail::Outcome outcome_ = detail::Outcome::nothing;
  std::pair<State, std::uint64_t> told_{State::live, 0}; // what a wait has told last, and of which epoch
  bool told_truncation_ = false;
};

/// Which subscriber a wait ended for, and why; null with Wait::timeout and Wait::stopped.
struct WaitedFor {
  SubscriberBase* subscriber = nullptr; ///< One of those that were given, or null.
  Wait reason = Wait::timeout;          ///< As wait_for() would have given it.
};

/// Waits for several channels at once, in one thread, as SubscriberBase::wait_for() does for one. Of several
/// that are ready the first in order is given. Progress: as there. The kernel sleeps on up to 127 channels at
/// once since Linux 5.16; on more, or before, and where a subscriber has no bell, it is woken every
/// millisecond.
WaitedFor wait_any(std::span<SubscriberBase* const> subscribers, std::chrono::nanoseconds timeout,
                   const std::stop_token& stop = {});
/// The same: `wait_any({&quotes, &trades}, 100ms)`.
inline WaitedFor wait_any(std::initializer_list<SubscriberBase*> subscribers, std::chrono::nanoseconds timeout,
                          const std::stop_token& stop = {}) {
  return wait_any(std::span<SubscriberBase* const>{subscribers.begin(), subscribers.size()}, timeout, stop);
}

/// Receives messages of type T.
template <Message T>
class Subscriber : public SubscriberBase {
 public:
  /// Opens the channel for reading.
  /// Errors: throws std::system_error with an Errc (no_channel, wrong_identity, not_a_channel ...) or the
  /// system's own code. Progress: blocks for system calls, and up to options.open_timeout where there is no
  /// channel yet.
  explicit Subscriber(const Location& location, const SubscriberOptions& options = {})
      : SubscriberBase{location, options, wanted()} {}

  /// The same without exceptions: nothing, and the reason in `error`. Errc::no_channel is a normal state.
  static std::optional<Subscriber> open(const Location& location, const SubscriberOptions& options,
                                        std::error_code& error) {
    auto region = open_or_tell(location, options, wanted(), error);
    if (!region) return std::nullopt;
    return Subscriber{std::move(*region), options};
  }

  /// The next message in order, with the number lost before it; nothing if there is none, or for error()'s
  /// reason. Progress: lock-free and bounded: at most two attempts, one copy each. Memory ordering: what the
  /// publisher did before publishing the message has happened before.
  std::optional<Received<T>> next() noexcept {
    Bytes bytes = blank();
    return received(take_next(into(bytes.data())), bytes);
  }

  /// The newest complete message, received before or not; next() goes on after it. What it passes over was
  /// skipped by choice and does not count as lost: `lost` is 0.
  /// Progress: lock-free and bounded: at most four attempts, two copies each.
  std::optional<Received<T>> latest() noexcept {
    Bytes bytes = blank();
    return received(take_latest(into(bytes.data())), bytes);
  }

  /// The same without a second copy, for large T. `message` is unspecified unless something is given.
  std::optional<Delivery> next(T& message) noexcept {
    return delivered(take_next(into(&message)));
  }
  /// The same without a second copy, for large T.
  std::optional<Delivery> latest(T& message) noexcept {
    return delivered(take_latest(into(&message)));
  }

  /// The next message where it lies, without a copy; unread until View::intact() has said true (in_place.hpp).
  /// Progress: as for next(), but for the copy.
  std::optional<View<T>> view() noexcept {
    const detail::Taken viewed = take_view(detail::ExactInPlace{sizeof(T)});
    if (viewed.outcome != detail::Outcome::message) return std::nullopt;
    return View<T>{ring(), viewed};
  }

 private:
  using Bytes = std::array<std::byte, sizeof(T)>;

  Subscriber(detail::SubscriberRegion region, const SubscriberOptions& options)
      : SubscriberBase{std::move(region), options, wanted()} {}

  // Of a small message compilers cannot tell that it is used only where it was filled, and warn.
  static Bytes blank() noexcept {
    Bytes bytes;
    if constexpr (sizeof(T) <= detail::cache_line) bytes = {};
    return bytes;
  }
  static auto into(void* message) noexcept {
    using Size = std::integral_constant<std::uint32_t, sizeof(T)>;
    return detail::ExactInto<Size>{static_cast<std::byte*>(message), {}};
  }
  static std::optional<Received<T>> received(const detail::Taken& taken, const Bytes& bytes) noexcept {
    if (taken.outcome != detail::Outcome::message) return std::nullopt;
    return Received<T>{delivery(taken), std::bit_cast<T>(bytes)};
  }
  static std::optional<Delivery> delivered(const detail::Taken& taken) noexcept {
    if (taken.outcome != detail::Outcome::message) return std::nullopt;
    return delivery(taken);
  }

  static detail::Wanted wanted() noexcept {
    static_assert(sizeof(T) <= detail::largest_message_size && alignof(T) <= detail::largest_alignment);
    return {.message_size = static_cast<std::uint32_t>(sizeof(T)),
            .message_alignment = static_cast<std::uint32_t>(alignof(T)),
            .schema_tag = schema<T>::tag,
            .schema_name = schema<T>::name};
  }
};

/// Receives messages of any size, from any channel, typed ones included.
class ByteSubscriber : public SubscriberBase {
 public:
  /// As for Subscriber.
  explicit ByteSubscriber(const Location& location, const SubscriberOptions& options = {})
      : SubscriberBase{location, options, {}} {}

  /// As for Subscriber.
  static std::optional<ByteSubscriber> open(const Location& location, const SubscriberOptions& options,
                                            std::error_code& error) {
    auto region = open_or_tell(location, options, {}, error);
    if (!region) return std::nullopt;
    return ByteSubscriber{std::move(*region), options};
  }

  /// As Subscriber::next(). The message lies in this subscriber's own buffer, until its next call.
  std::optional<ReceivedBytes> next() noexcept {
    return next(buffer());
  }
  /// As Subscriber::latest(). The message lies in this subscriber's own buffer, until its next call.
  std::optional<ReceivedBytes> latest() noexcept {
    return latest(buffer());
  }

  /// The same into the caller's buffer, whose content is unspecified unless a message is given.
  /// Errors: a message longer than the buffer is not read, error() is Errc::buffer_too_small and needed_size()
  /// tells its size; it can be read with a larger buffer until it is overwritten.
  std::optional<ReceivedBytes> next(std::span<std::byte> buffer) noexcept {
    return received(take_next(detail::BoundedInto{buffer.data(), buffer.size()}), buffer);
  }
  /// The same for latest().
  std::optional<ReceivedBytes> latest(std::span<std::byte> buffer) noexcept {
    return received(take_latest(detail::BoundedInto{buffer.data(), buffer.size()}), buffer);
  }

  /// As Subscriber::view().
  std::optional<ByteView> view() noexcept {
    const detail::Taken viewed = take_view(detail::AnyInPlace{});
    if (viewed.outcome != detail::Outcome::message) return std::nullopt;
    return ByteView{ring(), viewed};
  }

  /// Bytes of the last message that did not fit into a buffer.
  std::uint32_t needed_size() const noexcept {
    return needed_size_;
  }

 private:
  ByteSubscriber(detail::SubscriberRegion region, const SubscriberOptions& options)
      : SubscriberBase{std::move(region), options, {}} {}

  std::optional<ReceivedBytes> received(const detail::Taken& taken, std::span<std::byte> buffer) noexcept {
    if (taken.outcome == detail::Outcome::buffer_too_small) needed_size_ = taken.size;
    if (taken.outcome != detail::Outcome::message) return std::nullopt;
    return ReceivedBytes{delivery(taken), buffer.first(taken.size)};
  }
};

} // namespace seqcast::inline v1
