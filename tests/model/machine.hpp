// SPDX-License-Identifier: BSL-1.0
//
// machine: runs the threads of a modelled program. A thread is plain code over the words of policy.hpp. It runs
// from its start again and again: each time its loads give the values that the graph has, and a long jump
// leaves it at the first operation whose value is not known yet. It must therefore be deterministic, and own
// nothing that needs a destructor.
//
// Who may use it: one thread; the machine is one static object.
//
// Crash: a store of a thread that may crash may be lost, and then every later store of it is lost that could
// not have been performed without that one: to the same word, or ordered after it by a release or a fence. The
// thread ends at its next load or fence. So what a crashed thread leaves is any set of its stores that the
// orders of its code allow.
#pragma once

#include "access.hpp"

#include <seqcast/detail/layout.hpp>

#include <csetjmp>

namespace model {

class Machine {
 public:
  static constexpr std::size_t words = 256;
  // Beside the region: the doorbell, and the kernel's state of the futex.
  static constexpr std::size_t flag_word = 253;
  static constexpr std::size_t bell_word = 254;
  static constexpr std::size_t futex_word = 255;
  // A bell with entries, the kernel's state of the futex on its space, and of the locks of two entries.
  static constexpr std::size_t entries_bell_word = 160;
  static constexpr std::size_t space_futex_word = 252;
  static constexpr std::size_t first_owner_word = 250;
  class Word;

  static Machine& get() {
    static Machine machine;
    return machine;
  }

  Word* word(std::size_t index);

  /// Clears all state. The operations that follow, until run(), only set initial values.
  void reset(const Mutation* mutation);
  /// Sets where the slots are, which gives words their fields, and how many words a cache line has.
  void describe(const seqcast::detail::Geometry& geometry, std::size_t line_words, bool strings) {
    geometry_ = geometry;
    line_words_ = line_words;
    strings_ = strings;
  }
  std::size_t line_words() const {
    return line_words_;
  }
  /// Whether the next slot is prefetched by string instructions.
  bool strings() const {
    return strings_;
  }

  /// Runs a thread as far as the graph knows it.
  void run(std::size_t thread, const std::function<void()>& body, bool follows, bool may_crash,
           const Graph& graph, Script& script);

  std::uint64_t load(const Word* word, std::memory_order order, bool exclusive = false, bool kernel = false);
  void store(Word* word, std::uint64_t value, std::memory_order order, bool exclusive = false,
             bool kernel = false);
  void fence(std::memory_order order);

  // For the code of modelled threads.
  void enter(Phase phase) {
    phase_ = phase;
    ++call_;
    accesses_ = {};
  }
  /// Takes no std::string: no object with a destructor may be alive where a thread is left.
  [[noreturn]] void fail(const char* text, std::uint64_t number = 0) {
    script_->text = text;
    if (number > 0) script_->text += " " + std::to_string(number);
    leave(Script::Ending::failed);
  }
  [[noreturn]] void leave(Script::Ending ending) {
    script_->ending = ending;
    std::longjmp(back_, 1);
  }

  std::uint64_t initial(std::size_t location) const {
    return initial_[used_[location]];
  }
  std::size_t word_of(std::size_t location) const {
    return used_[location];
  }
  std::size_t locations() const {
    return used_.size();
  }
  Field field_of(std::size_t word) const;
  std::string name_of(std::size_t location) const;

 private:
  Event perform(Op op);
  std::size_t index_of(const Word* word) const;
  std::uint8_t location_of(std::size_t word);
  Access mutated(Kind kind, std::size_t word, std::memory_order order, std::uint64_t value);

  static constexpr std::uint8_t untouched = 255;
  seqcast::detail::Geometry geometry_;
  std::size_t line_words_ = 0;
  bool strings_ = false;
  std::array<std::uint64_t, words> initial_{};
  std::array<std::uint8_t, words> location_{};
  std::vector<std::size_t> used_; // words, by location
  const Mutation* mutation_ = nullptr;

