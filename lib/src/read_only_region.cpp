// SPDX-License-Identifier: BSL-1.0
#include "read_only_region.hpp"

#include "attach.hpp"

namespace seqcast::inline v1::detail {

ReadOnlyRegion ReadOnlyRegion::open(const Location& location, const std::string& path, bool survive_truncation,
                                    Failure& failure) {
  ReadOnlyRegion region{location, path};
  if (!failure) region.open_file(failure);
  if (!failure) region.map(survive_truncation, failure);
  if (!failure) region.examine(failure);
  return region;
}

void ReadOnlyRegion::open_file(Failure& failure) {
  std::error_code error;
  handle_ = platform::open_file(path_, platform::Access::read_only, error);
  explain_open(error, failure);
  if (failure) return;
  facts_ = platform::facts_of(handle_, error);
  check_regular(facts_, failure);
  if (facts_.size == 0) fail(failure, Errc::no_channel, "the file is empty; start a publisher on it");
  if (facts_.size < header_size) {
    fail(failure, Errc::not_a_channel,
         "expected a channel, found a file of " + std::to_string(facts_.size) + " bytes; check the name");
  }
}

void ReadOnlyRegion::map(bool survive_truncation, Failure& failure) {
  std::error_code error;
  mapping_ = Mapping::map(handle_, platform::Access::read_only, facts_.size, error);
  if (error) {
    fail(failure, error, "its " + std::to_string(facts_.size) + " bytes cannot be mapped");
    return;
  }
  if (survive_truncation) mapping_.survive_truncation(platform::Access::read_only, error);
  if (error) fail(failure, error, "no protection against truncation is to be had");
}

void ReadOnlyRegion::examine(Failure& failure) {
  identity_ = load_identity(words());
  check_identity(identity_, facts_.size, failure);
  // Whatever the zeros looked like.
  if (truncated()) failure = {Errc::truncated, "somebody is truncating the file at this moment"};
  if (failure) return;
  geometry_ = geometry_of(identity_);
  std::error_code error;
  boot_ = platform::boot_id(error);
  if (error) fail(failure, error, "the system does not tell which boot this is");
}

std::optional<ReadableRange> ReadOnlyRegion::range() const noexcept {
  const std::uint64_t capacity = geometry_.capacity;
  const std::uint64_t head = lines().head();
  const std::uint64_t oldest = lines().oldest();
  if (head >= sequence_limit - capacity || oldest > head + 1) return std::nullopt;
  const std::uint64_t newest =
      RingSubscriber<HardwareAtomics>{words(), geometry_, head, 1, ResumeAt::half}.newest();
  const std::uint64_t still_there = newest + 2 > capacity ? newest + 2 - capacity : 1;
  return ReadableRange{newest, std::max({std::uint64_t{1}, still_there, oldest})};
}

bool ReadOnlyRegion::publisher_alive() const noexcept {
  return platform::publisher_lock_held(handle_);
}

State ReadOnlyRegion::state() const noexcept {
  const auto closed = [this] { return lines().state() == StateWord::closed && of_this_boot(); };
  if (superseded()) return State::superseded;
  // Before the lock is asked about: a publisher that closes rings, and wakes sleepers, while it still has it.
  if (closed()) return State::closed;
  if (publisher_alive()) return State::live;
  return closed() ? State::closed : State::no_publisher; // it may have closed between the two looks
}

Epoch ReadOnlyRegion::epoch() const noexcept {
  const auto [number, first] = lines().epoch();
  return {number, first};
}

bool ReadOnlyRegion::find_truncation() const noexcept {
  if (!mapping_.survives_truncation()) return false;
  std::error_code error;
  const bool shorter = platform::facts_of(handle_, error).size < identity_.region_size;
  if (!error && shorter && !truncated()) mapping_.give_up();
  return truncated();
}

bool ReadOnlyRegion::superseded() const noexcept {
  std::error_code error;
  const platform::FileFacts named = platform::facts_of(path_, error);
  if (!error) return named.id != facts_.id;
  // Any other error says nothing about the region: the folder may have become unreadable, say.
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

bool ReadOnlyRegion::successor_exists() const noexcept {
  std::error_code error;
  const platform::FileFacts named = platform::facts_of(path_, error);
  return !error && named.id != facts_.id;
}

} // namespace seqcast::inline v1::detail
