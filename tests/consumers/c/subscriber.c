// SPDX-License-Identifier: BSL-1.0
//
// The README's subscriber, in C.
#include <inttypes.h>
#include <seqcast/seqcast.h>
#include <stdio.h>

struct quote {
  double bid, ask;
};

int main(void) {
  const seqcast_location where = {SEQCAST_SHARED_MEMORY, 0, {"quotes", SEQCAST_ZERO_TERMINATED}};
  seqcast_subscriber_options options = {.struct_size = sizeof options, .start = SEQCAST_START_OLDEST};
  options.open_timeout_ns = 60000000000;
  char text[1000];
  seqcast_error error = {.struct_size = sizeof error, .text = text, .text_capacity = sizeof text};
  seqcast_subscriber* quotes;
  if (seqcast_subscriber_open(SEQCAST_VERSION, &where, &options, &quotes, &error) != SEQCAST_OK) {
    fprintf(stderr, "%s\n", text);
    return 1;
  }
  struct quote quote;
  seqcast_message message = {.struct_size = sizeof message};
  int code;
  while ((code = seqcast_next_for_into(quotes, &quote, sizeof quote, SEQCAST_FOREVER, NULL, &message)) ==
             SEQCAST_OK ||
         code == SEQCAST_OVERRUN) {
    if (code == SEQCAST_OVERRUN || message.size != sizeof quote) continue;
    printf("bid %g, %" PRIu64 " lost\n", quote.bid, message.lost);
    fflush(stdout);
  }
  seqcast_subscriber_close(quotes);
  return code == SEQCAST_CLOSED ? 0 : 1; // the publisher ended
}
