// SPDX-License-Identifier: BSL-1.0
//
// explorer: every execution of a small program that the C++20 memory model allows, each one once.
//
// Graphs grow by one event at a time. A load branches over all stores that coherence lets it read from. A store
// branches over all places in the modification order that coherence leaves it (so not only the order of
// execution: the weak outcome of 2+2W is found), and over all earlier loads that could have read from it: then
// what was added after such a load, and is not needed by the store, is removed. This is the search of
// Kokologiannakis, Marmanis, Gladstein and Vafeiadis (Truly stateless, optimal dynamic partial order reduction,
// POPL 2022), which needs no table of states. Interleavings that give the same graph are explored once, by
// construction. interleaver.hpp finds the same graphs by brute force, through all interleavings, and the tests
// compare the two.
//
// Covered: relaxed, acquire and release loads and stores; release sequences of C++20; read-modify-writes;
// release, acquire and sequentially consistent fences; threads that begin after others; futexes; a crash
// between any two operations, with the loss of stores that need not have been performed yet (machine.hpp). Not
// covered: load buffering and whatever else needs a cycle of program order and reads-from; seq_cst loads and
// stores, consume, compare-exchange, mixed-size and non-atomic accesses; liveness other than 'blocked for
// ever'; anything beyond the bounds of the program at hand: numbers of messages, calls, words and slots.
#pragma once

#include "program.hpp"
#include "revisit.hpp"
#include "sc.hpp"

#include <deque>
#include <memory>

namespace model {

class Explorer {
 public:
  Explorer(const Program& program, const Mutation& mutation, std::uint64_t max_executions)
      : program_{program}, most_{max_executions}, scripts_(program.threads.size()) {
    if (program.threads.size() > max_threads) abort_with("more threads than the bound in graph.hpp");
    machine_.reset(&mutation);
    if (program.setup) program.setup();
  }

  Found run() {
    graph(0) = Graph{};
    visit(0);
    return found_;
  }

 private:
  friend class Interleaver;

  Graph& graph(std::size_t depth) {
    while (pool_.size() <= depth) pool_.push_back(std::make_unique<Graph>());
    return *pool_[depth];
  }
  Graph& branch(std::size_t depth) {
    Graph& copy = graph(depth + 1);
    copy = graph(depth);
    return copy;
  }
  bool consistent(const Graph& g) const {
    return !any_sc_ || sc_consistent(g);
  }
  bool over() const {
    return !found_.violation.empty() || found_.capped;
  }

  /// The thread's next operation, or none if it has ended.
  const Op* next_op(std::size_t t, const Graph& g) {
    Script& script = scripts_[t];
    const Graph::Thread& events = g.threads[t];
    bool valid = events.size() < script.ops.size() ||
                 (events.size() == script.ops.size() && script.ending != Script::Ending::open);
    for (std::size_t i = 0; valid && i < std::min(events.size(), script.results.size()); ++i) {
      valid = events[i].kind == script.results[i].first && events[i].value == script.results[i].second;
    }
    if (!valid) replay(t, g);
    return events.size() < script.ops.size() ? &script.ops[events.size()] : nullptr;
  }

  void replay(std::size_t t, const Graph& g) {
    const Thread& thread = program_.threads[t];
    machine_.run(t, thread.body, !thread.after.empty(), thread.may_crash, g, scripts_[t]);
  }

  bool ended(std::size_t t, const Graph& g) {
    return next_op(t, g) == nullptr && scripts_[t].ending == Script::Ending::finished;
  }

  /// A thread that can go on. The second half of a read-modify-write goes first.
  const Op* pick(const Graph& g, std::size_t& chosen) {
    const Op* first = nullptr;
    for (std::size_t t = 0; t < program_.threads.size(); ++t) {
      const Op* op = next_op(t, g);
      if (op == nullptr) {
        if (scripts_[t].ending == Script::Ending::failed) report_violation(scripts_[t].text, g);
        continue;
      }
      if (op->kind == Kind::begin && !may_begin(t, g)) continue;
      if (op->kind == Kind::store && op->exclusive) {
        chosen = t;
        return op;
      }
      if (first == nullptr) {
        first = op;
        chosen = t;
      }
    }
    return first;
  }

  bool may_begin(std::size_t t, const Graph& g) {
    for (const std::size_t other : program_.threads[t].after) {
      if (!ended(other, g)) return false;
    }
    return true;
  }

  void visit(std::size_t depth) {
    Graph& g = graph(depth);
    for (;;) {
      if (over()) return;
      ++found_.steps;
      std::size_t t = 0;
      const Op* next = pick(g, t);
      if (over()) return;
      if (next == nullptr) return complete(g);
      const Op op = *next;
      Event event = g.draft(t, op);
      switch (op.kind) {
        case Kind::begin:
          for (const std::size_t other : program_.threads[t].after) {
            g.follow(event, other, program_.threads[t].ordered);
          }
          g.add(t, event);
          continue;
        case Kind::fence:
          g.add(t, event);
          any_sc_ = any_sc_ || op.order == std::memory_order_seq_cst;
          if (!consistent(g)) return;
          continue;
        case Kind::load: {
          const std::size_t newest = g.stores[op.location].size();
          const std::size_t floor = g.floor(t, g.threads[t].size(), op);
          if (floor == newest && !op.may_be_lost) {
            load_from(g, t, event, newest);
            if (!consistent(g)) return;
            continue;
          }
          for (std::size_t place = floor; place <= newest; ++place) {
            Graph& copy = branch(depth);
            load_from(copy, t, event, place);
            if (consistent(copy)) visit(depth + 1);
          }
          if (op.may_be_lost) lose(depth, t, event);
          return;
        }
        case Kind::store: {
          if (place_store(depth, t, event)) continue;
          return;
        }
        case Kind::lost:
          abort_with("a lost operation was asked for");
      }
    }
  }

