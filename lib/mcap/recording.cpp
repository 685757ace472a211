// SPDX-License-Identifier: BSL-1.0
#include "recording.hpp"
#include "chunk_messages.hpp"
#include "reader.hpp"
#include "recording_format.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

namespace seqcast::recording {

namespace {

Time to_time(std::uint64_t ns) noexcept {
  return Time{std::chrono::nanoseconds{static_cast<std::int64_t>(ns)}};
}

} // namespace

struct Recording::Impl {
  mcap::Reader reader;
  std::vector<RecordedChannel> channels{};
  std::map<std::uint16_t, Account> accounts{};
  std::uint64_t messages = 0;
  std::chrono::nanoseconds offset{0};
  std::string problem{};

  Impl(std::shared_ptr<const mcap::Source> source, const mcap::Limits& limits)
      : reader{std::move(source), limits} {
    const std::string& file = reader.source().name();
    if (reader.header().profile != format::profile) {
      throw Failure{std::make_error_code(std::errc::bad_message), file + " is an MCAP file of the profile '" +
                                                                      format::to_utf8(reader.header().profile) +
                                                                      "', and not a recording of seqcast"};
    }
    problem = reader.problem();
    read_channels();
    read_metadata();
    if (complete_accounts()) {
      messages = reader.statistics()->messages;
    } else {
      count_messages();
    }
  }

  void read_channels() {
    for (const auto& [id, record] : reader.channels()) {
      const auto schema = reader.schemas().find(record.schema_id);
      auto channel = format::to_channel(record, schema == reader.schemas().end() ? nullptr : &schema->second);
      if (!channel) {
        throw Failure{
            std::make_error_code(std::errc::bad_message),
            reader.source().name() + ": channel " + std::to_string(id) + " is not described as seqcast does"};
      }
      accounts[id] = {channel->before, 0, 0, channel->before};
      channels.push_back(std::move(*channel));
    }
  }

  void read_metadata() {
    for (const mcap::Metadata& metadata : reader.metadata()) {
      if (metadata.name != format::recording_name) continue;
      const auto version = format::text_of(metadata.values, format::version_key);
      if (version != format::version) {
        throw Failure{std::make_error_code(std::errc::bad_message),
                      reader.source().name() + ": the recording has version " + version.value_or("none") +
                          ", and this seqcast reads version " + format::version};
      }
      offset = std::chrono::nanoseconds{
          format::number_of<std::int64_t>(metadata.values, format::offset_key).value_or(0)};
    }
  }

  /// Takes over the accounts of a complete file. False if they are not all there.
  bool complete_accounts() {
    if (!reader.complete() || !reader.statistics()) return false;
    std::map<std::uint16_t, Account> found;
    for (const mcap::Metadata& metadata : reader.metadata()) {
      const auto account = format::to_account(metadata);
      if (account && accounts.contains(account->first)) found.insert(*account);
    }
    if (found.size() != accounts.size()) return false;
    accounts = std::move(found);
    return true;
  }

