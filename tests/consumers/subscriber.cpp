// SPDX-License-Identifier: BSL-1.0
//
// subscriber: the README's program, word for word; tests/consumers/run compares them.
// clang-format off
#include <iostream>
#include <seqcast/seqcast.hpp>

struct Quote { double bid, ask; };

int main() {
  using namespace std::chrono_literals;
  seqcast::Subscriber<Quote> quotes{seqcast::shared_memory("quotes"),
                                    {.start = seqcast::StartPosition::oldest, .open_timeout = 1min}};
  for (const auto& quote : quotes.messages())
    std::cout << "bid " << quote.message.bid << ", " << quote.lost << " lost" << std::endl;
}
