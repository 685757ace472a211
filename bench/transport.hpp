// SPDX-License-Identifier: BSL-1.0
//
// transport: what the latency benchmark requires of a transport, which is a way to bring messages from one
// process to another, and the loops that measure it. A transport is a class:
//
//     struct Pipe : AnySize {                  or a class template over the size, which derives from Sized<Size>
//       explicit Pipe(const Setting&);         what both sides share; made before the fork
//       struct Sender {
//         explicit Sender(Pipe&);              made in the sending process
//         bool send(const Word* message);      false: there is no room now, try again
//       };
//       struct Receiver {
//         explicit Receiver(Pipe&);            made in the receiving process
//         bool receive(Word* message);         false: there is no message now
//       };
//     };
//
// and one line for each setting, `const Transport pipe = transport_of<Pipe>({...})`, in its own file of
// bench/transports. What takes less than 100 ns is a template: then its loops are compiled for each size, and
// nothing is called through a pointer, nor copied with a length that is not known, while the clock runs.
//
// With `static constexpr bool in_place = true` send() and receive() write and read every word where it lies in
// shared memory. Of the message they use words 0 to 2: the stamp, the number, and the number again; receive()
// stores another number into word 2 if any word differs. With `static constexpr std::size_t batch = 16` send()
// takes that many messages, one after the other in memory, and receive() returns how many it has given.
//
// Invariants
//   1. Word 0 of a message is the sender's time stamp, every other word the message's number: so the receiver
//      sees what was torn, lost or disordered. In messages of one word only stamps can be compared.
//   2. The clock runs from before send() until receive() has delivered the message; in Scenario::one_way_used
//      from before the sender writes the first word until the receiver has read the last one.
//   3. No loop waits for ever: Control::poll_deadline() ends it, and the measurement fails with that reason. It
//      does not pause: a receiver that does sees a message later.
//   4. The messages of all senders and receivers begin at the same offset of a page.
#pragma once

#include "control.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace bench {

using Word = std::uint64_t;

inline constexpr std::array<std::size_t, 7> sizes{8, 48, 256, 1024, 4096, 65536, 1048576};

/// A message as programs have it: of a type whose size the compiler knows.
template <std::size_t Size>
struct Message {
  static_assert(Size >= 8 && Size % 8 == 0);
  std::array<Word, Size / 8> words;
};
template <std::size_t Size>
const Message<Size>& message_at(const Word* words) {
  return *static_cast<const Message<Size>*>(static_cast<const void*>(words));
}
template <std::size_t Size>
Message<Size>& message_at(Word* words) {
  return *static_cast<Message<Size>*>(static_cast<void*>(words));
}

/// The bytes of slots in seqcast's ring by default, which every ring of the benchmark has: 64 KiB to 8 MiB.
constexpr std::size_t default_slot_bytes(std::size_t size) {
  return (16 + size + 63) / 64 * 64;
}
constexpr std::size_t default_slots(std::size_t size) {
  return std::clamp<std::size_t>(std::bit_floor((1U << 20) / size), 8, 1024);
}
constexpr std::size_t default_ring_bytes(std::size_t size) {
  return default_slots(size) * default_slot_bytes(size);
}

/// The bytes of a lossless queue's slots at which it passed on the most messages of that size, where 4 KiB to 4 MiB
/// were tried: a ring that stays in the caches, and where that holds few messages one that holds more.
constexpr std::size_t best_ring_bytes(std::size_t size) {
  if (size <= 8 || size == 65536) return 1 << 20;
  return size <= 1024 ? 1 << 14 : size <= 4096 ? 1 << 18 : 1 << 22;
}

/// How a transport is used. Each reads what concerns it.
struct Setting {
  std::size_t size = 8;       // of a message; bytes
  std::size_t ring_bytes = 0; // 0: default_ring_bytes(), or best_ring_bytes()
  bool best_ring = false;
  bool copy_behind = false; // seqcast
  bool bell = true;         // seqcast
  bool reliable = false;    // seqcast
  bool sleeps = false;      // seqcast: who finds no message waits for one

