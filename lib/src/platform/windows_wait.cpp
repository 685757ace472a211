// SPDX-License-Identifier: BSL-1.0
//
// windows_wait: sleeping and waking across processes, by named events: WaitOnAddress() is for one process.
//
// A sleeper creates or opens the event that is named by the word's file, its offset there and the value that it
// expects. Then it reads the word once more, and waits. A waker increments the word, opens the event of the
// value before, sets it and closes it. No event is ever reset, and it ends with its last sleeper. So each value
// of a word has an event of its own, and no process can reset what was meant for another.
//
// No wake-up is lost: a lock of the system orders the creation and the opening of a name. If the waker opened
// first, the sleeper's read of the word comes after the increment. If the sleeper created first, the waker
// finds its event.
#include "windows_system.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <map>
#include <mutex>
#include <shared_mutex>

namespace seqcast::inline v1::detail::platform {

namespace {

/// The mappings of this process.
struct Registry {
  struct Range {
    std::uint64_t size = 0;
    FileId file;
    Handle section; // so that it keeps its name while it is mapped; empty for a file
  };

  std::shared_mutex mutex;
  std::map<std::uintptr_t, Range> ranges; // by their first address

  static Registry& instance() {
    static Registry& registry = *new Registry; // never destroyed: a thread may sleep when main() ends
    return registry;
  }
};

/// The event for one value of a word. A word outside all files belongs to this process. Files and their events
/// exist in all sessions.
ObjectName event_name(const std::uint32_t* word, std::uint64_t value) noexcept {
  const auto address = std::bit_cast<std::uintptr_t>(word);
  Registry& registry = Registry::instance();
  const std::shared_lock guard{registry.mutex};
  auto next = registry.ranges.upper_bound(address);
  if (next != registry.ranges.begin()) {
    const auto& [begin, range] = *--next;
    const std::uint64_t offset = address - begin;
    if (offset < range.size) {
      ObjectName name;
      if (range.file.device == section_device) {
        name << L"Local\\seqcast-wake.";
      } else {
        name << L"Global\\seqcast-wake." << range.file.device;
      }
      return name << range.file.inode << offset << value;
    }
  }
  return ObjectName{} << L"Local\\seqcast-wake." << process_id() << L"." << address << value;
}

std::uint32_t load(const std::uint32_t* word) noexcept {
  // Only loaded, although the type would allow a store: the mapping may be read-only.
  const std::atomic_ref<std::uint32_t> shared{const_cast<std::uint32_t&>(*word)};
  // relaxed: the fences of the sleeper and the waker give the order.
  return shared.load(std::memory_order_relaxed);
}

/// A timer that ends a wait. It is more precise than the timeout of the wait, which is in milliseconds.
Handle timer_after(clock::duration time) noexcept {
  constexpr DWORD high_resolution = 2; // CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, since Windows 10 1803
  Handle timer{::CreateWaitableTimerExW(nullptr, nullptr, high_resolution, TIMER_ALL_ACCESS)};
  if (!timer) timer = Handle{::CreateWaitableTimerExW(nullptr, nullptr, 0, TIMER_ALL_ACCESS)};
  using Tick = std::chrono::duration<LONGLONG, std::ratio<1, 10'000'000>>;
  LARGE_INTEGER due{};
  due.QuadPart = -std::chrono::ceil<Tick>(time).count(); // negative: from now
  if (!timer || ::SetWaitableTimer(timer.id(), &due, 0, nullptr, nullptr, FALSE) == 0) return {};
  return timer;
}

/// The timeout of the wait, a little after the timer: Wine loses about one timer in ten thousand.
DWORD milliseconds_after(clock::duration time) noexcept {
  constexpr std::chrono::milliseconds most = std::chrono::hours{1}; // it may end for no reason
  return static_cast<DWORD>(
      std::chrono::ceil<std::chrono::milliseconds>(std::min<clock::duration>(time, most)).count() + 1);
}

} // namespace

MappedWords MappedWords::add(const Handle& handle, const void* begin, std::uint64_t size,
                             std::error_code& error) {
  MappedWords words;
  const FileId file = file_status(handle, error).id;
  if (error) return words;
  Registry& registry = Registry::instance();
  const std::unique_lock guard{registry.mutex};
  Handle section = handle.is_section() ? duplicate(handle) : Handle{};
  registry.ranges[std::bit_cast<std::uintptr_t>(begin)] = {size, file, std::move(section)};
  words.begin_.reset(static_cast<const std::byte*>(begin));
  return words;
}

void MappedWords::Remove::operator()(const std::byte* begin) const noexcept {
  Registry& registry = Registry::instance();
  const std::unique_lock guard{registry.mutex};
  registry.ranges.erase(std::bit_cast<std::uintptr_t>(begin));
}

std::optional<bool> try_wait(std::span<const WaitWord> words, clock::time_point deadline) noexcept {
  std::array<Handle, MAXIMUM_WAIT_OBJECTS - 1> events{}; // one of the objects is the timer
  std::array<HANDLE, MAXIMUM_WAIT_OBJECTS> objects{};
  if (words.size() > events.size()) return std::nullopt;
  DWORD count = 0;
  for (const WaitWord& word : words) {
    Handle& event = events[count];
    event = Handle{::CreateEventW(nullptr, TRUE, FALSE, event_name(word.word, word.expected).c_str())};
    // Without the right to open another user's event: one that no process sets.
    if (!event) event = Handle{::CreateEventW(nullptr, TRUE, FALSE, nullptr)};
    if (!event) return std::nullopt;
    objects[count++] = event.id();
  }
  // [event-look] seq_cst: pairs with the fence in wake_all().
  // Otherwise these loads of the words could come before the events can be found.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (const WaitWord& word : words) {
    if (load(word.word) != word.expected) return true;
  }
  const auto left = std::max(deadline - clock::now(), clock::duration::zero());
  const Handle timer = timer_after(left);
  objects[count] = timer.id();
  const DWORD all = count + (timer ? 1 : 0);
  const DWORD ended =
      all == 0 ? WAIT_FAILED : ::WaitForMultipleObjects(all, objects.data(), FALSE, milliseconds_after(left));
  if (ended != WAIT_FAILED) return ended - WAIT_OBJECT_0 < count;
  if (count > 0) return std::nullopt;
  ::Sleep(milliseconds_after(left));
  return false;
}

