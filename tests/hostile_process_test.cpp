// SPDX-License-Identifier: BSL-1.0
//
// A process that may write the region and the bell changes words of them all the time, while subscribers use
// every call and publishers open and close the channel. This finds values that are loaded twice and checked
// once, accesses outside the region (whose neighbours are guard pages, where there is room), and calls that do
// not end.
//
// The content of a delivered message may be anything here; the accounts of sequences still have to balance.
#include "support/child.hpp"
#include "support/guarded_memory.hpp"
#include "support/hostile.hpp"
#include "support/shared_block.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <cinttypes>
#include <fstream>
#include <random>

using namespace test;
using namespace std::chrono_literals;
namespace detail = seqcast::detail;

namespace {

constexpr std::uint64_t capacity = attacked_capacity;
constexpr std::uint32_t max_size = attacked_size;
constexpr std::uint64_t calls_wanted = 50'000; // 20 times as many with SEQCAST_LONG=1
using Whole = std::array<std::byte, max_size>; // a message of the largest size

struct Report {
  std::uint64_t calls = 0;
  std::uint64_t delivered = 0;
  std::uint64_t errors = 0;
  std::uint64_t broken = 0; // what may not be, whatever the region holds
  std::uint64_t guarded = 0;
};

bool long_run() {
  const char* const value = std::getenv("SEQCAST_LONG");
  return value != nullptr && std::string_view{value} == "1";
}

/// What the processes share. The watchdog observes `calls`.
struct Control {
  Report report; // complete when the reader has ended
  std::atomic<bool> finished;
  std::atomic<std::uint64_t> calls;
  std::atomic<std::uint64_t> flips;
  std::atomic<std::uint64_t> opened;
  std::atomic<std::uint64_t> refused;
  std::atomic<std::uint64_t> slots_looked_at;
  std::atomic<std::uint64_t> inspector_broken;

  /// Whether every process has acted: on a busy machine one may be late.
  bool all_tried() const {
    return flips > 1000 && opened > 0 && slots_looked_at > 0 && report.delivered > 0 && report.guarded > 0;
  }
};

void flip_all_the_time(const std::string& path, Aim aim, Control& control) {
  std::mt19937_64 random{static_cast<std::uint64_t>(aim) + 1};
  std::array<std::uint64_t, sizeof(detail::Identity) / 8> identity{};
  std::size_t stride = 0;
  while (!control.finished) {
    const Target target{aim == Aim::bell ? path + ".bell" : path};
    const auto words = target.words();
    if (words.empty() || (aim != Aim::bell && words.size() * 8 < detail::header_size)) continue;
    if (stride == 0 && aim != Aim::bell) {
      for (std::size_t i = 0; i < identity.size(); ++i) identity[i] = words[i];
      stride = identity[offsetof(detail::Identity, slot_stride) / 8] / 8;
    }
    for (int i = 0; i < 500; ++i) {
      auto& word = words[aimed_word(aim, words.size(), stride, random) % words.size()];
      const std::uint64_t honest = word;
      word = hostile_value(random, honest);
      if (random() % 4 != 0) word = honest; // so that a second load gives the honest word
      ++control.flips;
    }
    // Without its magic a region is never taken over, and then there would be nothing more to see.
    if (aim != Aim::bell) std::copy(identity.begin(), identity.end(), words.begin());
  }
}

void publish_again_and_again(const seqcast::Location& place, Control& control) {
  const std::vector<std::byte> message(max_size);
  std::mt19937 random{7};
  while (!control.finished) {
    seqcast::Error error;
    auto publisher = seqcast::BytePublisher::open(
        place, {.capacity = capacity, .max_message_size = max_size, .replace = true}, error);
    ++(publisher ? control.opened : control.refused);
    if (!publisher) continue;
    for (int i = 0; i < 200; ++i)
      publisher->publish(std::span{message}.first(random() % 2 == 0 ? max_size : random() % max_size));
  }
}

/// Forbids the pages on both sides of the region's mapping; gives how many were free to be forbidden.
std::uint64_t guard_neighbours(const std::string& path) {
  std::ifstream maps{"/proc/self/maps"};
  std::uint64_t guarded = 0;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (!line.ends_with(path) || std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR, &begin, &end) != 2)
      continue;
    for (const std::uintptr_t page : {begin - 4096, end}) {
      void* const at = __builtin_bit_cast(void*, page);
      if (::mmap(at, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == at)
        ++guarded;
    }
  }
  return guarded;
}