  /// How many of these are in the ring, at least `least`.
  std::size_t slots(std::size_t slot_bytes, std::size_t least = 2) const {
    const std::size_t by_default = best_ring ? best_ring_bytes(size) : default_ring_bytes(size);
    return std::max(least, (ring_bytes > 0 ? ring_bytes : by_default) / slot_bytes);
  }
};

/// A transport for messages of that size.
template <std::size_t Size>
struct Sized {
  static constexpr std::size_t static_size = Size;
  static constexpr std::size_t size() {
    return Size;
  }
};
/// A transport for messages of any size.
struct AnySize {
  explicit AnySize(const Setting& setting) : bytes{setting.size} {}
  std::size_t size() const {
    return bytes;
  }
  std::size_t bytes;
};

/// Thrown where a transport cannot be measured; what() is the reason that the report gives.
struct CannotMeasure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Scenario : std::uint8_t {
  one_way,      // at a low rate: the next message follows a pause after the last one was received
  one_way_used, // and every word is written and read inside the clock
  ping_pong,    // half a round trip over two channels
  flat_out,     // the sender never pauses
  fan_out,      // the time of send() in bursts, with receivers that poll, each on a core of its own
  no_receiver,  // the time of send(), without any
};

/// A sample of these scenarios is the time of this many sends: one is short compared with the clock's step.
inline constexpr Word no_receiver_batch = 512;
inline constexpr Word fan_out_burst = 16;

struct Task {
  Scenario scenario = Scenario::one_way;
  std::uint64_t count = 0;    // messages; of fan_out bursts
  std::uint64_t pause_ns = 0; // between them
  double seconds = 0;         // flat_out
  int receivers = 1;
};

struct Description {
  const char* name;
  const char* setting;            // in words
  bool may_tear = false;          // by design
  bool lossless = false;          // by design: the sender waits for the receiver
  bool several_receivers = false; // can have them
  bool sound = false;             // a rival: not seqcast, and never torn
  bool at_best = false;           // a rival in a ring of another size, at which it was the fastest
  bool sender_only = false;       // has no receiver
  bool flat_out_only = false;
  std::size_t least_size = 8; // of the messages that it is measured with
  std::size_t most_size = 1 << 20;
  Setting use = {};
  const char* missing_package = nullptr; // without it this transport was not built
};

struct Transport {
  Description about;
  bool in_place = false;
  /// Errors: throws CannotMeasure.
  void (*run)(const Setting&, const Task&, Control&) = nullptr;
};

namespace loops {

/// A sender's or a receiver's message, of zeros: at the begin of a cache line, 256 bytes after that of a page.
class UserBuffer {
 public:
  explicit UserBuffer(std::size_t size) : region_{offset + size} {}
  Word* words() const {
    return static_cast<Word*>(static_cast<void*>(region_.at(offset)));
  }

 private:
  static constexpr std::size_t offset = 256;
  SharedRegion region_;
};

/// Writes the message's number into every word but the first.
inline void number_all(Word* words, std::size_t size, Word number) {
  for (std::size_t i = 1; i < size / 8; ++i) words[i] = number;
}

/// Whether the words from the second to the last are equal.
inline bool equal_numbers(const Word* words, std::size_t size) {
  Word different = 0;
  for (std::size_t i = 2; i < size / 8; ++i) different |= words[i] ^ words[1];
  return different == 0;
}

/// What receive() gives of a message that it has read in place.
inline void summarise(const Word* words, std::size_t size, Word* message) {
  message[0] = words[0];
  message[1] = words[1];
  message[2] = equal_numbers(words, size) ? message[1] : ~message[1];
}

/// Where there is no time to number every word: calls `act` with one index of each page, and with the last one.
template <class Act>
void for_sampled_words(std::size_t size, const Act& act) {
  for (std::size_t i = 0; i < size / 8; i += 512) act(i);
  act(size / 8 - 1);
}

/// Messages before the measured ones, without a pause: enough to touch every page of a ring of 1 MiB.
constexpr Word warm_up_count(std::size_t size) {
  return std::clamp<Word>((1 << 20) / size, 16, 1024);
}

/// Counts the messages that are torn, lost or disordered.
class MessageChecker {
 public:
  /// For a message whose every word but the first is its number.
  void check_all_words(const Word* words, std::size_t size) {
    ++counts.received;
    if (size > 8) check_number(words[1], !equal_numbers(words, size));
  }
  /// For a message with its number in the sampled words.
  void check_sampled_words(const Word* words, std::size_t size) {
    ++counts.received;
    const Word number = words[0];
    Word different = 0;
    for_sampled_words(size, [&](std::size_t i) { different |= words[i] ^ number; });
    check_number(number, different != 0);
  }
  Counts counts;

