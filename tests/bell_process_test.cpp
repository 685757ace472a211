// SPDX-License-Identifier: BSL-1.0
//
// The bell as a file: who may use it, what else may have its name, and what a process can do that may write
// to it.
#include <doctest/doctest.h>

#include "support/after_crash.hpp"
#include "support/checked_payload.hpp"
#include "support/shared_block.hpp"
#include "support/waiting.hpp"

#include <random>

#include <fcntl.h>

namespace {

using namespace test;
using seqcast::Errc;
using seqcast::WaitStrategy;
using seqcast::Wakeup;

constexpr uid_t nobody = 65534;
constexpr seqcast::SubscriberOptions asleep{.start = seqcast::StartPosition::oldest,
                                            .strategy = WaitStrategy::sleep};
using Message = CheckedMessage<200>;

/// The bell's words, as every process can map them that may write to it.
struct MappedBell {
  explicit MappedBell(const std::string& path) {
    const Descriptor file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    if (file.id() < 0) raise_errno("open");
    words = static_cast<std::atomic<std::uint64_t>*>(
        ::mmap(nullptr, seqcast::detail::bell_size, PROT_READ | PROT_WRITE, MAP_SHARED, file.id(), 0));
    if (words == MAP_FAILED) raise_errno("mmap");
  }
  std::atomic<std::uint64_t>* words;
};

/// Runs `function` as another user, who owns none of the files.
template <class Function>
void as_nobody(const Function& function) {
  Child child{[&](Line&) {
    if (::setuid(nobody) != 0) raise_errno("setuid");
    function();
  }};
  CHECK(child.wait() == ended_well);
}

std::size_t files_in(const TemporaryFolder& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder.path()}) count += entry.exists();
  return count;
}

void require(bool holds, const char* what) {
  if (!holds) throw WaitFailed{what};
}

/// Permissions of a file; nothing if there is none.
std::optional<unsigned> mode_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return status.st_mode & 07777U;
}

} // namespace

TEST_CASE("a bell has mode 0600, whatever the region's permissions and the umask") {
  TemporaryFolder folder;
  const mode_t before = ::umask(0);
  const NumberPublisher publisher{seqcast::file(folder / "channel"), {.mode = 0644}};
  const NumberPublisher wide{seqcast::file(folder / "wide"), {.bell_mode = 0666, .mode = 0644}};
  ::umask(0777);
  const NumberPublisher masked{seqcast::file(folder / "masked"), {.bell_mode = 0620, .mode = 0640}};
  ::umask(before);
  CHECK(mode_of(folder / "channel") == 0644U);
  CHECK(mode_of(folder / "channel.bell") == 0600U);
  CHECK(mode_of(folder / "wide.bell") == 0666U);
  CHECK(mode_of(folder / "masked.bell") == 0620U);
}

TEST_CASE("an emptied bell is replaced, and removed with its channel") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  { const NumberPublisher publisher{channel}; }
  std::filesystem::resize_file(folder / "channel.bell", 0);
  {
    NumberPublisher publisher{channel};
    seqcast::Subscriber<std::uint64_t> subscriber{channel};
    CHECK(subscriber.wakeup() == seqcast::Wakeup::bell);
  }
  std::filesystem::resize_file(folder / "channel.bell", 0);
  CHECK(seqcast::remove_channel(channel));
  CHECK(files_in(folder) == 0);
}

TEST_CASE("an existing bell keeps its permissions, unless a publisher asks for others") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  for (const auto& [asked, found] :
       {std::pair<std::optional<std::uint32_t>, unsigned>{0666, 0666U}, {std::nullopt, 0666U}, {0600, 0600U}}) {
    const NumberPublisher publisher{channel, {.bell_mode = asked}};
    CHECK(mode_of(folder / "channel.bell") == found);
  }
}

