// SPDX-License-Identifier: BSL-1.0
//
// seqcast.h: the C interface, for C99 and for every language that calls C. The same channels as the C++
// classes, as messages of bytes: a struct of fixed size is a message of sizeof(struct) bytes.
//
//     seqcast_location where = {SEQCAST_SHARED_MEMORY, 0, {"quotes", SEQCAST_ZERO_TERMINATED}};
//     seqcast_publisher *publisher;
//     int code = seqcast_publisher_open(SEQCAST_VERSION, &where, NULL, &publisher, NULL);
//     if (code == SEQCAST_OK) code = seqcast_publish(publisher, &quote, sizeof quote, NULL);
//
// Codes      A call that can fail returns an int: 0 is success, a positive number a seqcast_code, a negative
//            one the system's errno with a minus before it. No exception leaves a call.
// Errors     After an error nothing was done, and the handles are as before, unless a function says otherwise.
//            A pointer may be null only where its description says so; otherwise SEQCAST_INVALID_ARGUMENT.
//            A failed open sets its handle to null.
// Structs    The first member of each struct that may grow is its size: set struct_size to sizeof, and the rest
//            to zero, as `= {.struct_size = sizeof options}` does. Zero is the default of every option. So an
//            option has its default in a program that was compiled before it existed, and no function or macro
//            is needed to initialise it. An option that is set and that this library does not have is
//            SEQCAST_INVALID_ARGUMENT. Of a struct to be filled, as much is filled as struct_size has room for.
// Switches   A member described as a switch is 0 or 1.
// Texts      UTF-8, with their size in bytes. A file's path, or the name of an object, may have any bytes but
//            zero where the system allows that. Texts that are given out end with a zero as well.
// Times      Nanoseconds.
// Threads    Each function says which threads may call it. "One at a time" is per handle: another thread may
//            use a handle after a synchronised handover. Different handles are independent.
// Processes  In a forked child the handles of the parent are dead: close them there, or leave them.
//
// A handle is used after its open function has given it, and before its close function: nothing checks that.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The version of this header: 1000000 * major + 1000 * minor + patch. It is passed to the functions that open
/// a channel, which compare it with the library's: the major numbers have to agree, and before 1.0 the minor
/// numbers too.
#define SEQCAST_VERSION 1000

/// As the size of a text that is passed to the library: up to its terminating zero.
#define SEQCAST_ZERO_TERMINATED ((size_t)-1)

/// As a timeout: without end. So is every negative one.
#define SEQCAST_FOREVER (-1)

/// What calls return. Numbers are never given another meaning; a newer library may return others than these.
enum seqcast_code {
  SEQCAST_OK = 0, ///< Success.

  // Opening: nothing there.
  SEQCAST_NO_CHANNEL = 1,       ///< Nothing is behind the name yet. Wait for a publisher (open_timeout_ns).
  SEQCAST_INVALID_LOCATION = 2, ///< The name cannot be a file, or cannot be a shared-memory object.
  SEQCAST_INVALID_OPTIONS = 3,  ///< The options contradict each other or the limits of the format.

  // Opening: something else is there.
  SEQCAST_NOT_A_REGULAR_FILE = 4, ///< A directory, a symbolic link, a FIFO, a device.
  SEQCAST_NOT_A_CHANNEL = 5,      ///< A file that seqcast did not make. It is never overwritten.
  SEQCAST_WRONG_BYTE_ORDER = 6,   ///< A channel made on a machine of the other byte order.
  SEQCAST_WRONG_VERSION = 7,      ///< A channel in another version of the format.
  SEQCAST_WRONG_GEOMETRY = 8,     ///< The numbers in the header contradict each other or the size of the file.
  SEQCAST_UNKNOWN_FEATURE = 9,    ///< The channel uses something that this version may not ignore.
  SEQCAST_WRONG_IDENTITY = 10,    ///< A sound channel, of another message size, capacity or schema.
  SEQCAST_DAMAGED = 11,           ///< The slots contradict the header: not what a publisher leaves.

  // Opening: another process is in the way.
  SEQCAST_PUBLISHER_ALIVE = 12, ///< A live publisher holds the channel: there is one per channel.
  SEQCAST_LOCK_OBSTRUCTED = 13, ///< A process that is no publisher holds a lock on the file.
  SEQCAST_OTHER_OWNER = 14,     ///< Another user owns the file; see allow_other_owner.
  SEQCAST_BUILD_MISMATCH = 15,  ///< Header and library are of different versions.

  // Reading: why there is no message, when it was not that nothing is new.
  SEQCAST_OVERRUN = 16,          ///< The publisher lapped each of a few attempts. Call again.
  SEQCAST_CORRUPT = 17,          ///< The region contains what no publisher stores. No more messages come.
  SEQCAST_WRONG_SIZE = 18,       ///< A message of an impossible size was passed over; it will count as lost.
  SEQCAST_BUFFER_TOO_SMALL = 19, ///< The message is longer than the buffer. It is still unread.
  SEQCAST_TRUNCATED = 20,        ///< The file was truncated. No more messages come; see survive_truncation.

