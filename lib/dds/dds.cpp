// SPDX-License-Identifier: BSL-1.0
#include "dds.hpp"

#include "exit_code.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace mirror {

namespace {

/// What Cyclone reads before the user's own settings, which prevail.
/// - WriteBatch: several small messages go in one packet; the sender flushes before it sleeps.
/// - HeartbeatInterval: what was lost is found out within 10 ms, not 100.
/// - LeaseDuration: a process that is silent for 5 s, not 10, is left out until it is heard of again.
/// - SPDPInterval: that is within 2 s after it was cut off, not 30.
/// - SocketReceiveBufferSize: as much as a large message, or as little as the kernel gives.
std::string settings(std::uint64_t longest_sample) {
  constexpr std::uint64_t most = INT32_MAX;
  std::string xml = fmt::format(
      "<CycloneDDS><Domain "
      "Id=\"any\"><Discovery><LeaseDuration>5s</LeaseDuration><SPDPInterval>2s</SPDPInterval></"
      "Discovery><Internal>"
      "<WriteBatch>true</WriteBatch>"
      "<HeartbeatInterval min=\"2ms\" minsched=\"5ms\" max=\"1s\">10ms</HeartbeatInterval>"
      "<SocketReceiveBufferSize min=\"0B\" max=\"{}B\"/><MaxSampleSize>{}B</MaxSampleSize>"
      "</Internal></Domain></CycloneDDS>",
      receive_buffer_size, std::min(longest_sample, most));
  const char* const own = std::getenv("CYCLONEDDS_URI");
  if (own != nullptr && *own != '\0') xml += fmt::format(",{}", own);
  return xml;
}

} // namespace

dds_return_t checked(dds_return_t result, const std::string& what) {
  if (result >= 0) return result;
  throw cli::Failure{cli::Exit::failure,
                     fmt::format("cannot {}. Cyclone DDS says: {}", what, dds_strretcode(-result))};
}

Participant::Participant(std::uint32_t domain, std::uint64_t longest_sample)
    : domain_{dds_create_domain(domain, settings(longest_sample).c_str()),
              fmt::format("take part in the DDS domain {}, for the reason printed above. CYCLONEDDS_URI has "
                          "the settings, "
                          "'seqcast-dds doctor' checks them",
                          domain)},
      participant_{dds_create_participant(domain, nullptr, nullptr),
                   fmt::format("take part in the DDS domain {}", domain)} {}

ReaderWait::ReaderWait(const Participant& participant, dds_entity_t reader)
    : waitset_{dds_create_waitset(participant.get()), "wait for DDS"} {
  checked(dds_set_status_mask(reader, DDS_DATA_AVAILABLE_STATUS), "wait for DDS");
  checked(dds_waitset_attach(waitset_.get(), reader, 0), "wait for DDS");
}

void ReaderWait::wait(dds_duration_t timeout) const {
  checked(dds_waitset_wait(waitset_.get(), nullptr, 0, timeout), "wait for DDS");
}

} // namespace mirror
