// SPDX-License-Identifier: BSL-1.0
//
// account: how many messages of a channel came through, for the table at the end.
#pragma once

#include "table.hpp"
#include "units.hpp"

#include <cstdint>
#include <string>

namespace mirror {

struct Account {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;
  std::uint64_t last = 0; // sequence
};

class AccountTable {
 public:
  void add(const std::string& name, const Account& account) {
    table_.add({{name},
                {std::to_string(account.messages)},
                {cli::to_bytes(account.bytes)},
                {std::to_string(account.lost)},
                {std::to_string(account.last)}});
  }
  void print(cli::Stream& out) const {
    if (!table_.empty()) out.print(table_.text(out));
  }

 private:
  cli::Table table_{{{"CHANNEL"}, {"MESSAGES", true}, {"BYTES", true}, {"LOST", true}, {"LAST", true}}};
};

} // namespace mirror
