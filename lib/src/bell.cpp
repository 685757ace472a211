// SPDX-License-Identifier: BSL-1.0
#include "bell.hpp"

#include <algorithm>

namespace seqcast::inline v1::detail {

namespace {

// Whatever another process does to the name meanwhile.
constexpr int most_attempts = 16;

/// Whether it is one that was truncated: nothing in it can be lost.
bool is_empty(const platform::FileStatus& status) noexcept {
  return status.regular && status.size == 0 && status.owner == platform::user_id();
}

} // namespace

platform::Place Bell::place_of(const platform::Place& region) {
  return region.sibling(region.name() + ".bell");
}

// Some file systems round the size up. One of version 1 is shorter; opening it makes it longer.
bool Bell::is_bell(const platform::FileStatus& status) noexcept {
  const bool rounded =
      status.size > first_bell_size && status.size <= std::max<std::uint64_t>(bell_size, status.block);
  return status.regular && (status.size == first_bell_size || rounded);
}

// Gives an empty bell, and an error only from the system, if something else has the name.
Bell Bell::open(const platform::Place& place, std::optional<std::uint32_t> mode, platform::FileStatus& status,
                std::error_code& error, bool survive_truncation) {
  Bell bell;
  const platform::Handle handle = platform::open_file(place, platform::Access::read_write, error);
  if (error) return bell;
  status = platform::file_status(handle, error);
  std::uint64_t found = 0;
  platform::read_at(handle, 0, &found, sizeof found);
  if (error || !is_bell(status) || found != bell_magic) return bell;
  platform::allocate(handle, bell_size, error);
  if (!error && mode && status.owner == platform::user_id()) platform::set_mode(handle, *mode, error);
  if (!error) bell.mapping_ = Mapping{handle, platform::Access::read_write, bell_size, survive_truncation};
  bell.place_ = place;
  bell.id_ = status.id;
  return bell;
}

Bell Bell::make(const platform::Place& place, const PublisherOptions& options, platform::NewFile::Kind kind,
                std::error_code& error) {
  Bell bell;
  bell.unnamed_ = platform::NewFile::create(place, bell_size, options.bell_mode.value_or(0600), kind, error);
  if (error) return bell;
  bell.mapping_ = Mapping{bell.unnamed_.handle(), platform::Access::read_write, bell_size};
  store_magic(bell.mapping_.words(), bell_magic);
  bell.id_ = platform::file_status(bell.unnamed_.handle(), error).id;
  bell.place_ = place;
  bell.has_name_ = false;
  return bell;
}

Bell Bell::prepare(const platform::Place& region, const PublisherOptions& options) {
  return prepare_at(place_of(region), options);
}

Bell Bell::prepare_at(const platform::Place& place, const PublisherOptions& options) {
  std::error_code error;
  platform::FileStatus status;
  Bell bell = open(place, options.bell_mode, status, error);
  if (bell) {
    platform::delete_unmapped_files(place);
    if (status.owner != platform::user_id() && !options.allow_other_owner) {
      fail(Errc::other_owner, "another user owns its bell, " + place.path() +
                                  "; remove that, or choose another wakeup than Wakeup::bell");
    }
    return bell;
  }
  const bool nothing_there = error == std::errc::no_such_file_or_directory;
  const bool emptied = !error && is_empty(status);
  if (!error && !emptied) {
    fail(Errc::not_a_channel, "its bell would be " + place.path() +
                                  ", where something else is; move that away, or choose another wakeup than "
                                  "Wakeup::bell");
  }
  if (nothing_there || emptied) {
    error.clear();
    bell = make(place, options, platform::NewFile::Kind::unnamed_if_possible, error);
    bell.replaces_ = emptied;
  }
  if (error) {
    fail(error, "its bell, " + place.path() +
                    ", can be neither opened nor made; or choose another wakeup than Wakeup::bell");
  }
  return bell;
}

void Bell::obtain_name(const PublisherOptions& options) {
  const platform::Place place = place_;
  std::error_code error;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    if (has_name_ && !stale()) return;
    if (!has_name_) {
      error.clear();
      replaces_ ? unnamed_.rename_over(place, error) : unnamed_.link_to(place, error);
      if (!error) {
        unnamed_ = {};
        has_name_ = true;
        continue;
      }
    }
    if (has_name_ || error == std::errc::file_exists) {
      // It was removed before the region had its name; or another publisher, which has lost the race for the
      // region, was the first to make one.
      *this = prepare_at(place, options);
      continue;
    }
    if (unnamed_.has_temporary_name()) break;
    const bool replaces = replaces_;
    error.clear();
    *this = make(place, options, platform::NewFile::Kind::named, error);
    replaces_ = replaces;
    if (error) break;
  }
  if (!error) error = std::make_error_code(std::errc::resource_unavailable_try_again);
  fail(error, "its bell, " + place.path() + ", cannot be given its name");
}

Bell Bell::find(const platform::Place& region, std::uint64_t owner, bool survive_truncation) {
  try {
    std::error_code error;
    platform::FileStatus status;
    Bell bell = open(place_of(region), std::nullopt, status, error, survive_truncation);
    // In a folder that others may write to, another user could have put it there.
    const bool foreign = status.owner != owner || owner == platform::unknown_user;
    return error || foreign ? Bell{} : std::move(bell);
  } catch (const std::exception&) { // no memory, or no mapping left: the subscriber polls
    return {};
  }
}

bool Bell::stale() const noexcept {
  std::error_code error;
  return mapping_.truncated() || platform::file_status(place_, error).id != id_ || error;
}

platform::Handle Bell::reopen() const {
  std::error_code error;
  platform::Handle handle = platform::open_file(place_, platform::Access::read_only, error);
  if (!error && platform::file_status(handle, error).id != id_)
    error = std::make_error_code(std::errc::resource_unavailable_try_again);
  if (error) fail(error, "its bell, " + place_.path() + ", cannot be opened once more");
  return handle;
}

void Bell::remove(const platform::Place& region) noexcept {
  try {
    std::error_code error;
    platform::FileStatus status;
    const platform::Place place = place_of(region);
    if (open(place, std::nullopt, status, error) || (!error && is_empty(status))) {
      platform::remove_file(place, error);
      platform::delete_unmapped_files(place);
    }
  } catch (const std::exception&) { // no memory, or no mapping left: it stays
  }
}

} // namespace seqcast::inline v1::detail
