// SPDX-License-Identifier: BSL-1.0
//
// options: where a channel lies, and how to open it. Plain values; only remove_channel() touches the system.
#pragma once

#include <seqcast/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace seqcast::inline v1 {

namespace detail {

/// Stands for a standard library, by the type of its strings.
template <class String>
struct SameStandardLibrary;

} // namespace detail

/// Where a channel lies: a file or a named shared-memory object. Made by file() and shared_memory().
///
/// A template only for the linker: its parameter becomes part of the name of each function that takes one, so a
/// program does not link whose std::string is not the library's (_GLIBCXX_USE_CXX11_ABI=0, libc++).
template <class StandardLibrary>
class BasicLocation {
 public:
  /// What name() names.
  enum class Kind { file, shared_memory };

  /// As file() and shared_memory().
  BasicLocation(Kind kind, std::string name) : kind_{kind}, name_{std::move(name)} {}

  /// Whether it is a file's path or a shared-memory object's name.
  Kind kind() const noexcept {
    return kind_;
  }
  /// The path, or the object's name.
  const std::string& name() const noexcept {
    return name_;
  }

  friend bool operator==(const BasicLocation&, const BasicLocation&) = default;

 private:
  Kind kind_;
  std::string name_;
};

/// Where a channel lies.
using Location = BasicLocation<detail::SameStandardLibrary<std::string>>;

/// A file on any file system. On a disk, write-back can delay single messages; in /dev/shm it cannot.
[[nodiscard]] inline Location file(std::string path) {
  return {Location::Kind::file, std::move(path)};
}

/// A named shared-memory object: on Linux, /dev/shm/NAME, which stays until it is removed; on Windows a
/// section of this session, which lives for as long as a process has it open. A name has no slash, and no
/// backslash on Windows.
[[nodiscard]] inline Location shared_memory(std::string name) {
  return {Location::Kind::shared_memory, std::move(name)};
}

/// How a sleeping subscriber learns of a message.
enum class Wakeup {
  bell,          ///< Through the bell, a small file beside the region (for test.dat: test.dat.bell).
  every_message, ///< Every message wakes all who sleep.
  polling,       ///< Not at all: it polls, with pauses that grow to 1 ms.
};

/// How to publish. What is unset is taken from the channel that is already there, or from the defaults named
/// below where there is none; what is set has to agree with it.
struct PublisherOptions {
  /// Slots: a power of two, at least 2. Default: for 1 MiB of messages, at least 8 and at most 1024.
  /// A subscriber may fall this many messages behind, less one, before it loses any.
  std::optional<std::uint64_t> capacity = {};

  /// Bytes; for BytePublisher only. Default: 1024. A Publisher<T> takes sizeof(T).
  std::optional<std::uint32_t> max_message_size = {};

  /// Bytes, a power of two, at most 4096; for BytePublisher only. Default: 1. A Publisher<T> takes alignof(T).
  std::optional<std::uint32_t> message_alignment = {};

  /// For BytePublisher only: the schema that the bytes follow, as Schema takes it:
  /// "acme.Quote{bid:f64,ask:f64}", a format string of PEP 3118, or a name. A channel with a schema takes bytes
  /// only from a publisher that has the same. With fields, max_message_size is their size, and
  /// message_alignment that of C by default. Read while the publisher is opened only. Default: none.
  std::string_view schema = {};

  /// Whether each message carries its publish time. Default: no. Costs one reading of the clock per message.
  std::optional<bool> timestamps = {};

  /// Whether subscribers may copy a message of more than 16 KiB while it is still being written, 16 KiB behind
  /// the publisher; what they deliver is whole all the same. Default: no. Large messages arrive sooner, for one
  /// extra cache-line transfer every 16 KiB.
  std::optional<bool> copy_behind = {};

  /// Whether sequences may be left out, by AnyPublisher::skip(). Default: no. A seqcast that does not know gaps
  /// refuses such a channel.
  std::optional<bool> gaps = {};

