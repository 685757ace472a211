// SPDX-License-Identifier: BSL-1.0
//
// waiting: the clocks, tables and rivals of bench/waiting.cpp.
//
// Who may use it: bench/waiting.cpp.
//
// Invariants
//   1. Measurements that are compared are repeated in turn, so that a disturbance meets all of them.
//   2. A sender sends only when the receiver is asleep: that is asked of /proc, not hoped for.
#pragma once

#include <seqcast/seqcast.hpp>

#include <algorithm>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <thread>

#include <fmt/format.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace bench {

using namespace std::chrono_literals;
using Number = std::uint64_t;

struct Settings {
  bool quick = false;
  int repetitions = 5;
};

inline volatile std::uint64_t looked_and_found = 0;

inline std::uint64_t now_ns() {
  return seqcast::detail::monotonic_now();
}

inline bool real_time = false;

/// Pins this thread; with real_time nothing else of the machine's load comes in between.
inline void run_on(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<std::size_t>(core), &cores);
  ::sched_setaffinity(0, sizeof cores, &cores);
  constexpr struct sched_param lowest { 1 };
  if (real_time && ::sched_setscheduler(0, SCHED_FIFO, &lowest) != 0) real_time = false;
}

inline void spin_for(std::chrono::nanoseconds time) {
  const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(time.count());
  while (now_ns() < end) seqcast::detail::HardwareAtomics::pause();
}

inline void membarrier(int command) {
  ::syscall(SYS_membarrier, command, 0, 0);
}

