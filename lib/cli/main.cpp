// SPDX-License-Identifier: BSL-1.0
//
// main: the tool seqcast. Each verb has its file; command_line parses the command line.
//
//     seqcast pub news "hello"                 publishes a message
//     seqcast sub news --from oldest           prints it
#include "command_line.hpp"

namespace {

void add_verbs(CLI::App& app, cli::Action& action) {
  cli::add_pub(app, action);
  cli::add_sub(app, action);
  cli::add_ls(app, action);
  cli::add_info(app, action);
  cli::add_stat(app, action);
  cli::add_top(app, action);
  cli::add_dump(app, action);
  cli::add_rm(app, action);
  cli::add_record(app, action);
  cli::add_replay(app, action);
  cli::add_check(app, action);
  cli::add_doctor(app, action);
}

} // namespace

int main(int argc, char** argv) {
  const cli::Program program{"seqcast",
                             "Publish to, subscribe to, record and inspect channels in shared memory",
                             std::string{cli::exit_codes_help()} +
                                 "\n\nExamples:\n"
                                 "  seqcast pub news hello            publish a message\n"
                                 "  seqcast sub news --from oldest    print what is there\n"
                                 "  seqcast help pub                  all options of pub",
                             add_verbs};
  return cli::run_program(program, argc, argv);
}
