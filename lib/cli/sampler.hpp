// SPDX-License-Identifier: BSL-1.0
//
// sampler: how fast a channel is, measured by samples; and the options for intervals that stat and top share. A
// sampler receives nothing: a rate is the distance between two heads, so that ten million messages a second
// cost as little as none.
//
// Invariants
//   1. A sample takes a bounded number of steps: the head, and two words of at most `sizes_per_sample` slots.
#pragma once

#include <CLI/App.hpp>
#include <nlohmann/json_fwd.hpp>
#include <seqcast/inspect.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cli {

/// -i and -n of stat and top.
struct Intervals {
  double seconds = 1;
  std::optional<std::uint64_t> count;

  std::chrono::nanoseconds length() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{seconds});
  }
};
/// Adds both options; gives -n.
CLI::Option* add_intervals(CLI::App& verb, Intervals& intervals);

/// The result of all samples between two calls of Sampler::finish().
struct Measurement {
  std::chrono::nanoseconds time{0};
  std::uint64_t head = 0; // at the last sample
  std::uint64_t messages = 0;
  double bytes = 0;            // estimated unless `all_sizes_read`
  bool all_sizes_read = false; // of `messages`
  std::uint64_t samples = 0;
  std::uint64_t gaps = 0;        // samples before which messages were overwritten since the sample before
  std::uint64_t overwritten = 0; // those messages
  std::vector<std::chrono::nanoseconds> ages; // of the newest message at each sample, sorted

  double seconds() const noexcept {
    return std::chrono::duration<double>{time}.count();
  }
  double messages_per_second() const noexcept {
    return seconds() > 0 ? static_cast<double>(messages) / seconds() : 0;
  }
  double bytes_per_second() const noexcept {
    return seconds() > 0 ? bytes / seconds() : 0;
  }
  /// A percentile of the ages: 0.99 for p99, 1 for the maximum; nothing without ages.
  std::optional<std::chrono::nanoseconds> age(double percentile) const noexcept;
};

class Sampler {
 public:
  static constexpr std::uint64_t sizes_per_sample = 16;

  explicit Sampler(seqcast::Inspector inspector);

  const seqcast::Inspector& inspector() const noexcept {
    return inspector_;
  }

  /// Takes a sample.
  void sample();
  /// Takes a last sample, and begins a new measurement.
  Measurement finish();

 private:
  void sample_slots(std::uint64_t after, std::uint64_t newest);

  seqcast::Inspector inspector_;
  std::uint64_t head_;
  bool has_ages_; // messages carry times of the clock since this boot
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  Measurement measurement_;
  std::uint64_t sizes_read_ = 0;
  std::uint64_t bytes_read_ = 0; // the sum of these sizes
};

/// The fields that stat and top share, as in `seqcast stat --help`.
nlohmann::ordered_json to_json(const seqcast::Location& location, const seqcast::ChannelStatus& status,
                               const Measurement& measurement);

/// "58.9 MB/s", or "~58.9 MB/s" for an estimate.
std::string to_byte_rate(const Measurement& measurement);

} // namespace cli
