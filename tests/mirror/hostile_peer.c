// SPDX-License-Identifier: BSL-1.0
//
// hostile_peer: a DDS program that announces channels which nobody should make, and sends messages that
// contradict what it announced, also of a channel that is mirrored already, and than which it is stronger.
//
//     mirror_hostile_peer NAME FOLDER      NAME of that channel; FOLDER where a file named evil must not appear
//
// It says "done" when its announcements have arrived, and ends with stdin.
#include "mirror.h"

#include <dds/dds.h>

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dds_entity_t participant, announcements;
static uint64_t next_id = 1000;

static dds_entity_t check(dds_entity_t result, const char* what) {
  if (result >= 0) return result;
  fprintf(stderr, "mirror_hostile_peer: %s: %s\n", what, dds_strretcode(-result));
  exit(1);
}

static dds_qos_t* new_qos(int depth) {
  dds_qos_t* qos = dds_create_qos();
  dds_qset_reliability(qos, DDS_RELIABILITY_RELIABLE, DDS_SECS(10));
  dds_qset_durability(qos, DDS_DURABILITY_TRANSIENT_LOCAL);
  dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, depth);
  dds_qset_durability_service(qos, 0, DDS_HISTORY_KEEP_LAST, depth, -1, -1, -1);
  return qos;
}

// Each byte but letters, digits and _ is /xx in the name of a topic.
static dds_entity_t new_writer(const char* name) {
  char topic_name[1024] = "seqcast/channel/";
  size_t end = strlen(topic_name);
  dds_qos_t* qos = new_qos(16);
  dds_entity_t writer, topic;
  for (; *name != 0; ++name) {
    const unsigned char byte = (unsigned char)*name;
    if (isalnum(byte) || byte == '_') {
      topic_name[end++] = (char)byte;
    } else {
      end += (size_t)sprintf(topic_name + end, "/%02x", byte);
    }
  }
  topic_name[end] = 0;
  topic = check(dds_create_topic(participant, &seqcast_Message_desc, topic_name, NULL, NULL), topic_name);
  writer = check(dds_create_writer(participant, topic, qos, NULL), "data writer");
  dds_delete_qos(qos);
  return writer;
}

static seqcast_Channel new_channel(const char* name) {
  seqcast_Channel channel;
  memset(&channel, 0, sizeof channel);
  strncpy(channel.name, name, sizeof channel.name - 1);
  channel.id = ++next_id;
  channel.capacity = 16;
  channel.max_message_size = 64;
  channel.message_alignment = 1;
  channel.schema = (char*)"";
  channel.strength = INT32_MAX;
  return channel;
}

// Waits until somebody reads what this data writer writes.
static void await_match(dds_entity_t writer) {
  for (;;) {
    dds_publication_matched_status_t status;
    check(dds_get_publication_matched_status(writer, &status), "matched status");
    if (status.current_count > 0) return;
    dds_sleepfor(DDS_MSECS(5));
  }
}

static void announce(const seqcast_Channel* channel) {
  check(dds_write(announcements, channel), "announcement");
}

static void send(dds_entity_t writer, const seqcast_Channel* channel, uint64_t sequence, uint32_t size) {
  seqcast_Message message;
  memset(&message, 0, sizeof message);
  strcpy(message.name, channel->name);
  message.id = channel->id;
  message.sequence = sequence;
  message.epoch = 1;
  message.first_sequence = 1;
  message.bytes._buffer = calloc(1, size + 1);
  message.bytes._length = message.bytes._maximum = size;
  check(dds_write(writer, &message), "message");
  free(message.bytes._buffer);
}

static void names_that_lead_elsewhere(const char* folder) {
  char absolute[200], relative[200], longest[200];
  const char* names[] = {absolute, relative,    "../evil",     longest,    "",      ".",
                         "..",     "evil/evil", "\x1b[2Jevil", "\xff\xfe", "evil\n"};
  snprintf(absolute, sizeof absolute, "%s/evil", folder);
  snprintf(relative, sizeof relative, "../..%s/evil", folder);
  memset(longest, 'e', sizeof longest);
  longest[sizeof longest - 1] = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    const seqcast_Channel channel = new_channel(names[i]);
    announce(&channel);
    send(new_writer(names[i]), &channel, 1, 8);
  }
}

