// SPDX-License-Identifier: BSL-1.0
//
// doctor: checks whether this machine is fit for mirrors, and what to do where it is not.
#include "dds.hpp"
#include "findings.hpp"
#include "link.hpp"
#include "messages.hpp"
#include "units.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace mirror {

namespace {

using cli::Finding;
using cli::Grade;

struct DoctorSettings {
  std::uint32_t domain = 0;
  bool json = false;
  std::string root;
};

std::optional<std::uint64_t> number_in(const std::string& path, int base = 10) {
  std::ifstream file{path};
  std::string text;
  if (!(file >> text)) return std::nullopt;
  char* end = nullptr;
  const std::uint64_t number = std::strtoull(text.c_str(), &end, base);
  return *end == '\0' ? std::optional{number} : std::nullopt;
}

Finding check_domain(std::uint32_t domain) {
  try {
    const Participant participant{domain, UINT64_MAX};
    return {Grade::good, "domain", fmt::format("Cyclone DDS takes part in domain {}", domain), ""};
  } catch (const cli::Failure& failure) {
    return {Grade::problem, "domain", failure.what(), "the findings below may give the cause"};
  }
}

Finding check_settings() {
  const char* const uri = std::getenv("CYCLONEDDS_URI");
  if (uri == nullptr || *uri == '\0') {
    return {Grade::note, "settings",
            "CYCLONEDDS_URI is not set: Cyclone chooses the network, and nothing is secured",
            "where there are several networks name one: CYCLONEDDS_URI='<General><Interfaces><NetworkInterface "
            "name=\"eth0\"/></Interfaces></General>'"};
  }
  const std::string text = cli::printable(uri);
  constexpr std::string_view scheme = "file://";
  std::error_code none;
  if (text.starts_with(scheme) && text.find(',') == text.npos &&
      !std::filesystem::exists(text.substr(scheme.size()), none)) {
    return {Grade::problem, "settings", "CYCLONEDDS_URI names " + text + ", which is not there",
            "correct it, or unset it"};
  }
  return {Grade::good, "settings", "CYCLONEDDS_URI is " + text, ""};
}

/// A limit of the kernel for the buffer of a socket.
std::optional<Finding> check_buffer(const std::string& root, const std::string& name, const char* what,
                                    std::uint64_t enough) {
  const auto most = number_in(root + "/proc/sys/net/core/" + name);
  if (!most) return std::nullopt; // a container may not show it
  const std::string found = fmt::format("net.core.{} is {}", name, cli::to_bytes(*most));
  if (*most >= enough) return Finding{Grade::good, what, found, ""};
  return Finding{
      Grade::warning, what, found,
      fmt::format("packets of large messages are lost and have to be sent again: sysctl -w net.core.{}={}, "
                  "and a line in /etc/sysctl.d for the next boot; of a container it is set on its host",
                  name, enough)};
}

/// The networks that are up, and whether they have multicast, by which machines find each other.
Finding check_interfaces(const std::string& root) {
  constexpr std::uint64_t flag_up = 0x1, flag_loopback = 0x8, flag_multicast = 0x1000;
  std::string names;
  bool any = false;
  bool multicast = false;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator{root + "/sys/class/net", none}) {
    const std::uint64_t flags = number_in((entry.path() / "flags").string(), 0).value_or(0);
    if ((flags & flag_up) == 0 || (flags & flag_loopback) != 0) continue;
    const bool has_multicast = (flags & flag_multicast) != 0;
    any = true;
    multicast = multicast || has_multicast;
    names += (names.empty() ? "" : ", ") + entry.path().filename().string() +
             (has_multicast ? "" : " (no multicast)");
  }
  if (!any) {
    return {Grade::warning, "network", "only this machine's own is up",
            "bring one up that the other machines are on: ip link"};
  }
  if (!multicast) {
    return {Grade::warning, "network", names + " are up",
            "name the other machines: CYCLONEDDS_URI='<Discovery><Peers><Peer address=\"10.0.0.2\"/></Peers>"
            "</Discovery>'"};
  }
  return {Grade::good, "network", names + (names.find(',') == names.npos ? " is up" : " are up"), ""};
}

cli::Exit diagnose(const DoctorSettings& settings, cli::Console& console) {
  std::vector<Finding> findings{check_domain(settings.domain), check_settings(),
                                check_interfaces(settings.root)};
  constexpr std::uint64_t send_buffer_size = std::uint64_t{1} << 20;
  if (auto finding = check_buffer(settings.root, "rmem_max", "receiving", receive_buffer_size))
    findings.push_back(std::move(*finding));
  if (auto finding = check_buffer(settings.root, "wmem_max", "sending", send_buffer_size))
    findings.push_back(std::move(*finding));
  return cli::report(findings, settings.json, console);
}

constexpr const char* doctor_help =
    "doctor takes part in the DDS domain for a moment, and shows the settings, the\n"
    "networks that are up, and the buffers of sockets, which large messages need.\n"
    "Each warning has advice on what to do.\n"
    "\n"
    "It ends with 1 if there is a problem that prevents mirrors from working.\n"
    "\n"
    "Examples:\n"
    "  seqcast-dds doctor               for people\n"
    "  seqcast-dds doctor --json        for a program";

} // namespace

void add_doctor(CLI::App& app, cli::Action& action) {
  auto settings = std::make_shared<DoctorSettings>();
  CLI::App& verb = cli::add_verb(app, "doctor", "Check whether this machine is fit for mirrors", doctor_help);
  add_domain(verb, settings->domain);
  verb.add_flag("--json", settings->json, "A JSON array with an object for each finding");
  verb.add_option("--root", settings->root, "Check the system whose files are below this folder")
      ->option_text("FOLDER");
  cli::on_parsed(verb, action, [settings](cli::Console& console) { return diagnose(*settings, console); });
}

} // namespace mirror
