// SPDX-License-Identifier: BSL-1.0
//
// subscriber: those who receive. Subscriber<T> receives messages of one type, ByteSubscriber messages of any
// size. A View is a message that is read in place, without a copy.
//
//     seqcast::Subscriber<Quote> quotes{seqcast::shared_memory("quotes"), {.open_timeout = 10s}};
//     for (const auto& quote : quotes.messages()) use(quote.message);
//
// Who may call it: one thread at a time per object; any number of objects per channel, in any processes
// that may read the file. A subscriber maps the channel read-only and cannot disturb its publisher or
// other subscribers.
//
// Invariants
//   1. What next() and latest() give is byte for byte one published message, or nothing.
//   2. Sequences from next() strictly increase, and sequence == previous + 1 + lost, until reopen() or seek().
//   3. latest() never gives an older message than this subscriber has already had, until reopen() or seek().
//   4. Only next_for(), messages(), wait_for() and wait_until() block. In a channel with copy_behind next() may
//      poll a message that is being written, a bounded number of times.
#pragma once

#include <seqcast/detail/region.hpp>
#include <seqcast/detail/ring.hpp>
#include <seqcast/error.hpp>
#include <seqcast/message.hpp>
#include <seqcast/options.hpp>
#include <seqcast/schema.hpp>

#include <initializer_list>
#include <stop_token>
#include <utility>

#ifndef __cpp_lib_jthread
#error "seqcast needs std::stop_token, which libc++ before version 20 has with -fexperimental-library only"
#endif

namespace seqcast::inline v1 {

namespace detail {

/// The time `timeout` from now, or the end of time.
std::chrono::steady_clock::time_point deadline_after(std::chrono::nanoseconds timeout) noexcept;

} // namespace detail

template <class AnyKind>
class MessageRange;

/// What both kinds of subscriber have in common. A moved-from subscriber may only be assigned or destroyed.
class AnySubscriber {
 public:
  AnySubscriber(const AnySubscriber&) = delete;
  AnySubscriber& operator=(const AnySubscriber&) = delete;

  /// Why the last next(), latest() or view gave nothing; no error if there was simply nothing new.
  /// Errc::overrun, and Errc::demoted, given once: call again. Errc::corrupt, Errc::wrong_size,
  /// Errc::buffer_too_small, Errc::truncated: see there.
  std::error_code error() const noexcept;

  /// Messages complete and not yet read by next(), including gaps, and those that are overwritten already: from
  /// capacity() on some are lost. Exact while the publisher is idle.
  std::uint64_t lag() const noexcept {
    return ring_.newest() - ring_.cursor();
  }

  /// The last sequence delivered, or passed over by latest() or as a gap; next() goes on after it.
  std::uint64_t cursor() const noexcept {
    return ring_.cursor();
  }

  /// Has next() go on with message `sequence`; with the oldest that is still there if it is older, and with the
  /// next one to come if it is newer. What lies before counts as lost. Gives the sequence that next() asks for.
  std::uint64_t seek(std::uint64_t sequence) noexcept {
    return ring_.seek(sequence);
  }

  /// Whether some process has the channel open for publishing, at this moment. Asks the operating system.
  bool publisher_alive() const noexcept;
  /// What has become of the publisher and of the region. Asks the operating system.
  ChannelState state() const noexcept;
  /// The tenure of the present publisher, or of the last; nothing if publishers came during each of a
  /// few attempts.
  std::optional<Epoch> epoch() const noexcept;

  /// Waits until next() has something to report, until something has become of the publisher, or for `timeout`
  /// at most. A state is reported once per change, so a loop of draining and waiting never spins. The timeout
  /// is of the steady clock; signals do not shorten or lengthen it. For no limit pass nanoseconds::max(): a longer
  /// time, such as hours::max(), overflows before it gets here. Progress: blocks, in slices of at most 100 ms, after
  /// each of which the publisher's state is checked; a lost or hostile bell, or a publisher that was killed, costs
  /// one slice.
  WaitResult wait_for(std::chrono::nanoseconds timeout, const std::stop_token& stop = {}) {
    return wait_until(detail::deadline_after(timeout), stop);
  }
  /// Waits until a point in time. Gives WaitResult::stopped when the token asks for it.
  WaitResult wait_until(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop = {});

