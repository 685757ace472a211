// SPDX-License-Identifier: BSL-1.0
//
// all: the transports by name; each is defined in the file of its name.
#pragma once

#include "../transport.hpp"

#include <array>

namespace bench {

extern const Transport naive;
extern const Transport handoff;
extern const Transport handoff_ring;
extern const Transport one_slot_seqlock;
extern const Transport seqcast_next;
extern const Transport seqcast_large_ring;
extern const Transport seqcast_behind;
extern const Transport seqcast_no_bell;
extern const Transport seqcast_latest;
extern const Transport seqcast_untouched;
extern const Transport seqcast_touched;
extern const Transport spsc_queue;
extern const Transport message_queue;
extern const Transport pipe_;
extern const Transport datagram;
extern const Transport posix_queue;
extern const Transport iceoryx;
extern const Transport iceoryx_untouched;
extern const Transport iceoryx_touched;
extern const Transport zeromq;
extern const Transport nng;

/// In the order of the tables.
inline const std::array all{
    &seqcast_next,
    &seqcast_large_ring,
    &seqcast_behind,
    &seqcast_no_bell,
    &seqcast_latest,
    &naive,
    &handoff,
    &handoff_ring,
    &one_slot_seqlock,
    &spsc_queue,
    &message_queue,
    &iceoryx,
    &pipe_,
    &datagram,
    &posix_queue,
    &nng,
    &zeromq,
    &seqcast_untouched,
    &iceoryx_untouched,
    &seqcast_touched,
    &iceoryx_touched,
};

/// latest() of 1 KiB from a channel of seqcast that nothing is published to: calls a second.
double idle_latest_rate();

} // namespace bench
