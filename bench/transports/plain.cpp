// SPDX-License-Identifier: BSL-1.0
#include "plain.hpp"

#include "all.hpp"

namespace bench {

const Transport naive = transport_of<Naive>({.name = "naive",
                                             .setting = "memcpy into a region; polls a stamp at its begin",
                                             .may_tear = true,
                                             .may_lose = true,
                                             .many = true});

const Transport handoff_ring =
    transport_of<HandOffRing>({.name = "hand-off, ring",
                               .setting = "memcpy, then one flag; a ring of seqcast's shape",
                               .only_alone = true});
const Transport handoff = transport_of<HandOff>({.name = "hand-off",
                                                 .setting = "memcpy, then one flag; polls the flag",
                                                 .may_tear = true,
                                                 .may_lose = true,
                                                 .many = true});

const Transport one_slot_seqlock =
    transport_of<OneSlotSeqlock>({.name = "one-slot seqlock",
                                  .setting = "words of std::atomic; polls the counter",
                                  .may_lose = true,
                                  .many = true});

} // namespace bench
