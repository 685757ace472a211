// SPDX-License-Identifier: BSL-1.0
//
// standard_library: a program that calls every function that takes or gives a string or a container;
// standard_library_test.sh compiles it with other options than the library.
#include <seqcast/inspect.hpp>
#include <seqcast/seqcast.hpp>

#include <cstdio>

namespace {

bool lists(const std::vector<seqcast::Location>& channels, const seqcast::Location& wanted) {
  for (const seqcast::Location& found : channels) {
    if (found == wanted) return true;
  }
  return false;
}

} // namespace

/// channel FOLDER NAME: publishes to NAME in the folder, subscribes, inspects, lists and removes.
int main(int, char** arguments) {
  const auto where = seqcast::file(std::string{arguments[1]} + "/" + arguments[2]);
  seqcast::Error error;
  auto publisher = seqcast::BytePublisher::open(where, {.schema = "a.schema"}, error);
  auto subscriber = seqcast::ByteSubscriber::open(where, {}, error);
  const auto inspector = seqcast::Inspector::open(where, {}, error);
  if (error || !publisher || !subscriber || !inspector) return 1;
  publisher->publish(std::vector<float>{0.5F});
  const auto message = subscriber->next();
  if (!message || message->as<float>() != 0.5F || subscriber->reopen(error)) return 2;
  if (inspector->identity().schema_name != "a.schema" || !(inspector->location() == where)) return 3;
  if (!lists(seqcast::channels_in_folder(arguments[1]), where)) return 4;
  if (!lists(seqcast::channels_in_folder(arguments[1], error), where) || error) return 5;
  (void)seqcast::channels_in_shared_memory();
  (void)seqcast::channels_in_shared_memory(error);
  std::puts(to_string(where).c_str());
  try {
    const seqcast::Publisher<int> refused{where};
    return 6;
  } catch (const std::system_error& failure) {
    if (failure.code() != seqcast::Errc::publisher_alive) return 7;
  }
  try {
    const seqcast::Subscriber<int> refused{where};
    return 8;
  } catch (const std::system_error& failure) {
    if (failure.code() != seqcast::Errc::wrong_identity) return 9;
  }
  const seqcast::Inspector again{where};
  publisher.reset();
  if (!seqcast::remove_channel(where, seqcast::RemoveOptions{}, error)) return 10;
  return seqcast::remove_channel(where) || seqcast::remove_channel(where, error) ? 11 : 0;
}