  // Reliable subscribers.
  SEQCAST_NOT_RELIABLE = 21, ///< Opening: the publisher waits for no subscriber; see max_blocking_time_ns.
  SEQCAST_NO_ENTRY = 22,     ///< Opening: the channel has 62 reliable subscribers already.
  SEQCAST_DEMOTED = 23, ///< The publisher no longer waits for this one. Call again; what was lost is counted.

  // What a call has found. Not an error.
  SEQCAST_NOTHING_NEW = 101,  ///< There is no message, or no region, other than before.
  SEQCAST_TIMEOUT = 102,      ///< The time is over.
  SEQCAST_CLOSED = 103,       ///< The publisher has closed the channel (reported once).
  SEQCAST_NO_PUBLISHER = 104, ///< The publisher has died (reported once).
  SEQCAST_SUPERSEDED = 105,   ///< Another region, or none, is behind the name (reported once).
  SEQCAST_STOPPED = 106,      ///< The stop source asked for it.
  SEQCAST_WOULD_WAIT = 107,   ///< A reliable subscriber is in the way. Nothing was published.

  // A mistake of the caller's.
  SEQCAST_INVALID_ARGUMENT = 201, ///< A null pointer, a struct_size, or a number that does not exist.
  SEQCAST_TOO_LONG = 202,         ///< The message is longer than max_message_size. Nothing was published.
  SEQCAST_STALE_LOAN = 203,       ///< No loan, or one older than another message. Nothing was published.
  SEQCAST_NOT_OF_SCHEMA = 205,    ///< The schema has fields, and another size. Nothing was published.
  SEQCAST_NO_GAPS = 206,          ///< The channel has no gaps: see that option. Nothing was skipped.

  SEQCAST_UNEXPECTED = 204 ///< An exception of none of these kinds: see its text, where there is one.
};

/// Of what a location names.
enum seqcast_kind {
  SEQCAST_FILE = 1,         ///< A file, by its path. On a disk, write-back can delay single messages.
  SEQCAST_SHARED_MEMORY = 2 ///< A named shared-memory object; on Linux /dev/shm/NAME. The name has no slash.
};

/// Of an option that is part of the channel's identity: what is set has to agree with a channel that is there.
enum seqcast_switch {
  SEQCAST_UNSET = 0, ///< As the channel has it; off in a new one.
  SEQCAST_ON = 1,    ///< On.
  SEQCAST_OFF = 2    ///< Off.
};

/// How a sleeping subscriber learns of a message.
enum seqcast_wakeup {
  SEQCAST_WAKEUP_UNSET = 0,         ///< As the channel has it; by a bell in a new one.
  SEQCAST_WAKEUP_BELL = 1,          ///< Through the bell, a small file beside the region.
  SEQCAST_WAKEUP_EVERY_MESSAGE = 2, ///< Every message wakes all who sleep: one system call each.
  SEQCAST_WAKEUP_POLLING = 3        ///< Not at all: it polls, with pauses that grow to 1 ms.
};

/// With which message a subscriber begins.
enum seqcast_start {
  SEQCAST_START_NEWEST = 0, ///< What is published from now on.
  SEQCAST_START_OLDEST = 1  ///< What is still there, first.
};

/// With which message it goes on when the publisher has lapped it.
enum seqcast_resume {
  SEQCAST_RESUME_HALF = 0,   ///< Half a ring behind the newest: room to catch up, and to fall behind again.
  SEQCAST_RESUME_NEWEST = 1, ///< The newest: the least delay.
  SEQCAST_RESUME_OLDEST = 2  ///< The oldest still there: the fewest lost, and soon lapped again.
};

/// What a waiting subscriber does with its core.
enum seqcast_strategy {
  SEQCAST_SPIN_THEN_SLEEP = 0, ///< Polls for a few microseconds, then sleeps.
  SEQCAST_SLEEP = 1,           ///< Sleeps at once: the least power, and a wake-up for every message.
  SEQCAST_YIELD = 2,           ///< Polls, and yields the core between two polls.
  SEQCAST_SPIN = 3             ///< Polls without pause: the least latency, and a whole core.
};

/// What has become of the publisher, and of the region.
enum seqcast_state {
  SEQCAST_STATE_LIVE = 0,         ///< A publisher has the channel open.
  SEQCAST_STATE_NO_PUBLISHER = 1, ///< The last publisher died, or its machine was restarted.
  SEQCAST_STATE_CLOSED = 2,       ///< The last publisher closed the channel; another may come.
  SEQCAST_STATE_SUPERSEDED = 3    ///< The name is gone, or stands for another region now.
};

/// Publishes into one channel.
typedef struct seqcast_publisher seqcast_publisher;
/// Reads one channel. It maps the channel read-only and cannot disturb its publisher or other subscribers.
typedef struct seqcast_subscriber seqcast_subscriber;
/// Ends waits from another thread.
typedef struct seqcast_stop_source seqcast_stop_source;
/// A descriptor for an event loop, and what it watches.
typedef struct seqcast_poll_descriptor seqcast_poll_descriptor;
/// Reads about one channel without subscribing to it. A publisher cannot notice it.
typedef struct seqcast_inspector seqcast_inspector;
/// The locations of channels.
typedef struct seqcast_list seqcast_list;

