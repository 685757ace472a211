// SPDX-License-Identifier: BSL-1.0
//
// waiting: what it costs to wake a subscriber, and to be woken. For the publisher: publish() while nothing is
// asleep, with and without a bell, and with each way to order the check of the bell after the message. For the
// subscriber: the time from publish() to the return of wait_for(), compared with a futex, a pipe and a datagram
// socket, and the processor time of waiting on a silent channel.
//
//     ./bench/run waiting [--quick] [--real-time]
//
// A figure is the median of the repetitions, with the smallest and the largest. The publisher is on core 0, the
// subscriber on core 1.
//
// Invariants
//   1. Measurements that are compared are repeated in turn, so that a disturbance affects all of them.
//   2. A wake-up is measured only from a receiver that /proc reports as asleep.
#include "clock.hpp"
#include "machine.hpp"
#include "process.hpp"
#include "statistics.hpp"
#include "temporary_channel.hpp"

#include <seqcast/seqcast.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <thread>

#include <fmt/format.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

namespace bench {
namespace {

using namespace std::chrono_literals;
using Number = std::uint64_t;

struct Options {
  bool quick = false;
  int repetitions = 5;
};

/// The compiler cannot remove what is assigned to it.
volatile std::uint64_t result_sink = 0;

// Tables

/// Measurements to be compared.
template <class Result>
struct Comparison {
  struct Row {
    std::string name;
    std::function<Result()> measure;
    std::vector<Result> results;
  };
  std::vector<Row> rows;

  void add(std::string name, std::function<Result()> measure) {
    rows.push_back({std::move(name), std::move(measure), {}});
  }
  /// Measures each row once, in turn, and that as often as there are repetitions.
  void run(int repetitions) {
    for (int i = 0; i < repetitions; ++i) {
      for (Row& row : rows) row.results.push_back(row.measure());
    }
  }
};

void print(const char* title, const char* unit, const Comparison<double>& comparison) {
  fmt::print("\n{}\n  {:<44} {:>9} {:>9} {:>9}  {}\n", title, "", "median", "min", "max", unit);
  for (const auto& row : comparison.rows) {
    const Spread spread = spread_of(row.results);
    fmt::print("  {:<44} {:>9.1f} {:>9.1f} {:>9.1f}\n", row.name, spread.median, spread.min, spread.max);
  }
}

/// Each percentile over the repetitions, in us.
void print(const char* title, const Comparison<Histogram>& comparison) {
  fmt::print("\n{}\n  {:<26}{:>21} {:>21} {:>9}  us\n", title, "", "p50 (min..max)", "p99 (min..max)", "max");
  for (const auto& row : comparison.rows) {
    const auto spread = [&](const auto& figure) {
      std::vector<double> values;
      for (const Histogram& result : row.results) values.push_back(figure(result) * 1e-3);
      return spread_of(values);
    };
    const Spread p50 = spread([](const Histogram& times) { return times.median(); });
    const Spread p99 =
        spread([](const Histogram& times) { return times.percentile(0.99).value_or(times.max()); });
    fmt::print("  {:<26}{:>7.1f} ({:>4.1f}..{:>5.1f}) {:>7.1f} ({:>4.1f}..{:>5.1f}) {:>9.1f}\n", row.name,
               p50.median, p50.min, p50.max, p99.median, p99.min, p99.max,
               spread([](const Histogram& times) { return times.max(); }).max);
  }
}

// The cost of publish()

/// A thread that runs on core 1 until this object ends.
class OtherCore {
 public:
  template <class Run>
  explicit OtherCore(const Run& run) {
    std::promise<void> started;
    thread_ = std::jthread{[&, run] {
      pin_to_core(1);
      started.set_value();
      result_sink = run(stop_);
    }};
    started.get_future().wait();
    spin_ns(1'000'000);
  }
  OtherCore(const OtherCore&) = delete;
  ~OtherCore() {
    stop_ = true;
  }

