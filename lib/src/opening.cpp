// SPDX-License-Identifier: BSL-1.0
#include "opening.hpp"

#include "identity.hpp"

#include <seqcast/detail/recovery.hpp>

namespace seqcast::inline v1::detail {

platform::Place find_place(const Location& location) {
  std::error_code error;
  platform::Place place = platform::place_of(location, error);
  if (!error && place.name().empty()) error = Errc::invalid_location; // a folder's, with a slash at the end
  if (error) {
    fail(error, location.kind() == Location::Kind::file
                    ? "expected the path of a file"
                    : "expected a name without a slash, such as shared_memory(\"ticker\")");
  }
  return place;
}

void check_opened(std::error_code error) {
  if (!error) return;
  if (error == std::errc::no_such_file_or_directory) {
    fail(Errc::no_channel, "nothing is there; start a publisher");
  }
  if (error == std::errc::too_many_symbolic_link_levels) {
    fail(Errc::not_a_regular_file, "found a symbolic link, which is not followed; give the file's own path");
  }
  if (error == std::errc::is_a_directory || error == std::errc::no_such_device_or_address) {
    fail(Errc::not_a_regular_file, "found a folder or a socket; give the path of a file");
  }
  if (error == std::errc::permission_denied) {
    fail(error, "this user may not open it; its owner sets PublisherOptions::mode");
  }
  fail(error, "the file cannot be opened");
}

void check_regular(const platform::FileStatus& status) {
  if (!status.regular)
    fail(Errc::not_a_regular_file, "found a folder, a FIFO or a device; give the path of a file");
}

NameState name_state(const platform::Place& place, platform::FileId id) noexcept {
  std::error_code error;
  const platform::FileStatus named = platform::file_status(place, error);
  if (!error) return named.id == id ? NameState::ours : NameState::another;
  const bool gone = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  return gone ? NameState::gone : NameState::ours;
}

void fail_after_all_attempts() {
  fail(std::make_error_code(std::errc::resource_unavailable_try_again),
       "the name stood for another file at each of " + std::to_string(most_attempts) + " attempts");
}

namespace {

/// Wakes all who sleep on the word, to check the channel's state. Requires: the caller holds the channel's lock.
void wake_subscribers(Word* flag, Word* word) noexcept {
  DoorbellPublisher<HardwarePolicy>{flag, word}.ring_bell();
  platform::wake_all(low_half(word));
}

std::string live_publisher(const platform::Handle& handle) {
  std::uint64_t process = 0;
  platform::read_at(handle, process_offset, &process, sizeof process);
  return process == 0 ? "a live publisher" : "a live publisher (process " + std::to_string(process) + ")";
}

} // namespace

std::optional<LockedFile> lock_existing(const platform::Place& place, bool allow_other_owner) {
  std::error_code error;
  LockedFile file{.lock = platform::LockFile::open(place, error), .status = {}};
  check_opened(error);
  file.status = platform::file_status(file.lock.handle(), error);
  check_regular(file.status);
  if (file.status.owner != platform::user_id() && !allow_other_owner) {
    fail(Errc::other_owner,
         "another user owns it and could truncate it, which kills its publisher; set allow_other_owner if you "
         "trust that user");
  }
  switch (file.lock.lock(error)) {
    case platform::LockResult::locked:
      break;
    case platform::LockResult::held_by_publisher:
      fail(Errc::publisher_alive,
           live_publisher(file.lock.handle()) + " has it open; stop that one first, or use another name");
    case platform::LockResult::held_by_other: {
      const std::uint64_t holder = file.lock.holder();
      fail(Errc::lock_obstructed,
           (holder == 0 ? std::string{"a process"} : "process " + std::to_string(holder)) +
               " holds a read lock on it; end that process (lslocks lists it), or keep others from opening the "
               "file");
    }
    case platform::LockResult::failed:
      fail(error, "the file cannot be locked");
  }
  if (!platform::is_name_of(place, file.lock.handle())) return std::nullopt;
  platform::delete_unmapped_files(place);
  // Once more: now that it is locked, nobody else changes its size.
  file.status = platform::file_status(file.lock.handle(), error);
  return file;
}

MappedFile map_locked(const platform::Place& place, const LockedFile& file) {
  std::error_code error;
  MappedFile mapped{.handle = platform::open_file(place, platform::Access::read_write, error), .mapping = {}};
  if (error == std::errc::no_such_file_or_directory) return {};
  if (error) fail(error, "the file cannot be opened once more, to be mapped");
  if (platform::file_status(mapped.handle, error).id != file.status.id) return {};
  mapped.mapping = Mapping{mapped.handle, platform::Access::read_write, file.status.size};
  return mapped;
}

void supersede(const Mapping& mapping, const Bell& bell) {
  PublisherHeader<HardwarePolicy>{mapping.words()}.store_state(StateWord::superseded);
  wake_subscribers(nullptr, mapping.words() + wake_word);
  if (bell) wake_subscribers(bell.flag(), bell.word());
}

namespace {

/// Checks that a publisher's lock is visible to those who open the name. What cannot be opened, as where the name
/// was removed just now, is no reason to fail.
void check_exclusive(const platform::Place& place) {
  std::error_code error;
  const platform::Handle named = platform::open_file(place, platform::Access::read_only, error);
  if (error || platform::publisher_lock_held(named)) return;
  fail(std::make_error_code(std::errc::operation_not_supported),
       "this file system does not show the publisher's lock to others, so that a second publisher could not be "
       "kept out; use another one, such as that of shared_memory()");
}

const char* const what_to_do =
    ". Use another name, remove the channel, or set replace to put a new one in its place";

/// One call of PublisherRegion::open().
class PublisherOpening {
 public:
  PublisherOpening(const Location& location, const PublisherOptions& options, const ExpectedIdentity& expected)
      : location_{location},
        options_{options},
        schema_{options.schema},
        expected_{expect_schema(expected, options, schema_)},
        fresh_{make_identity(options, expected_, schema_, platform::random_number() | 1)},
        place_{find_place(location)},
        boot_{boot_of_machine()} {}