/// A text. This struct does not grow.
typedef struct seqcast_string {
  const char* data; ///< Its bytes; may be null if there are none.
  size_t size;      ///< Bytes, without a terminating zero; or SEQCAST_ZERO_TERMINATED.
} seqcast_string;

/// Where a channel lies. This struct does not grow.
typedef struct seqcast_location {
  uint32_t kind;       ///< seqcast_kind
  uint32_t reserved;   ///< 0
  seqcast_string name; ///< The path, or the object's name.
} seqcast_location;

/// A part of a message that is gathered. This struct does not grow.
typedef struct seqcast_piece {
  const void* data; ///< Its bytes; may be null if there are none.
  size_t size;      ///< Bytes.
} seqcast_piece;

/// Where the explanation of an error goes: where, what is wrong, what was expected and found, what to do. After
/// a call that did not fail the text is empty.
typedef struct seqcast_error {
  size_t struct_size;   ///< sizeof(seqcast_error)
  char* text;           ///< In: a buffer of the caller's; may be null. The text in it ends with a zero.
  size_t text_capacity; ///< In: bytes of that buffer.
  size_t text_size;     ///< Out: bytes of the whole text, without the zero; what does not fit is cut off.
} seqcast_error;

/// How to publish. What is unset is taken from the channel that is already there, or from the defaults named
/// below where there is none; what is set has to agree with it.
typedef struct seqcast_publisher_options {
  size_t struct_size; ///< sizeof(seqcast_publisher_options)

  /// Slots: a power of two, at least 2. Unset: what fits into 1 MiB, at least 8 and at most 1024. A subscriber
  /// may fall this many messages behind, less one, before it loses any.
  uint64_t capacity;

  /// Bytes, at most 2^31. Unset: 1024.
  uint32_t max_message_size;

  /// Bytes, a power of two, at most 4096. Unset: 1. A C++ `Subscriber<T>` wants alignof(T), and
  /// sizeof(T) as max_message_size.
  uint32_t message_alignment;

  /// The schema that the messages follow: "acme.Quote{bid:f64,ask:f64}", a format string of PEP 3118 that ends with
  /// its name in colons, or a name. A channel with a schema takes messages only from a publisher that has the same.
  /// With fields, max_message_size is their size, and message_alignment that of C if unset. Unset: none.
  seqcast_string schema;

  /// seqcast_switch: whether each message carries its publish time, for one reading of the clock per message.
  uint32_t timestamps;

  /// seqcast_switch: whether subscribers may copy a message of more than 16 KiB while
  /// it is still being written.
  uint32_t copy_behind;

  /// seqcast_wakeup: how sleeping subscribers are woken.
  uint32_t wakeup;

  /// Permissions of the bell. Unset: 0600 for a new one. Who may write the bell may also truncate it, and so
  /// kill the publisher and the sleepers.
  uint32_t bell_mode;

  /// Permissions of a channel that is created, whatever the umask. Unset: 0600.
  uint32_t mode;

  /// A switch: keep the region in memory (mlock).
  uint32_t lock_memory;

  /// A switch: put a new channel in the place of one of another identity, or of a damaged one. Never replaces a
  /// file that is no channel.
  uint32_t replace;

  /// A switch: remove the channel when it is closed. Otherwise it stays, for a successor.
  uint32_t remove_on_close;

  /// A switch: publish into a region that belongs to another user, who can truncate it.
  uint32_t allow_other_owner;

  uint32_t reserved; ///< 0

  /// How long publishing waits for reliable subscribers that have not received the message whose place the next
  /// one takes. One that is still behind then is demoted to best effort; one that has died delays a
  /// message by 1 ms at most. Unset: publishing never waits, and nobody can subscribe reliably. 1 demotes at
  /// once. SEQCAST_FOREVER: then a subscriber that is stopped stops the publisher. Needs SEQCAST_WAKEUP_BELL.
  int64_t max_blocking_time_ns;

  /// seqcast_switch: whether sequences may be left out, by seqcast_skip(). A seqcast that does not know gaps
  /// refuses such a channel.
  uint32_t gaps;

  uint32_t reserved_2; ///< 0
} seqcast_publisher_options;

/// What a publisher has to say of itself and its channel.
typedef struct seqcast_publisher_info {
  size_t struct_size;        ///< sizeof(seqcast_publisher_info)
  uint64_t head;             ///< Sequence of the last message of the channel; 0 if there is none.
  uint64_t epoch;            ///< Publishers that have opened the channel so far, this one included.
  uint64_t first_sequence;   ///< The sequence that this one began with.
  uint64_t capacity;         ///< Slots.
  uint32_t max_message_size; ///< Bytes.
  uint32_t timestamps;       ///< Whether messages carry their publish time: 0 or 1.
  uint32_t state;            ///< seqcast_state: live, or superseded if the name does not lead here any more.
  uint32_t reliable_subscribers; ///< That it waits for; one that has died counts until it is in the way.
} seqcast_publisher_info;

