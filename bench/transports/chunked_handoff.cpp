// SPDX-License-Identifier: BSL-1.0
//
// chunked_handoff: large messages, handed over in chunks. Each chunk has a line of its own for its sequence, so that
// the receiver copies a chunk while the sender copies the next one, and polls no line that the sender stores to more
// often. This is the pipelining of messages into fragments that MPI libraries use for large messages in shared
// memory (D. Buntinas, G. Mercier, W. Gropp, "Implementation and evaluation of shared-memory communication and
// synchronization operations in MPICH2 using the Nemesis communication subsystem", 2007). A ring of buffers, whose
// sender waits for the receiver: lossless.
#include "../transport.hpp"
#include "all.hpp"

#include <cstring>

namespace bench {

namespace {

template <std::size_t Size, bool InPlace>
struct Chunks : Sized<Size> {
  static constexpr std::size_t chunk = Size <= 65536 ? 8192 : 16384;
  static constexpr std::size_t chunks = Size / chunk;

  explicit Chunks(const Setting& setting)
      : buffers{setting.slots(Size, 1)},
        region{sizeof(IsolatedNumber) * (1 + buffers * chunks) + 4096 + buffers * Size},
        received{new (region.at(0)) IsolatedNumber},
        lines{new (region.at(sizeof(IsolatedNumber))) IsolatedNumber[buffers * chunks]},
        messages{region.at((sizeof(IsolatedNumber) * (1 + buffers * chunks) + 4095) / 4096 * 4096)} {}
  std::size_t buffers;
  SharedRegion region;
  IsolatedNumber* received;
  IsolatedNumber* lines;
  std::byte* messages;

  struct Side {
    explicit Side(Chunks& all)
        : received{all.received}, lines{all.lines}, messages{all.messages}, buffers{all.buffers} {}
    /// The sequence of each chunk of the message `next`.
    IsolatedNumber* sequences() const {
      return lines + next % buffers * chunks;
    }
    std::byte* message() const {
      return messages + next % buffers * Size;
    }
    static Word* words_of(std::byte* chunk_begin) {
      return static_cast<Word*>(static_cast<void*>(chunk_begin));
    }
    IsolatedNumber* received;
    IsolatedNumber* lines;
    std::byte* messages;
    Word buffers;
    Word next = 1;
  };
  struct Sender : Side {
    using Side::Side;
    bool send(const Word* message) {
      if (this->next > acknowledged + this->buffers) {
        acknowledged = this->received->value.load(std::memory_order_acquire);
        if (this->next > acknowledged + this->buffers) return false;
      }
      std::byte* to = this->message();
      for (std::size_t i = 0; i < chunks; ++i, to += chunk) {
        if constexpr (InPlace) {
          Word* const words = Side::words_of(to);
          for (std::size_t k = 0; k < chunk / 8; ++k) words[k] = message[1];
          if (i == 0) words[0] = message[0];
        } else {
          std::memcpy(to, message + i * chunk / 8, chunk);
        }
        this->sequences()[i].value.store(this->next, std::memory_order_release);
      }
      ++this->next;
      return true;
    }
    Word acknowledged = 0;
  };
  struct Receiver : Side {
    using Side::Side;
    bool receive(Word* message) {
      if (this->sequences()[0].value.load(std::memory_order_acquire) != this->next) return false;
      std::byte* from = this->message();
      Word different = 0;
      if constexpr (InPlace) message[0] = Side::words_of(from)[0], message[1] = Side::words_of(from)[1];
      for (std::size_t i = 0; i < chunks; ++i, from += chunk) {
        // The sender never stops within a message.
        while (this->sequences()[i].value.load(std::memory_order_acquire) != this->next) continue;
        if constexpr (InPlace) {
          const Word* const words = Side::words_of(from);
          for (std::size_t k = i == 0 ? 1 : 0; k < chunk / 8; ++k) different |= words[k] ^ message[1];
        } else {
          std::memcpy(message + i * chunk / 8, from, chunk);
        }
      }
      if constexpr (InPlace) message[2] = message[1] ^ different;
      this->received->value.store(this->next, std::memory_order_release);
      ++this->next;
      return true;
    }
  };
};

template <std::size_t Size>
struct ChunkedHandOff : Chunks<Size, false> {
  using Chunks<Size, false>::Chunks;
};
template <std::size_t Size>
struct ChunkedInPlace : Chunks<Size, true> {
  static constexpr bool in_place = true;
  using Chunks<Size, true>::Chunks;
};

} // namespace

const Transport chunked_handoff = transport_of<ChunkedHandOff, 65536>(
    {.name = "chunked hand-off", .setting = "a sequence line per chunk", .lossless = true, .sound = true});
const Transport chunked_handoff_small =
    transport_of<ChunkedHandOff, 65536>({.name = "chunked, one buffer",
                                         .setting = "one message in the ring",
                                         .lossless = true,
                                         .sound = true,
                                         .at_best = true,
                                         .use = {.ring_bytes = 1}});
const Transport chunked_in_place = transport_of<ChunkedInPlace, 65536>(
    {.name = "chunked, in place", .setting = "every word, chunk by chunk", .lossless = true, .sound = true});

} // namespace bench
