// SPDX-License-Identifier: BSL-1.0
//
// options: where a channel lies, and how to open it. Plain values; nothing here touches the system.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace seqcast::inline v1 {

/// Where a channel lies: a file or a named shared-memory object. Made by file() and shared_memory().
class Location {
 public:
  /// What name() names.
  enum class Kind { file, shared_memory };

  /// Whether it is a file's path or a shared-memory object's name.
  Kind kind() const noexcept {
    return kind_;
  }
  /// The path, or the object's name.
  const std::string& name() const noexcept {
    return name_;
  }

  friend bool operator==(const Location&, const Location&) = default;

 private:
  friend Location file(std::string path);
  friend Location shared_memory(std::string name);
  Location(Kind kind, std::string name) : kind_{kind}, name_{std::move(name)} {}

  Kind kind_;
  std::string name_;
};

/// A file on any file system. On a disk, write-back can delay single messages; /dev/shm has no such delays.
[[nodiscard]] inline Location file(std::string path) {
  return {Location::Kind::file, std::move(path)};
}

/// A named shared-memory object: on Linux, /dev/shm/NAME, which stays until it is removed; on Windows a section
/// of this session, which lives for as long as somebody has it open. A name has no slash, and no backslash
/// there.
[[nodiscard]] inline Location shared_memory(std::string name) {
  return {Location::Kind::shared_memory, std::move(name)};
}

/// How to publish. What is left unset is taken from the channel that is already there, or from the defaults
/// named below where there is none; what is set has to agree with it.
struct PublisherOptions {
  /// Slots: a power of two, at least 2. Default: what fits into 1 MiB, at least 8 and at most 1024.
  /// A subscriber may fall this many messages behind, less one, before it loses any.
  std::optional<std::uint64_t> capacity = {};

  /// Bytes; for BytePublisher only. Default: 1024. A Publisher<T> takes sizeof(T).
  std::optional<std::uint32_t> max_message_size = {};

  /// Bytes, a power of two, at most 4096; for BytePublisher only. Default: 1. A Publisher<T> takes alignof(T).
  std::optional<std::uint32_t> message_alignment = {};

  /// Whether each message carries its publish time. Default: no. Costs one reading of the clock per message.
  std::optional<bool> timestamps = {};

  /// Whether subscribers may copy a message of more than 16 KiB while it is still being written, 16 KiB behind
  /// the publisher; what they deliver is whole all the same. Default: no. It makes large messages arrive
  /// sooner, for one cache line more that goes to and fro every 16 KiB.
  std::optional<bool> copy_behind = {};

  /// Whether a bell lies beside the region (for test.dat: test.dat.bell), on which subscribers of the same user
  /// sleep at no cost to them or to the publisher. Default: yes, unless wake_always. Without it publish() has
  /// no fence and never makes a system call, and subscribers that wait poll.
  std::optional<bool> doorbell = {};

  /// Whether every message wakes all who sleep, for one system call (about 0.4 us) a message. Then subscribers
  /// of any user who may read the region can sleep, without a bell. Default: no.
  std::optional<bool> wake_always = {};

  /// Permissions of the bell, whatever the region's. Whoever may write the bell may also truncate it, and so
  /// kill the publisher and the sleepers, which have it mapped: widen it only to users whom you trust that far.
  /// Default: 0600 for a new bell; one that is there keeps what it has.
  std::optional<std::uint32_t> doorbell_mode = {};

  /// Have the region made of huge pages (2 MiB) where the system can: Linux 6.1 and later, in shared memory or
  /// /dev/shm, as much of it as fills whole ones. Subscribers then have them too. It saves misses of the
  /// address translation, and makes opening longer: measure whether it pays; for messages that are read in
  /// their order from up to 16 MiB of slots no gain was found. No error where there are none.
  bool huge_pages = false;

  /// Keep the region in memory (mlock): no message waits until a page that was swapped out is back. Errors when
  /// opening: the system's ENOMEM or EPERM, where the limit on locked memory is in the way.
  bool lock_memory = false;

  /// Permissions of a channel that is created, whatever the umask. Subscribers need to read, nothing else. Not
  /// used on Windows, where a file has those of its folder.
  std::uint32_t mode = 0600;

  /// Put a new channel in the place of one of another identity, or of a damaged one, instead of refusing.
  /// The old one's subscribers are told (State::superseded). Never takes the place of a file that is no
  /// channel.
  bool replace = false;

  /// Remove the channel in the destructor. Default: it stays, for late subscribers and for a successor.
  bool remove_on_close = false;

  /// Publish into a region that belongs to another user. Whoever owns a file can truncate it, and so kill
  /// every process that has it mapped.
  bool allow_other_owner = false;
};

/// Where a subscriber begins.
enum class Start {
  newest, ///< next() gives what is published from now on
  oldest, ///< next() gives what is still there first
};

