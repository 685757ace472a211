// SPDX-License-Identifier: BSL-1.0
#include "recorded_output.hpp"

#include "fields.hpp"
#include "inspection.hpp"
#include "loss_report.hpp"
#include "recorded.hpp"
#include "table.hpp"
#include "units.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace cli {

namespace {

using seqcast::recording::Account;
using seqcast::recording::RecordedChannel;
using seqcast::recording::Time;
using Line = nlohmann::ordered_json;

std::int64_t wall_ns(Time time) {
  return time.time_since_epoch().count();
}

/// "2026-11-28 15:30:14.123456789 UTC"
std::string to_text(Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:09} UTC",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), (time - seconds).count());
}

Line times_of(const Entry& entry) {
  return entry.published_at ? Line(wall_ns(*entry.published_at)) : Line(nullptr);
}

std::string entry_json(const Entry& entry, const RecordedChannel& channel) {
  Line line{{"channel", channel.topic()},
            {"sequence", entry.sequence},
            {"lost", entry.lost},
            {"published_at_ns", times_of(entry)},
            {"received_at_ns", wall_ns(entry.received_at)}};
  add_content(line, entry.message, channel.schema);
  return to_line(line);
}

std::string field_of(const Entry& entry, const RecordedChannel& channel, const std::string& path) {
  const auto value = decode(channel.schema, entry.message);
  return (value ? to_column(*value, path).value_or("null") : "null") + '\n';
}

void print_dump(const Entry& entry, const RecordedChannel& channel, Console& console) {
  console.out.print(fmt::format("{}, message {}\n", console.out.paint(Style::bold, printable(channel.topic())),
                                entry.sequence));
  console.field("size", plural(entry.message.size(), "byte"));
  if (entry.published_at) console.field("published", to_text(*entry.published_at));
  console.field("received", to_text(entry.received_at));
  if (entry.epoch.number > 0) console.field("epoch", std::to_string(entry.epoch.number));
  console.out.print(hex_dump(entry.message));
}

void print_dump_json(const Entry& entry, const RecordedChannel& channel, Console& console) {
  const Line line{{"channel", channel.topic()},
                  {"sequence", entry.sequence},
                  {"lost", entry.lost},
                  {"epoch", entry.epoch.number},
                  {"size", entry.message.size()},
                  {"published_at_ns", times_of(entry)},
                  {"received_at_ns", wall_ns(entry.received_at)},
                  {"hex", to_hex(entry.message)}};
  console.out.print(to_line(line));
}

Line channel_json(const RecordedChannel& channel, const Account& account) {
  return {{"name", channel.topic()},
          {"location", channel.location.kind() == seqcast::Location::Kind::file ? "file" : "shared_memory"},
          {"before", account.before},
          {"recorded", account.recorded},
          {"lost", account.lost},
          {"head", account.head},
          {"encoding", channel.encoding == seqcast::recording::Encoding::json ? "json" : "raw"},
          {"capacity", channel.capacity},
          {"max_message_size", channel.max_message_size},
          {"message_alignment", channel.message_alignment},
          {"timestamps", channel.timestamps},
          {"copy_behind", channel.copy_behind},
          {"gaps", channel.gaps},
          {"schema_name", std::string{channel.schema.name()}},
          {"schema_format", std::string{channel.schema.format()}}};
}

void print_info_json(const std::string& path, const RecordedMessages& messages, Console& console) {
  const seqcast::recording::Recording& recording = messages.recording();
  Line channels = Line::array();
  for (const RecordedChannel* channel : messages.channels())
    channels.push_back(channel_json(*channel, recording.account(channel->id)));
  const Line line{{"file", path},
                  {"size", recording.size()},
                  {"complete", recording.complete()},
                  {"messages", recording.messages()},
                  {"start_ns", recording.start() ? Line(wall_ns(*recording.start())) : Line(nullptr)},
                  {"end_ns", recording.end() ? Line(wall_ns(*recording.end())) : Line(nullptr)},
                  {"chunks", recording.chunks()},
                  {"uncompressed_size", recording.uncompressed_size()},
                  {"compressed_size", recording.compressed_size()},
                  {"compression", recording.compression()},
                  {"program", recording.program()},
                  {"channels", std::move(channels)}};
  console.out.print(to_line(line));
}

