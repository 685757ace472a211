// SPDX-License-Identifier: BSL-1.0
#include "announcements.hpp"

#include "messages.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mirror {

namespace {

constexpr std::size_t most_announced = 4000;
constexpr std::size_t longest_schema = 65536; // bytes; a channel stores at most half of it

} // namespace

Announcements::Announcements(const Participant& participant, dds_entity_t subscriber,
                             std::uint64_t largest_channel, Wanted wanted, Notes& notes)
    : largest_channel_{largest_channel},
      wanted_{std::move(wanted)},
      notes_{notes},
      topic_{dds_create_topic(participant.get(), &seqcast_Channel_desc, announcements_topic, nullptr, nullptr),
             "find channels"},
      reader_{dds_create_reader(subscriber, topic_.get(), topic_qos(1).get(), nullptr), "find channels"},
      wait_{participant, reader_.get()} {}

std::vector<std::string> Announcements::poll(dds_duration_t timeout) {
  wait_.wait(timeout);
  std::vector<std::string> names;
  Taken<seqcast_Channel> samples{reader_.get()};
  while (samples.take()) {
    const std::lock_guard lock{mutex_};
    for (; !samples.at_end(); samples.advance()) {
      const dds_instance_state_t state = samples.info().instance_state;
      const Announced announced = announced_of(samples.sample()); // its key alone, unless it is valid
      const Key key{announced.name, announced.id};
      const auto found = entries_.find(key);
      if (found != entries_.end()) found->second.state = state;
      if (!samples.info().valid_data || !is_acceptable(announced)) continue;
      if (found == entries_.end() && !make_room()) continue;
      entries_.insert_or_assign(key, Entry{announced, state});
      names.push_back(announced.name);
    }
  }
  return names;
}

bool Announcements::is_acceptable(const Announced& announced) {
  if (!is_valid_name(announced.name) || announced.schema.size() > longest_schema) {
    notes_.complain_once("a channel is announced with a name or a schema that none has: left out");
    return false;
  }
  if (!wanted_(announced.name)) return false;
  const auto problem = problem_of(announced, largest_channel_);
  if (problem)
    notes_.complain_once(fmt::format("'{}' is left out: {}", cli::printable(announced.name), *problem));
  return !problem;
}

/// Whether another one may be added. Those whose sender is gone make room.
bool Announcements::make_room() {
  if (entries_.size() < most_announced) return true;
  std::erase_if(entries_, [](const auto& entry) { return entry.second.state != DDS_ALIVE_INSTANCE_STATE; });
  if (entries_.size() < most_announced) return true;
  notes_.complain_once(
      fmt::format("more than {} channels are announced: the others are left out", most_announced));
  return false;
}

std::vector<Announced> Announcements::alive(const std::string& name) const {
  const std::lock_guard lock{mutex_};
  std::vector<Announced> found;
  for (auto entry = entries_.lower_bound({name, 0}); entry != entries_.end() && entry->first.first == name;
       ++entry) {
    if (entry->second.state == DDS_ALIVE_INSTANCE_STATE) found.push_back(entry->second.announced);
  }
  return found;
}

bool Announcements::has_ended(const std::string& name, std::uint64_t id) const {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find({name, id});
  return found != entries_.end() && found->second.state == DDS_NOT_ALIVE_DISPOSED_INSTANCE_STATE;
}

} // namespace mirror
