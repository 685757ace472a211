// SPDX-License-Identifier: BSL-1.0
#include "attach.hpp"
#include "bell.hpp"
#include "read_only_region.hpp"

#include <seqcast/detail/recovery.hpp>

#include <thread>

namespace seqcast::inline v1::detail {

struct SubscriberRegion::Impl {
  ReadOnlyRegion region;
  ReadableRange range; // when it was opened
};

struct SubscriberRegion::OwnBell {
  Bell bell;               // empty if there is none that this process may write to
  std::uint64_t epoch = 0; // in which it was found; only a publisher that comes can make another
};

namespace {

// Of a region that an earlier boot left every slot has to be looked at, and a hostile sparse file could have
// any number of them.
constexpr std::uint64_t most_examined = std::uint64_t{1} << 30;

/// Where reading can begin.
ReadableRange find_range(const ReadOnlyRegion& region, Failure& failure) {
  if (region.of_this_boot()) {
    const std::optional<ReadableRange> range = region.range();
    if (!range) fail(failure, Errc::damaged, "its head is one that no publisher stores");
    return range.value_or(ReadableRange{});
  }
  if (region.identity().region_size > most_examined) {
    fail(failure, Errc::no_channel,
         "what an earlier boot of the machine left is too large to be looked through; start a publisher");
    return {};
  }
  const std::uint64_t newest = newest_trace<HardwareAtomics>(region.words(), region.geometry());
  return {newest, newest + 1};
}

} // namespace

/// One attempt of SubscriberRegion::open().
class SubscriberRegion::Opening {
 public:
  static std::shared_ptr<Impl> run(const Location& location, const std::string& path,
                                   const SubscriberOptions& options, const Wanted& wanted, Failure& failure) {
    ReadOnlyRegion region = ReadOnlyRegion::open(location, path, options.survive_truncation, failure);
    if (!failure) compare_identity(region.identity(), wanted, failure);
    if (failure) return nullptr;
    const ReadableRange range = find_range(region, failure);
    std::error_code error;
    if (!failure) region.mapping().prefault(platform::Access::read_only, options.lock_memory, error);
    if (error) explain_memory_lock(error, region.mapping().size(), failure);
    // Whatever the zeros looked like.
    if (region.truncated()) failure = {Errc::truncated, "somebody is truncating the file at this moment"};
    if (failure) return nullptr;
    return std::make_shared<Impl>(Impl{std::move(region), range});
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
  return Opening::wait(impl_->region.location(), impl_->region.path(), options, wanted, failure);
}

SubscriberRegion::SubscriberRegion(std::shared_ptr<const Impl> impl) noexcept : impl_{std::move(impl)} {}
SubscriberRegion SubscriberRegion::share() const {
  return SubscriberRegion{impl_};
}

SubscriberRegion::SubscriberRegion(SubscriberRegion&&) noexcept = default;
SubscriberRegion& SubscriberRegion::operator=(SubscriberRegion&&) noexcept = default;
SubscriberRegion::~SubscriberRegion() = default;

const Word* SubscriberRegion::words() const noexcept {
  return impl_->region.words();
}
const Geometry& SubscriberRegion::geometry() const noexcept {
  return impl_->region.geometry();
}
const Identity& SubscriberRegion::identity() const noexcept {
  return impl_->region.identity();
}
const Location& SubscriberRegion::location() const noexcept {
  return impl_->region.location();
}
std::uint64_t SubscriberRegion::cursor(Start start) const noexcept {
  return start == Start::oldest ? impl_->range.oldest - 1 : impl_->range.newest;
}
std::uint64_t SubscriberRegion::oldest() const noexcept {
  return impl_->range.oldest;
}

bool SubscriberRegion::publisher_alive() const noexcept {
  return impl_->region.publisher_alive();
}
State SubscriberRegion::state() const noexcept {
  return impl_->region.state();
}
Epoch SubscriberRegion::epoch() const noexcept {
  return impl_->region.epoch();
}

DoorbellSubscriber<HardwareAtomics> SubscriberRegion::doorbell() {
  if (truncated()) return {}; // nobody rings here any more, and the kernel refuses to sleep on such a word
  if ((identity().compatible_flags & flag_wake_always) != 0) {
    return DoorbellSubscriber<HardwareAtomics>{words() + wake_offset / word_size};
  }
  if ((identity().compatible_flags & flag_doorbell) == 0) return {};
  if (!bell_) bell_ = std::make_unique<OwnBell>();
  Bell& bell = bell_->bell;
  const std::uint64_t now = epoch().number;
  const bool same_epoch = std::exchange(bell_->epoch, now) == now;
  const bool survive = impl_->region.mapping().survives_truncation();
  if (!bell || bell.truncated() || (!same_epoch && bell.stale())) {
    bell = Bell::find(impl_->region.path(), impl_->region.facts().owner, survive);
  }
  if (!bell) return {};
  return {bell.flag(), bell.word()};
}

bool SubscriberRegion::truncated() const noexcept {
  return impl_->region.truncated();
}
bool SubscriberRegion::find_truncation() const noexcept {
  return impl_->region.find_truncation();
}
bool SubscriberRegion::superseded() const noexcept {
  return impl_->region.superseded();
}
bool SubscriberRegion::successor_exists() const noexcept {
  return impl_->region.successor_exists();
}

} // namespace seqcast::inline v1::detail
