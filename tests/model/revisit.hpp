// SPDX-License-Identifier: BSL-1.0
//
// revisit: what happens when a store is added that an earlier load could have read from. What was added after
// the load, and the store does not need, is then removed and done again, with the load reading from the store.
// That is done from one only of all the graphs that differ in what is removed: the one in which all of it is
// maximal, that is, did the newest thing.
#pragma once

#include "graph.hpp"

#include <vector>

namespace model {

/// Loads that could have read from a store that comes only now.
inline std::vector<EventId> readers_of(const Graph& g, const Event& event) {
  std::vector<EventId> found;
  for (std::size_t t = 0; t < max_threads; ++t) {
    for (std::size_t i = event.prefix.count[t]; i < g.threads[t].size(); ++i) {
      const Event& other = g.threads[t][i];
      if (other.kind == Kind::load && other.op.location == event.op.location) {
        found.push_back({static_cast<std::uint8_t>(t), static_cast<std::uint8_t>(i)});
      }
    }
  }
  return found;
}

/// Lets the last event of its thread read from another store. False if coherence forbids it.
inline bool reread(Graph& g, EventId reader, EventId store) {
  const Op op = g.at(reader).op;
  const std::uint32_t stamp = g.at(reader).stamp;
  Graph::Thread& events = g.threads[reader.thread];
  if (g.floor(reader.thread, reader.index, op) > g.position(op.location, store)) return false;
  events.truncate(reader.index);
  Event event = g.draft(reader.thread, op);
  g.set_source(event, store, 0);
  event.stamp = stamp;
  events.push_back(event);
  return true;
}

/// Whether an event that is to be removed did the newest thing it could, of what came before it and of
/// what the store needs.
inline bool maximal(const Graph& g, EventId id, const Event& store) {
  const Event& event = g.at(id);
  if (event.kind == Kind::lost) return false;
  if (event.kind != Kind::load && event.kind != Kind::store) return true;
  const auto before = [&](EventId other) {
    return g.at(other).stamp <= event.stamp || other.index < store.prefix.count[other.thread];
  };
  EventId newest = event.source;
  if (event.kind == Kind::store) {
    newest = id;
    for (std::size_t t = 0; t < max_threads; ++t) {
      for (std::size_t i = 0; i < g.threads[t].size(); ++i) {
        const Event& other = g.threads[t][i];
        if (other.kind == Kind::load && other.source == id &&
            before({static_cast<std::uint8_t>(t), static_cast<std::uint8_t>(i)})) {
          return false;
        }
      }
    }
  }
  if (!newest.initial() && !before(newest)) return false;
  const std::size_t location = event.op.location;
  for (std::size_t i = g.position(location, newest); i < g.stores[location].size(); ++i) {
    if (before(g.stores[location][i])) return false;
  }
  return true;
}

} // namespace model
