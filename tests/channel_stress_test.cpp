// SPDX-License-Identifier: BSL-1.0
//
// One publisher process and 1 or 7 subscriber processes at full speed, with payloads of 1, 2^n - 1, 2^n and 2^n
// + 1 bytes, bytes and typed, in files on a tmpfs and in shared-memory objects.
//
// The publisher alternates bursts of up to three rings, which overrun every subscriber, with pauses, and goes
// on until each subscriber has received a minimum of distinct messages. On a machine with few cores that takes
// longer, and fails only when the watchdog does. Each subscriber's account has to balance exactly: received +
// lost (+ skipped by latest()) == published.
//
// SEQCAST_STRESS_SECONDS=600 in the environment makes the eight-process case go on for that long, in rounds
// over the payload sizes.
#include "support/checked_payload.hpp"
#include "support/child.hpp"
#include "support/shared_block.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <cstdlib>
#include <memory>

using namespace test;

namespace {

constexpr std::size_t most_subscribers = 7;
constexpr std::uint64_t floor_of_distinct = 50;

enum class Reading { next, mixed, latest };

struct Control {
  alignas(64) std::atomic<std::uint64_t> sent; // the newest sequence
  alignas(64) std::array<std::atomic<std::uint64_t>, most_subscribers> distinct;
  std::atomic<std::uint64_t> published;
  std::atomic<bool> finished;
};

struct Report {
  Reading reading = Reading::next;
  std::uint64_t checked = 0; // deliveries, each checked byte by byte
  std::uint64_t torn = 0;
  std::uint64_t disorder = 0; // sequence != previous + 1 + lost, or older than before
  std::uint64_t distinct = 0;
  std::uint64_t lost = 0;
  std::uint64_t skipped = 0;  // passed over by latest()
  std::uint64_t overruns = 0; // calls that gave nothing because the publisher was faster
  std::uint64_t last = 0;
  bool closed = false; // by state(), at the end
};

struct Seen {
  seqcast::Delivery delivery;
  bool whole = false;
};

/// Channels of bytes: every fourth message is shorter than the maximum.
class ByteFace {
 public:
  explicit ByteFace(std::size_t size) : scratch_(size) {}

  std::size_t size() const {
    return scratch_.size();
  }
  seqcast::BytePublisher publisher(const seqcast::Location& location, std::uint64_t capacity) const {
    return seqcast::BytePublisher{
        location, {.capacity = capacity, .max_message_size = static_cast<std::uint32_t>(size())}};
  }
  seqcast::ByteSubscriber subscriber(const seqcast::Location& location) const {
    return seqcast::ByteSubscriber{location};
  }
  std::uint64_t publish(seqcast::BytePublisher& publisher, std::uint64_t sequence) {
    const std::span<std::byte> message{scratch_.data(), size_of(sequence)};
    fill_payload(message, sequence);
    return publisher.publish(message);
  }
  std::optional<Seen> take(seqcast::ByteSubscriber& subscriber, bool latest) const {
    const auto found = latest ? subscriber.latest() : subscriber.next();
    if (!found) return std::nullopt;
    return Seen{*found,
                found->message.size() == size_of(found->sequence) && is_whole(found->message, found->sequence)};
  }

 private:
  std::size_t size_of(std::uint64_t sequence) const {
    return sequence % 4 == 3 ? 1 + sequence * 7919 % size() : size();
  }
  std::vector<std::byte> scratch_;
};

/// Channels of one type.
template <std::size_t Size>
class TypedFace {
 public:
  using T = CheckedMessage<Size>;

  seqcast::Publisher<T> publisher(const seqcast::Location& location, std::uint64_t capacity) const {
    return seqcast::Publisher<T>{location, {.capacity = capacity}};
  }
  seqcast::Subscriber<T> subscriber(const seqcast::Location& location) const {
    return seqcast::Subscriber<T>{location};
  }
  std::uint64_t publish(seqcast::Publisher<T>& publisher, std::uint64_t sequence) {
    scratch_->fill(sequence);
    return publisher.publish(*scratch_);
  }
  std::optional<Seen> take(seqcast::Subscriber<T>& subscriber, bool latest) {
    const auto found = latest ? subscriber.latest(*scratch_) : subscriber.next(*scratch_);
    if (!found) return std::nullopt;
    return Seen{*found, scratch_->whole(found->sequence)};
  }

