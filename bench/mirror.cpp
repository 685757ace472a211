// SPDX-License-Identifier: BSL-1.0
//
// mirror: how fast 'seqcast-dds' carries a channel to another host, and what that costs the origin's publisher.
//
//     ./bench/run mirror [--quick] [--seconds 3]
//
// The hosts are two network namespaces of this machine, joined by a veth pair: needs root. Shared memory and the
// clock are common to both, so one process publishes and subscribes. Both limits cross the same veth pair in the
// same run: datagrams of UDP, and ddsperf, which is Cyclone DDS's own.
//
// Invariants
//   1. Each message that arrives is checked; one that nobody has published ends the program with an error.
#include "machine.hpp"
#include "process.hpp"
#include "statistics.hpp"
#include "temporary_channel.hpp"

#include <seqcast/seqcast.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr const char* far_prefix = "far-";
constexpr std::uint16_t udp_port = 7007;

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(steady::now().time_since_epoch().count());
}
double seconds_since(steady::time_point begin) {
  return std::chrono::duration<double>{steady::now() - begin}.count();
}

void command(const std::string& text) {
  if (std::system((text + " 2>/dev/null").c_str()) != 0)
    throw std::runtime_error{"cannot set up a host; as root, with iproute2: " + text};
}

/// A network namespace, by what 'ip netns' calls it.
class Host {
 public:
  Host() {
    command("ip netns add " + name_);
    command("ip -n " + name_ + " link set lo up multicast on"); // Cyclone uses it where nothing else is there
  }
  Host(const Host&) = delete;
  ~Host() {
    std::ignore = std::system(("ip netns del " + name_ + " 2>/dev/null").c_str());
  }
  const std::string& name() const {
    return name_;
  }
  /// A command line that runs there.
  std::vector<std::string> line(std::vector<std::string> arguments) const {
    std::vector<std::string> whole{"ip", "netns", "exec", name_};
    whole.insert(whole.end(), arguments.begin(), arguments.end());
    return whole;
  }
  /// A socket of UDP there. The calling thread ends up there as well, so it is one of its own.
  int udp_socket() const {
    int result = -1;
    std::thread{[&] {
      const int space = open(("/run/netns/" + name_).c_str(), O_RDONLY | O_CLOEXEC);
      if (space >= 0 && setns(space, CLONE_NEWNET) == 0) result = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (space >= 0) close(space);
    }}.join();
    if (result < 0) throw std::runtime_error{"cannot open a socket in the namespace " + name_};
    return result;
  }

 private:
  std::string name_ = unique_name();
};

/// Two hosts and the wire between them.
struct Hosts {
  Hosts() {
    command(
        fmt::format("ip link add wire0 netns {} type veth peer name wire0 netns {}", near.name(), far.name()));
    command(fmt::format("ip -n {} addr add 10.77.0.1/24 dev wire0", near.name()));
    command(fmt::format("ip -n {} addr add 10.77.0.2/24 dev wire0", far.name()));
    for (const Host* host : {&near, &far}) command(fmt::format("ip -n {} link set wire0 up", host->name()));
  }
  Host near;
  Host far;
};

/// A channel and its mirror.
class MirroredChannel {
 public:
  MirroredChannel(const Hosts& hosts, const seqcast::PublisherOptions& options)
      : publisher{channel_.location(), options},
        send_{hosts.near.line({SEQCAST_DDS, "send", name(), "-q"}), {}},
        receive_{hosts.far.line({SEQCAST_DDS, "receive", name(), "--prefix", far_prefix, "-q"}), {}} {
    const auto begin = steady::now();
    while (!subscriber_) {
      if (steady::now() > begin + 20s)
        throw std::runtime_error{"nothing arrives: try '" SEQCAST_DDS " send' and 'receive'"};
      publisher.publish(std::array<std::uint64_t, 1>{0});
      std::this_thread::sleep_for(10ms);
      seqcast::Error error;
      subscriber_ = seqcast::ByteSubscriber::open(far_location(), {}, error);
    }
    while (!subscriber_->next_for(1s)) publisher.publish(std::array<std::uint64_t, 1>{0});
    while (subscriber_->next_for(100ms)) {
    }
  }
  MirroredChannel(const MirroredChannel&) = delete;
  ~MirroredChannel() {
    seqcast::Error ignored;
    seqcast::remove_channel(far_location(), {.even_if_alive = true}, ignored); // the receiver ends behind this
  }

  seqcast::ByteSubscriber& subscriber() {
    return *subscriber_;
  }
  ChildProcess& receive() {
    return receive_;
  }
  double cpu_seconds() const {
    return send_.cpu_seconds() + receive_.cpu_seconds();
  }

