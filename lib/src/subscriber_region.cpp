// SPDX-License-Identifier: BSL-1.0
#include "subscriber_region.hpp"

#include "identity.hpp"
#include "opening.hpp"

#include <algorithm>

namespace seqcast::inline v1::detail {

namespace {

// Of a region that an earlier boot left every slot has to be read, and a hostile sparse file could have
// any number.
constexpr std::uint64_t most_scanned = std::uint64_t{1} << 30;

[[noreturn]] void fail_truncated() {
  fail(Errc::truncated, "the file is being truncated at this moment");
}

ReadableRange find_range(const SubscriberRegion& region) {
  if (region.of_this_boot()) {
    const std::optional<ReadableRange> range = region.range();
    if (range) return *range;
    if (region.mapping.truncated()) fail_truncated(); // the zeros of a truncated region look like anything
    fail(Errc::damaged, "its head is one that no publisher stores");
  }
  if (region.mapping.truncated()) fail_truncated();
  if (region.identity.region_size > most_scanned) {
    fail(Errc::no_channel,
         "what an earlier boot of the machine left is too large to be scanned; start a publisher");
  }
  const std::uint64_t newest = newest_plausible<HardwarePolicy>(region.words, region.geometry);
  return {newest, newest + 1};
}

platform::Handle open_regular(const platform::Place& place) {
  std::error_code error;
  platform::Handle handle = platform::open_file(place, platform::Access::read_only, error);
  check_opened(error);
  return handle;
}

platform::FileStatus check_status(const platform::Handle& handle) {
  std::error_code error;
  const platform::FileStatus status = platform::file_status(handle, error);
  check_regular(status);
  if (status.size == 0) fail(Errc::no_channel, "the file is empty; start a publisher on it");
  if (status.size < header_size) {
    fail(Errc::not_a_channel,
         "expected a channel, found a file of " + std::to_string(status.size) + " bytes; check the name");
  }
  return status;
}

/// The identity, checked.
Identity read_identity(const Mapping& mapping, std::uint64_t file_size) {
  const Identity identity = load_identity(mapping.read_only_words());
  if (mapping.truncated()) fail_truncated();
  check_identity(identity, file_size);
  return identity;
}

} // namespace

SubscriberRegion::SubscriberRegion(const Location& where, const platform::Place& its_place,
                                   bool survive_truncation)
    : location{where},
      place{its_place},
      handle{open_regular(place)},
      status{check_status(handle)},
      mapping{handle, platform::Access::read_only, status.size, survive_truncation},
      words{mapping.read_only_words()},
      identity{read_identity(mapping, status.size)},
      format{load_format(words, identity)},
      geometry{geometry_of(identity)},
      boot{boot_of_machine()} {}

std::optional<ReadableRange> SubscriberRegion::range() const noexcept {
  const std::uint64_t head = load_head(words);
  const std::uint64_t oldest = SubscriberHeader<HardwarePolicy>{words}.oldest();
  if (head >= sequence_limit - geometry.capacity) return std::nullopt;
  if (oldest > head + 1) { // a jump that is being made
    if (!geometry.gaps || oldest > largest_skip_head + 1) return std::nullopt;
    return ReadableRange{oldest - 1, oldest};
  }
  const std::uint64_t newest = RingSubscriber<HardwarePolicy>{words, geometry, head, 1, 0}.newest();
  const std::uint64_t still_there = newest + 2 > geometry.capacity ? newest + 2 - geometry.capacity : 1;
  return ReadableRange{newest, std::max({std::uint64_t{1}, still_there, oldest})};
}

bool SubscriberRegion::publisher_alive() const noexcept {
  return platform::publisher_lock_held(handle);
}

ChannelState SubscriberRegion::state() const noexcept {
  const auto closed = [this] {
    return SubscriberHeader<HardwarePolicy>{words}.state() == StateWord::closed && of_this_boot();
  };
  const NameState named = name_state(place, status.id);
  // A publisher that removes its channel when it closes it has closed it all the same.
  if (named == NameState::another || (named == NameState::gone && !closed())) return ChannelState::superseded;
  // Before the lock is checked: a publisher that closes wakes sleepers while it still holds it.
  if (closed()) return ChannelState::closed;
  if (publisher_alive()) return ChannelState::live;
  return closed() ? ChannelState::closed
                  : ChannelState::no_publisher; // it may have closed between the two checks
}

std::optional<Epoch> SubscriberRegion::epoch() const noexcept {
  const SubscriberHeader<HardwarePolicy> header{words};
  const auto [number, first] = is_mirror(identity) ? header.origin_epoch() : header.epoch();
  if (number == 0) return std::nullopt;
  return Epoch{number, first};
}

bool SubscriberRegion::check_truncation() const noexcept {
  if (!mapping.survives_truncation()) return false;
  std::error_code error;
  const bool shorter = platform::file_status(handle, error).size < identity.region_size;
  if (!error && shorter && !mapping.truncated()) mapping.replace_with_zeros();
  return mapping.truncated();
}

bool SubscriberRegion::superseded() const noexcept {
  return name_state(place, status.id) != NameState::ours;
}

bool SubscriberRegion::has_successor() const noexcept {
  return name_state(place, status.id) == NameState::another;
}

OpenedRegion open_for_subscriber(const Location& location, platform::Place place,
                                 const SubscriberOptions& options, const ExpectedIdentity& expected) {
  const auto begin = std::chrono::steady_clock::now();
  auto pause = std::chrono::microseconds{100};
  for (;;) {
    try {
      if (place.folder() == nullptr) place.keep_folder(); // it may exist by now
      auto region = std::make_shared<const SubscriberRegion>(location, place, options.survive_truncation);
      compare_identity(region->identity, region->format, expected);
      const ReadableRange range = find_range(*region);
      region->mapping.prefault(platform::Access::read_only, options.lock_memory);
      if (region->mapping.truncated()) fail_truncated();
      return {std::move(region), range};
    } catch (const Failure& failure) {
      const auto passed = std::chrono::steady_clock::now() - begin;
      if (failure.code() != Errc::no_channel) throw;
      if (passed >= options.open_timeout) {
        const bool waited = options.open_timeout > std::chrono::nanoseconds{0};
        throw Failure{failure.code(),
                      std::string{failure.what()} + (waited ? "; none came within open_timeout"
                                                            : ", or set open_timeout to wait for one")};
      }
      const auto next = std::min<std::chrono::nanoseconds>(pause, options.open_timeout - passed);
      platform::wait_on_words({}, platform::clock::now() + next);
      pause = std::min(pause * 2, std::chrono::microseconds{10'000});
    }
  }
}

} // namespace seqcast::inline v1::detail
