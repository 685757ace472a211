// SPDX-License-Identifier: BSL-1.0
#include "findings.hpp"

#include "explain.hpp"
#include "help.hpp"
#include "messages.hpp"
#include "platform/platform.hpp"
#include "units.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <seqcast/seqcast.hpp>
#include <sstream>

namespace cli {

namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;
// The default of a Docker container; a few channels of large messages need more.
constexpr std::uint64_t small_shared_memory = 64 * mebibyte;
constexpr std::uint64_t little_free = 4 * mebibyte;
constexpr std::size_t finding_column = 22; // of what was found, in the output
// The first kernel with futex_waitv, which sleeps on several channels at once.
constexpr int waitv_major = 5, waitv_minor = 16;

/// The file's content; empty if it cannot be read.
std::string content_of(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::string first_word_of(const std::string& path) {
  std::istringstream words{content_of(path)};
  std::string word;
  words >> word;
  return word;
}

/// The type of the file system that is mounted there, of /proc/mounts; empty if none is.
std::string type_of_mount(const std::string& root, const std::string& folder) {
  std::istringstream mounts{content_of(root + "/proc/mounts")};
  std::string found;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words{line};
    std::string device, place, type;
    if (words >> device >> place >> type && place == folder) found = type; // the last one is on top
  }
  return found;
}

/// The value of KEY in logind's settings: the last one in the order in which systemd reads them; empty if there
/// is none.
std::string logind_setting(const std::string& root, const std::string& key) {
  std::vector<std::filesystem::path> files{root + "/etc/systemd/logind.conf"};
  std::vector<std::filesystem::path> parts;
  for (const char* folder : {"/usr/lib/systemd/logind.conf.d", "/etc/systemd/logind.conf.d"}) {
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator{root + folder, none}) {
      if (entry.path().extension() == ".conf") parts.push_back(entry.path());
    }
  }
  std::ranges::sort(parts, {}, [](const auto& path) { return path.filename(); });
  files.insert(files.end(), parts.begin(), parts.end());
  std::string value;
  for (const auto& file : files) {
    std::istringstream lines{content_of(file.string())};
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(key + '=')) value = line.substr(key.size() + 1);
    }
  }
  return value;
}

/// Processors that the control group allows, of a file such as "150000 100000"; 0 if there is no limit.
double quota_of(const std::string& root) {
  std::istringstream words{content_of(root + "/sys/fs/cgroup/cpu.max")};
  double quota = 0, period = 0;
  return words >> quota >> period && period > 0 ? quota / period : 0;
}

Finding check_shared_memory(const std::string& root) {
  std::error_code error;
  const auto space = std::filesystem::space(root + "/dev/shm", error);
  if (error) {
    return {Grade::problem, "/dev/shm", error.message(),
            "mount it: mkdir -p /dev/shm && mount -t tmpfs tmpfs /dev/shm; or use files (./NAME)"};
  }
  Finding finding{Grade::good, "/dev/shm",
                  fmt::format("{}, {} free", to_bytes(space.capacity), to_bytes(space.available)), ""};
  const std::string type = type_of_mount(root, "/dev/shm");
  if (space.available < little_free) {
    finding.grade = Grade::problem;
    finding.advice =
        "remove channels ('seqcast ls', 'seqcast rm'), or enlarge it: "
        "mount -o remount,size=1G /dev/shm; docker run --shm-size=1g";
  } else if (!type.empty() && type != "tmpfs") {
    finding.grade = Grade::warning;
    finding.found += ", of type " + type;
    finding.advice = "it is no tmpfs: messages may wait for a disk; mount -t tmpfs tmpfs /dev/shm";
  } else if (space.capacity <= small_shared_memory) {
    finding.grade = Grade::warning;
    finding.advice =
        "too small for large messages or many channels: mount -o remount,size=1G /dev/shm; "
        "docker run --shm-size=1g; an emptyDir of medium Memory in Kubernetes";
  }
  return finding;
}

Finding check_permissions(const std::string& root) {
  const std::string folder = root + "/dev/shm";
  std::error_code error;
  const auto mode = static_cast<unsigned>(std::filesystem::status(folder, error).permissions()) & 07777U;
  Finding finding{Grade::good, "permissions", fmt::format("/dev/shm has {:04o}", mode), ""};
  if (!platform::may_write(folder)) {
    finding.grade = Grade::problem;
    finding.found += ", and this user may not create channels there";
    finding.advice = "chmod 1777 /dev/shm, as root; or use files (./NAME)";
  } else if ((mode & 01777U) != 01777U) {
    finding.grade = Grade::warning;
    finding.advice = (mode & 0002U) != 0
                         ? "any user can remove or replace another's channels: chmod 1777 /dev/shm, as root"
                         : "other users may not create channels there: chmod 1777 /dev/shm, as root";
  } else {
    finding.found += "; a channel belongs to its creator, who may share it";
  }
  return finding;
}