 private:
  std::string name() const {
    return channel_.location().name();
  }
  seqcast::Location far_location() const {
    return seqcast::shared_memory(far_prefix + name());
  }

  TemporaryChannel channel_;

 public:
  seqcast::BytePublisher publisher;

 private:
  ChildProcess send_;
  ChildProcess receive_;
  std::optional<seqcast::ByteSubscriber> subscriber_;
};

seqcast::PublisherOptions options_for(std::size_t size) {
  seqcast::PublisherOptions options;
  options.max_message_size = static_cast<std::uint32_t>(size);
  options.capacity = std::clamp<std::uint64_t>(std::bit_floor((std::uint64_t{16} << 20) / size), 8, 16384);
  return options;
}

struct Latency {
  double p50 = 0, p99 = 0; // us
  std::uint64_t lost = 0;
  double cpu_us = 0; // of both programs, for a message
};

Latency latency_of(std::vector<double> times, std::uint64_t sent, double cpu_seconds) {
  if (times.empty()) throw std::runtime_error{"no message arrived"};
  return {quantile(times, 0.5), quantile(times, 0.99), sent - times.size(),
          cpu_seconds / static_cast<double>(sent) * 1e6};
}

/// One message a millisecond through the mirror.
Latency mirror_latency(const Hosts& hosts, std::size_t size, double seconds) {
  MirroredChannel channel{hosts, options_for(size)};
  std::vector<double> times;
  std::jthread receiving{[&](const std::stop_token& stop) {
    while (const auto message = channel.subscriber().next_for(1h, stop)) {
      std::uint64_t published = 0;
      std::memcpy(&published, message->message.data(), sizeof published);
      if (message->message.size() != size || published > now_ns())
        throw std::runtime_error{"a message arrived that nobody published"};
      times.push_back(static_cast<double>(now_ns() - published) * 1e-3);
    }
  }};
  const double cpu_before = channel.cpu_seconds();
  std::vector<std::uint64_t> words(std::max<std::size_t>(size / 8, 1));
  const auto count = static_cast<std::uint64_t>(seconds * 1000);
  const auto begin = steady::now();
  for (std::uint64_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(begin + i * 1ms);
    words[0] = now_ns();
    channel.publisher.publish(std::as_bytes(std::span{words}).first(size));
  }
  std::this_thread::sleep_for(500ms);
  receiving.request_stop();
  receiving.join();
  return latency_of(std::move(times), count, channel.cpu_seconds() - cpu_before);
}

const sockaddr* as_socket_address(const sockaddr_in& address) {
  return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}

/// The same by datagrams.
Latency udp_latency(const Hosts& hosts, std::size_t size, double seconds) {
  const int from = hosts.near.udp_socket();
  const int to = hosts.far.udp_socket();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(udp_port);
  inet_pton(AF_INET, "10.77.0.2", &address.sin_addr);
  const timeval second{.tv_sec = 1, .tv_usec = 0};
  setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
  if (bind(to, as_socket_address(address), sizeof address) != 0 ||
      connect(from, as_socket_address(address), sizeof address) != 0) {
    throw std::system_error{errno, std::generic_category(), "UDP"};
  }
  std::vector<double> times;
  std::thread receiving{[&] {
    std::vector<std::byte> buffer(size);
    while (recv(to, buffer.data(), size, 0) == static_cast<ssize_t>(size)) {
      std::uint64_t sent = 0;
      std::memcpy(&sent, buffer.data(), sizeof sent);
      times.push_back(static_cast<double>(now_ns() - sent) * 1e-3);
    }
  }};
  std::vector<std::byte> buffer(size);
  const auto count = static_cast<std::uint64_t>(seconds * 1000);
  const auto begin = steady::now();
  for (std::uint64_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(begin + i * 1ms);
    const std::uint64_t stamp = now_ns();
    std::memcpy(buffer.data(), &stamp, sizeof stamp);
    std::ignore = send(from, buffer.data(), size, 0);
  }
  receiving.join();
  close(from);
  close(to);
  return latency_of(std::move(times), count, 0);
}

struct Rate {
  double messages = 0; // thousands a second
  double bytes = 0;    // MB a second
  double lost = 0;     // of those published
  double cpu_us = 0;   // of both programs, for a message
};