 private:
  void check_number(Word number, bool torn) {
    if (torn) ++counts.torn;
    if (torn) return;
    if (number <= last_) ++counts.disordered;
    if (number > last_ + 1) counts.lost += number - last_ - 1;
    if (number > last_) last_ = number;
  }
  Word last_ = 0;
};

template <class Channel>
struct Loops {
  using Sender = typename Channel::Sender;
  using Receiver = typename Channel::Receiver;
  static constexpr bool in_place = requires {
    Channel::in_place;
  };
  static constexpr std::size_t batch = [] {
    if constexpr (requires { Channel::batch; }) return Channel::batch;
    return std::size_t{1};
  }();
  /// In place, words 0 to 2 stand for all.
  static constexpr std::size_t checked_size(std::size_t size) {
    return in_place ? 24 : size;
  }

  template <bool Used>
  static void send_one_way(Channel& channel, const Task& task, Control& control) {
    Sender sender{channel};
    const std::size_t size = channel.size();
    const UserBuffer buffer{size};
    Word* const words = buffer.words();
    control.wait_for_receivers();
    for (Word i = 1; i <= warm_up_count(size) + task.count; ++i) {
      if (!Used) number_all(words, checked_size(size), i);
      const std::uint64_t begin = stamp_after();
      words[0] = begin;
      if (Used) number_all(words, checked_size(size), i);
      while (!sender.send(words)) control.poll_deadline();
      const std::uint64_t end = stamp_after();
      while (control.received(0) < i) control.poll_deadline();
      if (i == warm_up_count(size)) control.restart_cpu_time();
      if (i <= warm_up_count(size)) continue;
      control.send_times.add(end - begin);
      spin_ns(task.pause_ns);
    }
    control.sender_finished(task.count);
  }
  template <bool Used>
  static void receive_one_way(Channel& channel, const Task& task, Control& control) {
    Receiver receiver{channel};
    const std::size_t size = channel.size();
    const UserBuffer buffer{size};
    Word* const words = buffer.words();
    MessageChecker checker;
    control.ready();
    for (Word i = 1; i <= warm_up_count(size) + task.count; ++i) {
      while (!receiver.receive(words)) control.poll_deadline();
      if (Used) checker.check_all_words(words, checked_size(size));
      const std::uint64_t end = stamp_after();
      if (i > warm_up_count(size)) control.latencies.add(end - words[0]);
      if (!Used) checker.check_all_words(words, checked_size(size));
      control.acknowledge(0, i);
      if (i == warm_up_count(size)) control.restart_cpu_time();
    }
    control.report(0, checker.counts);
  }

  static void ping(Channel& there, Channel& back, const Task& task, Control& control) {
    Sender sender{there};
    Receiver receiver{back};
    const UserBuffer buffer{there.size()};
    Word* const words = buffer.words();
    const Word warm_up = warm_up_count(there.size());
    control.wait_for_receivers();
    for (Word i = 1; i <= warm_up + task.count; ++i) {
      const std::uint64_t begin = stamp_after();
      words[0] = begin;
      while (!sender.send(words)) control.poll_deadline();
      while (!receiver.receive(words)) control.poll_deadline();
      const std::uint64_t end = stamp_after();
      if (i <= warm_up) continue;
      control.latencies.add(end - begin);
      spin_ns(task.pause_ns);
    }
    control.sender_finished(task.count);
  }
  static void pong(Channel& there, Channel& back, const Task& task, Control& control) {
    Sender sender{back};
    Receiver receiver{there};
    const UserBuffer buffer{there.size()};
    Word* const words = buffer.words();
    control.ready();
    for (Word i = 1; i <= warm_up_count(there.size()) + task.count; ++i) {
      while (!receiver.receive(words)) control.poll_deadline();
      while (!sender.send(words)) control.poll_deadline();
    }
    control.report(0, {.received = task.count});
  }

