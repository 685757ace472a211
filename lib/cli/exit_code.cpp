// SPDX-License-Identifier: BSL-1.0
#include "exit_code.hpp"

#include <seqcast/error.hpp>

#include <utility>

namespace cli {

namespace {

// What the library's explanations say, and what the tool says instead.
constexpr std::pair<std::string_view, std::string_view> replacements[] = {
    {"shared_memory(\"", "\""},
    {"file(\"", "\""},
    {"\")", "\""},
    {"expected max_message_size", "expected --size"},
    {"max_message_size is", "--size is"},
    {"expected capacity", "expected --capacity"},
    {"capacity is", "--capacity is"},
    {"set replace to put", "use pub --replace to put"},
    {"its owner sets PublisherOptions::mode", "its owner can permit it by chmod"},
    {"set allow_other_owner if you trust that user", "use another name"},
    {"; remove that, or choose another wakeup than Wakeup::bell", "; remove that"},
    {"; move that away, or choose another wakeup than Wakeup::bell", "; move that away"},
    {"; or choose another wakeup than Wakeup::bell", ""},
};

} // namespace

Exit exit_for(const std::error_code& error) noexcept {
  if (error == seqcast::Errc::no_channel) return Exit::not_found;
  if (error == seqcast::Errc::invalid_location || error == seqcast::Errc::invalid_options) return Exit::usage;
  return Exit::failure;
}

std::string explain(std::string explanation) {
  for (const auto& [library_words, words] : replacements) {
    for (std::size_t at = 0; (at = explanation.find(library_words, at)) != std::string::npos;
         at += words.size()) {
      explanation.replace(at, library_words.size(), words);
    }
  }
  return explanation;
}

const char* exit_codes_help() noexcept {
  return "Exit status:\n"
         "  0    success\n"
         "  1    something failed; standard error has the reason\n"
         "  2    the command line is wrong\n"
         "  3    there is no such channel\n"
         "  4    the time of --timeout is over\n"
         "  5    the publisher died, or closed the channel before the last message\n"
         "       that was asked for\n"
         "  6    a message was lost, and --strict was given\n"
         "  130  interrupted (Ctrl-C); 143 by SIGTERM, 129 by SIGHUP";
}

} // namespace cli
