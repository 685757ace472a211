// SPDX-License-Identifier: BSL-1.0
//
// plain_peer: a DDS program that has only mirror.idl, and reads a mirrored channel: nothing of seqcast is in it.
// It prints a line for each sample, until the channel is closed:
//
//     KIND SEQUENCE EPOCH FIRST_SEQUENCE PUBLISHED_AT SIZE HASH
//
// PUBLISHED_AT is in ns since 1970, HASH is FNV-1a.
//
//     mirror_plain_peer TOPIC CAPACITY
#include "mirror.h"

#include <dds/dds.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static dds_entity_t check(dds_entity_t result, const char* what) {
  if (result >= 0) return result;
  fprintf(stderr, "mirror_plain_peer: %s: %s\n", what, dds_strretcode(-result));
  exit(1);
}

static uint64_t hash_of(const uint8_t* bytes, uint32_t size) {
  uint64_t hash = 14695981039346656037u;
  for (uint32_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 1099511628211u;
  return hash;
}

static void print(const seqcast_Message* message) {
  printf("%d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRIu32 " %016" PRIx64 "\n", (int)message->kind,
         message->sequence, message->epoch, message->first_sequence, message->published_at,
         message->bytes._length, hash_of(message->bytes._buffer, message->bytes._length));
  fflush(stdout);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const dds_entity_t participant = check(dds_create_participant(DDS_DOMAIN_DEFAULT, NULL, NULL), "participant");
  const dds_entity_t topic =
      check(dds_create_topic(participant, &seqcast_Message_desc, argv[1], NULL, NULL), "topic");
  dds_qos_t* const qos = dds_create_qos();
  dds_qset_reliability(qos, DDS_RELIABILITY_RELIABLE, DDS_SECS(1));
  dds_qset_durability(qos, DDS_DURABILITY_TRANSIENT_LOCAL);
  dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, atoi(argv[2]));
  const dds_entity_t reader = check(dds_create_reader(participant, topic, qos, NULL), "data reader");
  dds_delete_qos(qos);
  printf("open\n");
  fflush(stdout);
  for (bool closed = false; !closed;) {
    void* samples[16] = {NULL};
    dds_sample_info_t infos[16];
    const int count = check(dds_take(reader, samples, infos, 16, 16), "take");
    if (count == 0) dds_sleepfor(DDS_MSECS(5));
    for (int i = 0; i < count; ++i) {
      const seqcast_Message* message = samples[i];
      if (!infos[i].valid_data) continue;
      print(message);
      closed = message->kind != seqcast_KIND_MESSAGE;
    }
    if (count > 0) dds_return_loan(reader, samples, count);
  }
  dds_delete(participant);
  return 0;
}
