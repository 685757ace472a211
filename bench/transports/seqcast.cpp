// SPDX-License-Identifier: BSL-1.0
//
// seqcast: this library, as its README shows it, with next(), with a larger ring
// and with latest().
#include "../transport.hpp"
#include "all.hpp"
#include "in_place.hpp"

#include <seqcast/seqcast.hpp>

#include <unistd.h>

namespace bench {

namespace {

/// A channel that two processes can find and that is gone afterwards.
struct Place {
  seqcast::Location location = seqcast::shared_memory(unique_name());
  pid_t owner = ::getpid();

  Place() = default;
  Place(const Place&) = delete;
  ~Place() {
    std::error_code ignored;
    if (::getpid() == owner) seqcast::remove(location, ignored);
  }
};

template <std::size_t Size, bool Latest, std::size_t RingBytes = 0, bool CopyBehind = false>
struct Channel {
  using Content = Message<Size>;
  static constexpr std::optional<std::uint64_t> capacity =
      RingBytes == 0 ? std::nullopt
                     : std::optional{std::max<std::uint64_t>(8, std::bit_floor(RingBytes / (Size + 16)))};
  Place place;

  struct Sender {
    explicit Sender(Channel& channel)
        : publisher{channel.place.location, {.capacity = capacity, .copy_behind = CopyBehind}} {}
    bool send(const Content& message) {
      publisher.publish(message);
      return true;
    }
    seqcast::Publisher<Content> publisher;
  };

  struct Receiver {
    explicit Receiver(Channel& channel)
        : subscriber{channel.place.location, {.open_timeout = std::chrono::seconds{5}}} {}
    bool receive(Content& message) {
      if constexpr (!Latest) return subscriber.next(message).has_value();
      const std::uint64_t before = subscriber.cursor();
      const auto delivery = subscriber.latest(message);
      if (delivery) {
        in_a_row = 0;
        return delivery->sequence != before;
      }
      if (subscriber.error()) {
        ++failed;
        most = std::max(most, ++in_a_row);
      }
      return false;
    }
    std::pair<std::uint64_t, std::uint64_t> failures() const {
      return {failed, most};
    }
    seqcast::Subscriber<Content> subscriber;
    std::uint64_t failed = 0;
    std::uint64_t most = 0;
    std::uint64_t in_a_row = 0;
  };
};

template <std::size_t Size>
struct SeqcastNext : Channel<Size, false> {
  using typename Channel<Size, false>::Sender;
  using typename Channel<Size, false>::Receiver;
};
template <std::size_t Size>
struct SeqcastBehind : Channel<Size, false, 0, true> {
  using typename Channel<Size, false, 0, true>::Sender;
  using typename Channel<Size, false, 0, true>::Receiver;
};
template <std::size_t Size>
struct SeqcastLargeRing : Channel<Size, false, 1 << 23> {
  using typename Channel<Size, false, 1 << 23>::Sender;
  using typename Channel<Size, false, 1 << 23>::Receiver;
};
template <std::size_t Size>
struct SeqcastLatest : Channel<Size, true> {
  using typename Channel<Size, true>::Sender;
  using typename Channel<Size, true>::Receiver;
};

/// Without a bell, for the sender's own time.
template <std::size_t Size>
struct SeqcastNoBell {
  Place place;
  struct Sender {
    explicit Sender(SeqcastNoBell& all) : publisher{all.place.location, {.doorbell = false}} {}
    bool send(const Message<Size>& message) {
      publisher.publish(message);
      return true;
    }
    seqcast::Publisher<Message<Size>> publisher;
  };
  struct Receiver {
    explicit Receiver(SeqcastNoBell&) {}
    bool receive(Message<Size>&) {
      throw Unable{"this is for the sender alone"};
    }
  };
};

template <std::size_t Size, Touch How>
struct InPlace {
  using Content = Message<Size>;
  Place place;

  struct Sender {
    explicit Sender(InPlace& all) : publisher{all.place.location} {}
    bool send(const Content& message) {
      auto loan = publisher.loan();
      write<How>(message, &*loan);
      loan.commit();
      return true;
    }
    seqcast::Publisher<Content> publisher;
  };

  struct Receiver {
    explicit Receiver(InPlace& all)
        : subscriber{all.place.location, {.open_timeout = std::chrono::seconds{5}}} {}
    bool receive(Content& message) {
      auto view = subscriber.view();
      if (!view) return false;
      const bool whole = read<How>(&**view, message);
      if (!view->intact()) return false;
      if (!whole) ++torn_count;
      return true;
    }
    std::uint64_t torn() const {
      return torn_count;
    }
    seqcast::Subscriber<Content> subscriber;
    std::uint64_t torn_count = 0;
  };
};

template <std::size_t Size>
struct SeqcastUntouched : InPlace<Size, Touch::one_word> {
  using typename InPlace<Size, Touch::one_word>::Sender;
  using typename InPlace<Size, Touch::one_word>::Receiver;
};
template <std::size_t Size>
struct SeqcastTouched : InPlace<Size, Touch::every_byte> {
  using typename InPlace<Size, Touch::every_byte>::Sender;
  using typename InPlace<Size, Touch::every_byte>::Receiver;
};

} // namespace

double still_reads() {
  const Place place;
  seqcast::Publisher<Message<1024>> publisher{place.location};
  seqcast::Subscriber<Message<1024>> subscriber{place.location};
  const auto message = std::make_unique<Message<1024>>();
  message->words.fill(1);
  publisher.publish(*message);
  constexpr int count = 100'000;
  const std::uint64_t begin = stamp();
  for (int i = 0; i < count; ++i) {
    if (!subscriber.latest(*message)) return 0;
    asm volatile("" : : "r"(message.get()) : "memory");
  }
  return count / (static_cast<double>(stamp() - begin) / stamps_per_ns() / 1e9);
}

const Transport seqcast_next = transport_of<SeqcastNext>(
    {.name = "seqcast", .setting = "default options; polls next()", .may_lose = true, .many = true});
const Transport seqcast_large_ring = transport_of<SeqcastLargeRing>(
    {.name = "seqcast, 8 MiB", .setting = "8 MiB of slots; polls next()", .may_lose = true, .many = true});
const Transport seqcast_behind = transport_of<SeqcastBehind>(
    {.name = "seqcast, behind", .setting = "copy_behind; polls next()", .may_lose = true, .many = true});
const Transport seqcast_no_bell = transport_of<SeqcastNoBell>(
    {.name = "seqcast, no bell", .setting = "without a doorbell", .may_lose = true, .only_alone = true});
const Transport seqcast_latest = transport_of<SeqcastLatest>(
    {.name = "seqcast latest()", .setting = "default options; polls latest()", .may_lose = true, .many = true});

const Transport seqcast_untouched =
    transport_of<SeqcastUntouched>({.name = "seqcast, untouched",
                                    .setting = "loan() and view(); one word written and read",
                                    .may_lose = true,
                                    .in_place = true});
const Transport seqcast_touched =
    transport_of<SeqcastTouched>({.name = "seqcast, touched",
                                  .setting = "loan() and view(); every byte written and read",
                                  .may_lose = true,
                                  .in_place = true});

} // namespace bench
