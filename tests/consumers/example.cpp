// SPDX-License-Identifier: BSL-1.0
//
// example: the README's, word for word, and as short as there; tests/consumers/run compares them.
// clang-format off
#include <cstdio>
#include <seqcast/seqcast.hpp>

struct Quote { double bid, ask; };

int main() {
  seqcast::Publisher<Quote> publisher{seqcast::file("quotes.dat")}; // in one process
  seqcast::Subscriber<Quote> quotes{seqcast::file("quotes.dat")};   // in any number of others
  publisher.publish({.bid = 99.5, .ask = 100.5});
  while (auto quote = quotes.next()) std::printf("bid %g, %zu lost\n", quote->message.bid, std::size_t{quote->lost});
}
