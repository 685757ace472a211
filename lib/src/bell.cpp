// SPDX-License-Identifier: BSL-1.0
#include "bell.hpp"

#include "attach.hpp"

namespace seqcast::inline v1::detail {

std::string Bell::path_of(const std::string& path) {
  return path + ".bell";
}

// Gives an empty bell, and an error only from the system, if something else has the name.
Bell Bell::open(const std::string& path, std::optional<std::uint32_t> mode, platform::FileFacts& facts,
                std::error_code& error) {
  Bell bell;
  const platform::Handle handle = platform::open_file(path, platform::Access::read_write, error);
  if (error) return bell;
  facts = platform::facts_of(handle, error);
  std::uint64_t found = 0;
  platform::read_at(handle, 0, &found, sizeof found);
  if (error || !facts.regular || facts.size != bell_size || found != bell_magic) return bell;
  platform::allocate(handle, bell_size, error);
  if (!error && mode && facts.owner == platform::user_id()) platform::set_mode(handle, *mode, error);
  if (!error) bell.mapping_ = Mapping::map(handle, platform::Access::read_write, bell_size, error);
  bell.path_ = path;
  bell.id_ = facts.id;
  return bell;
}

// One that somebody has truncated: there is nothing in it to be lost.
bool Bell::is_emptied(const platform::FileFacts& facts) noexcept {
  return facts.regular && facts.size == 0 && facts.owner == platform::user_id();
}

Bell Bell::make(const std::string& path, std::uint32_t mode, std::error_code& error) {
  Bell bell;
  bell.fresh_ = platform::NewFile::create(path, bell_size, mode, error);
  if (error) return bell;
  bell.mapping_ = Mapping::map(bell.fresh_.handle(), platform::Access::read_write, bell_size, error);
  if (error) return bell;
  store_magic(bell.mapping_.words(), bell_magic);
  bell.id_ = platform::facts_of(bell.fresh_.handle(), error).id;
  bell.path_ = path;
  bell.unnamed_ = true;
  return bell;
}

Bell Bell::prepare(const std::string& region_path, const PublisherOptions& options, Failure& failure) {
  const std::string path = path_of(region_path);
  std::error_code error;
  platform::FileFacts facts;
  Bell bell = open(path, options.doorbell_mode, facts, error);
  if (bell) {
    platform::remove_leftovers(path);
    if (facts.owner != platform::user_id() && !options.allow_other_owner) {
      fail(failure, Errc::other_owner,
           "another user owns its bell, " + path + "; remove that, or set doorbell = false");
    }
    return bell;
  }
  const bool nothing_there = error == std::errc::no_such_file_or_directory;
  const bool emptied = !error && is_emptied(facts);
  if (!error && !emptied) {
    fail(failure, Errc::not_a_channel,
         "its bell would be " + path + ", which seqcast did not make; move that away, or set doorbell = false");
    return bell;
  }
  if (nothing_there || emptied) {
    error.clear();
    bell = make(path, options.doorbell_mode.value_or(0600), error);
    bell.replaces_ = emptied;
  }
  if (error) fail(failure, error, "its bell, " + path + ", cannot be made or opened; or set doorbell = false");
  return bell;
}

void Bell::publish_name(Failure& failure) {
  if (!unnamed_) return;
  std::error_code error;
  if (replaces_) {
    fresh_.take_name(path_, error);
  } else {
    fresh_.give_name(path_, error);
  }
  if (error == std::errc::file_exists) {
    // Another publisher of the same name, which has lost the race for the region, made it just now.
    error.clear();
    platform::FileFacts facts;
    *this = open(std::string{path_}, std::nullopt, facts, error);
    if (!error && !*this) error = std::make_error_code(std::errc::file_exists);
  }
  if (error) fail(failure, error, "its bell, " + path_ + ", cannot be given its name");
  fresh_ = {};
  unnamed_ = false;
}

Bell Bell::find(const std::string& region_path, std::uint64_t owner, bool survive) {
  std::error_code error;
  platform::FileFacts facts;
  Bell bell = open(path_of(region_path), std::nullopt, facts, error);
  // In a folder that others may write to, somebody else could have put it there.
  if (error || !bell || facts.owner != owner) return {};
  if (survive) bell.mapping_.survive_truncation(platform::Access::read_write, error);
  if (error) return {};
  return bell;
}

bool Bell::stale() const noexcept {
  std::error_code error;
  return platform::facts_of(path_, error).id != id_ || error;
}

void Bell::remove(const std::string& region_path) noexcept {
  std::error_code error;
  platform::FileFacts facts;
  const std::string path = path_of(region_path);
  if (open(path, std::nullopt, facts, error) || (!error && is_emptied(facts)))
    platform::remove_file(path, error);
}

} // namespace seqcast::inline v1::detail
