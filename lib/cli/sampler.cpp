// SPDX-License-Identifier: BSL-1.0
#include "sampler.hpp"

#include "channel.hpp"
#include "units.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <seqcast/message.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace cli {

std::optional<std::chrono::nanoseconds> Sample::age(double part) const noexcept {
  if (ages.empty()) return std::nullopt;
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(ages.size())));
  return ages[std::clamp<std::size_t>(rank, 1, ages.size()) - 1];
}

Sampler::Sampler(seqcast::Inspector inspector)
    : inspector_{std::move(inspector)},
      head_{inspector_.head()},
      timed_{inspector_.status().published_at_ns != 0} {}

void Sampler::look() {
  // A hostile head may go back.
  const std::uint64_t head = std::max(inspector_.head(), head_);
  const std::uint64_t advance = head - head_;
  const std::uint64_t kept = inspector_.identity().capacity - 1;
  timed_ = timed_ || (advance > 0 && inspector_.identity().timestamps);
  ++sample_.looks;
  sample_.messages += advance;
  if (advance > kept) {
    ++sample_.gaps;
    sample_.overwritten += advance - kept;
  }
  look_at_sizes(head - std::min({advance, kept, most_sizes}), head);
  head_ = head;
}

// Of message `to` the age, too: it is the newest, seen before or not.
void Sampler::look_at_sizes(std::uint64_t from, std::uint64_t to) {
  const seqcast::ChannelIdentity& identity = inspector_.identity();
  for (std::uint64_t sequence = from + 1; sequence <= to; ++sequence) {
    const seqcast::SlotContent slot = inspector_.slot(identity.slot_of(sequence));
    if (!slot.whole || slot.sequence != sequence) continue;
    ++sized_;
    sized_bytes_ += slot.size;
  }
  if (!timed_) return;
  const seqcast::SlotContent newest = inspector_.slot(identity.slot_of(to));
  if (!newest.whole || newest.sequence != to) return;
  // A hostile publisher's clock may be ahead.
  const auto age = seqcast::Delivery{.published_at_ns = newest.published_at_ns}.age();
  sample_.ages.push_back(std::max(age, std::chrono::nanoseconds{0}));
}

Sample Sampler::take() {
  look();
  const auto now = std::chrono::steady_clock::now();
  sample_.time = now - std::exchange(begin_, now);
  sample_.head = head_;
  sample_.every_size_seen = sized_ == sample_.messages;
  const double mean = sized_ > 0 ? static_cast<double>(sized_bytes_) / static_cast<double>(sized_) : 0;
  sample_.bytes = mean * static_cast<double>(sample_.messages);
  std::sort(sample_.ages.begin(), sample_.ages.end());
  sized_ = 0;
  sized_bytes_ = 0;
  return std::exchange(sample_, {});
}

nlohmann::ordered_json to_json(const seqcast::Location& location, const seqcast::ChannelStatus& status,
                               const Sample& sample) {
  return {{"name", to_name(location)},
          {"state", to_string(status.state)},
          {"publisher_process", status.publisher_process},
          {"head", sample.head},
          {"seconds", sample.seconds()},
          {"messages", sample.messages},
          {"messages_per_second", sample.messages_per_second()},
          {"bytes_per_second", sample.bytes_per_second()},
          {"bytes_estimated", !sample.every_size_seen}};
}

std::string to_byte_rate(const Sample& sample) {
  return fmt::format("{}{}", sample.every_size_seen ? "" : "~", to_byte_rate(sample.bytes_per_second()));
}

} // namespace cli
