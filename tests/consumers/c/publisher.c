// SPDX-License-Identifier: BSL-1.0
//
// The README's publisher, in C.
#include <seqcast/seqcast.h>
#include <stdio.h>

struct quote {
  double bid, ask;
};

int main(void) {
  const seqcast_location where = {SEQCAST_SHARED_MEMORY, 0, {"quotes", SEQCAST_ZERO_TERMINATED}};
  seqcast_publisher_options options = {.struct_size = sizeof options, .remove_on_close = 1};
  options.max_message_size = sizeof(struct quote); // as a Publisher<Quote> has it
  options.message_alignment = sizeof(double);
  char text[1000];
  seqcast_error error = {.struct_size = sizeof error, .text = text, .text_capacity = sizeof text};
  seqcast_publisher* quotes;
  if (seqcast_publisher_open(SEQCAST_VERSION, &where, &options, &quotes, &error) != SEQCAST_OK) {
    fprintf(stderr, "%s\n", text);
    return 1;
  }
  for (double price; scanf("%lf", &price) == 1;) {
    const struct quote quote = {price - 0.5, price + 0.5};
    seqcast_publish(quotes, &quote, sizeof quote, NULL);
  }
  seqcast_publisher_close(quotes);
}
