// SPDX-License-Identifier: BSL-1.0
#include "identity.hpp"

#include <algorithm>
#include <initializer_list>

namespace seqcast::inline v1::detail {

namespace {

constexpr std::uint32_t default_message_size = 1024;
constexpr std::uint64_t default_ring_bytes = 1 << 20;
constexpr std::uint64_t default_capacity_least = 8;
constexpr std::uint64_t default_capacity_most = 1024;

void fail(Failure& failure, Errc code, std::string text) {
  if (!failure) failure = {code, std::move(text)};
}

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

std::string schema_text(std::uint64_t tag, std::string_view name) {
  return std::string{name.empty() ? "without a name" : name} + ", tag " + number(tag);
}

void check_message(std::uint64_t size, std::uint64_t alignment, Failure& failure) {
  if (size > largest_message_size) {
    fail(failure, Errc::invalid_options,
         "max_message_size is " + number(size) + "; it is at most " + number(largest_message_size));
  }
  if (!std::has_single_bit(alignment) || alignment > largest_alignment) {
    fail(failure, Errc::invalid_options,
         "message_alignment is " + number(alignment) + "; it is a power of two, at most " +
             number(largest_alignment));
  }
}

void check_capacity(std::uint64_t capacity, Failure& failure) {
  if (std::has_single_bit(capacity) && capacity >= 2 && capacity <= max_capacity) return;
  const std::uint64_t near = std::bit_ceil(std::clamp<std::uint64_t>(capacity, 2, max_capacity));
  fail(failure, Errc::invalid_options,
       "capacity is " + number(capacity) + "; it is a power of two, at least 2: take " + number(near));
}

std::uint32_t payload_offset_for(std::uint64_t flags, std::uint32_t alignment) {
  const std::size_t head = smallest_payload_offset + ((flags & flag_timestamps) != 0 ? word_size : 0) +
                           ((flags & flag_copy_behind) != 0 ? word_size : 0);
  return static_cast<std::uint32_t>(round_up(head, std::max<std::size_t>(word_size, alignment)));
}

void check_slots(const Identity& id, std::uint64_t file_size, Failure& failure) {
  const auto expect = [&](bool holds, const char* what, std::uint64_t found) {
    if (!holds) fail(failure, Errc::wrong_geometry, std::string{what} + ", found " + number(found));
  };
  expect(id.header_size == header_size, "expected a header of 512 bytes", id.header_size);
  expect(std::has_single_bit(id.capacity) && id.capacity >= 2 && id.capacity <= max_capacity,
         "expected a capacity that is a power of two from 2 to 2^32", id.capacity);
  expect(id.max_message_size <= largest_message_size, "expected messages of at most 2^31 bytes",
         id.max_message_size);
  expect(std::has_single_bit(id.message_alignment) && id.message_alignment <= largest_alignment,
         "expected an alignment that is a power of two up to 4096", id.message_alignment);
  if (failure) return;

  const std::uint64_t alignment = std::max<std::uint64_t>(word_size, id.message_alignment);
  const std::uint64_t line = std::max<std::uint64_t>(cache_line, id.message_alignment);
  expect(id.payload_offset >= payload_offset_for(id.compatible_flags, id.message_alignment) &&
             id.payload_offset % alignment == 0 && id.payload_offset <= 65536,
         "expected an aligned payload offset behind the slot's own words", id.payload_offset);
  expect(id.slot_stride % line == 0 && id.slot_stride <= max_region_size &&
             id.slot_stride >= id.payload_offset + round_up(id.max_message_size, word_size),
         "expected a slot stride of whole cache lines that holds a message", id.slot_stride);
  expect(id.slots_offset % line == 0 && id.slots_offset >= header_size && id.slots_offset <= 65536,
         "expected the slots behind the header", id.slots_offset);
  if (failure) return;

  // Neither product nor sum overflows: the capacity is at most 2^32 and so, by the division, the product 2^46.
  expect(id.slot_stride <= max_region_size / id.capacity &&
             id.region_size == id.slots_offset + id.slot_stride * id.capacity,
         "expected a region size of slots offset + capacity x stride", id.region_size);
  expect(id.region_size <= file_size, "expected a file as long as the region in it (was it truncated?)",
         file_size);
  expect(std::find(id.schema_name.begin(), id.schema_name.end(), '\0') != id.schema_name.end(),
         "expected a schema name that ends with a zero", 0);
}

void compare(Failure& failure, const char* what, std::uint64_t expected, std::uint64_t found) {
  if (expected == found) return;
  fail(failure, Errc::wrong_identity,
       std::string{"expected "} + what + " " + number(expected) + ", found " + number(found));
}

} // namespace

static_assert(release_number == SEQCAST_RELEASE, "layout.hpp and CMakeLists.txt tell of different releases");

std::string_view schema_name_of(const Identity& identity) {
  const auto end = std::find(identity.schema_name.begin(), identity.schema_name.end(), '\0');
  return {identity.schema_name.data(), static_cast<std::size_t>(end - identity.schema_name.begin())};
}

void check_build(const Wanted& wanted, Failure& failure) {
  const Wanted own;
  if (wanted.build == own.build) return;
  fail(
      failure, Errc::build_mismatch,
      "the program was compiled with other seqcast headers than the library it runs with; rebuild one of them");
}

Identity make_identity(const PublisherOptions& options, const Wanted& wanted, Failure& failure) {
  check_build(wanted, failure);
  if (failure) return {}; // those options may be another structure than ours
  if (wanted.message_size && options.max_message_size.value_or(*wanted.message_size) != *wanted.message_size) {
    fail(failure, Errc::invalid_options,
         "max_message_size is for BytePublisher; a Publisher<T> takes sizeof(T)");
  }
  if (wanted.message_alignment &&
      options.message_alignment.value_or(*wanted.message_alignment) != *wanted.message_alignment) {
    fail(failure, Errc::invalid_options,
         "message_alignment is for BytePublisher; a Publisher<T> takes alignof(T)");
  }
  for (const std::uint32_t mode : {options.mode, options.doorbell_mode.value_or(0600)}) {
    if ((mode & 0600) == 0600 && mode <= 0777) continue;
    fail(failure, Errc::invalid_options, "a mode has to let the owner read and write, and be at most 0777");
  }
  if (wanted.schema_name.size() >= std::tuple_size_v<decltype(Identity::schema_name)> ||
      wanted.schema_name.find('\0') != std::string_view::npos) {
    fail(failure, Errc::invalid_options, "a schema name has at most 103 bytes, none of them zero");
  }
  const std::uint32_t size =
      wanted.message_size.value_or(options.max_message_size.value_or(default_message_size));
  const std::uint32_t alignment = wanted.message_alignment.value_or(options.message_alignment.value_or(1));
  check_message(size, alignment, failure);
  if (options.capacity) check_capacity(*options.capacity, failure);
  if (failure) return {};

  const bool wake_always = options.wake_always.value_or(false);
  const bool doorbell = options.doorbell.value_or(!wake_always);
  const std::uint64_t flags = (options.timestamps.value_or(false) ? flag_timestamps : 0) |
                              (doorbell ? flag_doorbell : 0) | (wake_always ? flag_wake_always : 0) |
                              (options.copy_behind.value_or(false) ? flag_copy_behind : 0);
  const std::uint64_t line = std::max<std::uint64_t>(cache_line, alignment);
  Identity identity{};
  identity.magic_number = magic;
  identity.version = format_version;
  identity.header_size = header_size;
  identity.slots_offset = round_up(header_size, line);
  // A large message that is always whole begins a line (lib/docs/decisions/0008-string-instructions.md). Where
  // sizes differ, small ones have to share one with the version.
  const bool begins_line = wanted.message_size && size >= payload_begins_line_from;
  identity.payload_offset =
      payload_offset_for(flags, begins_line ? std::max<std::uint32_t>(cache_line, alignment) : alignment);
  identity.slot_stride = round_up(identity.payload_offset + round_up(size, word_size), line);
  identity.capacity =
      options.capacity.value_or(std::clamp(std::bit_floor(default_ring_bytes / identity.slot_stride),
                                           default_capacity_least, default_capacity_most));
  identity.max_message_size = size;
  identity.message_alignment = alignment;
  identity.compatible_flags = flags;
  identity.schema_tag = wanted.schema_tag;
  std::copy(wanted.schema_name.begin(), wanted.schema_name.end(), identity.schema_name.begin());
  if (identity.slot_stride > max_region_size / identity.capacity) {
    fail(failure, Errc::invalid_options,
         "capacity " + number(identity.capacity) + " x " + number(identity.slot_stride) +
             " bytes a slot is more than the 64 TiB that a region may have");
    return {};
  }
  identity.region_size = identity.slots_offset + identity.slot_stride * identity.capacity;
  return identity;
}

void check_identity(const Identity& identity, std::uint64_t file_size, Failure& failure) {
  if (identity.magic_number == swapped_magic) {
    fail(failure, Errc::wrong_byte_order, "expected this machine's byte order, found the other one");
  } else if (identity.magic_number != magic) {
    fail(failure, Errc::not_a_channel,
         "expected a seqcast channel, found something else; it is left alone: use another name, or remove it");
  } else if (identity.version != format_version) {
    fail(failure, Errc::wrong_version,
         "expected format version " + number(format_version) + ", found " + number(identity.version));
  } else if ((identity.incompatible_flags & ~known_incompatible_flags) != 0) {
    fail(failure, Errc::unknown_feature,
         "expected no unknown incompatible flags, found " +
             number(identity.incompatible_flags & ~known_incompatible_flags) + "; a newer seqcast made it");
  }
  if (!failure) check_slots(identity, file_size, failure);
}

void compare_identity(const Identity& found, const Wanted& wanted, Failure& failure) {
  if (wanted.message_size) compare(failure, "messages of size", *wanted.message_size, found.max_message_size);
  if (wanted.message_alignment)
    compare(failure, "alignment", *wanted.message_alignment, found.message_alignment);
  const bool has_schema = wanted.schema_tag != 0 || !wanted.schema_name.empty();
  if (has_schema && (wanted.schema_tag != found.schema_tag || wanted.schema_name != schema_name_of(found))) {
    fail(failure, Errc::wrong_identity,
         "expected schema " + schema_text(wanted.schema_tag, wanted.schema_name) + ", found " +
             schema_text(found.schema_tag, schema_name_of(found)));
  }
}

void compare_identity(const Identity& found, const PublisherOptions& options, const Wanted& wanted,
                      Failure& failure) {
  compare_identity(found, wanted, failure);
  if (options.max_message_size) {
    compare(failure, "max_message_size", *options.max_message_size, found.max_message_size);
  }
  if (options.message_alignment) {
    compare(failure, "message_alignment", *options.message_alignment, found.message_alignment);
  }
  if (options.capacity) compare(failure, "capacity", *options.capacity, found.capacity);
  const auto compare_flag = [&](const std::optional<bool>& option, const char* what, std::uint64_t flag) {
    if (option) compare(failure, what, *option ? 1 : 0, (found.compatible_flags & flag) != 0 ? 1 : 0);
  };
  compare_flag(options.timestamps, "timestamps", flag_timestamps);
  compare_flag(options.copy_behind, "copy_behind", flag_copy_behind);
  compare_flag(options.doorbell, "doorbell", flag_doorbell);
  compare_flag(options.wake_always, "wake_always", flag_wake_always);
}

} // namespace seqcast::inline v1::detail