  /// Why the last wait ended, that of next_for() and of messages() too. With WaitResult::message they gave a
  /// message, or error() says why not.
  WaitResult wait_result() const noexcept {
    return wait_result_;
  }

  /// How this subscriber is woken when it sleeps. Asks the operating system.
  Wakeup wakeup();

  /// Attaches to the region that is behind the name now, from its oldest message on; true if that is another
  /// one than before. Sequences then start afresh. Errors: throws std::system_error, as for opening; this
  /// subscriber stays where it was.
  bool reopen();
  /// Without exceptions: false, and the reason in `error`, which is empty if nothing has changed.
  bool reopen(Error& error);

  /// Whether the publisher waits for this subscriber: SubscriberOptions::reliable, and no call has reported a
  /// demotion since.
  bool reliable() const noexcept {
    return ring_.registered();
  }
  /// Has the publisher wait for this subscriber, again after a demotion: nothing is lost of what is published from
  /// now on. Errors: throws std::system_error, as for opening with SubscriberOptions::reliable; it goes on by best
  /// effort then.
  void register_reliable();
  /// Without exceptions: false, and the reason in `error`.
  bool register_reliable(Error& error);

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
  const Location& location() const noexcept;
  /// The channel's description of its messages; Schema::empty() if it has none. After reopen() that of the
  /// new region.
  Schema schema() const;

 protected:
  using Ring = detail::RingSubscriber<detail::HardwarePolicy>;

  /// Errors: throws std::system_error.
  AnySubscriber(const Location& location, const SubscriberOptions& options,
                const detail::ExpectedIdentity& expected);
  /// Without exceptions: null, and the reason in `error`.
  static detail::Owner<detail::SubscriberState> open_state(const Location& location,
                                                           const SubscriberOptions& options,
                                                           const detail::ExpectedIdentity& expected,
                                                           Error& error);
  explicit AnySubscriber(detail::Owner<detail::SubscriberState> state) noexcept;

  // Protected, so that no subscriber of one type is assigned to one of another.
  AnySubscriber(AnySubscriber&&) noexcept = default;
  AnySubscriber& operator=(AnySubscriber&&) noexcept = default;
  ~AnySubscriber() = default;

  /// Calls `read` until it gives a message, waiting in between.
  template <class Read>
  auto read_for(std::chrono::nanoseconds timeout, const std::stop_token& stop, const Read& read) {
    std::optional<std::chrono::steady_clock::time_point> deadline;
    for (;;) {
      if (auto message = read()) {
        wait_result_ = WaitResult::message;
        return message;
      }
      if (!deadline) deadline = detail::deadline_after(timeout);
      if (!wait_to_read(*deadline, stop)) return decltype(read()){};
    }
  }
  /// Notes the outcome of a read for error(); true if it is a message.
  bool is_message(const detail::ReadResult& read) noexcept {
    status_ = read.status;
    if (read.status == detail::ReadStatus::buffer_too_small) needed_size_ = read.size;
    return read.status == detail::ReadStatus::message;
  }
  static Delivery delivery(const detail::ReadResult& read) noexcept {
    return {read.sequence, read.lost, detail::time_point_of(read.time_ns)};
  }

  Ring ring_{};
  std::uint32_t needed_size_ = 0; // of the last message that did not fit
  std::byte* buffer_ = nullptr;   // the state's; of a ByteSubscriber, as long as the longest message

 private:
  friend class detail::Waiter;
  friend class PollDescriptor;
  template <class AnyKind>
  friend class MessageRange;

  /// Waits for something to read; false if reading again is useless, or the deadline has passed.
  bool wait_to_read(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop);
  /// Whether messages may come after wait_result(), in another region that was moved on to.
  bool goes_on() const noexcept;

