// SPDX-License-Identifier: BSL-1.0
//
// recording_verify: reads a recording from front to back, and compares it with what its summary and
// its accounts say.
#include "chunk_messages.hpp"
#include "reader.hpp"
#include "recording.hpp"
#include "recording_format.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace seqcast::recording {

namespace {

constexpr std::size_t most_faults = 100;

/// The entries of a message index.
using IndexEntries = std::vector<std::pair<std::uint64_t, std::uint64_t>>; // log time, offset in the chunk

/// What was counted of one channel.
struct Count {
  std::uint64_t messages = 0;
  std::uint64_t last = 0;
};

class Verifier {
 public:
  Verifier(const std::shared_ptr<const mcap::Source>& source, const mcap::Limits& limits)
      : recording_{source, limits},
        reader_{source, limits},
        records_{source, limits, mcap::Reader::Way::by_records} {}

  Verdict run() {
    verdict_.complete = recording_.complete();
    verdict_.size = recording_.size();
    verdict_.readable_size = recording_.readable_size();
    for (const RecordedChannel& channel : recording_.channels()) counts_[channel.id] = {0, channel.before};
    attempt([&] { check_records(); });
    for (std::size_t i = 0; i < records_.chunks().size(); ++i) attempt([&] { check_chunk(i); });
    if (verdict_.complete) {
      check_summary();
      attempt([&] { check_data_crc(); });
    }
    check_accounts();
    return std::move(verdict_);
  }

 private:
  void fault(std::string text) {
    ++verdict_.fault_count;
    if (verdict_.faults.size() < most_faults) verdict_.faults.push_back(std::move(text));
  }
  void fault_at(std::uint64_t offset, const std::string& text) {
    fault(file() + " at byte " + std::to_string(offset) + ": " + text);
  }
  template <class Call>
  void attempt(const Call& call) {
    try {
      call();
    } catch (const Failure& failure) {
      fault(failure.what());
    }
  }
  const std::string& file() const noexcept {
    return reader_.source().name();
  }

  /// What the scan could not read though it is within the whole records, and what a recording does not have.
  void check_records() {
    if (verdict_.complete && !records_.complete()) fault(records_.problem());
    std::uint64_t offset = records_.data_start();
    while (const auto place = records_.record_at(offset, records_.readable_size())) {
      if (place->opcode == mcap::Opcode::data_end) break;
      if (place->opcode == mcap::Opcode::message)
        fault_at(offset, "there is a message outside of the chunks, which seqcast does not read");
      if (place->opcode == mcap::Opcode::attachment) ++attachments_;
      offset = place->end();
    }
    data_end_ = offset;
  }

  void check_chunk(std::size_t number) {
    const mcap::ChunkIndex& chunk = records_.chunks()[number];
    ++verdict_.chunks;
    messages_.open(records_, number, recording_.channels());
    for (const format::Sequences& record : messages_.sequences()) {
      const auto count = counts_.find(record.channel);
      if (count != counts_.end() && count->second.last != record.previous) {
        fault_at(chunk.offset, "channel " + std::to_string(record.channel) + " goes on behind message " +
                                   std::to_string(record.previous) + ", and its last one before is message " +
                                   std::to_string(count->second.last));
      }
    }
    std::map<std::uint16_t, IndexEntries> found;
    std::uint64_t earliest = ~std::uint64_t{0};
    std::uint64_t latest = 0;
    while (const auto numbered = messages_.next()) {
      const mcap::Message& message = numbered->message;
      found[message.channel].emplace_back(message.log_time, messages_.chunk().message_offset());
      earliest = std::min(earliest, message.log_time);
      latest = std::max(latest, message.log_time);
      Count& count = counts_[message.channel];
      count.last = numbered->sequence;
      ++count.messages;
      ++verdict_.messages;
    }
    if (found.empty()) earliest = 0;
    if (chunk.start_time != earliest || chunk.end_time != latest)
      fault_at(chunk.offset, "the chunk's times are not those of its messages");
    for (const format::Sequences& record : messages_.sequences()) {
      const std::uint64_t counted = found.contains(record.channel) ? found[record.channel].size() : 0;
      if (counted != record.messages || counts_[record.channel].last != record.last) {
        fault_at(chunk.offset, "channel " + std::to_string(record.channel) + " has " + std::to_string(counted) +
                                   " messages in the chunk up to message " +
                                   std::to_string(counts_[record.channel].last) + ", and not " +
                                   std::to_string(record.messages) + " up to message " +
                                   std::to_string(record.last));
      }
    }
    // A file that was cut may lack some of its last chunk's.
    if (verdict_.complete || number + 1 < records_.chunks().size()) check_message_indexes(chunk, found);
  }

