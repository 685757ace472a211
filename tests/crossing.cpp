// SPDX-License-Identifier: BSL-1.0
//
// crossing: one of two processes that publish to each other at the same time, each into a channel of its own.
// Built for two processors, and started by crossing_test.sh once each, it shows that each reads what the other
// wrote: every byte of every message, the version words, the bells, and what a publisher of the other
// processor left.
//
//     crossing ROUND OUT IN   publishes into the file OUT, subscribes to the file IN
//
// Prints what it published and what it received; the status is 1 if anything was torn, out of order or wrong.
//
// Invariants
//   1. Each side's account begins where it subscribes, and from there on everything is received or lost.
//   2. After its n-th burst a side waits for the other's n-th: neither gets two ahead, so of any two bursts in
//      a row something is received, and the two never wait for each other.
#include "support/checked_payload.hpp"
#include "support/watchdog.hpp"

#include <seqcast/seqcast.hpp>

#include <cstdio>
#include <cstdlib>

using namespace test;

namespace {

constexpr std::uint64_t bursts = 400;
constexpr std::uint32_t most = 20'000; // bytes: beyond a chunk of what is copied behind its publisher

std::size_t size_of(std::uint64_t sequence) {
  return 16 + sequence * sequence * 7919 % (sequence % 64 == 0 ? most - 15 : 500);
}

/// What the bytes of a message depend on besides its sequence. It is their end, too.
struct Origin {
  std::uint64_t round;
  std::uint64_t burst;

  std::uint64_t seed() const {
    return burst << 8 | round;
  }
  static Origin of(std::span<const std::byte> message) {
    std::uint64_t seed = 0;
    std::memcpy(&seed, message.last(sizeof seed).data(), sizeof seed);
    return {seed & 0xFF, seed >> 8};
  }
};

void fill(std::span<std::byte> message, std::uint64_t sequence, const Origin& origin) {
  const std::uint64_t seed = origin.seed();
  fill_payload(message.first(message.size() - sizeof seed), sequence, seed);
  std::memcpy(message.last(sizeof seed).data(), &seed, sizeof seed);
}

bool whole(std::span<const std::byte> message, std::uint64_t sequence) {
  if (message.size() != size_of(sequence)) return false;
  const std::uint64_t seed = Origin::of(message).seed();
  return is_whole(message.first(message.size() - sizeof seed), sequence, seed);
}

struct Account {
  std::uint64_t first = 0; // the cursor at the beginning
  std::uint64_t received = 0;
  std::uint64_t of_this_round = 0;
  std::uint64_t lost = 0;
  std::uint64_t broken = 0; // torn, out of order, or an error

  bool exact(std::uint64_t last) const {
    return received + lost == last - first;
  }
};

class Side {
 public:
  Side(std::uint64_t round, const std::string& out, const std::string& in)
      : round_{round},
        publisher_{seqcast::BytePublisher{
            seqcast::file(out),
            {.capacity = 4, .max_message_size = most, .timestamps = true, .copy_behind = true}}},
        subscriber_{seqcast::file(in),
                    {.start = seqcast::StartPosition::oldest, .open_timeout = watchdog_timeout}},
        first_{publisher_->head()} {
    account_.first = subscriber_.cursor();
  }

  bool run() {
    for (std::uint64_t burst = 1; burst <= bursts; ++burst) {
      publish(burst, burst % 10 == 0 ? 5000 : 1 + burst % 24);
      await("a burst of the other side", [&] { return their_burst_ >= burst || ended_; });
    }
    const std::uint64_t head = publisher_->head();
    publisher_.reset();
    await("the other side to close", [&] { return ended_; });
    const std::uint64_t last = subscriber_.cursor();
    std::printf("published %ju up to %ju, received %ju, lost %ju, up to %ju\n", std::uintmax_t{head - first_},
                std::uintmax_t{head}, std::uintmax_t{account_.received}, std::uintmax_t{account_.lost},
                std::uintmax_t{last});
    return account_.broken == 0 && account_.exact(last) && account_.of_this_round >= bursts / 2;
  }

 private:
  void publish(std::uint64_t burst, std::uint64_t count) {
    for (; count > 0; --count) {
      const std::uint64_t sequence = publisher_->head() + 1;
      const std::span message = std::span{scratch_}.first(size_of(sequence));
      fill(message, sequence, {round_, burst});
      publisher_->publish(message);
    }
  }

  void drain() {
    for (;;) {
      const auto found = subscriber_.next();
      if (!found && subscriber_.error() == seqcast::Errc::overrun) continue;
      if (subscriber_.error()) ++account_.broken;
      if (!found) return;
      if (!whole(found->message, found->sequence) || !found->age() || found->age()->count() < 0) {
        ++account_.broken;
        continue;
      }
      const Origin origin = Origin::of(found->message);
      if (origin.round == round_) {
        ++account_.of_this_round;
        their_burst_ = origin.burst;
      }
      ++account_.received;
      account_.lost += found->lost;
    }
  }

  template <class Condition>
  void await(const char* what, const Condition& holds) {
    const Watchdog watchdog{what};
    for (; !holds(); watchdog.check()) wait_and_drain();
  }

  void wait_and_drain() {
    const bool closed = subscriber_.wait_for(std::chrono::seconds{1}) == seqcast::WaitResult::closed;
    ended_ = closed && account_.of_this_round > 0; // otherwise that was the publisher of the round before
    drain();
  }

  std::uint64_t round_;
  std::optional<seqcast::BytePublisher> publisher_;
  seqcast::ByteSubscriber subscriber_;
  std::uint64_t first_;
  Account account_;
  std::uint64_t their_burst_ = 0;
  bool ended_ = false;
  std::array<std::byte, most> scratch_{};
};

} // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fputs("usage: crossing ROUND OUT IN\n", stderr);
    return 2;
  }
  return Side{std::strtoull(argv[1], nullptr, 10), argv[2], argv[3]}.run() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "crossing: %s\n", error.what());
  return 1;
}
