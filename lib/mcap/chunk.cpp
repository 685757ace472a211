// SPDX-License-Identifier: BSL-1.0
#include "chunk.hpp"

namespace mcap {

void Chunk::clear() noexcept {
  for (const Index& index : indexes()) places_[index.channel] = none;
  used_ = 0;
  records_.clear();
  messages_ = 0;
  start_time_ = ~std::uint64_t{0};
  end_time_ = 0;
}

Chunk::Index& Chunk::add_index(std::uint16_t channel) {
  if (channel >= places_.size()) places_.resize(channel + std::size_t{1}, none);
  if (used_ == indexes_.size()) indexes_.emplace_back();
  Index& index = indexes_[used_];
  index.channel = channel;
  index.messages = 0;
  index.entries.clear();
  places_[channel] = static_cast<std::uint32_t>(used_++);
  return index;
}

} // namespace mcap
