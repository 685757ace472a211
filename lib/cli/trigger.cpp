// SPDX-License-Identifier: BSL-1.0
#include "trigger.hpp"

#include <fmt/format.h>
#include <utility>

namespace cli {

namespace {

constexpr std::chrono::seconds pause_after_failure{1};
constexpr int not_executable = 126;
constexpr int not_found_by_shell = 127;

} // namespace

Trigger::Trigger(std::string on, Console& console)
    : on_{std::move(on)}, console_{console}, signal_{platform::user_signal(on_)} {
  if (signal_)
    platform::note_signal(*signal_);
  else
    command_ = std::make_unique<platform::ShellCommand>(on_);
}

bool Trigger::fired() {
  return signal_ ? platform::signal_came() : command_succeeded();
}

bool Trigger::command_succeeded() {
  if (!command_ && std::chrono::steady_clock::now() >= start_again_)
    command_ = std::make_unique<platform::ShellCommand>(on_);
  const auto status = command_ ? command_->status() : std::nullopt;
  if (!status) return false;
  command_.reset();
  if (*status == 0) return true;
  const std::string text = fmt::format("the command of --on, {}, ended with {}", name(), *status);
  if (*status == not_executable || *status == not_found_by_shell) throw Failure{Exit::failure, text};
  console_.complain(text + ", which is no trigger; it is started again");
  start_again_ = std::chrono::steady_clock::now() + pause_after_failure;
  return false;
}

} // namespace cli