void wake_all(const std::uint32_t* word) noexcept {
  // [event-look] seq_cst: pairs with the fence in try_wait().
  // Otherwise this search for the events could come before the increment is visible.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const std::uint32_t now = load(word);
  // The value before the last is for the sleepers of a publisher that was killed between increment and wake. If
  // several in a row were killed there, the other sleepers wake at the end of their slice.
  for (const std::uint32_t before : {now - 1, now - 2}) {
    const Handle event{::OpenEventW(EVENT_MODIFY_STATE, FALSE, event_name(word, before).c_str())};
    if (event) ::SetEvent(event.id());
  }
}

// Windows has no signals that go to any thread.
std::thread start_without_signals(std::function<void()> run) {
  return std::thread{std::move(run)};
}

// Windows has no cancellation of threads.
NoCancellation::NoCancellation() noexcept = default;
NoCancellation::~NoCancellation() = default;
void NoCancellation::act_on_request() const {}

Event Event::make(std::error_code& error) {
  Event event;
  event.handle_ = Handle{::CreateEventW(nullptr, TRUE, FALSE, nullptr)};
  if (!event.handle_) error = last_error();
  return event;
}

void Event::set() noexcept {
  ::SetEvent(id());
}

void Event::clear() noexcept {
  ::ResetEvent(id());
}

} // namespace seqcast::inline v1::detail::platform
