// SPDX-License-Identifier: BSL-1.0
//
// layout: where every byte of a region stands. lib/docs/format.md says the same in prose, and
// tests/format_test.cpp compares both with golden bytes.
//
// Invariants
//   1. Every field is fixed-width and naturally aligned; the byte order is the machine's.
//   2. A shared byte is only ever reached as part of a 64-bit atomic word (word_at). `Identity` and `Geometry`
//      are private copies: nothing here points into a region.
//   3. A `Geometry` is made only by geometry_of(), from an Identity that check_identity() accepted, so bounds
//      computed from it hold whatever the region contains later.
#pragma once

#if defined(__cplusplus) && __cplusplus < 202002L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 202002L)
#error "seqcast needs C++20: compile with -std=c++20 or later"
#endif

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

namespace seqcast::inline v1::detail {

// Offsets and sizes of a region need 64 bits, and so does an atomic word. A 32-bit compiler would load
// it by the x87, by an instruction that also writes (which faults on a read-only mapping) or under a
// lock in a library; and 32-bit x86 aligns it to 4 bytes, so that fields would have other offsets than
// in 64-bit programs.
static_assert(sizeof(std::size_t) == sizeof(std::uint64_t), "seqcast needs a 64-bit machine");

/// The bytes "SEQCAST\n" on a little-endian machine; read in the other byte order it is `swapped_magic`.
inline constexpr std::uint64_t magic = 0x0A54'5341'4351'4553;
inline constexpr std::uint64_t swapped_magic = 0x5345'5143'4153'540A;
inline constexpr std::uint32_t format_version = 1;

/// Bytes that cross between two cores in one transfer.
inline constexpr std::size_t cache_line = 64;
inline constexpr std::size_t word_size = sizeof(std::uint64_t);

// Compatible flags: a subscriber that does not know one may read the channel all the same.
inline constexpr std::uint64_t flag_timestamps = 1; // word 2 of a slot holds the publish time
inline constexpr std::uint64_t flag_bell = 2;       // a bell lies beside the region
inline constexpr std::uint64_t flag_wake_always =
    4; // `wake_offset` holds a futex word, incremented for each message
inline constexpr std::uint64_t flag_copy_behind = 8; // a word of each slot holds the progress of its payload
inline constexpr std::uint64_t flag_mirror = 16; // mirrors a channel of another machine, which has the same id
// Incompatible flags. A region with an unknown one is refused.
inline constexpr std::uint64_t flag_gaps = 1; // a slot's size word may say that it holds no message
inline constexpr std::uint64_t known_incompatible_flags = flag_gaps;

/// What a channel is: the first bytes of a region, written once, before the magic, which is stored last.
struct Identity {
  std::uint64_t magic_number;
  std::uint32_t version;
  std::uint32_t header_size;
  std::uint64_t region_size;
  std::uint64_t slots_offset;
  std::uint64_t slot_stride;
  std::uint64_t capacity;
  std::uint32_t max_message_size;
  std::uint32_t message_alignment;
  std::uint32_t payload_offset;
  std::uint32_t format_size; // bytes of the schema's format, right behind the header; 0 if there is none
  std::uint64_t compatible_flags;
  std::uint64_t incompatible_flags;
  std::uint64_t schema_tag;
  std::array<char, 104> schema_name; // text, padded with zeros
  std::uint64_t id;                  // random; 0 in a region of a seqcast that gave none

