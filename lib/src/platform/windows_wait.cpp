// SPDX-License-Identifier: BSL-1.0
//
// windows_wait: sleeping and waking across processes, by named events; WaitOnAddress() does not leave the
// process.
//
// A sleeper makes, or finds, the event whose name is made of the word's file, its place there and the value
// that the word is expected to have, looks at the word once more, and waits. Whoever has bumped the word looks
// for the event of the value before, sets it, and forgets it; no event is ever reset, and it is gone with its
// last sleeper. So each value of a word has an event of its own, and nobody can wipe out what was meant for
// another.
//
// No wake-up is lost: the system inserts and looks up names under a lock of its own. If the waker looked first,
// then the sleeper's look at the word comes after the bump. If the sleeper was first, the waker finds its
// event.
//
// A waker sets the event of the value before that one too, for the sleepers of a publisher that was killed
// between bumping and waking. Should several in a row have been, the end of a slice wakes their sleepers.
#include "windows.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <map>
#include <mutex>
#include <shared_mutex>

namespace seqcast::inline v1::detail::platform {

namespace {

using clock = std::chrono::steady_clock;

// Where there are more words than the system waits for at once, or no event is to be had.
constexpr auto blind_sleep = std::chrono::milliseconds{1};

/// The mappings of this process by their addresses.
struct Registry {
  struct Range {
    std::uint64_t size = 0;
    FileId file;
    Handle section; // so that it keeps its name while it is mapped; none for a file
  };

  std::shared_mutex mutex;
  std::map<std::uintptr_t, Range> ranges; // by their begin

  static Registry& registry() {
    static Registry& instance = *new Registry; // never destroyed: somebody may sleep when main() ends
    return instance;
  }
};

/// The name of an event, made without an allocation: publish() may be waiting for it.
class Name {
 public:
  Name& operator<<(std::wstring_view text) noexcept {
    for (const wchar_t unit : text) text_[size_++] = unit;
    return *this;
  }
  /// All its digits, hexadecimal.
  Name& operator<<(std::uint64_t number) noexcept {
    for (int shift = 60; shift >= 0; shift -= 4) text_[size_++] = L"0123456789abcdef"[number >> shift & 15];
    return *this;
  }
  const wchar_t* c_str() const noexcept {
    return text_.data();
  }

