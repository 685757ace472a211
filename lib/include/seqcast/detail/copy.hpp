// SPDX-License-Identifier: BSL-1.0
//
// copy: how the bytes of a message get into the words of a slot and out of them, and how the next slot's cache
// lines are prefetched for writing.
//
// Who may call it: the two sides of the ring, between the steps that ring.hpp shows. Nothing here orders
// anything: every operation is relaxed, since [slot-open] and [message-ready] order the payload as a whole.
//
// Invariants
//   1. No byte outside the words that `size` bytes take is touched.
//   2. The number of steps depends on the size alone. Nothing but time depends on the prefetching.
#pragma once

#include <seqcast/detail/layout.hpp>

#include <span>

namespace seqcast::inline v1::detail {

/// Words that `size` bytes take.
constexpr std::size_t words_for(std::size_t size) noexcept {
  return (size + word_size - 1) / word_size;
}

struct SizeField {
  std::uint32_t size;
  std::uint32_t marks;
};

/// The mark of a slot that holds no message, only its sequence; of size 0.
inline constexpr std::uint32_t gap_mark = 1;

constexpr std::uint64_t pack_size(std::uint32_t size, std::uint32_t marks = 0) noexcept {
  return std::bit_cast<std::uint64_t>(SizeField{size, marks});
}

constexpr std::uint32_t unpack_size(std::uint64_t word) noexcept {
  return std::bit_cast<SizeField>(word).size;
}

/// A size word as one number: the size, with the marks above it. So whatever is marked is too large.
constexpr std::uint64_t marked_size(std::uint64_t word) noexcept {
  return std::endian::native == std::endian::little ? word : std::rotl(word, 32);
}

/// What marked_size() gives for a gap.
inline constexpr std::uint64_t size_of_gap = marked_size(pack_size(0, gap_mark));

/// Stores `count` whole words, a few: without a loop.
template <std::size_t count, class Word>
[[gnu::always_inline]] inline void store_few(Word* to, const std::byte* from) noexcept {
#pragma GCC unroll 8
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + i * word_size, word_size);
    to[i].store(word, std::memory_order_relaxed); // relaxed: as said at the top
  }
}

/// Loads `count` whole words, a few: without a loop.
template <std::size_t count, class Word>
[[gnu::always_inline]] inline void load_few(const Word* from, std::byte* to) noexcept {
#pragma GCC unroll 8
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t word = from[i].load(std::memory_order_relaxed); // relaxed: as said at the top
    std::memcpy(to + i * word_size, &word, word_size);
  }
}

// Both take the words by eights, then a four, a two and a one: a small size that is not constant costs three branches,
// and a constant one none.

/// Stores `size` bytes as whole words; the last one is padded with zeros.
/// Requires: `size` bytes at `from`, room for words_for(size) words at `to`.
template <class Word>
inline void store_words(Word* to, const std::byte* from, std::size_t size) noexcept {
  const std::size_t whole = size / word_size;
  std::size_t i = 0;
  for (; whole - i >= 8; i += 8) store_few<8>(to + i, from + i * word_size);
  if ((whole & 4) != 0) store_few<4>(to + i, from + i * word_size);
  if ((whole & 2) != 0)
    store_few<2>(to + (whole & ~std::size_t{3}), from + (whole & ~std::size_t{3}) * word_size);
  if ((whole & 1) != 0) store_few<1>(to + whole - 1, from + (whole - 1) * word_size);
  if (const std::size_t rest = size % word_size; rest > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + whole * word_size, rest);
    to[whole].store(word, std::memory_order_relaxed); // relaxed: as said at the top
  }
}

/// Loads `size` bytes from whole words.
/// Requires: room for `size` bytes at `to`, words_for(size) words at `from`.
template <class Word>
inline void load_words(const Word* from, std::byte* to, std::size_t size) noexcept {
  const std::size_t whole = size / word_size;
  std::size_t i = 0;
  for (; whole - i >= 8; i += 8) load_few<8>(from + i, to + i * word_size);
  if ((whole & 4) != 0) load_few<4>(from + i, to + i * word_size);
  if ((whole & 2) != 0)
    load_few<2>(from + (whole & ~std::size_t{3}), to + (whole & ~std::size_t{3}) * word_size);
  if ((whole & 1) != 0) load_few<1>(from + whole - 1, to + (whole - 1) * word_size);
  if (const std::size_t rest = size % word_size; rest > 0) {
    const std::uint64_t word = from[whole].load(std::memory_order_relaxed); // relaxed: as said at the top
    std::memcpy(to + whole * word_size, &word, rest);
  }
}

/// Payload bytes that share a cache line with the version, where the payload begins as early as it can.
inline constexpr std::size_t bytes_beside_version = cache_line - smallest_payload_offset;
/// From this many bytes on a wide copy pays (lib/docs/decisions/0003-copies.md).
inline constexpr std::size_t wide_from = 192;

