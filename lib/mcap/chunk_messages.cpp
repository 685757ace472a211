// SPDX-License-Identifier: BSL-1.0
#include "chunk_messages.hpp"

#include <algorithm>
#include <string>

namespace seqcast::recording {

std::vector<format::Sequences> sequences_before(const mcap::Reader& reader, std::size_t chunk) {
  const auto& chunks = reader.chunks();
  std::uint64_t offset = reader.data_start();
  if (chunk > 0) {
    const mcap::ChunkIndex& before = chunks[chunk - 1];
    offset = before.offset + before.length + before.message_index_length;
  }
  std::vector<format::Sequences> found;
  mcap::Buffer buffer;
  while (const auto place = reader.record_at(offset, chunks[chunk].offset)) {
    if (place->opcode == format::sequences_opcode)
      found.push_back(format::read_sequences(reader.content(*place, buffer)));
    offset = place->end();
  }
  return found;
}

void ChunkMessages::open(const mcap::Reader& reader, std::size_t chunk,
                         const std::vector<RecordedChannel>& channels) {
  const mcap::ChunkIndex& index = reader.chunks()[chunk];
  file_ = reader.source().name();
  offset_ = index.offset;
  failed_ = true; // until it is open
  sequences_ = sequences_before(reader, chunk);
  chunk_.open(reader, index);
  progress_.assign(channels.empty() ? 0 : channels.back().id + std::size_t{1}, {});
  for (const RecordedChannel& channel : channels) progress_[channel.id].channel = &channel;
  for (const format::Sequences& record : sequences_) {
    if (record.channel >= progress_.size()) continue;
    progress_[record.channel].record = &record;
    progress_[record.channel].last = record.previous;
  }
  failed_ = false;
}

std::optional<NumberedMessage> ChunkMessages::next() {
  if (failed_) return std::nullopt;
  failed_ = true; // in case that it throws
  const auto message = chunk_.next();
  if (!message) return std::nullopt;
  NumberedMessage numbered{*message};
  number(numbered);
  failed_ = false;
  return numbered;
}

void ChunkMessages::number(NumberedMessage& numbered) {
  const std::uint16_t id = numbered.message.channel;
  if (id >= progress_.size() || progress_[id].channel == nullptr)
    fail("a message is of channel " + std::to_string(id) + ", which the file does not describe");
  Progress& progress = progress_[id];
  if (progress.record == nullptr) {
    fail("the record of the sequences of channel " + std::to_string(id) +
         " is missing: another program than seqcast wrote this file");
  }
  const auto& runs = progress.record->runs;
  const auto low = static_cast<std::uint32_t>(progress.last);
  std::uint64_t sequence = progress.last + static_cast<std::uint32_t>(numbered.message.sequence - low);
  if (progress.next_run < runs.size() && runs[progress.next_run].position == progress.messages)
    sequence = runs[progress.next_run++].sequence;
  if (sequence <= progress.last || static_cast<std::uint32_t>(sequence) != numbered.message.sequence) {
    fail("message " + std::to_string(numbered.message.sequence) + " of channel " + std::to_string(id) +
         " does not follow message " + std::to_string(progress.last));
  }
  numbered.channel = progress.channel;
  numbered.sequence = sequence;
  numbered.lost = sequence - progress.last - 1;
  numbered.epoch =
      runs[progress.next_run - 1].epoch; // read_sequences() made sure that the first is at position 0
  progress.last = sequence;
  ++progress.messages;
}

void ChunkMessages::fail(const std::string& text) const {
  mcap::fail_at(file_, offset_, text);
}

} // namespace seqcast::recording