TEST_CASE("there is a bell only with Wakeup::bell, and it is removed with its channel") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  { const NumberPublisher publisher{channel, {.wakeup = seqcast::Wakeup::polling}}; }
  CHECK(files_in(folder) == 1);
  CHECK(seqcast::remove_channel(channel));
  { const NumberPublisher publisher{channel, {.wakeup = seqcast::Wakeup::every_message}}; }
  CHECK(files_in(folder) == 1);
  CHECK(seqcast::remove_channel(channel));
  { const NumberPublisher publisher{channel}; }
  CHECK(files_in(folder) == 2);
  CHECK(seqcast::remove_channel(channel));
  CHECK(files_in(folder) == 0);
  { const NumberPublisher publisher{channel, {.remove_on_close = true}}; }
  CHECK(files_in(folder) == 0);

  TemporaryObject object;
  { const NumberPublisher publisher{object.channel()}; }
  CHECK(mode_of(object.path() + ".bell") == 0600U);
  CHECK(seqcast::remove_channel(object.channel()));
  CHECK_FALSE(mode_of(object.path() + ".bell").has_value());
}

TEST_CASE("another user subscribes reliably where bell_mode allows it, and is refused elsewhere") {
  if (::geteuid() != 0) {
    MESSAGE("not root: skipped");
    return;
  }
  TemporaryFolder folder;
  folder.open_to_all();
  constexpr auto no_limit = (std::chrono::nanoseconds::max)();
  NumberPublisher closed{seqcast::file(folder / "closed"),
                         {.capacity = 8, .max_blocking_time = no_limit, .mode = 0644}};
  NumberPublisher open{seqcast::file(folder / "open"),
                       {.capacity = 8, .max_blocking_time = no_limit, .bell_mode = 0666, .mode = 0644}};
  Child child{[&](Line& line) {
    if (::setuid(nobody) != 0) raise_errno("setuid");
    seqcast::Error error;
    require(!NumberSubscriber::open(closed.location(), {.reliable = true}, error), "not refused");
    require(error == std::errc::permission_denied, "another error than expected");
    require(error.message().find("bell_mode") != std::string::npos, "no advice");
    NumberSubscriber subscriber{open.location(), {.reliable = true}};
    line.send(true);
    line.receive<bool>();
    for (Number i = 1; i <= 7; ++i) require(subscriber.next()->message == i, "a message is lost");
    require(!subscriber.next(), "a message too many");
    line.send(true);
    line.receive<bool>();
  }};
  child.line().expect<bool>();
  for (Number i = 1; i <= 7; ++i) CHECK(open.try_publish(i));
  CHECK_FALSE(open.try_publish(8));
  child.line().send(true);
  child.line().expect<bool>();
  CHECK(open.try_publish(8));
  child.line().hang_up();
  CHECK(child.wait() == ended_well);
}

TEST_CASE("a subscriber that may not write to the bell polls, and gets its messages") {
  if (::geteuid() != 0) {
    MESSAGE("not root: skipped");
    return;
  }
  TemporaryFolder folder;
  folder.open_to_all();
  const std::string path = folder / "channel";
  NumberPublisher closed{seqcast::file(path), {.mode = 0644}};
  NumberPublisher open{seqcast::file(path + "2"), {.bell_mode = 0666, .mode = 0644}};
  NumberPublisher word{seqcast::file(path + "3"), {.wakeup = seqcast::Wakeup::every_message, .mode = 0644}};
  NumberPublisher* const publishers[] = {&closed, &open, &word};
  const Wakeup expected[] = {Wakeup::polling, Wakeup::bell, Wakeup::every_message};
  for (std::size_t i = 0; i < 3; ++i) {
    Child child{[&](Line& line) {
      if (::setuid(nobody) != 0) raise_errno("setuid");
      NumberSubscriber subscriber{publishers[i]->location(), asleep};
      require(subscriber.wakeup() == expected[i], "another wakeup than expected");
      line.send(true);
      for (int k = 0; k < 20; ++k) {
        require(subscriber.wait_for(long_timeout) == WaitResult::message, "no message");
        require(drain(subscriber) == 1, "not one message");
        line.send(true);
      }
    }};
    child.line().expect<bool>();
    for (Number k = 0; k < 20; ++k) {
      wait_until_asleep(child.id());
      publishers[i]->publish(k);
      child.line().expect<bool>();
    }
    CHECK(child.wait() == ended_well);
  }
}

