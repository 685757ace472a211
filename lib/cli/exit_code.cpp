// SPDX-License-Identifier: BSL-1.0
#include "exit_code.hpp"

#include <seqcast/error.hpp>

namespace cli {

Exit exit_for(const std::error_code& error) noexcept {
  if (error == seqcast::Errc::no_channel) return Exit::not_found;
  if (error == seqcast::Errc::invalid_location || error == seqcast::Errc::invalid_options) return Exit::usage;
  return Exit::failure;
}

const char* exit_codes_help() noexcept {
  return "Exit status:\n"
         "  0    success\n"
         "  1    something failed; standard error has the reason\n"
         "  2    the command line is wrong\n"
         "  3    there is no such channel\n"
         "  4    the time of --timeout is over\n"
         "  5    sub: the publisher died, or closed the channel before the last message\n"
         "       that was asked for; pub, sub and replay: the channel was removed or\n"
         "       replaced\n"
         "  6    a message was lost, and --strict was given\n"
         "  130  interrupted (Ctrl-C); 143 by SIGTERM, 129 by SIGHUP";
}

} // namespace cli