/// CPU time of this process so far.
inline double cpu_seconds() {
  struct timespec time {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

inline void print_machine() {
  struct utsname system {};
  ::uname(&system);
  std::ifstream file{"/proc/cpuinfo"};
  std::string line;
  while (std::getline(file, line) && line.rfind("model name", 0) != 0) continue;
  fmt::print("{}, {} cores, Linux {}, {}\n", line.substr(std::min(line.size(), line.find(':') + 2)),
             std::thread::hardware_concurrency(), system.release, __VERSION__);
}

class TemporaryChannel {
 public:
  TemporaryChannel()
      : location_{seqcast::shared_memory("seqcast-bench-" + std::to_string(::getpid()) + "-" +
                                         std::to_string(++count_))} {}
  TemporaryChannel(const TemporaryChannel&) = delete;
  ~TemporaryChannel() {
    std::error_code ignored;
    seqcast::remove(location_, ignored);
  }
  const seqcast::Location& location() const {
    return location_;
  }

 private:
  static inline int count_ = 0;
  seqcast::Location location_;
};

/// Somebody who runs on the other core until its end, or nobody.
class Poller {
 public:
  template <class Run>
  Poller(bool runs, const Run& run) {
    run_on(0);
    if (!runs) return;
    std::promise<void> begun;
    thread_ = std::jthread{[&, run] {
      run_on(1);
      begun.set_value();
      looked_and_found = run(stop_);
    }};
    begun.get_future().wait();
    spin_for(1ms);
  }
  Poller(const Poller&) = delete;
  ~Poller() {
    stop_ = true;
  }

 private:
  std::atomic<bool> stop_{false};
  std::jthread thread_;
};

struct Spread {
  double median, least, most;
};
inline Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

/// About 0.3 us, in which a polling subscriber takes the lines of the last message.
inline void pace() {
  for (int i = 0; i < 20; ++i) seqcast::detail::HardwareAtomics::pause();
}

/// ns of one call, the median of thousands, after a tenth of them to warm up; `paced`: less what pace() takes.
template <class Act>
double time_of(std::uint64_t count, bool paced, const Act& act) {
  constexpr std::uint64_t together = 1000;
  const auto median = [&](std::uint64_t rounds, const auto& once) {
    std::vector<double> times;
    for (std::uint64_t i = 0; i < rounds; ++i) {
      const std::uint64_t begin = now_ns();
      for (std::uint64_t k = 0; k < together; ++k) once(k);
      times.push_back(static_cast<double>(now_ns() - begin) / together);
    }
    return spread_of(times).median;
  };
  for (std::uint64_t i = 0; i < count / 10; ++i) act(i);
  if (!paced) return median(count / together, act);
  const double pause = median(count / together, [](std::uint64_t) { pace(); });
  const auto both = [&](std::uint64_t i) {
    pace();
    act(i);
  };
  return median(count / together, both) - pause;
}

/// Measurements to be compared: each once in turn, and so on; then the table.
class Table {
 public:
  Table(std::string title, std::string unit) : title_{std::move(title)}, unit_{std::move(unit)} {}
  void add(std::string name, std::function<double()> measure) {
    rows_.push_back({std::move(name), std::move(measure), {}});
  }
  void run(int repetitions) {
    for (int i = 0; i < repetitions; ++i) {
      for (Row& row : rows_) row.values.push_back(row.measure());
    }
    fmt::print("\n{}\n  {:<44} {:>9} {:>9} {:>9}  {}\n", title_, "", "median", "min", "max", unit_);
    for (const Row& row : rows_) {
      const Spread spread = spread_of(row.values);
      fmt::print("  {:<44} {:>9.1f} {:>9.1f} {:>9.1f}\n", row.name, spread.median, spread.least, spread.most);
    }
  }

 private:
  struct Row {
    std::string name;
    std::function<double()> measure;
    std::vector<double> values;
  };
  std::string title_, unit_;
  std::vector<Row> rows_;
};

/// Percentiles of single events, each the median over the repetitions.
class Latencies {
 public:
  using Samples = std::vector<std::uint64_t>;
  explicit Latencies(std::string title) : title_{std::move(title)} {}
  void add(std::string name, std::function<Samples()> measure) {
    rows_.push_back({std::move(name), std::move(measure), {}});
  }
  void run(int repetitions) {
    for (int i = 0; i < repetitions; ++i) {
      for (Row& row : rows_) {
        Samples samples = row.measure();
        std::sort(samples.begin(), samples.end());
        for (std::size_t k = 0; k < shares.size(); ++k) {
          const auto at = static_cast<std::size_t>(shares[k] * static_cast<double>(samples.size() - 1));
          row.values[k].push_back(static_cast<double>(samples[at]) * 1e-3);
        }
      }
    }
    fmt::print("\n{}\n  {:<26}{:>21} {:>21} {:>8} {:>9}  us\n", title_, "", "p50 (min..max)", "p99 (min..max)",
               "p99.9", "max");
    for (const Row& row : rows_) {
      const Spread p50 = spread_of(row.values[0]);
      const Spread p99 = spread_of(row.values[1]);
      fmt::print("  {:<26}{:>7.1f} ({:>4.1f}..{:>5.1f}) {:>7.1f} ({:>4.1f}..{:>5.1f}) {:>8.1f} {:>9.1f}\n",
                 row.name, p50.median, p50.least, p50.most, p99.median, p99.least, p99.most,
                 spread_of(row.values[2]).median, spread_of(row.values[3]).most);
    }
  }

 private:
  static constexpr std::array<double, 4> shares{0.5, 0.99, 0.999, 1.0};
  struct Row {
    std::string name;
    std::function<Samples()> measure;
    std::array<std::vector<double>, shares.size()> values;
  };
  std::string title_;
  std::vector<Row> rows_;
};

inline bool asleep(pid_t thread) {
  std::ifstream file{"/proc/self/task/" + std::to_string(thread) + "/stat"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const std::size_t name_end = text.rfind(") ");
  return name_end != std::string::npos && text[name_end + 2] == 'S';
}

/// One-way times: `send(time)` on core 0, `receive()` gives that time on core 1, `samples` of them, 1 ms apart.
template <class Send, class Receive>
Latencies::Samples one_way(int samples, const Send& send, const Receive& receive) {
  Latencies::Samples taken;
  std::promise<pid_t> begun;
  std::jthread receiver{[&] {
    run_on(1);
    begun.set_value(static_cast<pid_t>(::syscall(SYS_gettid)));
    for (int i = 0; i < samples; ++i) {
      const std::uint64_t sent = receive();
      taken.push_back(now_ns() - sent);
    }
  }};
  run_on(0);
  const pid_t thread = begun.get_future().get();
  for (int i = 0; i < samples; ++i) {
    std::this_thread::sleep_for(1ms);
    while (!asleep(thread)) std::this_thread::yield();
    send(now_ns());
  }
  receiver.join();
  return taken;
}

inline Latencies::Samples seqcast_latency(seqcast::Strategy strategy, int samples) {
  const TemporaryChannel channel;
  seqcast::Publisher<Number> publisher{channel.location()};
  seqcast::Subscriber<Number> subscriber{channel.location(), {.strategy = strategy}};
  return one_way(
      samples, [&](std::uint64_t time) { publisher.publish(time); },
      [&] {
        for (;;) {
          (void)subscriber.wait_for(1s);
          if (const auto message = subscriber.next()) return message->message;
        }
      });
}

inline Latencies::Samples futex_latency(int samples) {
  std::atomic<std::uint32_t> word{0};
  std::atomic<std::uint64_t> sent{0};
  std::uint32_t seen = 0;
  return one_way(
      samples,
      [&](std::uint64_t time) {
        sent.store(time, std::memory_order_relaxed);
        word.fetch_add(1, std::memory_order_release);
        ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0); // shared, as between processes
      },
      [&] {
        while (word.load(std::memory_order_acquire) == seen) {
          ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, nullptr, nullptr, 0);
        }
        ++seen;
        return sent.load(std::memory_order_relaxed);
      });
}

inline Latencies::Samples descriptor_latency(int from, int to, int samples) {
  auto taken = one_way(
      samples,
      [&](std::uint64_t time) { looked_and_found = static_cast<std::uint64_t>(::write(to, &time, 8)); },
      [&] {
        std::uint64_t sent = 0;
        looked_and_found = static_cast<std::uint64_t>(::read(from, &sent, 8));
        return sent;
      });
  ::close(from);
  ::close(to);
  return taken;
}
inline Latencies::Samples pipe_latency(int samples) {
  int ends[2];
  if (::pipe(ends) != 0) return {0};
  return descriptor_latency(ends[0], ends[1], samples);
}
inline Latencies::Samples socket_latency(int samples) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0) return {0};
  return descriptor_latency(ends[0], ends[1], samples);
}

