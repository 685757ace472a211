// SPDX-License-Identifier: BSL-1.0
//
// sc: whether the sequentially consistent fences of a graph fit into one order. With fences alone (the library
// has no sequentially consistent loads or stores, and the model refuses them) RC11 asks that there be no cycle
// of steps from fence to fence, where a step is happens-before, or
//     fence  happens-before  x,   x  is coherence-before  y,   y  happens-before  fence.
//
// Coherence-before (any chain of reads-from, modification order and from-read) is a comparison of two numbers:
// twice its place for a store, and twice its source's place, plus one, for a load.
#pragma once

#include "graph.hpp"

namespace model {

inline bool sc_consistent(const Graph& graph) {
  constexpr std::size_t max_fences = 32;
  std::array<EventId, max_fences> fences;
  std::size_t count = 0;
  for (std::size_t t = 0; t < max_threads; ++t) {
    for (std::size_t i = 0; i < graph.threads[t].size(); ++i) {
      const Event& event = graph.threads[t][i];
      if (event.kind != Kind::fence || event.op.order != std::memory_order_seq_cst) continue;
      if (count == max_fences) abort_with("too many sequentially consistent fences");
      fences[count++] = {static_cast<std::uint8_t>(t), static_cast<std::uint8_t>(i)};
    }
  }
  if (count < 2) return true;

  constexpr std::size_t none = ~std::size_t{0};
  std::array<std::array<std::size_t, max_locations>, max_fences> least_after;
  std::array<std::array<std::size_t, max_locations>, max_fences> most_before;
  for (std::size_t f = 0; f < count; ++f) {
    least_after[f].fill(none);
    most_before[f].fill(0);
  }
  for (std::size_t t = 0; t < max_threads; ++t) {
    for (std::size_t i = 0; i < graph.threads[t].size(); ++i) {
      const Event& event = graph.threads[t][i];
      if (event.kind != Kind::load && event.kind != Kind::store) continue;
      const std::size_t location = event.op.location;
      const EventId self{static_cast<std::uint8_t>(t), static_cast<std::uint8_t>(i)};
      const std::size_t key = event.kind == Kind::store ? 2 * graph.position(location, self)
                                                        : 2 * graph.position(location, event.source) + 1;
      for (std::size_t f = 0; f < count; ++f) {
        const EventId fence = fences[f];
        if (event.happened.count[fence.thread] > fence.index) {
          least_after[f][location] = std::min(least_after[f][location], key);
        }
        if (graph.at(fence).happened.count[t] > i) {
          most_before[f][location] = std::max(most_before[f][location], key);
        }
      }
    }
  }

  std::array<std::uint32_t, max_fences> reach{};
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = 0; b < count; ++b) {
      bool step = a != b && graph.at(fences[b]).happened.count[fences[a].thread] > fences[a].index;
      for (std::size_t l = 0; l < max_locations && !step; ++l) step = least_after[a][l] < most_before[b][l];
      if (step) reach[a] |= std::uint32_t{1} << b;
    }
  }
  for (std::size_t via = 0; via < count; ++via) {
    for (std::size_t a = 0; a < count; ++a) {
      if ((reach[a] >> via & 1) != 0) reach[a] |= reach[via];
    }
  }
  for (std::size_t a = 0; a < count; ++a) {
    if ((reach[a] >> a & 1) != 0) return false;
  }
  return true;
}

} // namespace model
