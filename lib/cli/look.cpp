// SPDX-License-Identifier: BSL-1.0
#include "look.hpp"

#include "channel.hpp"
#include "exit_code.hpp"
#include "messages.hpp"

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>
#include <seqcast/message.hpp>

#include <algorithm>

namespace cli {

namespace {

// Whoever may truncate a channel must not be able to end a tool that looks at all of them.
constexpr seqcast::InspectorOptions options{.survive_truncation = true};

nlohmann::ordered_json name_json(const seqcast::Location& location) {
  return {{"name", to_name(location)},
          {"location", location.kind() == seqcast::Location::Kind::file ? "file" : "shared_memory"}};
}

template <class Value>
nlohmann::ordered_json or_null(bool known, const Value& value) {
  return known ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

std::string utc(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

} // namespace

seqcast::Inspector inspect(const seqcast::Location& location) {
  try {
    return seqcast::Inspector{location, options};
  } catch (const std::system_error& error) {
    if (error.code() != seqcast::Errc::no_channel) throw;
    throw Failure{Exit::not_found, no_channel_text(location)};
  }
}

std::optional<seqcast::Inspector> inspect(const seqcast::Location& location, std::error_code& error) {
  return seqcast::Inspector::open(location, options, error);
}

void add_folders(CLI::App& verb, std::vector<std::string>& folders) {
  verb.add_option("FOLDER", folders, "Folders to look into for channels, beside shared memory")
      ->option_text(" ");
}

std::vector<seqcast::Location> find_channels(const std::vector<std::string>& folders,
                                             std::vector<std::string>& problems) {
  std::error_code error;
  std::vector<seqcast::Location> found = seqcast::channels_in_shared_memory(error);
  if (error && error != std::errc::not_supported)
    problems.push_back("cannot list shared memory: " + error.message());
  for (const std::string& folder : folders) {
    const auto more = seqcast::channels_in_folder(folder, error);
    found.insert(found.end(), more.begin(), more.end());
    if (error) problems.push_back(fmt::format("cannot list {}: {}", printable(folder), error.message()));
  }
  return found;
}

Cell state_cell(const seqcast::ChannelStatus& status) {
  if (status.error == seqcast::Errc::damaged) return {"damaged", Style::red};
  if (status.error) return {"truncated", Style::red};
  switch (status.state) {
    case seqcast::State::live:
      return {to_string(status.state), Style::green};
    case seqcast::State::closed:
      return {to_string(status.state), Style::dim};
    case seqcast::State::no_publisher:
    case seqcast::State::superseded:
      break;
  }
  return {to_string(status.state), Style::yellow};
}

std::optional<std::chrono::nanoseconds> age_of_newest(const seqcast::ChannelStatus& status) {
  if (status.published_at_ns == 0) return std::nullopt;
  // A hostile publisher's clock may be ahead.
  return std::max(seqcast::Delivery{.published_at_ns = status.published_at_ns}.age(),
                  std::chrono::nanoseconds{0});
}

nlohmann::ordered_json to_json(const seqcast::Inspector& inspector) {
  const seqcast::ChannelIdentity& identity = inspector.identity();
  const seqcast::ChannelStatus status = inspector.status();
  const auto age = age_of_newest(status);
  nlohmann::ordered_json json = name_json(inspector.location());
  json["state"] = to_string(status.state);
  json["publisher_alive"] = status.publisher_alive;
  json["publisher_process"] = status.publisher_process;
  json["epoch"] = status.epoch.number;
  json["first_sequence"] = status.epoch.first_sequence;
  json["head"] = or_null(!status.error, status.head);
  json["oldest"] = or_null(!status.error, status.oldest);
  json["age_ns"] = or_null(age.has_value(), age.value_or(std::chrono::nanoseconds{0}).count());
  json["created_at"] = or_null(identity.created_at.has_value(),
                               utc(identity.created_at.value_or(std::chrono::system_clock::time_point{})));
  json["capacity"] = identity.capacity;
  json["max_message_size"] = identity.max_message_size;
  json["message_alignment"] = identity.message_alignment;
  json["timestamps"] = identity.timestamps;
  json["doorbell"] = identity.doorbell;
  json["bell_found"] = status.bell_found;
  json["wake_always"] = identity.wake_always;
  json["copy_behind"] = identity.copy_behind;
  json["unknown_flags"] = identity.unknown_flags;
  json["schema_name"] = identity.schema_name;
  json["schema_tag"] = identity.schema_tag;
  json["format_version"] = identity.format_version;
  json["region_size"] = identity.region_size;
  json["slots_offset"] = identity.slots_offset;
  json["slot_stride"] = identity.slot_stride;
  json["payload_offset"] = identity.payload_offset;
  json["error"] = or_null(static_cast<bool>(status.error), status.error.message());
  return json;
}

nlohmann::ordered_json to_json(const seqcast::Location& location, const std::error_code& error) {
  nlohmann::ordered_json json = name_json(location);
  json["error"] = error.message();
  return json;
}

std::string to_line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

} // namespace cli
