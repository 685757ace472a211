// SPDX-License-Identifier: BSL-1.0
//
// bench: becomes the latency benchmark, in its short form, where that was built or installed beside this
// program.
#include "verb.hpp"

#include <CLI/Option.hpp>
#include <filesystem>

namespace cli {

namespace {

/// From the folder of this program: where a build has the benchmark, and where an installation would.
constexpr const char* places[] = {"../../bench/latency", "../libexec/seqcast/latency"};

Exit run_benchmark(const CLI::Option& arguments) {
  const std::filesystem::path folder = std::filesystem::path{platform::own_path()}.parent_path();
  for (const char* place : places) {
    const std::filesystem::path program = (folder / place).lexically_normal();
    std::error_code none;
    if (!std::filesystem::is_regular_file(program, none)) continue;
    std::vector<std::string> words{"--quick"};
    words.insert(words.end(), arguments.results().begin(), arguments.results().end());
    const std::error_code error = platform::become(program.string(), words);
    throw Failure{Exit::failure, "cannot run " + program.string() + ": " + error.message()};
  }
  throw Failure{
      Exit::not_found,
      "the benchmark was not built with this program; in a clone of seqcast, ./bench/run --quick builds "
      "and runs it"};
}

constexpr const char* footer =
    "It takes a minute and two idle cores. The arguments are those of the benchmark:\n"
    "'seqcast bench -- --help' shows them. It ends with 3 where the benchmark was not\n"
    "built with this program.\n"
    "\n"
    "Examples:\n"
    "  seqcast bench                                   beside all rivals at hand\n"
    "  seqcast bench -- --only seqcast,pipe --size 64  less of it";

} // namespace

void add_bench(CLI::App& app, Action& action) {
  CLI::App& verb = add_verb(app, "bench", "Measure latency on this machine", footer);
  const CLI::Option* const arguments = verb.add_option("ARGUMENT", "For the benchmark; after --")
                                           ->expected(1, CLI::detail::expected_max_vector_size)
                                           ->allow_extra_args();
  on_parsed(verb, action, [arguments](Console&) { return run_benchmark(*arguments); });
}

} // namespace cli
