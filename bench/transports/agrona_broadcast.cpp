// SPDX-License-Identifier: BSL-1.0
//
// agrona_broadcast: records of any length in a circular buffer that is overwritten, after the description of
// BroadcastTransmitter and CopyBroadcastReceiver of Agrona (Aeron's library). The sender stores the tail that it is
// about to reach (the intent) before a record, and the tail after it. A receiver copies a record and then validates
// that no intent has reached it: the intent is at most one buffer ahead. One that is behind goes on with the latest.
#include "../transport.hpp"
#include "all.hpp"

#include <cstring>

namespace bench {

namespace {

template <std::size_t Size>
struct AgronaBroadcast : Sized<Size> {
  static constexpr std::size_t record_bytes = 8 + Size; // length and type, then the message; aligned to 8
  static constexpr std::uint32_t message_type = 1;
  static constexpr std::uint32_t padding_type = 2;
  struct Header {
    std::uint32_t length;
    std::uint32_t type;
  };
  /// In one line, as there.
  struct alignas(128) Counters {
    std::atomic<Word> intent{0};
    std::atomic<Word> tail{0};
    std::atomic<Word> latest{0};
  };

  explicit AgronaBroadcast(const Setting& setting)
      : capacity{std::bit_floor(setting.slots(1, 2 * record_bytes))},
        region{sizeof(Counters) + capacity},
        counters{new (region.at(0)) Counters},
        records{region.at(sizeof(Counters))} {}
  std::size_t capacity;
  SharedRegion region;
  Counters* counters;
  std::byte* records;

  struct Side {
    explicit Side(AgronaBroadcast& buffer)
        : counters{buffer.counters}, records{buffer.records}, capacity{buffer.capacity} {}
    std::byte* record(Word at) const {
      return records + (at & (capacity - 1));
    }
    Counters* counters;
    std::byte* records;
    Word capacity;
    Word position = 0;
  };
  struct Sender : Side {
    using Side::Side;
    bool send(const Word* message) {
      const Word to_end = this->capacity - (this->position & (this->capacity - 1));
      const Word padding = to_end < record_bytes ? to_end : 0; // a record is contiguous
      this->counters->intent.store(this->position + padding + record_bytes, std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_release);
      if (padding > 0) write(padding, padding_type);
      std::byte* const record = write(record_bytes, message_type);
      std::memcpy(record + sizeof(Header), message, Size);
      this->counters->latest.store(this->position - record_bytes, std::memory_order_relaxed);
      this->counters->tail.store(this->position, std::memory_order_release);
      return true;
    }
    std::byte* write(Word length, std::uint32_t type) {
      std::byte* const record = this->record(this->position);
      const Header header{static_cast<std::uint32_t>(length), type};
      std::memcpy(record, &header, sizeof header);
      this->position += length;
      return record;
    }
  };
  struct Receiver : Side {
    using Side::Side;
    bool receive(Word* message) {
      const Word tail = this->counters->tail.load(std::memory_order_acquire);
      if (tail <= this->position) return false;
      if (!valid()) this->position = this->counters->latest.load(std::memory_order_acquire);
      Header header{};
      std::memcpy(&header, this->record(this->position), sizeof header);
      if (header.type == padding_type) {
        if (!valid()) return false;
        this->position += header.length;
        std::memcpy(&header, this->record(this->position), sizeof header);
      }
      std::memcpy(message, this->record(this->position) + sizeof header, Size);
      if (!valid()) return false;
      this->position += header.length;
      return true;
    }
    /// Whether nothing from `position` on has been overwritten, nor is being.
    bool valid() const {
      std::atomic_thread_fence(std::memory_order_acquire);
      return this->position + this->capacity >= this->counters->intent.load(std::memory_order_relaxed);
    }
  };
};

} // namespace

const Transport agrona_broadcast =
    transport_of<AgronaBroadcast>({.name = "Agrona broadcast",
                                   .setting = "tail intent before, tail after; validated after the copy",
                                   .several_receivers = true,
                                   .sound = true});

} // namespace bench
