// SPDX-License-Identifier: BSL-1.0
//
// payload: how the bytes of a message get into the words of a slot, and out of them.
//
// Who may call it: the slot's two sides, between the steps that slot.hpp shows: nothing here orders anything.
//
// Invariants
//   1. No byte outside the words that `size` bytes take is touched.
//   2. The number of steps depends on the size alone.
#pragma once

#include <seqcast/detail/layout.hpp>

#include <algorithm>
#include <span>

namespace seqcast::inline v1::detail {

/// Stores `size` bytes as whole words; the last one is padded with zeros.
/// Requires: `size` bytes at `from`, room for words_for(size) words at `to`.
template <class Word>
inline void store_words(Word* to, const std::byte* from, std::size_t size) noexcept {
  const std::size_t whole = size / word_size;
#pragma GCC unroll 8 // so that a small message of a constant size is copied without a loop
  for (std::size_t i = 0; i < whole; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + i * word_size, word_size);
    // relaxed: [slot-open] before and [message-ready] after order the payload as a whole.
    to[i].store(word, std::memory_order_relaxed);
  }
  if (const std::size_t rest = size % word_size; rest > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + whole * word_size, rest);
    to[whole].store(word, std::memory_order_relaxed); // relaxed: as above
  }
}

/// Loads `size` bytes from whole words. Requires: room for `size` bytes at `to`, words_for(size) words at
/// `from`.
template <class Word>
inline void load_words(const Word* from, std::byte* to, std::size_t size) noexcept {
  const std::size_t whole = size / word_size;
#pragma GCC unroll 8 // so that a small message of a constant size is copied without a loop
  for (std::size_t i = 0; i < whole; ++i) {
    // relaxed: [message-ready] before and [slot-open] after order the payload as a whole.
    const std::uint64_t word = from[i].load(std::memory_order_relaxed);
    std::memcpy(to + i * word_size, &word, word_size);
  }
  if (const std::size_t rest = size % word_size; rest > 0) {
    const std::uint64_t word = from[whole].load(std::memory_order_relaxed); // relaxed: as above
    std::memcpy(to + whole * word_size, &word, rest);
  }
}

/// What shares a cache line with the version, where the payload begins as early as it can.
inline constexpr std::size_t beside_version = cache_line - smallest_payload_offset;
/// From this many bytes on a wide copy pays (lib/docs/decisions/0003-copies.md).
inline constexpr std::size_t wide_from = 192;
/// From this many on string instructions do (lib/docs/decisions/0008-string-instructions.md).
inline constexpr std::size_t strings_from = 8192;

/// store_words() for the lines behind the first one.
template <class Atomics>
inline void store_lines(typename Atomics::Word* to, const std::byte* from, std::size_t size) noexcept {
  if constexpr (requires { Atomics::copy_in(to, from, size); }) {
    if (size >= wide_from) return Atomics::copy_in(to, from, size);
  }
  store_words(to, from, size);
}

/// Takes the lines of `count` words for this core by a store into each. From the last one back: subscribers are
/// reading the slot before this one, and their processors run ahead (lib/docs/decisions/0003-copies.md).
/// Requires: `words` begins a line.
template <class Atomics>
inline void own_lines(typename Atomics::Word* words, std::size_t count) noexcept {
  const std::size_t line = Atomics::line_words();
  // relaxed: [slot-open] before, as for the payload. The values mean nothing.
  for (std::size_t end = round_up(count, line); end > 0; end -= line) {
    words[end - line].store(0, std::memory_order_relaxed);
  }
}

/// Stores `size` payload bytes, the ones beside the version last: subscribers look at that line all the time,
/// and would take it away from the publisher between its first store into it and the version. A payload that
/// begins a line has none there.
/// Requires: `size` bytes at `from`, room for words_for(size) words at `to`.
template <class Atomics>
inline void store_payload(typename Atomics::Word* to, const std::byte* from, std::size_t size) noexcept {
  if (size <= beside_version) return store_words(to, from, size);
  const std::size_t first = (std::min)(words_to_line_end(to), size / word_size);
  store_lines<Atomics>(to + first, from + first * word_size, size - first * word_size);
  store_words(to, from, first * word_size);
}

/// Copies `size` payload bytes out of a slot; what it yields means nothing until SubscriberSlot::unchanged().
/// Requires: room for `size` bytes at `to`, words_for(size) words at `from`.
template <class Atomics>
inline void load_payload(const typename Atomics::Word* from, std::byte* to, std::size_t size) noexcept {
  if constexpr (requires { Atomics::copy_out(from, to, size); }) {
    if (size >= wide_from) return Atomics::copy_out(from, to, size);
  }
  load_words(from, to, size);
}

/// Stores a payload that comes in pieces; like store_payload() the bytes beside the version last.
/// Requires: room for words_for(bytes appended) words; finish() after the last piece.
template <class Atomics>
class PayloadGatherer {
 public:
  using Word = typename Atomics::Word;

  explicit PayloadGatherer(Word* to) noexcept : first_{to}, next_{to} {}

  void append(std::span<const std::byte> piece) noexcept {
    if (held_size_ < beside_version) {
      const std::size_t step = (std::min)(piece.size(), beside_version - held_size_);
      std::copy_n(piece.begin(), step, held_.begin() + static_cast<std::ptrdiff_t>(held_size_));
      held_size_ += step;
      piece = piece.subspan(step);
      next_ = first_ + held_size_ / word_size;
    }
    if (rest_size_ > 0) {
      const std::size_t step = (std::min)(piece.size(), word_size - rest_size_);
      keep(piece.first(step));
      piece = piece.subspan(step);
    }
    const std::size_t whole = piece.size() / word_size;
    store_lines<Atomics>(next_, piece.data(), whole * word_size);
    next_ += whole;
    keep(piece.subspan(whole * word_size));
  }

  void finish() noexcept {
    store_words(next_, rest_.data(), rest_size_);
    store_words(first_, held_.data(), held_size_);
  }

 private:
  /// Keeps bytes back until they make a whole word. Requires: they do not make more than one.
  void keep(std::span<const std::byte> bytes) noexcept {
    std::copy(bytes.begin(), bytes.end(), rest_.begin() + static_cast<std::ptrdiff_t>(rest_size_));
    rest_size_ += bytes.size();
    if (rest_size_ < word_size) return;
    store_words(next_, rest_.data(), word_size);
    ++next_;
    rest_size_ = 0;
  }

  Word* first_;
  Word* next_;
  std::array<std::byte, beside_version> held_{}; // the first bytes
  std::array<std::byte, word_size> rest_{};      // less than a word, behind them
  std::size_t held_size_ = 0;
  std::size_t rest_size_ = 0;
};

} // namespace seqcast::inline v1::detail
