// SPDX-License-Identifier: BSL-1.0
//
// observed: what observers cost a publisher. It publishes as fast as it can, and at fixed rates, while the
// tool's observing verbs and subscribers run on the other core, or are stopped.
//
//     ./bench/run observed [--seconds 40] [--no-bell]
//
// Each round has a slice for every set of observers, in random order: none; `top` and `stat`; those and 4
// `sub`. A figure is the median over the rounds of the ratio to the slice without observers in the same round,
// with the quartiles. "none, again" is a second slice without observers: its ratio is the noise of the machine.
// The publisher is on core 0, all others on core 1: so the cost is that of shared memory, and not that of
// processes that share a core.
#include "clock.hpp"
#include "process.hpp"
#include "statistics.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <seqcast/publisher.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <thread>

namespace bench {
namespace {

using steady = std::chrono::steady_clock;
using Message = std::array<std::uint64_t, 6>;

enum class ObserverSet { none, none_again, top_and_stat, all };
constexpr std::array observer_sets{ObserverSet::none, ObserverSet::none_again, ObserverSet::top_and_stat,
                                   ObserverSet::all};
constexpr std::array set_names{"none", "none, again", "top, stat", "top, stat, 4 sub"};

class Observers {
 public:
  explicit Observers(const std::string& name) {
    // At their default rates: once a second, and 100 times a second.
    start(top_and_stat_, {"top", "--json"});
    start(top_and_stat_, {"stat", name, "--watch", "--json"});
    for (int i = 0; i < 4; ++i) start(subscribers_, {"sub", name});
  }
  /// Continues the processes of the set and stops all others.
  void run_only(ObserverSet set) const {
    const auto send = [](const std::vector<ChildProcess>& processes, bool run) {
      for (const ChildProcess& process : processes) process.send(run ? SIGCONT : SIGSTOP);
    };
    send(top_and_stat_, set == ObserverSet::top_and_stat || set == ObserverSet::all);
    send(subscribers_, set == ObserverSet::all);
  }
  bool any_ended() {
    const auto any = [](std::vector<ChildProcess>& processes) {
      return std::any_of(processes.begin(), processes.end(), [](ChildProcess& one) { return one.ended(); });
    };
    return any(top_and_stat_) || any(subscribers_);
  }

 private:
  static void start(std::vector<ChildProcess>& processes, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), SEQCAST_TOOL);
    // SIGKILL ends a stopped process, too.
    processes.push_back(ChildProcess{std::move(arguments), {.core = 1, .end_signal = SIGKILL}});
  }
  std::vector<ChildProcess> top_and_stat_;
  std::vector<ChildProcess> subscribers_;
};

/// Messages a second over that time; one every `period_ns`, or without a pause where that is 0.
double publish_for(seqcast::Publisher<Message>& publisher, std::chrono::nanoseconds time,
                   std::uint64_t period_ns) {
  Message message{};
  const auto begin = steady::now();
  const std::uint64_t before = publisher.head();
  steady::time_point now = begin;
  auto next = begin;
  while (now < begin + time) {
    const int batch = period_ns == 0 ? 64 : 1;
    for (int i = 0; i < batch; ++i) {
      message[0] = publisher.head();
      publisher.publish(message);
    }
    now = steady::now();
    if (period_ns == 0) continue;
    next += std::chrono::nanoseconds{period_ns};
    while (now < next && now < begin + time) {
      pause();
      now = steady::now();
    }
  }
  const std::chrono::duration<double> passed = now - begin;
  return static_cast<double>(publisher.head() - before) / passed.count();
}

/// The rates of one publisher with each set of observers.
class Comparison {
 public:
  Comparison(seqcast::Publisher<Message>& publisher, const Observers& observers, std::uint64_t period_ns)
      : publisher_{publisher}, observers_{observers}, period_ns_{period_ns} {}

  void add_round(std::mt19937& random) {
    constexpr std::chrono::milliseconds transition{20};
    constexpr std::chrono::milliseconds slice{100};
    std::array<ObserverSet, observer_sets.size()> order = observer_sets;
    std::shuffle(order.begin(), order.end(), random);
    std::array<double, observer_sets.size()> rates{};
    for (const ObserverSet set : order) {
      observers_.run_only(set);
      publish_for(publisher_, transition, period_ns_);
      rates[static_cast<std::size_t>(set)] = publish_for(publisher_, slice, period_ns_);
    }
    for (std::size_t i = 0; i < observer_sets.size(); ++i) {
      rates_[i].push_back(rates[i]);
      ratios_[i].push_back(rates[i] / rates[0]);
    }
  }

  void print(const char* title) const {
    fmt::print("\n{}, {} rounds\n", title, rates_[0].size());
    fmt::print("  {:<18}{:>14}{:>10}{:>20}\n", "observers", "messages/s", "ratio", "quartiles");
    for (std::size_t i = 0; i < observer_sets.size(); ++i) {
      fmt::print("  {:<18}{:>14.0f}{:>10.3f}{:>12.3f} {:>7.3f}\n", set_names[i], quantile(rates_[i], 0.5),
                 quantile(ratios_[i], 0.5), quantile(ratios_[i], 0.25), quantile(ratios_[i], 0.75));
    }
  }

 private:
  seqcast::Publisher<Message>& publisher_;
  const Observers& observers_;
  std::uint64_t period_ns_;
  std::array<std::vector<double>, observer_sets.size()> rates_;
  std::array<std::vector<double>, observer_sets.size()> ratios_;
};

int run(std::chrono::seconds time, bool bell) {
  const std::string name = unique_name();
  pin_to_core(0);
  seqcast::PublisherOptions options{.timestamps = true, .remove_on_close = true};
  options.wakeup = bell ? seqcast::Wakeup::bell : seqcast::Wakeup::polling;
  seqcast::Publisher<Message> publisher{seqcast::shared_memory(name), options};
  publisher.publish({});
  Observers observers{name};
  std::mt19937 random{1};
  publish_for(publisher, std::chrono::seconds{1}, 10'000); // until all observers have started
  Comparison without_pause{publisher, observers, 0};
  Comparison million{publisher, observers, 1'000};
  Comparison hundred_thousand{publisher, observers, 10'000};
  const auto end = steady::now() + time;
  while (steady::now() < end && !observers.any_ended()) {
    without_pause.add_round(random);
    million.add_round(random);
    hundred_thousand.add_round(random);
  }
  if (observers.any_ended()) {
    fmt::print(stderr, "an observer has ended; try '" SEQCAST_TOOL " sub {}'\n", name);
    return 1;
  }
  fmt::print("One publisher of {} bytes with timestamps and {} bell; observers on another core\n",
             sizeof(Message), bell ? "a" : "no");
  without_pause.print("As fast as it can");
  million.print("1000000 messages a second");
  hundred_thousand.print("100000 messages a second");
  return 0;
}

} // namespace
} // namespace bench

int main(int argc, char** argv) {
  CLI::App app{"What observers cost a publisher"};
  int seconds = 40;
  app.add_option("--seconds", seconds, "How long to measure")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600));
  bool no_bell = false;
  app.add_flag("--no-bell", no_bell, "Without a bell: subscribers that wait poll");
  CLI11_PARSE(app, argc, argv);
  if (std::thread::hardware_concurrency() < 2) {
    fmt::print(stderr, "this needs two cores; there is one\n");
    return 1;
  }
  return bench::run(std::chrono::seconds{seconds}, !no_bell);
}