/// One subscriber, and what has to be true of it.
template <class Subscriber>
class Reader {
 public:
  explicit Reader(Subscriber subscriber)
      : subscriber_{std::move(subscriber)}, previous_{subscriber_.cursor()} {}

  void call(std::mt19937& random, Report& report) {
    const auto expect = [&](bool holds) { report.broken += holds ? 0 : 1; };
    const std::uint64_t before = subscriber_.cursor();
    const auto kind = random() % 16;
    if (kind < 12) {
      const bool is_next = kind < 8;
      const auto delivery = read(is_next, random, expect);
      if (delivery) {
        expect(delivery->sequence == subscriber_.cursor());
        if (is_next) expect(delivery->sequence == previous_ + 1 + delivery->lost);
        previous_ = delivery->sequence;
        ++report.delivered;
      } else if (subscriber_.error()) {
        ++report.errors;
      }
    } else if (kind == 12) {
      expect(subscriber_.lag() <= std::uint64_t{1} << 62);
      subscriber_.epoch();
    } else if (kind == 13) {
      subscriber_.state();
      subscriber_.wakeup();
    } else if (kind == 14) {
      subscriber_.wait_for(20us);
    }
    expect(subscriber_.cursor() >= before);
    expect(subscriber_.capacity() == capacity);
    if (kind == 15 && random() % 8 == 0) move_on();
  }

 private:
  template <class Expect>
  std::optional<seqcast::Delivery> read(bool is_next, std::mt19937& random, const Expect& expect) {
    if constexpr (std::is_same_v<Subscriber, seqcast::ByteSubscriber>) {
      const auto room = random() % (max_size + 1);
      const auto buffer = buffers_->bytes().last(random() % 2 == 0 ? max_size : room);
      const auto received = is_next ? subscriber_.next(buffer) : subscriber_.latest(buffer);
      if (subscriber_.error() == seqcast::Errc::buffer_too_small) {
        expect(subscriber_.needed_size() > buffer.size() &&
               subscriber_.needed_size() <= subscriber_.max_message_size());
      }
      if (!received) return std::nullopt;
      expect(received->message.size() <= buffer.size());
      return *received;
    } else {
      const auto received = is_next ? subscriber_.next() : subscriber_.latest();
      if (!received) return std::nullopt;
      return *received;
    }
  }

  void move_on() {
    seqcast::Error error;
    if (subscriber_.reopen(error)) previous_ = subscriber_.cursor();
  }

  Subscriber subscriber_;
  std::uint64_t previous_;
  std::unique_ptr<test::GuardedMemory> buffers_ = std::make_unique<test::GuardedMemory>(max_size);
};

template <class Subscriber>
void read_all_the_time(const seqcast::Location& place, Control& control) {
  Report& report = control.report;
  std::mt19937 random{1};
  const Watchdog watchdog{"everybody to have had a turn", (long_run() ? 20 : 1) * watchdog_timeout};
  const std::uint64_t end = report.calls + (long_run() ? 20 : 1) * calls_wanted;
  while (report.calls < end || !control.all_tried()) {
    watchdog.check();
    seqcast::Error error;
    auto subscriber = Subscriber::open(place, {.start = seqcast::StartPosition::oldest}, error);
    ++control.calls;
    if (!subscriber) continue;
    report.guarded += guard_neighbours(place.name());
    Reader<Subscriber> reader{std::move(*subscriber)};
    for (int i = 0; i < 5000; ++i) {
      reader.call(random, report);
      ++report.calls;
      ++control.calls;
    }
  }
}