  static void send_flat_out(Channel& channel, const Task& task, Control& control) {
    Sender sender{channel};
    const std::size_t size = channel.size();
    const UserBuffer buffer{size * batch};
    Word* const words = buffer.words();
    control.wait_for_receivers();
    const std::uint64_t end = stamp() + stamps_of_ns(task.seconds * 1e9);
    // Reading the clock takes longer than sending a small message.
    const Word rounds = std::max<Word>(1, 65536 / size / 16 / batch);
    Word sent = 0;
    while (stamp() < end) {
      for (Word i = 0; i < rounds; ++i) {
        for (std::size_t k = 0; k < batch; ++k) {
          Word* const message = words + k * size / 8;
          for_sampled_words(size, [&](std::size_t word) { message[word] = sent + k + 1; });
        }
        while (!sender.send(words)) {
          if (stamp() >= end) return control.sender_finished(sent);
          control.poll_deadline();
        }
        sent += batch;
      }
    }
    control.sender_finished(sent);
  }
  static void receive_flat_out(Channel& channel, const Task&, Control& control, int index) {
    Receiver receiver{channel};
    const std::size_t size = channel.size();
    const UserBuffer buffer{size * batch};
    Word* const words = buffer.words();
    MessageChecker checker;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t idle_since = 0;
    const std::uint64_t idle_timeout = stamps_of_ns(30e6);
    control.ready();
    for (;;) {
      const std::size_t count = receiver.receive(words);
      if (count == 0) {
        // The sender has finished, and no message has arrived for a while.
        if (control.has_sender_finished()) {
          if (idle_since == 0) {
            idle_since = stamp();
            checker.counts.cpu_ns = control.cpu_time_ns();
          }
          if (stamp() - idle_since > idle_timeout) break;
        }
        control.poll_deadline();
        continue;
      }
      idle_since = 0;
      const bool at_begin = checker.counts.received == 0;
      for (std::size_t k = 0; k < count; ++k) checker.check_sampled_words(words + k * size / 8, size);
      if (at_begin || checker.counts.received % 64 < batch || size > 1024) {
        last = stamp();
        if (first == 0) first = last;
      }
    }
    checker.counts.seconds = static_cast<double>(last - first) / stamps_per_ns() / 1e9;
    control.report(index, checker.counts);
  }

  static void send_fan_out(Channel& channel, const Task& task, Control& control) {
    Sender sender{channel};
    const std::size_t size = channel.size();
    const UserBuffer buffer{size};
    Word* const words = buffer.words();
    control.wait_for_receivers();
    Word number = 0;
    for (Word burst = 0; burst < task.count; ++burst) {
      const std::uint64_t begin = stamp_after();
      for (Word i = 0; i < fan_out_burst; ++i) {
        number_all(words, size, ++number);
        while (!sender.send(words)) control.poll_deadline();
      }
      control.send_times.add(stamp_after() - begin);
      spin_ns(task.pause_ns);
    }
    control.sender_finished(number);
  }
  static void receive_fan_out(Channel& channel, const Task&, Control& control, int index) {
    Receiver receiver{channel};
    const UserBuffer buffer{channel.size()};
    Word* const words = buffer.words();
    MessageChecker checker;
    control.ready();
    while (!control.has_sender_finished()) {
      if (receiver.receive(words)) {
        checker.check_all_words(words, channel.size());
      } else {
        control.poll_deadline();
      }
    }
    control.report(index, checker.counts);
  }

