// SPDX-License-Identifier: BSL-1.0
#include <seqcast/inspect.hpp>

#include "attach.hpp"
#include "bell.hpp"
#include "read_only_region.hpp"

#include <stdexcept>

namespace seqcast::inline v1 {

using namespace detail;

struct Inspector::Impl {
  ReadOnlyRegion region;
  ChannelIdentity identity;
  std::string bell_path;

  SubscriberSlot<HardwareAtomics> slot(std::uint64_t index) const noexcept {
    const Geometry& geometry = region.geometry();
    return {region.words() + geometry.slots_word + index * geometry.stride_words, geometry.payload_word};
  }
  SlotContent look(std::uint64_t index, std::span<std::byte> buffer) const noexcept;
  std::uint64_t head() const noexcept;
  void find_range(ChannelStatus& status) const noexcept;
  bool bell_found() const noexcept;

  static std::unique_ptr<const Impl> open(const Location& location, const InspectorOptions& options,
                                          const Wanted& wanted, Failure& failure);
};

namespace {

ChannelIdentity describe(const Identity& found, const platform::Handle& handle) {
  constexpr std::uint64_t known = flag_timestamps | flag_doorbell | flag_wake_always | flag_copy_behind;
  const auto has = [&](std::uint64_t flag) { return (found.compatible_flags & flag) != 0; };
  return {.format_version = found.version,
          .region_size = found.region_size,
          .slots_offset = found.slots_offset,
          .slot_stride = found.slot_stride,
          .payload_offset = found.payload_offset,
          .capacity = found.capacity,
          .max_message_size = found.max_message_size,
          .message_alignment = found.message_alignment,
          .timestamps = has(flag_timestamps),
          .doorbell = has(flag_doorbell),
          .wake_always = has(flag_wake_always),
          .copy_behind = has(flag_copy_behind),
          .unknown_flags = found.compatible_flags & ~known,
          .schema_tag = found.schema_tag,
          .schema_name = std::string{schema_name_of(found)},
          .created_at = platform::birth_time(handle)};
}

SlotState state_of(std::uint64_t version, std::uint64_t index, const Geometry& geometry) noexcept {
  if (version == 0) return SlotState::unused;
  if (!plausible(version, index, geometry)) return SlotState::corrupt;
  return version == complete_version(sequence_of(version)) ? SlotState::complete : SlotState::open;
}

} // namespace

SlotContent Inspector::Impl::look(std::uint64_t index, std::span<std::byte> buffer) const noexcept {
  const Geometry& geometry = region.geometry();
  const SubscriberSlot<HardwareAtomics> found = slot(index);
  SlotContent content;
  content.version = found.version();
  content.state = state_of(content.version, index, geometry);
  const bool complete = content.state == SlotState::complete;
  if (complete || content.state == SlotState::open) content.sequence = sequence_of(content.version);
  content.size = found.size();
  if (geometry.timestamps) content.published_at_ns = found.time();
  const std::uint32_t most = geometry.max_message_size;
  const std::size_t there = complete ? std::min(content.size, most) : most;
  const std::span<std::byte> bytes = buffer.first(std::min(there, buffer.size()));
  load_payload<HardwareAtomics>(found.payload(), bytes.data(), bytes.size());
  std::uint64_t now = 0;
  content.stable = found.unchanged(content.version, now) && !region.truncated();
  content.whole = content.stable && complete && content.size <= most;
  content.bytes = bytes;
  return content;
}

// The slot after head may be complete already.
std::uint64_t Inspector::Impl::head() const noexcept {
  return RingSubscriber<HardwareAtomics>{region.words(), region.geometry(), 0, 1, ResumeAt::half}.newest();
}

void Inspector::Impl::find_range(ChannelStatus& status) const noexcept {
  if (!region.of_this_boot()) { // its sequences go on, its messages do not
    status.head = head();
    status.oldest = status.head + 1;
    return;
  }
  const std::optional<ReadableRange> range = region.range();
  if (!range) {
    status.error = Errc::damaged;
    return;
  }
  status.head = range->newest;
  status.oldest = range->oldest;
  if (status.head < status.oldest) return;
  const SlotContent newest = look(identity.slot_of(status.head), {});
  if (newest.whole && newest.sequence == status.head) status.published_at_ns = newest.published_at_ns;
}

bool Inspector::Impl::bell_found() const noexcept {
  if (!identity.doorbell) return false;
  std::error_code error;
  const platform::FileFacts facts = platform::facts_of(bell_path, error);
  return !error && facts.regular && facts.size == bell_size && facts.owner == region.facts().owner;
}

std::unique_ptr<const Inspector::Impl> Inspector::Impl::open(const Location& location,
                                                             const InspectorOptions& options,
                                                             const Wanted& wanted, Failure& failure) {
  check_build(wanted, failure);
  ReadOnlyRegion region =
      ReadOnlyRegion::open(location, find_path(location, failure), options.survive_truncation, failure);
  if (failure) {
    explain(failure, "cannot inspect", location);
    return nullptr;
  }
  ChannelIdentity identity = describe(region.identity(), region.handle());
  std::string bell_path = Bell::path_of(region.path());
  return std::make_unique<const Impl>(Impl{std::move(region), std::move(identity), std::move(bell_path)});
}

Inspector::Inspector(const Location& location, const InspectorOptions& options, const Wanted& wanted) {
  Failure failure;
  impl_ = Impl::open(location, options, wanted, failure);
  if (failure) raise(failure);
}

Inspector::Inspector(std::unique_ptr<const Impl> impl) noexcept : impl_{std::move(impl)} {}

std::optional<Inspector> Inspector::open(const Location& location, const InspectorOptions& options,
                                         const Wanted& wanted, std::error_code& error) {
  Failure failure;
  auto impl = Impl::open(location, options, wanted, failure);
  error = failure.code;
  if (!impl) return std::nullopt;
  return Inspector{std::move(impl)};
}

Inspector::Inspector(Inspector&&) noexcept = default;
Inspector& Inspector::operator=(Inspector&&) noexcept = default;
Inspector::~Inspector() = default;

const Location& Inspector::location() const noexcept {
  return impl_->region.location();
}
const ChannelIdentity& Inspector::identity() const noexcept {
  return impl_->identity;
}

ChannelStatus Inspector::status() const noexcept {
  const ReadOnlyRegion& region = impl_->region;
  ChannelStatus status;
  if (!region.find_truncation()) impl_->find_range(status);
  status.state = region.state();
  status.publisher_alive = region.publisher_alive();
  status.publisher_process = region.lines().process();
  status.epoch = region.epoch();
  status.bell_found = impl_->bell_found();
  if (region.truncated()) status.error = Errc::truncated;
  return status;
}

std::uint64_t Inspector::head() const noexcept {
  return impl_->head();
}

SlotContent Inspector::slot(std::uint64_t index, std::span<std::byte> buffer) const {
  if (index < identity().capacity) return impl_->look(index, buffer);
  throw std::out_of_range{"seqcast: slot " + std::to_string(index) + " of " + to_string(location()) +
                          ", whose slots are 0 to " + std::to_string(identity().capacity - 1)};
}

const char* to_string(SlotState state) noexcept {
  switch (state) {
    case SlotState::unused:
      return "unused";
    case SlotState::open:
      return "open";
    case SlotState::complete:
      return "complete";
    case SlotState::corrupt:
      return "corrupt";
  }
  return "unknown";
}

} // namespace seqcast::inline v1