  /// For BytePublisher only: that this channel mirrors one of another machine, whose id (ChannelIdentity::id) this
  /// is. Messages are published by BytePublisher::publish_as(), with what their origin gave them; gaps are on.
  /// Default: it is no mirror, and one that is there is refused.
  std::optional<std::uint64_t> mirror_of = {};

  /// How sleeping subscribers are woken. Default: Wakeup::bell.
  /// - Wakeup::bell: subscribers of the same user sleep, at no cost to the publisher while none does.
  /// - Wakeup::every_message: one system call (about 0.4 us) a message. Subscribers of any user who may read
  ///   the region can sleep, without a bell.
  /// - Wakeup::polling: publish() has no full fence and wakes nobody.
  std::optional<Wakeup> wakeup = {};

  /// How long publish() waits for reliable subscribers (SubscriberOptions::reliable) that have not received the
  /// message whose place the next one takes. One that is still behind then is demoted to best effort; one that
  /// has died delays a message by 1 ms at most. Default: publish() never waits, and nobody can subscribe
  /// reliably. Needs Wakeup::bell. 0 demotes at once. For no limit pass nanoseconds::max(): then a subscriber that
  /// is stopped stops the publisher.
  std::optional<std::chrono::nanoseconds> max_blocking_time = {};

  /// Permissions of the bell, whatever the region's. Who may write the bell may also truncate it, and so kill
  /// the publisher and the sleepers, which have it mapped: widen it only to users whom you trust that far.
  /// Default: 0600 for a new bell; one that is there keeps what it has.
  std::optional<std::uint32_t> bell_mode = {};

  /// Keep the region in memory (mlock): no message waits for a page that was swapped out. Errors when opening:
  /// the system's ENOMEM or EPERM, where the limit on locked memory is in the way.
  bool lock_memory = false;

  /// Permissions of a channel that is created, whatever the umask. Subscribers need to read, nothing else. Not
  /// used on Windows, where a file has those of its folder.
  std::uint32_t mode = 0600;

  /// Put a new channel in the place of one of another identity, or of a damaged one, instead of refusing. The
  /// old one's subscribers get ChannelState::superseded. Never replaces a file that is no channel.
  bool replace = false;

  /// Remove the channel in the destructor. Default: it stays, for late subscribers and for a successor. It also
  /// stays, closed, if this process may not write to the folder any more, as after a setuid().
  bool remove_on_close = false;

  /// Publish into a region that belongs to another user. Who owns a file can truncate it, and so kill every
  /// process that has it mapped.
  bool allow_other_owner = false;
};

/// Where a subscriber begins.
enum class StartPosition {
  newest, ///< next() gives what is published from now on
  oldest, ///< next() gives what is still there first
};

/// Where next() resumes when the publisher has lapped the subscriber.
enum class ResumePosition {
  half,   ///< half a ring behind the newest: room to catch up, and to fall behind again
  newest, ///< the newest: the least delay
  oldest, ///< the oldest still there: the fewest lost, and soon lapped again
};

/// What a waiting subscriber does with its core.
enum class WaitStrategy {
  spin_then_sleep, ///< polls for a few microseconds, then sleeps
  sleep,           ///< sleeps at once: the least power, and a wake-up for every message
  yield,           ///< polls, and yields the core between two polls
  spin,            ///< polls without pause: the least latency, and a whole core
};

/// How to subscribe.
struct SubscriberOptions {
  StartPosition start = StartPosition::newest;           ///< With which message next() begins.
  ResumePosition resume = ResumePosition::half;          ///< With which it goes on after an overrun.
  WaitStrategy strategy = WaitStrategy::spin_then_sleep; ///< What wait_for() does until there is something.

  /// How long to wait for a channel to appear where there is none yet. Default: not at all.
  std::chrono::nanoseconds open_timeout{0};

  /// Let wait_for() move on to the channel that has taken this one's place, when this one is drained. It then
  /// gives WaitResult::superseded, and sequences start afresh. Where there is no such channel, or none that
  /// this subscriber could read, that is reported once as well, and later waits try again.
  bool follow = false;

