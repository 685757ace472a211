// SPDX-License-Identifier: BSL-1.0
//
// destination: where a subscriber's message goes, and which messages fit: a type's size, a buffer of the
// caller's, or nowhere, when it is looked at in place.
//
// Who may call it: the subscriber's side of the ring, which trusts no size that it has not asked about here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace seqcast::inline v1::detail {

/// What became of an attempt to read.
enum class Outcome : std::uint8_t {
  message,          // delivered
  nothing,          // nothing to deliver yet
  overrun,          // the publisher was faster than each of a bounded number of attempts
  corrupt,          // the region holds what no honest publisher stores
  wrong_size,       // a whole message whose size nobody may believe; passed over
  buffer_too_small, // a whole message, longer than the caller's buffer; still unread
};

/// A destination that takes messages of exactly `size` bytes; Size is a number or, for a type's messages, the
/// std::integral_constant, so that the code for one size stays apart from that for others.
template <class Size = std::uint32_t>
struct ExactInto {
  std::byte* to;
  Size size;

  constexpr Outcome fits(std::uint32_t found) const noexcept {
    return found == size ? Outcome::message : Outcome::wrong_size;
  }
  /// The bytes to copy.
  constexpr std::uint32_t count(std::uint32_t) const noexcept {
    return size;
  }
  /// The most bytes that there can be to copy.
  constexpr std::size_t most() const noexcept {
    return size;
  }
};

/// A destination for messages of up to `room` bytes.
struct BoundedInto {
  std::byte* to;
  std::size_t room;

  constexpr Outcome fits(std::uint32_t found) const noexcept {
    return found <= room ? Outcome::message : Outcome::buffer_too_small;
  }
  constexpr std::uint32_t count(std::uint32_t found) const noexcept {
    return found;
  }
  constexpr std::size_t most() const noexcept {
    return room;
  }
};

/// No destination: a message of exactly `size` bytes is looked at where it is.
struct ExactInPlace {
  std::uint32_t size;
  std::byte* to = nullptr;

  constexpr Outcome fits(std::uint32_t found) const noexcept {
    return found == size ? Outcome::message : Outcome::wrong_size;
  }
  constexpr std::uint32_t count(std::uint32_t) const noexcept {
    return 0;
  }
  constexpr std::size_t most() const noexcept {
    return 0;
  }
};

/// The same for a message of any size.
struct AnyInPlace {
  std::byte* to = nullptr;

  constexpr Outcome fits(std::uint32_t) const noexcept {
    return Outcome::message;
  }
  constexpr std::uint32_t count(std::uint32_t) const noexcept {
    return 0;
  }
  constexpr std::size_t most() const noexcept {
    return 0;
  }
};

} // namespace seqcast::inline v1::detail
