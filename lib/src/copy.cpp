// SPDX-License-Identifier: BSL-1.0
//
// copy: the wide copies between a slot and private memory, and the prefetch of a slot's lines for writing,
// compiled once. They are the first of the two exceptions to the rule that shared bytes are atomics;
// lib/docs/ordering.md argues why they are right all the same, and lib/docs/decisions/0003-copies.md and 0008
// why they are there.
//
// Who may call it: the ring, where it would store or load words one by one.
//
// Invariants
//   1. Each is made of instruction sequences that the compiler cannot look into, move or split, and that touch
//      no byte outside the words that are copied or prefetched.
//   2. Without such a sequence for this processor or compiler, under a sanitizer, which cannot look into it
//      either, and with SEQCAST_PORTABLE_COPIES, they are the relaxed words of store_words(), load_words()
//      and prefetch_lines().
#include <seqcast/detail/ring.hpp>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define SEQCAST_PORTABLE_COPIES
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEQCAST_PORTABLE_COPIES
#endif

namespace seqcast::inline v1::detail {

namespace {

#if !defined(SEQCAST_PORTABLE_COPIES) && defined(__x86_64__) && defined(__GNUC__)

/// Whether string instructions copy whole lines at a time ("enhanced rep movsb/stosb").
bool has_fast_strings() noexcept {
  static const bool has = [] {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & 1U << 9) != 0;
  }();
  return has;
}

/// Copies as much of `size` bytes as fits into whole steps, and gives the number copied, a multiple of 8: long
/// copies by string instructions where these are fast, others by 32 bytes where the processor has AVX,
/// otherwise by 16.
std::size_t copy_steps(void* to, const void* from, std::size_t size, bool hurried) noexcept {
  if (size >= HardwarePolicy::strings_from(hurried) && has_fast_strings()) {
    const std::size_t whole = size / word_size * word_size;
    std::size_t left = whole;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(left) : : "memory");
    return whole;
  }
  static const bool has_avx = __builtin_cpu_supports("avx") != 0;
  constexpr std::size_t step = 128;
  std::size_t steps = size / step;
  if (steps == 0) return 0;
  if (has_avx) {
    asm volatile(
        "1:\n\t"
        "vmovups   (%[from]), %%ymm0\n\t"
        "vmovups 32(%[from]), %%ymm1\n\t"
        "vmovups 64(%[from]), %%ymm2\n\t"
        "vmovups 96(%[from]), %%ymm3\n\t"
        "vmovups %%ymm0,   (%[to])\n\t"
        "vmovups %%ymm1, 32(%[to])\n\t"
        "vmovups %%ymm2, 64(%[to])\n\t"
        "vmovups %%ymm3, 96(%[to])\n\t"
        "sub $-128, %[from]\n\t"
        "sub $-128, %[to]\n\t"
        "dec %[steps]\n\t"
        "jnz 1b\n\t"
        "vzeroupper"
        : [to] "+r"(to), [from] "+r"(from), [steps] "+r"(steps)
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "cc", "memory");
  } else {
    steps *= 2;
    asm volatile(
        "1:\n\t"
        "movups   (%[from]), %%xmm0\n\t"
        "movups 16(%[from]), %%xmm1\n\t"
        "movups 32(%[from]), %%xmm2\n\t"
        "movups 48(%[from]), %%xmm3\n\t"
        "movups %%xmm0,   (%[to])\n\t"
        "movups %%xmm1, 16(%[to])\n\t"
        "movups %%xmm2, 32(%[to])\n\t"
        "movups %%xmm3, 48(%[to])\n\t"
        "add $64, %[from]\n\t"
        "add $64, %[to]\n\t"
        "dec %[steps]\n\t"
        "jnz 1b"
        : [to] "+r"(to), [from] "+r"(from), [steps] "+r"(steps)
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "cc", "memory");
  }
  return size / step * step;
}

#elif !defined(SEQCAST_PORTABLE_COPIES) && defined(__aarch64__) && defined(__GNUC__)

