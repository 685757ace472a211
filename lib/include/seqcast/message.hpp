// SPDX-License-Identifier: BSL-1.0
//
// message: what may travel through a channel, and what a subscriber gets.
#pragma once

#include <seqcast/detail/clock.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>

namespace seqcast::inline v1 {

namespace detail {

// Trivially copyable, and yet nothing but an address of this process.
template <class T>
inline constexpr bool refers_elsewhere =
    std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T>;
template <class T, std::size_t N>
inline constexpr bool refers_elsewhere<std::span<T, N>> = true;
template <class Char, class Traits>
inline constexpr bool refers_elsewhere<std::basic_string_view<Char, Traits>> = true;
template <class T>
inline constexpr bool refers_elsewhere<std::reference_wrapper<T>> = true;

} // namespace detail

/// A type whose bytes mean the same in another process: trivially copyable, complete, no pointer.
///
/// Its members cannot be checked: a struct with a pointer in it is accepted, and the pointer is worthless on
/// the other side. Padding bytes are published as they are. A bool or an enumeration from a publisher that you
/// do not trust may hold any bits: take an integer and check it.
template <class T>
concept Message = std::is_trivially_copyable_v<T> && std::is_object_v<T> && !std::is_array_v<T> &&
                  std::is_same_v<T, std::remove_cv_t<T>> && !detail::refers_elsewhere<T>;

/// Specialise this for your message to have its layout checked by name when a channel is opened:
///
///     template <> struct seqcast::schema<Quote> {
///       static constexpr std::uint64_t tag = 2;              // change it with the layout
///       static constexpr std::string_view name = "acme.Quote"; // at most 103 bytes
///     };
///
/// A side whose type has none compares size and alignment alone, whatever the other side says.
template <class T>
struct schema {
  static constexpr std::uint64_t tag = 0;      ///< To be changed with the layout.
  static constexpr std::string_view name = {}; ///< At most 103 bytes, none of them zero.
};

/// What goes with every message received.
struct Delivery {
  /// 1 for a channel's first message, then one more for each.
  std::uint64_t sequence = 0;
  /// Messages that were overwritten before this subscriber came to read them, since the one delivered before.
  std::uint64_t lost = 0;
  /// When it was published, in nanoseconds of the steady clock; 0 if the channel carries no timestamps.
  std::uint64_t published_at_ns = 0;

  /// Time since it was published, zero if the channel carries no timestamps.
  std::chrono::nanoseconds age() const noexcept {
    if (published_at_ns == 0) return {};
    return std::chrono::nanoseconds{static_cast<std::int64_t>(detail::monotonic_now() - published_at_ns)};
  }
};

/// A message of a fixed type.
template <Message T>
struct Received : Delivery {
  T message; ///< A copy: it stays as it is.
};

/// A message of any size: a view into the buffer that it was copied into.
struct ReceivedBytes : Delivery {
  std::span<const std::byte> message; ///< Its bytes, until that buffer is used again.

  /// The same bytes as text, as they were published: no terminating zero is added or removed.
  std::string_view text() const noexcept {
    return {static_cast<const char*>(static_cast<const void*>(message.data())), message.size()};
  }
};

} // namespace seqcast::inline v1