  /// Have the publisher wait for this subscriber: what is published from now on is not overwritten before
  /// next(), latest() or view() was called once more after it. What was there already, with StartPosition::oldest, may
  /// be, and counts as lost. If this subscriber keeps the publisher waiting for max_blocking_time it is demoted to
  /// best effort: one call gives nothing and Errc::demoted; AnySubscriber::register_reliable() registers again.
  /// Errors when opening: Errc::not_reliable if the publisher has no max_blocking_time; Errc::no_entry for the 63rd;
  /// std::errc::permission_denied if this user may not write the bell.
  bool reliable = false;

  /// Keep the region in memory (mlock), as PublisherOptions::lock_memory.
  bool lock_memory = false;

  /// Survive a truncation of the channel's file. Who may write a file may truncate it, and the kernel then
  /// sends SIGBUS to every process that reads beyond the new end: without this option that kills the process,
  /// unless it has a handler of its own. With it the call gives nothing, error() is Errc::truncated, and
  /// nothing is delivered from this region any more; reopen() moves on when a publisher has made another. Costs
  /// next() and latest() nothing.
  ///
  /// next() and latest() notice when they read beyond the new end, wait_for() by the file's size.
  ///
  /// It installs a handler for SIGBUS, once for the process and for good. Faults outside protected regions go
  /// to the handler that was there before, or kill as ever; a handler installed later has to pass on what it
  /// does not handle to the one that sigaction() gave it. A thread that blocks SIGBUS is killed all the same. A
  /// plugin whose code contains the handler stays in memory when it is unloaded.
  ///
  /// Windows refuses to truncate a file that is mapped, so there it has nothing to do.
  ///
  /// A file that is cut in the middle of a page, made long again, or given a hole reads as zeros there: that is
  /// writing, not truncating, and no option helps against those who may write.
  bool survive_truncation = false;
};

/// What has become of the publisher, and of the region.
enum class ChannelState {
  live,         ///< a publisher has the channel open
  no_publisher, ///< the last publisher died, or its machine was restarted
  closed,       ///< the last publisher closed the channel; another may come
  superseded,   ///< the name is gone, or stands for another region now: reopen()
};

/// One publisher's tenure of the channel.
struct Epoch {
  std::uint64_t number = 0;         ///< publishers that have opened the channel so far, this one included
  std::uint64_t first_sequence = 0; ///< the sequence that this one began with

  friend bool operator==(const Epoch&, const Epoch&) = default;
};

/// Why a wait ended.
enum class WaitResult {
  message,      ///< next() has something to report
  timeout,      ///< the time is over
  closed,       ///< the publisher has closed the channel (reported once)
  no_publisher, ///< the publisher has died (reported once)
  superseded,   ///< another region, or none, is behind the name (reported once)
  stopped,      ///< the stop token asked for it
};

/// The name of a state, for people.
const char* to_string(ChannelState state) noexcept;
/// The name of a result, for people.
const char* to_string(WaitResult result) noexcept;
/// The name of a way of being woken, for people.
const char* to_string(Wakeup wakeup) noexcept;
/// file("test.dat") or shared_memory("ticker"), as in a program; control characters are octal escapes.
std::string to_string(const Location& location);

/// How to remove a channel.
struct RemoveOptions {
  /// Take the name from a live publisher too, or from a channel whose lock is obstructed. The publisher goes on
  /// into a region that has no name; subscribers that sleep there notice after 100 ms at most.
  bool even_if_alive = false;
};

/// Removes a channel, its bell too, and gives true; false if there is none.
/// Subscribers that have it open keep what they mapped, and get ChannelState::superseded.
/// Errors: throws std::system_error with publisher_alive, not_a_channel and the like, as for opening; nothing
/// is removed then.
bool remove_channel(const Location& location, const RemoveOptions& options = {});
/// Without exceptions: false, and the reason in `error`, which is empty where there is no channel.
bool remove_channel(const Location& location, Error& error) noexcept;
/// Without exceptions.
bool remove_channel(const Location& location, const RemoveOptions& options, Error& error) noexcept;

} // namespace seqcast::inline v1
