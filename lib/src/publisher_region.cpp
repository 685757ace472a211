// SPDX-License-Identifier: BSL-1.0
#include "attach.hpp"
#include "bell.hpp"

#include <seqcast/detail/recovery.hpp>

namespace seqcast::inline v1::detail {

extern template class Recovery<HardwareAtomics>;

struct PublisherRegion::Impl {
  Impl(Location where, std::string its_path) : location{std::move(where)}, path{std::move(its_path)} {}

  Location location;
  std::string path;
  platform::LockFile lock;
  platform::FileId id;
  Mapping mapping;
  Bell bell; // empty if the channel has none
  Identity identity{};
  Geometry geometry;
  std::uint64_t head = 0;
  Epoch epoch;
  bool remove_on_close = false;

  Impl(Impl&&) = delete;
  ~Impl() {
    // In a forked child the lock and the mappings are the parent's business.
    if (!lock || lock.inherited()) return;
    PublisherLines<HardwareAtomics>{mapping.words()}.store_state(StateWord::closed);
    if (remove_on_close) remove();
    ring();
    lock.forget_children();
    if (!remove_on_close) return;
    mapping = {};
    bell = {};
    platform::remove_unmapped(path);
    platform::remove_unmapped(Bell::path_of(path));
  }

  void remove() noexcept {
    std::error_code error;
    if (platform::facts_of(path, error).id != id || error) return;
    platform::remove_file(path, error);
    Bell::remove(path);
  }

  /// The word that sleepers watch; null if nobody can sleep.
  Word* wake_word() const noexcept {
    if (bell) return bell.word();
    const bool in_region = (identity.compatible_flags & flag_wake_always) != 0;
    return in_region ? mapping.words() + wake_offset / word_size : nullptr;
  }

  /// Wakes whoever sleeps, to have a look at what has become of the channel.
  void ring() const noexcept {
    if (wake_word() != nullptr) detail::ring(bell ? bell.flag() : nullptr, wake_word());
  }
};

namespace {

using Lines = PublisherLines<HardwareAtomics>;

} // namespace

/// One call of PublisherRegion::open().
class PublisherRegion::Opening {
 public:
  Opening(const Location& location, const PublisherOptions& options, const Wanted& wanted, Failure& failure)
      : location_{location}, options_{options}, wanted_{wanted}, failure_{failure} {}

  std::unique_ptr<Impl> run() {
    path_ = find_path(location_, failure_);
    fresh_ = make_identity(options_, wanted_, failure_);
    std::error_code error;
    boot_ = platform::boot_id(error);
    if (error) fail(failure_, error, "the system does not tell which boot this is");
    for (int attempt = 0; attempt < most_attempts && !failure_; ++attempt) {
      std::unique_ptr<Impl> impl = attempt_once();
      if (impl && options_.replace) platform::remove_unmapped(path_);
      if (impl) return impl;
    }
    fail(failure_, std::make_error_code(std::errc::resource_unavailable_try_again),
         "the name stood for another file at each of " + std::to_string(most_attempts) + " looks");
    return nullptr;
  }

 private:
  // Gives nothing, without a failure, if something has changed in between.
  std::unique_ptr<Impl> attempt_once() {
    Failure found;
    std::optional<LockedFile> file = lock_existing(path_, options_.allow_other_owner, found);
    if (found.code == Errc::no_channel) return create(nullptr);
    if (found) failure_ = found;
    if (!file) return nullptr;
    if (file->facts.size == 0) return create(nullptr, true);
    return attach(std::move(*file));
  }

