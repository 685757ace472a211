// SPDX-License-Identifier: BSL-1.0
#include "recording.hpp"
#include "recording_format.hpp"
#include "writer.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace seqcast::recording {

void Chunk::clear() noexcept {
  for (const mcap::Chunk::Index& index : chunk_.indexes()) runs_[index.channel] = {};
  begins_.clear();
  chunk_.clear();
}

void Chunk::begin_run(std::uint16_t channel, std::uint64_t sequence, const Epoch& epoch, Time published_at,
                      Time received_at, Bytes message) {
  Run& run = runs_[channel];
  if (sequence == 0 || (run.last != Run::none && sequence <= run.last)) {
    throw std::invalid_argument{"message " + std::to_string(sequence) + " of channel " +
                                std::to_string(channel) + " comes behind message " +
                                std::to_string(run.last == Run::none ? 0 : run.last)};
  }
  begins_.push_back({channel, chunk_.messages_of(channel), sequence, epoch});
  try {
    chunk_.add(channel, static_cast<std::uint32_t>(sequence), to_ns(received_at), to_ns(published_at), message);
  } catch (...) {
    begins_.pop_back();
    throw;
  }
  run = {sequence, epoch.number};
}

struct Writer::Impl {
  struct ChannelState {
    std::string topic;
    Account account;
  };

  mcap::Writer file;
  WriterOptions options;
  std::vector<ChannelState> channels{}; // by id, less 1
  std::vector<Chunk::Begin> begins{};
  mcap::Buffer sequences{};

  ChannelState& state_of(std::uint16_t channel) {
    if (channel == 0 || channel > channels.size()) {
      throw std::invalid_argument{"channel " + std::to_string(channel) + " was not added to " + file.name()};
    }
    return channels[channel - std::size_t{1}];
  }
};

Writer::Writer(const std::string& path, const WriterOptions& options)
    : Writer{mcap::create_file(path, options.replace), options} {}

Writer::Writer(std::unique_ptr<mcap::Sink> sink, const WriterOptions& options)
    : impl_{new Impl{mcap::Writer{std::move(sink), {format::profile, options.program}}, options}} {
  impl_->file.add_metadata({format::recording_name,
                            {{format::version_key, format::version},
                             {format::offset_key, std::to_string(options.steady_clock_offset.count())}}});
}

Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

std::uint16_t Writer::add(const RecordedChannel& channel) {
  const bool json = channel.encoding == Encoding::json;
  const std::string_view name = channel.schema.name();
  std::uint16_t schema_id = 0;
  if (json && !channel.json_schema.empty()) {
    schema_id = impl_->file.add_schema(format::to_utf8(name), "jsonschema", channel.json_schema);
  } else if (!json && !channel.schema.empty()) {
    const std::string_view layout = channel.schema.format();
    schema_id = impl_->file.add_schema(format::to_utf8(name), layout.empty() ? "" : format::schema_encoding,
                                       std::string{layout});
  }
  std::string topic = format::to_utf8(channel.topic());
  impl_->channels.reserve(impl_->channels.size() + 1);
  const std::uint16_t id = impl_->file.add_channel(schema_id, topic, json ? "json" : format::message_encoding,
                                                   format::to_map(channel));
  impl_->channels.push_back({std::move(topic), {channel.before, 0, 0, channel.before}});
  return id;
}

void Writer::write(const Chunk& chunk) {
  if (chunk.empty()) return;
  std::vector<Chunk::Begin>& begins = impl_->begins;
  begins = chunk.begins_;
  std::ranges::sort(begins, {}, [](const Chunk::Begin& begin) {
    return std::pair{begin.channel, begin.position};
  });
  impl_->sequences.clear();
  for (const mcap::Chunk::Index& index : chunk.chunk_.indexes()) {
    const Account& account = impl_->state_of(index.channel).account;
    const auto first = std::ranges::lower_bound(begins, index.channel, {}, &Chunk::Begin::channel);
    const auto last = std::ranges::upper_bound(begins, index.channel, {}, &Chunk::Begin::channel);
    if (first->sequence <= account.head) {
      throw std::invalid_argument{"message " + std::to_string(first->sequence) + " of channel " +
                                  std::to_string(index.channel) + " comes behind message " +
                                  std::to_string(account.head) + " in " + impl_->file.name()};
    }
    format::Sequences record{index.channel, index.messages, account.head, chunk.runs_[index.channel].last, {}};
    for (auto begin = first; begin != last; ++begin)
      record.runs.push_back({begin->position, begin->sequence, begin->epoch});
    format::append(impl_->sequences, record);
  }
  impl_->file.write(chunk.chunk_, impl_->options.compression, impl_->options.level, impl_->sequences.bytes());
  for (const mcap::Chunk::Index& index : chunk.chunk_.indexes()) {
    Account& account = impl_->state_of(index.channel).account;
    account.head = chunk.runs_[index.channel].last;
    account.recorded += index.messages;
    account.lost = account.head - account.before - account.recorded;
  }
}

void Writer::add_metadata(const mcap::Metadata& metadata) {
  impl_->file.add_metadata(metadata);
}

void Writer::sync() {
  impl_->file.sync();
}

void Writer::finish(std::span<const Head> heads) {
  for (const Head& head : heads) {
    Account& account = impl_->state_of(head.channel).account;
    if (head.sequence < account.head) {
      throw std::invalid_argument{"the head of channel " + std::to_string(head.channel) + " is " +
                                  std::to_string(head.sequence) + ", below message " +
                                  std::to_string(account.head) + " in " + impl_->file.name()};
    }
    account.head = head.sequence;
    account.lost = account.head - account.before - account.recorded;
  }
  impl_->file.recover();
  for (std::size_t i = 0; i < impl_->channels.size(); ++i) {
    const Impl::ChannelState& channel = impl_->channels[i];
    impl_->file.add_metadata(
        format::to_metadata(static_cast<std::uint16_t>(i + 1), channel.topic, channel.account));
  }
  impl_->file.finish();
}

std::uint64_t Writer::size() const noexcept {
  return impl_->file.size();
}

Account Writer::account(std::uint16_t channel) const {
  return impl_->state_of(channel).account;
}

} // namespace seqcast::recording
