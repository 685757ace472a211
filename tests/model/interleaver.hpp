// SPDX-License-Identifier: BSL-1.0
//
// interleaver: the executions of a program found by brute force, to check the explorer: every enabled thread is
// tried next, a load reads every store that coherence lets it read, a store takes every place; graphs that were
// visited before are skipped. Nothing is removed, and no argument about maximality is needed. Slow, so for
// litmus tests only.
#pragma once

#include "explorer.hpp"

#include <set>

namespace model {

class Interleaver {
 public:
  explicit Interleaver(const Program& program) : program_{program}, explorer_{program, no_mutation(), 0} {}

  /// The number of whole executions.
  std::uint64_t run() {
    visit(std::make_unique<Graph>());
    return whole_.size();
  }

 private:
  static const Mutation& no_mutation() {
    static const Mutation none;
    return none;
  }

  static std::string identity_of(const Graph& g) {
    std::string text;
    const auto put = [&](EventId id) {
      text += static_cast<char>(id.thread);
      text += static_cast<char>(id.index);
    };
    for (const auto& events : g.threads) {
      text += '|';
      for (const Event& event : events) {
        text += static_cast<char>(event.kind);
        put(event.source);
      }
    }
    for (const auto& order : g.stores) {
      text += '/';
      for (const EventId id : order) put(id);
    }
    return text;
  }

  void visit(std::unique_ptr<Graph> g) {
    if (!met_.insert(identity_of(*g)).second) return;
    bool last = true;
    for (std::size_t t = 0; t < program_.threads.size(); ++t) {
      const Op* next = explorer_.next_op(t, *g);
      if (next == nullptr || (next->kind == Kind::begin && !explorer_.may_begin(t, *g))) continue;
      last = false;
      step(*g, t, Op{*next});
    }
    if (last) whole_.insert(identity_of(*g));
  }

  void step(const Graph& g, std::size_t t, const Op& op) {
    Event event = g.draft(t, op);
    std::size_t from = 0;
    std::size_t to = 0;
    if (op.kind == Kind::load) {
      from = g.floor(t, g.threads[t].size(), op);
      to = g.stores[op.location].size();
    } else if (op.kind == Kind::store) {
      Explorer::places(g, t, op, from, to);
    } else if (op.kind == Kind::begin) {
      for (const std::size_t other : program_.threads[t].after) {
        g.follow(event, other, program_.threads[t].ordered);
      }
    }
    for (std::size_t place = from; place <= to; ++place) {
      if (op.kind == Kind::store && g.taken(op.location, place)) continue;
      auto copy = std::make_unique<Graph>(g);
      if (op.kind == Kind::load) {
        explorer_.load_from(*copy, t, event, place);
      } else if (op.kind == Kind::store) {
        copy->add_store(t, event, place);
      } else {
        copy->add(t, event);
      }
      if (sc_consistent(*copy)) visit(std::move(copy));
    }
    if (!op.may_be_lost) return;
    auto copy = std::make_unique<Graph>(g);
    event.kind = Kind::lost;
    event.message = {};
    copy->add(t, event);
    visit(std::move(copy));
  }

  const Program& program_;
  Explorer explorer_;
  std::set<std::string> met_;
  std::set<std::string> whole_;
};

} // namespace model
