// SPDX-License-Identifier: BSL-1.0
//
// transport: what the latency benchmark asks of a way to bring messages from one process to another, and the
// loops that it is measured with. A transport is a class template over the message's size:
//
//     template <std::size_t Size>
//     struct Pipe {
//       Pipe();                                     everything both sides share; made before the fork
//       struct Sender {
//         explicit Sender(Pipe&);                   made in the sending process
//         bool send(const Message<Size>&);          false: there is no room now, try again
//       };
//       struct Receiver {
//         explicit Receiver(Pipe&);                 made in the receiving process
//         bool receive(Message<Size>&);             false: there is nothing now
//         std::uint64_t torn();                     only where it has looked at every byte itself
//         std::pair<...> failures();                calls that gave up, and the most in a row; only where they
//         do
//       };
//     };
//
// and one line, `const Transport pipe = transport_of<Pipe>({...})`, in its own file of bench/transports. Its
// loops are compiled for it and for each size, so that nothing is called through a pointer while the clock
// runs.
//
// Invariants
//   1. Word 0 of a message is the sender's time stamp counter, every other word its number: what was torn, lost
//      or disordered is seen by the receiver. Of messages of one word the stamps alone can tell.
//   2. The clock runs from before send() until receive() has given the message.
//   3. No loop waits for ever: Control::expired() ends it, and the measurement says so.
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

/// Why a transport cannot do what it is asked for: not an error, a line in the report.
struct Unable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Scenario : std::uint8_t {
  one_way,   // at a low rate: the next message follows a pause after the last one was received
  ping_pong, // half a round trip over two channels
  flat_out,  // as many as the sender gets rid of
  fan_out,   // the sender's own time, with several receivers that look all the time
  alone,     // the sender's own time, with nobody there
};

/// With Scenario::alone a sample is of this many sends.
inline constexpr std::uint64_t sends_together = 512;

struct Task {
  Scenario scenario = Scenario::one_way;
  std::uint64_t count = 0;    // messages
  std::uint64_t pause_ns = 0; // between messages
  double seconds = 0;         // flat_out
  int receivers = 1;
};

/// What a transport is, for people and for the report.
struct Description {
  const char* name;
  const char* setting;           // the fairest one that was found for it
  bool may_tear = false;         // by design
  bool may_lose = false;         // by design: the sender never waits
  bool many = false;             // several receivers
  bool rival = false;            // somebody else's, and never torn
  bool in_place = false;         // hands over memory instead of copying
  bool only_alone = false;       // nobody could receive it
  const char* missing = nullptr; // what it would need to be built
};

struct Transport {
  Description about;
  /// One for each of `sizes`; throws Unable.
  std::array<void (*)(const Task&, Control&), sizes.size()> run{};
};

namespace loops {

/// Writes the message's number into every word but the first.
template <std::size_t Size>
void number_all(Message<Size>& message, std::uint64_t number) {
  for (std::size_t i = 1; i < Size / 8; ++i) message.words[i] = number;
}

/// Messages that go before the measured ones, without a pause: enough to have used every page of a ring of 1
/// MiB.
template <std::size_t Size>
inline constexpr std::uint64_t warming_up = std::clamp<std::uint64_t>((1 << 20) / Size, 16, 1024);

/// Words of a message that are numbered when there is no time for all: one of each page, and the last one.
template <std::size_t Size, class Act>
void some_words(const Act& act) {
  for (std::size_t i = 0; i < Size / 8; i += 512) act(i);
  act(Size / 8 - 1);
}

/// Counts what is wrong with messages as they come.
class Inspector {
 public:
  /// Of a message whose every word but the first is its number.
  template <std::size_t Size>
  void see_all(const Message<Size>& message) {
    ++tally.received;
    if constexpr (Size == 8) return;
    std::uint64_t different = 0;
    for (std::size_t i = 2; i < Size / 8; ++i) different |= message.words[i] ^ message.words[1];
    follow(message.words[Size == 8 ? 0 : 1], different != 0);
  }
  /// Of one with the number in some_words().
  template <std::size_t Size>
  void see_some(const Message<Size>& message) {
    ++tally.received;
    const std::uint64_t number = message.words[0];
    std::uint64_t different = 0;
    some_words<Size>([&](std::size_t i) { different |= message.words[i] ^ number; });
    follow(number, different != 0);
  }
  Tally tally;

