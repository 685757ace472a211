// SPDX-License-Identifier: BSL-1.0
#include <seqcast/inspect.hpp>

#include "identity.hpp"
#include "opening.hpp"
#include "subscriber_region.hpp"

#include <algorithm>
#include <stdexcept>

namespace seqcast::inline v1 {

using namespace detail;

struct Inspector::Impl {
  Impl(const Location& where, bool survive_truncation) : region{where, find_place(where), survive_truncation} {}

  SlotContent read_slot(std::uint64_t index, std::span<std::byte> buffer) const noexcept;
  std::uint64_t head() const noexcept;
  void find_range(ChannelStatus& status) const noexcept;
  bool bell_found() const noexcept;

  SubscriberRegion region;
  ChannelIdentity identity = describe(region);
  platform::Place bell_place = Bell::place_of(region.place);

 private:
  static ChannelIdentity describe(const SubscriberRegion& region);
};

ChannelIdentity Inspector::Impl::describe(const SubscriberRegion& region) {
  const Identity& found = region.identity;
  constexpr std::uint64_t known =
      flag_timestamps | flag_bell | flag_wake_always | flag_copy_behind | flag_mirror;
  return {.id = found.id,
          .format_version = found.version,
          .region_size = found.region_size,
          .slots_offset = found.slots_offset,
          .slot_stride = found.slot_stride,
          .payload_offset = found.payload_offset,
          .capacity = found.capacity,
          .max_message_size = found.max_message_size,
          .message_alignment = found.message_alignment,
          .timestamps = (found.compatible_flags & flag_timestamps) != 0,
          .copy_behind = (found.compatible_flags & flag_copy_behind) != 0,
          .gaps = (found.incompatible_flags & flag_gaps) != 0,
          .mirror = is_mirror(found),
          .wakeup = wakeup_of(found),
          .unknown_flags = found.compatible_flags & ~known,
          .schema_tag = found.schema_tag,
          .schema_name = std::string{schema_name_of(found)},
          .schema_format = region.format,
          .created_at = platform::birth_time(region.handle)};
}

SlotContent Inspector::Impl::read_slot(std::uint64_t index, std::span<std::byte> buffer) const noexcept {
  const Geometry& geometry = region.geometry;
  const std::size_t most = geometry.max_message_size;
  const std::span<std::byte> payload = buffer.first(std::min(most, buffer.size()));
  const SlotSample sample =
      sample_slot<HardwarePolicy>(slot_of(index + 1, region.words, geometry), geometry, payload);
  SlotContent content{.version = sample.version_before, .size = sample.size};
  const bool complete = content.version % 2 == 0;
  if (!plausible(content.version, index, geometry)) {
    content.state = SlotState::corrupt;
  } else if (content.version != 0) {
    content.state = !complete ? SlotState::open : sample.gap ? SlotState::gap : SlotState::complete;
    content.sequence = sequence_of(content.version);
  }
  content.published_at = time_point_of(sample.time_ns);
  content.bytes = payload;
  const bool holds_one = content.state == SlotState::complete || content.state == SlotState::gap;
  if (holds_one && sample.size < payload.size()) content.bytes = payload.first(sample.size);
  content.stable = sample.version_before == sample.version_after && !region.mapping.truncated();
  content.whole = content.stable && holds_one && content.size <= most;
  return content;
}

// The slot after head may be complete already, and a jump may be under way.
std::uint64_t Inspector::Impl::head() const noexcept {
  if (const std::optional<ReadableRange> range = region.range()) return range->newest;
  return RingSubscriber<HardwarePolicy>{region.words, region.geometry, 0, 1, 0}.newest();
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
  const SlotContent newest = read_slot(identity.slot_of(status.head), {});
  if (newest.whole && newest.sequence == status.head) status.published_at = newest.published_at;
}

bool Inspector::Impl::bell_found() const noexcept {
  if (identity.wakeup != Wakeup::bell) return false;
  std::error_code error;
  const platform::FileStatus status = platform::file_status(bell_place, error);
  return !error && Bell::is_bell(status) && status.owner == region.status.owner;
}

Inspector::Inspector(const Location& location, const InspectorOptions& options,
                     const ExpectedIdentity& expected)
    : impl_{explained("cannot inspect", location, [&] {
        check_build(expected);
        return Owner<const Impl>{new Impl{location, options.survive_truncation}};
      })} {}

std::optional<Inspector> Inspector::open(const Location& location, const InspectorOptions& options,
                                         const ExpectedIdentity& expected, Error& error) {
  return without_exceptions(error, [&] {
    return std::optional<Inspector>{Inspector{location, options, expected}};
  });
}

Inspector::Inspector(Inspector&&) noexcept = default;
Inspector& Inspector::operator=(Inspector&&) noexcept = default;
Inspector::~Inspector() = default;

const Location& Inspector::location() const noexcept {
  return impl_->region.location;
}

const ChannelIdentity& Inspector::identity() const noexcept {
  return impl_->identity;
}

ChannelStatus Inspector::status() const noexcept {
  const SubscriberRegion& region = impl_->region;
  ChannelStatus status;
  if (!region.check_truncation()) impl_->find_range(status);
  status.state = region.state();
  status.publisher_alive = region.publisher_alive();
  status.publisher_process = SubscriberHeader<HardwarePolicy>{region.words}.process();
  status.epoch = region.epoch();
  status.bell_found = impl_->bell_found();
  if (region.mapping.truncated()) status.error = Errc::truncated;
  return status;
}

std::uint64_t Inspector::head() const noexcept {
  return impl_->head();
}

void Inspector::list_reliable_subscribers(void (*add)(void* list, const ReliableSubscription& one),
                                          void* list) const {
  for (const ReliableSubscription& one : reliable_subscriptions(impl_->region, head())) add(list, one);
}

SlotContent Inspector::slot(std::uint64_t index, std::span<std::byte> buffer) const {
  if (index < identity().capacity) return impl_->read_slot(index, buffer);
  throw std::out_of_range{"seqcast: " + to_string(location()) + " has no slot " + std::to_string(index) +
                          "; its slots are 0 to " + std::to_string(identity().capacity - 1)};
}

const char* to_string(ReliableState state) noexcept {
  switch (state) {
    case ReliableState::waited_for:
      return "waited for";
    case ReliableState::demoted:
      return "demoted";
    case ReliableState::dead:
      return "dead";
  }
  return "unknown";
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
    case SlotState::gap:
      return "gap";
  }
  return "unknown";
}