 private:
  std::atomic<bool> stop_{false};
  std::jthread thread_;
};

/// About 0.3 us, in which a polling subscriber reads the last message.
void pause_between_messages() {
  for (int i = 0; i < 20; ++i) pause();
}

/// ns of one call, the median of batches, after a tenth of them to warm up. `with_pause`: with a pause before
/// each call, whose own time is subtracted.
template <class Act>
double time_of(std::uint64_t count, bool with_pause, const Act& act) {
  constexpr std::uint64_t batch = 1000;
  const auto median = [&](const auto& once) {
    std::vector<double> times;
    for (std::uint64_t i = 0; i < count / batch; ++i) {
      const std::uint64_t begin = stamp();
      for (std::uint64_t k = 0; k < batch; ++k) once(k);
      times.push_back(ns_since(begin) / batch);
    }
    return spread_of(times).median;
  };
  for (std::uint64_t i = 0; i < count / 10; ++i) act(i);
  if (!with_pause) return median(act);
  const double pauses = median([](std::uint64_t) { pause_between_messages(); });
  const auto pause_and_act = [&](std::uint64_t i) {
    pause_between_messages();
    act(i);
  };
  return median(pause_and_act) - pauses;
}

/// The least of a ring like seqcast's: a sequence lock in each slot, a slot in each cache line, messages of 8
/// bytes; and a bell beside it, which the publisher checks in a way of its own. One publisher, one subscriber.
class BareRing {
 public:
  void publish(Number number) {
    ++published_;
    Slot& slot = slot_of(published_);
    slot.version.store(2 * published_ - 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    slot.number.store(number, std::memory_order_relaxed);
    slot.version.store(2 * published_, std::memory_order_release);
  }
  /// Whether there was a message.
  bool try_read(Number& number) {
    Slot& slot = slot_of(expected_);
    const std::uint64_t version = slot.version.load(std::memory_order_acquire);
    if (version > 2 * expected_) expected_ = version / 2; // lapped
    if (version != 2 * expected_) return false;
    number = slot.number.load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (slot.version.load(std::memory_order_relaxed) != version) return false;
    ++expected_;
    return true;
  }
  /// Whether a subscriber is asleep: never, here.
  std::atomic<std::uint64_t>& bell() {
    return bell_.number;
  }

 private:
  struct alignas(64) Slot {
    std::atomic<std::uint64_t> version{0};
    std::atomic<std::uint64_t> number{0};
  };
  Slot& slot_of(std::uint64_t sequence) {
    return slots_[sequence % slots_.size()];
  }
  std::array<Slot, 1024> slots_;
  Slot bell_;
  alignas(64) std::uint64_t published_ = 0;
  alignas(64) std::uint64_t expected_ = 1;
};

using BellCheck = void (*)(std::atomic<std::uint64_t>& bell);

// Out of line, as in the library.
[[gnu::noinline]] void no_check(std::atomic<std::uint64_t>&) {}
[[gnu::noinline]] void bare_check(std::atomic<std::uint64_t>& bell) {
  if (bell.load(std::memory_order_relaxed) != 0) result_sink = result_sink + 1;
}
[[gnu::noinline]] void fenced_check(std::atomic<std::uint64_t>& bell) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (bell.load(std::memory_order_relaxed) != 0) result_sink = result_sink + 1;
}

/// With a check after each message, or before the next one: then a fence may have nothing left to wait for.
double time_of_ring(BellCheck check, bool before_next, bool polled, std::uint64_t messages) {
  const auto ring = std::make_unique<BareRing>();
  std::optional<OtherCore> poller;
  if (polled) {
    poller.emplace([&](const std::atomic<bool>& stop) {
      Number number = 0;
      std::uint64_t count = 0;
      while (!stop.load(std::memory_order_relaxed)) count += ring->try_read(number) ? 1 : 0;
      return count;
    });
  }
  return time_of(messages, polled, [&](Number i) {
    if (before_next) check(ring->bell());
    ring->publish(i);
    if (!before_next) check(ring->bell());
  });
}

double time_of_publish(const seqcast::PublisherOptions& options, bool polled, std::uint64_t messages) {
  const TemporaryChannel channel;
  seqcast::Publisher<Number> publisher{channel.location(), options};
  std::optional<OtherCore> poller;
  if (polled) {
    poller.emplace([&](const std::atomic<bool>& stop) {
      seqcast::Subscriber<Number> subscriber{channel.location()};
      std::uint64_t count = 0;
      while (!stop.load(std::memory_order_relaxed)) count += subscriber.next() ? 1 : 0;
      return count;
    });
  }
  return time_of(messages, polled, [&](Number i) { publisher.publish(i); });
}

void membarrier(int command) {
  ::syscall(SYS_membarrier, command, 0, 0);
}

/// ns of one membarrier, which a subscriber would make before it sleeps to save the publisher its fence.
double membarrier_time_of_caller(int command) {
  membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
  constexpr int count = 20;
  const std::uint64_t begin = stamp();
  for (int i = 0; i < count; ++i) membarrier(command);
  return ns_since(begin) / count;
}

/// ns that such a membarrier on the other core takes from the publisher.
double membarrier_time_of_publisher(int command) {
  membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
  const auto time_and_barriers = [&](bool barriers) {
    const auto ring = std::make_unique<BareRing>();
    std::atomic<std::uint64_t> count{0};
    const OtherCore caller{[&](const std::atomic<bool>& stop) {
      while (!stop.load(std::memory_order_relaxed)) {
        if (barriers) membarrier(command);
        ++count;
        spin_ns(50'000);
      }
      return count.load();
    }};
    const std::uint64_t before = count;
    const std::uint64_t begin = stamp();
    for (Number i = 0; i < 5'000'000; ++i) {
      ring->publish(i);
      bare_check(ring->bell());
    }
    return std::pair{ns_since(begin), static_cast<double>(count - before)};
  };
  const auto [time, barriers] = time_and_barriers(true);
  return (time - time_and_barriers(false).first) / std::max(barriers, 1.0);
}

void measure_publish(const Options& options) {
  const std::uint64_t messages = options.quick ? 200'000 : 2'000'000;
  const seqcast::PublisherOptions bell{};
  const seqcast::PublisherOptions no_bell{.wakeup = seqcast::Wakeup::polling};
  const seqcast::PublisherOptions every_message{.wakeup = seqcast::Wakeup::every_message};
  Comparison<double> times;
  for (const bool polled : {false, true}) {
    const std::string who = polled ? "one polls" : "no subscriber";
    const std::uint64_t count = messages / (polled ? 10 : 1);
    const auto add_ring = [&](const char* what, BellCheck check, bool before_next) {
      times.add(who + ": " + what, [=] { return time_of_ring(check, before_next, polled, count); });
    };
    times.add(who + ": seqcast, no bell", [=] { return time_of_publish(no_bell, polled, count); });
    times.add(who + ": seqcast, bell", [=] { return time_of_publish(bell, polled, count); });
    add_ring("ring only", no_check, false);
    add_ring("ring, check, no fence", bare_check, false);
    add_ring("ring, fence, check", fenced_check, false);
    add_ring("fence, check, ring", fenced_check, true);
  }
  times.add("no subscriber: seqcast, every_message",
            [=] { return time_of_publish(every_message, false, messages / 10); });
  times.add("expedited membarrier: of the subscriber",
            [] { return membarrier_time_of_caller(MEMBARRIER_CMD_GLOBAL_EXPEDITED); });
  times.add("expedited membarrier: of the publisher",
            [] { return membarrier_time_of_publisher(MEMBARRIER_CMD_GLOBAL_EXPEDITED); });
  times.add("global membarrier: of the subscriber",
            [] { return membarrier_time_of_caller(MEMBARRIER_CMD_GLOBAL); });
  times.run(options.repetitions);
  print("publish() of 8 bytes, nothing asleep (where one polls: a message every ~0.4 us)", "ns a message",
        times);
}

// Wake-up

bool is_asleep(pid_t thread) {
  std::ifstream file{"/proc/self/task/" + std::to_string(thread) + "/stat"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const std::size_t name_end = text.rfind(") ");
  return name_end != std::string::npos && text[name_end + 2] == 'S';
}

/// One-way times of `count` messages, 1 ms apart: `send(stamp)` on core 0, `receive()` returns that stamp on
/// core 1.
template <class Send, class Receive>
Histogram one_way(int count, const Send& send, const Receive& receive) {
  std::vector<std::uint64_t> times;
  std::promise<pid_t> started;
  std::jthread receiver{[&] {
    pin_to_core(1);
    started.set_value(::gettid());
    for (int i = 0; i < count; ++i) {
      const std::uint64_t sent = receive();
      times.push_back(stamp() - sent);
    }
  }};
  const pid_t thread = started.get_future().get();
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_for(1ms);
    while (!is_asleep(thread)) std::this_thread::yield();
    send(stamp());
  }
  receiver.join();
  return Histogram{times};
}

Histogram seqcast_wake_up(seqcast::WaitStrategy strategy, int count) {
  const TemporaryChannel channel;
  seqcast::Publisher<Number> publisher{channel.location()};
  seqcast::Subscriber<Number> subscriber{channel.location(), {.strategy = strategy}};
  return one_way(
      count, [&](std::uint64_t time) { publisher.publish(time); },
      [&] {
        for (;;) {
          (void)subscriber.wait_for(1s);
          if (const auto message = subscriber.next()) return message->message;
        }
      });
}

Histogram futex_wake_up(int count) {
  std::atomic<std::uint32_t> word{0};
  std::atomic<std::uint64_t> sent{0};
  std::uint32_t expected = 0;
  return one_way(
      count,
      [&](std::uint64_t time) {
        sent.store(time, std::memory_order_relaxed);
        word.fetch_add(1, std::memory_order_release);
        ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0); // shared, as between processes
      },
      [&] {
        while (word.load(std::memory_order_acquire) == expected) {
          ::syscall(SYS_futex, &word, FUTEX_WAIT, expected, nullptr, nullptr, 0);
        }
        ++expected;
        return sent.load(std::memory_order_relaxed);
      });
}

/// Closes both descriptors.
Histogram descriptor_wake_up(const std::array<int, 2>& ends, int count) {
  const Histogram times = one_way(
      count, [&](std::uint64_t time) { result_sink = static_cast<std::uint64_t>(::write(ends[1], &time, 8)); },
      [&] {
        std::uint64_t sent = 0;
        result_sink = static_cast<std::uint64_t>(::read(ends[0], &sent, 8));
        return sent;
      });
  for (const int end : ends) ::close(end);
  return times;
}
Histogram pipe_wake_up(int count) {
  std::array<int, 2> ends{};
  return ::pipe(ends.data()) == 0 ? descriptor_wake_up(ends, count) : Histogram{};
}
Histogram socket_wake_up(int count) {
  std::array<int, 2> ends{};
  const bool made = ::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends.data()) == 0;
  return made ? descriptor_wake_up(ends, count) : Histogram{};
}

void measure_wake_up(const Options& options) {
  using seqcast::WaitStrategy;
  const int count = options.quick ? 100 : 600;
  Comparison<Histogram> times;
  times.add("seqcast, sleep", [=] { return seqcast_wake_up(WaitStrategy::sleep, count); });
  times.add("seqcast, spin_then_sleep", [=] { return seqcast_wake_up(WaitStrategy::spin_then_sleep, count); });
  times.add("plain futex", [=] { return futex_wake_up(count); });
  times.add("pipe", [=] { return pipe_wake_up(count); });
  times.add("UNIX datagram socket", [=] { return socket_wake_up(count); });
  times.run(options.repetitions);
  print("wake-up: from before the send to the return of the wait, a message every ~1 ms", times);
  // Of one repetition, in which they were measured one after the other.
  std::vector<double> ratios;
  for (std::size_t i = 0; i < times.rows[0].results.size(); ++i) {
    ratios.push_back(times.rows[0].results[i].median() / times.rows[2].results[i].median());
  }
  const Spread ratio = spread_of(ratios);
  constexpr double bound = 1.05; // decision 0010
  fmt::print("goal: {}: wake-up p50, sleep, against a plain futex: {:.2f} <= {:.2f} ({:.2f} to {:.2f})\n",
             ratio.median <= bound ? "met" : "MISSED", ratio.median, bound, ratio.min, ratio.max);
}

// Several sleepers

struct WakeAllTimes {
  double publish; // us of the call
  double last;    // us until the last subscriber has returned from its wait
};

WakeAllTimes wake_all(int count, int rounds) {
  const TemporaryChannel channel;
  seqcast::Publisher<Number> publisher{channel.location()};
  std::vector<std::jthread> threads;
  std::vector<std::atomic<pid_t>> ids(static_cast<std::size_t>(count));
  std::atomic<int> awake{0};
  std::atomic<std::uint64_t> last{0};
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      pin_to_core(1);
      seqcast::Subscriber<Number> subscriber{channel.location(), {.strategy = seqcast::WaitStrategy::sleep}};
      ids[static_cast<std::size_t>(i)] = ::gettid();
      for (int round = 0; round < rounds;) {
        if (subscriber.wait_for(1s) != seqcast::WaitResult::message) continue;
        last.store(stamp(), std::memory_order_relaxed); // on one core: later than the one before
        while (subscriber.next()) ++round;
        ++awake;
      }
    });
  }
  std::vector<double> calls, lasts;
  for (int round = 0; round < rounds; ++round) {
    std::this_thread::sleep_for(1ms);
    for (const auto& id : ids) {
      while (id == 0 || !is_asleep(id)) std::this_thread::yield();
    }
    awake = 0;
    const std::uint64_t begin = stamp();
    publisher.publish(1);
    calls.push_back(ns_since(begin) * 1e-3);
    while (awake < count) std::this_thread::yield();
    lasts.push_back(static_cast<double>(last - begin) / stamps_per_ns() * 1e-3);
  }
  return {spread_of(calls).median, spread_of(lasts).median};
}

