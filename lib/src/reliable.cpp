// SPDX-License-Identifier: BSL-1.0
#include "reliable.hpp"

#include "identity.hpp"
#include "opening.hpp"

#include <seqcast/subscriber.hpp>

#include <algorithm>

namespace seqcast::inline v1::detail {

namespace {

// About 10 us: a subscriber that is just a little behind costs no system call.
constexpr int polls_before_sleep = 300;
// One that has died is noticed after so long. Nobody wakes the publisher then.
constexpr auto slice = std::chrono::microseconds{250};
// While the bell's maker gives it its name, all of it is locked.
constexpr auto entry_timeout = std::chrono::milliseconds{20};

constexpr std::uint64_t lock_offset(std::size_t index) noexcept {
  return bell_entries_offset + index * bell_entry_size;
}

void wake_all_on(const Word* word) noexcept {
  platform::wake_all(low_half(word));
}

[[noreturn]] void fail_not_reliable() {
  fail(Errc::not_reliable,
       "its publisher waits for no subscriber. Set PublisherOptions::max_blocking_time there, or subscribe "
       "by best effort");
}

/// The system, as ReliablePublisher asks it.
struct SystemKernel {
  const platform::Handle& bell;
  std::chrono::nanoseconds most;
  int polls_left = polls_before_sleep;
  std::optional<platform::clock::time_point> deadline{};

  bool spins() noexcept {
    if (polls_left == 0) return false;
    --polls_left;
    HardwarePolicy::pause();
    return true;
  }
  bool is_owned(std::size_t entry) const noexcept {
    return platform::byte_lock_held(bell, lock_offset(entry));
  }
  bool expired() noexcept {
    if (!deadline) deadline = deadline_after(most);
    return platform::clock::now() >= *deadline;
  }
  void sleep(const Word* word, std::uint32_t expected) const noexcept {
    const platform::WaitWord wait{low_half(word), expected};
    platform::wait_on_words({&wait, 1}, std::min(*deadline, platform::clock::now() + slice));
  }
};

} // namespace

ReliableEntry::ReliableEntry(const SubscriberRegion& region, std::chrono::nanoseconds timeout)
    : region_{&region} {
  if (wakeup_of(region.identity) != Wakeup::bell || polled_number(region.words) == 0) fail_not_reliable();
  // A new region has its name a moment before its bell has.
  const auto bell_end = deadline_after(std::max<std::chrono::nanoseconds>(timeout, entry_timeout));
  for (;;) {
    const auto now = platform::clock::now(); // before the attempt, so that one comes after the end
    bell_ = Bell::find(region.place, region.status.owner, region.mapping.survives_truncation());
    if (bell_) break;
    if (now < bell_end) {
      platform::wait_on_words({}, now + entry_timeout / 20);
      continue;
    }
    fail(std::make_error_code(std::errc::permission_denied),
         "its bell, " + Bell::place_of(region.place).path() +
             ", is missing, or this user may not write it; its publisher sets PublisherOptions::bell_mode");
  }
  const auto end = platform::clock::now() + entry_timeout;
  for (;;) {
    std::error_code error;
    lock_ = platform::LockFile::open(Bell::place_of(region.place), error);
    if (error) fail(error, "its bell cannot be opened once more, to be locked");
    if (platform::file_status(lock_.handle(), error).id != bell_.id())
      fail(Errc::no_channel, "its bell was replaced at this moment; try again");
    for (index_ = 0; index_ < bell_entries; ++index_) {
      if (lock_.try_lock_byte(lock_offset(index_), error)) {
        lock_.protect_from_children(bell_.words(), bell_size);
        subscriber().store_owner(platform::process_id());
        return;
      }
      if (error) fail(error, "an entry of its bell cannot be locked");
    }
    const auto now = platform::clock::now();
    if (now >= end) break;
    platform::wait_on_words({}, now + entry_timeout / 20);
  }
  fail(Errc::no_entry,
       "all its " + std::to_string(bell_entries) +
           " entries for reliable subscribers are in use. Subscribe by best effort, or end another");
}

ReliableEntry& ReliableEntry::operator=(ReliableEntry&& other) noexcept {
  std::swap(region_, other.region_);
  std::swap(bell_, other.bell_);
  std::swap(lock_, other.lock_);
  std::swap(index_, other.index_);
  return *this;
}

ReliableEntry::~ReliableEntry() {
  if (!lock_) return;
  if (!lock_.inherited()) subscriber().end();
  lock_.clear_protected_ranges();
}

ReliableSubscriber<HardwarePolicy> ReliableEntry::subscriber() const noexcept {
  return {region_->words, bell_.words(), index_, region_->geometry.capacity, wake_all_on};
}

std::vector<ReliableSubscription> reliable_subscriptions(const SubscriberRegion& region, std::uint64_t head) {
  std::error_code error;
  const platform::Place place = Bell::place_of(region.place);
  if (wakeup_of(region.identity) != Wakeup::bell || !Bell::is_bell(platform::file_status(place, error)))
    return {};
  const platform::Handle bell = platform::open_file(place, platform::Access::read_only, error);
  if (error) return {};
  const platform::FileStatus status = platform::file_status(bell, error);
  std::array<std::uint64_t, bell_size / word_size> words{};
  platform::read_at(bell, 0, words.data(), bell_size); // what is not there stays 0
  const bool foreign = status.owner != region.status.owner || status.owner == platform::unknown_user;
  if (error || foreign || words[0] != bell_magic) return {};

  const std::uint64_t number = polled_number(region.words);
  const bool polled = number != 0 && number == words[bell_number_word];
  std::vector<ReliableSubscription> found;
  for (std::size_t index = 0; index < bell_entries; ++index) {
    const std::uint64_t* const entry = entry_of(words.data(), index);
    const std::uint64_t registration = entry[registration_word];
    if (registration % 2 == 0) continue;
    const bool alive = platform::byte_lock_held(bell, lock_offset(index));
    const bool found_by_poll = polled && (words[bell_used_word] >> index) % 2 == 1;
    const bool waited_for = found_by_poll && is_registered(registration, entry[withdrawn_word], number);
    if (!alive && !waited_for) continue; // nobody has noticed it yet, and nobody has to
    const std::uint64_t cursor = entry[cursor_word];
    found.push_back({.process = entry[owner_word],
                     .cursor = cursor,
                     .lag = cursor < head ? head - cursor : 0,
                     .state = !alive       ? ReliableState::dead
                              : waited_for ? ReliableState::waited_for
                                           : ReliableState::demoted});
  }
  return found;
}

ReliableWait::ReliableWait(const Mapping& region, const Bell& bell, std::uint64_t capacity,
                           std::chrono::nanoseconds most)
    : bell_{bell.reopen()}, publisher_{region.words(), bell.words(), capacity}, most_{most} {
  publisher_.announce(polled_number(region.words()));
  publisher_.adopt_bell();
}

std::uint64_t ReliableWait::wait_for_room(std::uint64_t head, std::uint64_t last) noexcept {
  SystemKernel kernel{.bell = bell_, .most = most_};
  return publisher_.wait_for_room(head, last, kernel);
}

bool ReliableWait::has_room(std::uint64_t head, std::uint64_t last, std::uint64_t& limit) noexcept {
  SystemKernel kernel{.bell = bell_, .most = most_};
  return publisher_.has_room(head, last, kernel, limit);
}

std::size_t ReliableWait::count() const noexcept {
  std::size_t count = 0;
  publisher_.for_each_registered([&](std::size_t, std::uint64_t, std::uint64_t) { ++count; });
  return count;
}

} // namespace seqcast::inline v1::detail