/// Copies as much of `size` bytes as fits into whole steps, by 32 bytes, and gives the number copied, a
/// multiple of 8.
std::size_t copy_steps(void* to, const void* from, std::size_t size, bool) noexcept {
  constexpr std::size_t step = 64;
  std::size_t steps = size / step;
  if (steps == 0) return 0;
  asm volatile(
      "1:\n\t"
      "ldp q0, q1, [%[from]], #32\n\t"
      "ldp q2, q3, [%[from]], #32\n\t"
      "stp q0, q1, [%[to]], #32\n\t"
      "stp q2, q3, [%[to]], #32\n\t"
      "subs %[steps], %[steps], #1\n\t"
      "b.ne 1b"
      : [to] "+r"(to), [from] "+r"(from), [steps] "+r"(steps)
      :
      : "v0", "v1", "v2", "v3", "cc", "memory");
  return size / step * step;
}

#else

std::size_t copy_steps(void*, const void*, std::size_t, bool) noexcept {
  return 0;
}

#endif

/// Copies as much of `size` bytes as fits into whole lines, past the caches, and gives the number copied, a
/// multiple of 8. A usual store waits for each line that another core has; a non-temporal one does not.
/// Requires: `to` begins a line; size >= cache_line.
#if !defined(SEQCAST_PORTABLE_COPIES) && defined(__x86_64__) && defined(__GNUC__)
std::size_t stream_lines(void* to, const void* from, std::size_t size) noexcept {
  std::size_t lines = size / cache_line;
  // [slot-open], [message-ready], [progress]: no fence of C++ orders these stores, so each side has one here.
  asm volatile(
      "sfence\n"
      "1:\n\t"
      "movups   (%[from]), %%xmm0\n\t"
      "movups 16(%[from]), %%xmm1\n\t"
      "movups 32(%[from]), %%xmm2\n\t"
      "movups 48(%[from]), %%xmm3\n\t"
      "movntps %%xmm0,   (%[to])\n\t"
      "movntps %%xmm1, 16(%[to])\n\t"
      "movntps %%xmm2, 32(%[to])\n\t"
      "movntps %%xmm3, 48(%[to])\n\t"
      "add $64, %[from]\n\t"
      "add $64, %[to]\n\t"
      "dec %[lines]\n\t"
      "jnz 1b\n\t"
      "sfence"
      : [to] "+r"(to), [from] "+r"(from), [lines] "+r"(lines)
      :
      : "xmm0", "xmm1", "xmm2", "xmm3", "cc", "memory");
  return size / cache_line * cache_line;
}
#else
std::size_t stream_lines(void* to, const void* from, std::size_t size) noexcept {
  return copy_steps(to, from, size, false);
}
#endif

/// Stores zeros into `words` words, which prefetches their lines without loading what is in them. Gives false
/// where there is no fast way.
#if !defined(SEQCAST_PORTABLE_COPIES) && defined(__x86_64__) && defined(__GNUC__)
bool clear(void* to, std::size_t words) noexcept {
  if (!has_fast_strings()) return false;
  asm volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(std::uint64_t{0}) : "memory");
  return true;
}
#else
bool clear(void*, std::size_t) noexcept {
  return false;
}
#endif

} // namespace

void HardwarePolicy::copy_in(Word* to, const std::byte* from, std::size_t size, CopyMode mode) noexcept {
  const std::size_t done = mode == CopyMode::streamed ? stream_lines(to, from, size)
                                                      : copy_steps(to, from, size, mode == CopyMode::hurried);
  store_words(to + done / word_size, from + done, size - done);
}

void HardwarePolicy::copy_out(const Word* from, std::byte* to, std::size_t size, bool hurried) noexcept {
  const std::size_t done = copy_steps(to, from, size, hurried);
  load_words(from + done / word_size, to + done, size - done);
}

void HardwarePolicy::prefetch_for_write(Word* words, std::size_t count) noexcept {
  // Subscribers read the slot before this one, and their processors prefetch forward: the last words first.
  constexpr std::size_t step = 16384 / word_size;
  while (count * word_size >= strings_from()) {
    const std::size_t piece = (std::min)(count, step);
    if (!clear(words + count - piece, piece)) break;
    count -= piece;
  }
  prefetch_lines<HardwarePolicy>(words, count);
}

} // namespace seqcast::inline v1::detail