  friend bool operator==(const Identity&, const Identity&) = default;
};
static_assert(sizeof(Identity) == 200 && alignof(Identity) == 8);
static_assert(offsetof(Identity, version) == 8 && offsetof(Identity, header_size) == 12);
static_assert(offsetof(Identity, region_size) == 16 && offsetof(Identity, slots_offset) == 24);
static_assert(offsetof(Identity, slot_stride) == 32 && offsetof(Identity, capacity) == 40);
static_assert(offsetof(Identity, max_message_size) == 48 && offsetof(Identity, message_alignment) == 52);
static_assert(offsetof(Identity, payload_offset) == 56 && offsetof(Identity, format_size) == 60);
static_assert(offsetof(Identity, compatible_flags) == 64 && offsetof(Identity, incompatible_flags) == 72);
static_assert(offsetof(Identity, schema_tag) == 80 && offsetof(Identity, schema_name) == 88);
static_assert(offsetof(Identity, id) == 192);

using IdentityWords = std::array<std::uint64_t, sizeof(Identity) / word_size>;

// Head changes with every message and so has two cache lines of its own (adjacent lines are fetched in pairs).
// The rest changes only when a publisher opens or closes the channel.
inline constexpr std::size_t head_offset = 256;
inline constexpr std::size_t state_offset = 384;
inline constexpr std::size_t epoch_offset = 392;
inline constexpr std::size_t first_sequence_offset = 400; // two words, for even and for odd epochs
inline constexpr std::size_t oldest_offset = 416;
inline constexpr std::size_t process_offset = 424;
inline constexpr std::size_t boot_offset = 432; // two words
inline constexpr std::size_t wake_offset = 448; // futex word of flag_wake_always, in its low half
inline constexpr std::size_t boot_time_offset = 456;
inline constexpr std::size_t polled_number_offset = 464; // of the subscribers to wait for; 0: none
inline constexpr std::size_t waits_offset = 472;         // 1: the publisher waits for one, or is about to
inline constexpr std::size_t origin_epoch_offset =
    480; // with flag_mirror: number and first sequence; 0: unknown
inline constexpr std::size_t header_size = 512;
// The same, in words from the region's start.
inline constexpr std::size_t head_word = head_offset / word_size;
inline constexpr std::size_t state_word = state_offset / word_size;
inline constexpr std::size_t epoch_word = epoch_offset / word_size;
inline constexpr std::size_t first_sequence_word = first_sequence_offset / word_size;
inline constexpr std::size_t oldest_word = oldest_offset / word_size;
inline constexpr std::size_t process_word = process_offset / word_size;
inline constexpr std::size_t boot_word = boot_offset / word_size;
inline constexpr std::size_t wake_word = wake_offset / word_size;
inline constexpr std::size_t boot_time_word = boot_time_offset / word_size;
inline constexpr std::size_t polled_number_word = polled_number_offset / word_size;
inline constexpr std::size_t waits_word = waits_offset / word_size;
inline constexpr std::size_t origin_epoch_word = origin_epoch_offset / word_size;

// The bell, a file of its own: the only bytes that subscribers may write. Version 1 ends before the entries.
inline constexpr std::uint64_t bell_magic = 0x0A4C'4C45'4251'4553; // "SEQBELL\n", little-endian
inline constexpr std::size_t bell_number_offset = 8;               // that of its region; 0 in version 1
inline constexpr std::size_t bell_flag_offset = 64;                // 1: a subscriber sleeps, or is about to
inline constexpr std::size_t bell_word_offset = 72;                // futex word in its low half
inline constexpr std::size_t bell_space_offset = 80;               // likewise: a cursor has moved
inline constexpr std::size_t bell_used_offset = 88;                // bit i: entry i was in use once
inline constexpr std::size_t bell_entries_offset = 128;            // of reliable subscribers
inline constexpr std::size_t bell_entry_size = cache_line;
inline constexpr std::size_t bell_entries = 62;
inline constexpr std::size_t bell_size = bell_entries_offset + bell_entries * bell_entry_size;
inline constexpr std::size_t first_bell_size = 128;
// The same, in words from the bell's start.
inline constexpr std::size_t bell_number_word = bell_number_offset / word_size;
inline constexpr std::size_t bell_space_word = bell_space_offset / word_size;
inline constexpr std::size_t bell_used_word = bell_used_offset / word_size;
// An entry, in words from its start. The process that holds the lock on its bytes stores all but `withdrawn`.
inline constexpr std::size_t registration_word = 0; // number and count; odd while there is a subscriber
inline constexpr std::size_t cursor_word = 1;       // the last sequence that it has received
inline constexpr std::size_t withdrawn_word = 2;    // the registration that the publisher no longer waits for
inline constexpr std::size_t owner_word = 3;        // process id, for people

// A slot, in words from its start.
inline constexpr std::size_t version_word = 0;
inline constexpr std::size_t size_word = 1; // u32 size, u32 marks
inline constexpr std::size_t time_word = 2; // with flag_timestamps only
inline constexpr std::size_t smallest_payload_offset = 16;
inline constexpr std::uint32_t payload_begins_line_from = 2048; // bytes of a message of one size
// With flag_copy_behind the word after the time, or after the size: low half of the sequence, and bytes stored.
inline constexpr std::size_t progress_word_untimed = 2;
inline constexpr std::size_t progress_word_timed = 3;

/// Values of the state word.
enum class StateWord : std::uint64_t { building = 0, live = 1, closed = 2, superseded = 3 };

// Sequences stay below this, so that a version (twice a sequence) and sums with a capacity never overflow.
inline constexpr std::uint64_t sequence_limit = std::uint64_t{1} << 62;
// RingPublisher::jump() leads to a head of this at most. A successor after a restart of the machine, which
// ignores what is half the limit above, then still goes on above it.
inline constexpr std::uint64_t largest_skip_head = sequence_limit / 4;
inline constexpr std::uint64_t max_capacity = std::uint64_t{1} << 32;
inline constexpr std::uint64_t max_region_size = std::uint64_t{1} << 46;
inline constexpr std::uint32_t largest_message_size = std::uint32_t{1} << 31;
inline constexpr std::uint32_t largest_alignment = 4096;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) noexcept {
  return (value + multiple - 1) / multiple * multiple;
}

