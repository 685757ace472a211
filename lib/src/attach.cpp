// SPDX-License-Identifier: BSL-1.0
#include "attach.hpp"

#include "bell.hpp"

#include <seqcast/detail/lines.hpp>

namespace seqcast::inline v1::detail {

namespace {

std::string publisher_of(const platform::Handle& handle) {
  std::uint64_t process = 0;
  platform::read_at(handle, process_offset, &process, sizeof process);
  return process == 0 ? std::string{"a live publisher"}
                      : "a live publisher (process " + std::to_string(process) + ")";
}

} // namespace

void fail(Failure& failure, std::error_code code, std::string text) {
  if (!failure) failure = {code, std::move(text)};
}

void explain(Failure& failure, const char* what, const Location& location) {
  failure.text = std::string{what} + " " + to_string(location) + ": " + failure.text;
}

std::string find_path(const Location& location, Failure& failure) {
  std::error_code error;
  std::string path = platform::path_of(location, error);
  if (error) {
    fail(failure, error,
         location.kind() == Location::Kind::file
             ? "expected a path"
             : "expected a name without a slash, such as shared_memory(\"ticker\")");
  }
  return path;
}

void explain_open(std::error_code error, Failure& failure) {
  if (!error) return;
  if (error == std::errc::no_such_file_or_directory) {
    fail(failure, Errc::no_channel, "nothing is there; start a publisher, or wait for one with open_timeout");
  } else if (error == std::errc::too_many_symbolic_link_levels) {
    fail(failure, Errc::not_a_regular_file,
         "found a symbolic link, which is not followed; give the file's own path");
  } else if (error == std::errc::is_a_directory || error == std::errc::no_such_device_or_address) {
    fail(failure, Errc::not_a_regular_file, "found a folder or a socket; give the path of a file");
  } else if (error == std::errc::permission_denied) {
    fail(failure, error, "this user may not open it; its owner sets PublisherOptions::mode");
  } else {
    fail(failure, error, "the file cannot be opened");
  }
}

void check_regular(const platform::FileFacts& facts, Failure& failure) {
  if (failure || facts.regular) return;
  fail(failure, Errc::not_a_regular_file, "found a folder, a FIFO or a device; give the path of a file");
}

void explain_memory_lock(std::error_code error, std::uint64_t size, Failure& failure) {
  fail(failure, error,
       "its " + std::to_string(size) +
           " bytes may not be locked in memory; raise the limit (ulimit -l, LimitMEMLOCK=), or leave "
           "lock_memory out");
}

std::optional<LockedFile> lock_existing(const std::string& path, bool allow_other_owner, Failure& failure) {
  std::error_code error;
  LockedFile file{.lock = platform::LockFile::open(path, error), .facts = {}};
  explain_open(error, failure);
  if (failure) return std::nullopt;
  file.facts = platform::facts_of(file.lock.handle(), error);
  check_regular(file.facts, failure);
  if (file.facts.owner != platform::user_id() && !allow_other_owner) {
    fail(failure, Errc::other_owner,
         "another user owns it and could truncate it, which kills its publisher; set allow_other_owner if you "
         "trust "
         "that user");
  }
  if (failure) return std::nullopt;

  switch (file.lock.lock(error)) {
    case platform::LockFile::Attempt::locked:
      break;
    case platform::LockFile::Attempt::held_by_publisher:
      fail(failure, Errc::publisher_alive,
           publisher_of(file.lock.handle()) + " has it open; stop that one first, or use another name");
      return std::nullopt;
    case platform::LockFile::Attempt::held_by_other: {
      const std::uint64_t holder = file.lock.holder();
      fail(failure, Errc::lock_obstructed,
           (holder == 0 ? std::string{"a process"} : "process " + std::to_string(holder)) +
               " holds a read lock on it; end that process (lslocks shows it), or keep others from opening the "
               "file");
      return std::nullopt;
    }
    case platform::LockFile::Attempt::failed:
      fail(failure, error, "the file cannot be locked");
      return std::nullopt;
  }
  const platform::FileFacts named = platform::facts_of(path, error);
  if (error || named.id != file.facts.id) return std::nullopt;
  platform::remove_leftovers(path);
  file.facts = platform::facts_of(file.lock.handle(), error); // its size, now that nobody else may change it
  return file;
}

MappedFile map_locked(const std::string& path, const LockedFile& file, Failure& failure) {
  std::error_code error;
  MappedFile mapped{.handle = platform::open_file(path, platform::Access::read_write, error), .mapping = {}};
  if (error == std::errc::no_such_file_or_directory) return {};
  if (error) fail(failure, error, "the file cannot be opened once more, to be mapped");
  if (error || platform::facts_of(mapped.handle, error).id != file.facts.id) return {};
  mapped.mapping = Mapping::map(mapped.handle, platform::Access::read_write, file.facts.size, error);
  if (error) fail(failure, error, "its " + std::to_string(file.facts.size) + " bytes cannot be mapped");
  return mapped;
}

void supersede(const Mapping& mapping, const std::string& path) {
  PublisherLines<HardwareAtomics>{mapping.words()}.store_state(StateWord::superseded);
  ring(nullptr, mapping.words() + wake_offset / word_size);
  std::error_code error;
  const platform::FileFacts named = platform::facts_of(Bell::path_of(path), error);
  if (const Bell bell = Bell::find(path, named.owner); bell && named.owner == platform::user_id())
    ring(bell.flag(), bell.word());
}

void ring(Word* flag, Word* word) noexcept {
  DoorbellPublisher<HardwareAtomics>{flag, word}.ring();
  platform::wake_all(low_half(word));
}

} // namespace seqcast::inline v1::detail
