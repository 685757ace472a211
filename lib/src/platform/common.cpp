// SPDX-License-Identifier: BSL-1.0
//
// common: what the systems do alike, by means of what each does in its own way; see platform.hpp.
#include "platform.hpp"

#include <algorithm>
#include <random>

namespace seqcast::inline v1::detail::platform {

namespace {

// Where the system cannot wait on all words at once.
constexpr auto poll_interval = std::chrono::milliseconds{1};
constexpr auto lock_retry_interval = std::chrono::microseconds{200};
constexpr int most_releases = 64;

} // namespace

std::string Place::name() const {
  return path_.substr(path_.find_last_of(path_separator) + 1);
}

Place Place::sibling(const std::string& name) const {
  Place other{*this};
  other.path_.resize(path_.find_last_of(path_separator) + 1);
  other.path_ += name;
  return other;
}

Place Place::temporary_sibling() const {
  std::string name = this->name();
  const std::string suffix = temporary_suffix();
  // A file name has at most 255 bytes.
  name.resize(std::min(name.size(), 255 - suffix.size()));
  return sibling(name + suffix);
}

bool is_name_of(const Place& place, FileId id) noexcept {
  std::error_code error;
  return file_status(place, error).id == id && !error;
}

bool is_name_of(const Place& place, const Handle& handle) noexcept {
  std::error_code error;
  const FileId id = file_status(handle, error).id;
  return !error && is_name_of(place, id);
}

std::uint64_t random_number() noexcept {
  std::uint64_t number = static_cast<std::uint64_t>(clock::now().time_since_epoch().count()) ^ process_id()
                                                                                                   << 40;
  try {
    std::random_device random;
    number ^= std::uint64_t{random()} << 32 ^ random();
  } catch (const std::exception&) { // then it can be guessed
  }
  return number;
}

std::string temporary_suffix() {
  const std::uint64_t number = random_number(); // one that can be guessed does no harm: the file has to be new
  std::string suffix = ".seqcast-new-";
  for (int shift = 60; shift >= 0; shift -= 4) suffix += "0123456789abcdef"[number >> shift & 15];
  return suffix;
}

LockResult LockFile::lock(std::error_code& error) noexcept {
  const auto end = clock::now() + lock_timeout;
  for (int released = 0;;) {
    const auto now = clock::now(); // before the attempt, so that one comes after the end
    if (lock_->try_lock(error)) return LockResult::locked;
    if (error) return LockResult::failed;
    if (now >= end) {
      // Nothing is in the way if it was released just now; so try again, unless that never ends.
      if (const auto obstacle = lock_->obstacle()) return *obstacle;
      if (++released > most_releases) return LockResult::held_by_publisher;
    }
    wait_on_words({}, now + lock_retry_interval);
  }
}

NewFile NewFile::create(const Place& place, std::uint64_t size, std::uint32_t mode, Kind kind,
                        std::error_code& error) {
  NewFile file;
  if (kind == Kind::named || (!file.create_unnamed(place, size, error) && !error))
    file.create_named(place, size, error);
  // After both openings, so that a mode without write permission does no harm; and independent of the umask.
  if (!error) set_mode(file.handle_, mode, error);
  return file;
}

void NewFile::create_named(const Place& place, std::uint64_t size, std::error_code& error) {
  Place temporary;
  do {
    error.clear();
    temporary = place.temporary_sibling();
    lock_ = create_for_lock(temporary, error);
  } while (error == std::errc::file_exists);
  if (error) return;
  temporary_name_ = std::move(temporary);
  obtain_lock(error);
  if (!error) handle_ = open_file(*temporary_name_, Access::read_write, error);
  // Who may rename files in the folder could have put another one there.
  if (!error && !is_name_of(*temporary_name_, lock_.handle())) {
    error = std::make_error_code(std::errc::permission_denied);
    temporary_name_.reset(); // it is not ours to remove
  }
  if (!error) allocate(handle_, size, error);
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
  if (temporary_name_) remove_file(*temporary_name_, ignored);
  temporary_name_.reset();
}

NameGuard::NameGuard(const Place& place, std::error_code& error) : place_{place} {
  LockFile lock = create_for_lock(place, error);
  if (error) return;
  // A publisher may have found the empty file before it was locked, and put its region in its place.
  const bool locked = lock.lock(error) == LockResult::locked;
  if (!error && (!locked || !is_name_of(place, lock.handle())))
    error = std::make_error_code(std::errc::file_exists);
  if (!error) lock_ = std::move(lock);
}

NameGuard::~NameGuard() {
  std::error_code ignored;
  if (lock_) remove_file(place_, ignored);
}

bool wait_on_words(std::span<const WaitWord> words, clock::time_point deadline) noexcept {
  if (const auto woken = try_wait(words, deadline)) return *woken;
  const auto next_poll = std::min(deadline, clock::now() + poll_interval);
  return wait_on_words(words.first(words.size() > 1 ? 1 : 0), next_poll);
}

Boot current_boot(std::error_code& error) noexcept {
  try {
    static const auto id = read_boot_id();
    return {id, boot_time_ns()};
  } catch (const std::system_error& failure) {
    error = failure.code();
    return {};
  }
}

} // namespace seqcast::inline v1::detail::platform
