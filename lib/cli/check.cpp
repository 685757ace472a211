// SPDX-License-Identifier: BSL-1.0
//
// check: verifies a recording, all of it.
#include "messages.hpp"
#include "units.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <recording.hpp>

namespace cli {

namespace {

constexpr const char* check_help =
    "check reads the whole file: each record, each checksum, the order of the numbers and\n"
    "the account of each channel. It ends with 0 if all is as it should be, and with 1\n"
    "if something is damaged, or missing because the recorder was killed.\n"
    "\n"
    "Examples:\n"
    "  seqcast check run.mcap";

Exit check(const std::string& path, Console& console) {
  seqcast::recording::Verdict verdict;
  try {
    verdict = seqcast::recording::verify(path);
  } catch (const seqcast::recording::Failure& failure) {
    throw Failure{Exit::failure, fmt::format("cannot read the recording. {}", failure.what())};
  }
  for (const std::string& fault : verdict.faults) console.out.print(printable(fault) + '\n');
  if (verdict.fault_count > verdict.faults.size())
    console.out.print(fmt::format("and {} more\n", verdict.fault_count - verdict.faults.size()));
  if (!verdict.complete) {
    console.out.print(
        fmt::format("the end is missing: {} of {} bytes can be read\n", verdict.readable_size, verdict.size));
  }
  const bool good = verdict.complete && verdict.fault_count == 0;
  console.out.print(fmt::format("{}: {} in {}, {}\n", printable(path), plural(verdict.messages, "message"),
                                plural(verdict.chunks, "chunk"), good ? "all as it should be" : "damaged"));
  return good ? Exit::ok : Exit::failure;
}

} // namespace

void add_check(CLI::App& app, Action& action) {
  auto path = std::make_shared<std::string>();
  CLI::App& verb = add_verb(app, "check", "Verify a recording", check_help);
  verb.add_option("FILE", *path, "A recording, made by 'seqcast record'")->required();
  on_parsed(verb, action, [path](Console& console) { return check(*path, console); });
}

} // namespace cli
