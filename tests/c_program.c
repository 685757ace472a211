// SPDX-License-Identifier: BSL-1.0
//
// The C interface as C99 sees it: a program that publishes, receives, inspects, lists and removes. It prints what
// is wrong, and fails. Its one argument is a file to be used as a channel.
#include <seqcast/seqcast.h>

#include <stdio.h>
#include <string.h>

static int failures = 0;

static void expect(int holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "FAILED  %s\n", what);
  ++failures;
}
#define EXPECT(condition) expect(condition, #condition)

struct quote {
  double bid, ask;
};

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  char text[500];
  seqcast_error error = {.struct_size = sizeof error, .text = text, .text_capacity = sizeof text};
  const seqcast_location where = {SEQCAST_FILE, 0, {argv[1], SEQCAST_ZERO_TERMINATED}};
  seqcast_subscriber* subscriber;
  EXPECT(seqcast_subscriber_open(SEQCAST_VERSION, &where, NULL, &subscriber, &error) == SEQCAST_NO_CHANNEL);
  EXPECT(subscriber == NULL);
  EXPECT(strlen(text) == error.text_size && strstr(text, argv[1]) != NULL);

  seqcast_publisher_options options = {.struct_size = sizeof options, .capacity = 4};
  options.max_message_size = sizeof(struct quote);
  options.timestamps = SEQCAST_ON;
  seqcast_publisher* publisher;
  if (seqcast_publisher_open(seqcast_version(), &where, &options, &publisher, &error) != SEQCAST_OK ||
      seqcast_subscriber_open(SEQCAST_VERSION, &where, NULL, &subscriber, &error) != SEQCAST_OK) {
    fprintf(stderr, "%s\n", text);
    return 1;
  }

  const struct quote sent = {1.5, 2.5};
  const seqcast_piece pieces[] = {{&sent.bid, sizeof sent.bid}, {&sent.ask, sizeof sent.ask}};
  uint64_t sequence = 0;
  EXPECT(seqcast_publish(publisher, &sent, sizeof sent, &sequence) == SEQCAST_OK && sequence == 1);
  EXPECT(seqcast_publish_pieces(publisher, pieces, 2, &sequence) == SEQCAST_OK && sequence == 2);
  void* room;
  size_t size;
  EXPECT(seqcast_loan(publisher, &room, &size) == SEQCAST_OK && size == sizeof sent);
  memcpy(room, &sent, sizeof sent);
  EXPECT(seqcast_commit(publisher, sizeof sent, &sequence) == SEQCAST_OK && sequence == 3);

  struct quote received;
  seqcast_message message = {.struct_size = sizeof message};
  EXPECT(seqcast_next(subscriber, &message) == SEQCAST_OK && message.size == sizeof sent);
  memcpy(&received, message.data, sizeof received);
  EXPECT(received.bid == 1.5 && received.ask == 2.5);
  EXPECT(message.sequence == 1 && message.lost == 0);
  EXPECT(message.published_at_ns > 0 && message.published_at_ns <= seqcast_clock_ns());
  EXPECT(seqcast_next_into(subscriber, &received, sizeof received, &message) == SEQCAST_OK);
  EXPECT(seqcast_view(subscriber, &message) == SEQCAST_OK && message.sequence == 3);
  EXPECT(memcmp(message.data, &sent, sizeof sent) == 0);
  EXPECT(seqcast_validate(subscriber, &message) == SEQCAST_OK);
  EXPECT(seqcast_next(subscriber, &message) == SEQCAST_NOTHING_NEW);
  struct quote several[2] = {{3.5, 4.5}, {5.5, 6.5}};
  seqcast_batch batch = {.struct_size = sizeof batch};
  EXPECT(seqcast_publish_batch(publisher, several, sizeof several[0], 2, &sequence) == SEQCAST_OK &&
         sequence == 5);
  memset(several, 0, sizeof several);
  EXPECT(seqcast_next_batch(subscriber, several, sizeof several[0], 2, &batch) == SEQCAST_OK);
  EXPECT(batch.count == 2 && batch.sequence == 4 && batch.lost == 0 && several[1].ask == 6.5);
  EXPECT(seqcast_wait(subscriber, 1000, NULL) == SEQCAST_TIMEOUT);
  size_t index = 0;
  EXPECT(seqcast_wait_any(&subscriber, 1, 1000, NULL, &index) == SEQCAST_TIMEOUT && index == 1);

  seqcast_inspector* inspector;
  seqcast_identity identity = {.struct_size = sizeof identity};
  seqcast_status status = {.struct_size = sizeof status};
  EXPECT(seqcast_inspector_open(SEQCAST_VERSION, &where, NULL, &inspector, &error) == SEQCAST_OK);
  EXPECT(seqcast_inspector_get_identity(inspector, &identity) == SEQCAST_OK && identity.capacity == 4);
  EXPECT(identity.max_message_size == sizeof sent && identity.schema_name.size == 0);
  EXPECT(seqcast_inspector_get_status(inspector, &status) == SEQCAST_OK && status.head == 5);
  EXPECT(status.state == SEQCAST_STATE_LIVE && status.publisher_alive == 1 && status.problem == 0);
  seqcast_inspector_close(inspector);

  EXPECT(seqcast_remove(&where, NULL, &error) == SEQCAST_PUBLISHER_ALIVE && error.text_size > 0);
  seqcast_publisher_close(publisher);
  EXPECT(seqcast_next_for(subscriber, SEQCAST_FOREVER, NULL, &message) == SEQCAST_CLOSED);
  seqcast_subscriber_close(subscriber);
  EXPECT(seqcast_remove(&where, NULL, &error) == SEQCAST_OK && error.text_size == 0);
  return failures == 0 ? 0 : 1;
}
