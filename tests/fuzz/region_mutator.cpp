// SPDX-License-Identifier: BSL-1.0
//
// region_mutator: changes an input of region_fuzz in ways that keep it interesting: one field of the region is
// given a value that means something, and mostly the header is made sound again afterwards, since an unsound
// one is refused at the door.
//
// Who may call it: libFuzzer.
#include "fuzz_input.hpp"

#include <seqcast/detail/copy.hpp>

#include <algorithm>
#include <random>
#include <span>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace seqcast::detail;

class Region {
 public:
  explicit Region(std::span<std::uint8_t> bytes) : bytes_{bytes} {}

  std::uint64_t get(std::size_t offset) const {
    std::uint64_t value = 0;
    if (offset + sizeof value <= bytes_.size()) std::memcpy(&value, &bytes_[offset], sizeof value);
    return value;
  }
  void put(std::size_t offset, std::uint64_t value) const {
    if (offset + sizeof value <= bytes_.size()) std::memcpy(&bytes_[offset], &value, sizeof value);
  }

  /// A header that check_identity() accepts, as close to the present one as that can be.
  void mend() const {
    if (bytes_.size() < header_size) return;
    Identity id;
    std::memcpy(&id, bytes_.data(), sizeof id);
    id.magic_number = magic;
    id.version = format_version;
    id.header_size = header_size;
    id.incompatible_flags &= known_incompatible_flags;
    id.message_alignment = std::uint32_t{1} << (id.message_alignment % 8);
    const std::uint64_t line = std::max<std::uint64_t>(cache_line, id.message_alignment);
    const std::uint32_t head = (id.compatible_flags & flag_timestamps) != 0 ? 24 : 16;
    id.payload_offset =
        static_cast<std::uint32_t>(round_up(head, std::max<std::uint64_t>(8, id.message_alignment)));
    id.format_size %= 200;
    id.slots_offset = round_up(header_size + id.format_size, line);
    id.max_message_size %= 600;
    id.slot_stride = round_up(id.payload_offset + round_up(id.max_message_size, 8), line);
    id.capacity = std::bit_floor(std::max<std::uint64_t>(2, id.capacity % 64));
    while (id.capacity > 2 && id.slots_offset + id.slot_stride * id.capacity > bytes_.size()) id.capacity /= 2;
    id.region_size = id.slots_offset + id.slot_stride * id.capacity;
    id.schema_name.back() = 0;
    std::memcpy(bytes_.data(), &id, sizeof id);
  }

  std::size_t any_field(std::mt19937& random) const {
    static constexpr std::array lines{head_offset,   state_offset,   epoch_offset, first_sequence_offset,
                                      oldest_offset, process_offset, boot_offset,  wake_offset};
    const std::uint64_t capacity = get(offsetof(Identity, capacity)) % 64 + 1;
    const std::uint64_t slot = get(offsetof(Identity, slots_offset)) % 65536 +
                               random() % capacity * (get(offsetof(Identity, slot_stride)) % 65536);
    switch (random() % 8) {
      case 0:
        return random() % (sizeof(Identity) / 8) * 8;
      case 1:
      case 2:
        return lines[random() % lines.size()];
      case 3:
        return static_cast<std::size_t>(slot + size_word * 8);
      default:
        return static_cast<std::size_t>(slot + version_word * 8);
    }
  }

  std::uint64_t any_value(std::size_t offset, std::mt19937& random) const {
    const std::uint64_t head = get(head_offset);
    const std::uint64_t capacity = get(offsetof(Identity, capacity));
    switch (random() % 9) {
      case 0:
        return head + random() % 5 - 2;
      case 1:
        return 2 * head + random() % 7 - 3;
      case 2:
        return 2 * (head + capacity * (random() % 5 - 2)) + random() % 5 - 2;
      case 3:
        return get(offset) + random() % 9 - 4;
      case 4:
        return (std::uint64_t{1} << random() % 64) + random() % 3 - 1;
      case 5:
        return get(offset) + 2 * capacity * (random() % 3 - 1);
      case 6:
        return get(offsetof(Identity, max_message_size)) + random() % 3 - 1;
      case 7:
        return pack_size(0, gap_mark);
      default:
        return random();
    }
  }

 private:
  std::span<std::uint8_t> bytes_;
};

/// Adds an early poke of a field that the calls load.
void poke(std::uint8_t* data, const Region& region, std::mt19937& random) {
  fuzz::Control control;
  std::memcpy(&control, data, sizeof control);
  const std::size_t offset = region.any_field(random);
  const std::uint64_t value = region.any_value(offset, random);
  control.pokes[random() % control.pokes.size()] = {.step = static_cast<std::uint16_t>(1 + random() % 256),
                                                    .word = static_cast<std::uint16_t>(offset / word_size),
                                                    .value = static_cast<std::uint32_t>(value & 0xFFFF)};
  std::memcpy(data, &control, sizeof control);
}

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  std::mt19937 random{seed};
  constexpr std::size_t control = sizeof(fuzz::Control);
  if (size < control + header_size || random() % 8 == 0) {
    size = LLVMFuzzerMutate(data, size, max_size);
  } else if (random() % 3 == 0) {
    // What is done, and by whom, not to what.
    LLVMFuzzerMutate(data, control, control);
    if (random() % 2 == 0) poke(data, Region{{data + control, size - control}}, random);
  } else {
    const Region region{{data + control, size - control}};
    for (auto changes = random() % 4; changes < 4; ++changes) {
      const std::size_t offset = region.any_field(random);
      region.put(offset, region.any_value(offset, random));
    }
  }
  // Files are 20 times slower.
  if (size > 0 && random() % 8 != 0) data[0] &= static_cast<std::uint8_t>(~fuzz::in_a_file);
  if (size > control && random() % 16 != 0) Region{{data + control, size - control}}.mend();
  return size;
}