/// How to subscribe.
typedef struct seqcast_subscriber_options {
  size_t struct_size; ///< sizeof(seqcast_subscriber_options)
  uint32_t start;     ///< seqcast_start: with which message seqcast_next() begins.
  uint32_t resume;    ///< seqcast_resume: with which it goes on after an overrun.
  uint32_t strategy;  ///< seqcast_strategy: what waits do until there is something.

  /// A switch: let waits move on to the channel that has taken this one's place, when this one is drained. The
  /// wait then gives SEQCAST_SUPERSEDED, and sequences start afresh.
  uint32_t follow;

  /// How long to wait for a channel to appear where there is none yet. Negative: without end.
  int64_t open_timeout_ns;

  uint32_t lock_memory; ///< A switch: keep the region in memory (mlock).

  /// A switch: survive a truncation of the channel's file, which otherwise kills every process that reads
  /// beyond the new end. Installs a handler for SIGBUS, once and for good;
  /// see SubscriberOptions in options.hpp.
  uint32_t survive_truncation;

  /// A switch: have the publisher wait for this subscriber: what is published from now on is not overwritten
  /// before seqcast_next(), seqcast_latest() or seqcast_view() was called once more after it. If it keeps the
  /// publisher waiting for max_blocking_time_ns it is demoted to best effort: one call gives SEQCAST_DEMOTED,
  /// and seqcast_register_reliable() registers again. The publisher has to have max_blocking_time_ns
  /// (SEQCAST_NOT_RELIABLE), and this user to be able to write the bell (-EACCES).
  uint32_t reliable;

  uint32_t reserved; ///< 0
} seqcast_subscriber_options;

/// What a subscriber has to say of itself and its channel.
typedef struct seqcast_subscriber_info {
  size_t struct_size;        ///< sizeof(seqcast_subscriber_info)
  uint64_t cursor;           ///< The last sequence delivered; seqcast_next() goes on after it.
  uint64_t lag;              ///< Messages not yet read, including those that are overwritten already.
  uint64_t epoch;            ///< Number of the present publisher, or of the last; 0: not found out, call again.
  uint64_t first_sequence;   ///< The sequence that it began with.
  uint64_t capacity;         ///< Slots.
  uint32_t max_message_size; ///< Bytes; a buffer of this size takes every message.
  uint32_t timestamps;       ///< Whether messages carry their publish time: 0 or 1.
  uint32_t state;            ///< seqcast_state
  uint32_t publisher_alive;  ///< Whether some process has the channel open for publishing: 0 or 1.
  uint32_t wakeup;           ///< seqcast_wakeup: how this subscriber is woken when it sleeps.
  uint32_t reliable;         ///< Whether the publisher waits for it, unless a call reports a demotion: 0 or 1.
} seqcast_subscriber_info;

/// A message that was received.
typedef struct seqcast_message {
  size_t struct_size;       ///< sizeof(seqcast_message)
  const void* data;         ///< Its bytes; where they are, and for how long, each function says.
  size_t size;              ///< Bytes.
  uint64_t sequence;        ///< 1 for a channel's first message, then one more for each.
  uint64_t lost;            ///< Messages missed since the one delivered before.
  uint64_t published_at_ns; ///< When, by seqcast_clock_ns(); 0 if the channel carries no timestamps.
} seqcast_message;

/// Messages of one size that were received in one call.
typedef struct seqcast_batch {
  size_t struct_size; ///< sizeof(seqcast_batch)
  size_t count;       ///< How many; their sequences follow each other.
  size_t size;        ///< Bytes of each; with SEQCAST_BUFFER_TOO_SMALL of the next one, which is not read.
  uint64_t sequence;  ///< Of the first one.
  uint64_t lost;      ///< Messages missed before the first one.
} seqcast_batch;

/// How to inspect.
typedef struct seqcast_inspector_options {
  size_t struct_size;          ///< sizeof(seqcast_inspector_options)
  uint32_t survive_truncation; ///< A switch: as in seqcast_subscriber_options.
  uint32_t reserved;           ///< 0
} seqcast_inspector_options;

/// What a channel is: written once, when it was made, and checked when it was opened.
typedef struct seqcast_identity {
  size_t struct_size;           ///< sizeof(seqcast_identity)
  uint64_t region_size;         ///< Bytes.
  uint64_t slots_offset;        ///< Bytes before the first slot.
  uint64_t slot_stride;         ///< Bytes from one slot to the next.
  uint64_t capacity;            ///< Slots; a power of two.
  uint32_t format_version;      ///< Of the bytes; 1 so far.
  uint32_t payload_offset;      ///< Bytes before the message in a slot.
  uint32_t max_message_size;    ///< Bytes.
  uint32_t message_alignment;   ///< Bytes.
  uint32_t timestamps;          ///< Whether messages carry their publish time: 0 or 1.
  uint32_t copy_behind;         ///< Whether they may be copied while they are written: 0 or 1.
  uint32_t wakeup;              ///< seqcast_wakeup
  uint32_t gaps;                ///< Whether sequences may be left out: 0 or 1.
  uint64_t unknown_flags;       ///< Compatible ones, of a newer seqcast.
  uint64_t schema_tag;          ///< Of name and fields; 0 if there are none.
  seqcast_string schema_name;   ///< Any bytes but zero; empty if there is none. Of the inspector: ends with it.
  seqcast_string schema_format; ///< The fields, as a format string of PEP 3118; likewise.
  int64_t created_at_ns;        ///< Since 1970, UTC; 0 where the file system does not keep it.
  uint64_t id;                  ///< Random; tells it from others of its name. 0 if an older seqcast made it.
  uint32_t mirror;   ///< Whether it mirrors a channel of another machine, which has the same id: 0 or 1.
  uint32_t reserved; ///< 0
} seqcast_identity;

