// SPDX-License-Identifier: BSL-1.0
//
// Does not compile: schemas that do not describe their structure, one for each REFUSAL. The error says what
// is wrong.
#include <seqcast/publisher.hpp>

struct Inner {
  double x;
};
struct Message {
#if REFUSAL == 1
  double* value; // a pointer
#elif REFUSAL == 2
  std::string_view value; // a view
#elif REFUSAL == 3
  Inner value; // a structure without a schema
#elif REFUSAL == 4
  long double value;
#else
  double value;
#endif
  char a;
  char b; // in what could be padding
  std::int32_t last;
};

template <>
struct seqcast::schema<Message> {
#if REFUSAL == 5
  static constexpr std::uint64_t tag = 1; // instead of fields, as before there were any
#elif REFUSAL == 6
  static constexpr auto fields =
      seqcast::fields(seqcast::field("value", &Message::value), seqcast::field("b", &Message::b),
                      seqcast::field("last", &Message::last));
#elif REFUSAL == 7
  static constexpr auto fields =
      seqcast::fields(seqcast::field("value", &Message::value), seqcast::field("a", &Message::a),
                      seqcast::field("b", &Message::b));
#elif REFUSAL == 8
  static constexpr auto fields =
      seqcast::fields(seqcast::field("value", &Message::value), seqcast::field("a", &Message::a),
                      seqcast::field("a again", &Message::a), seqcast::field("last", &Message::last));
#elif REFUSAL == 9
  static constexpr auto fields =
      seqcast::fields(seqcast::field("value", &Message::value), seqcast::field("a", &Message::a),
                      seqcast::field("a", &Message::b), seqcast::field("last", &Message::last));
#elif REFUSAL == 10
  static constexpr auto fields =
      seqcast::fields(seqcast::field("value", &Message::value), seqcast::field("a:", &Message::a),
                      seqcast::field("b", &Message::b), seqcast::field("last", &Message::last));
#else
  static constexpr auto fields =
      seqcast::fields(seqcast::field("value", &Message::value), seqcast::field("a", &Message::a),
                      seqcast::field("b", &Message::b), seqcast::field("last", &Message::last));
#endif
#if REFUSAL == 11
  static constexpr std::string_view name = "has a blank";
#elif REFUSAL != 12
  static constexpr std::string_view name = "acme.Message";
#endif
};

seqcast::Publisher<Message> open(const seqcast::Location& where) {
  return seqcast::Publisher<Message>{where};
}