/// As fast as they arrive: the publisher stays at most half a ring ahead of the far subscriber.
Rate mirror_rate(const Hosts& hosts, std::size_t size, double seconds) {
  MirroredChannel channel{hosts, options_for(size)};
  std::atomic<std::uint64_t> arrived{channel.publisher.head()};
  std::uint64_t received = 0;
  std::jthread receiving{[&](const std::stop_token& stop) {
    while (const auto message = channel.subscriber().next_for(1h, stop)) {
      std::uint64_t number = 0;
      std::memcpy(&number, message->message.data(), sizeof number);
      if (message->message.size() != size || number != message->sequence)
        throw std::runtime_error{"a message arrived that nobody published"};
      ++received;
      arrived = message->sequence;
    }
  }};
  const double cpu_before = channel.cpu_seconds();
  const std::uint64_t before = channel.publisher.head();
  const std::uint64_t most_ahead = channel.publisher.capacity() / 2;
  std::vector<std::uint64_t> words(std::max<std::size_t>(size / 8, 1));
  const auto begin = steady::now();
  auto last_arrival = begin;
  std::uint64_t seen = arrived;
  while (seconds_since(begin) < seconds) {
    if (const std::uint64_t now = arrived; now != seen) {
      seen = now;
      last_arrival = steady::now();
    }
    if (channel.publisher.head() - seen >= most_ahead) {
      if (steady::now() < last_arrival + 20ms) {
        std::this_thread::sleep_for(50us);
        continue;
      }
      last_arrival =
          steady::now(); // those before it may be lost: whether they are shows when another one arrives
    }
    words[0] = channel.publisher.head() + 1;
    channel.publisher.publish(std::as_bytes(std::span{words}).first(size));
  }
  const std::uint64_t in_time = received;
  const double took = seconds_since(begin);
  std::this_thread::sleep_for(500ms);
  receiving.request_stop();
  receiving.join();
  const auto published = static_cast<double>(channel.publisher.head() - before);
  const auto count = static_cast<double>(in_time);
  return {count / took * 1e-3, count * static_cast<double>(size) / took * 1e-6,
          1 - static_cast<double>(received) / published,
          (channel.cpu_seconds() - cpu_before) / static_cast<double>(received) * 1e6};
}

/// What 'ddsperf ARGUMENTS' prints there, while it runs with `others` on the other host.
std::string ddsperf(const Host& here, const std::string& arguments, const Host& there,
                    std::vector<std::string> others, int seconds) {
  const std::string duration = std::to_string(seconds);
  others.insert(others.begin(), {"ddsperf", "-D", duration});
  const ChildProcess other{there.line(others), {}};
  const std::string line = fmt::format("ip netns exec {} ddsperf -D {} {}", here.name(), duration, arguments);
  std::FILE* const output = popen(line.c_str(), "r");
  if (output == nullptr) throw std::system_error{errno, std::generic_category(), line};
  std::string all;
  std::array<char, 4096> text{};
  while (std::fgets(text.data(), text.size(), output) != nullptr) all += text.data();
  pclose(output);
  return all;
}

/// The number behind the last one of these words; 0 if there is none.
double number_behind(const std::string& text, const std::string& word) {
  const std::size_t at = text.rfind(word);
  return at == std::string::npos ? 0 : std::atof(text.c_str() + at + word.size());
}

/// Thousands of messages a second that ddsperf carries.
double ddsperf_rate(const Hosts& hosts, std::size_t size, double seconds) {
  const std::string text = ddsperf(hosts.far, "sub", hosts.near, {"pub", "size", std::to_string(size)},
                                   std::max(2, static_cast<int>(seconds)));
  const std::string last = text.substr(0, text.rfind(" total ") + 1);
  const double at = number_behind(last, "] ");
  return at > 0 ? number_behind(text, " total ") / at * 1e-3 : 0;
}

/// Half a round trip of ddsperf's, at the same rate.
Latency ddsperf_latency(const Hosts& hosts, std::size_t size, double seconds) {
  const std::string text = ddsperf(hosts.near, fmt::format("ping 1kHz size {}", size), hosts.far, {"pong"},
                                   std::max(2, static_cast<int>(seconds)));
  return {number_behind(text, " 50% ") / 2, number_behind(text, " 99% ") / 2, 0, 0};
}

/// Nanoseconds of each publish(), one every 100 us.
std::vector<double> publish_times(seqcast::BytePublisher& publisher, double seconds) {
  const std::array<std::uint64_t, 6> message{};
  std::vector<double> times;
  const auto begin = steady::now();
  while (seconds_since(begin) < seconds) {
    const std::uint64_t before = now_ns();
    publisher.publish(message);
    times.push_back(static_cast<double>(now_ns() - before));
    std::this_thread::sleep_for(100us);
  }
  return times;
}