static void impossible_channels(void) {
  for (int i = 0; i <= 16; ++i) {
    char name[32], *text = NULL;
    seqcast_Channel channel;
    sprintf(name, "evil_%d", i);
    channel = new_channel(name);
    switch (i) {
      case 0:
        channel.capacity = (uint64_t)1 << 32;
        break;
      case 1:
        channel.capacity = (uint64_t)1 << 63;
        break;
      case 2:
        channel.capacity = 0;
        break;
      case 3:
        channel.capacity = 3;
        break;
      case 4:
        channel.max_message_size = UINT32_MAX;
        break;
      case 5:
        channel.max_message_size = (uint32_t)1 << 31;
        break;
      case 6:
        channel.message_alignment = 0;
        break;
      case 7:
        channel.message_alignment = 3;
        break;
      case 8:
        channel.message_alignment = (uint32_t)1 << 31;
        break;
      case 9:
        channel.wakeup = 200;
        break;
      case 10:
        channel.schema = (char*)"no{schema";
        break;
      case 11:
        channel.schema = (char*)"evil.Schema{size:f64}";
        break; // of 8 bytes, not of 64
      case 12:
        text = calloc(1, 1 << 20);
        channel.schema = memset(text, '{', (1 << 20) - 1);
        break;
      case 13:
        channel.id = 0;
        break;
      case 14:
        channel.schema = (char*)"\xff\x1b[2J";
        break;
      case 15: // possible, and larger than the receiver permits
        channel.capacity = 64;
        channel.max_message_size = 1 << 20;
        break;
      default:
        channel.capacity = UINT64_MAX;
        channel.max_message_size = UINT32_MAX;
        break;
    }
    announce(&channel);
    free(text);
    send(new_writer(name), &channel, 1, 8);
  }
}

// Announced well, and contradicted, between message 100 and message 105.
static void impossible_messages(const char* name) {
  const seqcast_Channel channel = new_channel(name);
  const dds_entity_t writer = new_writer(name);
  announce(&channel);
  send(writer, &channel, 100, 64);
  send(writer, &channel, 101, 65);
  send(writer, &channel, 102, 100000);
  send(writer, &channel, 0, 8);
  send(writer, &channel, 3, 8);
  send(writer, &channel, ((uint64_t)1 << 60) + 1, 8);
  send(writer, &channel, (uint64_t)1 << 63, 8);
  send(writer, &channel, UINT64_MAX, 8);
  seqcast_Channel other = channel;
  strcpy(other.name, "evil_other"); // on the topic of this one
  send(writer, &other, 103, 8);
  other = channel;
  other.id = 99; // never announced
  send(writer, &other, 104, 8);
  send(writer, &channel, 105, 64);
}

int main(int argc, char** argv) {
  dds_qos_t* qos = new_qos(1);
  dds_qset_liveliness(qos, DDS_LIVELINESS_AUTOMATIC, DDS_SECS(3));
  if (argc != 3) return 2;
  participant = check(dds_create_participant(DDS_DOMAIN_DEFAULT, NULL, NULL), "participant");
  announcements =
      check(dds_create_topic(participant, &seqcast_Channel_desc, "seqcast/channels", NULL, NULL), "topic");
  announcements = check(dds_create_writer(participant, announcements, qos, NULL), "data writer");
  dds_delete_qos(qos);
  await_match(announcements);
  impossible_channels();
  names_that_lead_elsewhere(argv[2]);
  impossible_messages(argv[1]);
  for (int i = 0; i < 3000; ++i) {
    char name[32];
    seqcast_Channel channel;
    sprintf(name, "evil_many_%d", i);
    channel = new_channel(name);
    announce(&channel);
  }
  check(dds_wait_for_acks(announcements, DDS_INFINITY), "acknowledgement");
  printf("done\n");
  fflush(stdout);
  while (getchar() != EOF) continue;
  dds_delete(participant);
  return 0;
}