 private:
  std::array<wchar_t, 96> text_{}; // a prefix and four numbers, and zeros
  std::size_t size_ = 0;
};

/// What the events of a word are called, but for the value. A word of no file is this process's own. Those of
/// files are known in all sessions, as the files are.
Name name_of(const std::uint32_t* word) noexcept {
  const auto address = std::bit_cast<std::uintptr_t>(word);
  Registry& registry = Registry::registry();
  const std::shared_lock guard{registry.mutex};
  auto after = registry.ranges.upper_bound(address);
  if (after != registry.ranges.begin()) {
    const auto& [begin, range] = *--after;
    const std::uint64_t place = address - begin;
    if (place < range.size) {
      if (range.file.device == section_device) {
        return Name{} << L"Local\\seqcast-wake." << range.file.inode << place;
      }
      return Name{} << L"Global\\seqcast-wake." << range.file.device << range.file.inode << place;
    }
  }
  return Name{} << L"Local\\seqcast-wake." << std::uint64_t{::GetCurrentProcessId()} << L"." << address;
}

Name name_of(const std::uint32_t* word, std::uint32_t value) noexcept {
  return name_of(word) << std::uint64_t{value};
}

std::uint32_t look_at(const std::uint32_t* word) noexcept {
  // Only loaded, whatever the type says: the mapping may be read-only.
  const std::atomic_ref<std::uint32_t> shared{const_cast<std::uint32_t&>(*word)};
  // relaxed: the fences of sleeper and waker are the order it needs.
  return shared.load(std::memory_order_relaxed);
}

/// A timer that ends a wait; more exact than what the wait itself offers, which are whole milliseconds.
Handle timer_after(clock::duration time) noexcept {
  constexpr DWORD high_resolution = 2; // CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, since Windows 10 1803
  Handle timer{::CreateWaitableTimerExW(nullptr, nullptr, high_resolution, TIMER_ALL_ACCESS)};
  if (!timer) timer = Handle{::CreateWaitableTimerExW(nullptr, nullptr, 0, TIMER_ALL_ACCESS)};
  using Tick = std::chrono::duration<LONGLONG, std::ratio<1, 10'000'000>>;
  LARGE_INTEGER due{};
  due.QuadPart = -std::chrono::ceil<Tick>(time).count(); // negative: from now on
  if (!timer || ::SetWaitableTimer(timer.id(), &due, 0, nullptr, nullptr, FALSE) == 0) return {};
  return timer;
}

/// The wait's own timeout, behind the timer: Wine was seen to forget a timer, once in some ten thousand.
DWORD milliseconds_after(clock::duration time) noexcept {
  constexpr std::chrono::milliseconds most = std::chrono::hours{1}; // it may end for no reason at all
  return static_cast<DWORD>(
      std::chrono::ceil<std::chrono::milliseconds>(std::min<clock::duration>(time, most)).count() + 1);
}

} // namespace

MappedWords MappedWords::announce(const Handle& handle, const void* begin, std::uint64_t size,
                                  std::error_code& error) {
  MappedWords words;
  const FileId file = facts_of(handle, error).id;
  if (error) return words;
  Registry& registry = Registry::registry();
  const std::unique_lock guard{registry.mutex};
  registry.ranges[std::bit_cast<std::uintptr_t>(begin)] = {size, file,
                                                           handle.is_section() ? duplicate(handle) : Handle{}};
  words.begin_ = begin;
  return words;
}

MappedWords::~MappedWords() {
  if (begin_ == nullptr) return;
  Registry& registry = Registry::registry();
  const std::unique_lock guard{registry.mutex};
  registry.ranges.erase(std::bit_cast<std::uintptr_t>(begin_));
}

bool sleep_on(std::span<const SleepOn> words, clock::time_point deadline) noexcept {
  std::array<Handle, MAXIMUM_WAIT_OBJECTS> events{};
  std::array<HANDLE, MAXIMUM_WAIT_OBJECTS> waited{};
  const bool blind = words.size() >= waited.size(); // one is the timer's
  const std::size_t count = blind ? 1 : words.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Name name = name_of(words[i].word, words[i].expected);
    events[i] = Handle{::CreateEventW(nullptr, TRUE, FALSE, name.c_str())};
    // One that nobody can set, for lack of the right to the other: then it is as if nobody were to set it.
    if (!events[i]) events[i] = Handle{::CreateEventW(nullptr, TRUE, FALSE, nullptr)};
    if (!events[i]) return false;
    waited[i] = events[i].id();
  }
  // [event-look] seq_cst: pairs with the fence in wake_all().
  // Otherwise this look at the words could come before the events can be found.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (std::size_t i = 0; i < count; ++i) {
    if (look_at(words[i].word) != words[i].expected) return true;
  }
  if (blind) deadline = std::min(deadline, clock::now() + blind_sleep);
  const auto left = std::max(deadline - clock::now(), clock::duration::zero());
  const Handle timer = timer_after(left);
  waited[count] = timer.id();
  const DWORD all = static_cast<DWORD>(count) + (timer ? 1 : 0);
  if (all == 0) {
    ::Sleep(milliseconds_after(left));
    return false;
  }
  const DWORD found = ::WaitForMultipleObjects(all, waited.data(), FALSE, milliseconds_after(left));
  return found - WAIT_OBJECT_0 < count;
}

void wake_all(const std::uint32_t* word) noexcept {
  // [event-look] seq_cst: pairs with the fence in sleep_on().
  // Otherwise this look for the events could come before the bump can be seen.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const std::uint32_t now = look_at(word);
  for (const std::uint32_t before : {now - 1, now - 2}) {
    const Handle event{::OpenEventW(EVENT_MODIFY_STATE, FALSE, name_of(word, before).c_str())};
    if (event) ::SetEvent(event.id());
  }
}

// With libstdc++ 12 the destructor may wait for ever: the semaphore in it looks at its counter first and locks
// after that, where it has no futexes, and misses what comes in between.
bool stop_callbacks_end() noexcept {
  return false;
}

Signal Signal::make(std::error_code& error) {
  Signal signal;
  signal.handle_ = Handle{::CreateEventW(nullptr, TRUE, FALSE, nullptr)};
  if (!signal.handle_) error = last_error();
  return signal;
}

int Signal::id() const noexcept {
  // Handles have 32 bits that matter, also where they are 64 bits wide.
  return static_cast<int>(std::bit_cast<std::intptr_t>(handle_.id()));
}

void Signal::set() noexcept {
  ::SetEvent(handle_.id());
}

void Signal::clear() noexcept {
  ::ResetEvent(handle_.id());
}

} // namespace seqcast::inline v1::detail::platform
