// SPDX-License-Identifier: BSL-1.0
//
// common: what the systems do alike, by means of what each does in its own way; see platform.hpp.
#include "platform.hpp"

#include <algorithm>

namespace seqcast::inline v1::detail::platform {

namespace {

// Where the system cannot wait on all words at once.
constexpr auto poll_interval = std::chrono::milliseconds{1};
constexpr auto lock_retry_interval = std::chrono::microseconds{200};

/// Whether the name leads to the file that is open.
bool is_name_of(const std::string& name, const Handle& handle) {
  std::error_code error;
  return file_status(name, error).id == file_status(handle, error).id && !error;
}

/// Removes the temporary file of a publisher that was killed.
/// Errors: publisher_alive or lock_obstructed if its creator may be alive.
void remove_unfinished(const std::string& name, std::error_code& error) {
  LockFile file = LockFile::open(name, error);
  if (error) {
    if (error == std::errc::no_such_file_or_directory) error.clear(); // removed in between
    return;
  }
  switch (file.lock(error)) {
    case LockResult::locked:
      if (is_name_of(name, file.handle())) remove_file(name, error);
      break;
    case LockResult::held_by_publisher:
      error = Errc::publisher_alive;
      break;
    case LockResult::held_by_other:
      error = Errc::lock_obstructed;
      break;
    case LockResult::failed:
      break;
  }
}

} // namespace

std::string temporary_name_of(const std::string& path) {
  return path + ".seqcast-new";
}

// The file's temporary name, if it has both: see link_to().
void delete_temporary_files(const std::string& path) {
  const std::string second = temporary_name_of(path);
  std::error_code error;
  if (file_status(second, error).id == file_status(path, error).id && !error) remove_file(second, error);
  delete_unmapped_files(path);
}

LockResult LockFile::lock(std::error_code& error) noexcept {
  const auto end = clock::now() + lock_timeout;
  for (;;) {
    const auto now = clock::now(); // before the attempt, so that one comes after the end
    if (lock_->try_lock(error)) return LockResult::locked;
    if (error) return LockResult::failed;
    if (now >= end) break;
    wait_on_words({}, now + lock_retry_interval);
  }
  return publisher_lock_held(lock_->handle) ? LockResult::held_by_publisher : LockResult::held_by_other;
}

NewFile NewFile::create(const std::string& path, std::uint64_t size, std::uint32_t mode,
                        std::error_code& error) {
  NewFile file;
  if (!file.create_unnamed(path, size, error) && !error) file.create_named(path, size, error);
  // After both openings, so that a mode without write permission does no harm; and independent of the umask.
  if (!error) set_mode(file.handle_, mode, error);
  return file;
}

// A process that finds the temporary name in use removes the file, unless its creator is alive and so holds its
// lock. A creator may not have its lock yet; so when it has, it checks that the name is still its own. Only a
// process that holds a file's lock, and has checked that, removes the name.
void NewFile::create_named(const std::string& path, std::uint64_t size, std::error_code& error) {
  const std::string name = temporary_name_of(path);
  constexpr int attempts = 64;
  for (int attempt = 0; attempt < attempts && !error; ++attempt) {
    std::error_code refused;
    lock_ = create_for_lock(name, refused);
    if (refused == std::errc::file_exists) {
      remove_unfinished(name, error);
    } else if (refused) {
      error = refused;
    } else {
      obtain_lock(error);
      if (error || !is_name_of(name, lock_.handle())) continue;
      temporary_name_ = name;
      handle_ = open_file(name, Access::read_write, error);
      if (!error) allocate(handle_, size, error);
      return;
    }
  }
  if (!error) error = std::make_error_code(std::errc::resource_unavailable_try_again);
}

void NewFile::obtain_lock(std::error_code& error) noexcept {
  if (lock_.lock(error) != LockResult::locked && !error)
    error = std::make_error_code(std::errc::no_lock_available);
}

NewFile::~NewFile() {
  remove_temporary_name();
}

void NewFile::remove_temporary_name() noexcept {
  std::error_code ignored;
  if (!temporary_name_.empty()) remove_file(temporary_name_, ignored);
  temporary_name_.clear();
}

bool wait_on_words(std::span<const WaitWord> words, clock::time_point deadline) noexcept {
  if (const auto woken = try_wait(words, deadline)) return *woken;
  const auto next_poll = std::min(deadline, clock::now() + poll_interval);
  return wait_on_words(words.first(words.size() > 1 ? 1 : 0), next_poll);
}

BootId boot_id(std::error_code& error) noexcept {
  try {
    static const BootId boot = read_boot_id();
    return boot;
  } catch (const std::system_error& failure) {
    error = failure.code();
    return {};
  }
}

} // namespace seqcast::inline v1::detail::platform
