// SPDX-License-Identifier: BSL-1.0
//
// recording: what seqcast keeps of channels in an MCAP file, and how it comes back: 64-bit sequences, losses,
// epochs, and what a channel was, so that it can be made anew. lib/docs/recording.md has the bytes.
//
//     recording::Writer writer{"run.mcap", {}};
//     const auto id = writer.add(channel);
//     recording::Chunk chunk;
//     chunk.add(id, sequence, epoch, published_at, received_at, bytes);     ... some MiB of them, or one second
//     writer.write(chunk);
//     writer.finish();
//
//     recording::Recording recording{"run.mcap"};
//     for (recording::Cursor cursor = recording.read(); auto entry = cursor.next();) use(*entry);
//
// Who may call it: one thread at a time. A Chunk may be filled by one thread while another writes the one
// before. Each Cursor is of one thread; several threads may read one Recording, each with its own Cursor.
//
// Invariants
//   1. Of each message of a channel, sequence == previous + 1 + lost, and `previous` of the first is `before`.
//   2. before + recorded + lost == head, in a file that was cut as in a whole one.
//   3. A file that was cut at any byte gives every message of each chunk that is whole, with the same numbers.
#pragma once

#include "chunk.hpp"
#include "codec.hpp"
#include "file.hpp"
#include "records.hpp"

#include <seqcast/error.hpp>
#include <seqcast/options.hpp>
#include <seqcast/schema.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace seqcast::recording {

using mcap::Bytes;
using mcap::Compression;
/// What calls throw: what() is the whole explanation, code() the system's, or std::errc::bad_message.
using mcap::Failure;

/// The wall clock, in ns since 1970. A recorder adds one offset to the times of the steady clock, so that the
/// differences between them stay exact.
using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

/// What the bytes of a message in the file are.
enum class Encoding : std::uint8_t {
  raw,  ///< Those that were published.
  json, ///< A JSON object, in UTF-8.
};

/// The name of a channel in a recording (MCAP's topic), as the tool takes it: "quotes", "./quotes".
std::string topic_of(const Location& location);

/// A channel as it was when it was recorded, with what it takes to make it anew. Another region of the same
/// name is another RecordedChannel.
struct RecordedChannel {
  std::uint16_t id = 0; ///< In the file; given by Writer::add().
  Location location{Location::Kind::shared_memory, {}};
  seqcast::Schema schema = seqcast::Schema::stored({}, {}); ///< Of the published bytes; empty if it had none.
  std::uint64_t capacity = 0;                               ///< Slots.
  std::uint32_t max_message_size = 0;                       ///< Bytes.
  std::uint32_t message_alignment = 1;                      ///< Bytes.
  Wakeup wakeup = Wakeup::bell;                             ///< PublisherOptions::wakeup.
  bool timestamps = false;                                  ///< Whether messages carry their publish time.
  bool copy_behind = false;                                 ///< PublisherOptions::copy_behind.
  bool gaps = false;                                        ///< Whether it may have gaps.
  Encoding encoding = Encoding::raw;
  /// With Encoding::json: the JSON schema of the messages, for other programs; may be empty.
  std::string json_schema{};
  /// Sequence of the last message that was overwritten, discarded or passed over before the recording began; 0
  /// if the recording begins with the channel's first message.
  std::uint64_t before = 0;

  /// topic_of(location).
  std::string topic() const {
    return topic_of(location);
  }
};

/// What became of a channel's messages: before + recorded + lost == head.
struct Account {
  std::uint64_t before = 0;   ///< RecordedChannel::before.
  std::uint64_t recorded = 0; ///< Messages in the file.
  std::uint64_t lost = 0;     ///< Messages since `before` that are not in the file.
  std::uint64_t head = 0;     ///< Sequence of the last message that the recorder knew of.

  friend bool operator==(const Account&, const Account&) = default;
};

/// A message of a recording.
struct Entry {
  std::uint16_t channel = 0;
  std::uint64_t sequence = 0;
  /// Messages of this channel between the one before in the file and this one; before the
  /// first: since `before`.
  std::uint64_t lost = 0;
  /// Of its publisher; number 0 if the file does not say it.
  Epoch epoch{};
  std::optional<Time> published_at{}; ///< Nothing if the channel carries no timestamps.
  Time received_at{};
  Bytes message{}; ///< As in the file: see RecordedChannel::encoding.
};

