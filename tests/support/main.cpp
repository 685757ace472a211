// SPDX-License-Identifier: BSL-1.0
#define DOCTEST_CONFIG_IMPLEMENT
#include "support/program.hpp"

#include <doctest/doctest.h>

int main(int argc, char** argv) {
  if (const auto status = test::play_role(argc, argv)) return *status;
  return doctest::Context{argc, argv}.run();
}
