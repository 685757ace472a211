// SPDX-License-Identifier: BSL-1.0
//
// Does not compile: next() by value of a message that is large for the stack. The error names the calls to
// use instead.
#include <seqcast/subscriber.hpp>

struct Image {
  std::array<std::byte, 8 << 20> pixels;
};

bool receive(seqcast::Subscriber<Image>& images) {
  return images.next().has_value();
}