 private:
  std::unique_ptr<T> scratch_ = std::make_unique<T>();
};

struct Plan {
  seqcast::Location location;
  std::uint64_t capacity;
  std::size_t subscribers;
  std::chrono::milliseconds at_least;
};

template <class Face>
void run_publisher(Face& face, const Plan& plan, Control& control, Line& line) {
  auto publisher = face.publisher(plan.location, plan.capacity);
  line.send(true);
  line.expect<bool>(); // every subscriber has opened the channel
  const auto floor_reached = [&] {
    for (std::size_t i = 0; i < plan.subscribers; ++i) {
      if (control.distinct[i].load() < floor_of_distinct) return false;
    }
    return true;
  };
  const Watchdog watchdog{"subscribers to see their floor of distinct messages"};
  const auto end = steady::now() + plan.at_least;
  std::uint64_t sequence = 0;
  for (std::uint64_t round = 0; steady::now() < end || !floor_reached(); ++round) {
    watchdog.check();
    const std::uint64_t burst = round % 4 == 0 ? 1 : round % 4 * plan.capacity;
    for (std::uint64_t i = 0; i < burst; ++i) {
      ++sequence;
      if (face.publish(publisher, sequence) != sequence) throw std::logic_error{"a sequence was left out"};
      control.sent.store(sequence, std::memory_order_relaxed);
    }
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds{20}); // the pace
  }
  control.published.store(sequence);
}

template <class Face>
Report run_subscriber(Face& face, const Plan& plan, Reading reading, Control& control,
                      std::atomic<std::uint64_t>& distinct, Line& line) {
  auto subscriber = face.subscriber(plan.location);
  line.send(true);
  Report report{.reading = reading};
  for (std::uint64_t call = 0;; ++call) {
    const bool finished = control.finished.load();
    const bool latest = reading == Reading::latest || (reading == Reading::mixed && call % 5 == 0);
    const std::optional<Seen> seen = face.take(subscriber, latest);
    if (!seen) {
      if (subscriber.error() == seqcast::Errc::overrun) {
        ++report.overruns;
        continue;
      }
      if (subscriber.error()) throw std::system_error{subscriber.error()};
      if (finished && (!latest || reading == Reading::latest)) break;
      std::this_thread::yield();
      continue;
    }
    const auto [sequence, lost, time] = seen->delivery;
    ++report.checked;
    if (!seen->whole) ++report.torn;
    const bool in_order = latest ? sequence >= report.last && lost == 0 : sequence == report.last + 1 + lost;
    if (!in_order) ++report.disorder;
    if (sequence > report.last) {
      if (latest) report.skipped += sequence - report.last - 1;
      report.lost += lost;
      distinct.store(++report.distinct);
      // Once it pauses until it is lapped: with a slow publisher there might be no overrun.
      while (report.distinct == floor_of_distinct / 2 && control.sent <= sequence + plan.capacity)
        std::this_thread::yield();
    } else if (finished && reading == Reading::latest) {
      break;
    }
    report.last = sequence;
  }
  report.closed = subscriber.state() == seqcast::ChannelState::closed;
  return report;
}

struct Sum {
  std::uint64_t runs = 0, published = 0, checked = 0, torn = 0, overruns = 0, lost = 0;

  void print(const char* what) const {
    std::printf("%s: %llu runs, %llu messages published, %llu checked, %llu torn, %llu lost, %llu retries\n",
                what, static_cast<unsigned long long>(runs), static_cast<unsigned long long>(published),
                static_cast<unsigned long long>(checked), static_cast<unsigned long long>(torn),
                static_cast<unsigned long long>(lost), static_cast<unsigned long long>(overruns));
    std::fflush(stdout);
  }
};