  /// Makes the accounts of what stands in front of each chunk.
  void count_messages() {
    for (std::size_t i = 0; i < reader.chunks().size(); ++i) {
      try {
        for (const format::Sequences& record : sequences_before(reader, i)) {
          const auto account = accounts.find(record.channel);
          if (account == accounts.end()) continue;
          account->second.recorded += record.messages;
          account->second.head = std::max(account->second.head, record.last);
          account->second.lost = account->second.head - account->second.before - account->second.recorded;
          messages += record.messages;
        }
      } catch (const Failure& failure) {
        if (problem.empty()) problem = failure.what();
      }
    }
  }
};

Recording::Recording(const std::string& path) : Recording{mcap::open_file(path)} {}
Recording::Recording(std::shared_ptr<const mcap::Source> source, const mcap::Limits& limits)
    : impl_{std::make_shared<const Impl>(std::move(source), limits)} {}
Recording::Recording(Recording&&) noexcept = default;
Recording& Recording::operator=(Recording&&) noexcept = default;
Recording::~Recording() = default;

const std::vector<RecordedChannel>& Recording::channels() const noexcept {
  return impl_->channels;
}

const RecordedChannel* Recording::channel(std::uint16_t id) const noexcept {
  const auto found = std::ranges::lower_bound(impl_->channels, id, {}, &RecordedChannel::id);
  return found != impl_->channels.end() && found->id == id ? &*found : nullptr;
}

Account Recording::account(std::uint16_t channel) const {
  return impl_->accounts.at(channel);
}

std::uint64_t Recording::messages() const noexcept {
  return impl_->messages;
}

std::optional<Time> Recording::start() const noexcept {
  const auto& chunks = impl_->reader.chunks();
  if (chunks.empty()) return std::nullopt;
  return to_time(std::ranges::min(chunks, {}, &mcap::ChunkIndex::start_time).start_time);
}

std::optional<Time> Recording::end() const noexcept {
  const auto& chunks = impl_->reader.chunks();
  if (chunks.empty()) return std::nullopt;
  return to_time(std::ranges::max(chunks, {}, &mcap::ChunkIndex::end_time).end_time);
}

std::chrono::nanoseconds Recording::steady_clock_offset() const noexcept {
  return impl_->offset;
}

bool Recording::complete() const noexcept {
  return impl_->problem.empty();
}

const std::string& Recording::problem() const noexcept {
  return impl_->problem;
}

std::uint64_t Recording::readable_size() const noexcept {
  return impl_->reader.readable_size();
}

std::uint64_t Recording::size() const noexcept {
  return impl_->reader.source().size();
}

std::size_t Recording::chunks() const noexcept {
  return impl_->reader.chunks().size();
}

std::uint64_t Recording::uncompressed_size() const noexcept {
  std::uint64_t size = 0;
  for (const mcap::ChunkIndex& chunk : impl_->reader.chunks()) size += chunk.uncompressed_size;
  return size;
}

std::uint64_t Recording::compressed_size() const noexcept {
  std::uint64_t size = 0;
  for (const mcap::ChunkIndex& chunk : impl_->reader.chunks()) size += chunk.compressed_size;
  return size;
}

std::string Recording::compression() const {
  std::string text;
  for (const std::string_view word : {"", "zstd"}) {
    const auto& chunks = impl_->reader.chunks();
    if (std::ranges::find(chunks, word, &mcap::ChunkIndex::compression) == chunks.end()) continue;
    text += (text.empty() ? "" : ", ") + std::string{word.empty() ? "none" : word};
  }
  return text.empty() ? "none" : text;
}

const std::string& Recording::program() const noexcept {
  return impl_->reader.header().library;
}

std::vector<mcap::Metadata> Recording::metadata() const {
  std::vector<mcap::Metadata> others;
  for (const mcap::Metadata& metadata : impl_->reader.metadata()) {
    if (metadata.name != format::recording_name && metadata.name != format::account_name)
      others.push_back(metadata);
  }
  return others;
}

struct Cursor::Impl {
  /// A chunk whose messages are being read, with the next one of them.
  struct OpenChunk {
    std::size_t rank = 0; // its place in the order
    std::uint64_t size = 0;
    ChunkMessages messages{};
    Entry entry{};
  };
  using Open = std::unique_ptr<OpenChunk>;

  std::shared_ptr<const Recording::Impl> recording;
  Filter filter;
  std::vector<std::uint8_t> wanted{}; // by channel; empty: all
  std::vector<std::size_t> order{};   // chunks by their first time
  std::size_t next_chunk = 0;         // in the order
  std::uint64_t open_size = 0;        // bytes of all open chunks
  std::vector<Open> open{};           // a heap: the earliest message first
  std::vector<Open> unused{};         // keep their memory
  Open current{};                     // whose message was given last

  static constexpr std::uint64_t most_open = std::uint64_t{1} << 30;

  /// Whether `one` comes behind `other`.
  static bool later(const Open& one, const Open& other) noexcept {
    return std::pair{one->entry.received_at, one->rank} > std::pair{other->entry.received_at, other->rank};
  }

