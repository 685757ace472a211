// SPDX-License-Identifier: BSL-1.0
//
// main: the program seqcast-dds: channels of one machine on others, over Cyclone DDS. Each verb has its file.
//
//     seqcast-dds send quotes                  on the origin
//     seqcast-dds receive quotes               on any other machine
#include "command_line.hpp"
#include "link.hpp"

int main(int argc, char** argv) {
  const cli::Program program{"seqcast-dds", "Mirror channels to other machines, over Cyclone DDS",
                             "The settings of Cyclone DDS are those of CYCLONEDDS_URI: a file, or XML.\n"
                             "\n"
                             "Exit status:\n"
                             "  0    success\n"
                             "  1    something failed; standard error has the reason\n"
                             "  2    the command line is wrong\n"
                             "  130  interrupted (Ctrl-C); 143 by SIGTERM, 129 by SIGHUP\n"
                             "\n"
                             "Examples:\n"
                             "  seqcast-dds send quotes        on the machine with the publisher\n"
                             "  seqcast-dds receive quotes     on any other one\n"
                             "  seqcast-dds doctor             what large messages need",
                             [](CLI::App& app, cli::Action& action) {
                               mirror::add_send(app, action);
                               mirror::add_receive(app, action);
                               mirror::add_doctor(app, action);
                             }};
  return cli::run_program(program, argc, argv);
}
