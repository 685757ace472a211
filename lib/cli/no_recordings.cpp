// SPDX-License-Identifier: BSL-1.0
//
// no_recordings: what the verbs of recordings do in a build without lib/mcap, which needs zlib and zstd: they
// end with an error that says so.
#include "recorded_output.hpp"
#include "verb.hpp"

namespace cli {

namespace {

[[noreturn]] void refuse_recordings() {
  throw Failure{Exit::failure,
                "this build of the tool has no recordings: zlib and zstd were missing when it was built. "
                "Install zlib1g-dev and libzstd-dev, and build it again"};
}

void add_missing(CLI::App& app, Action& action, const char* name, const char* description) {
  CLI::App& verb = add_verb(app, name, description, "This build of the tool has no recordings.");
  verb.prefix_command(); // takes any words
  on_parsed(verb, action, [](Console&) -> Exit { refuse_recordings(); });
}

} // namespace

void add_record(CLI::App& app, Action& action) {
  add_missing(app, action, "record", "Record channels into a file");
}

void add_replay(CLI::App& app, Action& action) {
  add_missing(app, action, "replay", "Publish a recording again");
}

void add_check(CLI::App& app, Action& action) {
  add_missing(app, action, "check", "Verify a recording");
}

Exit print_recording(const RecordingChoice&, Format, const std::string&, std::uint64_t, bool, Console&) {
  refuse_recordings();
}

Exit dump_recording(const RecordingChoice&, std::optional<std::uint64_t>, bool, Console&) {
  refuse_recordings();
}

Exit info_recording(const std::string&, bool, Console&) {
  refuse_recordings();
}

} // namespace cli