  const mcap::ChunkIndex& chunk(std::size_t rank) const noexcept {
    return recording->reader.chunks()[order[rank]];
  }

  Impl(std::shared_ptr<const Recording::Impl> from, Filter which)
      : recording{std::move(from)}, filter{std::move(which)} {
    for (const std::uint16_t channel : filter.channels) {
      if (channel >= wanted.size()) wanted.resize(channel + std::size_t{1});
      wanted[channel] = 1;
    }
    const auto& chunks = recording->reader.chunks();
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      if (may_have_messages(chunks[i])) order.push_back(i);
    }
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair{chunks[i].start_time, i}; });
  }

  bool is_wanted(std::uint16_t channel) const noexcept {
    return filter.channels.empty() || (channel < wanted.size() && wanted[channel] != 0);
  }

  bool may_have_messages(const mcap::ChunkIndex& index) const {
    if (filter.from && to_time(index.end_time) < *filter.from) return false;
    if (filter.to && to_time(index.start_time) >= *filter.to) return false;
    return index.message_indexes.empty() || std::ranges::any_of(index.message_indexes, [&](const auto& entry) {
             return is_wanted(entry.first);
           });
  }

  /// Moves the chunk to its next message that is wanted; false at its end.
  bool advance(OpenChunk& chunk) const {
    while (const auto message = chunk.messages.next()) {
      const mcap::Message& bytes = message->message;
      if (!is_wanted(bytes.channel)) continue;
      const Time received_at = to_time(bytes.log_time);
      if ((filter.from && received_at < *filter.from) || (filter.to && received_at >= *filter.to)) continue;
      const RecordedChannel* const channel = message->channel;
      chunk.entry = {bytes.channel, message->sequence, message->lost, message->epoch,
                     std::nullopt,  received_at,       bytes.data};
      if (channel->timestamps) chunk.entry.published_at = to_time(bytes.publish_time);
      return true;
    }
    return false;
  }

  /// Opens the next chunk of the order.
  void open_chunk() {
    const std::size_t rank = next_chunk++; // also if it cannot be opened
    Open opened;
    if (unused.empty()) {
      opened = std::make_unique<OpenChunk>();
    } else {
      opened = std::move(unused.back());
      unused.pop_back();
    }
    open.reserve(open.size() + 1);
    unused.reserve(open.size() + 2);
    opened->rank = rank;
    opened->messages.open(recording->reader, order[rank], recording->channels);
    opened->size = chunk(rank).uncompressed_size;
    if (!advance(*opened)) {
      unused.push_back(std::move(opened));
      return;
    }
    open_size += opened->size;
    open.push_back(std::move(opened));
    std::ranges::push_heap(open, later);
  }

  void close(Open chunk) noexcept {
    open_size -= chunk->size;
    if (unused.size() < unused.capacity()) unused.push_back(std::move(chunk));
  }

  std::optional<Entry> next() {
    if (current) {
      bool more = false;
      try {
        more = advance(*current);
      } catch (...) {
        close(std::exchange(current, nullptr));
        throw;
      }
      if (more) {
        open.push_back(std::move(current)); // there is room: it came from there
        std::ranges::push_heap(open, later);
      } else {
        close(std::exchange(current, nullptr));
      }
    }
    while (next_chunk < order.size() &&
           (open.empty() || (open_size < most_open &&
                             to_time(chunk(next_chunk).start_time) <= open.front()->entry.received_at)))
      open_chunk();
    if (open.empty()) return std::nullopt;
    std::ranges::pop_heap(open, later);
    current = std::move(open.back());
    open.pop_back();
    return current->entry;
  }
};

Cursor::Cursor(std::unique_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

std::optional<Entry> Cursor::next() {
  return impl_->next();
}

bool Cursor::reads_file() const noexcept {
  return !impl_->current || !impl_->current->messages.chunk().has_more();
}

Cursor Recording::read(Filter filter) const {
  return Cursor{std::make_unique<Cursor::Impl>(impl_, std::move(filter))};
}

} // namespace seqcast::recording