  static void send_without_receiver(Channel& channel, const Task& task, Control& control) {
    Sender sender{channel};
    const UserBuffer buffer{channel.size()};
    Word* const words = buffer.words();
    control.wait_for_receivers();
    for (Word i = 0; i < task.count / no_receiver_batch; ++i) {
      const std::uint64_t begin = stamp_after();
      for (Word k = 0; k < no_receiver_batch; ++k) {
        // The compiler must assume that other code can reach the sender, as where it is a member of an object:
        // so its state is stored and loaded in each turn, and not kept in registers.
        Sender* escaped = &sender;
        asm volatile("" : "+r"(escaped) : "r"(words) : "memory");
        while (!escaped->send(words)) control.poll_deadline();
      }
      control.send_times.add(stamp_after() - begin);
    }
    control.sender_finished(task.count);
  }
};

/// The size of a transport's messages where it is a template; otherwise 0.
template <class Channel>
inline constexpr std::size_t static_size = 0;
template <class Channel>
requires(Channel::static_size > 0) inline constexpr std::size_t static_size<Channel> = Channel::static_size;

template <class Channel>
void run(const Setting& setting, const Task& task, Control& control) {
  using Loop = Loops<Channel>;
  constexpr std::size_t size = static_size<Channel>;
  Channel channel{setting};
  std::unique_ptr<Channel> back;
  Control::Body sender;
  std::vector<Control::Body> receivers;
  // Only what is measured: these loops take long to compile.
  switch (task.scenario) {
    case Scenario::flat_out:
      if constexpr (!Loop::in_place) {
        sender = [&] { Loop::send_flat_out(channel, task, control); };
        for (int i = 0; i < task.receivers; ++i) {
          receivers.push_back([&, i] { Loop::receive_flat_out(channel, task, control, i); });
        }
      }
      break;
    case Scenario::one_way:
      if constexpr (!Loop::in_place && Loop::batch == 1) {
        sender = [&] { Loop::template send_one_way<false>(channel, task, control); };
        receivers.push_back([&] { Loop::template receive_one_way<false>(channel, task, control); });
      }
      break;
    case Scenario::one_way_used:
      if constexpr (Loop::batch == 1 && (size == 0 || size > 4096)) {
        sender = [&] { Loop::template send_one_way<true>(channel, task, control); };
        receivers.push_back([&] { Loop::template receive_one_way<true>(channel, task, control); });
      }
      break;
    case Scenario::ping_pong:
      if constexpr (!Loop::in_place && Loop::batch == 1) {
        back = std::make_unique<Channel>(setting);
        sender = [&] { Loop::ping(channel, *back, task, control); };
        receivers.push_back([&] { Loop::pong(channel, *back, task, control); });
      }
      break;
    case Scenario::fan_out:
    case Scenario::no_receiver:
      if constexpr (!Loop::in_place && Loop::batch == 1 && size > 0 && size <= 256) {
        if (task.scenario == Scenario::no_receiver) {
          sender = [&] { Loop::send_without_receiver(channel, task, control); };
          break;
        }
        sender = [&] { Loop::send_fan_out(channel, task, control); };
        for (int i = 0; i < task.receivers; ++i) {
          receivers.push_back([&, i] { Loop::receive_fan_out(channel, task, control, i); });
        }
      }
      break;
  }
  if (!sender) throw CannotMeasure{"it was not compiled for this"};
  control.run(sender, receivers, std::chrono::seconds{10 + static_cast<int>(task.seconds)});
}

} // namespace loops

/// A transport for messages of any size.
template <class Channel>
Transport transport_of(const Description& about) {
  return {about, loops::Loops<Channel>::in_place, &loops::run<Channel>};
}

/// A template, compiled for the sizes from Least to Most.
/// Requires: no other file has a template of Kind's name, not even in an unnamed namespace. gcc 12 gives the
/// loops of a template template argument weak linkage, and the linker would keep only one of the two.
template <template <std::size_t> class Kind, std::size_t Least = 8, std::size_t Most = 1 << 20>
Transport transport_of(Description about) {
  about.least_size = std::max(about.least_size, Least);
  about.most_size = std::min(about.most_size, Most);
  return {about, loops::Loops<Kind<Most>>::in_place,
          [](const Setting& setting, const Task& task, Control& control) {
            const auto run_if = [&]<std::size_t Size>(std::integral_constant<std::size_t, Size>) {
              if constexpr (Size >= Least && Size <= Most) {
                if (setting.size == Size) loops::run<Kind<Size>>(setting, task, control);
              }
            };
            [&]<std::size_t... Index>(std::index_sequence<Index...>) {
              (run_if(std::integral_constant<std::size_t, sizes[Index]>{}), ...);
            }
            (std::make_index_sequence<sizes.size()>{});
          }};
}

/// Stands in for a transport whose library was not there when the benchmark was built.
inline Transport missing_transport(Description about, const char* package) {
  about.missing_package = package;
  return {about};
}

} // namespace bench