void inspect_all_the_time(const seqcast::Location& place, Control& control) {
  const test::GuardedMemory buffers{max_size};
  std::mt19937 random{2};
  std::uint64_t round = 0;
  while (!control.finished) {
    seqcast::Error error;
    const auto inspector = seqcast::Inspector::open(place, {}, error);
    if (!inspector) continue;
    if (round++ % 50 == 0) guard_neighbours(place.name());
    const auto expect = [&](bool holds) { control.inspector_broken += holds ? 0 : 1; };
    expect(inspector->identity().capacity == capacity);
    for (int i = 0; i < 500; ++i) {
      const std::uint64_t index = random() % capacity;
      const seqcast::SlotContent slot = inspector->slot(index, buffers.bytes().last(random() % (max_size + 1)));
      // Its identity may be another than the honest one, as long as it is one.
      const auto& identity = inspector->identity();
      expect(!slot.whole ||
             (slot.size <= identity.max_message_size && identity.slot_of(slot.sequence) == index));
      expect(inspector->head() < std::uint64_t{1} << 62);
      ++control.slots_looked_at;
    }
    const seqcast::ChannelStatus status = inspector->status();
    expect(status.error || status.head < std::uint64_t{1} << 62);
    seqcast::channels_in_folder(std::filesystem::path{place.name()}.parent_path().string(), error);
  }
}

/// Waits for the reader's end, for as long as calls go on being made.
void watch(const Child& reader, const Control& control) {
  const Descriptor process{static_cast<int>(::syscall(SYS_pidfd_open, reader.id(), 0))};
  std::uint64_t calls = ~std::uint64_t{0};
  while (!readable(process.id(), Watchdog{"the reader", watchdog_timeout})) {
    if (std::exchange(calls, control.calls.load()) == calls) throw WaitFailed{"a call does not end"};
  }
}

void attack(Aim aim) {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  const SharedBlock<Control> control;
  { const seqcast::BytePublisher first{place, {.capacity = capacity, .max_message_size = max_size}}; }
  Child hostile{[&](Line&) { flip_all_the_time(place.name(), aim, *control); }};
  Child publisher{[&](Line&) { publish_again_and_again(place, *control); }};
  Child reader{[&](Line&) {
    read_all_the_time<seqcast::ByteSubscriber>(place, *control);
    read_all_the_time<seqcast::Subscriber<Whole>>(place, *control);
  }};
  Child inspector{[&](Line&) { inspect_all_the_time(place, *control); }};
  watch(reader, *control);
  CHECK(reader.wait() == ended_well);
  control->finished = true;
  CHECK(hostile.wait() == ended_well);
  CHECK(publisher.wait() == ended_well);
  CHECK(inspector.wait() == ended_well);
  const Report& report = control->report;
  MESSAGE(report.calls << " calls, " << report.delivered << " delivered, " << report.errors << " errors, "
                       << control->flips.load() << " flips, publishers: " << control->opened.load()
                       << " opened, " << control->refused.load() << " refused; " << report.guarded
                       << " neighbours forbidden; " << control->slots_looked_at.load() << " slots looked into");
  CHECK(control->inspector_broken == 0);
  CHECK(control->slots_looked_at > 0);
  CHECK(report.broken == 0);
  CHECK(report.delivered > 0);
  CHECK(report.guarded > 0);
  CHECK(control->flips > 1000);
  CHECK(control->opened > 0);

  // All that was flipped is survived by replacing it.
  seqcast::remove_channel(place);
  seqcast::BytePublisher last{place, {.capacity = capacity, .max_message_size = max_size}};
  seqcast::ByteSubscriber subscriber{place};
  CHECK(last.publish("whole") == 1);
  const auto received = subscriber.next();
  REQUIRE(received);
  CHECK(received->text() == "whole");
}

} // namespace

TEST_CASE("sizes of slots that change between any two loads do no harm") {
  attack(Aim::sizes);
}
TEST_CASE("versions of slots that change between any two loads do no harm") {
  attack(Aim::versions);
}
TEST_CASE("head, oldest, epoch, state and boot id that change between any two loads do no harm") {
  attack(Aim::header);
}
TEST_CASE("an identity that changes during and after opening does no harm") {
  attack(Aim::identity);
}
TEST_CASE("a bell that changes all the time does no harm") {
  attack(Aim::bell);
}
TEST_CASE("a region that changes anywhere at any time does no harm") {
  attack(Aim::anywhere);
}
