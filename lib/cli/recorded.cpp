// SPDX-License-Identifier: BSL-1.0
#include "recorded.hpp"

#include "exit_code.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

namespace cli {

namespace {

using seqcast::recording::RecordedChannel;
using seqcast::recording::Recording;

Recording open_recording(const std::string& path) {
  try {
    return Recording{path};
  } catch (const seqcast::recording::Failure& failure) {
    throw Failure{Exit::failure, fmt::format("cannot read the recording. {}", failure.what())};
  }
}

/// The channels of these names, or all.
std::vector<const RecordedChannel*> chosen(const Recording& recording, const std::string& path,
                                           const std::vector<std::string>& names) {
  std::vector<const RecordedChannel*> found;
  std::vector<std::string> missing = names;
  for (const RecordedChannel& channel : recording.channels()) {
    const std::string name = channel.topic();
    if (!names.empty() && std::ranges::find(names, name) == names.end()) continue;
    std::erase(missing, name);
    found.push_back(&channel);
  }
  if (missing.empty()) return found;
  std::string all;
  for (const RecordedChannel& channel : recording.channels())
    all += (all.empty() ? "" : ", ") + channel.topic();
  throw Failure{Exit::not_found, fmt::format("there is no channel {} in {}. There are: {}", missing.front(),
                                             path, all.empty() ? "none" : all)};
}

} // namespace

RecordedMessages::RecordedMessages(const std::string& path, const std::vector<std::string>& names,
                                   Console& console)
    : console_{console}, recording_{open_recording(path)}, channels_{chosen(recording_, path, names)} {
  for (const RecordedChannel* channel : channels_) {
    if (channel->encoding == seqcast::recording::Encoding::json) json_.emplace(channel->id, channel->schema);
  }
  if (!recording_.complete())
    console_.complain(
        fmt::format("the recording is incomplete: {}. What is there is read", recording_.problem()));
}

bool RecordedMessages::one_name() const noexcept {
  return std::ranges::all_of(channels_, [this](const RecordedChannel* channel) {
    return channel->location == channels_.front()->location;
  });
}

void RecordedMessages::read(std::optional<seqcast::recording::Time> from,
                            std::optional<seqcast::recording::Time> to) {
  seqcast::recording::Filter filter{{}, from, to};
  for (const RecordedChannel* channel : channels_) filter.channels.push_back(channel->id);
  cursor_.reset();
  if (!channels_.empty()) cursor_.emplace(recording_.read(std::move(filter)));
}

std::optional<Entry> RecordedMessages::next() {
  while (cursor_) {
    try {
      auto entry = cursor_->next();
      if (!entry) break;
      const auto json = json_.find(entry->channel);
      if (json == json_.end()) return entry;
      const std::span<const std::byte> text = entry->message;
      bytes_ =
          json->second.to_bytes({static_cast<const char*>(static_cast<const void*>(text.data())), text.size()});
      entry->message = std::as_bytes(std::span{bytes_});
      return entry;
    } catch (const seqcast::recording::Failure& failure) {
      console_.complain(fmt::format("{}. That is left out", failure.what()));
    } catch (const Failure& failure) {
      console_.complain(fmt::format("{}. That is left out", failure.what()));
    }
    damaged_ = true;
  }
  return std::nullopt;
}

} // namespace cli