void measure_latency(const Hosts& hosts, double seconds) {
  fmt::print(
      "\nOne-way time in us, one message a millisecond, all sides sleep; of ddsperf half a round trip\n"
      "  {:>6}{:>14}{:>6}{:>15}{:>18}{:>20}\n",
      "B", "p50 / p99", "lost", "CPU a message", "UDP, p50 / p99", "ddsperf, p50 / p99");
  const auto cell = [](const Latency& latency) {
    return fmt::format("{:.0f} / {:.0f}", latency.p50, latency.p99);
  };
  for (const std::size_t size : {std::size_t{48}, std::size_t{1024}}) {
    const Latency udp = udp_latency(hosts, size, seconds);
    const Latency ddsperf = ddsperf_latency(hosts, size, seconds);
    const Latency mirror = mirror_latency(hosts, size, seconds);
    const bool met = mirror.p50 <= 60 && mirror.p99 <= 200;
    fmt::print("  {:>6}{:>14}{:>6}{:>15.0f}{:>18}{:>20}  {}: p50 <= 60, p99 <= 200\n", size, cell(mirror),
               mirror.lost, mirror.cpu_us, cell(udp), cell(ddsperf), met ? "met" : "MISSED");
    std::fflush(stdout);
  }
}

void measure_rate(const Hosts& hosts, double seconds) {
  fmt::print("\nFlat out, at most half a ring on the way\n  {:>9}{:>12}{:>10}{:>8}{:>18}{:>16}\n", "B", "k/s",
             "MB/s", "lost", "CPU, us a message", "ddsperf, k/s");
  for (const std::size_t size :
       {std::size_t{48}, std::size_t{1} << 10, std::size_t{64} << 10, std::size_t{1} << 20}) {
    const double ddsperf = ddsperf_rate(hosts, size, seconds);
    const Rate mirror = mirror_rate(hosts, size, seconds);
    fmt::print("  {:>9}{:>12.2f}{:>10.0f}{:>7.1f}%{:>18.1f}{:>16.2f}\n", size, mirror.messages, mirror.bytes,
               mirror.lost * 100, mirror.cpu_us, ddsperf);
    std::fflush(stdout);
  }
}

/// What the origin's publisher pays: alone, with a subscriber of this machine that sleeps, with a mirror, and with
/// one whose receiver is stopped.
void measure_origin(const Hosts& hosts, double seconds) {
  fmt::print(
      "\npublish() of 48 B at the origin every 100 us, ns: p50 / p99.9; three rounds in "
      "turn\n{:>20}{:>20}{:>20}{:>20}\n",
      "alone", "local subscriber", "mirror", "receiver stopped");
  const auto cell = [](const std::vector<double>& times) {
    return fmt::format("{:.0f} / {:.0f}", quantile(times, 0.5), quantile(times, 0.999));
  };
  for (int round = 0; round < 3; ++round) {
    const TemporaryChannel place;
    seqcast::BytePublisher publisher{place.location(), options_for(48)};
    const std::vector<double> alone = publish_times(publisher, seconds);
    std::vector<double> local;
    {
      seqcast::ByteSubscriber subscriber{place.location()};
      std::jthread receiving{[&](const std::stop_token& stop) {
        while (subscriber.next_for(1h, stop)) {
        }
      }};
      local = publish_times(publisher, seconds);
    }
    MirroredChannel channel{hosts, options_for(48)};
    const std::vector<double> mirrored = publish_times(channel.publisher, seconds);
    channel.receive().send(SIGSTOP);
    const std::vector<double> stopped = publish_times(channel.publisher, seconds);
    channel.receive().send(SIGCONT);
    fmt::print("{:>20}{:>20}{:>20}{:>20}\n", cell(alone), cell(local), cell(mirrored), cell(stopped));
    std::fflush(stdout);
  }
}

} // namespace
} // namespace bench

int main(int argc, char** argv) try {
  CLI::App app{"How fast a channel is carried to another host, and what that costs the origin"};
  bool quick = false;
  app.add_flag("--quick", quick, "Half a minute, less exact");
  double seconds = 5;
  app.add_option("--seconds", seconds, "Time of one measurement")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (quick) seconds = 2;
  fmt::print("{}\n", bench::to_string(bench::this_machine()));
  const bench::Hosts hosts;
  bench::measure_latency(hosts, seconds);
  bench::measure_rate(hosts, seconds);
  bench::measure_origin(hosts, seconds);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "mirror: {}\n", error.what());
  return 1;
}
