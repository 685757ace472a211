// SPDX-License-Identifier: BSL-1.0
//
// transport: what the latency benchmark requires of a transport, which is a way to bring messages from one
// process to another, and the loops that measure it. A transport is a class template over the message's size:
//
//     template <std::size_t Size>
//     struct Pipe {
//       Pipe();                                what both sides share; made before the fork
//       struct Sender {
//         explicit Sender(Pipe&);              made in the sending process
//         bool send(const Message<Size>&);     false: there is no room now, try again
//       };
//       struct Receiver {
//         explicit Receiver(Pipe&);            made in the receiving process
//         bool receive(Message<Size>&);        false: there is no message now
//         std::uint64_t torn();                optional: it has checked every byte itself
//         FailedCalls failures();              optional: its calls may give up
//       };
//     };
//
// and one line, `const Transport pipe = transport_of<Pipe>({...})`, in its own file of bench/transports. The
// loops are compiled for each transport and each size, so that nothing is called through a pointer while the
// clock runs.
//
// Invariants
//   1. Word 0 of a message is the sender's time stamp, every other word the message's number: so the receiver
//      sees what was torn, lost or disordered. In messages of one word only stamps can be compared.
//   2. The clock runs from before send() until receive() has delivered the message.
//   3. No loop waits for ever: Control::poll_deadline() ends it, and the measurement fails with that reason.
#pragma once

#include "control.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

namespace bench {

template <std::size_t Size>
struct Message {
  static_assert(Size >= 8 && Size % 8 == 0);
  std::array<std::uint64_t, Size / 8> words;
};

inline constexpr std::array<std::size_t, 7> sizes{8, 48, 256, 1024, 4096, 65536, 1048576};

/// Thrown where a transport cannot be measured; what() is the reason that the report gives.
struct CannotMeasure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Counts the calls of a receiver that gave up.
struct FailedCalls {
  std::uint64_t total = 0;
  std::uint64_t in_row = 0;
  std::uint64_t max_in_row = 0;

  void failed() {
    ++total;
    max_in_row = std::max(max_in_row, ++in_row);
  }
  void succeeded() {
    in_row = 0;
  }
};

enum class Scenario : std::uint8_t {
  one_way,     // at a low rate: the next message follows a pause after the last one was received
  ping_pong,   // half a round trip over two channels
  flat_out,    // the sender never pauses
  fan_out,     // the time of send(), with several polling receivers
  no_receiver, // the time of send(), without any
};

/// With Scenario::no_receiver one sample is the time of this many sends.
inline constexpr std::uint64_t sends_per_sample = 512;

/// With Scenario::fan_out, one measurement for each.
inline constexpr std::array fan_out_receivers{1, 2, 4, 8};

struct Task {
  Scenario scenario = Scenario::one_way;
  std::uint64_t count = 0;    // messages
  std::uint64_t pause_ns = 0; // between messages
  double seconds = 0;         // flat_out
  int receivers = 1;
};

struct Description {
  const char* name;
  const char* setting;                   // the best one found for it
  bool may_tear = false;                 // by design
  bool may_lose = false;                 // by design: the sender never waits
  bool several_receivers = false;        // can have them
  bool rival = false;                    // another project's, and never torn
  bool in_place = false;                 // hands over memory instead of copying
  bool sender_only = false;              // has no receiver
  const char* missing_package = nullptr; // without it this transport was not built
};

struct Transport {
  Description about;
  /// One for each of `sizes`. Errors: throws CannotMeasure.
  std::array<void (*)(const Task&, Control&), sizes.size()> run{};
};

namespace loops {

/// Writes the message's number into every word but the first.
template <std::size_t Size>
void number_all(Message<Size>& message, std::uint64_t number) {
  for (std::size_t i = 1; i < Size / 8; ++i) message.words[i] = number;
}

/// Messages before the measured ones, without a pause: enough to touch every page of a ring of 1 MiB.
template <std::size_t Size>
inline constexpr std::uint64_t warm_up_count = std::clamp<std::uint64_t>((1 << 20) / Size, 16, 1024);

/// Where there is no time to number every word: calls `act` with one index of each page, and with the last one.
template <std::size_t Size, class Act>
void for_sampled_words(const Act& act) {
  for (std::size_t i = 0; i < Size / 8; i += 512) act(i);
  act(Size / 8 - 1);
}

/// Whether the words from the second to the last are equal.
template <std::size_t Size>
bool equal_numbers(const std::uint64_t* words) {
  std::uint64_t different = 0;
  for (std::size_t i = 2; i < Size / 8; ++i) different |= words[i] ^ words[1];
  return different == 0;
}

/// Counts the messages that are torn, lost or disordered.
class MessageChecker {
 public:
  /// For a message whose every word but the first is its number.
  template <std::size_t Size>
  void check_all_words(const Message<Size>& message) {
    ++counts.received;
    if constexpr (Size > 8) check_number(message.words[1], !equal_numbers<Size>(message.words.data()));
  }
  /// For a message with its number in the sampled words.
  template <std::size_t Size>
  void check_sampled_words(const Message<Size>& message) {
    ++counts.received;
    const std::uint64_t number = message.words[0];
    std::uint64_t different = 0;
    for_sampled_words<Size>([&](std::size_t i) { different |= message.words[i] ^ number; });
    check_number(number, different != 0);
  }
  Counts counts;