/// What has become of a channel, at one moment.
typedef struct seqcast_status {
  size_t struct_size;         ///< sizeof(seqcast_status)
  uint64_t head;              ///< Sequence of the last complete message; 0 if there was none yet.
  uint64_t oldest;            ///< Messages from this one to head can be read; above head if none can.
  uint64_t published_at_ns;   ///< Of the message at head, by seqcast_clock_ns(); 0 if that is not known.
  uint64_t epoch;             ///< Number of the publisher, or of the last; 0: not found out, call again.
  uint64_t first_sequence;    ///< The sequence that it began with.
  uint64_t publisher_process; ///< Its process id, in its own namespace; for people.
  uint32_t state;             ///< seqcast_state
  uint32_t publisher_alive;   ///< Whether some process holds the publisher's lock: 0 or 1.
  uint32_t bell_found;        ///< Whether the bell is there, of a channel that has one: 0 or 1.
  uint32_t problem; ///< 0, SEQCAST_DAMAGED or SEQCAST_TRUNCATED: head, oldest and published_at_ns say nothing.
} seqcast_status;

/// How to remove a channel.
typedef struct seqcast_remove_options {
  size_t struct_size;     ///< sizeof(seqcast_remove_options)
  uint32_t even_if_alive; ///< A switch: take the name from a live publisher too, which goes on without one.
  uint32_t reserved;      ///< 0
} seqcast_remove_options;

/// The version of the library, counted as SEQCAST_VERSION.
/// Threads: any, at any time.
uint32_t seqcast_version(void);

/// The clock of publish times, now: CLOCK_MONOTONIC on Linux. Compare it with published_at_ns of a message from
/// the same machine; it differs between time namespaces.
/// Threads: any, at any time.
uint64_t seqcast_clock_ns(void);

/// Explains a code that a call has returned, in general terms: the text of an open
/// function's `error` is better.
/// Returns SEQCAST_OK, also for numbers that are no code.
/// Threads: any, at any time.
int seqcast_explain(int code, seqcast_error* error);

/// Creates the channel, or takes it over from a publisher that closed it or died; its sequence goes on.
/// `header_version` is SEQCAST_VERSION. `options` may be null: all defaults. `error` may be null.
/// Errors: SEQCAST_PUBLISHER_ALIVE, SEQCAST_WRONG_IDENTITY, SEQCAST_NOT_A_CHANNEL and the like, or the
/// system's; what is behind the name is unchanged.
/// Progress: blocks for system calls; where another publisher holds the lock, 20 ms before it gives up.
/// Threads: any, at any time.
int seqcast_publisher_open(uint32_t header_version, const seqcast_location* where,
                           const seqcast_publisher_options* options, seqcast_publisher** publisher,
                           seqcast_error* error);

/// Closes the channel: subscribers get SEQCAST_CLOSED. Null is accepted, and nothing can fail.
/// Threads: one, when no other uses the handle any more.
void seqcast_publisher_close(seqcast_publisher* publisher);

/// Publishes one message: `size` bytes at `data`, which may be null if there are none. `sequence` may be null;
/// it is the message's, and unchanged after an error.
/// Errors: SEQCAST_TOO_LONG, SEQCAST_NOT_OF_SCHEMA, SEQCAST_INVALID_ARGUMENT.
/// Progress: wait-free; no allocation. No system call, except to wake a sleeping subscriber (with
/// SEQCAST_WAKEUP_EVERY_MESSAGE always), and to read the clock where the system has no vDSO. With
/// max_blocking_time_ns it blocks for at most that time while a reliable subscriber is in the way.
/// Memory ordering: who receives the message sees what happened before this call, and the message whole.
/// Threads: one at a time.
int seqcast_publish(seqcast_publisher* publisher, const void* data, size_t size, uint64_t* sequence);

/// seqcast_publish(), or SEQCAST_WOULD_WAIT if that would wait for a reliable subscriber.
/// Progress: wait-free, but for a few system calls where one is in the way.
/// Errors, memory ordering and threads: as for seqcast_publish().
int seqcast_try_publish(seqcast_publisher* publisher, const void* data, size_t size, uint64_t* sequence);

/// Gathers `count` pieces, in their order, into one message; `pieces` may be null if there are none.
/// Errors, progress, memory ordering and threads: as for seqcast_publish().
int seqcast_publish_pieces(seqcast_publisher* publisher, const seqcast_piece* pieces, size_t count,
                           uint64_t* sequence);

/// Publishes `count` messages of `size` bytes each, which lie one behind the other at `data`: faster than one by
/// one. `sequence` is the last one's. Subscribers may receive the first before the last is published. With
/// timestamps all have the same one.
/// Errors, progress, memory ordering and threads: as for seqcast_publish().
int seqcast_publish_batch(seqcast_publisher* publisher, const void* data, size_t size, size_t count,
                          uint64_t* sequence);

