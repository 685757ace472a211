// SPDX-License-Identifier: BSL-1.0
//
// staged_atomics: atomics for one thread that plays both sides. Before each operation it can be asked to run
// something else, so that 'the other side' acts at an exact point of a call; and it can let the stores of a
// publisher be as if that had died after a given number of them.
//
// Who may use it: tests, as the policy parameter of slot, ring and recovery; one thread at a time.
//
// Invariants
//   1. Operations that are made inside the action are neither counted nor interrupted.
//   2. After a death stores change nothing until the Staging ends: what the dead one 'goes on' to do is not
//   there.
//   3. Memory orders are taken and ignored: this policy tests logic; the model checker tests orders.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace test {

class StagedAtomics {
 public:
  class Word {
   public:
    std::uint64_t load(std::memory_order) const noexcept {
      step();
      return value;
    }
    void store(std::uint64_t to, std::memory_order) noexcept {
      step();
      if (stage().stores_left == 0) return;
      if (stage().stores_left > 0 && !stage().inside) --stage().stores_left;
      value = to;
    }

    std::uint64_t value = 0; // for the test itself: not an operation
  };

  static void fence(std::memory_order) noexcept {
    step();
  }
  static void pause() noexcept {}
  static constexpr std::size_t chunk_size() noexcept {
    return 64;
  }
  static constexpr int most_looks() noexcept {
    return 4;
  }
  static constexpr std::size_t line_words() noexcept {
    return 8;
  }

  /// What happens from now on, until its destructor.
  class Staging {
   public:
    Staging() {
      stage() = {};
    }
    Staging(const Staging&) = delete;
    ~Staging() {
      stage() = {};
    }

    /// Calls `act(k)` exactly before operation k, the first of which is 0.
    void before_each(std::function<void(std::uint64_t)> act) {
      stage().act = std::move(act);
    }
    void before(std::uint64_t operation, std::function<void()> act) {
      before_each([operation, act = std::move(act)](std::uint64_t k) {
        if (k == operation) act();
      });
    }
    /// Lets `stores` more stores happen, and then none.
    void die_after(std::int64_t stores) {
      stage().stores_left = stores;
    }
    std::uint64_t operations() const {
      return stage().operations;
    }
    /// Stores that are still to happen before the death.
    std::int64_t stores_left() const {
      return stage().stores_left;
    }
  };

 private:
  struct Stage {
    std::function<void(std::uint64_t)> act;
    std::uint64_t operations = 0;
    std::int64_t stores_left = -1; // negative: nobody dies
    bool inside = false;
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