/// Messages in memory, on their way into a file. clear() keeps the memory.
class Chunk {
 public:
  /// Appends a message. The order of a channel's messages is that of their sequences; reading is cheapest if
  /// `received_at` never decreases in a chunk, and from chunk to chunk.
  /// Requires: `channel` is of Writer::add(). `published_at` is `received_at` if the channel
  /// carries no timestamps.
  /// Errors: throws std::invalid_argument if the sequence is not above the channel's last one here;
  /// std::bad_alloc. The chunk is then as before.
  void add(std::uint16_t channel, std::uint64_t sequence, const Epoch& epoch, Time published_at,
           Time received_at, Bytes message) {
    Run& run = run_of(channel);
    const bool follows = sequence > run.last && sequence - run.last < most_jump && epoch.number == run.epoch;
    if (!follows) [[unlikely]]
      return begin_run(channel, sequence, epoch, published_at, received_at, message);
    chunk_.add(channel, static_cast<std::uint32_t>(sequence), to_ns(received_at), to_ns(published_at), message);
    run.last = sequence;
  }

  /// Room for the next message, of at most `size` bytes: add() does not copy what lies there. Valid until the next call.
  /// Errors: throws std::bad_alloc.
  std::span<std::byte> room(std::size_t size) {
    return chunk_.room(size);
  }

  void clear() noexcept;
  /// Takes memory for so many bytes in advance.
  void reserve(std::size_t bytes) {
    chunk_.reserve(bytes);
  }
  bool empty() const noexcept {
    return chunk_.empty();
  }
  std::uint64_t messages() const noexcept {
    return chunk_.messages();
  }
  /// Bytes in the file before compression, without the 16 of each message's index.
  std::size_t size() const noexcept {
    return chunk_.size();
  }

 private:
  friend class Writer;

  static constexpr std::uint64_t most_jump = std::uint64_t{1} << 32;
  /// The last message of a channel here.
  struct Run {
    static constexpr std::uint64_t none = ~std::uint64_t{0};
    std::uint64_t last = none;
    std::uint64_t epoch = 0;
  };
  /// From this message on, the channel's `position`th here, counted from 0: its sequence in full,
  /// and its epoch.
  struct Begin {
    std::uint16_t channel;
    std::uint64_t position;
    std::uint64_t sequence;
    Epoch epoch;
  };

  static std::uint64_t to_ns(Time time) noexcept {
    return static_cast<std::uint64_t>(time.time_since_epoch().count());
  }
  Run& run_of(std::uint16_t channel) {
    if (channel >= runs_.size()) [[unlikely]]
      runs_.resize(channel + std::size_t{1});
    return runs_[channel];
  }
  void begin_run(std::uint16_t channel, std::uint64_t sequence, const Epoch& epoch, Time published_at,
                 Time received_at, Bytes message);

  mcap::Chunk chunk_;
  std::vector<Run> runs_; // by channel
  std::vector<Begin> begins_;
};

struct WriterOptions {
  Compression compression = Compression::none;
  int level = 1; ///< Of zstd: 1 is fast, 19 is small.
  /// Empty a file that is there. Otherwise one is an error: std::errc::file_exists.
  bool replace = false;
  /// What was added to the steady clock to get all times; kept in the file.
  std::chrono::nanoseconds steady_clock_offset{0};
  std::string program = "seqcast"; ///< And its version, for people.
};

/// Sequence of the last message of a channel that the recorder knew of.
struct Head {
  std::uint16_t channel = 0;
  std::uint64_t sequence = 0;
};

/// Makes a recording. What a call is given has been written when it returns. The file grows at its end only; a
/// process that dies at any moment leaves every chunk whose write() returned. Without finish() the file is one
/// that was cut. Moved-from objects may only be destroyed.
///
/// Errors of all calls: throw Failure with the path and the system's code (ENOSPC, EIO, EFBIG ...). What was
/// written before is readable: the file is cut back to its last whole record. Then every call but finish()
/// throws the same again; finish() makes the file complete if there is space for that, and throws otherwise.
class Writer {
 public:
  explicit Writer(const std::string& path, const WriterOptions& options = {});
  /// Into something else than a file.
  Writer(std::unique_ptr<mcap::Sink> sink, const WriterOptions& options);
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;
  ~Writer();

  /// Writes what the channel is, and gives its id, from 1 on; `channel.id` is not read. At most 65535.
  std::uint16_t add(const RecordedChannel& channel);
  /// Writes the chunk. Requires: its channels were added before. An empty one writes nothing.
  /// Errors: throws std::invalid_argument if a channel's first sequence is not above its last one in the file.
  void write(const Chunk& chunk);
  /// Writes a Metadata record, for people: why there was a recording, what triggered it.
  void add_metadata(const mcap::Metadata& metadata);
  /// Returns when all of it would survive a power cut (fdatasync).
  void sync();
  /// Writes accounts and summary: the file is complete. Of a channel that is not in `heads`, the head is its
  /// last message in the file. Errors: throws std::invalid_argument if a head is below that.
  void finish(std::span<const Head> heads = {});

