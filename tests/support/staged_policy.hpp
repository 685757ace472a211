// SPDX-License-Identifier: BSL-1.0
//
// staged_policy: the policy of ring, recovery and doorbell for one thread that plays all processes. Before each
// operation it can run an action, so that another process acts at an exact point of a call. A store takes
// effect at once; or it waits in its processor's store buffer, as on x86, until a full fence, a system call or
// drain(); or, after a crash, it never takes effect.
//
// Who may use it: tests; one thread at a time.
//
// Invariants
//   1. Operations inside an action are not counted, and no further action interrupts them.
//   2. After a crash no store takes effect until the Staging ends, whatever the crashed code goes on
//      to execute.
//   3. Buffered stores of one processor take effect in their order; the processor itself sees them at once
//      (total store order). Memory orders are ignored otherwise: the model checker tests those.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace test {

class StagedPolicy {
 public:
  enum class Stores { at_once, buffered };

  class Word {
   public:
    std::uint64_t load(std::memory_order) const noexcept {
      step();
      const Buffer& buffer = stage().buffers[stage().processor];
      for (auto store = buffer.rbegin(); store != buffer.rend(); ++store) {
        if (store->first == this) return store->second;
      }
      return value;
    }
    void store(std::uint64_t to, std::memory_order) noexcept {
      step();
      Stage& now = stage();
      if (now.stores_left == 0) return;
      if (now.stores_left > 0 && !now.inside) --now.stores_left;
      if (now.stores == Stores::buffered) {
        now.buffers[now.processor].emplace_back(this, to);
      } else {
        value = to;
      }
    }
    // One operation on a machine; no test has another processor in between.
    std::uint64_t fetch_add(std::uint64_t more, std::memory_order order) noexcept {
      const std::uint64_t found = load(order);
      store(found + more, order);
      return found;
    }
    std::uint64_t fetch_or(std::uint64_t bits, std::memory_order order) noexcept {
      const std::uint64_t found = load(order);
      store(found | bits, order);
      return found;
    }

    std::uint64_t value = 0; // in memory, for the test itself: reading it is not an operation
  };

  static void fence(std::memory_order order) noexcept {
    step();
    if (order == std::memory_order_seq_cst) drain();
  }
  static void pause() noexcept {}
  static constexpr std::size_t chunk_size() noexcept {
    return 64;
  }
  static constexpr int max_polls() noexcept {
    return 4;
  }
  static constexpr std::size_t line_words() noexcept {
    return 8;
  }

  /// A system call empties the store buffer.
  static void system_call() noexcept {
    step();
    drain();
  }
  /// Lets all buffered stores of the current processor take effect.
  static void drain() noexcept {
    Buffer& buffer = stage().buffers[stage().processor];
    for (const auto& [word, to] : buffer) word->value = to;
    buffer.clear();
  }
  /// Runs `code` on another processor.
  template <class Code>
  static void on(std::size_t processor, const Code& code) {
    const std::size_t before = std::exchange(stage().processor, processor);
    code();
    stage().processor = before;
  }

  /// What happens from now on, until its destructor.
  class Staging {
   public:
    using Action = std::function<void(std::uint64_t)>;

    explicit Staging(Stores stores = Stores::at_once) {
      restart({}, stores);
    }
    Staging(const Staging&) = delete;
    ~Staging() {
      stage() = {};
    }

    /// Calls `act(k)` right before operation k, the first of which is 0.
    void before_each(Action act) {
      stage().act = std::move(act);
    }
    void before(std::uint64_t operation, std::function<void()> act) {
      before_each([operation, act = std::move(act)](std::uint64_t k) {
        if (k == operation) act();
      });
    }
    /// Empties the store buffers without effect, and counts from operation 0 again.
    void restart(Action act, Stores stores) {
      stage() = {};
      stage().act = std::move(act);
      stage().stores = stores;
    }
    /// Lets `stores` more stores take effect, and then none.
    void crash_after(std::int64_t stores) {
      stage().stores_left = stores;
    }
    std::uint64_t operations() const {
      return stage().operations;
    }
    /// Stores that still take effect before the crash.
    std::int64_t stores_left() const {
      return stage().stores_left;
    }
  };

 private:
  using Buffer = std::vector<std::pair<Word*, std::uint64_t>>;

  struct Stage {
    std::array<Buffer, 3> buffers;
    std::size_t processor = 0;
    Stores stores = Stores::at_once;
    Staging::Action act;
    std::uint64_t operations = 0;
    std::int64_t stores_left = -1; // negative: no crash
    bool inside = false;           // an action
  };

  static Stage& stage() noexcept {
    static Stage instance;
    return instance;
  }

  static void step() noexcept {
    Stage& now = stage();
    if (now.inside) return;
    const std::uint64_t operation = now.operations++;
    if (!now.act) return;
    now.inside = true;
    now.act(operation);
    now.inside = false;
  }
};

} // namespace test
