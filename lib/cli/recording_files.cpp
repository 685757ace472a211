// SPDX-License-Identifier: BSL-1.0
#include "recording_files.hpp"

#include "exit_code.hpp"
#include "platform/platform.hpp"
#include "units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

namespace cli {

namespace {

constexpr std::chrono::seconds sync_interval{1};

/// What is before and after the number of a numbered file.
std::pair<std::string, std::string> parts_of(const std::string& path) {
  const std::filesystem::path whole{path};
  const std::string extension = whole.extension().string();
  return {path.substr(0, path.size() - extension.size()) + '.', extension};
}

/// The folder of a file, in a form that can be opened.
std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path{path}.parent_path().string();
  return folder.empty() ? "." : folder;
}

/// One more than the highest number of a file that is there.
std::uint64_t free_number(const std::string& path) {
  const auto [before, after] = parts_of(std::filesystem::path{path}.filename().string());
  std::uint64_t highest = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{folder_of(path), error}) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(before) || !name.ends_with(after) || name.size() <= before.size() + after.size())
      continue;
    const char* const end = name.data() + name.size() - after.size();
    std::uint64_t number = 0;
    const auto read = std::from_chars(name.data() + before.size(), end, number);
    if (read.ptr == end && read.ec == std::errc{}) highest = std::max(highest, number);
  }
  return highest + 1;
}

} // namespace

std::string numbered_path(const std::string& path, std::uint64_t number) {
  const auto [before, after] = parts_of(path);
  return fmt::format("{}{:04}{}", before, number, after);
}

void RecordingFiles::open() {
  if (options_.numbered()) next_number_ = free_number(options_.path);
  if (!options_.black_box) return begin_file();
  // What would be found out at the first trigger only, when it is too late.
  std::error_code error;
  if (!options_.numbered() && !options_.writer.replace && std::filesystem::exists(options_.path, error)) {
    throw Failure{Exit::failure,
                  fmt::format("there is a file {} already. Use another name, or --force", options_.path)};
  }
  const std::string folder = folder_of(options_.path);
  if (!platform::may_write(folder))
    throw Failure{Exit::failure,
                  fmt::format("there is no folder {} in which this user may make a file", folder)};
}

void RecordingFiles::begin_file() {
  const std::string path = options_.numbered() ? numbered_path(options_.path, next_number_++) : options_.path;
  try {
    file_.emplace(File{path, seqcast::recording::Writer{path, options_.writer}});
  } catch (const seqcast::recording::Failure& failure) {
    if (failure.code() != std::errc::file_exists) throw Failure{Exit::failure, failure.what()};
    throw Failure{Exit::failure, fmt::format("there is a file {} already. Use another name, or --force", path)};
  }
  kept_.push_back(path);
  if (!options_.keep || kept_.size() <= *options_.keep) return;
  std::error_code error;
  std::filesystem::remove(kept_.front(), error);
  if (error) note(fmt::format("cannot remove {}: {}", kept_.front(), error.message()));
  kept_.pop_front();
}

void RecordingFiles::finish_file() {
  std::vector<seqcast::recording::Head> heads;
  for (std::size_t i = 0; i < file_->regions; ++i)
    heads.push_back({static_cast<std::uint16_t>(i + 1), known_[i].position});
  file_->writer.finish(heads);
  file_->writer.sync();
  finished_bytes_ += file_->writer.size();
  const std::lock_guard lock{mutex_};
  status_.files.push_back(file_->path);
  status_.bytes = finished_bytes_;
  if (options_.numbered()) {
    notes_.push_back(fmt::format("{} is complete: {}, {}", file_->path, plural(file_->messages, "message"),
                                 to_bytes(file_->writer.size())));
  }
  file_.reset();
}

/// Takes note of the regions, and of how far they have come.
void RecordingFiles::remember(const RecordedChunk& chunk) {
  for (const Share& share : chunk.shares) {
    if (share.region->id > known_.size()) known_.push_back({share.region, share.to});
    known_[share.region->id - 1].position = share.to;
  }
}

void RecordingFiles::write(const RecordedChunk& chunk) {
  for (const Share& share : chunk.shares) {
    if (share.region->id > known_.size()) known_.push_back({share.region, share.from});
  }
  // Ids are those of the file: each file has all regions of the recording so far.
  for (; file_->regions < known_.size(); ++file_->regions) {
    const Known& known = known_[file_->regions];
    known.region->before = known.position;
    file_->writer.add(*known.region);
  }
  file_->writer.write(chunk.messages);
  remember(chunk);
  file_->messages += chunk.messages.messages();
  file_->dirty = true;
  const std::lock_guard lock{mutex_};
  status_.bytes = finished_bytes_ + file_->writer.size();
}

/// Goes on with the next file if this one is large or old enough.
void RecordingFiles::split_before(const RecordedChunk& chunk) {
  if (file_->messages == 0 || chunk.messages.empty()) return;
  const std::uint64_t size = file_->writer.size() + chunk.messages.size();
  const bool too_large = options_.split_size && size > *options_.split_size;
  const bool too_old = options_.split_time && chunk.begin - file_->begin >= *options_.split_time;
  if (!too_large && !too_old) return;
  finish_file();
  begin_file();
}

