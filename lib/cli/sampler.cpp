// SPDX-License-Identifier: BSL-1.0
#include "sampler.hpp"

#include "channel.hpp"
#include "inspection.hpp"
#include "units.hpp"
#include "values.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace cli {

CLI::Option* add_intervals(CLI::App& verb, Intervals& intervals) {
  verb.add_option("-i,--interval", intervals.seconds, "Length of an interval in seconds [1]")
      ->option_text("S")
      ->transform(number("a number of seconds from 0.01 to 86400", 0.01, 86400));
  return verb.add_option("-n,--count", intervals.count, "End after N intervals")
      ->option_text("N")
      ->transform(whole_number(1));
}

std::optional<std::chrono::nanoseconds> Measurement::age(double percentile) const noexcept {
  if (ages.empty()) return std::nullopt;
  const auto rank = static_cast<std::size_t>(std::ceil(percentile * static_cast<double>(ages.size())));
  return ages[std::clamp<std::size_t>(rank, 1, ages.size()) - 1];
}

Sampler::Sampler(seqcast::Inspector inspector)
    : inspector_{std::move(inspector)},
      head_{inspector_.head()},
      has_ages_{inspector_.status().published_at.has_value()} {}

void Sampler::sample() {
  // The head of a hostile channel may decrease.
  const std::uint64_t head = std::max(inspector_.head(), head_);
  const std::uint64_t advance = head - head_;
  const std::uint64_t kept = inspector_.identity().capacity - 1;
  has_ages_ = has_ages_ || (advance > 0 && inspector_.identity().timestamps);
  ++measurement_.samples;
  measurement_.messages += advance;
  if (advance > kept) {
    ++measurement_.gaps;
    measurement_.overwritten += advance - kept;
  }
  sample_slots(head - std::min({advance, kept, sizes_per_sample}), head);
  head_ = head;
}

// The sizes of the messages after `after`, and the age of the newest message, even if it was there before.
void Sampler::sample_slots(std::uint64_t after, std::uint64_t newest) {
  const seqcast::ChannelIdentity& identity = inspector_.identity();
  for (std::uint64_t sequence = after + 1; sequence <= newest; ++sequence) {
    const seqcast::SlotContent slot = inspector_.slot(identity.slot_of(sequence));
    if (!slot.whole || slot.sequence != sequence) continue;
    ++sizes_read_;
    bytes_read_ += slot.size;
  }
  if (!has_ages_) return;
  const seqcast::SlotContent slot = inspector_.slot(identity.slot_of(newest));
  if (slot.whole && slot.sequence == newest && slot.published_at) {
    measurement_.ages.push_back(age_of(*slot.published_at));
  }
}

Measurement Sampler::finish() {
  sample();
  const auto now = std::chrono::steady_clock::now();
  measurement_.time = now - std::exchange(begin_, now);
  measurement_.head = head_;
  measurement_.all_sizes_read = sizes_read_ == measurement_.messages;
  const double mean = sizes_read_ > 0 ? static_cast<double>(bytes_read_) / static_cast<double>(sizes_read_) : 0;
  measurement_.bytes = mean * static_cast<double>(measurement_.messages);
  std::sort(measurement_.ages.begin(), measurement_.ages.end());
  sizes_read_ = 0;
  bytes_read_ = 0;
  return std::exchange(measurement_, {});
}

nlohmann::ordered_json to_json(const seqcast::Location& location, const seqcast::ChannelStatus& status,
                               const Measurement& measurement) {
  return {{"name", to_name(location)},
          {"state", to_string(status.state)},
          {"publisher_process", status.publisher_process},
          {"head", measurement.head},
          {"seconds", measurement.seconds()},
          {"messages", measurement.messages},
          {"messages_per_second", measurement.messages_per_second()},
          {"bytes_per_second", measurement.bytes_per_second()},
          {"bytes_estimated", !measurement.all_sizes_read}};
}

std::string to_byte_rate(const Measurement& measurement) {
  return fmt::format("{}{}", measurement.all_sizes_read ? "" : "~",
                     to_byte_rate(measurement.bytes_per_second()));
}

} // namespace cli
