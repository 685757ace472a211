// SPDX-License-Identifier: BSL-1.0
//
// waiting: what it costs to wake, and to be woken. Publisher's side: publish() with nobody asleep, with and
// without a bell, and with each way of ordering the look at the bell. Subscriber's side: the time from
// publish() to the return of wait_for(), against a futex, a pipe and a datagram socket, and the CPU time of
// waiting for nothing.
//
//     ./bench/run waiting [--quick] [--real-time]
//
// Every rival is measured in the same run, interleaved; a figure is the median of the repetitions, with the
// smallest and the largest. Publisher on core 0, subscriber on core 1. Times of one message are in ns, by
// CLOCK_MONOTONIC, which is the same on all cores.
#include "waiting.hpp"

#include <CLI/CLI.hpp>

namespace bench {
namespace {

using seqcast::detail::DoorbellPublisher;
using seqcast::detail::HardwareAtomics;
using seqcast::detail::RingPublisher;
using seqcast::detail::Word;

/// A channel in ordinary memory, published to with the library's own ring and a look at a bell of one's own.
struct Bare {
  explicit Bare(std::uint64_t capacity = 1024)
      : geometry{.slots_word = 64,
                 .stride_words = 8,
                 .capacity = capacity,
                 .payload_word = 2,
                 .max_message_size = sizeof(Number)},
        memory{std::make_unique<Line[]>(8 + capacity + 2)},
        words{&memory[0].words[0]},
        bell{&memory[8 + capacity].words[0]} {
    words[geometry.slots_word].store(1);
    ring = {words, geometry, 0};
  }
  struct alignas(64) Line {
    Word words[8];
  };
  seqcast::detail::Geometry geometry;
  std::unique_ptr<Line[]> memory;
  Word* words;
  Word* bell; // flag, and word behind it
  RingPublisher<HardwareAtomics> ring;

  void publish(Number number) {
    ring.publish(sizeof number, 0, [&](Word* payload) { payload->store(number, std::memory_order_relaxed); });
  }
};

using Look = void (*)(Word* bell);

// Out of line, as in the library.
[[gnu::noinline]] void no_look(Word*) {}
[[gnu::noinline]] void bare_look(Word* bell) {
  if (bell[0].load(std::memory_order_relaxed) != 0) looked_and_found = looked_and_found + 1;
}
[[gnu::noinline]] void fenced_look(Word* bell) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (bell[0].load(std::memory_order_relaxed) != 0) looked_and_found = looked_and_found + 1;
}

/// Publishes with a look after each message, or (for a fence that need not wait any more) before the next.
double time_of_bare(Look look, bool before_next, bool polled, std::uint64_t messages) {
  Bare channel;
  const Poller poller{polled, [&](const std::atomic<bool>& stop) {
                        seqcast::detail::RingSubscriber<HardwareAtomics> subscriber{
                            channel.words, channel.geometry, 0, 1, seqcast::detail::ResumeAt::newest};
                        std::array<std::byte, sizeof(Number)> bytes{};
                        std::uint64_t read = 0;
                        while (!stop.load(std::memory_order_relaxed)) {
                          const auto taken = subscriber.next(seqcast::detail::ExactInto<>{bytes.data(), 8});
                          if (taken.outcome == seqcast::detail::Outcome::message) ++read;
                        }
                        return read;
                      }};
  return time_of(messages, polled, [&](Number i) {
    if (before_next) look(channel.bell);
    channel.publish(i);
    if (!before_next) look(channel.bell);
  });
}

/// The library itself.
double time_of_publish(const seqcast::PublisherOptions& options, bool polled, std::uint64_t messages) {
  const TemporaryChannel channel;
  seqcast::Publisher<Number> publisher{channel.location(), options};
  const Poller poller{polled, [&](const std::atomic<bool>& stop) {
                        seqcast::Subscriber<Number> subscriber{channel.location()};
                        std::uint64_t read = 0;
                        while (!stop.load(std::memory_order_relaxed)) read += subscriber.next() ? 1 : 0;
                        return read;
                      }};
  return time_of(messages, polled, [&](Number i) { publisher.publish(i); });
}

/// What one membarrier of a sleeper on the other core, who would spare the publisher its fence, costs the
/// publisher, in ns; or, with `for_caller`, what it costs the sleeper.
double time_of_membarrier(int command, bool for_caller) {
  membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
  if (for_caller) {
    const std::uint64_t begin = now_ns();
    for (int i = 0; i < 20; ++i) membarrier(command);
    return static_cast<double>(now_ns() - begin) / 20;
  }
  const auto time_and_barriers = [&](bool barriers) {
    Bare channel;
    std::atomic<std::uint64_t> count{0};
    const Poller sleeper{true, [&](const std::atomic<bool>& stop) {
                           while (!stop.load(std::memory_order_relaxed)) {
                             if (barriers) membarrier(command);
                             ++count;
                             spin_for(50us);
                           }
                           return count.load();
                         }};
    const std::uint64_t before = count;
    const std::uint64_t begin = now_ns();
    for (Number i = 0; i < 5'000'000; ++i) {
      channel.publish(i);
      bare_look(channel.bell);
    }
    return std::pair{static_cast<double>(now_ns() - begin), static_cast<double>(count - before)};
  };
  const auto [with, barriers] = time_and_barriers(true);
  return (with - time_and_barriers(false).first) / std::max(barriers, 1.0);
}

void publishing(const Settings& settings) {
  const std::uint64_t all = settings.quick ? 200'000 : 2'000'000;
  constexpr seqcast::PublisherOptions bell{};
  constexpr seqcast::PublisherOptions no_bell{.doorbell = false};
  constexpr seqcast::PublisherOptions always{.doorbell = {}, .wake_always = true};
  Table table{"publish() of 8 bytes, nobody asleep (where one polls: a message each ~0.4 us)", "ns a message"};
  for (const bool polled : {false, true}) {
    const std::string who = polled ? "one polls" : "nobody there";
    const std::uint64_t many = all / (polled ? 10 : 1);
    table.add(who + ": library, no bell", [=] { return time_of_publish(no_bell, polled, many); });
    table.add(who + ": library, bell", [=] { return time_of_publish(bell, polled, many); });
    table.add(who + ": ring alone", [=] { return time_of_bare(no_look, false, polled, many); });
    table.add(who + ": ring, look, no fence", [=] { return time_of_bare(bare_look, false, polled, many); });
    table.add(who + ": ring, fence, look", [=] { return time_of_bare(fenced_look, false, polled, many); });
    table.add(who + ": fence, look before the next",
              [=] { return time_of_bare(fenced_look, true, polled, many); });
  }
  table.add("nobody there: library, wake_always", [=] { return time_of_publish(always, false, all / 10); });
  table.add("expedited membarrier: for the sleeper",
            [] { return time_of_membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, true); });
  table.add("expedited membarrier: for the publisher",
            [] { return time_of_membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, false); });
  table.add("global membarrier: for the sleeper",
            [] { return time_of_membarrier(MEMBARRIER_CMD_GLOBAL, true); });
  table.run(settings.repetitions);
}