void RecordingFiles::sync() {
  if (!file_ || !file_->dirty || Clock::now() < file_->synced + sync_interval) return;
  file_->writer.sync();
  file_->dirty = false;
  file_->synced = Clock::now();
}

/// Makes the file complete where there is room for that. From here on all chunks are dropped.
void RecordingFiles::fail(const std::string& why) {
  std::string text = why;
  if (file_) {
    text += fmt::format(". {} has {}, and can be read", file_->path, plural(file_->messages, "message"));
    try {
      finish_file();
    } catch (const std::exception&) {
      file_.reset(); // it is read without its summary
    }
  }
  for (auto& chunk : window_) queue_.release(std::move(chunk));
  window_.clear();
  const std::lock_guard lock{mutex_};
  status_.failure = std::move(text);
}

void RecordingFiles::run() {
  bool failed = false;
  const auto attempt = [&](const auto& step) {
    if (failed) return;
    try {
      step();
    } catch (const std::exception& error) {
      failed = true;
      fail(error.what());
    }
  };
  while (!queue_.ended()) {
    auto chunk = queue_.pop(next_deadline());
    attempt([&] {
      if (const auto cause = take_trigger()) begin_capture(*cause);
      if (chunk) take(chunk);
      sync();
      if (file_ && options_.black_box && Clock::now() >= capture_until_ &&
          !std::exchange(flush_requested_, true))
        queue_.request_flush();
      forget_old();
    });
    if (chunk) queue_.release(std::move(chunk));
  }
  attempt([&] {
    if (file_) finish_file();
  });
  for (auto& chunk : window_) queue_.release(std::move(chunk));
}

/// When there is something to do without a chunk.
RecordingFiles::Clock::time_point RecordingFiles::next_deadline() const {
  auto deadline = Clock::now() + sync_interval;
  if (file_ && file_->dirty) deadline = std::min(deadline, file_->synced + sync_interval);
  if (file_ && options_.black_box && !flush_requested_) deadline = std::min(deadline, capture_until_);
  return deadline;
}

/// Writes the chunk, or keeps it in the window.
void RecordingFiles::take(std::unique_ptr<RecordedChunk>& chunk) {
  if (!file_) {
    window_.push_back(std::move(chunk));
    return;
  }
  if (!options_.black_box) split_before(*chunk);
  write(*chunk);
  if (!chunk->flushed || !flush_requested_) return;
  finish_file();
  const std::lock_guard lock{mutex_};
  status_.done = options_.black_box->once;
}

void RecordingFiles::begin_capture(const std::string& cause) {
  const auto now = Clock::now();
  capture_until_ = now + options_.black_box->after;
  flush_requested_ = false;
  if (file_) {
    note(fmt::format("triggered again by {}: the file goes on", cause));
    return;
  }
  begin_file();
  file_->writer.add_metadata({"seqcast.trigger", {{"cause", cause}}});
  std::string begin = "nothing yet";
  if (!window_.empty()) begin = fmt::format("the last {}", to_duration(now - window_.front()->begin));
  note(fmt::format("triggered by {}: writing {} into {}{}", cause, begin, file_->path,
                   window_is_short_ ? ", all that --buffer has room for" : ""));
  for (; !window_.empty(); window_.pop_front()) {
    write(*window_.front());
    queue_.release(std::move(window_.front()));
  }
  window_is_short_ = false;
}

/// Drops what a trigger would not write any more, and what there is no room for.
void RecordingFiles::forget_old() {
  const auto now = Clock::now();
  while (!window_.empty()) {
    const bool old = window_.front()->end < now - options_.black_box->before;
    if (!old && queue_.held() < queue_.limit()) break;
    if (!old && !std::exchange(window_is_short_, true)) {
      note(fmt::format("--buffer has room for the last {} only, not for {}",
                       to_duration(now - window_.front()->begin), to_duration(options_.black_box->before)));
    }
    remember(*window_.front());
    queue_.release(std::move(window_.front()));
    window_.pop_front();
  }
}

void RecordingFiles::trigger(const std::string& cause) {
  {
    const std::lock_guard lock{mutex_};
    triggered_ = cause;
  }
  queue_.wake();
}

std::optional<std::string> RecordingFiles::take_trigger() {
  const std::lock_guard lock{mutex_};
  return std::exchange(triggered_, std::nullopt);
}

RecordingFiles::Status RecordingFiles::status() const {
  const std::lock_guard lock{mutex_};
  return status_;
}

void RecordingFiles::note(std::string text) {
  const std::lock_guard lock{mutex_};
  notes_.push_back(std::move(text));
}

std::vector<std::string> RecordingFiles::take_notes() {
  const std::lock_guard lock{mutex_};
  return std::exchange(notes_, {});
}

} // namespace cli
