// SPDX-License-Identifier: BSL-1.0
#include "attach.hpp"
#include "bell.hpp"

#include <seqcast/detail/recovery.hpp>

#include <thread>

namespace seqcast::inline v1::detail {

struct SubscriberRegion::Impl {
  Impl(Location where, std::string its_path) : location{std::move(where)}, path{std::move(its_path)} {}

  Location location;
  std::string path;
  platform::Handle handle; // for questions about the lock; the subscriber itself takes none
  platform::FileFacts facts;
  Mapping mapping;
  Identity identity{};
  Geometry geometry;
  platform::BootId boot{};
  std::uint64_t newest = 0;
  std::uint64_t oldest = 1;

  SubscriberLines<HardwareAtomics> lines() const noexcept {
    return SubscriberLines<HardwareAtomics>{mapping.read_only_words()};
  }
};

struct SubscriberRegion::OwnBell {
  Bell bell;               // empty if there is none that this process may write to
  std::uint64_t epoch = 0; // in which it was found; only a publisher that comes can make another
};

namespace {

// Of a region that an earlier boot left every slot has to be looked at, and a hostile sparse file could have
// any number of them.
constexpr std::uint64_t most_examined = std::uint64_t{1} << 30;

SubscriberLines<HardwareAtomics> lines_of(const Word* words) noexcept {
  return SubscriberLines<HardwareAtomics>{words};
}

/// Where reading can begin: what the region holds, or nothing if an earlier boot of the machine left it.
bool find_range(const Word* words, const Geometry& geometry, const platform::BootId& boot,
                std::uint64_t& newest, std::uint64_t& oldest) {
  const auto lines = lines_of(words);
  if (lines.boot() != boot) {
    newest = newest_trace<HardwareAtomics>(words, geometry);
    oldest = newest + 1;
    return true;
  }
  const std::uint64_t head = lines.head();
  if (head >= sequence_limit - geometry.capacity || lines.oldest() > head + 1) return false;
  newest = RingSubscriber<HardwareAtomics>{words, geometry, head, 1, ResumeAt::half}.newest();
  const std::uint64_t still_there = newest + 2 > geometry.capacity ? newest + 2 - geometry.capacity : 1;
  oldest = std::max({std::uint64_t{1}, still_there, lines.oldest()});
  return true;
}

} // namespace

/// One attempt of SubscriberRegion::open().
class SubscriberRegion::Opening {
 public:
  static std::shared_ptr<Impl> run(const Location& location, const std::string& path,
                                   const SubscriberOptions& options, const Wanted& wanted, Failure& failure) {
    std::error_code error;
    platform::Handle handle = platform::open_file(path, platform::Access::read_only, error);
    explain_open(error, failure);
    if (failure) return nullptr;
    const platform::FileFacts facts = platform::facts_of(handle, error);
    check_regular(facts, failure);
    if (facts.size == 0) fail(failure, Errc::no_channel, "the file is empty; start a publisher on it");
    if (facts.size < header_size) {
      fail(failure, Errc::not_a_channel,
           "expected a channel, found a file of " + std::to_string(facts.size) + " bytes; check the name");
    }
    if (failure) return nullptr;
    Mapping mapping = Mapping::map(handle, platform::Access::read_only, facts.size, error);
    if (error) {
      fail(failure, error, "its " + std::to_string(facts.size) + " bytes cannot be mapped");
      return nullptr;
    }
    if (options.survive_truncation) mapping.survive_truncation(platform::Access::read_only, error);
    if (error) {
      fail(failure, error, "no protection against truncation is to be had");
      return nullptr;
    }
    auto impl = std::make_shared<Impl>(location, path);
    examine(mapping, facts, wanted, *impl, failure);
    if (!failure) mapping.prefault(platform::Access::read_only, options.lock_memory, error);
    if (error) explain_memory_lock(error, mapping.size(), failure);
    // Whatever the zeros looked like.
    if (mapping.truncated()) failure = {Errc::truncated, "somebody is truncating the file at this moment"};
    if (failure) return nullptr;
    impl->handle = std::move(handle);
    impl->facts = facts;
    impl->mapping = std::move(mapping);
    return impl;
  }

  /// What the region says of itself, checked.
  static void examine(const Mapping& mapping, const platform::FileFacts& facts, const Wanted& wanted,
                      Impl& impl, Failure& failure) {
    const Word* const words = mapping.read_only_words();
    impl.identity = load_identity(words);
    check_identity(impl.identity, facts.size, failure);
    if (!failure) compare_identity(impl.identity, wanted, failure);
    if (failure) return;

    impl.geometry = geometry_of(impl.identity);
    std::error_code error;
    impl.boot = platform::boot_id(error);
    if (error) fail(failure, error, "the system does not tell which boot this is");
    if (failure) return;
    if (impl.identity.region_size > most_examined && lines_of(words).boot() != impl.boot) {
      fail(failure, Errc::no_channel,
           "what an earlier boot of the machine left is too large to be looked through; start a publisher");
      return;
    }
    if (!find_range(words, impl.geometry, impl.boot, impl.newest, impl.oldest)) {
      fail(failure, Errc::damaged, "its head is one that no publisher stores");
    }
  }

