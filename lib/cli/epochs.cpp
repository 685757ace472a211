// SPDX-License-Identifier: BSL-1.0
#include "epochs.hpp"

namespace cli {

namespace {

// More than come while a ring is read. A hostile region may show any number.
constexpr std::size_t most_seen = 64;

} // namespace

Epochs::Epochs(const seqcast::AnySubscriber& subscriber) {
  if (const auto epoch = subscriber.epoch()) seen_.push_back(*epoch);
}

seqcast::Epoch Epochs::of(const seqcast::AnySubscriber& subscriber, std::uint64_t sequence) {
  // The publisher of the message had stored its epoch before that.
  const auto newest = subscriber.epoch();
  if (!newest) return {};
  if (seen_.empty() || seen_.back().number != newest->number) {
    const bool missed = !seen_.empty() && newest->number != seen_.back().number + 1;
    if (missed) seen_.push_back({0, sequence});
    seen_.push_back(*newest);
    if (seen_.size() > most_seen) seen_.erase(seen_.begin(), seen_.end() - most_seen);
  }
  for (auto epoch = seen_.rbegin(); epoch != seen_.rend(); ++epoch) {
    if (sequence >= epoch->first_sequence) return epoch->number == 0 ? seqcast::Epoch{} : *epoch;
  }
  return {};
}

} // namespace cli