  detail::Owner<detail::SubscriberState> state_; // the region, the options, and what waits have reported
  detail::ReadStatus status_ = detail::ReadStatus::nothing;
  WaitResult wait_result_ = WaitResult::timeout;
  bool failure_reported_ = false; // of this region, by wait_to_read()
};

/// The subscriber that a wait ended for, and why.
struct WaitAnyResult {
  AnySubscriber* subscriber = nullptr;     ///< One of those that were given; null with timeout and stopped.
  WaitResult reason = WaitResult::timeout; ///< As wait_for() would have given it.
};

/// Waits for several channels at once, in one thread, as wait_for() does for one. Of several that are ready the
/// first in order is given. Progress: as for wait_for(). The kernel sleeps on up to 127 channels at once since
/// Linux 5.16; on more, on an older kernel, and where a subscriber has no bell, it wakes every millisecond.
WaitAnyResult wait_any(std::span<AnySubscriber* const> subscribers, std::chrono::nanoseconds timeout,
                       const std::stop_token& stop = {});
/// Waits for several channels: `wait_any({&quotes, &trades}, 100ms)`.
inline WaitAnyResult wait_any(std::initializer_list<AnySubscriber*> subscribers,
                              std::chrono::nanoseconds timeout, const std::stop_token& stop = {}) {
  return wait_any(std::span<AnySubscriber* const>{subscribers.begin(), subscribers.size()}, timeout, stop);
}

/// The messages of a subscriber, each waited for, for one `for` loop. The loop ends when the channel is
/// closed, when its publisher dies, when another region takes its name (unless SubscriberOptions::follow moves
/// on to it), when the region is corrupt or truncated, or when the token asks for it; wait_result() and
/// error() say why.
template <class AnyKind>
class MessageRange {
 public:
  /// The end of the loop.
  struct Sentinel {};

  /// The message that the loop is at. A single pass: incrementing waits for the next one.
  class Iterator {
   public:
    /// The message and its delivery.
    const auto& operator*() const noexcept {
      return *range_->message_;
    }
    /// Waits for the next message.
    Iterator& operator++() {
      range_->read();
      return *this;
    }
    /// Whether the loop has ended.
    friend bool operator==(const Iterator& iterator, Sentinel) noexcept {
      return iterator.at_end();
    }

   private:
    friend class MessageRange;
    explicit Iterator(MessageRange& range) noexcept : range_{&range} {}
    bool at_end() const noexcept {
      return !range_->message_;
    }
    MessageRange* range_;
  };

  /// Waits for the first message.
  Iterator begin() {
    read();
    return Iterator{*this};
  }
  /// The end of the loop.
  Sentinel end() const noexcept {
    return {};
  }

 private:
  friend AnyKind;
  MessageRange(AnyKind& subscriber, const std::stop_token& stop) : subscriber_{subscriber}, stop_{stop} {}

  void read() {
    message_.reset();
    do {
      if (stop_.stop_requested()) { // also while there are messages
        subscriber_.wait_result_ = WaitResult::stopped;
        return;
      }
      if (auto message = subscriber_.next_for((std::chrono::nanoseconds::max)(), stop_)) {
        message_.emplace(std::move(*message));
      }
    } while (!message_ && subscriber_.goes_on());
  }

  AnyKind& subscriber_;
  std::stop_token stop_;
  decltype(std::declval<AnyKind&>().next()) message_{};
};

/// What both kinds of view have in common. A view ends with the next move, reopen(), seek() or end of its
/// subscriber, and with a wait that follows another region: it must not be used after that.
///
/// A view is not a copy: when the publisher laps the subscriber meanwhile, the bytes change while they are
/// read, at any time and in any way, and only validate() says so, afterwards. Until it has given true, use no
/// value that was read as a bound, an index or an enumeration, do not read a value twice and rely on it being
/// the same, and let nothing out that was computed from it. For the C++ memory model such a read is a data
/// race, which no portable means makes defined (P1478); lib/docs/ordering.md says what it rests on instead.
class ViewBase : public Delivery {
 public:
  /// Whether all that was read of the message so far was this message. If so, and not before, the message
  /// counts as received: the cursor moves up to it. If not, what was read is worthless; the next call of next()
  /// or view() goes on after what was lost. May be called more than once. Progress: wait-free. Memory ordering:
  /// as for Subscriber::next(), if it is true.
  [[nodiscard]] bool validate() noexcept {
    return ring_->payload_of(read_.sequence) == payload_ && ring_->validate(read_);
  }