  /// Tries until there is a channel, or until options.open_timeout is over.
  static std::optional<SubscriberRegion> wait(const Location& location, const std::string& path,
                                              const SubscriberOptions& options, const Wanted& wanted,
                                              Failure& failure) {
    using clock = std::chrono::steady_clock;
    const auto begin = clock::now();
    check_build(wanted, failure);
    auto pause = std::chrono::microseconds{100};
    while (!failure) {
      if (auto impl = run(location, path, options, wanted, failure)) return SubscriberRegion{std::move(impl)};
      const auto passed = clock::now() - begin;
      if (failure.code != Errc::no_channel || passed >= options.open_timeout) break;
      failure = {};
      std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(pause, options.open_timeout - passed));
      pause = std::min(pause * 2, std::chrono::microseconds{10'000});
    }
    explain(failure, "cannot subscribe to", location);
    return std::nullopt;
  }
};

std::optional<SubscriberRegion> SubscriberRegion::open(const Location& location,
                                                       const SubscriberOptions& options, const Wanted& wanted,
                                                       Failure& failure) {
  return Opening::wait(location, find_path(location, failure), options, wanted, failure);
}

std::optional<SubscriberRegion> SubscriberRegion::open_again(const SubscriberOptions& options,
                                                             const Wanted& wanted, Failure& failure) const {
  return Opening::wait(impl_->location, impl_->path, options, wanted, failure);
}

SubscriberRegion::SubscriberRegion(std::shared_ptr<const Impl> impl) noexcept : impl_{std::move(impl)} {}
SubscriberRegion SubscriberRegion::share() const {
  return SubscriberRegion{impl_};
}

SubscriberRegion::SubscriberRegion(SubscriberRegion&&) noexcept = default;
SubscriberRegion& SubscriberRegion::operator=(SubscriberRegion&&) noexcept = default;
SubscriberRegion::~SubscriberRegion() = default;

const Word* SubscriberRegion::words() const noexcept {
  return impl_->mapping.read_only_words();
}
const Geometry& SubscriberRegion::geometry() const noexcept {
  return impl_->geometry;
}
const Identity& SubscriberRegion::identity() const noexcept {
  return impl_->identity;
}
const Location& SubscriberRegion::location() const noexcept {
  return impl_->location;
}
std::uint64_t SubscriberRegion::cursor(Start start) const noexcept {
  return start == Start::oldest ? impl_->oldest - 1 : impl_->newest;
}
std::uint64_t SubscriberRegion::oldest() const noexcept {
  return impl_->oldest;
}

bool SubscriberRegion::publisher_alive() const noexcept {
  return platform::publisher_lock_held(impl_->handle);
}

State SubscriberRegion::state() const noexcept {
  const auto closed = [this] {
    return impl_->lines().state() == StateWord::closed && impl_->lines().boot() == impl_->boot;
  };
  if (superseded()) return State::superseded;
  // Before the lock is asked about: a publisher that closes rings, and wakes sleepers, while it still has it.
  if (closed()) return State::closed;
  if (publisher_alive()) return State::live;
  return closed() ? State::closed : State::no_publisher; // it may have closed between the two looks
}

Epoch SubscriberRegion::epoch() const noexcept {
  const auto [number, first] = impl_->lines().epoch();
  return {number, first};
}

DoorbellSubscriber<HardwareAtomics> SubscriberRegion::doorbell() {
  if (truncated()) return {}; // nobody rings here any more, and the kernel refuses to sleep on such a word
  if ((impl_->identity.compatible_flags & flag_wake_always) != 0) {
    return DoorbellSubscriber<HardwareAtomics>{words() + wake_offset / word_size};
  }
  if ((impl_->identity.compatible_flags & flag_doorbell) == 0) return {};
  if (!bell_) bell_ = std::make_unique<OwnBell>();
  Bell& bell = bell_->bell;
  const std::uint64_t now = epoch().number;
  const bool same_epoch = std::exchange(bell_->epoch, now) == now;
  const bool survive = impl_->mapping.survives_truncation();
  if (!bell || bell.truncated() || (!same_epoch && bell.stale())) {
    bell = Bell::find(impl_->path, impl_->facts.owner, survive);
  }
  if (!bell) return {};
  return {bell.flag(), bell.word()};
}

bool SubscriberRegion::truncated() const noexcept {
  return impl_->mapping.truncated();
}

bool SubscriberRegion::find_truncation() const noexcept {
  if (!impl_->mapping.survives_truncation()) return false;
  std::error_code error;
  const bool shorter = platform::facts_of(impl_->handle, error).size < impl_->identity.region_size;
  if (!error && shorter && !truncated()) impl_->mapping.give_up();
  return truncated();
}

bool SubscriberRegion::superseded() const noexcept {
  std::error_code error;
  const platform::FileFacts named = platform::facts_of(impl_->path, error);
  if (!error) return named.id != impl_->facts.id;
  // Any other error says nothing about the region: the folder may have become unreadable, say.
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

bool SubscriberRegion::successor_exists() const noexcept {
  std::error_code error;
  const platform::FileFacts named = platform::facts_of(impl_->path, error);
  return !error && named.id != impl_->facts.id;
}

} // namespace seqcast::inline v1::detail