  // Of the current run.
  std::jmp_buf back_;
  const FixedVector<Event, max_events>* known_ = nullptr;
  Script* script_ = nullptr; // null while initial values are being set
  std::size_t position_ = 0;
  bool may_crash_ = false;
  bool crashing_ = false;
  std::array<bool, words> lost_{};
  Phase phase_ = Phase::none;
  std::uint64_t call_ = 1;
  std::array<std::uint64_t, words> last_value_{};
  std::array<std::uint64_t, words> last_call_{};
  std::array<std::array<std::uint8_t, 2>, words> accesses_{}; // by the current call: loads, stores
  Kind previous_ = Kind::begin;
  Field previous_field_ = Field::other;
};

inline void Machine::reset(const Mutation* mutation) {
  initial_.fill(0);
  location_.fill(untouched);
  used_.clear();
  mutation_ = mutation;
  script_ = nullptr;
  phase_ = Phase::none;
  geometry_ = {};
}

inline std::uint8_t Machine::location_of(std::size_t word) {
  if (location_[word] == untouched) {
    if (used_.size() == max_locations) abort_with("a program touches more words than the bound in graph.hpp");
    location_[word] = static_cast<std::uint8_t>(used_.size());
    used_.push_back(word);
  }
  return location_[word];
}

inline void Machine::run(std::size_t thread, const std::function<void()>& body, bool follows, bool may_crash,
                         const Graph& graph, Script& script) {
  script.ops.clear();
  script.results.clear();
  script.ending = Script::Ending::open;
  script_ = &script;
  known_ = &graph.threads[thread];
  position_ = 0;
  may_crash_ = may_crash;
  crashing_ = false;
  lost_.fill(false);
  enter(Phase::none);
  previous_ = Kind::begin;
  previous_field_ = Field::other;
  if (setjmp(back_) != 0) return;
  if (follows) perform({.kind = Kind::begin});
  body();
  script.ending = Script::Ending::finished;
}

inline Event Machine::perform(Op op) {
  const std::size_t n = position_++;
  script_->ops.push_back(op);
  if (n < known_->size()) {
    const Event& event = (*known_)[n];
    if (!(event.op == op)) abort_with("a thread is not deterministic");
    script_->results.emplace_back(event.kind, event.value);
    return event;
  }
  // Stores and fences give no value, so the thread can go on.
  if (op.kind != Kind::load && !op.may_be_lost) return {};
  std::longjmp(back_, 1);
}

inline Access Machine::mutated(Kind kind, std::size_t word, std::memory_order order, std::uint64_t value) {
  Access access{.kind = kind, .phase = phase_, .order = order, .value = value};
  access.field = kind == Kind::fence ? Field::other : field_of(word);
  access.previous = previous_;
  access.previous_field = previous_field_;
  if (kind != Kind::fence) access.before = accesses_[word][kind == Kind::load ? 0 : 1]++;
  if (mutation_ != nullptr && *mutation_) (*mutation_)(access);
  previous_ = kind;
  previous_field_ = access.field;
  return access;
}

inline std::uint64_t Machine::load(const Word* word, std::memory_order order, bool exclusive, bool kernel) {
  const std::size_t index = index_of(word);
  if (script_ == nullptr) return initial_[index];
  if (order == std::memory_order_seq_cst) abort_with("sequentially consistent loads are not modelled");
  const Access access = mutated(Kind::load, index, order, 0);
  if (access.stale && last_call_[index] == call_) return last_value_[index];
  if (crashing_) leave(Script::Ending::finished);
  const Event event = perform({.kind = Kind::load,
                               .order = access.order,
                               .location = location_of(index),
                               .exclusive = exclusive,
                               .kernel = kernel,
                               .may_be_lost = may_crash_ && exclusive});
  if (event.kind == Kind::lost) leave(Script::Ending::finished);
  last_call_[index] = call_;
  last_value_[index] = event.value;
  return event.value;
}

inline void Machine::store(Word* word, std::uint64_t value, std::memory_order order, bool exclusive,
                           bool kernel) {
  const std::size_t index = index_of(word);
  if (script_ == nullptr) {
    initial_[index] = value;
    return;
  }
  if (order == std::memory_order_seq_cst) abort_with("sequentially consistent stores are not modelled");
  const Access access = mutated(Kind::store, index, order, value);
  if (access.skip) return;
  if (crashing_ && (releases(access.order) || lost_[index])) {
    lost_[index] = true; // it comes after a store that is lost
  } else {
    const Event event = perform({.kind = Kind::store,
                                 .order = access.order,
                                 .location = location_of(index),
                                 .exclusive = exclusive,
                                 .kernel = kernel,
                                 .may_be_lost = may_crash_ && !exclusive,
                                 .value = access.value});
    if (event.kind == Kind::lost) crashing_ = lost_[index] = true;
  }
  if (access.fence_after) fence(std::memory_order_release);
}

inline void Machine::fence(std::memory_order order) {
  if (script_ == nullptr) return;
  const Access access = mutated(Kind::fence, 0, order, 0);
  if (access.skip) return;
  if (crashing_) leave(Script::Ending::finished);
  perform({.kind = Kind::fence, .order = access.order});
}

inline Field Machine::field_of(std::size_t word) const {
  namespace layout = seqcast::detail;
  if (word == flag_word) return Field::flag;
  if (word == bell_word) return Field::bell;
  if (word == futex_word || word == space_futex_word) return Field::futex;
  if (word == first_owner_word || word == first_owner_word + 1) return Field::owner;
  if (word == layout::waits_word) return Field::waits;
  if (word >= entries_bell_word && word < first_owner_word) {
    const std::size_t at = (word - entries_bell_word) * layout::word_size;
    if (at == layout::bell_space_offset) return Field::space;
    if (at == layout::bell_used_offset) return Field::used;
    const std::size_t in_entry = at % layout::bell_entry_size / layout::word_size;
    if (in_entry == layout::registration_word) return Field::registration;
    if (in_entry == layout::cursor_word) return Field::cursor;
    return in_entry == layout::withdrawn_word ? Field::withdrawn : Field::other;
  }
  if (geometry_.capacity == 0) return Field::other;
  if (word >= geometry_.slots_word) {
    const std::size_t slot_word = (word - geometry_.slots_word) % geometry_.stride_words;
    if ((word - geometry_.slots_word) / geometry_.stride_words >= geometry_.capacity) return Field::other;
    if (slot_word == layout::version_word) return Field::version;
    if (geometry_.timestamps && slot_word == layout::time_word) return Field::time;
    if (slot_word == geometry_.progress_word) return Field::progress; // 0, the version's, where there is none
    return slot_word == layout::size_word ? Field::size : Field::payload;
  }
  switch (word * layout::word_size) {
    case layout::head_offset:
      return Field::head;
    case layout::state_offset:
      return Field::state;
    case layout::epoch_offset:
      return Field::epoch;
    case layout::first_sequence_offset:
    case layout::first_sequence_offset + layout::word_size:
      return Field::first;
    case layout::origin_epoch_offset:
      return Field::origin_epoch;
    case layout::oldest_offset:
      return Field::oldest;
    default:
      return Field::other;
  }
}

inline std::string Machine::name_of(std::size_t location) const {
  const std::size_t word = used_[location];
  const std::size_t in_slots = word - geometry_.slots_word;
  const auto entry = [&] {
    namespace layout = seqcast::detail;
    const std::size_t at = (word - entries_bell_word) * layout::word_size - layout::bell_entries_offset;
    return "entry " + std::to_string(at / layout::bell_entry_size);
  };
  const auto slot = [&] { return "slot " + std::to_string(in_slots / geometry_.stride_words); };
  switch (field_of(word)) {
    case Field::head:
      return "head";
    case Field::state:
      return "state";
    case Field::epoch:
      return "epoch";
    case Field::first:
      return "first sequence " + std::to_string(word % 2);
    case Field::origin_epoch:
      return "origin's epoch";
    case Field::oldest:
      return "oldest";
    case Field::version:
      return slot() + " version";
    case Field::size:
      return slot() + " size";
    case Field::time:
      return slot() + " time";
    case Field::progress:
      return slot() + " progress";
    case Field::payload:
      return slot() + " payload " + std::to_string(in_slots % geometry_.stride_words - geometry_.payload_word);
    case Field::flag:
      return "flag";
    case Field::bell:
      return "bell";
    case Field::futex:
      return "futex";
    case Field::waits:
      return "waits";
    case Field::space:
      return "space";
    case Field::used:
      return "used";
    case Field::registration:
      return entry() + " registration";
    case Field::cursor:
      return entry() + " cursor";
    case Field::withdrawn:
      return entry() + " withdrawn";
    case Field::owner:
      return "owner " + std::to_string(word - first_owner_word);
    case Field::other:
      break;
  }
  return "word " + std::to_string(word);
}

} // namespace model