 protected:
  using Ring = detail::RingSubscriber<detail::HardwarePolicy>;
  ViewBase(Ring& ring, const Delivery& delivery, const detail::ReadResult& read) noexcept
      : Delivery{delivery}, ring_{&ring}, payload_{ring.payload_of(read.sequence)}, read_{read} {}
  ViewBase(const ViewBase&) = default;
  ViewBase& operator=(const ViewBase&) = default;
  ~ViewBase() = default;

  const detail::Word* payload() const noexcept {
    return payload_;
  }

 private:
  Ring* ring_;
  const detail::Word* payload_;
  detail::ReadResult read_;
};

/// A message in place. What is read of it is worth nothing until validate() has given true: see ViewBase.
template <Message T>
class [[nodiscard]] View : public ViewBase {
 public:
  /// The message, which may change while it is read.
  const T& operator*() const noexcept {
    return *message_;
  }
  /// The message, which may change while it is read.
  const T* operator->() const noexcept {
    return message_;
  }

 private:
  template <Message>
  friend class Subscriber;
  View(Ring& ring, const Delivery& delivery, const detail::ReadResult& read) noexcept
      : ViewBase{ring, delivery, read}, message_{detail::message_at<T>(payload())} {}

  const T* message_;
};

/// A message of any size in place: see ViewBase.
class [[nodiscard]] ByteView : public ViewBase {
 public:
  /// The message, which may change while it is read. Its size is right, and does not change.
  std::span<const std::byte> bytes() const noexcept {
    return bytes_;
  }

 private:
  friend class ByteSubscriber;
  ByteView(Ring& ring, const Delivery& delivery, const detail::ReadResult& read) noexcept
      : ViewBase{ring, delivery, read}, bytes_{detail::message_at<std::byte>(payload()), read.size} {}

  std::span<const std::byte> bytes_;
};

/// Receives messages of type T.
template <Message T>
class Subscriber : public AnySubscriber {
 public:
  /// Opens the channel for reading.
  /// Errors: throws std::system_error with an Errc (no_channel, wrong_identity, not_a_channel ...) or the
  /// system's own code. Progress: blocks for system calls, and up to options.open_timeout where there is no
  /// channel yet.
  explicit Subscriber(const Location& location, const SubscriberOptions& options = {})
      : AnySubscriber{location, options, detail::expected_identity<T>()} {}

  /// Without exceptions: nothing, and the reason in `error`. Errc::no_channel is a normal state.
  [[nodiscard]] static std::optional<Subscriber> open(const Location& location,
                                                      const SubscriberOptions& options, Error& error) {
    auto state = open_state(location, options, detail::expected_identity<T>(), error);
    if (!state) return std::nullopt;
    return Subscriber{std::move(state)};
  }

  /// The next message in order, with the number lost before it, gaps included; nothing if there is none, or for
  /// error()'s reason.
  /// Progress: lock-free and bounded: at most two attempts, one copy each; it passes over as many gaps as there
  /// are slots at most. Without a message, and only after a
  /// flood of them, it pauses for about 10 microseconds at most (detail/pace.hpp). Memory ordering: what the publisher
  /// did before publishing the message has happened before.
  [[nodiscard]] std::optional<Received<T>> next() noexcept {
    return read_by_value([this](void* to) { return ring_.next(into(to)); });
  }

  /// The newest complete message, received before or not; next() goes on after it. What it passes over is
  /// skipped by choice and does not count as lost: `lost` is 0. Gaps (AnyPublisher::skip()) are no messages:
  /// the one before them is given, if it is still there.
  /// Progress: lock-free and bounded: at most four attempts, two copies each, and one gap a slot.
  [[nodiscard]] std::optional<Received<T>> latest() noexcept {
    return read_by_value([this](void* to) { return ring_.latest(into(to)); });
  }

  /// next() without a second copy, for large T. `message` is unspecified unless something is given.
  [[nodiscard]] std::optional<Delivery> next(T& message) noexcept {
    return delivered(ring_.next(into(&message)));
  }
  /// latest() without a second copy, for large T.
  [[nodiscard]] std::optional<Delivery> latest(T& message) noexcept {
    return delivered(ring_.latest(into(&message)));
  }

