// SPDX-License-Identifier: BSL-1.0
//
// sampler: how fast a channel is, from looking at it now and then. It receives nothing: a rate is the distance
// that the head has gone, so that a channel of ten million messages a second costs no more than an idle one.
//
// Invariants
//   1. A look takes a bounded number of steps: the head, and at most `most_sizes` slots, two words each.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <seqcast/inspect.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cli {

/// What was seen between two calls of Sampler::take().
struct Sample {
  std::chrono::nanoseconds time{0};
  std::uint64_t head = 0; // at the last look
  std::uint64_t messages = 0;
  double bytes = 0;             // estimated, unless every message was looked at
  bool every_size_seen = false; // of `messages`, all
  std::uint64_t looks = 0;
  std::uint64_t gaps = 0;        // looks that came after messages had been overwritten since the look before
  std::uint64_t overwritten = 0; // those messages
  std::vector<std::chrono::nanoseconds> ages; // of the newest message, at each look, in order of size

  double seconds() const noexcept {
    return std::chrono::duration<double>{time}.count();
  }
  double messages_per_second() const noexcept {
    return seconds() > 0 ? static_cast<double>(messages) / seconds() : 0;
  }
  double bytes_per_second() const noexcept {
    return seconds() > 0 ? bytes / seconds() : 0;
  }
  /// The age that this part of the looks did not exceed; 1 gives the greatest.
  std::optional<std::chrono::nanoseconds> age(double part) const noexcept;
};

class Sampler {
 public:
  static constexpr std::uint64_t most_sizes = 16;

  explicit Sampler(seqcast::Inspector inspector);

  const seqcast::Inspector& inspector() const noexcept {
    return inspector_;
  }

  /// Looks, so that what happened since the last look counts.
  void look();
  /// What all looks since the last call have seen, this one's included.
  Sample take();

 private:
  void look_at_sizes(std::uint64_t from, std::uint64_t to);

  seqcast::Inspector inspector_;
  std::uint64_t head_;
  bool timed_; // messages carry times of this boot's clock
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  Sample sample_;
  std::uint64_t sized_ = 0; // messages whose size was seen
  std::uint64_t sized_bytes_ = 0;
};

/// What stat and top say of a channel, field by field; the fields are named in `seqcast stat --help`.
nlohmann::ordered_json to_json(const seqcast::Location& location, const seqcast::ChannelStatus& status,
                               const Sample& sample);

/// "58.9 MB/s", or "~58.9 MB/s" where that is an estimate.
std::string to_byte_rate(const Sample& sample);

} // namespace cli