  void check_message_indexes(const mcap::ChunkIndex& chunk,
                             const std::map<std::uint16_t, IndexEntries>& found) {
    if (chunk.message_indexes.size() != found.size())
      fault_at(chunk.offset, "the chunk has " + std::to_string(found.size()) + " channels and " +
                                 std::to_string(chunk.message_indexes.size()) + " message indexes");
    mcap::Buffer buffer;
    for (const auto& [channel, offset] : chunk.message_indexes) {
      const auto entries = found.find(channel);
      const auto place = records_.record_at(offset, records_.source().size());
      IndexEntries stored;
      if (place && place->length <= records_.limits().chunk) {
        buffer.resize_discarding(static_cast<std::size_t>(place->length));
        records_.source().read(place->content(), buffer.writable());
        mcap::RecordReader reader{file(), "message index", place->content(), buffer.bytes()};
        reader.integer<std::uint16_t>();
        mcap::RecordReader array = reader.array();
        while (!array.rest().empty()) {
          const auto time = array.integer<std::uint64_t>();
          stored.emplace_back(time, array.integer<std::uint64_t>());
        }
      }
      if (entries == found.end() || stored != entries->second)
        fault_at(offset, "the message index of channel " + std::to_string(channel) + " differs from the chunk");
    }
  }

  void check_summary() {
    const std::uint64_t end = data_end_;
    if (reader_.schemas() != records_.schemas())
      fault_at(end, "the summary's schemas differ from the data section's");
    if (reader_.channels() != records_.channels())
      fault_at(end, "the summary's channels differ from the data section's");
    if (reader_.chunks() != records_.chunks())
      fault_at(end, "the summary's chunk indexes differ from the chunks");
    const auto same = [](const mcap::Metadata& one, const mcap::Metadata& other) {
      return one.name == other.name && one.values == other.values;
    };
    if (!std::ranges::equal(reader_.metadata(), records_.metadata(), same))
      fault_at(end, "the summary's metadata differ from the data section's");
    const auto& statistics = reader_.statistics();
    if (!statistics) return fault_at(end, "the summary has no statistics");
    std::vector<std::pair<std::uint16_t, std::uint64_t>> counted;
    for (const auto& [channel, count] : counts_) counted.emplace_back(channel, count.messages);
    const bool times = recording_.messages() == 0 ||
                       (recording_.start() == Time{std::chrono::nanoseconds{statistics->start_time}} &&
                        recording_.end() == Time{std::chrono::nanoseconds{statistics->end_time}});
    if (statistics->messages != verdict_.messages || statistics->channel_messages != counted || !times ||
        statistics->schemas != records_.schemas().size() ||
        statistics->channels != records_.channels().size() ||
        statistics->metadata != records_.metadata().size() || statistics->attachments != attachments_ ||
        statistics->chunks != records_.chunks().size())
      fault_at(end, "the summary's statistics differ from what was counted");
  }

  void check_data_crc() {
    const auto place = records_.record_at(data_end_, records_.source().size());
    if (!place || place->opcode != mcap::Opcode::data_end)
      mcap::fail_at(file(), data_end_, "the end of the data section is missing");
    mcap::Buffer buffer;
    const auto expected = records_.content(*place, buffer).integer<std::uint32_t>();
    if (expected == 0) return;
    std::uint32_t crc = 0;
    constexpr std::uint64_t block = 1 << 20;
    for (std::uint64_t offset = 0; offset < data_end_; offset += block) {
      buffer.resize_discarding(static_cast<std::size_t>(std::min(block, data_end_ - offset)));
      records_.source().read(offset, buffer.writable());
      crc = mcap::crc32(crc, buffer.bytes());
    }
    if (crc != expected) {
      fault_at(data_end_, "the data section's CRC is " + std::to_string(expected) + ", and its bytes give " +
                              std::to_string(crc));
    }
  }

  void check_accounts() {
    if (verdict_.complete) {
      std::map<std::uint16_t, Account> stored;
      for (const mcap::Metadata& metadata : records_.metadata()) {
        if (const auto account = format::to_account(metadata)) stored.insert(*account);
      }
      for (const RecordedChannel& channel : recording_.channels()) {
        if (!stored.contains(channel.id))
          fault(file() + ": the account of channel " + std::to_string(channel.id) + " is missing");
      }
    }
    for (const RecordedChannel& channel : recording_.channels()) {
      const Account account = recording_.account(channel.id);
      const Count& count = counts_[channel.id];
      if (account.before != channel.before || account.recorded != count.messages || account.head < count.last ||
          account.before + account.recorded + account.lost != account.head) {
        fault(file() + ": the account of channel " + std::to_string(channel.id) + " is " +
              std::to_string(account.before) + " before, " + std::to_string(account.recorded) + " recorded, " +
              std::to_string(account.lost) + " lost, head " + std::to_string(account.head) + "; there are " +
              std::to_string(count.messages) + " messages up to message " + std::to_string(count.last));
      }
    }
  }

  Recording recording_;
  mcap::Reader reader_;
  mcap::Reader records_; // the same file, as if it had no summary
  Verdict verdict_;
  ChunkMessages messages_;
  std::map<std::uint16_t, Count> counts_;
  std::uint64_t data_end_ = 0;
  std::uint32_t attachments_ = 0; // of another program
};

} // namespace

Verdict verify(const std::string& path) {
  return verify(mcap::open_file(path));
}

Verdict verify(std::shared_ptr<const mcap::Source> source, const mcap::Limits& limits) {
  return Verifier{source, limits}.run();
}

} // namespace seqcast::recording
