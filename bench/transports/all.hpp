// SPDX-License-Identifier: BSL-1.0
//
// all: the transports by name; each is defined in the file of its name, or of its library.
#pragma once

#include "../transport.hpp"

namespace bench {

extern const Transport seqcast_next, seqcast_large_ring, seqcast_behind, seqcast_reliable, seqcast_no_bell,
    seqcast_latest, seqcast_batches, seqcast_in_place;
extern const Transport naive, handoff, handoff_ring;
extern const Transport one_slot_seqlock, broadcast_ring, gated_ring, gated_ring_best;
extern const Transport lamport_queue, lamport_queue_best;
extern const Transport agrona_broadcast;
extern const Transport chunked_handoff, chunked_handoff_small, chunked_in_place;
extern const Transport spsc_queue, spsc_batches, message_queue;
extern const Transport iceoryx, iceoryx_in_place;
extern const Transport pipe_, datagram, posix_queue;
extern const Transport nng, zeromq;

/// In the order of the tables.
inline const std::array all{
    &seqcast_next,
    &seqcast_large_ring,
    &seqcast_behind,
    &seqcast_no_bell,
    &seqcast_latest,
    &seqcast_batches,
    &naive,
    &handoff,
    &handoff_ring,
    &one_slot_seqlock,
    &broadcast_ring,
    &agrona_broadcast,
    &gated_ring,
    &gated_ring_best,
    &lamport_queue,
    &lamport_queue_best,
    &chunked_handoff,
    &chunked_handoff_small,
    &spsc_queue,
    &spsc_batches,
    &message_queue,
    &iceoryx,
    &pipe_,
    &datagram,
    &posix_queue,
    &nng,
    &zeromq,
    &seqcast_in_place,
    &chunked_in_place,
    &iceoryx_in_place,
};

} // namespace bench
