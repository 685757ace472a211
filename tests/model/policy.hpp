// SPDX-License-Identifier: BSL-1.0
//
// policy: the policy with which the library's own ring, follow, recovery and doorbell code runs in the model,
// and the futex on which sleepers sleep.
//
// Who may use it: the threads of a modelled program, and the program's setup, which sets initial values.
#pragma once

#include "machine.hpp"

#include <limits>

namespace model {

/// An atomic word of the model.
class Machine::Word {
 public:
  std::uint64_t load(std::memory_order order) const noexcept {
    return get().load(this, order);
  }
  void store(std::uint64_t value, std::memory_order order) noexcept {
    get().store(this, value, order);
  }
  std::uint64_t fetch_add(std::uint64_t more, std::memory_order order) noexcept {
    const std::uint64_t value = get().load(this, acquire_half(order), true);
    get().store(this, value + more, release_half(order), true);
    return value;
  }
  std::uint64_t fetch_or(std::uint64_t bits, std::memory_order order) noexcept {
    const std::uint64_t value = get().load(this, acquire_half(order), true);
    get().store(this, value | bits, release_half(order), true);
    return value;
  }
  std::uint64_t exchange(std::uint64_t value, std::memory_order order) noexcept {
    const std::uint64_t found = get().load(this, acquire_half(order), true);
    get().store(this, value, release_half(order), true);
    return found;
  }

 private:
  static std::memory_order acquire_half(std::memory_order order) {
    return acquires(order) ? std::memory_order_acquire : std::memory_order_relaxed;
  }
  static std::memory_order release_half(std::memory_order order) {
    return releases(order) ? std::memory_order_release : std::memory_order_relaxed;
  }
  // Gives a word the size that it has in a region. The machine keeps the value.
  [[maybe_unused]] std::uint64_t space_ = 0;
};

/// The policy.
struct Policy {
  using Word = Machine::Word;

  static void fence(std::memory_order order) noexcept {
    Machine::get().fence(order);
  }
  static void pause() noexcept {}
  static constexpr std::size_t chunk_size() noexcept {
    return seqcast::detail::word_size;
  }
  static constexpr int max_polls() noexcept {
    return 1;
  }
  static std::size_t line_words() noexcept {
    return Machine::get().line_words();
  }
  static std::size_t strings_from() noexcept {
    return Machine::get().strings() ? 0 : std::numeric_limits<std::size_t>::max();
  }
  /// By string instructions, which store zeros into all words, in any order.
  static void prefetch_for_write(Word* words, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) words[i].store(0, std::memory_order_relaxed);
  }
};

namespace storage {
inline std::array<Machine::Word, Machine::words> words;
}

inline Machine::Word* Machine::word(std::size_t index) {
  return storage::words.data() + index;
}

inline std::size_t Machine::index_of(const Word* word) const {
  const auto index = word - storage::words.data();
  if (index < 0 || index >= static_cast<std::ptrdiff_t>(words)) abort_with("an operation outside the region");
  return static_cast<std::size_t>(index);
}

/// A futex on the bell's word. The kernel holds a lock of its own from its load of the word to the sleep, and
/// during a wake, and so orders sleeps and wakes. The model has one word for that, which counts the wakes and
/// which only read-modify-writes access. A sleeper that comes after a wake loads the word as the waking thread
/// left it; it sleeps if that is what it expects, until a later wake. The kernel's lock orders nothing else:
/// for the program a futex is no synchronisation. Spurious wake-ups are left out, as they can only help.
struct Futex {
  static void wake_all(std::size_t futex = Machine::futex_word) {
    Machine& machine = Machine::get();
    Machine::Word* const wakes = machine.word(futex);
    const std::uint64_t count = machine.load(wakes, std::memory_order_relaxed, true, true);
    machine.store(wakes, count + 1, std::memory_order_relaxed, true, true);
  }
  static void wait(const Machine::Word* word, std::uint32_t expected, std::size_t futex = Machine::futex_word) {
    Machine& machine = Machine::get();
    Machine::Word* const wakes = machine.word(futex);
    const std::uint64_t count = machine.load(wakes, std::memory_order_relaxed, true, true);
    machine.store(wakes, count, std::memory_order_relaxed, true, true);
    const std::uint64_t found = machine.load(word, std::memory_order_relaxed, false, true);
    if (static_cast<std::uint32_t>(found) != expected) return;
    if (machine.load(wakes, std::memory_order_relaxed, false, true) == count) {
      machine.leave(Script::Ending::blocked);
    }
  }
};

} // namespace model