 private:
  void follow(std::uint64_t number, bool torn) {
    if (torn) ++tally.torn;
    if (torn) return;
    if (number <= last_) ++tally.disordered;
    if (number > last_ + 1) tally.lost += number - last_ - 1;
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
    control.begin();
    for (std::uint64_t i = 1; i <= warming_up<Size> + task.count; ++i) {
      if constexpr (in_place) {
        message->words[Size / 8 - 1] = i; // it fills the message itself, or does not
      } else {
        number_all(*message, i);
      }
      const std::uint64_t begin = stamp_after();
      message->words[0] = begin;
      while (!sender.send(*message)) control.breathe();
      const std::uint64_t end = stamp_after();
      while (control.received(0) < i) control.breathe();
      if (i <= warming_up<Size>) continue;
      control.costs.add(end - begin);
      spin_ns(task.pause_ns);
    }
  }
  static void receive_one_way(Channel& channel, const Task& task, Control& control) {
    Receiver receiver{channel};
    const auto message = std::make_unique<Message<Size>>();
    message->words.fill(0);
    Inspector inspector;
    control.ready();
    for (std::uint64_t i = 1; i <= warming_up<Size> + task.count; ++i) {
      while (!receiver.receive(*message)) control.breathe();
      const std::uint64_t end = stamp_after();
      if (i > warming_up<Size>) control.times.add(end - message->words[0]);
      if constexpr (in_place) {
        ++inspector.tally.received; // it has looked at every byte itself
        inspector.tally.torn = receiver.torn();
      } else {
        inspector.see_all(*message);
      }
      control.acknowledge(0, i);
    }
    control.report(0, inspector.tally);
  }

  static void ping(Channel& there, Channel& back, const Task& task, Control& control) {
    Sender sender{there};
    Receiver receiver{back};
    const auto message = std::make_unique<Message<Size>>();
    control.begin();
    for (std::uint64_t i = 1; i <= warming_up<Size> + task.count; ++i) {
      const std::uint64_t begin = stamp_after();
      message->words[0] = begin;
      while (!sender.send(*message)) control.breathe();
      while (!receiver.receive(*message)) control.breathe();
      const std::uint64_t end = stamp_after();
      if (i <= warming_up<Size>) continue;
      control.times.add(end - begin);
      spin_ns(task.pause_ns);
    }
  }
  static void pong(Channel& there, Channel& back, const Task& task, Control& control) {
    Sender sender{back};
    Receiver receiver{there};
    const auto message = std::make_unique<Message<Size>>();
    control.ready();
    for (std::uint64_t i = 1; i <= warming_up<Size> + task.count; ++i) {
      while (!receiver.receive(*message)) control.breathe();
      while (!sender.send(*message)) control.breathe();
    }
    control.report(0, {.received = task.count});
  }

  static void send_flat_out(Channel& channel, const Task& task, Control& control) {
    Sender sender{channel};
    const auto message = std::make_unique<Message<Size>>();
    message->words.fill(0);
    control.begin();
    const std::uint64_t end = stamp() + static_cast<std::uint64_t>(task.seconds * 1e9 * stamps_per_ns());
    // The clock takes longer than a small message.
    constexpr std::uint64_t together = std::max<std::uint64_t>(1, 65536 / Size / 16);
    std::uint64_t sent = 0;
    while (stamp() < end) {
      for (std::uint64_t i = 0; i < together; ++i) {
        some_words<Size>([&](std::size_t word) { message->words[word] = sent + 1; });
        while (!sender.send(*message)) {
          if (stamp() >= end) return control.finished(sent);
          control.breathe();
        }
        ++sent;
      }
    }
    control.finished(sent);
  }
  static void receive_flat_out(Channel& channel, const Task&, Control& control, int index) {
    Receiver receiver{channel};
    const auto message = std::make_unique<Message<Size>>();
    message->words.fill(0);
    Inspector inspector;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t idle_since = 0;
    const auto patience = static_cast<std::uint64_t>(30e6 * stamps_per_ns());
    control.ready();
    for (;;) {
      if (!receiver.receive(*message)) {
        // Until nothing has come for a while after the sender's end.
        if (control.done()) {
          if (idle_since == 0) idle_since = stamp();
          if (stamp() - idle_since > patience) break;
        }
        control.breathe();
        continue;
      }
      idle_since = 0;
      inspector.see_some(*message);
      if (inspector.tally.received % 64 == 1 || Size > 1024) {
        last = stamp();
        if (first == 0) first = last;
      }
    }
    if constexpr (requires { receiver.failures(); }) {
      inspector.tally.failed = receiver.failures().first;
      inspector.tally.most_failed = receiver.failures().second;
    }
    inspector.tally.seconds = static_cast<double>(last - first) / stamps_per_ns() / 1e9;
    control.report(index, inspector.tally);
  }

