// SPDX-License-Identifier: BSL-1.0
#include "identity.hpp"

#include "schema.hpp"

#include <algorithm>
#include <charconv>
#include <initializer_list>

namespace seqcast::inline v1::detail {

namespace {

constexpr std::uint32_t default_message_size = 1024;
constexpr std::uint64_t default_ring_bytes = 1 << 20; // of messages
constexpr std::uint64_t default_capacity_least = 8;
constexpr std::uint64_t default_capacity_most = 1024;

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

/// Fails with Errc::invalid_options unless `holds`.
void require(bool holds, const std::string& text) {
  if (!holds) fail(Errc::invalid_options, text);
}

void check_message(std::uint64_t size, std::uint64_t alignment) {
  require(size <= largest_message_size,
          "max_message_size is " + number(size) + ", and has to be at most " + number(largest_message_size));
  require(std::has_single_bit(alignment) && alignment <= largest_alignment,
          "message_alignment is " + number(alignment) + ", and has to be a power of two up to " +
              number(largest_alignment));
}

void check_mode(const char* what, std::uint32_t mode) {
  std::array<char, 16> octal{};
  std::to_chars(octal.begin(), octal.end() - 1, mode, 8);
  require((mode & 0600) == 0600 && mode <= 0777,
          std::string{what} + " is 0" + octal.data() +
              ", and has to let the owner read and write, as 0600 does, and to be at most 0777");
}

void check_capacity(std::uint64_t capacity) {
  const std::uint64_t near = std::bit_ceil(std::clamp<std::uint64_t>(capacity, 2, max_capacity));
  require(capacity == near, "capacity is " + number(capacity) + ", and has to be a power of two from 2 to " +
                                number(max_capacity) + ". Take " + number(near));
}

std::uint32_t payload_offset_for(std::uint64_t flags, std::uint32_t alignment) {
  const std::size_t head = smallest_payload_offset + ((flags & flag_timestamps) != 0 ? word_size : 0) +
                           ((flags & flag_copy_behind) != 0 ? word_size : 0);
  return static_cast<std::uint32_t>(round_up(head, std::max<std::size_t>(word_size, alignment)));
}

std::uint64_t flags_of(Wakeup wakeup) noexcept {
  switch (wakeup) {
    case Wakeup::bell:
      return flag_bell;
    case Wakeup::every_message:
      return flag_wake_always;
    case Wakeup::polling:
      break;
  }
  return 0;
}

const char* const remedy = ". Use another name, or remove it";

/// What a header has to fulfil.
struct Rule {
  bool holds;
  const char* expected;
  std::uint64_t found;
};

void check(std::initializer_list<Rule> rules) {
  for (const Rule& rule : rules) {
    if (rule.holds) continue;
    fail(Errc::wrong_geometry,
         "its header has " + number(rule.found) + " instead of " + rule.expected + remedy);
  }
}

void check_slots(const Identity& id, std::uint64_t file_size) {
  check({{id.header_size == header_size, "a header of 512 bytes", id.header_size},
         {std::has_single_bit(id.capacity) && id.capacity >= 2 && id.capacity <= max_capacity,
          "a capacity that is a power of two from 2 to 2^32", id.capacity},
         {id.max_message_size <= largest_message_size, "messages of at most 2^31 bytes", id.max_message_size},
         {std::has_single_bit(id.message_alignment) && id.message_alignment <= largest_alignment,
          "an alignment that is a power of two up to 4096", id.message_alignment}});

  const std::uint64_t alignment = std::max<std::uint64_t>(word_size, id.message_alignment);
  const std::uint64_t line = std::max<std::uint64_t>(cache_line, id.message_alignment);
  check({{id.payload_offset >= payload_offset_for(id.compatible_flags, id.message_alignment) &&
              id.payload_offset % alignment == 0 && id.payload_offset <= 65536,
          "an aligned payload offset behind the slot's own words", id.payload_offset},
         {id.slot_stride % line == 0 && id.slot_stride <= max_region_size &&
              id.slot_stride >= id.payload_offset + round_up(id.max_message_size, word_size),
          "a slot stride of whole cache lines that holds a message", id.slot_stride},
         {id.slots_offset % line == 0 && id.slots_offset >= header_size && id.slots_offset <= 65536,
          "the slots behind the header", id.slots_offset},
         {id.format_size <= most_format_bytes && header_size + id.format_size <= id.slots_offset,
          "a schema's format between header and slots", id.format_size},
         // Neither product nor sum overflows: the capacity is at most 2^32 and so, by the division, the
         // product 2^46.
         {id.slot_stride <= max_region_size / id.capacity &&
              id.region_size == id.slots_offset + id.slot_stride * id.capacity,
          "a region size of slots offset + capacity x stride", id.region_size},
         {std::find(id.schema_name.begin(), id.schema_name.end(), '\0') != id.schema_name.end(),
          "a schema name that ends with a zero", 0}});
  if (id.region_size > file_size) {
    fail(Errc::wrong_geometry, "the file has " + number(file_size) + " bytes, and the region in it " +
                                   number(id.region_size) + "; it may have been truncated" + remedy);
  }
}

/// Fails if one that is expected differs from the one found.
template <class Number>
void compare(const char* what, const std::optional<Number>& expected, std::uint64_t found) {
  if (!expected || *expected == found) return;
  fail(Errc::wrong_identity,
       std::string{"expected "} + what + " " + number(*expected) + ", found " + number(found));
}

void compare_schema(const SchemaText& found, const SchemaText& expected) {
  if (found.name == expected.name && found.format == expected.format) return;
  const Schema ours = Schema::stored(expected.name, expected.format);
  const Schema theirs = Schema::stored(found.name, found.format);
  const std::string difference = first_difference(ours, theirs);
  // Another library may spell the same layout in another way.
  if (found.name == expected.name && difference.empty() && theirs.root().size > 0 && ours.root().size > 0)
    return;
  fail(Errc::wrong_identity, "expected schema " + describe(ours) + ", found " + describe(theirs) +
                                 (difference.empty() ? "" : ". They differ first in " + difference));
}

void compare_switch(const char* what, const std::optional<bool>& expected, bool found) {
  if (expected.value_or(found) == found) return;
  fail(Errc::wrong_identity, std::string{"expected "} + what + (found ? " off, found on" : " on, found off"));
}

} // namespace

static_assert(release_number == SEQCAST_RELEASE, "layout.hpp and CMakeLists.txt name different releases");

std::string_view schema_name_of(const Identity& identity) {
  const auto end = std::find(identity.schema_name.begin(), identity.schema_name.end(), '\0');
  return {identity.schema_name.data(), static_cast<std::size_t>(end - identity.schema_name.begin())};
}

Wakeup wakeup_of(const Identity& identity) noexcept {
  if ((identity.compatible_flags & flag_wake_always) != 0) return Wakeup::every_message;
  return (identity.compatible_flags & flag_bell) != 0 ? Wakeup::bell : Wakeup::polling;
}

void check_build(const ExpectedIdentity& expected) {
  if (expected.build == ExpectedIdentity{}.build) return;
  fail(
      Errc::build_mismatch,
      "the program was compiled with other seqcast headers than the library it runs with; rebuild one of them");
}

ExpectedIdentity expect_schema(const ExpectedIdentity& expected, const PublisherOptions& options,
                               const Schema& schema) {
  if (schema.empty()) return expected;
  require(!expected.message_size,
          "schema is for BytePublisher; a Publisher<T> takes schema<T>, so leave it unset");
  ExpectedIdentity result = expected;
  result.schema = {schema.name(), schema.format()};
  const std::uint32_t size = schema.root().size * schema.root().count;
  if (size == 0) return result;
  require(options.max_message_size.value_or(size) == size,
          "max_message_size is " + number(options.max_message_size.value_or(size)) +
              ", and messages of the schema have " + number(size) + " bytes, so leave it unset");
  result.message_size = size;
  return result;
}

Identity make_identity(const PublisherOptions& options, const ExpectedIdentity& expected, const Schema& schema,
                       std::uint64_t new_id) {
  const std::uint32_t size =
      expected.message_size.value_or(options.max_message_size.value_or(default_message_size));
  const std::uint32_t alignment =
      expected.message_alignment.value_or(options.message_alignment.value_or(schema.root().alignment));
  require(options.max_message_size.value_or(size) == size,
          "max_message_size is for BytePublisher; a Publisher<T> takes sizeof(T), so leave it unset");
  require(options.message_alignment.value_or(alignment) == alignment,
          "message_alignment is for BytePublisher; a Publisher<T> takes alignof(T), so leave it unset");
  check_mode("mode", options.mode);
  check_mode("bell_mode", options.bell_mode.value_or(0600));
  check_message(size, alignment);
  require(options.max_blocking_time.value_or(std::chrono::nanoseconds{0}).count() >= 0,
          "max_blocking_time is less than 0; take 0 to wait for nobody who is behind");
  require(!options.max_blocking_time || options.wakeup.value_or(Wakeup::bell) == Wakeup::bell,
          "max_blocking_time needs Wakeup::bell, so leave wakeup unset");
  if (options.capacity) check_capacity(*options.capacity);
  require(options.mirror_of.value_or(1) != 0,
          "mirror_of is 0, the id of a channel that an older seqcast made; it cannot be mirrored");
  require(!options.mirror_of || options.gaps.value_or(true), "a mirror has gaps, so leave gaps unset");
  require(!options.mirror_of || !expected.message_alignment,
          "mirror_of is for BytePublisher, so leave it unset");

  const std::uint64_t flags = (options.timestamps.value_or(false) ? flag_timestamps : 0) |
                              flags_of(options.wakeup.value_or(Wakeup::bell)) |
                              (options.copy_behind.value_or(false) ? flag_copy_behind : 0) |
                              (options.mirror_of ? flag_mirror : 0);
  const std::uint64_t line = std::max<std::uint64_t>(cache_line, alignment);
  Identity identity{};
  identity.magic_number = magic;
  identity.version = format_version;
  identity.header_size = header_size;
  identity.format_size = static_cast<std::uint32_t>(expected.schema.format.size());
  identity.slots_offset = round_up(header_size + identity.format_size, line);
  // A large message of a fixed size begins a line (lib/docs/decisions/0008-string-instructions.md). Where sizes
  // differ, small ones have to share one with the version.
  const bool begins_line = expected.message_size && size >= payload_begins_line_from;
  identity.payload_offset =
      payload_offset_for(flags, begins_line ? std::max<std::uint32_t>(cache_line, alignment) : alignment);
  identity.slot_stride = round_up(identity.payload_offset + round_up(size, word_size), line);
  identity.capacity = options.capacity.value_or(std::clamp(
      std::bit_floor(default_ring_bytes / std::max(size, 1U)), default_capacity_least, default_capacity_most));
  identity.max_message_size = size;
  identity.message_alignment = alignment;
  identity.compatible_flags = flags;
  identity.incompatible_flags = options.gaps.value_or(options.mirror_of.has_value()) ? flag_gaps : 0;
  identity.id = options.mirror_of.value_or(new_id);
  if (!expected.schema.empty()) {
    identity.schema_tag = Schema::stored(expected.schema.name, expected.schema.format).tag();
    std::copy(expected.schema.name.begin(), expected.schema.name.end(), identity.schema_name.begin());
  }
  require(identity.slot_stride <= max_region_size / identity.capacity,
          "capacity " + number(identity.capacity) + " x " + number(identity.slot_stride) +
              " bytes a slot is more than the 64 TiB that a region may have");
  identity.region_size = identity.slots_offset + identity.slot_stride * identity.capacity;
  return identity;
}

void check_identity(const Identity& identity, std::uint64_t file_size) {
  if (identity.magic_number == swapped_magic) {
    fail(Errc::wrong_byte_order,
         "expected a channel of this machine's byte order, found the other one" + std::string{remedy});
  }
  if (identity.magic_number != magic) {
    fail(Errc::not_a_channel,
         "expected a seqcast channel, found something else, which is left alone" + std::string{remedy});
  }
  if (identity.version != format_version) {
    fail(Errc::wrong_version, "expected format version " + number(format_version) + ", found " +
                                  number(identity.version) + ". Use the seqcast that made it, or another name");
  }
  if (const std::uint64_t unknown = identity.incompatible_flags & ~known_incompatible_flags; unknown != 0) {
    fail(Errc::unknown_feature, "a newer seqcast made the channel, with the unknown flags " + number(unknown) +
                                    ". Use that one, or another name");
  }
  check_slots(identity, file_size);
}

void compare_identity(const Identity& found, std::string_view format, const ExpectedIdentity& expected) {
  if (!expected.schema.empty()) compare_schema({schema_name_of(found), format}, expected.schema);
  compare("messages of size", expected.message_size, found.max_message_size);
  compare("alignment", expected.message_alignment, found.message_alignment);
}

void compare_options(const Identity& found, std::string_view format, const PublisherOptions& options,
                     const ExpectedIdentity& expected) {
  const bool has_schema = found.schema_tag != 0 || !schema_name_of(found).empty() || !format.empty();
  const bool gives_bytes = !expected.message_size && expected.schema.empty();
  if (gives_bytes && has_schema) {
    fail(Errc::wrong_identity,
         "its messages have the schema " + describe(Schema::stored(schema_name_of(found), format)) +
             ", and bytes are published into it only by those who give the same as schema");
  }
  compare("max_message_size", options.max_message_size, found.max_message_size);
  compare("message_alignment", options.message_alignment, found.message_alignment);
  compare("capacity", options.capacity, found.capacity);
  const auto has = [&](std::uint64_t flag) { return (found.compatible_flags & flag) != 0; };
  if (is_mirror(found) && !options.mirror_of) {
    fail(Errc::wrong_identity,
         "it mirrors a channel of another machine, and only what receives that publishes");
  }
  if (!is_mirror(found) && options.mirror_of)
    fail(Errc::wrong_identity, "expected a mirror, found a channel that is none");
  compare("a mirror of channel", options.mirror_of, found.id);
  compare_switch("timestamps", options.timestamps, has(flag_timestamps));
  compare_switch("copy_behind", options.copy_behind, has(flag_copy_behind));
  compare_switch("gaps", options.gaps, (found.incompatible_flags & flag_gaps) != 0);
  if (options.max_blocking_time && wakeup_of(found) != Wakeup::bell) {
    fail(Errc::wrong_identity,
         std::string{"max_blocking_time needs wakeup by bell, found "} + to_string(wakeup_of(found)));
  }
  if (options.wakeup && *options.wakeup != wakeup_of(found)) {
    fail(Errc::wrong_identity, std::string{"expected wakeup by "} + to_string(*options.wakeup) + ", found " +
                                   to_string(wakeup_of(found)));
  }
}

} // namespace seqcast::inline v1::detail
