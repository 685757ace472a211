// SPDX-License-Identifier: BSL-1.0
//
// seqcast: this library: as the README shows it, with other options, with latest(), and in place.
#include "../temporary_channel.hpp"
#include "../transport.hpp"
#include "all.hpp"
#include "in_place.hpp"

#include <seqcast/seqcast.hpp>

#include <bit>

namespace bench {

namespace {

struct Variant {
  bool latest = false;        // polls latest() instead of next()
  std::size_t ring_bytes = 0; // 0: the default
  bool copy_behind = false;
  bool bell = true;
};

template <std::size_t Size, Variant Options = Variant{}>
struct Channel {
  using Content = Message<Size>;
  TemporaryChannel channel;

  struct Sender {
    explicit Sender(Channel& all) : publisher{all.channel.location(), options()} {}
    static seqcast::PublisherOptions options() {
      seqcast::PublisherOptions options{.copy_behind = Options.copy_behind};
      if (Options.ring_bytes > 0) {
        options.capacity = std::max<std::uint64_t>(8, std::bit_floor(Options.ring_bytes / (Size + 16)));
      }
      if (!Options.bell) options.wakeup = seqcast::Wakeup::polling;
      return options;
    }
    bool send(const Content& message) {
      publisher.publish(message);
      return true;
    }
    seqcast::Publisher<Content> publisher;
  };

  struct Receiver {
    explicit Receiver(Channel& all)
        : subscriber{all.channel.location(), {.open_timeout = std::chrono::seconds{5}}} {}
    bool receive(Content& message) {
      if constexpr (!Options.latest) return subscriber.next(message).has_value();
      const std::uint64_t before = subscriber.cursor();
      const auto delivery = subscriber.latest(message);
      if (delivery) {
        calls.succeeded();
        return delivery->sequence != before;
      }
      if (subscriber.error()) calls.failed();
      return false;
    }
    const FailedCalls& failures() const {
      return calls;
    }
    seqcast::Subscriber<Content> subscriber;
    FailedCalls calls;
  };
};

template <std::size_t Size>
struct SeqcastNext : Channel<Size> {};
template <std::size_t Size>
struct SeqcastLargeRing : Channel<Size, Variant{.ring_bytes = 1 << 23}> {};
template <std::size_t Size>
struct SeqcastBehind : Channel<Size, Variant{.copy_behind = true}> {};
template <std::size_t Size>
struct SeqcastNoBell : Channel<Size, Variant{.bell = false}> {};
template <std::size_t Size>
struct SeqcastLatest : Channel<Size, Variant{.latest = true}> {};

template <std::size_t Size, Touch How>
struct InPlace {
  using Content = Message<Size>;
  TemporaryChannel channel;

  struct Sender {
    explicit Sender(InPlace& all) : publisher{all.channel.location()} {}
    bool send(const Content& message) {
      auto loan = publisher.loan();
      write<How>(message, &*loan);
      std::move(loan).commit();
      return true;
    }
    seqcast::Publisher<Content> publisher;
  };

  struct Receiver {
    explicit Receiver(InPlace& all)
        : subscriber{all.channel.location(), {.open_timeout = std::chrono::seconds{5}}} {}
    bool receive(Content& message) {
      auto view = subscriber.view();
      if (!view) return false;
      const bool equal = read<How>(&**view, message);
      if (!view->validate()) return false;
      if (!equal) ++torn_count;
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
struct SeqcastUntouched : InPlace<Size, Touch::one_word> {};
template <std::size_t Size>
struct SeqcastTouched : InPlace<Size, Touch::every_byte> {};

} // namespace

double idle_latest_rate() {
  const TemporaryChannel channel;
  seqcast::Publisher<Message<1024>> publisher{channel.location()};
  seqcast::Subscriber<Message<1024>> subscriber{channel.location()};
  const auto message = std::make_unique<Message<1024>>();
  message->words.fill(1);
  publisher.publish(*message);
  constexpr int count = 100'000;
  const std::uint64_t begin = stamp();
  for (int i = 0; i < count; ++i) {
    if (!subscriber.latest(*message)) return 0;
    asm volatile("" : : "r"(message.get()) : "memory");
  }
  return count / (ns_since(begin) * 1e-9);
}

const Transport seqcast_next = transport_of<SeqcastNext>({.name = "seqcast",
                                                          .setting = "default options; polls next()",
                                                          .may_lose = true,
                                                          .several_receivers = true});
const Transport seqcast_large_ring = transport_of<SeqcastLargeRing>({.name = "seqcast, 8 MiB",
                                                                     .setting = "8 MiB of slots; polls next()",
                                                                     .may_lose = true,
                                                                     .several_receivers = true});
const Transport seqcast_behind = transport_of<SeqcastBehind>({.name = "seqcast, behind",
                                                              .setting = "copy_behind; polls next()",
                                                              .may_lose = true,
                                                              .several_receivers = true});
const Transport seqcast_no_bell = transport_of<SeqcastNoBell>(
    {.name = "seqcast, no bell", .setting = "Wakeup::polling", .may_lose = true, .sender_only = true});
const Transport seqcast_latest = transport_of<SeqcastLatest>({.name = "seqcast latest()",
                                                              .setting = "default options; polls latest()",
                                                              .may_lose = true,
                                                              .several_receivers = true});

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
