// SPDX-License-Identifier: BSL-1.0
//
// inspect: looking at a channel without subscribing to it: what it is, who publishes, how far it has come, what
// a slot holds. And which channels there are. For tools, dashboards and watchdogs; all of it is compiled once.
//
//     for (const seqcast::Location& where : seqcast::channels_in_shared_memory()) {
//       const seqcast::Inspector inspector{where};
//       show(inspector.identity().capacity, inspector.status().head);
//     }
//
// Who may call it: any process that may read the file, any thread; one object from several threads at once,
// too.
//
// Invariants
//   1. A publisher cannot tell that it is looked at: the region is mapped read-only, no lock is taken, the bell
//      is neither opened nor rung. What a look costs it is the transfer of the cache lines that are looked at.
//   2. Whatever the region holds, every call ends after a bounded number of steps and stays within the region.
//   3. Only the pages that are asked for are touched: an Inspector on a region of 64 GiB takes a page or two.
#pragma once

#include <seqcast/detail/region.hpp>
#include <seqcast/error.hpp>
#include <seqcast/options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace seqcast::inline v1 {

/// What a channel is: written once, when it was made (lib/docs/format.md), and checked.
struct ChannelIdentity {
  std::uint32_t format_version = 0;    ///< of the bytes; 1 so far
  std::uint64_t region_size = 0;       ///< bytes
  std::uint64_t slots_offset = 0;      ///< bytes before the first slot
  std::uint64_t slot_stride = 0;       ///< bytes from one slot to the next
  std::uint32_t payload_offset = 0;    ///< bytes before the message in a slot
  std::uint64_t capacity = 0;          ///< slots; a power of two
  std::uint32_t max_message_size = 0;  ///< bytes
  std::uint32_t message_alignment = 0; ///< bytes
  bool timestamps = false;             ///< PublisherOptions::timestamps
  bool doorbell = false;               ///< PublisherOptions::doorbell
  bool wake_always = false;            ///< PublisherOptions::wake_always
  bool copy_behind = false;            ///< PublisherOptions::copy_behind
  std::uint64_t unknown_flags = 0;     ///< compatible ones, of a newer seqcast
  std::uint64_t schema_tag = 0;        ///< schema<T>::tag
  std::string schema_name;             ///< schema<T>::name, as it is found: any bytes but zero
  /// By the wall clock; nothing where the file system does not keep it.
  std::optional<std::chrono::system_clock::time_point> created_at;

  /// The slot that a message goes into. Requires: sequence >= 1.
  std::uint64_t slot_of(std::uint64_t sequence) const noexcept {
    return (sequence - 1) & (capacity - 1);
  }
};

/// What has become of a channel, at one moment.
struct ChannelStatus {
  /// As Subscriber::state() gives it.
  State state = State::no_publisher;
  /// Whether some process holds the publisher's lock; also where the state is closed or superseded.
  bool publisher_alive = false;
  /// Of the publisher, or of the last one: its process, as that process itself knows it. For people: in another
  /// process-id namespace it means nothing, and after its end it may be somebody else's.
  std::uint64_t publisher_process = 0;
  /// The time in office of the publisher, or of the last one.
  Epoch epoch;
  /// Sequence of the last complete message; 0 if there was none yet.
  std::uint64_t head = 0;
  /// Messages from this one to head can be read; above head if none can.
  std::uint64_t oldest = 1;
  /// When the message at head was published, in nanoseconds of the steady clock; 0 if the channel carries no
  /// timestamps, or if it cannot be read.
  std::uint64_t published_at_ns = 0;
  /// Whether the bell is there, of a channel that has one. Without it subscribers poll.
  bool bell_found = false;
  /// No error, Errc::damaged if head and oldest are no publisher's, Errc::truncated if the file was truncated;
  /// with an error head, oldest and published_at_ns say nothing.
  std::error_code error;
};

/// What a version word says of its slot.
enum class SlotState {
  unused,   ///< never used, or discarded after a restart of the machine
  open,     ///< for message `sequence`, of which any part may be there already
  complete, ///< holds message `sequence`
  corrupt,  ///< no publisher stores this version here
};