template <class Face>
void run(Face face, const Plan& plan, Sum& sum) {
  SharedBlock<Control> control;
  Child publisher{[&](Line& line) {
    run_publisher(face, plan, *control, line);
    control->finished.store(true);
  }};
  publisher.line().expect<bool>();
  std::vector<Child> subscribers;
  for (std::size_t i = 0; i < plan.subscribers; ++i) {
    // Alone it takes turns, run by run; of seven, four use next(), two mix, one uses latest().
    const std::size_t role = plan.subscribers == 1 ? sum.runs % 4 : i;
    const Reading reading = role < 2 || role > 4 ? Reading::next : role == 4 ? Reading::latest : Reading::mixed;
    subscribers.emplace_back([&, reading, i](Line& line) {
      line.send(run_subscriber(face, plan, reading, *control, control->distinct[i], line));
    });
  }
  for (Child& subscriber : subscribers) subscriber.line().expect<bool>();
  publisher.line().send(true);
  REQUIRE(publisher.wait() == ended_well);
  const std::uint64_t published = control->published.load();
  for (Child& subscriber : subscribers) {
    const Report report = subscriber.line().expect<Report>();
    CHECK(report.torn == 0);
    CHECK(report.disorder == 0);
    CHECK(report.distinct >= floor_of_distinct);
    CHECK(report.distinct + report.lost + report.skipped == published);
    if (report.reading == Reading::next) CHECK(report.skipped == 0);
    if (report.reading == Reading::next) CHECK(report.lost > 0);
    CHECK(report.last == published);
    CHECK(report.closed);
    CHECK(subscriber.wait() == ended_well);
    sum.checked += report.checked;
    sum.torn += report.torn;
    sum.overruns += report.overruns;
    sum.lost += report.lost;
  }
  sum.published += published;
  ++sum.runs;
}

/// Once through all sizes; `turn` shifts capacities and locations against them.
void run_all_sizes(std::size_t subscribers, std::uint64_t turn, std::chrono::milliseconds at_least, Sum& sum) {
  const auto one = [&](auto face) {
    const TemporaryFolder folder;
    const TemporaryObject object;
    constexpr std::uint64_t capacities[] = {2, 8, 64};
    const std::uint64_t step = sum.runs + turn;
    const bool in_file = (step / 3) % 2 == 0;
    INFO("run ", sum.runs, ", capacity ", capacities[step % 3],
         std::string{in_file ? ", file" : ", shared memory"});
    run(std::move(face),
        {in_file ? seqcast::file(folder / "channel") : object.channel(), capacities[step % 3], subscribers,
         at_least},
        sum);
  };
  for (const std::size_t size : payload_sizes()) one(ByteFace{size});
  const auto typed = [&]<std::size_t... Size>(std::index_sequence<Size...>) {
    (one(TypedFace<Size>{}), ...);
  };
  typed(std::index_sequence<1, 7, 8, 9, 47, 48, 49, 63, 64, 65, 1023, 1024, 1025, 65535, 65536>{});
}

std::chrono::seconds asked_for() {
  const char* const text = std::getenv("SEQCAST_STRESS_SECONDS");
  return std::chrono::seconds{text == nullptr ? 0 : std::atol(text)};
}

} // namespace

TEST_CASE("two processes: nothing is torn, and received + lost is exactly what was published") {
  Sum sum;
  run_all_sizes(1, 0, std::chrono::milliseconds{30}, sum);
  sum.print("two processes");
  CHECK(sum.torn == 0);
  CHECK(sum.lost > 0);
}

TEST_CASE("eight processes: nothing is torn, and received + lost is exactly what was published") {
  Sum sum;
  const auto end = steady::now() + asked_for();
  const std::chrono::milliseconds at_least{asked_for().count() > 0 ? 500 : 30};
  std::uint64_t turn = 0;
  do {
    run_all_sizes(most_subscribers, turn++, at_least, sum);
    if (asked_for().count() > 0) sum.print("eight processes, so far");
  } while (steady::now() < end);
  sum.print("eight processes");
  CHECK(sum.torn == 0);
  CHECK(sum.lost > 0);
}
