// SPDX-License-Identifier: BSL-1.0
#include "plain.hpp"

#include "all.hpp"

namespace bench {

const Transport naive = transport_of<Naive>({.name = "naive",
                                             .setting = "memcpy into a region; polls its first word",
                                             .may_tear = true,
                                             .several_receivers = true});

const Transport handoff = transport_of<HandOff>({.name = "hand-off",
                                                 .setting = "memcpy, then a flag in the message's first line",
                                                 .may_tear = true,
                                                 .several_receivers = true});

const Transport handoff_ring = transport_of<HandOffRing, 8, 256>(
    {.name = "hand-off, ring",
     .setting = "memcpy, then one flag; a ring with the slots of seqcast; no receiver",
     .may_tear = true,
     .sender_only = true});

} // namespace bench