void measure_wake_all(const Options& options) {
  Comparison<double> times;
  const int rounds = options.quick ? 20 : 50;
  for (const int count : {1, 64}) {
    const std::string who = std::to_string(count) + (count == 1 ? " sleeper" : " sleepers");
    times.add(who + ": publish()", [=] { return wake_all(count, rounds).publish; });
    times.add(who + ": until the last is awake", [=] { return wake_all(count, rounds).last; });
  }
  times.run(options.repetitions);
  print("several sleeping subscribers, one message", "us", times);
}

// A silent channel

/// Processor time of this process.
double cpu_seconds() {
  struct timespec time {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void measure_silence(const Options& options) {
  const auto time = options.quick ? std::chrono::seconds{1} : std::chrono::seconds{10};
  fmt::print("\nprocessor time of waiting {} s on a silent channel, ms\n", time.count());
  for (const seqcast::Wakeup wakeup : {seqcast::Wakeup::bell, seqcast::Wakeup::polling}) {
    const TemporaryChannel channel;
    const seqcast::Publisher<Number> publisher{channel.location(), {.wakeup = wakeup}};
    seqcast::Subscriber<Number> subscriber{channel.location()};
    const double before = cpu_seconds();
    (void)subscriber.wait_for(time);
    fmt::print("  {:<44} {:>9.2f}\n", to_string(subscriber.wakeup()), (cpu_seconds() - before) * 1e3);
  }
}

/// For this thread and those that it starts. False if this user may not.
bool set_real_time() {
  constexpr struct sched_param lowest { 1 };
  return ::sched_setscheduler(0, SCHED_FIFO, &lowest) == 0;
}

} // namespace
} // namespace bench

int main(int count, char** arguments) {
  bench::Options options;
  bool real_time = false;
  CLI::App program{"What it costs to wake a subscriber, and to be woken."};
  program.add_flag("--quick", options.quick, "A tenth of the messages");
  program.add_flag("--real-time", real_time, "Take precedence over other processes; needs root");
  program.add_option("--repetitions", options.repetitions, "Of each measurement")->check(CLI::Range(1, 1000));
  CLI11_PARSE(program, count, arguments);
  bench::pin_to_core(0);
  real_time = real_time && bench::set_real_time();
  fmt::print("{}\npublisher on core 0, subscriber on core 1, {}; medians of {} repetitions\n",
             to_string(bench::this_machine()), real_time ? "SCHED_FIFO" : "normal scheduling",
             options.repetitions);
  bench::measure_publish(options);
  bench::measure_wake_up(options);
  bench::measure_wake_all(options);
  bench::measure_silence(options);
}