  /// Bytes of the file so far.
  std::uint64_t size() const noexcept;
  /// So far; the head is that of the last message written.
  Account account(std::uint16_t channel) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class Recording;

/// Which messages to read.
struct Filter {
  std::vector<std::uint16_t> channels{}; ///< Empty: all.
  std::optional<Time> from{};            ///< The earliest received_at.
  std::optional<Time> to{};              ///< Messages before this received_at.
};

/// Reads messages by received_at, those of a channel in the order of the file. Memory: the chunks whose times
/// overlap; most often one. Of more than 1 GiB of them, the later ones wait until the first are read, and
/// come after them.
class Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();
  /// The next message; nothing at the end. Its bytes are valid until the next call.
  /// Errors: throws Failure for a damaged chunk, and goes on behind it in the next call; std::bad_alloc.
  std::optional<Entry> next();
  /// Whether next() begins with reading from the file, which takes a while; otherwise the message is in memory.
  bool reads_file() const noexcept;

 private:
  friend class Recording;
  struct Impl;
  explicit Cursor(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// A recording, opened for reading.
class Recording {
 public:
  /// Reads the summary; of a file that was cut, the headers of all records.
  /// Errors: throws Failure with the system's code, with std::errc::bad_message if it is no
  /// recording of seqcast.
  explicit Recording(const std::string& path);
  /// From something else than a file.
  explicit Recording(std::shared_ptr<const mcap::Source> source, const mcap::Limits& limits = {});
  Recording(Recording&&) noexcept;
  Recording& operator=(Recording&&) noexcept;
  ~Recording();

  /// In the order of their ids.
  const std::vector<RecordedChannel>& channels() const noexcept;
  /// Null if there is no such id.
  const RecordedChannel* channel(std::uint16_t id) const noexcept;
  /// Of a file that was cut: as far as its whole chunks go. Errors: throws std::out_of_range for an id that
  /// is not there.
  Account account(std::uint16_t channel) const;

  /// Messages in whole chunks.
  std::uint64_t messages() const noexcept;
  /// The earliest and the latest received_at; nothing without messages.
  std::optional<Time> start() const noexcept;
  std::optional<Time> end() const noexcept;
  /// What was added to the steady clock to get all times.
  std::chrono::nanoseconds steady_clock_offset() const noexcept;

  /// Whether Writer::finish() was called and the end is undamaged.
  bool complete() const noexcept;
  /// Why not: "FILE at byte N: ...". Empty if it is complete.
  const std::string& problem() const noexcept;
  /// Bytes of whole records, from the beginning; the file's size if it is complete.
  std::uint64_t readable_size() const noexcept;
  /// Bytes of the file.
  std::uint64_t size() const noexcept;
  std::size_t chunks() const noexcept;
  /// Bytes of all chunks' records, before compression and in the file.
  std::uint64_t uncompressed_size() const noexcept;
  std::uint64_t compressed_size() const noexcept;
  /// "none", "zstd", or both: "none, zstd".
  std::string compression() const;
  /// The program that made it, as it said.
  const std::string& program() const noexcept;
  /// Metadata records that are not seqcast's own.
  std::vector<mcap::Metadata> metadata() const;

  Cursor read(Filter filter = {}) const;

 private:
  friend class Cursor;
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// What verify() found.
struct Verdict {
  bool complete = false;           ///< Recording::complete().
  std::uint64_t size = 0;          ///< Bytes.
  std::uint64_t readable_size = 0; ///< Recording::readable_size().
  std::uint64_t chunks = 0;
  std::uint64_t messages = 0;        ///< That can be read.
  std::uint64_t fault_count = 0;     ///< How many things are wrong, beside a missing end.
  std::vector<std::string> faults{}; ///< The first 100 of them: "FILE at byte N: ...".
};

/// Reads the whole file, and checks all there is to check: each record, CRC and index, the order of the
/// sequences, the statistics and the accounts. Errors: as Recording's constructor.
Verdict verify(const std::string& path);
/// Of something else than a file.
Verdict verify(std::shared_ptr<const mcap::Source> source, const mcap::Limits& limits = {});

} // namespace seqcast::recording
