// SPDX-License-Identifier: BSL-1.0
#include "bell.hpp"

namespace seqcast::inline v1::detail {

namespace {

/// Whether it is one that was truncated: nothing in it can be lost.
bool is_empty(const platform::FileStatus& status) noexcept {
  return status.regular && status.size == 0 && status.owner == platform::user_id();
}

} // namespace

std::string Bell::path_of(const std::string& path) {
  return path + ".bell";
}

// Gives an empty bell, and an error only from the system, if something else has the name.
Bell Bell::open(const std::string& path, std::optional<std::uint32_t> mode, platform::FileStatus& status,
                std::error_code& error, bool survive_truncation) {
  Bell bell;
  const platform::Handle handle = platform::open_file(path, platform::Access::read_write, error);
  if (error) return bell;
  status = platform::file_status(handle, error);
  std::uint64_t found = 0;
  platform::read_at(handle, 0, &found, sizeof found);
  if (error || !status.regular || status.size != bell_size || found != bell_magic) return bell;
  platform::allocate(handle, bell_size, error);
  if (!error && mode && status.owner == platform::user_id()) platform::set_mode(handle, *mode, error);
  if (!error) bell.mapping_ = Mapping{handle, platform::Access::read_write, bell_size, survive_truncation};
  bell.path_ = path;
  bell.id_ = status.id;
  return bell;
}

Bell Bell::make(const std::string& path, std::uint32_t mode, std::error_code& error) {
  Bell bell;
  bell.unnamed_ = platform::NewFile::create(path, bell_size, mode, error);
  if (error) return bell;
  bell.mapping_ = Mapping{bell.unnamed_.handle(), platform::Access::read_write, bell_size};
  store_magic(bell.mapping_.words(), bell_magic);
  bell.id_ = platform::file_status(bell.unnamed_.handle(), error).id;
  bell.path_ = path;
  bell.has_name_ = false;
  return bell;
}

Bell Bell::prepare(const std::string& region_path, const PublisherOptions& options) {
  const std::string path = path_of(region_path);
  std::error_code error;
  platform::FileStatus status;
  Bell bell = open(path, options.bell_mode, status, error);
  if (bell) {
    platform::delete_temporary_files(path);
    if (status.owner != platform::user_id() && !options.allow_other_owner) {
      fail(Errc::other_owner,
           "another user owns its bell, " + path + "; remove that, or choose another wakeup than Wakeup::bell");
    }
    return bell;
  }
  const bool nothing_there = error == std::errc::no_such_file_or_directory;
  const bool emptied = !error && is_empty(status);
  if (!error && !emptied) {
    fail(Errc::not_a_channel, "its bell would be " + path +
                                  ", which seqcast did not make; move that away, or choose another wakeup than "
                                  "Wakeup::bell");
  }
  if (nothing_there || emptied) {
    error.clear();
    bell = make(path, options.bell_mode.value_or(0600), error);
    bell.replaces_ = emptied;
  }
  if (error) {
    fail(error,
         "its bell, " + path + ", can be neither opened nor made; or choose another wakeup than Wakeup::bell");
  }
  return bell;
}

void Bell::link_name() {
  if (has_name_) return;
  std::error_code error;
  if (replaces_) {
    unnamed_.rename_over(path_, error);
  } else {
    unnamed_.link_to(path_, error);
  }
  if (error == std::errc::file_exists) {
    // Another publisher of the same name, which has lost the race for the region, made it just now.
    error.clear();
    platform::FileStatus status;
    *this = open(std::string{path_}, std::nullopt, status, error);
    if (!error && !*this) error = std::make_error_code(std::errc::file_exists);
  }
  if (error) fail(error, "its bell, " + path_ + ", cannot be given its name");
  unnamed_ = {};
  has_name_ = true;
}

Bell Bell::find(const std::string& region_path, std::uint64_t owner, bool survive_truncation) {
  try {
    std::error_code error;
    platform::FileStatus status;
    Bell bell = open(path_of(region_path), std::nullopt, status, error, survive_truncation);
    // In a folder that others may write to, another user could have put it there.
    return error || status.owner != owner ? Bell{} : std::move(bell);
  } catch (const std::exception&) { // no memory, or no mapping left: the subscriber polls
    return {};
  }
}

bool Bell::stale() const noexcept {
  std::error_code error;
  return mapping_.truncated() || platform::file_status(path_, error).id != id_ || error;
}

void Bell::remove(const std::string& region_path) noexcept {
  try {
    std::error_code error;
    platform::FileStatus status;
    const std::string path = path_of(region_path);
    if (open(path, std::nullopt, status, error) || (!error && is_empty(status)))
      platform::remove_file(path, error);
  } catch (const std::exception&) { // no memory, or no mapping left: it stays
  }
}

} // namespace seqcast::inline v1::detail
