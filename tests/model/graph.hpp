// SPDX-License-Identifier: BSL-1.0
//
// graph: one execution, whole or partial, of a small program under the memory model of C++20: the events of
// each thread, the store that each load reads from, and the order of the stores to each location
// (modification order).
//
// The model is RC11 (Lahav, Vafeiadis, Kang, Hur, Dreyer: Repairing sequential consistency in C/C++11, PLDI
// 2017), with the release sequences of C++20. What it covers, and what not, is results in explorer.hpp.
//
// Invariants
//   1. Events are only ever added at the end of a thread, and removed from there.
//   2. An event's clocks say how many events of each thread come before it, itself included, in one order.
//   3. Every graph built by `floor()` is coherent; sequentially consistent fences are checked apart, in sc.hpp.
//   4. No cycle of program order and reads-from: a load reads only what is there.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace model {

// Bounds of one execution. A program that exceeds one aborts the test with a message.
inline constexpr std::size_t max_threads = 8;
inline constexpr std::size_t max_events = 192;   // of one thread
inline constexpr std::size_t max_locations = 48; // that a program touches
inline constexpr std::size_t max_stores = 32;    // to one location

[[noreturn]] inline void abort_with(const char* why) {
  std::fprintf(stderr, "model: %s\n", why);
  std::abort();
}

/// A vector with room for N. Copying one copies what is in it, and not the rest.
template <class T, std::size_t N>
class FixedVector {
 public:
  FixedVector() noexcept = default;
  FixedVector(const FixedVector& other) noexcept {
    *this = other;
  }
  FixedVector& operator=(const FixedVector& other) noexcept {
    size_ = other.size_;
    std::copy(other.begin(), other.end(), items_.begin());
    return *this;
  }
  ~FixedVector() = default;

  void push_back(const T& item) {
    insert(size_, item);
  }
  void insert(std::size_t at, const T& item) {
    if (size_ == N) abort_with("an execution is larger than the bounds in graph.hpp");
    std::copy_backward(begin() + at, begin() + size_, items_.begin() + static_cast<std::ptrdiff_t>(size_ + 1));
    items_[at] = item;
    ++size_;
  }
  void truncate(std::size_t size) {
    size_ = std::min(size_, size);
  }
  std::size_t size() const {
    return size_;
  }
  T* begin() {
    return items_.data();
  }
  T* end() {
    return items_.data() + size_;
  }
  const T* begin() const {
    return items_.data();
  }
  const T* end() const {
    return items_.data() + size_;
  }
  T& operator[](std::size_t i) {
    return items_[i];
  }
  const T& operator[](std::size_t i) const {
    return items_[i];
  }

 private:
  std::size_t size_ = 0;
  std::array<T, N> items_;
};

struct Clock {
  std::array<std::uint8_t, max_threads> count{};

  void join(const Clock& other) {
    for (std::size_t i = 0; i < max_threads; ++i) count[i] = std::max(count[i], other.count[i]);
  }
};

struct EventId {
  static constexpr std::uint8_t no_thread = 255; // as `thread`: what a location holds at the beginning
  std::uint8_t thread = no_thread;
  std::uint8_t index = 0;

  bool initial() const {
    return thread == no_thread;
  }
  friend bool operator==(const EventId&, const EventId&) = default;
};

enum class Kind : std::uint8_t {
  load,
  store,
  fence,
  begin, // of a thread that others precede
  lost,  // a store that was lost when its thread crashed
};

/// What a thread is about to do.
struct Op {
  Kind kind = Kind::fence;
  std::memory_order order = std::memory_order_relaxed;
  std::uint8_t location = 0;
  bool exclusive = false; // half of a read-modify-write; the load stands right before the store
  bool kernel = false;    // inside a system call: see Futex in policy.hpp
  bool may_be_lost = false;
  std::uint64_t value = 0;

  friend bool operator==(const Op&, const Op&) = default;
};

struct Event {
  Op op;
  Kind kind = Kind::fence; // as op.kind, or lost
  EventId source;          // of a load
  std::uint64_t value = 0; // loaded or stored
  std::uint32_t stamp = 0; // grows with each event that is added to a graph
  Clock happened;          // happens-before
  Clock seen;              // what coherence binds it to, beyond happens-before
  Clock prefix;            // program order and reads-from
  Clock pending;           // what an acquire fence would add
  Clock fenced;            // what the last release fence passes on
  Clock message;           // of a store: what its readers acquire; of a load: what its source offers
};