  /// As many messages as there are and as `messages` has room for, in order; faster than one by one. Gives none
  /// when next() would give nothing. What lies behind the messages that are given is unspecified.
  /// Progress: as for next(), and one copy of each. Memory ordering: as for next().
  [[nodiscard]] BatchDelivery next(std::span<T> messages) noexcept {
    if (messages.empty()) return {};
    detail::ReadResult first;
    const std::size_t count = ring_.next_batch(
        messages.size(), [&](std::size_t i) { return into(&messages[i]); }, first);
    if (!is_message(first)) return {};
    return {count, first.sequence, first.lost};
  }

  /// The next message; waits for it, `timeout` at most. When it gives nothing, wait_result() and error()
  /// say why.
  /// Progress: as for wait_for().
  [[nodiscard]] std::optional<Received<T>> next_for(std::chrono::nanoseconds timeout,
                                                    const std::stop_token& stop = {}) {
    return read_for(timeout, stop, [this] { return next(); });
  }
  /// next_for() without a second copy, for large T.
  [[nodiscard]] std::optional<Delivery> next_for(T& message, std::chrono::nanoseconds timeout,
                                                 const std::stop_token& stop = {}) {
    return read_for(timeout, stop, [&] { return next(message); });
  }

  /// Every message from here on, waited for: `for (const auto& quote : quotes.messages()) ...`
  [[nodiscard]] MessageRange<Subscriber> messages(const std::stop_token& stop = {}) {
    return {*this, stop};
  }

  /// The next message in place, without a copy. It counts as read once View::validate() gives true.
  /// Progress: as for next(), but for the copy.
  [[nodiscard]] std::optional<View<T>> view() noexcept {
    return viewed(ring_.view(into(nullptr)));
  }
  /// The newest complete message in place, without a copy. It counts as read once View::validate() gives true.
  /// Progress: as for latest(), but for the copies.
  [[nodiscard]] std::optional<View<T>> latest_view() noexcept {
    return viewed(ring_.latest_view(into(nullptr)));
  }

 private:
  explicit Subscriber(detail::Owner<detail::SubscriberState> state) noexcept
      : AnySubscriber{std::move(state)} {}

  static constexpr std::size_t largest_by_value = 64 * 1024;

  static auto into(void* message) noexcept {
    using Size = std::integral_constant<std::uint32_t, sizeof(T)>;
    return detail::ExactDestination<Size>{static_cast<std::byte*>(message), {}};
  }
  template <class Read>
  std::optional<Received<T>> read_by_value(const Read& read) noexcept {
    static_assert(
        sizeof(T) <= largest_by_value,
        "T is large for the stack: pass a T to next(T&), latest(T&) or next_for(T&, ...), or use view()");
    std::array<std::byte, sizeof(T)> bytes;
    // Compilers cannot see that small ones are used only where they were filled, and warn.
    if constexpr (sizeof(T) <= detail::cache_line) bytes = {};
    const detail::ReadResult result = read(bytes.data());
    if (!is_message(result)) return std::nullopt;
    return Received<T>{delivery(result), std::bit_cast<T>(bytes)};
  }
  std::optional<Delivery> delivered(const detail::ReadResult& read) noexcept {
    if (!is_message(read)) return std::nullopt;
    return delivery(read);
  }
  std::optional<View<T>> viewed(const detail::ReadResult& read) noexcept {
    if (!is_message(read)) return std::nullopt;
    return View<T>{ring_, delivery(read), read};
  }
};

/// Receives messages of any size, from any channel, typed ones included.
class ByteSubscriber : public AnySubscriber {
 public:
  /// As for Subscriber.
  explicit ByteSubscriber(const Location& location, const SubscriberOptions& options = {})
      : AnySubscriber{location, options, {}} {}

  /// As for Subscriber.
  [[nodiscard]] static std::optional<ByteSubscriber> open(const Location& location,
                                                          const SubscriberOptions& options, Error& error) {
    auto state = open_state(location, options, {}, error);
    if (!state) return std::nullopt;
    return ByteSubscriber{std::move(state)};
  }

