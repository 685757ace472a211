// SPDX-License-Identifier: BSL-1.0
//
// server: publishes "msg 1", "msg 2" and so on, one a second, or every line of its standard input. Clients may
// come and go at any time: the server does not wait for them, and does not know how many there are.
//
//     server                                   one message a second into test.dat
//     seq 1 100000 | server --stdin            as fast as the lines come
//     tail -f /var/log/syslog | server --stdin --shm log
#include "command_line.hpp"
#include "lines.hpp"
#include "stop.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <seqcast/seqcast.hpp>
#include <stdexcept>

/// Checks that the channel's name still leads to it: nothing else tells a publisher that its file was removed, by
/// systemd-tmpfiles say, or replaced.
class NameCheck {
 public:
  explicit NameCheck(const seqcast::BytePublisher& publisher) : publisher_{publisher} {}

  /// Asks the system four times a second at most. Throws if the name is gone.
  void check() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + interval;
    if (publisher_.state() != seqcast::ChannelState::superseded) return;
    throw std::runtime_error{"the channel was removed or replaced, and new clients do not find it; start anew"};
  }

  /// Sleeps until that time, or until a stop is requested; checks meanwhile.
  void sleep_until(const demo::StopOnSignal& stop, std::chrono::steady_clock::time_point end) {
    while (!stop.requested() && std::chrono::steady_clock::now() < end) {
      stop.sleep_until(std::min(end, std::chrono::steady_clock::now() + interval));
      check();
    }
  }

 private:
  static constexpr std::chrono::milliseconds interval{250};
  const seqcast::BytePublisher& publisher_;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + interval;
};

int main(int argc, char** argv) try {
  const demo::StopOnSignal stop;

  double rate = 0;
  std::uint64_t count = UINT64_MAX;
  bool from_stdin = false;
  seqcast::PublisherOptions options{.timestamps = true};

  demo::CommandLine app{"Publishes \"msg N\" once a second, or every line of standard input."};
  auto* const rate_option =
      app.add_option("--rate", rate, "Messages a second, 0 for no pause [1; with --stdin 0]");
  rate_option->check(CLI::NonNegativeNumber);
  app.add_option("--count", count, "End after this many messages");
  app.add_flag("--stdin", from_stdin, "Publish the lines of standard input");
  app.add_option("--capacity", options.capacity, "Slots, a power of two: how far a client may fall behind");
  app.add_option("--max-size", options.max_message_size, "Bytes of the longest message [1024]");
  app.add_flag("--replace", options.replace, "Replace a channel that has another size or capacity");
  app.parse_or_exit(argc, argv);
  if (!*rate_option && !from_stdin) rate = 1;

  const seqcast::Location location = app.location();
  seqcast::BytePublisher publisher{location, options};
  fmt::print("{}: {} slots of {} bytes, from message {} on\n", to_string(location), publisher.capacity(),
             publisher.max_message_size(), publisher.head() + 1);
  std::fflush(stdout);

  const std::chrono::duration<double> pause{rate > 0 ? std::min(1 / rate, 1e6) : 0};
  const auto begin = std::chrono::steady_clock::now();
  demo::Lines lines;
  NameCheck name{publisher};
  std::uint64_t published = 0, read = 0;
  while (published < count && !stop.requested()) {
    std::string message = fmt::format("msg {}", publisher.head() + 1);
    if (from_stdin) {
      auto line = lines.next(stop.token(), [&name] { name.check(); });
      if (!line) break;
      ++read;
      message = std::move(*line);
    }
    if (message.size() > publisher.max_message_size()) {
      fmt::print(stderr, "server: line {} has {} bytes, {} are the most; left out (--max-size allows more)\n",
                 read, message.size(), publisher.max_message_size());
      continue;
    }
    publisher.publish(message);
    ++published;
    name.check();
    const auto due =
        begin + std::chrono::ceil<std::chrono::nanoseconds>(static_cast<double>(published) * pause);
    if (rate > 0) name.sleep_until(stop, due);
  }
  fmt::print("published {} messages, the last is number {}\n", published, publisher.head());
  return published == read || !from_stdin ? 0 : 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "server: {}\n", error.what());
  return 1;
}