/// Leaves out the next `count` sequences: messages that exist, but never came here. Subscribers count them as
/// lost. From the channel's capacity on all messages before them are discarded. `sequence` is the last one left
/// out, and may be null.
/// Errors: SEQCAST_NO_GAPS; SEQCAST_INVALID_ARGUMENT, also if the last one would be above 2^60.
/// Progress: wait-free, in time that grows with `count` up to the capacity only; system calls as for
/// seqcast_publish(). With max_blocking_time_ns it blocks as seqcast_publish() does, from the capacity on until
/// all reliable subscribers have received the last message.
/// Threads: one at a time.
int seqcast_skip(seqcast_publisher* publisher, uint64_t count, uint64_t* sequence);

/// Gives the room for the next message, where subscribers will read it: no copy. `size` is max_message_size,
/// and may be null. The content is unspecified at first, and no subscriber takes it before seqcast_commit(). A
/// loan that is not committed publishes nothing; the next one is the same room. Once another message was
/// published, or the publisher closed, the room must not be written to.
/// Progress: wait-free.
/// Threads: one at a time; the room may be filled by other threads that this one waits for.
int seqcast_loan(seqcast_publisher* publisher, void** data, size_t* size);

/// Publishes the first `size` bytes of the loan. `sequence` may be null.
/// Errors: SEQCAST_STALE_LOAN if there is none, or if another message was published since; SEQCAST_TOO_LONG and
/// SEQCAST_NOT_OF_SCHEMA, and then it can still be committed.
/// Progress, memory ordering and threads: as for seqcast_publish().
int seqcast_commit(seqcast_publisher* publisher, size_t size, uint64_t* sequence);

/// Fills `info`.
/// Progress: a system call, for `state`.
/// Threads: one at a time.
int seqcast_publisher_get_info(const seqcast_publisher* publisher, seqcast_publisher_info* info);

/// Explains a code that a call with this publisher has returned, with its numbers: how long a message was, and may be.
/// Returns SEQCAST_OK.
/// Threads: one at a time.
int seqcast_publisher_explain(const seqcast_publisher* publisher, int code, seqcast_error* error);

/// Opens the channel for reading. `header_version` is SEQCAST_VERSION. `options` and `error` may be null.
/// Errors: SEQCAST_NO_CHANNEL, which is a normal state, SEQCAST_NOT_A_CHANNEL and the like, or the system's.
/// Progress: blocks for system calls, and up to open_timeout_ns where there is no channel yet.
/// Threads: any, at any time.
int seqcast_subscriber_open(uint32_t header_version, const seqcast_location* where,
                            const seqcast_subscriber_options* options, seqcast_subscriber** subscriber,
                            seqcast_error* error);

/// Ends the subscription. Messages in its own buffer, and views, end with it. Null is accepted, and
/// nothing can fail.
/// Threads: one, when no other uses the handle any more.
void seqcast_subscriber_close(seqcast_subscriber* subscriber);

/// The next message in order, with the number lost before it. Its bytes are in the subscriber's own buffer,
/// until the next call with this subscriber.
/// Returns SEQCAST_NOTHING_NEW if there is none; `message` is unchanged then, and after an error.
/// Errors: SEQCAST_OVERRUN and, once, SEQCAST_DEMOTED: call again. SEQCAST_CORRUPT, SEQCAST_WRONG_SIZE,
/// SEQCAST_TRUNCATED: no message comes, or one was passed over.
/// Progress: lock-free and bounded: at most two attempts, one copy each. In a channel with copy_behind it may
/// poll a message that is being written, a bounded number of times.
/// Memory ordering: what the publisher did before publishing the message has happened before.
/// Threads: one at a time.
int seqcast_next(seqcast_subscriber* subscriber, seqcast_message* message);

/// seqcast_next() into a buffer of the caller's, of `capacity` bytes, whose content is unspecified unless a
/// message is given; it may be null if it has none.
/// Errors: SEQCAST_BUFFER_TOO_SMALL for a message that is longer. It is still unread: `size` of `message` is
/// what it needs, and the rest unchanged.
int seqcast_next_into(seqcast_subscriber* subscriber, void* buffer, size_t capacity, seqcast_message* message);

/// As many messages of exactly `size` bytes as follow each other, `capacity` at most, one behind the other into
/// `buffer`, which has room for capacity * size bytes: faster than one by one. What lies behind those that are given
/// is unspecified. Neither `size` nor `capacity` is 0.
/// Returns and errors: as for seqcast_next(). SEQCAST_BUFFER_TOO_SMALL for a message of another size, which is still
/// unread: `size` of `batch` is its own.
/// Progress: as for seqcast_next(), and one copy of each. Memory ordering and threads: as for seqcast_next().
int seqcast_next_batch(seqcast_subscriber* subscriber, void* buffer, size_t size, size_t capacity,
                       seqcast_batch* batch);

/// The newest complete message, received before or not; seqcast_next() goes on after it. What it passes over is
/// skipped by choice and does not count as lost.
/// Returns, errors, memory ordering and threads: as for seqcast_next().
/// Progress: lock-free and bounded: at most four attempts, two copies each.
int seqcast_latest(seqcast_subscriber* subscriber, seqcast_message* message);

