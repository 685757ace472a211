// SPDX-License-Identifier: BSL-1.0
//
// seqcast: this library: as the README shows it, with other options, with latest(), and in place.
#include "../temporary_channel.hpp"
#include "../transport.hpp"
#include "all.hpp"

#include <seqcast/seqcast.hpp>

namespace bench {

namespace {

template <std::size_t Size>
struct SeqcastNext : Sized<Size> {
  using Content = Message<Size>;
  TemporaryChannel channel;
  Setting setting;
  explicit SeqcastNext(const Setting& chosen) : setting{chosen} {}

  struct Sender {
    explicit Sender(SeqcastNext& all) : publisher{all.channel.location(), options(all.setting)} {}
    static seqcast::PublisherOptions options(const Setting& setting) {
      seqcast::PublisherOptions options{.copy_behind = setting.copy_behind};
      if (setting.ring_bytes > 0) {
        options.capacity = std::bit_floor(setting.slots(default_slot_bytes(Size), 8));
      }
      if (!setting.bell) options.wakeup = seqcast::Wakeup::polling;
      if (setting.reliable) options.max_blocking_time = std::chrono::seconds{5};
      return options;
    }
    bool send(const Word* message) {
      publisher.publish(message_at<Size>(message));
      return true;
    }
    seqcast::Publisher<Content> publisher;
  };

  struct Receiver {
    explicit Receiver(SeqcastNext& all) : setting{all.setting}, subscriber{open(all)} {}
    static seqcast::Subscriber<Content> open(const SeqcastNext& all) {
      const seqcast::SubscriberOptions options{.open_timeout = std::chrono::seconds{5},
                                               .reliable = all.setting.reliable};
      // A publisher that is just opening has a region, but does not wait for anybody yet.
      for (const std::uint64_t begin = stamp();;) {
        seqcast::Error error;
        auto opened = seqcast::Subscriber<Content>::open(all.channel.location(), options, error);
        if (opened) return std::move(*opened);
        if (ns_since(begin) > 5e9) throw CannotMeasure{error.message()};
      }
    }
    bool receive(Word* message) {
      if (subscriber.next(message_at<Size>(message))) return true;
      if (setting.reliable && !subscriber.reliable()) throw std::runtime_error{"it was demoted"};
      if (setting.sleeps) (void)subscriber.wait_for(std::chrono::milliseconds{10});
      return false;
    }
    Setting setting;
    seqcast::Subscriber<Content> subscriber;
  };
};

/// Sixteen messages in each call.
template <std::size_t Size>
struct SeqcastBatches : SeqcastNext<Size> {
  using SeqcastNext<Size>::SeqcastNext;
  static constexpr std::size_t batch = 16;
  using Content = Message<Size>;

  struct Sender {
    explicit Sender(SeqcastBatches& all)
        : publisher{all.channel.location(), SeqcastNext<Size>::Sender::options(all.setting)} {}
    bool send(const Word* messages) {
      publisher.publish(std::span{&message_at<Size>(messages), batch});
      return true;
    }
    seqcast::Publisher<Content> publisher;
  };

  struct Receiver {
    explicit Receiver(SeqcastBatches& all)
        : subscriber{all.channel.location(), {.open_timeout = std::chrono::seconds{5}}} {}
    std::size_t receive(Word* messages) {
      return subscriber.next(std::span{&message_at<Size>(messages), batch}).count;
    }
    seqcast::Subscriber<Content> subscriber;
  };
};

template <std::size_t Size>
struct SeqcastLatest : SeqcastNext<Size> {
  using SeqcastNext<Size>::SeqcastNext;

  struct Receiver {
    explicit Receiver(SeqcastLatest& all)
        : subscriber{all.channel.location(), {.open_timeout = std::chrono::seconds{5}}} {}
    bool receive(Word* message) {
      const std::uint64_t before = subscriber.cursor();
      const auto delivery = subscriber.latest(message_at<Size>(message));
      return delivery && delivery->sequence != before;
    }
    seqcast::Subscriber<Message<Size>> subscriber;
  };
};

template <std::size_t Size>
struct SeqcastInPlace : Sized<Size> {
  static constexpr bool in_place = true;
  using Content = Message<Size>;
  TemporaryChannel channel;
  explicit SeqcastInPlace(const Setting&) {}

  struct Sender {
    explicit Sender(SeqcastInPlace& all) : publisher{all.channel.location()} {}
    bool send(const Word* message) {
      auto loan = publisher.loan();
      loops::number_all(loan->words.data(), Size, message[1]);
      loan->words[0] = message[0];
      std::move(loan).commit();
      return true;
    }
    seqcast::Publisher<Content> publisher;
  };

  struct Receiver {
    explicit Receiver(SeqcastInPlace& all)
        : subscriber{all.channel.location(), {.open_timeout = std::chrono::seconds{5}}} {}
    bool receive(Word* message) {
      auto view = subscriber.view();
      if (!view) return false;
      loops::summarise((**view).words.data(), Size, message);
      return view->validate();
    }
    seqcast::Subscriber<Content> subscriber;
  };
};

} // namespace

const Transport seqcast_next = transport_of<SeqcastNext>(
    {.name = "seqcast", .setting = "default options; polls next()", .several_receivers = true});
const Transport seqcast_large_ring = transport_of<SeqcastNext>({.name = "seqcast, 8 MiB",
                                                                .setting = "8 MiB of slots; polls next()",
                                                                .several_receivers = true,
                                                                .use = {.ring_bytes = 1 << 23}});
const Transport seqcast_behind = transport_of<SeqcastNext>({.name = "seqcast, behind",
                                                            .setting = "copy_behind; polls next()",
                                                            .several_receivers = true,
                                                            .least_size = 4096,
                                                            .use = {.copy_behind = true}});
const Transport seqcast_reliable = transport_of<SeqcastNext>({.name = "seqcast, reliable",
                                                              .setting = "the publisher waits",
                                                              .lossless = true,
                                                              .several_receivers = true});
const Transport seqcast_no_bell = transport_of<SeqcastNext>({.name = "seqcast, no bell",
                                                             .setting = "Wakeup::polling",
                                                             .sender_only = true,
                                                             .most_size = 256,
                                                             .use = {.bell = false}});
const Transport seqcast_latest = transport_of<SeqcastLatest, 8, 4096>(
    {.name = "seqcast latest()", .setting = "default options; polls latest()", .several_receivers = true});
const Transport seqcast_batches = transport_of<SeqcastBatches, 8, 48>(
    {.name = "seqcast, batches", .setting = "16 messages a call", .flat_out_only = true});
const Transport seqcast_in_place = transport_of<SeqcastInPlace, 65536>(
    {.name = "seqcast, in place", .setting = "loan() and view(); every word written and read"});

} // namespace bench
