// SPDX-License-Identifier: BSL-1.0
#include "plain.hpp"

#include "all.hpp"

namespace bench {

const Transport naive = transport_of<Naive>({.name = "naive",
                                             .setting = "memcpy into a region; polls its first word",
                                             .may_tear = true,
                                             .may_lose = true,
                                             .several_receivers = true});

const Transport handoff_ring =
    transport_of<HandOffRing>({.name = "hand-off, ring",
                               .setting = "memcpy, then one flag; a ring with the slots of seqcast",
                               .sender_only = true});
const Transport handoff = transport_of<HandOff>({.name = "hand-off",
                                                 .setting = "memcpy, then one flag; polls the flag",
                                                 .may_tear = true,
                                                 .may_lose = true,
                                                 .several_receivers = true});

const Transport one_slot_seqlock =
    transport_of<OneSlotSeqlock>({.name = "one-slot seqlock",
                                  .setting = "words of std::atomic; polls the counter",
                                  .may_lose = true,
                                  .several_receivers = true});

} // namespace bench
