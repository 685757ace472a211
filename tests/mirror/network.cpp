// SPDX-License-Identifier: BSL-1.0
//
// network: a bad network between hosts. It forwards Ethernet frames between the interfaces of one network
// namespace, each of which leads to a host, and loses, delays, reorders and doubles them, or keeps some hosts
// apart. hosts.py starts it; the kernel's own means (tc netem) are not in every kernel.
//
//     mirror_network SEED INTERFACE...
//
// Commands are lines on stdin. Each is answered with one line on stdout, and then it holds for all later frames.
//     loss PERCENT            of the frames, for each receiver
//     delay MS JITTER_MS      each frame on its own, evenly distributed: with a jitter they arrive out of order
//     duplicate PERCENT
//     partition GROUP...      groups of hosts, such as "1 23": only those of one group reach each other
//     count                   answers: frames forwarded, lost (by loss or partition), doubled
//
// It ends with stdin. All hosts are on one hub: every frame goes to all others.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <queue>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kernel_header = 10; // struct virtio_net_hdr, whose header is not for C++

/// A frame, behind the kernel's header: it names what the interface would still have to do, such as the
/// checksum. Both go on as they came, so every checksum is right in the end.
using Frame = std::vector<char>;

[[noreturn]] void die(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

/// A socket for all frames that come in through an interface, and for those that go out.
int open_port(const char* interface) {
  const int port = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (port < 0) die("socket");
  const int on = 1, bytes = 32 << 20;
  if (::setsockopt(port, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0) die("PACKET_VNET_HDR");
  if (::setsockopt(port, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0)
    die("PACKET_IGNORE_OUTGOING");
  if (::setsockopt(port, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) die("SO_RCVBUFFORCE");
  struct sockaddr_ll address {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
  if (address.sll_ifindex == 0) die(interface);
  if (::bind(port, static_cast<struct sockaddr*>(static_cast<void*>(&address)), sizeof address) != 0)
    die("bind");
  return port;
}

class Network {
 public:
  Network(std::uint64_t seed, char** begin, char** end) : random_{seed} {
    for (char** interface = begin; interface != end; ++interface) ports_.push_back(open_port(*interface));
    groups_.assign(ports_.size(), 0);
  }

  void run() {
    std::vector<struct pollfd> polled{{STDIN_FILENO, POLLIN, 0}};
    for (const int port : ports_) polled.push_back({port, POLLIN, 0});
    for (;;) {
      const struct timespec wait = time_to_next();
      if (::ppoll(polled.data(), polled.size(), delayed_.empty() ? nullptr : &wait, nullptr) < 0 &&
          errno != EINTR)
        die("ppoll");
      if (polled[0].revents != 0 && !take_commands()) return;
      for (std::size_t from = 0; from < ports_.size(); ++from) {
        if (polled[from + 1].revents != 0) take_frames(from);
      }
      send_due();
    }
  }

 private:
  struct Delayed {
    Clock::time_point due;
    std::uint64_t number; // of frames with one time the first goes first
    std::size_t to;
    Frame frame;
    friend bool operator<(const Delayed& one, const Delayed& other) {
      return one.due != other.due ? one.due > other.due : one.number > other.number;
    }
  };

  bool chance(double percent) {
    return percent > 0 && std::uniform_real_distribution<>{0, 100}(random_) < percent;
  }

  struct timespec time_to_next() const {
    if (delayed_.empty()) return {};
    const auto left = std::max(delayed_.top().due - Clock::now(), Clock::duration::zero());
    return {static_cast<time_t>(left / std::chrono::seconds{1}),
            static_cast<long>(left % std::chrono::seconds{1} / std::chrono::nanoseconds{1})};
  }

  /// Some, so that commands and delayed frames have their turn.
  void take_frames(std::size_t from) {
    for (int i = 0; i < 64; ++i) {
      const ssize_t size = ::recv(ports_[from], buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (size < 0) return; // none, or the interface is down
      const Frame frame{buffer_.begin(), buffer_.begin() + size};
      for (std::size_t to = 0; to < ports_.size(); ++to) {
        if (to != from) forward(frame, from, to);
      }
    }
  }

  void forward(const Frame& frame, std::size_t from, std::size_t to) {
    if (groups_[from] != groups_[to] || chance(loss_)) {
      ++lost_;
      return;
    }
    ++forwarded_;
    deliver(frame, to);
    if (!chance(duplicate_)) return;
    ++doubled_;
    deliver(frame, to);
  }

  void deliver(const Frame& frame, std::size_t to) {
    if (delay_ms_ <= 0 && jitter_ms_ <= 0) return send(frame, to);
    const double ms = delay_ms_ + std::uniform_real_distribution<>{0, jitter_ms_}(random_);
    const auto delay =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::milli>{ms});
    delayed_.push({Clock::now() + delay, ++number_, to, frame});
  }

  void send_due() {
    while (!delayed_.empty() && delayed_.top().due <= Clock::now()) {
      send(delayed_.top().frame, delayed_.top().to);
      delayed_.pop();
    }
  }

  /// What the interface does not take is lost, as in any network.
  void send(const Frame& frame, std::size_t to) {
    static_cast<void>(::send(ports_[to], frame.data(), frame.size(), 0));
  }

  /// False at the end of stdin.
  bool take_commands() {
    std::array<char, 4096> text;
    const ssize_t size = ::read(STDIN_FILENO, text.data(), text.size());
    if (size <= 0) return false;
    commands_.append(text.data(), static_cast<std::size_t>(size));
    for (std::size_t end; (end = commands_.find('\n')) != std::string::npos; commands_.erase(0, end + 1)) {
      std::istringstream line{commands_.substr(0, end)};
      std::cout << obey(line) << std::endl;
    }
    return true;
  }

  std::string obey(std::istringstream& line) {
    std::string verb;
    line >> verb;
    if (verb == "loss" && line >> loss_) return "ok";
    if (verb == "delay" && line >> delay_ms_ >> jitter_ms_) return "ok";
    if (verb == "duplicate" && line >> duplicate_) return "ok";
    if (verb == "partition") return divide(line);
    if (verb != "count") return "what is '" + line.str() + "'?";
    std::ostringstream counts;
    counts << forwarded_ << ' ' << lost_ << ' ' << doubled_;
    return counts.str();
  }

  std::string divide(std::istringstream& line) {
    groups_.assign(ports_.size(), 0);
    int group = 0;
    for (std::string hosts; line >> hosts;) {
      ++group;
      for (const char host : hosts) groups_.at(static_cast<std::size_t>(host - '1')) = group;
    }
    return "ok";
  }

  std::mt19937_64 random_;
  std::vector<int> ports_;
  std::vector<int> groups_; // of each host; one for all if the network is whole
  double loss_ = 0, duplicate_ = 0, delay_ms_ = 0, jitter_ms_ = 0;
  std::priority_queue<Delayed> delayed_;
  std::array<char, kernel_header + ETH_HLEN + 65536> buffer_;
  std::string commands_;
  std::uint64_t number_ = 0, forwarded_ = 0, lost_ = 0, doubled_ = 0;
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: mirror_network SEED INTERFACE...\n");
    return 2;
  }
  Network network{std::strtoull(argv[1], nullptr, 10), argv + 2, argv + argc};
  std::cout << "ok" << std::endl;
  network.run();
}
