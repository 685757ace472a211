// SPDX-License-Identifier: BSL-1.0
//
// removal: remove_channel(). What is no channel is left alone. The bell goes first, while the lock of the file behind
// the name, which this call or a live publisher holds, keeps a new publisher from needing it.
#include "identity.hpp"
#include "opening.hpp"

namespace seqcast::inline v1::detail {

namespace {

/// Checks that the mapped file is a channel, if a damaged one. Gives whether it is sound.
bool check_channel(const Mapping& mapping, std::uint64_t file_size) {
  const auto refuse = [] {
    fail(Errc::not_a_channel, "found a file that seqcast did not make, which is left alone");
  };
  if (mapping.size() < header_size) refuse();
  try {
    check_identity(load_identity(mapping.read_only_words()), file_size);
  } catch (const Failure& unsound) {
    if (unsound.code() == Errc::not_a_channel) refuse();
    return false;
  }
  return true;
}

void remove_name(const platform::Place& place) {
  std::error_code error;
  platform::remove_file(place, error);
  if (error) fail(error, "the file cannot be removed");
}

/// Takes the name from a channel that another process has locked. While that is so, no other takes its place.
void remove_held(const platform::Place& place) {
  std::error_code error;
  const platform::Handle handle = platform::open_file(place, platform::Access::read_only, error);
  check_opened(error);
  const std::uint64_t size = platform::file_status(handle, error).size;
  if (error) fail(error, "its size cannot be read");
  Mapping mapping;
  if (size >= header_size) mapping = Mapping{handle, platform::Access::read_only, size};
  check_channel(mapping, size);
  Bell::remove(place);
  remove_name(place);
}

/// Gives false if the name stands for something else by then: try again.
bool remove_idle(const platform::Place& place) {
  const std::optional<LockedFile> file = lock_existing(place, true);
  if (!file) return false;
  MappedFile mapped;
  if (file->status.size >= header_size) {
    mapped = map_locked(place, *file);
    if (!mapped.mapping) return false;
  }
  const bool sound = check_channel(mapped.mapping, file->status.size);
  const Bell bell = Bell::find(place, platform::user_id());
  Bell::remove(place);
  remove_name(place);
  if (sound) supersede(mapped.mapping, bell);
  return true;
}

bool try_remove(const platform::Place& place, const RemoveOptions& options) {
  try {
    return remove_idle(place);
  } catch (const Failure& failure) {
    const bool held = failure.code() == Errc::publisher_alive || failure.code() == Errc::lock_obstructed;
    if (!held || !options.even_if_alive) throw;
  }
  remove_held(place);
  return true;
}

/// Removes the bell of a region that was removed by hand.
void remove_forgotten_bell(const platform::Place& place) {
  std::error_code error;
  if (!Bell::is_bell(platform::file_status(Bell::place_of(place), error)) || error) return;
  const platform::NameGuard guard{place, error}; // a publisher that has come meanwhile uses the bell
  if (!error) Bell::remove(place);
}

} // namespace

} // namespace seqcast::inline v1::detail

namespace seqcast::inline v1 {

using namespace detail;

bool remove_channel(const Location& location, const RemoveOptions& options) {
  return explained("cannot remove", location, [&] {
    const platform::Place place = find_place(location);
    try {
      until_done([&] { return try_remove(place, options); });
    } catch (const Failure& failure) {
      if (failure.code() != Errc::no_channel) throw;
      remove_forgotten_bell(place);
      return false;
    }
    platform::delete_unmapped_files(place);
    return true;
  });
}

bool remove_channel(const Location& location, Error& error) noexcept {
  return remove_channel(location, {}, error);
}

bool remove_channel(const Location& location, const RemoveOptions& options, Error& error) noexcept {
  return without_exceptions(error, [&] { return remove_channel(location, options); });
}

} // namespace seqcast::inline v1
