// SPDX-License-Identifier: BSL-1.0
#include <seqcast/publisher.hpp>

#include "opening.hpp"

namespace seqcast::inline v1 {

using namespace detail;

void detail::destroy(PublisherRegion* region) noexcept {
  delete region;
}

AnyPublisher::AnyPublisher(const Location& location, const PublisherOptions& options,
                           const ExpectedIdentity& expected)
    : AnyPublisher{PublisherRegion::open(location, options, expected)} {}

Owner<PublisherRegion> AnyPublisher::open_region(const Location& location, const PublisherOptions& options,
                                                 const ExpectedIdentity& expected, Error& error) {
  return without_exceptions(error, [&] { return PublisherRegion::open(location, options, expected); });
}

AnyPublisher::AnyPublisher(Owner<PublisherRegion> region) noexcept
    : region_{std::move(region)},
      ring_{region_->mapping.words(), geometry_of(region_->identity), region_->head} {
  if (region_->futex_word() != nullptr) doorbell_.emplace(region_->sleepers_flag(), region_->futex_word());
}

Epoch AnyPublisher::epoch() const noexcept {
  return region_->epoch;
}

const Location& AnyPublisher::location() const noexcept {
  return region_->location;
}

ChannelState AnyPublisher::state() const noexcept {
  return region_->superseded() ? ChannelState::superseded : ChannelState::live;
}

void AnyPublisher::wake_all(const detail::Word* word) noexcept {
  platform::wake_all(low_half(word));
}

} // namespace seqcast::inline v1
