// SPDX-License-Identifier: BSL-1.0
//
// seqcast: everything that users include.
#pragma once

#include <seqcast/error.hpp>
#include <seqcast/inspect.hpp>
#include <seqcast/message.hpp>
#include <seqcast/options.hpp>
#include <seqcast/poll_descriptor.hpp>
#include <seqcast/publisher.hpp>
#include <seqcast/schema.hpp>
#include <seqcast/subscriber.hpp>

/// All that users call.
namespace seqcast {}