  /// As Subscriber::next(). The message is in this subscriber's own buffer, until its next call.
  [[nodiscard]] std::optional<ReceivedBytes> next() noexcept {
    return next({buffer_, max_message_size()});
  }
  /// As Subscriber::latest(). The message is in this subscriber's own buffer, until its next call.
  [[nodiscard]] std::optional<ReceivedBytes> latest() noexcept {
    return latest({buffer_, max_message_size()});
  }

  /// As Subscriber::next(), into the caller's buffer, whose content is unspecified unless a message is given.
  /// Errors: a message longer than the buffer is not read, error() is Errc::buffer_too_small and needed_size()
  /// its size; it can be read with a larger buffer until it is overwritten.
  [[nodiscard]] std::optional<ReceivedBytes> next(std::span<std::byte> buffer) noexcept {
    return received(ring_.next(detail::BufferDestination{buffer.data(), buffer.size()}), buffer);
  }
  /// As Subscriber::latest(), into the caller's buffer.
  [[nodiscard]] std::optional<ReceivedBytes> latest(std::span<std::byte> buffer) noexcept {
    return received(ring_.latest(detail::BufferDestination{buffer.data(), buffer.size()}), buffer);
  }

  /// As many messages of exactly `size` bytes as follow each other and as `buffer` has room for, one behind the
  /// other: as Subscriber::next() into a span.
  /// Errors: a message of another size is not read. If it is the first, error() is Errc::buffer_too_small and
  /// needed_size() its size; otherwise the batch ends before it.
  [[nodiscard]] BatchDelivery next_batch(std::span<std::byte> buffer, std::uint32_t size) noexcept {
    if (size == 0 || buffer.size() < size) return {};
    const auto at = [&](std::size_t i) { return EqualDestination{{buffer.data() + i * size, size}}; };
    detail::ReadResult first;
    const std::size_t count = ring_.next_batch(buffer.size() / size, at, first);
    if (!is_message(first)) return {};
    return {count, first.sequence, first.lost};
  }

  /// As Subscriber::next_for(). The message is in this subscriber's own buffer, until its next call.
  [[nodiscard]] std::optional<ReceivedBytes> next_for(std::chrono::nanoseconds timeout,
                                                      const std::stop_token& stop = {}) {
    return read_for(timeout, stop, [this] { return next(); });
  }
  /// As Subscriber::next_for(), into the caller's buffer.
  [[nodiscard]] std::optional<ReceivedBytes> next_for(std::span<std::byte> buffer,
                                                      std::chrono::nanoseconds timeout,
                                                      const std::stop_token& stop = {}) {
    return read_for(timeout, stop, [&] { return next(buffer); });
  }

  /// As Subscriber::messages(). Each message is in this subscriber's own buffer, until the next one.
  [[nodiscard]] MessageRange<ByteSubscriber> messages(const std::stop_token& stop = {}) {
    return {*this, stop};
  }

  /// As Subscriber::view().
  [[nodiscard]] std::optional<ByteView> view() noexcept {
    return viewed(ring_.view(any_in_place));
  }
  /// As Subscriber::latest_view().
  [[nodiscard]] std::optional<ByteView> latest_view() noexcept {
    return viewed(ring_.latest_view(any_in_place));
  }

  /// Bytes of the last message that did not fit into a buffer.
  std::uint32_t needed_size() const noexcept {
    return needed_size_;
  }

 private:
  static constexpr detail::BufferDestination any_in_place{nullptr, detail::largest_message_size};

  /// Of one of several messages: one of another size is still unread.
  struct EqualDestination : detail::ExactDestination<> {
    static constexpr detail::ReadStatus refusal = detail::ReadStatus::buffer_too_small;
  };

  explicit ByteSubscriber(detail::Owner<detail::SubscriberState> state) noexcept
      : AnySubscriber{std::move(state)} {}

  std::optional<ReceivedBytes> received(const detail::ReadResult& read, std::span<std::byte> buffer) noexcept {
    if (!is_message(read)) return std::nullopt;
    return ReceivedBytes{delivery(read), buffer.first(read.size)};
  }
  std::optional<ByteView> viewed(const detail::ReadResult& read) noexcept {
    if (!is_message(read)) return std::nullopt;
    return ByteView{ring_, delivery(read), read};
  }
};

} // namespace seqcast::inline v1
