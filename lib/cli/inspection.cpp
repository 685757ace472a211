// SPDX-License-Identifier: BSL-1.0
#include "inspection.hpp"

#include "channel.hpp"
#include "explain.hpp"
#include "fields.hpp"
#include "messages.hpp"

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace cli {

namespace {

// A user who may truncate one channel must not be able to end a tool that inspects all of them.
constexpr seqcast::InspectorOptions inspector_options{.survive_truncation = true};

nlohmann::ordered_json name_json(const seqcast::Location& location) {
  return {{"name", to_name(location)},
          {"location", location.kind() == seqcast::Location::Kind::file ? "file" : "shared_memory"}};
}

template <class Value>
nlohmann::ordered_json value_or_null(bool known, const Value& value) {
  return known ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

std::string utc(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

} // namespace

seqcast::Inspector inspect(const seqcast::Location& location) {
  seqcast::Error error;
  if (auto inspector = inspect(location, error)) return std::move(*inspector);
  throw refusal(Attempt::inspect, location, error);
}

std::optional<seqcast::Inspector> inspect(const seqcast::Location& location, seqcast::Error& error) {
  return seqcast::Inspector::open(location, inspector_options, error);
}

void add_folders(CLI::App& verb, std::vector<std::string>& folders) {
  verb.add_option("FOLDER", folders, "Folders to search for channels, beside shared memory")->option_text(" ");
}

std::vector<seqcast::Location> find_channels(const std::vector<std::string>& folders,
                                             std::vector<std::string>& problems) {
  seqcast::Error error;
  std::vector<seqcast::Location> found = seqcast::channels_in_shared_memory(error);
  if (error && error != std::errc::not_supported) {
    problems.push_back("cannot list shared memory: " + error.code().message());
  }
  for (const std::string& folder : folders) {
    const auto more = seqcast::channels_in_folder(folder, error);
    found.insert(found.end(), more.begin(), more.end());
    if (error) problems.push_back(fmt::format("cannot list {}: {}", printable(folder), error.code().message()));
  }
  return found;
}

std::chrono::nanoseconds age_of(std::chrono::steady_clock::time_point published_at) {
  const std::chrono::nanoseconds age = std::chrono::steady_clock::now() - published_at;
  return std::max(age, std::chrono::nanoseconds{0});
}

std::optional<std::chrono::nanoseconds> age_of_newest(const seqcast::ChannelStatus& status) {
  if (!status.published_at) return std::nullopt;
  return age_of(*status.published_at);
}

Cell state_cell(const seqcast::ChannelStatus& status) {
  if (status.error == seqcast::Errc::damaged) return {"damaged", Style::red};
  if (status.error) return {"truncated", Style::red};
  switch (status.state) {
    case seqcast::ChannelState::live:
      return {to_string(status.state), Style::green};
    case seqcast::ChannelState::closed:
      return {to_string(status.state), Style::dim};
    case seqcast::ChannelState::no_publisher:
    case seqcast::ChannelState::superseded:
      break;
  }
  return {to_string(status.state), Style::yellow};
}

std::string process_text(const seqcast::ChannelStatus& status) {
  return status.publisher_alive ? std::to_string(status.publisher_process) : "-";
}

Cell state_cell(const seqcast::ReliableSubscription& subscription) {
  switch (subscription.state) {
    case seqcast::ReliableState::waited_for:
      return {to_string(subscription.state), Style::green};
    case seqcast::ReliableState::demoted:
      return {to_string(subscription.state), Style::yellow};
    case seqcast::ReliableState::dead:
      break;
  }
  return {to_string(subscription.state), Style::red};
}

nlohmann::ordered_json to_json(const std::vector<seqcast::ReliableSubscription>& subscriptions) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const seqcast::ReliableSubscription& one : subscriptions) {
    json.push_back(
        {{"process", one.process}, {"cursor", one.cursor}, {"lag", one.lag}, {"state", to_string(one.state)}});
  }
  return json;
}

nlohmann::ordered_json to_json(const seqcast::Inspector& inspector) {
  const seqcast::ChannelIdentity& identity = inspector.identity();
  const seqcast::ChannelStatus status = inspector.status();
  const seqcast::Epoch epoch = status.epoch.value_or(seqcast::Epoch{});
  nlohmann::ordered_json json = name_json(inspector.location());
  json["state"] = to_string(status.state);
  json["publisher_alive"] = status.publisher_alive;
  json["publisher_process"] = status.publisher_process;
  json["epoch"] = value_or_null(status.epoch.has_value(), epoch.number);
  json["first_sequence"] = value_or_null(status.epoch.has_value(), epoch.first_sequence);
  json["head"] = value_or_null(!status.error, status.head);
  json["oldest"] = value_or_null(!status.error, status.oldest);
  json["age_ns"] = to_json(age_of_newest(status));
  json["created_at"] =
      value_or_null(identity.created_at.has_value(),
                    utc(identity.created_at.value_or(std::chrono::system_clock::time_point{})));
  json["id"] = identity.id;
  json["capacity"] = identity.capacity;
  json["max_message_size"] = identity.max_message_size;
  json["message_alignment"] = identity.message_alignment;
  json["timestamps"] = identity.timestamps;
  json["wakeup"] = to_string(identity.wakeup);
  json["bell_found"] = status.bell_found;
  json["copy_behind"] = identity.copy_behind;
  json["gaps"] = identity.gaps;
  json["mirror"] = identity.mirror;
  json["unknown_flags"] = identity.unknown_flags;
  json["schema_name"] = identity.schema_name;
  json["schema_tag"] = identity.schema_tag;
  json["schema_format"] = identity.schema_format;
  json["format_version"] = identity.format_version;
  json["region_size"] = identity.region_size;
  json["slots_offset"] = identity.slots_offset;
  json["slot_stride"] = identity.slot_stride;
  json["payload_offset"] = identity.payload_offset;
  json["error"] = value_or_null(static_cast<bool>(status.error), status.error.message());
  json["fields"] = fields_json(inspector.schema().fields());
  json["reliable_subscribers"] = to_json(inspector.reliable_subscribers());
  return json;
}

nlohmann::ordered_json to_json(const seqcast::Location& location, const seqcast::Error& error) {
  nlohmann::ordered_json json = name_json(location);
  json["error"] = error.code().message();
  return json;
}

nlohmann::ordered_json to_json(const std::optional<std::chrono::nanoseconds>& age) {
  return value_or_null(age.has_value(), age.value_or(std::chrono::nanoseconds{0}).count());
}

std::string to_line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

} // namespace cli
