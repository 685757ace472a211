// SPDX-License-Identifier: BSL-1.0
//
// command_line: the options that server and client share: where the channel is. A wrong command line ends the
// program with status 2.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <seqcast/options.hpp>
#include <string>

namespace demo {

class CommandLine : public CLI::App {
 public:
  explicit CommandLine(const std::string& description) : CLI::App{description} {
    auto* const file = add_option("--file", path_, "The channel's file [test.dat]");
    add_option("--shm", name_, "A channel in shared memory instead of a file")->excludes(file);
  }

  void parse_or_exit(int argc, char** argv) {
    try {
      parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      std::exit(exit(error) == 0 ? 0 : 2);
    }
  }

  seqcast::Location location() const {
    return name_.empty() ? seqcast::file(path_) : seqcast::shared_memory(name_);
  }

 private:
  std::string path_ = "test.dat";
  std::string name_;
};

} // namespace demo