void print_recording_info(const std::string& path, const RecordedMessages& messages, Console& console) {
  const seqcast::recording::Recording& recording = messages.recording();
  console.out.print(console.out.paint(Style::bold, printable(path)) + '\n');
  console.field("recording",
                fmt::format("{}, {}, by {}", to_bytes(recording.size()),
                            recording.complete() ? "complete" : "incomplete", printable(recording.program())));
  console.field("messages", fmt::format("{} in {}, compression {}", recording.messages(),
                                        plural(recording.chunks(), "chunk"), recording.compression()));
  if (recording.start()) {
    console.field("start", to_text(*recording.start()));
    console.field("end", fmt::format("{}, {} later", to_text(*recording.end()),
                                     to_duration(*recording.end() - *recording.start())));
  }
  for (const auto& metadata : recording.metadata()) {
    for (const auto& [name, value] : metadata.values)
      console.field(printable(metadata.name), printable(name + ": " + value));
  }
  Table table{{{"CHANNEL"}, {"MESSAGES", true}, {"LOST", true}, {"BEFORE", true}, {"HEAD", true}, {"SCHEMA"}}};
  for (const RecordedChannel* channel : messages.channels()) {
    const Account account = recording.account(channel->id);
    table.add({{printable(channel->topic())},
               {std::to_string(account.recorded)},
               {std::to_string(account.lost)},
               {std::to_string(account.before)},
               {std::to_string(account.head)},
               {printable(channel->schema.name())}});
  }
  if (!table.empty()) console.out.print('\n' + table.text(console.out));
}

} // namespace

Exit print_recording(const RecordingChoice& choice, Format format, const std::string& field,
                     std::uint64_t count, bool strict, Console& console) {
  RecordedMessages messages{choice.path, choice.names, console};
  const bool one_name = messages.one_name();
  if (format == Format::raw && !one_name)
    throw Failure{Exit::usage, "--raw has no names in it: choose one of the channels by --channel"};
  LossReport losses{console};
  messages.read();
  while (count > 0 && !console.stop().requested()) {
    const auto entry = messages.next();
    if (!entry) break;
    const RecordedChannel& channel = messages.channel(entry->channel);
    if (entry->lost > 0) losses.add(entry->lost, entry->sequence);
    if (entry->lost > 0 && strict)
      throw Failure{Exit::loss, fmt::format("ends before number {}", entry->sequence)};
    if (format == Format::json) {
      console.out.print(entry_json(*entry, channel));
    } else {
      if (!one_name) console.out.print(printable(channel.topic()) + ": ");
      const seqcast::ReceivedBytes message{{entry->sequence, entry->lost}, entry->message};
      console.out.print(field.empty() ? to_output(message, channel.schema, format, console.out.terminal())
                                      : field_of(*entry, channel, field));
    }
    --count;
  }
  losses.report();
  if (console.stop().requested()) return console.stopped();
  return messages.damaged() || !messages.recording().complete() ? Exit::failure : Exit::ok;
}

Exit dump_recording(const RecordingChoice& choice, std::optional<std::uint64_t> sequence, bool json,
                    Console& console) {
  RecordedMessages messages{choice.path, choice.names, console};
  if (sequence && !messages.one_name())
    throw Failure{Exit::usage, "--sequence is a number of one channel: choose it by --channel"};
  struct Found {
    Entry entry;
    std::vector<std::byte> bytes;
  };
  std::map<std::uint16_t, Found> found;
  messages.read();
  while (const auto entry = messages.next()) {
    if (console.stop().requested()) return console.stopped();
    if (sequence && entry->sequence != *sequence) continue;
    Found& last = found[entry->channel];
    last.entry = *entry;
    last.bytes.assign(entry->message.begin(), entry->message.end());
    last.entry.message = last.bytes;
  }
  if (sequence && found.empty())
    throw Failure{Exit::failure, fmt::format("message {} is not in the recording", *sequence)};
  for (const auto& [id, last] : found) {
    if (json)
      print_dump_json(last.entry, messages.channel(id), console);
    else
      print_dump(last.entry, messages.channel(id), console);
  }
  return messages.damaged() ? Exit::failure : Exit::ok;
}

Exit info_recording(const std::string& path, bool json, Console& console) {
  const RecordedMessages messages{path, {}, console};
  if (json)
    print_info_json(path, messages, console);
  else
    print_recording_info(path, messages, console);
  return messages.recording().complete() ? Exit::ok : Exit::failure;
}

} // namespace cli