namespace {

/// Whether its first bytes are a channel's, of either byte order and any version.
bool is_channel(const std::string& path) {
  std::error_code error;
  const platform::Handle handle =
      platform::open_file(platform::Place{path}, platform::Access::read_only, error);
  if (error || !platform::file_status(handle, error).regular) return false;
  std::uint64_t found = 0;
  platform::read_at(handle, 0, &found, sizeof found);
  return found == magic || found == swapped_magic;
}

/// The names of the channels in a folder, in order. Errors: throws Failure.
std::vector<std::string> names_in(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names = platform::regular_files_in(folder, error);
  if (error) fail(error, "cannot list the channels in " + folder);
  std::erase_if(names, [&](const std::string& name) { return !is_channel(folder + "/" + name); });
  std::sort(names.begin(), names.end());
  return names;
}

} // namespace

void detail::list_channels_in_folder(const std::string& folder, AddLocation add, void* list) {
  const std::string prefix = folder.ends_with('/') ? folder : folder + "/";
  for (const std::string& name : names_in(folder)) add(list, file(prefix + name));
}

void detail::list_channels_in_folder(const std::string& folder, AddLocation add, void* list, Error& error) {
  without_exceptions(error, [&] { list_channels_in_folder(folder, add, list); });
}

void detail::list_channels_in_shared_memory(AddLocation add, void* list) {
  std::error_code error;
  const std::string folder = platform::shared_memory_folder(error);
  if (error) fail(error, "cannot list the channels in shared memory");
  for (const std::string& name : names_in(folder)) add(list, shared_memory(name));
}

void detail::list_channels_in_shared_memory(AddLocation add, void* list, Error& error) {
  without_exceptions(error, [&] { list_channels_in_shared_memory(add, list); });
}

} // namespace seqcast::inline v1
