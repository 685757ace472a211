// SPDX-License-Identifier: BSL-1.0
//
// plugin: a shared library with seqcast in it, which unloading_process_test loads and unloads.
#include <seqcast/seqcast.hpp>

/// Opens a channel, receives a message through it and closes it. Gives the message.
extern "C" __attribute__((visibility("default"))) int use_seqcast(const char* path, bool survive_truncation) {
  seqcast::Publisher<int> publisher{seqcast::file(path), {.remove_on_close = true}};
  seqcast::Subscriber<int> subscriber{seqcast::file(path), {.survive_truncation = survive_truncation}};
  publisher.publish(7);
  const auto received = subscriber.next();
  return received ? received->message : -1;
}