  void load_from(Graph& g, std::size_t t, Event event, std::size_t place) const {
    g.set_source(event, g.store_at(event.op.location, place), machine_.initial(event.op.location));
    g.add(t, event);
  }

  void lose(std::size_t depth, std::size_t t, Event event) {
    event.kind = Kind::lost;
    event.message = {};
    branch(depth).add(t, event);
    visit(depth + 1);
  }

  /// The places a store may take: `from` to `to`, both included, less those that are result.
  static void places(const Graph& g, std::size_t t, const Op& op, std::size_t& from, std::size_t& to) {
    if (op.exclusive) {
      const Graph::Thread& events = g.threads[t];
      from = to = g.position(op.location, events[events.size() - 1].source);
    } else {
      from = g.floor(t, g.threads[t].size(), op);
      to = g.stores[op.location].size();
    }
  }

  /// True if there was nothing to branch over: the store is then in this depth's own graph.
  bool place_store(std::size_t depth, std::size_t t, const Event& event) {
    Graph& g = graph(depth);
    const std::size_t location = event.op.location;
    std::size_t from = 0;
    std::size_t to = 0;
    places(g, t, event.op, from, to);
    const std::vector<EventId> readers = readers_of(g, event);
    if (from == to && readers.empty() && !event.op.may_be_lost && !g.taken(location, from)) {
      g.add_store(t, event, from);
      return consistent(g);
    }
    for (std::size_t place = from; place <= to; ++place) {
      if (g.taken(location, place)) continue;
      Graph& copy = branch(depth);
      copy.add_store(t, event, place);
      if (consistent(copy)) visit(depth + 1);
    }
    if (event.op.may_be_lost) lose(depth, t, event);
    for (const EventId reader : readers) revisit(depth, t, event, reader);
    return false;
  }

  /// Removes what came after `reader` and is not needed by the store, and lets `reader` read from the store. Of
  /// the graphs that differ in what is removed only the one in which that is 'maximal' does so: the result is
  /// reached once.
  void revisit(std::size_t depth, std::size_t t, const Event& event, EventId reader) {
    const Graph& g = graph(depth);
    const std::uint32_t since = g.at(reader).stamp;
    std::array<std::size_t, max_threads> keep{};
    for (std::size_t other = 0; other < max_threads; ++other) {
      const Graph::Thread& events = g.threads[other];
      std::size_t count = std::min<std::size_t>(event.prefix.count[other], events.size());
      while (count < events.size() && events[count].stamp <= since) ++count;
      keep[other] = count;
      for (std::size_t i = count; i < events.size(); ++i) {
        if (!maximal(g, {static_cast<std::uint8_t>(other), static_cast<std::uint8_t>(i)}, event)) return;
      }
    }
    if (!maximal(g, reader, event)) return;

    std::size_t from = 0;
    std::size_t to = 0;
    for (std::size_t place = 0; place <= to; ++place) {
      Graph& copy = branch(depth);
      copy.truncate(keep);
      places(copy, t, event.op, from, to);
      if (place < from) place = from;
      if (copy.taken(event.op.location, place)) continue;
      copy.add_store(t, event, place);
      if (!reread(copy, reader,
                  {static_cast<std::uint8_t>(t), static_cast<std::uint8_t>(copy.threads[t].size() - 1)})) {
        continue;
      }
      if (consistent(copy)) visit(depth + 1);
      if (over()) return;
    }
  }

  void complete(const Graph& g) {
    if (found_.executions == most_) {
      found_.capped = true;
      return;
    }
    ++found_.executions;
    bool blocked = false;
    bool unrolled = false;
    for (std::size_t t = 0; t < program_.threads.size(); ++t) {
      replay(t, g); // with every value known, so that the thread's results are those of this execution
      blocked = blocked || scripts_[t].ending == Script::Ending::blocked;
      unrolled = unrolled || scripts_[t].ending == Script::Ending::unrolled;
    }
    if (blocked) ++found_.blocked;
    if (unrolled) ++found_.unrolled;
    if (!program_.at_end) return;
    const std::string wrong = program_.at_end({g, scripts_});
    if (!wrong.empty()) report_violation(wrong, g);
  }

  void report_violation(const std::string& what, const Graph& g) {
    if (found_.violation.empty()) found_.violation = what + "\n" + trace(machine_, program_, g);
  }

  const Program& program_;
  std::uint64_t most_;
  Machine& machine_ = Machine::get();
  std::vector<Script> scripts_;
  std::deque<std::unique_ptr<Graph>> pool_;
  bool any_sc_ = false; // most programs need no check
  Found found_;
};

} // namespace model