/// seqcast_latest() into a buffer of the caller's: as seqcast_next_into().
int seqcast_latest_into(seqcast_subscriber* subscriber, void* buffer, size_t capacity,
                        seqcast_message* message);

/// The next message; waits for it, `timeout_ns` at most. `stop` may be null.
/// Returns what seqcast_next() or seqcast_wait() returns, but never SEQCAST_NOTHING_NEW: after SEQCAST_CLOSED,
/// SEQCAST_NO_PUBLISHER and SEQCAST_SUPERSEDED there is nothing more to expect from that publisher.
/// Errors: as for seqcast_next(), and for seqcast_wait().
/// Progress: as for seqcast_wait().
/// Threads: one at a time.
int seqcast_next_for(seqcast_subscriber* subscriber, int64_t timeout_ns, const seqcast_stop_source* stop,
                     seqcast_message* message);

/// seqcast_next_for() into a buffer of the caller's: as seqcast_next_into().
int seqcast_next_for_into(seqcast_subscriber* subscriber, void* buffer, size_t capacity, int64_t timeout_ns,
                          const seqcast_stop_source* stop, seqcast_message* message);

/// The next message in place, without a copy: `data` leads into the channel. It counts as read once
/// seqcast_validate() gives SEQCAST_OK.
///
/// When the publisher laps the subscriber meanwhile, the bytes change while they are read, at any time and in
/// any way, and only seqcast_validate() says so, afterwards. Until then use no value that was read as a bound,
/// an index or an enumeration, do not read a value twice and rely on it being the same, and let nothing out
/// that was computed from it. The size is right, and does not change. A view ends with seqcast_seek(),
/// seqcast_reopen(), a wait that moves on to another region, and the subscriber.
/// Returns, errors and threads: as for seqcast_next(). Progress: so, too, but for the copy.
int seqcast_view(seqcast_subscriber* subscriber, seqcast_message* message);

/// The newest complete message in place: as seqcast_view(), and as seqcast_latest().
int seqcast_latest_view(seqcast_subscriber* subscriber, seqcast_message* message);

/// Whether all that was read of a view so far was this message: SEQCAST_OK, and then the message counts as
/// received. SEQCAST_OVERRUN if not: what was read is worthless, and seqcast_next() goes on after what was
/// lost. `message` is as seqcast_view() has filled it. May be called more than once, and for several views.
/// Progress: wait-free. Memory ordering: as for seqcast_next(), if it gives SEQCAST_OK.
/// Threads: one at a time.
int seqcast_validate(seqcast_subscriber* subscriber, const seqcast_message* message);

/// Has seqcast_next() go on with message `sequence`; with the oldest that is still there if it is older, and
/// with the next one to come if it is newer. `next` is the sequence that is asked for then, and may be null.
/// Progress: wait-free.
/// Threads: one at a time.
int seqcast_seek(seqcast_subscriber* subscriber, uint64_t sequence, uint64_t* next);

/// Attaches to the region that is behind the name now, from its oldest message on. Sequences then start afresh.
/// Returns SEQCAST_NOTHING_NEW if that is the same one as before. `error` may be null.
/// Errors: as for seqcast_subscriber_open(); the subscriber stays where it was.
/// Progress: blocks for system calls.
/// Threads: one at a time.
int seqcast_reopen(seqcast_subscriber* subscriber, seqcast_error* error);

/// Has the publisher wait for this subscriber, again after SEQCAST_DEMOTED: nothing is lost of what is
/// published from now on. `error` may be null.
/// Errors: as for seqcast_subscriber_open() with `reliable`; it goes on by best effort then.
/// Progress: blocks for system calls.
/// Threads: one at a time.
int seqcast_register_reliable(seqcast_subscriber* subscriber, seqcast_error* error);

/// Messages complete and not yet read. Exact while the publisher is idle.
/// Progress: wait-free, two loads.
/// Threads: one at a time.
int seqcast_lag(const seqcast_subscriber* subscriber, uint64_t* lag);

/// Fills `info`.
/// Progress: some system calls.
/// Threads: one at a time.
int seqcast_subscriber_get_info(seqcast_subscriber* subscriber, seqcast_subscriber_info* info);

/// Waits until seqcast_next() has something to report (SEQCAST_OK), until something has become of the
/// publisher, or for `timeout_ns` at most. `stop` may be null. SEQCAST_OK does not promise a message:
/// seqcast_next() may give an error.
/// Returns SEQCAST_OK, SEQCAST_TIMEOUT, SEQCAST_CLOSED, SEQCAST_NO_PUBLISHER, SEQCAST_SUPERSEDED or
/// SEQCAST_STOPPED. A state is reported once per change, and after all messages.
/// Errors: -ENOMEM.
/// Progress: blocks. Signals do not shorten or lengthen it. A publisher that was killed is noticed within some
/// 100 ms.
/// Threads: one at a time.
int seqcast_wait(seqcast_subscriber* subscriber, int64_t timeout_ns, const seqcast_stop_source* stop);