inline bool acquires(std::memory_order order) {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
inline bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

class Graph {
 public:
  using Thread = FixedVector<Event, max_events>;
  using Stores = FixedVector<EventId, max_stores>;

  std::array<Thread, max_threads> threads;
  std::array<Stores, max_locations> stores; // by location, in modification order, the initial one left out
  std::uint32_t next_stamp = 0;

  const Event& at(EventId id) const {
    return threads[id.thread][id.index];
  }

  /// Field in the modification order: 0 is the initial store.
  std::size_t position(std::size_t location, EventId store) const {
    if (store.initial()) return 0;
    const Stores& order = stores[location];
    std::size_t i = order.size();
    while (i > 0 && !(order[i - 1] == store)) --i;
    return i;
  }
  EventId store_at(std::size_t location, std::size_t place) const {
    return place == 0 ? EventId{} : stores[location][place - 1];
  }

  /// The next event of a thread, with everything but a load's source.
  Event draft(std::size_t thread, const Op& op) const {
    const Thread& before = threads[thread];
    Event event;
    if (before.size() > 0) event = before[before.size() - 1];
    const bool paired = op.exclusive && op.kind == Kind::store;
    const Clock offered = paired ? event.message : Clock{};
    event.op = op;
    event.kind = op.kind;
    event.source = {};
    event.value = op.value;
    event.stamp = next_stamp;
    const auto own = static_cast<std::uint8_t>(before.size() + 1);
    event.happened.count[thread] = own;
    event.prefix.count[thread] = own;
    event.message = {};
    if (op.kind == Kind::fence) {
      if (acquires(op.order)) event.happened.join(event.pending);
      if (releases(op.order)) event.fenced = event.happened;
    }
    if (op.kind == Kind::store) {
      event.message = releases(op.order) || op.kernel ? event.happened : event.fenced;
      event.message.join(offered);
    }
    return event;
  }

  void set_source(Event& load, EventId source, std::uint64_t initial) const {
    load.source = source;
    load.value = initial;
    load.message = {};
    if (source.initial()) return;
    const Event& store = at(source);
    load.value = store.value;
    load.message = store.message;
    load.prefix.join(store.prefix);
    if (load.op.kernel) return;
    load.pending.join(store.message);
    if (acquires(load.op.order)) load.happened.join(store.message);
  }

  /// A thread begins after others have ended; what they did happens before it, or is merely not overlooked.
  void follow(Event& begin, std::size_t other, bool ordered) const {
    if (threads[other].size() == 0) return;
    const Event& last = threads[other][threads[other].size() - 1];
    begin.prefix.join(last.prefix);
    if (ordered) begin.happened.join(last.happened);
    begin.seen.join(last.happened);
    begin.seen.join(last.seen);
    begin.seen.count[other] = static_cast<std::uint8_t>(threads[other].size());
  }

  /// The oldest place in the modification order that coherence lets an operation of this thread, after its
  /// first `length` events, read from; a store must come after it.
  std::size_t floor(std::size_t thread, std::size_t length, const Op& op) const {
    Clock known;
    if (length > 0) {
      const Event& last = threads[thread][length - 1];
      known = last.happened;
      known.join(last.seen);
      // The kernel's own lock orders this load of the futex's word after all that was done before a wake.
      if (op.kernel && op.kind == Kind::load && last.kind == Kind::store && last.op.kernel)
        known.join(last.message);
    }
    const Stores& order = stores[op.location];
    std::size_t found = 0;
    for (std::size_t t = 0; t < max_threads; ++t) {
      const std::size_t count = std::min<std::size_t>(known.count[t], threads[t].size());
      for (std::size_t i = 0; i < count; ++i) {
        const Event& event = threads[t][i];
        if (event.op.location != op.location) continue;
        EventId store = event.source;
        if (event.kind == Kind::store) {
          store = {static_cast<std::uint8_t>(t), static_cast<std::uint8_t>(i)};
        } else if (event.kind != Kind::load) {
          continue;
        }
        if (store.initial()) continue;
        for (std::size_t place = order.size(); place > found; --place) {
          if (order[place - 1] == store) found = place;
        }
      }
    }
    return found;
  }

  /// Whether the store after `place` is the second half of a read-modify-write, which nothing may come before.
  bool taken(std::size_t location, std::size_t place) const {
    return place < stores[location].size() && at(stores[location][place]).op.exclusive;
  }

  void add(std::size_t thread, Event event) {
    event.stamp = next_stamp++;
    threads[thread].push_back(event);
  }
  void add_store(std::size_t thread, const Event& event, std::size_t place) {
    stores[event.op.location].insert(
        place, {static_cast<std::uint8_t>(thread), static_cast<std::uint8_t>(threads[thread].size())});
    add(thread, event);
  }

  /// Keeps the first `keep[t]` events of each thread.
  void truncate(const std::array<std::size_t, max_threads>& keep) {
    for (std::size_t t = 0; t < max_threads; ++t) threads[t].truncate(keep[t]);
    for (Stores& order : stores) {
      const auto end = std::remove_if(order.begin(), order.end(),
                                      [&](const EventId& id) { return id.index >= keep[id.thread]; });
      order.truncate(static_cast<std::size_t>(end - order.begin()));
    }
  }
};

} // namespace model
