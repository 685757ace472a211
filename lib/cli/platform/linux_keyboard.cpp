// SPDX-License-Identifier: BSL-1.0
#include "keyboard.hpp"

#include <termios.h>
#include <unistd.h>

namespace cli::platform {

struct Keyboard::Settings {
  termios all{};
};

Keyboard::Keyboard() {
  auto before = std::make_unique<Settings>();
  if (::tcgetattr(STDIN_FILENO, &before->all) != 0) return;
  termios keys = before->all;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  // Stopped or dumped, the program could not restore the terminal first.
  keys.c_cc[VSUSP] = _POSIX_VDISABLE;
  keys.c_cc[VQUIT] = _POSIX_VDISABLE;
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0) before_ = std::move(before);
}

Keyboard::~Keyboard() {
  if (before_)
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_->all); // keys typed meanwhile are not for the shell
}

} // namespace cli::platform
