// SPDX-License-Identifier: BSL-1.0
//
// lazy_atomics: atomics for one thread that plays several processors, each with a store buffer, as x86 has: a
// store becomes visible to the others as late as the machine may choose, that is at a full fence, at a system
// call, or when the test says so. Before each operation the others can be given their turn.
//
// Who may use it: tests, as the policy parameter of doorbell; one thread at a time.
//
// Invariants
//   1. Stores of one processor become visible in their order, and to itself at once: total store order.
//   2. What is staged here is the laziest such machine, or the most eager. Weaker ones are the model checker's
//      business.
//   3. Operations that are made inside an action are not interrupted by a further one.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace test {

class LazyAtomics {
 public:
  /// When stores become visible: as late as may be, or at once.
  enum class Stores { lazy, eager };

  class Word {
   public:
    std::uint64_t load(std::memory_order) const noexcept {
      step();
      const Buffer& buffer = machine().buffers[machine().running];
      for (auto store = buffer.rbegin(); store != buffer.rend(); ++store) {
        if (store->first == this) return store->second;
      }
      return value;
    }
    void store(std::uint64_t to, std::memory_order) noexcept {
      step();
      machine().buffers[machine().running].emplace_back(this, to);
      if (machine().stores == Stores::eager) drain();
    }

    std::uint64_t value = 0; // what all see; for the test itself
  };

  static void fence(std::memory_order order) noexcept {
    step();
    if (order == std::memory_order_seq_cst) drain();
  }

  /// A system call: nothing is left in the buffer afterwards.
  static void system_call() noexcept {
    step();
    drain();
  }

  /// Makes all stores of the processor that runs visible.
  static void drain() noexcept {
    Buffer& buffer = machine().buffers[machine().running];
    for (const auto& [word, to] : buffer) word->value = to;
    buffer.clear();
  }

  /// Runs `code` on another processor.
  template <class Code>
  static void on(std::size_t processor, const Code& code) {
    const std::size_t before = std::exchange(machine().running, processor);
    code();
    machine().running = before;
  }

  /// Calls `act(k)` before operation k, the first of which is 0, of whatever is not inside such an action.
  /// Forgets all that was there before.
  static void before_each(std::function<void(std::size_t)> act, Stores stores = Stores::lazy) {
    machine() = {};
    machine().act = std::move(act);
    machine().stores = stores;
  }
  static std::size_t operations() noexcept {
    return machine().operations;
  }

 private:
  using Buffer = std::vector<std::pair<Word*, std::uint64_t>>;

  struct Machine {
    std::array<Buffer, 3> buffers;
    Stores stores = Stores::lazy;
    std::size_t running = 0;
    std::function<void(std::size_t)> act;
    std::size_t operations = 0;
    bool inside = false;
  };

  static Machine& machine() noexcept {
    static Machine instance;
    return instance;
  }

  static void step() noexcept {
    Machine& now = machine();
    if (now.inside) return;
    const std::size_t operation = now.operations++;
    if (!now.act) return;
    now.inside = true;
    now.act(operation);
    now.inside = false;
  }
};

} // namespace test