void latency(const Settings& settings) {
  const int samples = settings.quick ? 100 : 600;
  Latencies table{"wake-up: from before the send to the return of the wait, one send each ~1 ms"};
  table.add("seqcast, wait_for, sleep", [=] { return seqcast_latency(seqcast::Strategy::sleep, samples); });
  table.add("seqcast, spin_then_sleep",
            [=] { return seqcast_latency(seqcast::Strategy::spin_then_sleep, samples); });
  table.add("plain futex", [=] { return futex_latency(samples); });
  table.add("pipe", [=] { return pipe_latency(samples); });
  table.add("UNIX datagram socket", [=] { return socket_latency(samples); });
  table.run(settings.repetitions);
}

void sleepers(const Settings& settings) {
  Table table{"many sleepers, one message", "us"};
  const int rounds = settings.quick ? 20 : 50;
  for (const int count : {1, 64}) {
    const std::string who = std::to_string(count) + (count == 1 ? " sleeper" : " sleepers");
    table.add(who + ": publish()", [=] { return wake_many(count, rounds).publish; });
    table.add(who + ": until the last is awake", [=] { return wake_many(count, rounds).last; });
  }
  table.run(settings.repetitions);
}

void silence(const Settings& settings) {
  const auto time = settings.quick ? std::chrono::seconds{1} : std::chrono::seconds{10};
  fmt::print("\nCPU time of waiting {} s on a silent channel, ms\n", time.count());
  for (const bool doorbell : {true, false}) {
    const TemporaryChannel channel;
    const seqcast::Publisher<Number> publisher{channel.location(), {.doorbell = doorbell}};
    seqcast::Subscriber<Number> subscriber{channel.location()};
    const double before = cpu_seconds();
    (void)subscriber.wait_for(time);
    fmt::print("  {:<44} {:>9.2f}\n", to_string(subscriber.wakeup()), (cpu_seconds() - before) * 1e3);
  }
}

} // namespace
} // namespace bench

int main(int count, char** arguments) {
  bench::Settings settings;
  CLI::App program{"What it costs to wake, and to be woken."};
  program.add_flag("--quick", settings.quick, "a tenth of the messages, for a first look");
  program.add_flag("--real-time", bench::real_time, "above the machine's other load; takes root");
  program.add_option("--repetitions", settings.repetitions, "of each measurement")->check(CLI::Range(1, 1000));
  CLI11_PARSE(program, count, arguments);
  bench::run_on(0);
  bench::print_machine();
  fmt::print("publisher on core 0, subscriber on core 1, {}; medians of {} repetitions\n",
             bench::real_time ? "above other load" : "beside other load", settings.repetitions);
  bench::publishing(settings);
  bench::latency(settings);
  bench::sleepers(settings);
  bench::silence(settings);
}
