// SPDX-License-Identifier: BSL-1.0
//
// publisher: the README's program, word for word; tests/consumers/run compares them.
// clang-format off
#include <iostream>
#include <seqcast/seqcast.hpp>

struct Quote { double bid, ask; };

int main() {
  seqcast::Publisher<Quote> quotes{seqcast::shared_memory("quotes"), {.remove_on_close = true}};
  for (double price; std::cin >> price;) quotes.publish({.bid = price - 0.5, .ask = price + 0.5});
}