  Owner<PublisherRegion> run() const {
    Owner<PublisherRegion> region = until_done([this] { return create_or_attach(); });
    if (options_.replace) platform::delete_unmapped_files(place_);
    return region;
  }

 private:
  // Gives nothing if something has changed in between.
  Owner<PublisherRegion> create_or_attach() const {
    std::optional<LockedFile> file;
    try {
      file = lock_existing(place_, options_.allow_other_owner);
    } catch (const Failure& failure) {
      if (failure.code() != Errc::no_channel) throw;
      return create(Behind::nothing);
    }
    if (!file) return {};
    if (file->status.size == 0) return create(Behind::old_file);
    return attach(std::move(*file));
  }

  Owner<PublisherRegion> attach(LockedFile file) const {
    if (file.status.size < header_size) {
      fail(Errc::not_a_channel, "expected a channel, found a file of " + std::to_string(file.status.size) +
                                    " bytes, which is left alone. Use another name, or remove it");
    }
    MappedFile mapped = map_locked(place_, file);
    if (!mapped.mapping) return {};
    check_exclusive(place_);

    const Identity identity = load_identity(mapped.mapping.read_only_words());
    try {
      check_identity(identity, file.status.size);
    } catch (const Failure& unsound) {
      // What is no sound channel of this version is replaced without a mark in it.
      if (!options_.replace || unsound.code() == Errc::not_a_channel) throw;
      return create(Behind::old_file);
    }
    try {
      const std::string format = load_format(mapped.mapping.read_only_words(), identity);
      compare_identity(identity, format, expected_);
      compare_options(identity, format, options_, expected_);
    } catch (const Failure& other) {
      if (options_.replace) return create(Behind::old_file, &mapped.mapping);
      throw Failure{other.code(), std::string{other.what()} + what_to_do};
    }

    std::error_code error;
    platform::allocate(mapped.handle, identity.region_size, error);
    if (error) fail(error, "there is no space for its " + std::to_string(identity.region_size) + " bytes");
    Bell bell = find_bell(identity);
    mapped.mapping.prefault(platform::Access::read_write, options_.lock_memory);
    const bool same_boot = of_this_boot(mapped.handle, mapped.mapping.read_only_words(), boot_);
    const Recovery<HardwarePolicy> recovery{mapped.mapping.words(), geometry_of(identity)};
    const std::optional<std::uint64_t> head =
        same_boot ? recovery.take_over() : recovery.take_over_after_reboot();
    if (!head) {
      bell = {}; // it may be in the making, under the name that another one needs
      if (options_.replace) return create(Behind::old_file, &mapped.mapping);
      fail(Errc::damaged,
           std::string{"its slots contradict its header, as no publisher leaves them"} + what_to_do);
    }
    const std::uint64_t epochs =
        SubscriberHeader<HardwarePolicy>{mapped.mapping.read_only_words()}.epoch().first;
    auto region = store_header(std::move(mapped.mapping), identity, *head, epochs + 1, file.status.id);
    // Who is registered stays so with a successor that polls the same bell.
    std::uint64_t number = options_.max_blocking_time ? polled_number(region->mapping.words()) : 0;
    if (options_.max_blocking_time && (number == 0 || number_of_bell(bell.words()) != number))
      number = new_number();
    announce(*region, number);
    begin(*region, std::move(file.lock), std::move(bell));
    return region;
  }