 private:
  void check_number(std::uint64_t number, bool torn) {
    if (torn) ++counts.torn;
    if (torn) return;
    if (number <= last_) ++counts.disordered;
    if (number > last_ + 1) counts.lost += number - last_ - 1;
    if (number > last_) last_ = number;
  }
  std::uint64_t last_ = 0;
};

template <class Channel, std::size_t Size>
struct Loops {
  using Sender = typename Channel::Sender;
  using Receiver = typename Channel::Receiver;
  static constexpr bool in_place = requires(Receiver & receiver) {
    receiver.torn();
  };

  static void send_one_way(Channel& channel, const Task& task, Control& control) {
    Sender sender{channel};
    const auto message = std::make_unique<Message<Size>>();
    control.wait_for_receivers();
    for (std::uint64_t i = 1; i <= warm_up_count<Size> + task.count; ++i) {
      if constexpr (in_place) {
        message->words[Size / 8 - 1] = i; // the transport writes the other words, or leaves them
      } else {
        number_all(*message, i);
      }
      const std::uint64_t begin = stamp_after();
      message->words[0] = begin;
      while (!sender.send(*message)) control.poll_deadline();
      const std::uint64_t end = stamp_after();
      while (control.received(0) < i) control.poll_deadline();
      if (i <= warm_up_count<Size>) continue;
      control.send_times.add(end - begin);
      spin_ns(task.pause_ns);
    }
  }
  static void receive_one_way(Channel& channel, const Task& task, Control& control) {
    Receiver receiver{channel};
    const auto message = std::make_unique<Message<Size>>();
    message->words.fill(0);
    MessageChecker checker;
    control.ready();
    for (std::uint64_t i = 1; i <= warm_up_count<Size> + task.count; ++i) {
      while (!receiver.receive(*message)) control.poll_deadline();
      const std::uint64_t end = stamp_after();
      if (i > warm_up_count<Size>) control.latencies.add(end - message->words[0]);
      if constexpr (in_place) {
        ++checker.counts.received; // the transport has checked every byte itself
        checker.counts.torn = receiver.torn();
      } else {
        checker.check_all_words(*message);
      }
      control.acknowledge(0, i);
    }
    control.report(0, checker.counts);
  }

  static void ping(Channel& there, Channel& back, const Task& task, Control& control) {
    Sender sender{there};
    Receiver receiver{back};
    const auto message = std::make_unique<Message<Size>>();
    control.wait_for_receivers();
    for (std::uint64_t i = 1; i <= warm_up_count<Size> + task.count; ++i) {
      const std::uint64_t begin = stamp_after();
      message->words[0] = begin;
      while (!sender.send(*message)) control.poll_deadline();
      while (!receiver.receive(*message)) control.poll_deadline();
      const std::uint64_t end = stamp_after();
      if (i <= warm_up_count<Size>) continue;
      control.latencies.add(end - begin);
      spin_ns(task.pause_ns);
    }
  }
  static void pong(Channel& there, Channel& back, const Task& task, Control& control) {
    Sender sender{back};
    Receiver receiver{there};
    const auto message = std::make_unique<Message<Size>>();
    control.ready();
    for (std::uint64_t i = 1; i <= warm_up_count<Size> + task.count; ++i) {
      while (!receiver.receive(*message)) control.poll_deadline();
      while (!sender.send(*message)) control.poll_deadline();
    }
    control.report(0, {.received = task.count});
  }

  static void send_flat_out(Channel& channel, const Task& task, Control& control) {
    Sender sender{channel};
    const auto message = std::make_unique<Message<Size>>();
    message->words.fill(0);
    control.wait_for_receivers();
    const std::uint64_t end = stamp() + stamps_of_ns(task.seconds * 1e9);
    // Reading the clock takes longer than sending a small message.
    constexpr std::uint64_t batch = std::max<std::uint64_t>(1, 65536 / Size / 16);
    std::uint64_t sent = 0;
    while (stamp() < end) {
      for (std::uint64_t i = 0; i < batch; ++i) {
        for_sampled_words<Size>([&](std::size_t word) { message->words[word] = sent + 1; });
        while (!sender.send(*message)) {
          if (stamp() >= end) return control.sender_finished(sent);
          control.poll_deadline();
        }
        ++sent;
      }
    }
    control.sender_finished(sent);
  }
  static void receive_flat_out(Channel& channel, const Task&, Control& control, int index) {
    Receiver receiver{channel};
    const auto message = std::make_unique<Message<Size>>();
    message->words.fill(0);
    MessageChecker checker;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t idle_since = 0;
    const std::uint64_t idle_timeout = stamps_of_ns(30e6);
    control.ready();
    for (;;) {
      if (!receiver.receive(*message)) {
        // The sender has finished, and no message has arrived for a while.
        if (control.has_sender_finished()) {
          if (idle_since == 0) idle_since = stamp();
          if (stamp() - idle_since > idle_timeout) break;
        }
        control.poll_deadline();
        continue;
      }
      idle_since = 0;
      checker.check_sampled_words(*message);
      if (checker.counts.received % 64 == 1 || Size > 1024) {
        last = stamp();
        if (first == 0) first = last;
      }
    }
    if constexpr (requires { receiver.failures(); }) {
      checker.counts.failed = receiver.failures().total;
      checker.counts.max_failed_in_row = receiver.failures().max_in_row;
    }
    checker.counts.seconds = static_cast<double>(last - first) / stamps_per_ns() / 1e9;
    control.report(index, checker.counts);
  }