/// What the enumerators are called, for people.
const char* to_string(SlotState state) noexcept;

/// A slot as it was found.
struct SlotContent {
  std::uint64_t version = 0;           ///< 2m - 1: open for message m; 2m: holds message m, complete
  SlotState state = SlotState::unused; ///< what the version says
  std::uint64_t sequence = 0;          ///< with open and complete
  std::uint32_t size = 0;              ///< bytes, as stored; may be anything unless whole
  std::uint64_t published_at_ns = 0;   ///< of the steady clock, as stored; 0 if the channel has no timestamps
  /// The bytes there, in the caller's buffer: of a complete slot the message, otherwise the whole room for one;
  /// never more than the maximum size, and no more than the buffer takes.
  std::span<const std::byte> bytes;
  /// Whether the version was still the same after the copy.
  bool stable = false;
  /// Whether size, time and bytes are those of message `sequence`, as its publisher stored them.
  bool whole = false;
};

/// How to inspect.
struct InspectorOptions {
  /// As SubscriberOptions::survive_truncation: without it somebody who truncates the file kills this process.
  bool survive_truncation = false;
};

/// One channel, looked at. Movable; a moved-from object may only be assigned or destroyed.
class Inspector {
 public:
  /// Opens the channel for looking.
  /// Errors: throws std::system_error with an Errc (no_channel, not_a_channel, wrong_version ...) or the
  /// system's own code; a damaged channel is no error here, but in status(). Progress: blocks for system calls.
  explicit Inspector(const Location& location, const InspectorOptions& options = {})
      : Inspector{location, options, detail::Wanted{}} {}

  /// The same without exceptions: nothing, and the reason in `error`.
  static std::optional<Inspector> open(const Location& location, const InspectorOptions& options,
                                       std::error_code& error) {
    return open(location, options, detail::Wanted{}, error);
  }

  /// Moves; the other one is looked through no longer.
  Inspector(Inspector&&) noexcept;
  /// The same; what this one looked at is closed.
  Inspector& operator=(Inspector&&) noexcept;
  ~Inspector();

  /// Where it was opened.
  const Location& location() const noexcept;
  /// What the channel is; the same for the life of this object, whatever the region says later.
  const ChannelIdentity& identity() const noexcept;

  /// All that changes. Asks the operating system, four times.
  ChannelStatus status() const noexcept;

  /// ChannelStatus::head alone, for those who look often: two loads.
  std::uint64_t head() const noexcept;

  /// Looks into a slot, 0 to capacity - 1, and copies as much of its bytes as the buffer takes. One attempt.
  /// Errors: throws std::out_of_range for a slot that the channel does not have.
  /// Memory ordering: as for Subscriber::next(), if it is whole.
  SlotContent slot(std::uint64_t index, std::span<std::byte> buffer = {}) const;

 private:
  struct Impl;
  Inspector(const Location& location, const InspectorOptions& options, const detail::Wanted& wanted);
  explicit Inspector(std::unique_ptr<const Impl> impl) noexcept;
  static std::optional<Inspector> open(const Location& location, const InspectorOptions& options,
                                       const detail::Wanted& wanted, std::error_code& error);

  std::unique_ptr<const Impl> impl_;
};

/// The channels that lie in shared memory, by name; those, too, that this version cannot read. What this user
/// may not read is left out, and so is whatever is no regular file: it is neither opened nor followed.
/// Errors: the system's; std::errc::not_supported where shared memory has no list of names.
std::vector<Location> channels_in_shared_memory();
/// The same without exceptions: what could be listed, and the reason in `error`.
std::vector<Location> channels_in_shared_memory(std::error_code& error);

/// The same for a folder, without those below it. Locations are the folder's path, as given, and the name.
/// Errors: the system's, such as std::errc::no_such_file_or_directory.
std::vector<Location> channels_in_folder(const std::string& folder);
/// The same without exceptions: what could be listed, and the reason in `error`.
std::vector<Location> channels_in_folder(const std::string& folder, std::error_code& error);

} // namespace seqcast::inline v1
