// SPDX-License-Identifier: BSL-1.0
//
// A user's program that is compiled without exceptions and without run-time type information, while the library
// has both: everything is to be had by error codes.
//
//     without_exceptions PATH
#include <seqcast/poll_descriptor.hpp>
#include <seqcast/seqcast.hpp>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "to be compiled with -fno-exceptions -fno-rtti"
#endif

#include <cstdio>

namespace {

struct Quote {
  double bid;
  double ask;
};

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "without_exceptions: %s\n", what);
}

void typed(const seqcast::Location& where) {
  seqcast::Error error;
  expect(!seqcast::Subscriber<Quote>::open(where, {}, error), "nothing is there to subscribe to");
  expect(error == seqcast::Errc::no_channel, "and the error says so");
  auto publisher = seqcast::Publisher<Quote>::open(where, {}, error);
  auto subscriber = seqcast::Subscriber<Quote>::open(where, {}, error);
  expect(publisher && subscriber, "both are open");
  if (!publisher || !subscriber) return;
  expect(!seqcast::Publisher<Quote>::open(where, {}, error), "there is one publisher");
  expect(error == seqcast::Errc::publisher_alive, "and the error says so");

  publisher->publish({.bid = 1, .ask = 2});
  expect(subscriber->wait_for(std::chrono::seconds{30}) == seqcast::WaitResult::message, "a message comes");
  const auto quote = subscriber->next();
  expect(quote && quote->message.ask == 2 && quote->sequence == 1, "and is what was published");
}

void bytes(const seqcast::Location& where) {
  seqcast::Error error;
  auto publisher = seqcast::BytePublisher::open(where, {.max_message_size = 5}, error);
  auto subscriber = seqcast::ByteSubscriber::open(where, {}, error);
  expect(publisher && subscriber, "both are open");
  if (!publisher || !subscriber) return;
  publisher->publish("hello");
  const auto received = subscriber->latest();
  expect(received && received->text() == "hello", "the text arrives");
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const seqcast::Location one = seqcast::file(argv[1]);
  const seqcast::Location other = seqcast::file(argv[1] + std::string{".bytes"});
  seqcast::Error error;
  for (const auto& where : {one, other})
    seqcast::remove_channel(where, error); // what a run that was killed has left
  typed(one);
  bytes(other);
  for (const auto& where : {one, other}) {
    expect(seqcast::remove_channel(where, error) && !error, "what was made is removed");
  }
  return failures == 0 ? 0 : 1;
}