  std::unique_ptr<Impl> attach(LockedFile file) {
    const std::uint64_t size = file.facts.size;
    if (size < header_size) {
      fail(failure_, Errc::not_a_channel,
           "expected a channel, found a file of " + std::to_string(size) +
               " bytes; it is left alone: use another name, or remove it");
      return nullptr;
    }
    MappedFile mapped = map_locked(path_, file, failure_);
    if (failure_ || mapped.mapping.size() == 0) return nullptr;
    Mapping& mapping = mapped.mapping;

    const Identity identity = load_identity(mapping.read_only_words());
    Failure unsound;
    check_identity(identity, size, unsound);
    if (unsound) {
      // Of a region that is no sound channel of this version nothing is known, so nothing is marked in it.
      if (!options_.replace || unsound.code == Errc::not_a_channel) return refuse(unsound);
      return create(nullptr, true);
    }
    Failure other;
    compare_identity(identity, options_, wanted_, other);
    if (other) return options_.replace ? create(&mapping) : refuse(other, true);

    std::error_code error;
    platform::allocate(mapped.handle, identity.region_size, error);
    if (error) return refuse({error, "no space for its " + std::to_string(identity.region_size) + " bytes"});
    Bell bell = find_bell(identity);
    if (failure_) return nullptr;
    std::unique_ptr<Impl> impl = take_over(mapping, identity);
    if (failure_) return nullptr;
    if (!impl) {
      if (options_.replace) return create(&mapping);
      return refuse({Errc::damaged, "its slots contradict its header, as no publisher leaves them"}, true);
    }
    impl->id = file.facts.id;
    announce(*impl, std::move(mapping));
    bell.publish_name(failure_);
    hold(*impl, std::move(file.lock), std::move(bell));
    // The one before may have died between clearing the flag and waking.
    impl->ring();
    return failure_ ? nullptr : std::move(impl);
  }

  /// The channel's bell, if it has one.
  Bell find_bell(const Identity& identity) {
    if ((identity.compatible_flags & flag_doorbell) == 0) return {};
    return Bell::prepare(path_, options_, failure_);
  }

  /// Gives nothing if the region is damaged, or with a failure; then nothing was stored.
  std::unique_ptr<Impl> take_over(const Mapping& mapping, const Identity& identity) {
    const Geometry geometry = geometry_of(identity);
    Word* const words = mapping.words();
    const SubscriberLines<HardwareAtomics> found{words};
    const Recovery<HardwareAtomics> recovery{words, geometry};
    settle(mapping);
    if (failure_) return nullptr;
    std::optional<std::uint64_t> head;
    if (found.boot() == boot_) {
      head = recovery.take_over();
    } else {
      head = recovery.take_over_after_reboot();
    }
    if (!head) return nullptr;
    auto impl = start(identity, *head);
    impl->epoch.number = found.epoch().first + 1;
    return impl;
  }

  /// A new region behind the name: where there is none, or in the place of an empty file or of an old region,
  /// which is marked if `old` is given.
  std::unique_ptr<Impl> create(const Mapping* old, bool replace = false) {
    std::error_code error;
    platform::NewFile file = platform::NewFile::create(path_, fresh_.region_size, options_.mode, error);
    if (error) {
      fail(failure_, error,
           error == Errc::publisher_alive
               ? "another publisher is making it at this moment; stop that one first, or use another name"
               : "a region of " + std::to_string(fresh_.region_size) + " bytes cannot be made there");
      return nullptr;
    }
    Mapping mapping = Mapping::map(file.handle(), platform::Access::read_write, fresh_.region_size, error);
    if (error) {
      fail(failure_, error, "a region of " + std::to_string(fresh_.region_size) + " bytes cannot be mapped");
      return nullptr;
    }
    settle(mapping);
    if (failure_) return nullptr;
    Recovery<HardwareAtomics>{mapping.words(), geometry_of(fresh_)}.create();
    std::unique_ptr<Impl> impl = start(fresh_, 0);
    impl->epoch.number = 1;
    impl->id = platform::facts_of(file.handle(), error).id;
    announce(*impl, std::move(mapping));
    store_identity(impl->mapping.words(), fresh_);
    Bell bell = find_bell(fresh_);
    if (failure_) return nullptr;

    if (old != nullptr || replace) {
      file.take_name(path_, error);
    } else {
      file.give_name(path_, error);
    }
    if (error) {
      if (error != std::errc::file_exists) fail(failure_, error, "the new region cannot be given its name");
      return nullptr;
    }
    bell.publish_name(failure_);
    if (old != nullptr) supersede(*old, path_);
    hold(*impl, file.take_lock(), std::move(bell));
    impl->ring();
    return failure_ ? nullptr : std::move(impl);
  }