/// Where next() goes on when the publisher has overtaken the subscriber.
enum class Resume {
  half,   ///< half a ring behind the newest: room to catch up, and to fall behind again
  newest, ///< the newest: the least delay
  oldest, ///< the oldest still there: the fewest lost, and soon overtaken again
};

/// What a waiting subscriber does with its core.
enum class Strategy {
  spin_then_sleep, ///< looks for a few microseconds, then sleeps
  sleep,           ///< sleeps at once: the least power, and a wake-up for every message
  yield,           ///< looks, and gives the core to whoever else wants it
  spin,            ///< looks without pause: the least latency, and a whole core
};

/// How to subscribe.
struct SubscriberOptions {
  Start start = Start::newest;                   ///< With which message next() begins.
  Resume resume = Resume::half;                  ///< With which it goes on after an overrun.
  Strategy strategy = Strategy::spin_then_sleep; ///< What wait_for() does until there is something.

  /// How long to wait for a channel to appear where there is none yet. Default: not at all.
  std::chrono::nanoseconds open_timeout{0};

  /// Let wait_for() move on to the channel that has taken this one's place, when this one is drained. It then
  /// gives Wait::superseded, and sequences start afresh. Where there is no such channel, or none that this
  /// subscriber could read, that is told once as well, and it goes on looking for one.
  bool follow = false;

  /// Keep the region in memory (mlock), as PublisherOptions::lock_memory.
  bool lock_memory = false;

  /// Survive it when somebody truncates the channel's file. Whoever may write a file may truncate it, and the
  /// kernel then sends SIGBUS to every process that looks beyond the new end: without this option that kills
  /// the process, unless it has a handler of its own. With it the call gives nothing, error() is
  /// Errc::truncated, and nothing is delivered from this region any more; reopen() moves on when a publisher
  /// has made another. Costs next() and latest() nothing.
  ///
  /// next() and latest() find out when they look beyond the new end, wait_for() by the file's size.
  ///
  /// It installs a handler for SIGBUS, once for the process and for good. Faults that are not its own go to the
  /// handler that was there before, or kill as ever; a handler installed later has to pass on what it does not
  /// know to the one that sigaction() gave it. A thread that blocks SIGBUS is killed all the same.
  ///
  /// Windows does not let anybody truncate a file that is mapped, so there it has nothing to do.
  ///
  /// A file that is cut in the middle of a page, or made long again, reads as zeros there: that is writing, not
  /// truncating, and no option helps against those who may write.
  bool survive_truncation = false;
};

/// What a subscriber finds out about the other side.
enum class State {
  live,         ///< a publisher has the channel open
  no_publisher, ///< the last publisher died, or its machine was restarted
  closed,       ///< the last publisher closed the channel; another may come
  superseded,   ///< the name has gone, or stands for another region now: reopen()
};

/// A publisher's time in office.
struct Epoch {
  std::uint64_t number = 0;         ///< publishers that have opened the channel so far, this one included
  std::uint64_t first_sequence = 0; ///< the sequence that this one began with
};

/// How a subscriber that sleeps learns of a message.
enum class Wakeup {
  doorbell,  ///< it is woken through the bell
  wake_word, ///< it is woken by every message (PublisherOptions::wake_always)
  polling,   ///< it looks again, after pauses that grow to 1 ms: no bell, or no permission to write to it
};

/// Why a wait ended.
enum class Wait {
  message,      ///< next() has something to say
  timeout,      ///< the time is over
  closed,       ///< the publisher has closed the channel (told once)
  no_publisher, ///< the publisher has died (told once)
  superseded,   ///< another region, or none, is behind the name (told once)
  stopped,      ///< the stop token said so
};

/// What a State is called, for people.
const char* to_string(State state) noexcept;
/// What a reason is called, for people.
const char* to_string(Wait reason) noexcept;
/// What a way of being woken is called, for people.
const char* to_string(Wakeup wakeup) noexcept;
/// file("test.dat") or shared_memory("ticker"), as one would write it.
std::string to_string(const Location& location);

/// How to remove a channel.
struct RemoveOptions {
  /// Take the name from a live publisher too, or from a channel whose lock is obstructed. The publisher goes on
  /// into a region that nobody finds any more; whoever sleeps there notices after 100 ms at most.
  bool even_if_alive = false;
};

/// Removes a channel, its bell too, and gives true; false if there is none.
/// Subscribers that have it open keep what they mapped, and are told State::superseded.
/// Errors: publisher_alive, not_a_channel and the like, as for opening; nothing is removed then.
bool remove(const Location& location, const RemoveOptions& options = {});
/// The same without exceptions: false, and the reason in `error`, which is empty where there is no channel.
bool remove(const Location& location, std::error_code& error) noexcept;
/// The same without exceptions: the reason in `error`.
bool remove(const Location& location, const RemoveOptions& options, std::error_code& error) noexcept;

} // namespace seqcast::inline v1