TEST_CASE("a bell that another user put there is not used") {
  if (::geteuid() != 0) {
    MESSAGE("not root: skipped");
    return;
  }
  TemporaryFolder folder;
  folder.open_to_all();
  const std::string path = folder / "channel";
  as_nobody([&] { const NumberPublisher theirs{seqcast::file(folder / "theirs")}; });
  std::filesystem::copy_file(folder / "theirs.bell", path + ".bell");
  REQUIRE(::chown((path + ".bell").c_str(), nobody, nobody) == 0);
  seqcast::Error error;
  CHECK_FALSE(NumberPublisher::open(seqcast::file(path), {}, error).has_value());
  CHECK(error == Errc::other_owner);
  CHECK_FALSE(std::filesystem::exists(path));

  // Swapped behind a publisher's back: a subscriber of the same user does not take it either.
  std::filesystem::rename(path + ".bell", path + ".theirs");
  const NumberPublisher publisher{seqcast::file(path)};
  std::filesystem::rename(path + ".theirs", path + ".bell");
  NumberSubscriber subscriber{seqcast::file(path)};
  CHECK(subscriber.wakeup() == Wakeup::polling);
}

TEST_CASE("a file that is as long as a bell, and none, is neither changed nor removed") {
  const TemporaryFolder folder;
  const std::string bell = folder / "channel.bell";
  std::ofstream{bell} << std::string(seqcast::detail::bell_size, 'd');
  seqcast::Error error;
  CHECK_FALSE(NumberPublisher::open(folder.channel(), {}, error));
  CHECK(error == Errc::not_a_channel);
  { const NumberPublisher publisher{folder.channel(), {.wakeup = seqcast::Wakeup::polling}}; }
  CHECK(seqcast::remove_channel(folder.channel()));
  std::string content;
  std::ifstream{bell} >> content;
  CHECK(content == std::string(seqcast::detail::bell_size, 'd'));
}