  /// Nothing about the region's memory is left for the first messages to pay.
  void settle(const Mapping& mapping) {
    std::error_code error;
    if (options_.huge_pages) mapping.use_huge_pages();
    mapping.prefault(platform::Access::read_write, options_.lock_memory, error);
    if (error) explain_memory_lock(error, mapping.size(), failure_);
  }

  std::unique_ptr<Impl> start(const Identity& identity, std::uint64_t head) const {
    auto impl = std::make_unique<Impl>(location_, path_);
    impl->identity = identity;
    impl->geometry = geometry_of(identity);
    impl->head = head;
    impl->epoch.first_sequence = head + 1;
    impl->remove_on_close = options_.remove_on_close;
    return impl;
  }

  /// Says in the region's own lines who publishes now.
  void announce(Impl& impl, Mapping mapping) const {
    impl.mapping = std::move(mapping);
    const Lines lines{impl.mapping.words()};
    lines.store_process(platform::process_id());
    lines.store_epoch(impl.epoch.number, impl.epoch.first_sequence);
    lines.store_state(StateWord::live);
    lines.store_boot(boot_);
  }

  /// From here on the channel is this publisher's, and closed by its destructor.
  static void hold(Impl& impl, platform::LockFile lock, Bell bell) {
    impl.lock = std::move(lock);
    impl.bell = std::move(bell);
    impl.lock.keep_from_children(impl.mapping.words(), impl.mapping.size());
    if (impl.bell) impl.lock.keep_from_children(impl.bell.mapping().words(), bell_size);
  }

  std::unique_ptr<Impl> refuse(Failure why, bool replaceable = false) {
    if (replaceable)
      why.text += "; use another name, remove() it, or set replace to put a new channel in its place";
    failure_ = std::move(why);
    return nullptr;
  }

  const Location& location_;
  const PublisherOptions& options_;
  const Wanted& wanted_;
  Failure& failure_;
  std::string path_;
  Identity fresh_{};
  platform::BootId boot_{};
};

std::optional<PublisherRegion> PublisherRegion::open(const Location& location, const PublisherOptions& options,
                                                     const Wanted& wanted, Failure& failure) {
  std::unique_ptr<Impl> impl = Opening{location, options, wanted, failure}.run();
  if (impl) return PublisherRegion{std::move(impl)};
  explain(failure, "cannot publish to", location);
  return std::nullopt;
}

PublisherRegion::PublisherRegion(std::unique_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}
PublisherRegion::PublisherRegion(PublisherRegion&&) noexcept = default;
PublisherRegion& PublisherRegion::operator=(PublisherRegion&&) noexcept = default;
PublisherRegion::~PublisherRegion() = default;

Word* PublisherRegion::words() const noexcept {
  return impl_->mapping.words();
}
const Geometry& PublisherRegion::geometry() const noexcept {
  return impl_->geometry;
}
const Identity& PublisherRegion::identity() const noexcept {
  return impl_->identity;
}
const Location& PublisherRegion::location() const noexcept {
  return impl_->location;
}
std::uint64_t PublisherRegion::head() const noexcept {
  return impl_->head;
}
Epoch PublisherRegion::epoch() const noexcept {
  return impl_->epoch;
}
Word* PublisherRegion::sleepers_flag() const noexcept {
  return impl_->bell ? impl_->bell.flag() : nullptr;
}
Word* PublisherRegion::wake_word() const noexcept {
  return impl_->wake_word();
}

} // namespace seqcast::inline v1::detail
