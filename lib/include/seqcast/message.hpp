// SPDX-License-Identifier: BSL-1.0
//
// message: what may travel through a channel, and what a subscriber receives. Plain values.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace seqcast::inline v1 {

namespace detail {

// Trivially copyable, and yet nothing but an address of this process.
template <class T>
inline constexpr bool is_non_owning = false;
template <class T, std::size_t N>
inline constexpr bool is_non_owning<std::span<T, N>> = true;
template <class Char, class Traits>
inline constexpr bool is_non_owning<std::basic_string_view<Char, Traits>> = true;
template <class T>
concept ReferenceWrapper = requires(const T value) {
  typename T::type;
  requires std::is_same_v<decltype(value.get()), typename T::type&>;
};
template <class T>
inline constexpr bool refers_elsewhere = std::is_pointer_v<T> || std::is_member_pointer_v<T> ||
                                         std::is_null_pointer_v<T> || is_non_owning<T> || ReferenceWrapper<T>;

} // namespace detail

/// A type whose bytes mean the same in another process: trivially copyable, complete, no pointer.
///
/// Members are checked only of a type with a seqcast::schema: without one a struct with a pointer in it is
/// accepted, and the pointer is worthless on the other side. Padding bytes are published as they are. A bool or
/// an enumeration from a publisher that you do not trust may hold any bits: take an integer and check it.
template <class T>
concept Message = std::is_trivially_copyable_v<T> && std::is_object_v<T> && !std::is_array_v<T> &&
                  std::is_same_v<T, std::remove_cv_t<T>> && !detail::refers_elsewhere<T>;

/// The bytes of a text, or of a contiguous range of a trivially copyable type (std::string, std::vector<float>,
/// std::array, std::span ...). Refers to them and does not own them: to be used as an argument only.
class BytesRef {
 public:
  /// No bytes.
  constexpr BytesRef() noexcept = default;
  /// A text without its terminating zero.
  template <class Text>
  requires(std::is_pointer_v<Text>&& std::is_convertible_v<Text, const char*>) BytesRef(Text text)
  noexcept : BytesRef{std::string_view{text}} {}
  /// A text up to its terminating zero; all of the array if there is none.
  template <std::size_t Size>
  BytesRef(const char (&text)[Size]) noexcept : BytesRef{std::string_view{text, Size}} {
    if (const void* const zero = std::memchr(text, 0, Size); zero != nullptr) {
      size_ = static_cast<std::size_t>(static_cast<const char*>(zero) - text);
    }
  }
  BytesRef(std::nullptr_t) = delete;
  /// All elements, as they lie in memory.
  template <class Range>
  requires(!std::is_convertible_v<const Range&, const char*> && requires(const Range& range) {
    requires Message<std::remove_cvref_t<decltype(*std::data(range))>>;
    std::size(range);
  }) BytesRef(const Range& range)
  noexcept
      : data_{static_cast<const std::byte*>(static_cast<const void*>(std::data(range)))},
        size_{std::size(range) * sizeof(*std::data(range))} {}

  /// The first byte; null for none.
  const std::byte* data() const noexcept {
    return data_;
  }
  /// Bytes.
  std::size_t size() const noexcept {
    return size_;
  }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

template <>
inline constexpr bool detail::is_non_owning<BytesRef> = true;

/// What comes with every message.
struct Delivery {
  /// 1 for a channel's first message, then one more for each.
  std::uint64_t sequence = 0;
  /// Messages missed since the one delivered before: overwritten before this subscriber read them, left out by
  /// the publisher (AnyPublisher::skip()), or of an impossible size.
  std::uint64_t lost = 0;
  /// When it was published, by the publisher's steady clock; nothing if the channel carries no timestamps. The
  /// processes of one machine have one such clock, unless they are in different time namespaces (containers that
  /// were restored, `unshare --time`): there it differs by the namespaces' offsets, which nothing here reveals.
  std::optional<std::chrono::steady_clock::time_point> published_at{};

  /// Time since it was published; nothing if the channel carries no timestamps, or if `published_at` is later than
  /// now. Wrong by the offsets between time namespaces: see published_at.
  std::optional<std::chrono::nanoseconds> age() const noexcept {
    if (!published_at) return std::nullopt;
    const auto now = std::chrono::steady_clock::now();
    if (now < *published_at) return std::nullopt;
    return now - *published_at;
  }
};

/// Messages that were received in one call, with the sequences `sequence` to `sequence + count - 1`.
struct BatchDelivery {
  /// How many there are.
  std::size_t count = 0;
  /// Of the first one.
  std::uint64_t sequence = 0;
  /// Messages missed before the first one, as Delivery::lost. Between them none is missing.
  std::uint64_t lost = 0;

  /// Whether there are any.
  explicit operator bool() const noexcept {
    return count > 0;
  }
};

/// A message of a fixed type.
template <Message T>
struct Received : Delivery {
  T message; ///< A copy: nothing changes it later.
};

/// A message of any size: a view into the buffer that it was copied into.
struct ReceivedBytes : Delivery {
  std::span<const std::byte> message{}; ///< Its bytes, until that buffer is used again.

  /// The bytes as text, as they were published: no terminating zero is added or removed.
  std::string_view text() const noexcept {
    return {static_cast<const char*>(static_cast<const void*>(message.data())), message.size()};
  }

  /// The bytes as a T; nothing if there are not exactly sizeof(T) of them.
  template <Message T>
  std::optional<T> as() const noexcept {
    if (message.size() != sizeof(T)) return std::nullopt;
    std::array<std::byte, sizeof(T)> bytes;
    std::memcpy(bytes.data(), message.data(), sizeof(T));
    return std::bit_cast<T>(bytes);
  }
};

} // namespace seqcast::inline v1