/// How a payload gets into its slot (pace.hpp).
enum class CopyMode : std::uint8_t {
  usual,
  hurried,  // messages come without a pause
  streamed, // past the caches, where the processor can: the message does not fit into the core's own
};

/// store_words(), by a wide copy where that pays. Requires: to be streamed, `to` begins a line.
template <class Policy>
inline void store_wide(typename Policy::Word* to, const std::byte* from, std::size_t size,
                       CopyMode mode) noexcept {
  if constexpr (requires { Policy::copy_in(to, from, size, mode); }) {
    if (size >= wide_from) return Policy::copy_in(to, from, size, mode);
  }
  store_words(to, from, size);
}

/// Stores `size` payload bytes, those in the version's cache line last: subscribers poll that line, and would
/// take it from the publisher between its first store into it and the version. A payload that begins a line has
/// none there.
/// Requires: `size` bytes at `from`, room for words_for(size) words at `to`.
template <class Policy>
inline void store_payload(typename Policy::Word* to, const std::byte* from, std::size_t size,
                          CopyMode mode) noexcept {
  if (size <= bytes_beside_version) return store_words(to, from, size);
  const std::size_t words_to_end = words_to_line_end(to);
  const std::size_t first = words_to_end < size / word_size ? words_to_end : size / word_size;
  store_wide<Policy>(to + first, from + first * word_size, size - first * word_size, mode);
  store_words(to, from, first * word_size);
}

/// Copies `size` payload bytes out of a slot. They mean nothing until the slot's version was found unchanged.
/// `hurried`: messages come without a pause (pace.hpp).
/// Requires: room for `size` bytes at `to`, words_for(size) words at `from`.
template <class Policy>
inline void load_payload(const typename Policy::Word* from, std::byte* to, std::size_t size,
                         bool hurried) noexcept {
  if constexpr (requires { Policy::copy_out(from, to, size, hurried); }) {
    if (size >= wide_from) return Policy::copy_out(from, to, size, hurried);
  }
  load_words(from, to, size);
}

/// Stores a payload that comes in pieces; like store_payload() those in the version's cache line last.
/// Requires: room for words_for(bytes appended) words; finish() after the last piece.
template <class Policy>
class PayloadGatherer {
 public:
  using Word = typename Policy::Word;

  explicit PayloadGatherer(Word* to) noexcept : begin_{to}, next_{to} {}

  void append(std::span<const std::byte> piece) noexcept {
    append_to(first_, first_size_, piece);
    if (first_size_ == first_.size() && next_ == begin_) next_ += first_.size() / word_size;
    if (rest_size_ > 0) append_to(rest_, rest_size_, piece);
    if (rest_size_ == word_size) {
      store_words(next_++, rest_.data(), word_size);
      rest_size_ = 0;
    }
    const std::size_t whole = piece.size() / word_size;
    store_wide<Policy>(next_, piece.data(), whole * word_size, CopyMode::usual);
    next_ += whole;
    piece = piece.subspan(whole * word_size);
    append_to(rest_, rest_size_, piece);
  }

  void finish() noexcept {
    store_words(next_, rest_.data(), rest_size_);
    store_words(begin_, first_.data(), first_size_);
  }

 private:
  /// Moves bytes from the beginning of `piece` to the end of `held`, as many as there is room for.
  template <std::size_t Room>
  static void append_to(std::array<std::byte, Room>& held, std::size_t& size,
                        std::span<const std::byte>& piece) noexcept {
    const std::size_t step = piece.size() < Room - size ? piece.size() : Room - size;
    if (step > 0) std::memcpy(held.data() + size, piece.data(), step);
    size += step;
    piece = piece.subspan(step);
  }

  Word* begin_;
  Word* next_; // where the next whole word goes
  std::array<std::byte, bytes_beside_version> first_{};
  std::array<std::byte, word_size> rest_{}; // less than a word between two calls
  std::size_t first_size_ = 0;
  std::size_t rest_size_ = 0;
};

/// Prefetches the cache lines of `count` words for writing, by a store into each, the last
/// line first: subscribers read the slot before this one, and their processors prefetch
/// forward (lib/docs/decisions/0003-copies.md).
/// Requires: `words` begins a line; the [slot-open] fence of this slot has been executed.
template <class Policy>
inline void prefetch_lines(typename Policy::Word* words, std::size_t count) noexcept {
  const std::size_t line = Policy::line_words();
  for (std::size_t end = round_up(count, line); end > 0; end -= line) {
    words[end - line].store(0,
                            std::memory_order_relaxed); // relaxed: as said at the top; the value means nothing
  }
}

} // namespace seqcast::inline v1::detail
