// SPDX-License-Identifier: BSL-1.0
//
// inspect: reading about a channel without subscribing to it: what it is, who publishes, how far it has come,
// what a slot contains. And which channels there are. For tools, dashboards and watchdogs; all of it is
// compiled once.
//
//     for (const seqcast::Location& where : seqcast::channels_in_shared_memory()) {
//       const seqcast::Inspector inspector{where};
//       show(inspector.identity().capacity, inspector.status().head);
//     }
//
// Who may call it: any process that may read the file, any thread; one object from several threads at
// once, too.
//
// Invariants
//   1. A publisher cannot notice an inspector: the region is mapped read-only, no lock is taken, the bell is
//      not rung, and opened by reliable_subscribers() alone, for reading. What it costs the publisher is the
//      transfer of the cache lines that are read.
//   2. Whatever the region contains, every call ends after a bounded number of steps and stays within
//      the region.
//   3. Only the pages that are asked for are touched: an Inspector on a region of 64 GiB takes a page or two.
#pragma once

#include <seqcast/detail/region.hpp>
#include <seqcast/error.hpp>
#include <seqcast/options.hpp>
#include <seqcast/schema.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace seqcast::inline v1 {

/// What a channel is: written once, when it was made (lib/docs/format.md), and checked.
struct ChannelIdentity {
  std::uint64_t id = 0;             ///< random; tells it from others of its name; 0 if an older seqcast made it
  std::uint32_t format_version = 0; ///< of the bytes; 1 so far
  std::uint64_t region_size = 0;    ///< bytes
  std::uint64_t slots_offset = 0;   ///< bytes before the first slot
  std::uint64_t slot_stride = 0;    ///< bytes from one slot to the next
  std::uint32_t payload_offset = 0; ///< bytes before the message in a slot
  std::uint64_t capacity = 0;       ///< slots; a power of two
  std::uint32_t max_message_size = 0;  ///< bytes
  std::uint32_t message_alignment = 0; ///< bytes
  bool timestamps = false;             ///< PublisherOptions::timestamps
  bool copy_behind = false;            ///< PublisherOptions::copy_behind
  bool gaps = false;                   ///< PublisherOptions::gaps
  bool mirror = false;             ///< whether it mirrors a channel of another machine, which has the same id
  Wakeup wakeup = Wakeup::polling; ///< PublisherOptions::wakeup
  std::uint64_t unknown_flags = 0; ///< compatible ones, of a newer seqcast
  std::uint64_t schema_tag = 0;    ///< Schema::tag(), as stored
  std::string schema_name;         ///< Schema::name(), as stored: any bytes but zero
  std::string schema_format;       ///< Schema::format(), as stored: any bytes, at most 32 KiB
  /// By the wall clock; nothing where the file system does not keep it.
  std::optional<std::chrono::system_clock::time_point> created_at;

  /// The slot that a message goes into. Requires: sequence >= 1.
  std::uint64_t slot_of(std::uint64_t sequence) const noexcept {
    return (sequence - 1) & (capacity - 1);
  }
};

/// What has become of a channel, at one moment.
struct ChannelStatus {
  /// As AnySubscriber::state() gives it.
  ChannelState state = ChannelState::no_publisher;
  /// Whether some process holds the publisher's lock; also where the state is closed or superseded.
  bool publisher_alive = false;
  /// Of the publisher, or of the last one: its process id in its own namespace. For people: in another
  /// namespace it means nothing, and after the publisher's end another process may have it.
  std::uint64_t publisher_process = 0;
  /// The tenure of the publisher, or of the last one; nothing if publishers came during each of a few attempts.
  std::optional<Epoch> epoch{};
  /// Sequence of the last complete message; 0 if there was none yet.
  std::uint64_t head = 0;
  /// Messages from this one to head can be read; above head if none can.
  std::uint64_t oldest = 1;
  /// When the message at head was published; nothing if the channel carries no timestamps, or if it cannot
  /// be read.
  std::optional<std::chrono::steady_clock::time_point> published_at{};
  /// Whether the bell is there, of a channel that has one. Without it subscribers poll.
  bool bell_found = false;
  /// No error, Errc::damaged if head and oldest are no publisher's, Errc::truncated if the file was truncated;
  /// with an error head, oldest and published_at say nothing.
  std::error_code error{};
};