  static void send_fan_out(Channel& channel, const Task& task, Control& control) {
    Sender sender{channel};
    const auto message = std::make_unique<Message<Size>>();
    control.wait_for_receivers();
    for (std::uint64_t i = 1; i <= warm_up_count<Size> + task.count; ++i) {
      number_all(*message, i);
      const std::uint64_t begin = stamp_after();
      message->words[0] = begin;
      while (!sender.send(*message)) control.poll_deadline();
      if (i > warm_up_count<Size>) control.send_times.add(stamp_after() - begin);
      spin_ns(task.pause_ns);
    }
    control.sender_finished(warm_up_count<Size> + task.count);
  }
  static void receive_fan_out(Channel& channel, const Task&, Control& control, int index) {
    Receiver receiver{channel};
    const auto message = std::make_unique<Message<Size>>();
    message->words.fill(0);
    MessageChecker checker;
    control.ready();
    while (!control.has_sender_finished()) {
      if (receiver.receive(*message)) {
        checker.check_all_words(*message);
      } else {
        control.poll_deadline();
      }
    }
    control.report(index, checker.counts);
  }

  static void send_without_receiver(Channel& channel, const Task& task, Control& control) {
    Sender sender{channel};
    const auto message = std::make_unique<Message<Size>>();
    message->words.fill(0);
    control.wait_for_receivers();
    for (std::uint64_t i = 0; i < task.count / sends_per_sample; ++i) {
      const std::uint64_t begin = stamp_after();
      for (std::uint64_t k = 0; k < sends_per_sample; ++k) {
        // The compiler must assume that other code can reach the sender, as where it is a member of an object:
        // so its state is stored and loaded in each turn, and not kept in registers.
        Sender* escaped = &sender;
        asm volatile("" : "+r"(escaped) : "r"(message.get()) : "memory");
        while (!escaped->send(*message)) control.poll_deadline();
      }
      control.send_times.add(stamp_after() - begin);
    }
    control.sender_finished(task.count);
  }
};

template <template <std::size_t> class Kind, std::size_t Size>
void run(const Task& task, Control& control) {
  using Channel = Kind<Size>;
  using Loop = Loops<Channel, Size>;
  Channel channel;
  std::unique_ptr<Channel> back;
  Control::Body sender;
  std::vector<Control::Body> receivers;
  switch (task.scenario) {
    case Scenario::one_way:
      sender = [&] { Loop::send_one_way(channel, task, control); };
      receivers.push_back([&] { Loop::receive_one_way(channel, task, control); });
      break;
    case Scenario::ping_pong:
      back = std::make_unique<Channel>();
      sender = [&] { Loop::ping(channel, *back, task, control); };
      receivers.push_back([&] { Loop::pong(channel, *back, task, control); });
      break;
    case Scenario::flat_out:
      sender = [&] { Loop::send_flat_out(channel, task, control); };
      for (int i = 0; i < task.receivers; ++i) {
        receivers.push_back([&, i] { Loop::receive_flat_out(channel, task, control, i); });
      }
      break;
    case Scenario::fan_out:
    case Scenario::no_receiver:
      // Only for the sizes that are measured: these loops take long to compile.
      if constexpr (Size <= 48) {
        if (task.scenario == Scenario::no_receiver) {
          sender = [&] { Loop::send_without_receiver(channel, task, control); };
          break;
        }
        sender = [&] { Loop::send_fan_out(channel, task, control); };
        for (int i = 0; i < task.receivers; ++i) {
          receivers.push_back([&, i] { Loop::receive_fan_out(channel, task, control, i); });
        }
        break;
      }
      throw CannotMeasure{"this is measured with up to 48 bytes"};
  }
  control.run(sender, receivers, std::chrono::seconds{10});
}

} // namespace loops

/// Requires: no other file has a template of Kind's name, not even in an unnamed namespace. gcc 12 gives the
/// loops of a template template argument weak linkage, and the linker would keep only one of the two.
template <template <std::size_t> class Kind>
Transport transport_of(const Description& about) {
  Transport transport{about};
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    ((transport.run[Index] = &loops::run<Kind, sizes[Index]>), ...);
  }
  (std::make_index_sequence<sizes.size()>{});
  return transport;
}

/// Stands in for a transport whose library was not there when the benchmark was built.
inline Transport missing_transport(Description about, const char* package) {
  about.missing_package = package;
  return {about, {}};
}

} // namespace bench
