// SPDX-License-Identifier: BSL-1.0
#include "attach.hpp"
#include "bell.hpp"

namespace seqcast::inline v1 {

using namespace detail;

namespace {

/// Whether the mapped file is a channel, if a damaged one. `sound` says that it is whole.
bool is_channel(const Mapping& mapping, std::uint64_t file_size, bool& sound) {
  Failure unsound{Errc::not_a_channel, {}};
  if (mapping.size() >= header_size) {
    unsound = {};
    check_identity(load_identity(mapping.read_only_words()), file_size, unsound);
  }
  sound = !unsound;
  return unsound.code != Errc::not_a_channel;
}

void refuse_others(Failure& failure) {
  fail(failure, Errc::not_a_channel, "found a file that seqcast did not make; it is left alone");
}

void remove_name(const std::string& path, Failure& failure) {
  std::error_code error;
  platform::remove_file(path, error);
  if (error) fail(failure, error, "the file cannot be removed");
}

/// Takes the name from a channel that somebody else has locked. While that is so, no other takes its place.
void remove_locked(const std::string& path, Failure& failure) {
  std::error_code error;
  const platform::Handle handle = platform::open_file(path, platform::Access::read_only, error);
  explain_open(error, failure);
  if (failure) return;
  const std::uint64_t size = platform::facts_of(handle, error).size;
  Mapping mapping;
  if (size >= header_size) mapping = Mapping::map(handle, platform::Access::read_only, size, error);
  if (error) return fail(failure, error, "it cannot be looked at");
  bool sound = false;
  if (!is_channel(mapping, size, sound)) return refuse_others(failure);
  remove_name(path, failure);
  if (!failure) Bell::remove(path);
}

bool is_held(const Failure& failure) {
  return failure.code == Errc::publisher_alive || failure.code == Errc::lock_obstructed;
}

} // namespace

bool remove(const Location& location, const RemoveOptions& options) {
  Failure failure;
  const std::string path = find_path(location, failure);
  for (int attempt = 0; attempt < most_attempts && !failure; ++attempt) {
    std::optional<LockedFile> file = lock_existing(path, true, failure);
    if (failure.code == Errc::no_channel) {
      Bell::remove(path); // of a region that was removed by hand
      return false;
    }
    if (options.even_if_alive && is_held(failure)) {
      failure = {};
      remove_locked(path, failure);
      if (failure.code == Errc::no_channel) return false;
      if (!failure) return true;
    }
    if (!file) continue;
    MappedFile mapped;
    if (file->facts.size >= header_size) {
      mapped = map_locked(path, *file, failure);
      if (failure) break;
      if (mapped.mapping.size() == 0) continue;
    }
    bool sound = false;
    if (!is_channel(mapped.mapping, file->facts.size, sound)) {
      refuse_others(failure);
      break;
    }
    remove_name(path, failure);
    if (failure) break;
    if (sound) supersede(mapped.mapping, path);
    Bell::remove(path);
    mapped = {};
    platform::remove_unmapped(path);
    return true;
  }
  fail(failure, std::make_error_code(std::errc::resource_unavailable_try_again),
       "its name kept changing hands");
  explain(failure, "cannot remove", location);
  raise(failure);
}

bool remove(const Location& location, std::error_code& error) noexcept {
  return remove(location, {}, error);
}

bool remove(const Location& location, const RemoveOptions& options, std::error_code& error) noexcept {
  try {
    error.clear();
    return remove(location, options);
  } catch (const std::system_error& failure) {
    error = failure.code();
  } catch (const std::bad_alloc&) {
    error = std::make_error_code(std::errc::not_enough_memory);
  }
  return false;
}

} // namespace seqcast::inline v1