  /// What is behind the name.
  enum class Behind { nothing, old_file };

  /// A new region behind the name. `superseded`: the sound region in whose place it comes.
  Owner<PublisherRegion> create(Behind behind, const Mapping* superseded = nullptr) const {
    std::error_code error;
    for (auto kind : {platform::NewFile::Kind::unnamed_if_possible, platform::NewFile::Kind::named}) {
      platform::NewFile file =
          platform::NewFile::create(place_, fresh_.region_size, options_.mode, kind, error);
      if (error == std::errc::no_such_file_or_directory) {
        fail(error, "its folder does not exist; make that first");
      }
      if (error == std::errc::permission_denied || error == std::errc::operation_not_permitted) {
        fail(error, "this user may not make files in that folder; use another one");
      }
      if (error) {
        fail(error, "a region of " + std::to_string(fresh_.region_size) + " bytes cannot be created there");
      }
      const platform::FileId id = platform::file_status(file.handle(), error).id;
      Mapping mapping{file.handle(), platform::Access::read_write, fresh_.region_size};
      mapping.prefault(platform::Access::read_write, options_.lock_memory);
      Recovery<HardwarePolicy>{mapping.words(), geometry_of(fresh_)}.create();
      auto region = store_header(std::move(mapping), fresh_, 0, 1, id);
      announce(*region, options_.max_blocking_time ? new_number() : 0);
      store_identity(region->mapping.words(), fresh_, expected_.schema.format);
      Bell bell = find_bell(fresh_);

      if (behind == Behind::old_file) {
        file.rename_over(place_, error);
      } else {
        file.link_to(place_, error);
      }
      if (error == std::errc::file_exists) return {};
      if (error && !file.has_temporary_name()) {
        error.clear();
        continue;
      }
      if (error) break;
      try {
        check_exclusive(place_);
      } catch (const Failure&) {
        if (platform::is_name_of(place_, id)) platform::remove_file(place_, error);
        throw;
      }
      if (superseded != nullptr) supersede(*superseded, bell);
      begin(*region, file.take_lock(), std::move(bell));
      return region;
    }
    fail(error, "the new region cannot be given its name");
  }

  /// The channel's bell, if it has one.
  Bell find_bell(const Identity& identity) const {
    return wakeup_of(identity) == Wakeup::bell ? Bell::prepare(place_, options_) : Bell{};
  }