std::optional<Finding> check_remove_ipc(const std::string& root) {
  std::error_code error;
  if (!std::filesystem::exists(root + "/run/systemd/system", error)) return std::nullopt;
  const std::string value = logind_setting(root, "RemoveIPC");
  const bool off = value == "no" || value == "false" || value == "0" || value == "off";
  if (off) return Finding{Grade::good, "RemoveIPC", "off: channels stay when their user logs out", ""};
  constexpr std::uint64_t last_system_user = 999;
  if (root.empty() && platform::user_id() <= last_system_user) {
    return Finding{Grade::good, "RemoveIPC", "on, but not for root and system users", ""};
  }
  return Finding{Grade::warning, "RemoveIPC",
                 "on: systemd removes a user's channels from /dev/shm at the last logout",
                 "RemoveIPC=no in /etc/systemd/logind.conf, then systemctl restart systemd-logind; or run "
                 "publishers as a system user, or 'loginctl enable-linger USER'"};
}

std::optional<Finding> check_container(const std::string& root) {
  std::error_code error;
  const bool container = std::filesystem::exists(root + "/.dockerenv", error) ||
                         std::filesystem::exists(root + "/run/.containerenv", error);
  if (!container) return std::nullopt;
  return Finding{Grade::note, "container", "this system is one",
                 "processes outside share its channels only if they share /dev/shm: --ipc=shareable and "
                 "--ipc=container:NAME, or --ipc=host, or files on a shared volume"};
}

Finding check_processors(const std::string& root) {
  const unsigned processors = platform::processors();
  const double quota = quota_of(root);
  Finding finding{Grade::good, "processors", fmt::format("{}", processors), ""};
  if (quota > 0 && quota < processors) {
    finding.grade = Grade::warning;
    finding.found = fmt::format("{}, of which the control group allows the time of {:.3g}", processors, quota);
    finding.advice =
        "a subscriber that spins uses it up, and then the whole group is stopped for a while: let subscribers "
        "sleep instead of spinning, or raise the limit (docker run --cpus)";
  } else if (processors < 2) {
    finding.grade = Grade::warning;
    finding.advice =
        "publisher and subscriber take turns, so that messages take microseconds; let subscribers sleep "
        "instead of spinning";
  }
  return finding;
}

std::optional<Finding> check_governor(const std::string& root) {
  const std::string governor = first_word_of(root + "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (governor.empty()) return std::nullopt;
  if (governor == "performance") return Finding{Grade::good, "frequency", "governor performance", ""};
  return Finding{Grade::note, "frequency", "governor " + governor,
                 "messages after a pause are slower; cpupower frequency-set -g performance"};
}

std::optional<Finding> check_kernel(const std::string& root) {
  const std::string release = first_word_of(root + "/proc/sys/kernel/osrelease");
  int major = 0, minor = 0;
  char dot = 0;
  if (!(std::istringstream{release} >> major >> dot >> minor)) return std::nullopt;
  const bool recent = major > waitv_major || (major == waitv_major && minor >= waitv_minor);
  if (recent) return Finding{Grade::good, "kernel", release, ""};
  return Finding{
      Grade::note, "kernel", release,
      "programs that wait for several channels poll them every millisecond; from 5.16 on they sleep"};
}

std::optional<Finding> check_clock(const std::string& root) {
  const std::string clock =
      first_word_of(root + "/sys/devices/system/clocksource/clocksource0/current_clocksource");
  if (clock.empty()) return std::nullopt;
  const bool slow = clock == "hpet" || clock == "acpi_pm" || clock == "jiffies" || clock == "refined-jiffies";
  if (!slow) return Finding{Grade::good, "clock", clock, ""};
  return Finding{
      Grade::warning, "clock", clock,
      "reading it takes a system call for every message with a timestamp; the kernel's log has the reason "
      "why it does not use the tsc (dmesg | grep -i clocksource)"};
}

std::optional<Finding> check_swap(const std::string& root) {
  const std::string swaps = content_of(root + "/proc/swaps");
  if (swaps.empty()) return std::nullopt;
  if (std::ranges::count(swaps, '\n') <= 1) return Finding{Grade::good, "swap", "none", ""};
  const auto most = platform::limit_of(platform::Limit::locked_memory);
  const std::string limit =
      most ? "; this user may lock " + to_bytes(*most) + " (ulimit -l, LimitMEMLOCK=)" : "";
  return Finding{Grade::note, "swap", "on: a channel that is not used for a while may be swapped out",
                 "swapoff -a, or lock the channels of publisher and subscribers in memory" + limit};
}

std::optional<Finding> check_file_size() {
  const auto most = platform::limit_of(platform::Limit::file_size);
  if (!most) return std::nullopt;
  return Finding{
      Grade::warning, "file size", "limited to " + to_bytes(*most) + " (ulimit -f)",
      "larger channels cannot be created, not even in /dev/shm; raise the limit: ulimit -f unlimited, or "
      "LimitFSIZE=infinity for a service of systemd"};
}

/// Whether it is the name of a file that a publisher makes a channel in, before it gives it the channel's name:
/// NAME.seqcast-new-0123456789abcdef.
bool is_unfinished(const std::string& name) {
  constexpr std::string_view middle = ".seqcast-new-";
  constexpr std::size_t digits = 16;
  if (name.size() < middle.size() + digits) return false;
  const std::size_t number = name.size() - digits;
  return name.compare(number - middle.size(), middle.size(), middle) == 0 &&
         name.find_first_not_of("0123456789abcdef", number) == std::string::npos;
}

/// Files of channels whose publisher was killed while it made them. Nothing else removes them.
std::optional<Finding> check_unfinished(const std::string& root) {
  const std::string folder = root + "/dev/shm";
  std::error_code none;
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator{folder, none}) {
    const std::string name = entry.path().filename().string();
    // The lock of a publisher that is at work on it.
    if (is_unfinished(name) && platform::is_locked(entry.path().string()) == false) left.push_back(name);
  }
  if (left.empty()) return std::nullopt;
  std::ranges::sort(left);
  std::string names;
  constexpr std::size_t most_named = 3;
  for (std::size_t i = 0; i < std::min(left.size(), most_named); ++i) {
    names += fmt::format(" {}/{}", folder, printable(left[i]));
  }
  if (left.size() > most_named) names += " ...";
  return Finding{Grade::note, "left over",
                 plural(left.size(), "file") + " in " + folder +
                     " of publishers that were killed while they made a channel",
                 "no process holds a lock on them, so they can be removed: rm" + names};
}

