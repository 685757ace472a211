// SPDX-License-Identifier: BSL-1.0
#include <seqcast/publisher.hpp>

#include "identity.hpp"
#include "opening.hpp"

#include <algorithm>

#include <stdexcept>

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
      ring_{region_->mapping.words(), geometry_of(region_->identity), region_->head},
      smallest_size_{region_->fixed_message_size},
      size_range_{region_->identity.max_message_size - smallest_size_} {
  if (region_->futex_word() != nullptr) doorbell_.emplace(region_->sleepers_flag(), region_->futex_word());
  if (region_->reliable) limit_ = 0; // found by a poll before the first message
}

Epoch AnyPublisher::epoch() const noexcept {
  return region_->epoch;
}

const Location& AnyPublisher::location() const noexcept {
  return region_->location;
}

void AnyPublisher::raise_wrong_size(std::size_t size) const {
  const std::string most = std::to_string(max_message_size());
  const std::string name{schema_name_of(region_->identity)};
  if (!has_fixed_size()) {
    throw std::length_error{"seqcast: a message of " + std::to_string(size) +
                            " bytes is longer than the channel's max_message_size of " + most +
                            " bytes; nothing was published"};
  }
  throw std::length_error{"seqcast: a message has " + std::to_string(size) +
                          " bytes, and those of the channel's schema" + (name.empty() ? "" : " " + name) +
                          " have " + most + ". Publish whole ones; nothing was published"};
}

ChannelState AnyPublisher::state() const noexcept {
  return region_->superseded() ? ChannelState::superseded : ChannelState::live;
}

std::size_t AnyPublisher::reliable_subscribers() const noexcept {
  return region_->reliable ? region_->reliable->count() : 0;
}

std::uint64_t AnyPublisher::skip(std::uint64_t count) {
  const std::uint64_t head = ring_.head();
  if (!gaps()) {
    throw std::logic_error{
        "seqcast: " + to_string(location()) +
        " has no gaps, so that no sequence can be skipped. Set PublisherOptions::gaps when it is "
        "created; nothing was skipped"};
  }
  if (!can_skip(count)) {
    throw std::length_error{"seqcast: " + std::to_string(count) + " sequences after " + std::to_string(head) +
                            " cannot be skipped, since the last one would be above " +
                            std::to_string(largest_skip_head) + "; nothing was skipped"};
  }
  if (count == 0) return head;
  if (count < capacity()) {
    const std::uint64_t time_ns = timestamps() ? HardwarePolicy::now() : 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      before_message();
      ring_.publish_gap(time_ns);
    }
  } else {
    if (region_->reliable) limit_ = region_->reliable->wait_for_room(head, last_before_jump());
    ring_.jump(head + count);
    stop_at_ = 0; // the limit is below head now
  }
  if (doorbell_) doorbell_->after_message(wake_all);
  return ring_.head();
}

std::uint64_t AnyPublisher::publish_origins(const BytesRef& message, const Delivery& delivery,
                                            const Epoch& epoch) {
  if (!is_mirror(region_->identity)) {
    throw std::logic_error{"seqcast: " + to_string(location()) +
                           " is no mirror, and numbers its messages itself: publish() them, or create it with "
                           "PublisherOptions::mirror_of; nothing was published"};
  }
  if (delivery.sequence <= head()) {
    throw std::logic_error{"seqcast: message " + std::to_string(delivery.sequence) + " comes too late for " +
                           to_string(location()) + ", which has come to " + std::to_string(head()) +
                           "; nothing was published"};
  }
  skip(delivery.sequence - head() - 1);
  if (epoch != region_->epoch) {
    region_->epoch = epoch;
    PublisherHeader<HardwarePolicy>{region_->mapping.words()}.store_origin_epoch(epoch.number,
                                                                                 epoch.first_sequence);
  }
  before_message();
  const std::uint64_t time_ns = time_ns_of(delivery.published_at);
  ring_.publish(message.data(), static_cast<std::uint32_t>(message.size()), time_ns);
  if (doorbell_) doorbell_->after_message(wake_all);
  return head();
}

void AnyPublisher::stop() noexcept {
  const std::uint64_t head = ring_.head();
  if (head >= limit_) {
    // In the middle of a batch those who are waited for may sleep.
    if (doorbell_) doorbell_->after_message(wake_all);
    limit_ = region_->reliable->wait_for_room(head, head + 1);
  }
  constexpr std::uint64_t period = PublisherPace::period;
  if (head % period == 0) ring_.end_period();
  stop_at_ = std::min(limit_, (head / period + 1) * period);
}

bool AnyPublisher::find_room() noexcept {
  return region_->reliable->has_room(ring_.head(), ring_.head() + 1, limit_);
}

bool AnyPublisher::has_room_for_jump() noexcept {
  return !region_->reliable || region_->reliable->has_room(ring_.head(), last_before_jump(), limit_);
}

std::uint64_t AnyPublisher::last_before_jump() const noexcept {
  return ring_.head() + capacity() - 1;
}

void AnyPublisher::wake_all(const detail::Word* word) noexcept {
  platform::wake_all(low_half(word));
}

} // namespace seqcast::inline v1