  static std::uint64_t new_number() noexcept {
    return (platform::random_number() & 0xFFFF'FFFF) | 1;
  }
  static void announce(const PublisherRegion& region, std::uint64_t number) noexcept {
    ReliablePublisher<HardwarePolicy>{region.mapping.words(), nullptr, region.identity.capacity}.announce(
        number);
  }

  /// Stores this publisher in the region's header.
  Owner<PublisherRegion> store_header(Mapping mapping, const Identity& identity, std::uint64_t head,
                                      std::uint64_t epoch, platform::FileId id) const {
    Owner<PublisherRegion> region{new PublisherRegion{location_, place_}};
    region->identity = identity;
    region->head = head;
    region->epoch = {epoch, head + 1};
    region->id = id;
    region->fixed_message_size = expected_.message_size.value_or(0);
    region->remove_on_close = options_.remove_on_close;
    region->mapping = std::move(mapping);
    const PublisherHeader<HardwarePolicy> header{region->mapping.words()};
    header.store_process(platform::process_id());
    header.store_epoch(epoch, head + 1);
    if (is_mirror(identity)) {
      const auto [number, first] =
          SubscriberHeader<HardwarePolicy>{region->mapping.read_only_words()}.origin_epoch();
      region->epoch = {number, first};
    }
    header.store_state(StateWord::live);
    header.store_boot(boot_.id, boot_.time_ns);
    return region;
  }

  void begin(PublisherRegion& region, platform::LockFile lock, Bell bell) const {
    region.lock = std::move(lock); // first: then its destructor closes the channel, also if this throws
    region.bell = std::move(bell);
    if (region.bell) {
      region.bell.obtain_name(options_);
      if (options_.max_blocking_time)
        region.reliable.emplace(region.mapping, region.bell, region.identity.capacity,
                                *options_.max_blocking_time);
    }
    region.lock.protect_from_children(region.mapping.words(), region.mapping.size());
    if (region.bell)
      region.lock.protect_from_children(region.bell.mapping().words(), region.bell.mapping().size());
    // The publisher before may have died between clearing the flag and waking.
    if (region.futex_word() != nullptr) wake_subscribers(region.sleepers_flag(), region.futex_word());
  }

  const Location& location_;
  const PublisherOptions& options_;
  Schema schema_; // that a publisher of bytes gives
  ExpectedIdentity expected_;
  Identity fresh_; // of a new region
  platform::Place place_;
  platform::Boot boot_;
};

} // namespace

template class Recovery<HardwarePolicy>;

Owner<PublisherRegion> PublisherRegion::open(const Location& location, const PublisherOptions& options,
                                             const ExpectedIdentity& expected) {
  return explained("cannot publish to", location, [&] {
    check_build(expected); // first: with other headers the options may be another structure
    return PublisherOpening{location, options, expected}.run();
  });
}

PublisherRegion::~PublisherRegion() {
  // In a forked child the lock and the mappings are the parent's.
  if (!lock || lock.inherited()) return;
  PublisherHeader<HardwarePolicy>{mapping.words()}.store_state(StateWord::closed);
  std::error_code error;
  // The bell first, while no other publisher can have the name.
  if (remove_on_close && platform::is_name_of(place, id)) {
    Bell::remove(place);
    platform::remove_file(place, error);
  }
  if (futex_word() != nullptr) wake_subscribers(sleepers_flag(), futex_word());
  lock.clear_protected_ranges();
  if (!remove_on_close) return;
  mapping = {};
  bell = {};
  platform::delete_unmapped_files(place);
  platform::delete_unmapped_files(Bell::place_of(place));
}

bool PublisherRegion::superseded() const noexcept {
  return name_state(place, id) != NameState::ours;
}

Word* PublisherRegion::sleepers_flag() const noexcept {
  return bell ? bell.flag() : nullptr;
}

Word* PublisherRegion::futex_word() const noexcept {
  if (bell) return bell.word();
  return wakeup_of(identity) == Wakeup::every_message ? mapping.words() + wake_word : nullptr;
}

} // namespace seqcast::inline v1::detail