  static void send_fan_out(Channel& channel, const Task& task, Control& control) {
    Sender sender{channel};
    const auto message = std::make_unique<Message<Size>>();
    control.begin();
    for (std::uint64_t i = 1; i <= warming_up<Size> + task.count; ++i) {
      number_all(*message, i);
      const std::uint64_t begin = stamp_after();
      message->words[0] = begin;
      while (!sender.send(*message)) control.breathe();
      if (i > warming_up<Size>) control.costs.add(stamp_after() - begin);
      spin_ns(task.pause_ns);
    }
    control.finished(warming_up<Size> + task.count);
  }
  static void send_alone(Channel& channel, const Task& task, Control& control) {
    Sender sender{channel};
    const auto message = std::make_unique<Message<Size>>();
    message->words.fill(0);
    control.begin();
    // The clock takes longer than a small message.
    for (std::uint64_t i = 0; i < task.count / sends_together; ++i) {
      const std::uint64_t begin = stamp_after();
      for (std::uint64_t k = 0; k < sends_together; ++k) {
        // Somebody else may know the sender too, as where it is a member of something: what it counts is
        // stored, and found by a pointer. In its own frame it would be found at once, without the store.
        Sender* known = &sender;
        asm volatile("" : "+r"(known) : "r"(message.get()) : "memory");
        while (!known->send(*message)) control.breathe();
      }
      control.costs.add(stamp_after() - begin);
    }
    control.finished(task.count);
  }
  static void receive_fan_out(Channel& channel, const Task&, Control& control, int index) {
    Receiver receiver{channel};
    const auto message = std::make_unique<Message<Size>>();
    message->words.fill(0);
    Inspector inspector;
    control.ready();
    while (!control.done()) {
      if (receiver.receive(*message)) {
        inspector.see_all(*message);
      } else {
        control.breathe();
      }
    }
    control.report(index, inspector.tally);
  }
};

template <template <std::size_t> class Kind, std::size_t Size>
void run(const Task& task, Control& control) {
  using Channel = Kind<Size>;
  using All = Loops<Channel, Size>;
  Channel channel;
  std::unique_ptr<Channel> back;
  Control::Body sender;
  std::vector<Control::Body> receivers;
  switch (task.scenario) {
    case Scenario::one_way:
      sender = [&] { All::send_one_way(channel, task, control); };
      receivers.push_back([&] { All::receive_one_way(channel, task, control); });
      break;
    case Scenario::ping_pong:
      back = std::make_unique<Channel>();
      sender = [&] { All::ping(channel, *back, task, control); };
      receivers.push_back([&] { All::pong(channel, *back, task, control); });
      break;
    case Scenario::flat_out:
      sender = [&] { All::send_flat_out(channel, task, control); };
      for (int i = 0; i < task.receivers; ++i) {
        receivers.push_back([&, i] { All::receive_flat_out(channel, task, control, i); });
      }
      break;
    case Scenario::fan_out:
    case Scenario::alone:
      // Compiled where it is measured: these loops take their time.
      if constexpr (Size <= 48) {
        if (task.scenario == Scenario::alone) {
          sender = [&] { All::send_alone(channel, task, control); };
          break;
        }
        sender = [&] { All::send_fan_out(channel, task, control); };
        for (int i = 0; i < task.receivers; ++i) {
          receivers.push_back([&, i] { All::receive_fan_out(channel, task, control, i); });
        }
        break;
      }
      throw Unable{"this is measured with up to 48 bytes"};
  }
  control.run(sender, receivers, std::chrono::seconds{10});
}

} // namespace loops

/// Requires: no other file has a template of Kind's name, in a namespace without a name either: gcc 12 gives
/// the loops of a template template argument weak linkage, and one of both would stand for the other.
template <template <std::size_t> class Kind>
Transport transport_of(const Description& about) {
  Transport made{about};
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    ((made.run[Index] = &loops::run<Kind, sizes[Index]>), ...);
  }
  (std::make_index_sequence<sizes.size()>{});
  return made;
}

} // namespace bench