/// The numbers that the hot path needs, in words: a checked private copy, which no later change of the
/// region affects.
struct Geometry {
  std::size_t slots_word = 0;   // first word of the first slot
  std::size_t stride_words = 0; // words from one slot to the next
  std::uint64_t capacity = 0;   // slots; a power of two, at least 2
  std::size_t payload_word = 0; // first payload word of a slot
  std::uint32_t max_message_size = 0;
  bool timestamps = false;
  bool gaps = false;
  std::size_t progress_word = 0; // 0: there is none

  constexpr std::uint64_t index_of(std::uint64_t sequence) const noexcept {
    return (sequence - 1) & (capacity - 1);
  }
};

/// The progress word of a slot of a channel with these compatible flags; 0: there is none.
constexpr std::size_t progress_word_of(std::uint64_t flags) noexcept {
  if ((flags & flag_copy_behind) == 0) return 0;
  return (flags & flag_timestamps) != 0 ? progress_word_timed : progress_word_untimed;
}

/// Requires: check_identity(identity) accepted it.
constexpr Geometry geometry_of(const Identity& identity) noexcept {
  return {.slots_word = identity.slots_offset / word_size,
          .stride_words = identity.slot_stride / word_size,
          .capacity = identity.capacity,
          .payload_word = identity.payload_offset / word_size,
          .max_message_size = identity.max_message_size,
          .timestamps = (identity.compatible_flags & flag_timestamps) != 0,
          .gaps = (identity.incompatible_flags & flag_gaps) != 0,
          .progress_word = progress_word_of(identity.compatible_flags)};
}

/// The release that these headers belong to, as 1000 * major + minor; CMakeLists.txt has to agree.
inline constexpr std::uint32_t release_number = 1;

/// What the caller's headers were compiled with; opening compares it with the library's own. The release is
/// among them, since sizes alone do not change when a member moves.
struct BuildConstants {
  std::uint32_t release = release_number;
  std::uint32_t format = format_version;
  std::uint32_t header = header_size;
  std::uint32_t identity = sizeof(Identity);
  std::uint32_t geometry = sizeof(Geometry);
  std::uint32_t publisher_options = 0;
  std::uint32_t subscriber_options = 0;

  friend constexpr bool operator==(const BuildConstants&, const BuildConstants&) = default;
};

using Word = std::atomic<std::uint64_t>;
static_assert(sizeof(Word) == word_size && Word::is_always_lock_free, "seqcast needs lock-free 64-bit atomics");

/// The words of a mapping: the one place where bytes become atomics.
/// Requires: `base` is aligned to 8, as every mapping is.
inline Word* words_at(void* base) noexcept {
  return reinterpret_cast<Word*>(base);
}
inline const Word* words_at(const void* base) noexcept {
  return reinterpret_cast<const Word*>(base);
}

/// A message in place.
/// Requires: the word is aligned for T, as every payload is; T is trivially copyable, so that its bytes are
/// a T.
template <class T>
inline T* message_at(Word* word) noexcept {
  return std::launder(reinterpret_cast<T*>(word));
}
template <class T>
inline const T* message_at(const Word* word) noexcept {
  return std::launder(reinterpret_cast<const T*>(word));
}

/// Words from `word` to the end of its cache line; 0 if it begins one.
template <class AnyWord>
inline std::size_t words_to_line_end(const AnyWord* word) noexcept {
  const std::size_t begun = reinterpret_cast<std::uintptr_t>(word) % cache_line;
  return begun == 0 ? 0 : (cache_line - begun) / word_size;
}

/// The half of a word that a futex compares: the low one.
inline const std::uint32_t* low_half(const Word* word) noexcept {
  const auto* halves = reinterpret_cast<const std::uint32_t*>(word);
  return std::endian::native == std::endian::little ? halves : halves + 1;
}

} // namespace seqcast::inline v1::detail
