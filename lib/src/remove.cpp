// SPDX-License-Identifier: BSL-1.0
#include "attach.hpp"
#include "bell.hpp"

namespace seqcast::inline v1 {

using namespace detail;

bool remove(const Location& location) {
  Failure failure;
  const std::string path = find_path(location, failure);
  for (int attempt = 0; attempt < most_attempts && !failure; ++attempt) {
    std::optional<LockedFile> file = lock_existing(path, true, failure);
    if (failure.code == Errc::no_channel) {
      Bell::remove(path); // of a region that was removed by hand
      return false;
    }
    if (!file) continue;
    Failure unsound{Errc::not_a_channel, {}};
    MappedFile mapped;
    if (file->facts.size >= header_size) {
      mapped = map_locked(path, *file, failure);
      if (failure) break;
      if (mapped.mapping.size() == 0) continue;
      unsound = {};
      check_identity(load_identity(mapped.mapping.read_only_words()), mapped.mapping.size(), unsound);
    }
    if (unsound.code == Errc::not_a_channel) {
      fail(failure, Errc::not_a_channel, "found a file that seqcast did not make; it is left alone");
      break;
    }
    std::error_code error;
    platform::remove_file(path, error);
    if (error) {
      fail(failure, error, "the file cannot be removed");
      break;
    }
    if (!unsound) supersede(mapped.mapping, path);
    Bell::remove(path);
    return true;
  }
  fail(failure, std::make_error_code(std::errc::resource_unavailable_try_again),
       "its name kept changing hands");
  explain(failure, "cannot remove", location);
  raise(failure);
}

bool remove(const Location& location, std::error_code& error) noexcept {
  try {
    error.clear();
    return remove(location);
  } catch (const std::system_error& failure) {
    error = failure.code();
  } catch (const std::bad_alloc&) {
    error = std::make_error_code(std::errc::not_enough_memory);
  }
  return false;
}

} // namespace seqcast::inline v1
