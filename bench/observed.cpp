// SPDX-License-Identifier: BSL-1.0
//
// observed: what a publisher loses by being looked at. It publishes as fast as it can, and at a pace, while the
// tool's observing verbs and subscribers run on the other core, or stand still.
//
//     ./bench/run observed [--seconds 40] [--no-bell]
//
// Each round has a slice of every kind, in random order: nobody; `top` and `stat`; those and 4 `sub`. A figure
// is the median over the rounds of the ratio to nobody in the same round, with the quartiles; "nobody again" is
// a second slice with nobody, and so what the machine does by itself. Publisher on core 0, all others on core
// 1: shared memory is measured here, not how a scheduler shares out a core.
#include "control.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <seqcast/publisher.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {
namespace {

using steady = std::chrono::steady_clock;
using Message = std::array<std::uint64_t, 6>;

/// A process of the tool, which runs only while it is let.
class Observer {
 public:
  explicit Observer(std::vector<std::string> arguments) : id_{::fork()} {
    if (id_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(1);
    ::dup2(::open("/dev/null", O_RDWR | O_CLOEXEC), STDOUT_FILENO);
    ::dup2(::open("/dev/null", O_RDWR | O_CLOEXEC), STDERR_FILENO);
    std::vector<char*> words{const_cast<char*>(SEQCAST_TOOL)};
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    ::execv(SEQCAST_TOOL, words.data());
    ::_exit(127);
  }
  Observer(Observer&& other) noexcept : id_{std::exchange(other.id_, 0)} {}
  Observer& operator=(Observer&&) = delete;
  ~Observer() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }
  void let(bool run) const {
    ::kill(id_, run ? SIGCONT : SIGSTOP);
  }
  bool ended() const {
    return ::waitpid(id_, nullptr, WNOHANG) != 0;
  }

 private:
  pid_t id_;
};

enum class Kind { nobody, nobody_again, looking, all };
constexpr std::array kinds{Kind::nobody, Kind::nobody_again, Kind::looking, Kind::all};

class Observers {
 public:
  explicit Observers(const std::string& name) {
    // As they are by default: a look a second, and 100 a second.
    looking_.push_back(Observer{{"top", "--json"}});
    looking_.push_back(Observer{{"stat", name, "--watch", "--json"}});
    for (int i = 0; i < 4; ++i) subscribers_.push_back(Observer{{"sub", name}});
  }
  void let(Kind kind) const {
    for (const Observer& observer : looking_) observer.let(kind == Kind::looking || kind == Kind::all);
    for (const Observer& observer : subscribers_) observer.let(kind == Kind::all);
  }
  bool ended() const {
    const auto one_ended = [](const Observer& observer) { return observer.ended(); };
    return std::any_of(looking_.begin(), looking_.end(), one_ended) ||
           std::any_of(subscribers_.begin(), subscribers_.end(), one_ended);
  }

 private:
  std::vector<Observer> looking_;
  std::vector<Observer> subscribers_;
};

/// Messages a second over a slice; `pause_ns` between two, or none.
double publish_for(seqcast::Publisher<Message>& publisher, std::chrono::nanoseconds time,
                   std::uint64_t pause_ns) {
  Message message{};
  const auto begin = steady::now();
  const std::uint64_t before = publisher.head();
  steady::time_point now = begin;
  auto next = begin;
  while (now < begin + time) {
    const int batch = pause_ns == 0 ? 64 : 1;
    for (int i = 0; i < batch; ++i) {
      message[0] = publisher.head();
      publisher.publish(message);
    }
    now = steady::now();
    if (pause_ns == 0) continue;
    next += std::chrono::nanoseconds{pause_ns};
    while (now < next && now < begin + time) {
      pause();
      now = steady::now();
    }
  }
  const std::chrono::duration<double> passed = now - begin;
  return static_cast<double>(publisher.head() - before) / passed.count();
}

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5)];
}

class Comparison {
 public:
  Comparison(seqcast::Publisher<Message>& publisher, const Observers& observers, std::uint64_t pause_ns)
      : publisher_{publisher}, observers_{observers}, pause_ns_{pause_ns} {}

  void round(std::mt19937& random) {
    constexpr std::chrono::milliseconds settle{20};
    constexpr std::chrono::milliseconds slice{100};
    std::array<Kind, kinds.size()> order = kinds;
    std::shuffle(order.begin(), order.end(), random);
    std::array<double, kinds.size()> rates{};
    for (const Kind kind : order) {
      observers_.let(kind);
      publish_for(publisher_, settle, pause_ns_);
      rates[static_cast<std::size_t>(kind)] = publish_for(publisher_, slice, pause_ns_);
    }
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      rates_[i].push_back(rates[i]);
      ratios_[i].push_back(rates[i] / rates[0]);
    }
  }

  void print(const char* title) const {
    constexpr std::array names{"nobody", "nobody again", "top, stat", "top, stat, 4 sub"};
    fmt::print("{}, {} rounds\n", title, rates_[0].size());
    fmt::print("  {:<18}{:>14}{:>10}{:>20}\n", "looked at by", "messages/s", "ratio", "quartiles");
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      fmt::print("  {:<18}{:>14.0f}{:>10.3f}{:>12.3f} {:>7.3f}\n", names[i], quantile(rates_[i], 0.5),
                 quantile(ratios_[i], 0.5), quantile(ratios_[i], 0.25), quantile(ratios_[i], 0.75));
    }
  }

 private:
  seqcast::Publisher<Message>& publisher_;
  const Observers& observers_;
  std::uint64_t pause_ns_;
  std::array<std::vector<double>, kinds.size()> rates_;
  std::array<std::vector<double>, kinds.size()> ratios_;
};

int observe(std::chrono::seconds time, bool bell) {
  const std::string name = unique_name();
  pin(0);
  seqcast::Publisher<Message> publisher{seqcast::shared_memory(name),
                                        {.timestamps = true, .doorbell = bell, .remove_on_close = true}};
  publisher.publish({});
  const Observers observers{name};
  std::mt19937 random{1};
  publish_for(publisher, std::chrono::seconds{1}, 10'000); // until all have begun
  Comparison fast{publisher, observers, 0};
  Comparison million{publisher, observers, 1'000};
  Comparison paced{publisher, observers, 10'000};
  const auto end = steady::now() + time;
  while (steady::now() < end && !observers.ended()) {
    fast.round(random);
    million.round(random);
    paced.round(random);
  }
  if (observers.ended()) {
    fmt::print(stderr, "one of the observers has ended: see '" SEQCAST_TOOL " sub {}'\n", name);
    return 1;
  }
  fmt::print("One publisher of {} bytes with timestamps and {} bell; observers on another core\n\n",
             sizeof(Message), bell ? "a" : "no");
  fast.print("As fast as it can");
  fmt::print("\n");
  million.print("1000000 messages a second");
  fmt::print("\n");
  paced.print("100000 messages a second");
  return 0;
}

} // namespace
} // namespace bench

int main(int argc, char** argv) {
  CLI::App app{"What a publisher loses by being looked at"};
  int seconds = 40;
  app.add_option("--seconds", seconds, "How long to measure")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600));
  bool no_bell = false;
  app.add_flag("--no-bell", no_bell, "Without a bell: nobody is woken, all who wait poll");
  CLI11_PARSE(app, argc, argv);
  if (std::thread::hardware_concurrency() < 2) {
    fmt::print(stderr, "this needs two cores\n");
    return 1;
  }
  return bench::observe(std::chrono::seconds{seconds}, !no_bell);
}