struct WakeMany {
  double publish; // us of the call
  double last;    // us until the last sleeper has returned from its wait
};

inline WakeMany wake_many(int count, int rounds) {
  const TemporaryChannel channel;
  run_on(0);
  seqcast::Publisher<Number> publisher{channel.location()};
  std::vector<std::jthread> threads;
  std::vector<std::atomic<pid_t>> ids(static_cast<std::size_t>(count));
  std::atomic<int> awake{0};
  std::atomic<std::uint64_t> last{0};
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      run_on(1);
      seqcast::Subscriber<Number> subscriber{channel.location(), {.strategy = seqcast::Strategy::sleep}};
      ids[static_cast<std::size_t>(i)] = static_cast<pid_t>(::syscall(SYS_gettid));
      for (int round = 0; round < rounds;) {
        if (subscriber.wait_for(1s) != seqcast::Wait::message) continue;
        last.store(now_ns(), std::memory_order_relaxed); // each later than the one before, on one core
        while (subscriber.next()) ++round;
        ++awake;
      }
    });
  }
  std::vector<double> calls, lasts;
  for (int round = 0; round < rounds; ++round) {
    std::this_thread::sleep_for(1ms);
    for (const auto& id : ids) {
      while (id == 0 || !asleep(id)) std::this_thread::yield();
    }
    awake = 0;
    const std::uint64_t begin = now_ns();
    publisher.publish(1);
    calls.push_back(static_cast<double>(now_ns() - begin) * 1e-3);
    while (awake < count) std::this_thread::yield();
    lasts.push_back(static_cast<double>(last - begin) * 1e-3);
  }
  return {spread_of(calls).median, spread_of(lasts).median};
}

} // namespace bench