TEST_CASE("a file that is no bell is not changed, and the error names it") {
  TemporaryFolder folder;
  const std::string path = folder / "channel";
  std::ofstream{path + ".bell"} << "my diary\n";
  std::string text;
  try {
    const NumberPublisher publisher{seqcast::file(path)};
  } catch (const std::system_error& error) {
    CHECK(error.code() == Errc::not_a_channel);
    text = error.what();
  }
  CHECK(text.find(path + ".bell") != std::string::npos);
  CHECK(text.find("Wakeup::bell") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(std::filesystem::file_size(path + ".bell") == 9);
  { const NumberPublisher publisher{seqcast::file(path), {.wakeup = seqcast::Wakeup::polling}}; }
  CHECK(seqcast::remove_channel(seqcast::file(path)));
  CHECK(std::filesystem::file_size(path + ".bell") == 9);

  std::filesystem::remove(path + ".bell");
  std::filesystem::create_symlink(folder / "elsewhere", path + ".bell");
  seqcast::Error error;
  CHECK_FALSE(NumberPublisher::open(seqcast::file(path), {}, error).has_value());
  CHECK(error == std::errc::too_many_symbolic_link_levels);
  CHECK_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

TEST_CASE("after a bell was removed by hand new subscribers poll, until a publisher makes another") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  std::optional<NumberPublisher> publisher{channel};
  NumberSubscriber old{channel, asleep};
  CHECK(old.wakeup() == Wakeup::bell);
  std::filesystem::remove(folder / "channel.bell");
  NumberSubscriber young{channel, asleep};
  CHECK(young.wakeup() == Wakeup::polling);
  for (Number i = 0; i < 5; ++i) {
    const pid_t waiting = thread_id();
    std::jthread thread{[&] {
      wait_until_asleep(waiting);
      publisher->publish(i);
    }};
    CHECK(old.wait_for(long_timeout) == WaitResult::message);
    CHECK(young.wait_for(long_timeout) == WaitResult::message);
    CHECK(drain(old) == 1);
    CHECK(drain(young) == 1);
  }
  publisher.reset();
  publisher.emplace(channel);
  CHECK(std::filesystem::exists(folder / "channel.bell"));
  for (NumberSubscriber* subscriber : {&old, &young}) {
    CHECK(subscriber->wakeup() == Wakeup::bell);
    drain(*subscriber); // what was published for the one before
    std::jthread thread{[&] {
      wait_until("a sleeper to set the flag of the new bell",
                 [&] { return word_in_file(folder / "channel.bell", seqcast::detail::bell_flag_offset) == 1; });
      publisher->publish(1);
    }};
    CHECK(subscriber->wait_for(long_timeout) == WaitResult::message);
  }
}

TEST_CASE("random writes into the bell tear no message, lose none, and leave waits bounded") {
  TemporaryFolder folder;
  const std::string path = folder / "channel";
  constexpr std::uint64_t count = 3000;
  seqcast::PublisherOptions options;
  options.capacity = 8192;
  seqcast::Publisher<Message> publisher{seqcast::file(path), options};
  Child scribbles{[&](Line& line) {
    const MappedBell bell{path + ".bell"};
    line.send(true);
    std::mt19937_64 random{1};
    for (;;) {
      // Now and then it clears the flag of a sleeper, freezes the word, or lets it jump.
      bell.words[8].store(random() % 3 == 0 ? 0 : random(), std::memory_order_relaxed);
      bell.words[9].store(random() % 2 == 0 ? 7 : random(), std::memory_order_relaxed);
      for (auto n = random() % 200; n > 0; --n) seqcast::detail::HardwarePolicy::pause();
    }
  }};
  scribbles.line().expect<bool>();
  std::vector<Child> subscribers;
  for (int i = 0; i < 2; ++i) {
    subscribers.emplace_back([&](Line& line) {
      seqcast::Subscriber<Message> subscriber{seqcast::file(path), asleep};
      line.send(true);
      for (std::uint64_t read = 0; read < count;) {
        require(subscriber.wait_for(long_timeout) == WaitResult::message, "no message");
        while (const auto message = subscriber.next()) {
          ++read;
          require(message->sequence == read && message->lost == 0, "a message was lost");
          require(message->message.whole(read), "a message was torn");
        }
      }
    });
    subscribers.back().line().expect<bool>();
  }
  for (std::uint64_t i = 1; i <= count; ++i) {
    Message message;
    message.fill(i);
    publisher.publish(message);
    if (i % 100 == 0) std::this_thread::yield();
  }
  for (Child& subscriber : subscribers) CHECK(subscriber.wait() == ended_well);
  CHECK(scribbles.kill() == ended_killed);
}

TEST_CASE("a bell whose flag is cleared all the time costs each sleeper a slice, and no more") {
  TemporaryFolder folder;
  const std::string path = folder / "channel";
  NumberPublisher publisher{seqcast::file(path)};
  NumberSubscriber subscriber{seqcast::file(path), asleep};
  Child clears{[&](Line& line) {
    const MappedBell bell{path + ".bell"};
    line.send(true);
    for (;;) bell.words[8].store(0, std::memory_order_relaxed);
  }};
  clears.line().expect<bool>();
  for (Number i = 0; i < 5; ++i) {
    const pid_t waiting = thread_id();
    std::jthread thread{[&] {
      wait_until_asleep(waiting);
      publisher.publish(i);
    }};
    REQUIRE(subscriber.wait_for(long_timeout) == WaitResult::message);
    REQUIRE(drain(subscriber) == 1);
  }
}