/// What a version word says of its slot.
enum class SlotState {
  unused,   ///< never used, or discarded after a restart of the machine
  open,     ///< for message `sequence`, of which any part may be there already
  complete, ///< holds message `sequence`
  corrupt,  ///< no publisher stores this version here
  gap,      ///< complete, but for sequence `sequence` there is no message: AnyPublisher::skip()
};

/// The name of a slot's state, for people.
const char* to_string(SlotState state) noexcept;

/// What a slot contained.
struct SlotContent {
  std::uint64_t version = 0;           ///< 2m - 1: open for message m; 2m: holds message m, complete
  SlotState state = SlotState::unused; ///< what the version says
  std::uint64_t sequence = 0;          ///< with open, complete and gap
  std::uint32_t size = 0;              ///< bytes, as stored; may be anything unless whole
  /// As stored; nothing if the channel carries no timestamps.
  std::optional<std::chrono::steady_clock::time_point> published_at{};
  /// The bytes there, in the caller's buffer: of a complete slot the message, of a gap none, otherwise the
  /// whole room for one; never more than the maximum size, and no more than the buffer takes.
  std::span<const std::byte> bytes{};
  /// Whether the version was still the same after the copy.
  bool stable = false;
  /// Whether size, time and bytes are those of message `sequence`, as its publisher stored them.
  bool whole = false;
};

/// What the publisher does about a reliable subscriber.
enum class ReliableState {
  waited_for, ///< what it has not received is not overwritten
  demoted,    ///< no publisher waits for it any more, and none of its calls has reported that yet
  dead,       ///< its process has ended; the publisher finds that out when it has to wait for it
};

/// The name of a state, for people.
const char* to_string(ReliableState state) noexcept;

/// A subscriber that has registered with SubscriberOptions::reliable, as it was at one moment.
struct ReliableSubscription {
  std::uint64_t process = 0; ///< its id, in its own namespace: for people, as ChannelStatus::publisher_process
  std::uint64_t cursor =
      0; ///< sequence of the last message that it has reported as received; from time to time only
  std::uint64_t lag = 0;                           ///< messages from there to the newest
  ReliableState state = ReliableState::waited_for; ///< Whether the publisher waits for it.
};

/// How to inspect.
struct InspectorOptions {
  /// As SubscriberOptions::survive_truncation: without it a truncation of the file kills this process.
  bool survive_truncation = false;
};

/// One channel, inspected. A moved-from object may only be assigned or destroyed.
class Inspector {
 public:
  /// Opens the channel for inspection.
  /// Errors: throws std::system_error with an Errc (no_channel, not_a_channel, wrong_version ...) or the
  /// system's own code; a damaged channel is no error here, but in status(). Progress: blocks for system calls.
  explicit Inspector(const Location& location, const InspectorOptions& options = {})
      : Inspector{location, options, detail::ExpectedIdentity{}} {}

  /// Without exceptions: nothing, and the reason in `error`.
  [[nodiscard]] static std::optional<Inspector> open(const Location& location, const InspectorOptions& options,
                                                     Error& error) {
    return open(location, options, detail::ExpectedIdentity{}, error);
  }

  /// Takes over what is inspected.
  Inspector(Inspector&&) noexcept;
  /// Takes over what is inspected; what this one inspected is closed.
  Inspector& operator=(Inspector&&) noexcept;
  ~Inspector();