Style style_of(Grade grade) {
  switch (grade) {
    case Grade::good:
      return Style::green;
    case Grade::note:
      return Style::blue;
    case Grade::warning:
      return Style::yellow;
    case Grade::problem:
      return Style::red;
  }
  return Style::plain;
}

void print_finding(const Finding& finding, Stream& out) {
  // Padded before it is painted: escape sequences have no width.
  const std::string grade = fmt::format("{:<8}", to_string(finding.grade));
  out.print(fmt::format("{} {:<12} {}\n", out.paint(style_of(finding.grade), grade), finding.subject,
                        wrapped(finding.found, finding_column)));
  if (finding.advice.empty()) return;
  out.print(fmt::format("{:{}}{}\n", "", finding_column, wrapped(finding.advice, finding_column)));
}

std::string findings_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    all.push_back({{"grade", to_string(finding.grade)},
                   {"subject", finding.subject},
                   {"found", finding.found},
                   {"advice", finding.advice}});
  }
  return all.dump(1) + '\n';
}

} // namespace

Exit report(const std::vector<Finding>& findings, bool json, Console& console) {
  if (json) {
    console.out.print(findings_json(findings));
  } else {
    for (const Finding& finding : findings) print_finding(finding, console.out);
  }
  const auto problems = std::ranges::count(findings, Grade::problem, &Finding::grade);
  return problems == 0 ? Exit::ok : Exit::failure;
}

const char* to_string(Grade grade) noexcept {
  switch (grade) {
    case Grade::good:
      return "ok";
    case Grade::note:
      return "note";
    case Grade::warning:
      return "warning";
    case Grade::problem:
      return "problem";
  }
  return "unknown";
}

Finding try_channel() {
  const auto location = seqcast::shared_memory(fmt::format("seqcast-doctor-{}", platform::process_id()));
  const seqcast::PublisherOptions options{.capacity = 2, .max_message_size = 8, .remove_on_close = true};
  const auto failed = [&](Attempt attempt, const seqcast::Error& error) {
    return Finding{Grade::problem, "trial", refusal(attempt, location, error, options).what(),
                   "the findings below may give the cause"};
  };
  seqcast::Error error;
  auto publisher = seqcast::BytePublisher::open(location, options, error);
  if (!publisher) return failed(Attempt::publish, error);
  auto subscriber = seqcast::ByteSubscriber::open(location, {}, error);
  if (!subscriber) return failed(Attempt::subscribe, error);
  publisher->publish("trial");
  const auto message = subscriber->next();
  if (message && message->text() == "trial") return {Grade::good, "trial", "a message went through", ""};
  return {Grade::problem, "trial", "a message was published but did not arrive",
          "please report this, with the output of this command"};
}

std::vector<Finding> check_system(const std::string& root) {
  std::vector<Finding> findings{check_shared_memory(root), check_permissions(root)};
  const auto add = [&](std::optional<Finding> finding) {
    if (finding) findings.push_back(std::move(*finding));
  };
  add(check_remove_ipc(root));
  add(check_container(root));
  add(check_file_size());
  add(check_unfinished(root));
  add(check_processors(root));
  add(check_governor(root));
  add(check_kernel(root));
  add(check_clock(root));
  add(check_swap(root));
  return findings;
}

} // namespace cli
