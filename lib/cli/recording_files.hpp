// SPDX-License-Identifier: BSL-1.0
//
// recording_files: the files of a recording, in a thread that compresses and writes. One file, or numbered
// ones: of a recording that is split, and of a black box, which keeps the chunks of the last seconds in
// memory and writes them when it is triggered, with those of some seconds after.
//
// Who may call it: run() is a thread of its own, after open(). trigger() and status() any thread.
//
// Invariants
//   1. What was written is readable, whatever happens later. It is on the disk at most about a second
//      later (sync).
//   2. No file that was there is changed, unless that was asked for; none is removed that this object did
//      not make.
//   3. Each file has its own account: of each channel in it, before + recorded + lost == head.
#pragma once

#include "chunk_queue.hpp"

#include <recording.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace cli {

/// What a black box writes.
struct BlackBox {
  std::chrono::nanoseconds before{0}; ///< This long before a trigger, or a little more.
  std::chrono::nanoseconds after{0};  ///< And this long after it.
  bool once = false;                  ///< End after the first file, which is not numbered.
};

struct FileOptions {
  std::string path;
  seqcast::recording::WriterOptions writer;
  std::optional<std::uint64_t> split_size; ///< Bytes: about the most that a file gets.
  std::optional<std::chrono::nanoseconds> split_time;
  std::optional<std::uint64_t> keep; ///< Files; older ones are removed.
  std::optional<BlackBox> black_box;

  bool numbered() const noexcept {
    return split_size || split_time || (black_box && !black_box->once);
  }
};

/// The path of a numbered file: run.0001.mcap.
std::string numbered_path(const std::string& path, std::uint64_t number);

class RecordingFiles {
 public:
  using Clock = std::chrono::steady_clock;

  RecordingFiles(FileOptions options, ChunkQueue& queue) : options_{std::move(options)}, queue_{queue} {}

  /// Makes the first file; of a black box it only checks that this will be possible.
  /// Errors: throws Failure.
  void open();
  /// Writes what comes through the queue, until that has ended.
  void run();
  /// Has the black box write a file. `cause` is kept in it.
  void trigger(const std::string& cause);

  struct Status {
    std::uint64_t bytes = 0; ///< In all files.
    std::string failure;     ///< Why nothing more is written; empty if all is well.
    bool done = false;       ///< A black box that writes once has done so.
    std::vector<std::string>
        files; ///< Those that are complete, in order; with --keep also those that were removed.
  };
  Status status() const;
  /// What happened, one line each: a file that was begun, or is complete.
  std::vector<std::string> take_notes();

 private:
  /// One file, while it is being written.
  struct File {
    std::string path;
    seqcast::recording::Writer writer;
    std::size_t regions = 0; // those that are in it are the first ones
    std::uint64_t messages = 0;
    Clock::time_point begin = Clock::now();
    Clock::time_point synced = Clock::now();
    bool dirty = false; // since then
  };
  /// A region, and the last of its messages that a chunk had or counted as lost.
  struct Known {
    std::shared_ptr<Region> region;
    std::uint64_t position;
  };

  void begin_file();
  void finish_file();
  void write(const RecordedChunk& chunk);
  void remember(const RecordedChunk& chunk);
  void split_before(const RecordedChunk& chunk);
  void sync();
  void fail(const std::string& why);

  void take(std::unique_ptr<RecordedChunk>& chunk);
  void begin_capture(const std::string& cause);
  void forget_old();
  Clock::time_point next_deadline() const;
  std::optional<std::string> take_trigger();
  void note(std::string text);

  const FileOptions options_;
  ChunkQueue& queue_;
  std::optional<File> file_;
  std::vector<Known> known_; // by id - 1
  std::uint64_t next_number_ = 1;
  std::deque<std::string> kept_;
  std::uint64_t finished_bytes_ = 0;

  // Of a black box.
  std::deque<std::unique_ptr<RecordedChunk>> window_;
  Clock::time_point capture_until_{};
  bool flush_requested_ = false;
  bool window_is_short_ = false; // chunks that were young enough had to be dropped

  mutable std::mutex mutex_; // of what is below
  Status status_;
  std::vector<std::string> notes_;
  std::optional<std::string> triggered_; // why
};

} // namespace cli