  /// As it was given when this was opened.
  const Location& location() const noexcept;
  /// What the channel is; the same for the life of this object, whatever the region contains later.
  const ChannelIdentity& identity() const noexcept;
  /// The description of its messages.
  Schema schema() const {
    return Schema::stored(identity().schema_name, identity().schema_format);
  }

  /// All that changes. Asks the operating system a few times.
  ChannelStatus status() const noexcept;

  /// The reliable subscribers, at most 62; none if this user may not read the bell. One that was told of its
  /// demotion is no longer among them. Who may write the bell may put anything there.
  /// Errors: throws std::bad_alloc. Progress: some system calls.
  std::vector<ReliableSubscription> reliable_subscribers() const {
    std::vector<ReliableSubscription> found;
    list_reliable_subscribers(
        [](void* list, const ReliableSubscription& one) {
          static_cast<std::vector<ReliableSubscription>*>(list)->push_back(one);
        },
        &found);
    return found;
  }

  /// ChannelStatus::head alone, for frequent calls: two loads.
  std::uint64_t head() const noexcept;

  /// Reads a slot, 0 to capacity - 1, and copies as much of its bytes as the buffer takes. One attempt.
  /// Errors: throws std::out_of_range for a slot that the channel does not have.
  /// Memory ordering: as for Subscriber::next(), if it is whole.
  SlotContent slot(std::uint64_t index, std::span<std::byte> buffer = {}) const;

 private:
  struct Impl;
  // Calls `add` with the caller's list for each; as detail::AddLocation.
  void list_reliable_subscribers(void (*add)(void* list, const ReliableSubscription& one), void* list) const;
  Inspector(const Location& location, const InspectorOptions& options,
            const detail::ExpectedIdentity& expected);
  static std::optional<Inspector> open(const Location& location, const InspectorOptions& options,
                                       const detail::ExpectedIdentity& expected, Error& error);

  detail::Owner<const Impl> impl_;
};

namespace detail {

// Calls `add` with the caller's list for each channel. No container crosses between program and library: one of
// them may be compiled with _GLIBCXX_DEBUG.
using AddLocation = void (*)(void* list, const Location& found);
void list_channels_in_shared_memory(AddLocation add, void* list);
void list_channels_in_shared_memory(AddLocation add, void* list, Error& error);
void list_channels_in_folder(const std::string& folder, AddLocation add, void* list);
void list_channels_in_folder(const std::string& folder, AddLocation add, void* list, Error& error);

inline void add_to_vector(void* list, const Location& found) {
  static_cast<std::vector<Location>*>(list)->push_back(found);
}

} // namespace detail

/// The channels in shared memory, by name; those, too, that this version cannot read. What this user may not
/// read is left out, and so is whatever is no regular file: it is neither opened nor followed.
/// Errors: throws std::system_error; std::errc::not_supported where shared memory has no list of names.
inline std::vector<Location> channels_in_shared_memory() {
  std::vector<Location> found;
  detail::list_channels_in_shared_memory(detail::add_to_vector, &found);
  return found;
}
/// Without exceptions: nothing, and the reason in `error`.
inline std::vector<Location> channels_in_shared_memory(Error& error) {
  std::vector<Location> found;
  detail::list_channels_in_shared_memory(detail::add_to_vector, &found, error);
  if (error) found.clear();
  return found;
}

/// The channels in a folder, without those below it. Locations are the folder's path, as given, and the name.
/// Errors: throws std::system_error, with std::errc::no_such_file_or_directory for example.
inline std::vector<Location> channels_in_folder(const std::string& folder) {
  std::vector<Location> found;
  detail::list_channels_in_folder(folder, detail::add_to_vector, &found);
  return found;
}
/// Without exceptions: nothing, and the reason in `error`.
inline std::vector<Location> channels_in_folder(const std::string& folder, Error& error) {
  std::vector<Location> found;
  detail::list_channels_in_folder(folder, detail::add_to_vector, &found, error);
  if (error) found.clear();
  return found;
}

} // namespace seqcast::inline v1