/// Waits for several channels at once, in one thread, as seqcast_wait() does for one. Of several that are ready
/// the first in order is given. `index` is its place among the subscribers, and `count` with SEQCAST_TIMEOUT
/// and SEQCAST_STOPPED; it may be null. `subscribers` may be null if there are none.
/// Returns, errors and progress: as for seqcast_wait(). The kernel sleeps on up to 127 channels at once since
/// Linux 5.16; on more, on an older kernel, and where a subscriber has no bell, it wakes every millisecond.
/// Threads: one at a time, for all of the subscribers.
int seqcast_wait_any(seqcast_subscriber* const* subscribers, size_t count, int64_t timeout_ns,
                     const seqcast_stop_source* stop, size_t* index);

/// Makes what ends waits from another thread.
/// Errors: -ENOMEM.
/// Threads: any, at any time.
int seqcast_stop_source_create(seqcast_stop_source** stop);

/// Ends every wait that has been given this stop source, now and from here on: SEQCAST_STOPPED. It cannot be
/// taken back. Not to be called from a signal handler.
/// Threads: any, at any time.
int seqcast_stop_source_request(seqcast_stop_source* stop);

/// Null is accepted. A wait that has begun with it may go on.
/// Threads: one, when no other uses the handle any more.
void seqcast_stop_source_destroy(seqcast_stop_source* stop);

/// Makes a descriptor for event loops that is readable when there is something to read on any of a number of
/// channels. It watches nothing yet. `error` may be null.
/// Errors: the system's.
/// Threads: any, at any time.
int seqcast_poll_descriptor_open(seqcast_poll_descriptor** descriptor, seqcast_error* error);

/// Ends its thread and closes the descriptor. Null is accepted, and nothing can fail.
/// Threads: one, when no other uses the handle any more.
void seqcast_poll_descriptor_close(seqcast_poll_descriptor* descriptor);

/// To be polled for reading, and for nothing else: a file descriptor; on Windows the HANDLE of an event. It
/// belongs to `descriptor`.
/// Threads: any, at any time.
int seqcast_poll_descriptor_get(const seqcast_poll_descriptor* descriptor, intptr_t* native);

/// Watches these subscribers, and no others, from here on: makes the descriptor unreadable until there is
/// something that they have not read, or until something has become of a publisher, which seqcast_wait() with
/// no timeout reports. To be called once they have been drained. No subscriber's address is kept: between two
/// calls they may be used and closed. `subscribers` may be null if there are none; `error` may be null.
/// Errors: the system's, if its thread cannot be started; what was watched before is watched on.
/// Threads: the one that uses the subscribers.
int seqcast_poll_descriptor_arm(seqcast_poll_descriptor* descriptor, seqcast_subscriber* const* subscribers,
                                size_t count, seqcast_error* error);

/// Opens the channel for inspection. `header_version` is SEQCAST_VERSION. `options` and `error` may be null.
/// Errors: as for seqcast_subscriber_open(); a damaged channel is no error here, but in seqcast_status.
/// Progress: blocks for system calls.
/// Threads: any, at any time.
int seqcast_inspector_open(uint32_t header_version, const seqcast_location* where,
                           const seqcast_inspector_options* options, seqcast_inspector** inspector,
                           seqcast_error* error);

/// Null is accepted, and nothing can fail.
/// Threads: one, when no other uses the handle any more.
void seqcast_inspector_close(seqcast_inspector* inspector);

/// Fills `identity`; it is the same for the life of the inspector, whatever the region contains later.
/// Threads: any, at any time.
int seqcast_inspector_get_identity(const seqcast_inspector* inspector, seqcast_identity* identity);

/// Fills `status`: all that changes.
/// Progress: some system calls.
/// Threads: any, at any time.
int seqcast_inspector_get_status(const seqcast_inspector* inspector, seqcast_status* status);

/// Lists the channels in shared memory, by name. What this user may not read is left out. `error` may be null.
/// Errors: the system's; -ENOTSUP where shared memory has no list of names.
/// Threads: any, at any time.
int seqcast_list_shared_memory(seqcast_list** list, seqcast_error* error);

/// Lists the channels in a folder, without those below it. Locations are the folder's path, as given, and the
/// name. `error` may be null.
/// Errors: the system's, -ENOENT for example.
/// Threads: any, at any time.
int seqcast_list_folder(const seqcast_string* folder, seqcast_list** list, seqcast_error* error);

/// The number of channels in the list.
/// Threads: any, at any time.
int seqcast_list_count(const seqcast_list* list, size_t* count);

/// One of them, 0 to count - 1. Its name is the list's, and ends with it.
/// Threads: any, at any time.
int seqcast_list_at(const seqcast_list* list, size_t index, seqcast_location* where);

/// Null is accepted.
/// Threads: one, when no other uses the handle any more.
void seqcast_list_destroy(seqcast_list* list);

/// Removes a channel, and its bell. Subscribers that have it open keep what they mapped, and get
/// SEQCAST_SUPERSEDED. `options` and `error` may be null.
/// Returns SEQCAST_NO_CHANNEL if there is none.
/// Errors: SEQCAST_PUBLISHER_ALIVE, SEQCAST_NOT_A_CHANNEL and the like, as for opening.
/// Progress: blocks for system calls.
/// Threads: any, at any time.
int seqcast_remove(const seqcast_location* where, const seqcast_remove_options* options, seqcast_error* error);

#ifdef __cplusplus
}
#endif
