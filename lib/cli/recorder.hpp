// SPDX-License-Identifier: BSL-1.0
//
// recorder: reads all channels that are recorded, in one thread, and passes their messages on in chunks. The
// ring of each channel is the buffer while the queue has no room: what is overwritten meanwhile is counted,
// exactly, by sequence.
//
// Who may call it: run() is a thread of its own, after open(). progress() and take_notes() any thread.
//
// Invariants
//   1. No channel starves another: each gets a turn of a bounded number of messages and bytes.
//   2. A chunk is passed on when it is full, or a second after its first message.
//   3. Another region behind a name is another Region. It is found while the old one is read to its end.
#pragma once

#include "channel.hpp"
#include "chunk_queue.hpp"
#include "epochs.hpp"
#include "json_message.hpp"

#include <seqcast/seqcast.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace cli {

struct RecorderOptions {
  std::vector<seqcast::Location> names; ///< A channel that is not there yet is waited for.
  std::vector<std::string> patterns;    ///< Of names in shared memory.
  bool from_newest = false; ///< Only what is published from now on, of the channels that are there now.
  bool reliable = false;
  bool json = false;
  bool until_closed = false; ///< End when no channel has a publisher any more, and all is read.
  bool tolerant = false;     ///< Leave out what cannot be read, also of `names`, with a complaint.
  std::chrono::nanoseconds clock_offset{0}; ///< Of the wall clock from the steady clock.
};

/// How far the recording of one region is: before + messages + lost == head.
struct RegionProgress {
  std::string name;
  std::uint64_t before =
      0; ///< Sequence of the last message that was gone, or not wanted, when the recording began.
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;
  std::uint64_t head = 0; ///< Sequence of the last message that was read or passed over.
  std::uint64_t lag = 0;  ///< Messages published and not yet read.
  bool ended = false;     ///< Whether another region has taken its name.
};

/// What the user should read.
struct RecorderNote {
  std::string text;
  bool complaint = false; ///< Whether it is about messages that are missing.
};

class Recorder {
 public:
  Recorder(RecorderOptions options, ChunkQueue& queue) : options_{std::move(options)}, queue_{queue} {}

  /// Opens the channels that are there, and gives the names at which there is none.
  /// Errors: throws Failure for a name at which there is something that cannot be read, unless it is tolerant.
  std::vector<seqcast::Location> open();
  /// Reads until a stop is requested, then all that was published up to that moment. Closes the queue.
  void run(const std::stop_token& stop);

  std::vector<RegionProgress> progress() const;
  std::vector<RecorderNote> take_notes();
  /// Whether run() has ended by itself.
  bool ended() const;

 private:
  using Clock = std::chrono::steady_clock;

  /// A region that is being read.
  struct Source {
    Source(std::shared_ptr<Region> region_, seqcast::ByteSubscriber subscriber_)
        : region{std::move(region_)},
          id{region->id},
          subscriber{std::move(subscriber_)},
          schema{subscriber.schema()},
          epochs{subscriber},
          before{subscriber.cursor()},
          passed_on{before} {}

    std::shared_ptr<Region> region; // the writing thread's, but for its id
    std::uint16_t id;
    seqcast::ByteSubscriber subscriber;
    seqcast::Schema schema;
    std::optional<JsonMessages> json;
    Epochs epochs;
    std::uint64_t before;       // the cursor at the beginning
    std::uint64_t passed_on;    // the cursor at the end of the last chunk
    std::uint64_t in_chunk = 0; // messages in this chunk
    std::uint64_t messages = 0; // messages in all chunks
    std::uint64_t bytes = 0;    // of them
    bool begun = false;         // to be read
    bool announced = false;     // by a share
    std::optional<std::uint64_t>
        last_wanted;              // it ends there: the name leads to another region, or the recording ends
    bool gone = false;            // it cannot be read any further
    int in_vain = 0;              // times that a message was announced and none was there
    std::uint64_t in_vain_at = 0; // while this was the newest one

    std::uint64_t newest() const {
      return subscriber.cursor() + subscriber.lag();
    }
    bool complete() const {
      return gone || (last_wanted && subscriber.cursor() >= *last_wanted);
    }
    std::string name() const {
      return to_name(subscriber.location());
    }
  };

  bool has_source(const std::string& name) const;
  void find_new(bool first);
  void open_source(const seqcast::Location& location, bool first, bool strict);
  std::optional<seqcast::ByteSubscriber> subscribe(const seqcast::Location& location, bool newest, bool strict);
  std::shared_ptr<Region> region_of(const seqcast::Location& location,
                                    const seqcast::ByteSubscriber& subscriber);
  void check_states();
  bool all_closed() const;

  bool read_all();
  bool read_turn(Source& source);
  static void begin(Source& source);
  std::optional<seqcast::ReceivedBytes> read(Source& source);
  bool add(Source& source, const seqcast::ReceivedBytes& message, seqcast::recording::Time& received_at);
  /// Whether to read again after nothing was given.
  bool goes_on(Source& source);
  void report_demotion(Source& source);
  void give_up(Source& source, const std::string& why);
  seqcast::recording::Time now() const;

  bool have_chunk(const std::stop_token& stop);
  void pass_on(bool flushed = false);
  void drop_complete();
  void wait(const std::stop_token& stop);
  void catch_up();
  void publish_progress();
  void note(std::string text, bool complaint = false);

  const RecorderOptions options_;
  ChunkQueue& queue_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::set<std::string> complained_; // names about which there was a complaint
  std::unique_ptr<RecordedChunk> chunk_;
  Source* announced_ = nullptr; // by the last wait
  Clock::time_point next_look_{};
  std::uint16_t last_id_ = 0;

  mutable std::mutex mutex_; // of what is below
  std::vector<RegionProgress> past_;
  std::vector<RegionProgress> progress_;
  std::vector<RecorderNote> notes_;
  bool ended_ = false;
};

} // namespace cli
