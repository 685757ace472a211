// SPDX-License-Identifier: BSL-1.0
//
// subscriber: the types Subscriber and View.
//
// Invariants
//   1. One thread at a time uses a Subscriber; a call from another one is refused. Only close() may come from
//      anywhere: it ends a wait.
//   2. The mapping is kept for as long as anything refers to the memory of a view, also after close(). What would take
//      it away or put another one in its place is refused until then.
//   3. A wait handles signals every 50 ms, and gives the GIL away in between.
#include "python.hpp"

#include <algorithm>
#include <array>
#include <stop_token>
#include <vector>

namespace python {

namespace {

using seqcast::Errc;
using seqcast::WaitResult;

struct SubscriberState {
  std::optional<seqcast::ByteSubscriber> subscriber;
  std::unique_ptr<seqcast::PollDescriptor> descriptor; // from the first fileno() on
  std::stop_source stop;                               // for close() during a wait
  WaitResult wait_result = WaitResult::timeout;
  std::uint64_t generation = 0; // of views: those of an older one have ended
  Py_ssize_t exports = 0;       // what refers to the memory of views
  unsigned forks = 0;
  bool busy = false;
  bool closed = false;
  bool follow = false;
  Owned on_close;           // called by close(), for a task that waits for the descriptor; may be empty
  Owned records;            // may be empty
  bool own_records = false; // given by the caller, and not the channel's
  Owned name;               // as Subscriber() takes it
  Owned channel;            // the same, a file by its absolute path
  Owned options;            // dict of the other arguments
};

struct Subscriber {
  PyObject_HEAD SubscriberState* state;
};

struct View {
  PyObject_HEAD Subscriber* subscriber;
  seqcast::ByteView* view;
  std::uint64_t generation;
};

SubscriberState& state_of(PyObject* self) noexcept {
  return *as<Subscriber>(self).state;
}

/// Lets go of the mapping as soon as nothing uses it.
void finish_close(SubscriberState& state) noexcept {
  if (!state.closed || state.busy || state.on_close || state.exports > 0) return;
  if (state.forks != module.forks)
    static_cast<void>(state.descriptor.release()); // its thread is not in this process
  state.descriptor.reset();
  state.subscriber.reset();
}

/// A subscriber that is open, and used by this thread alone for as long as this object lives.
class InUse {
 public:
  explicit InUse(PyObject* self) : state_{state_of(self)} {
    if (state_.forks != module.forks) { // inherited by fork: what other threads were doing ended there
      static_cast<void>(state_.descriptor.release());
      state_.stop = std::stop_source{};
      state_.on_close = Owned{};
      state_.busy = false;
      state_.forks = module.forks;
    }
    if (state_.closed) raise(PyExc_ValueError, "this Subscriber is closed");
    if (state_.busy) {
      raise(PyExc_RuntimeError,
            "another thread is using this Subscriber: open one in each thread; only close() may be called "
            "meanwhile");
    }
    state_.busy = true;
  }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;
  ~InUse() {
    state_.busy = false;
    finish_close(state_);
  }

  SubscriberState* operator->() const noexcept {
    return &state_;
  }
  SubscriberState& operator*() const noexcept {
    return state_;
  }
  seqcast::ByteSubscriber& subscriber() const noexcept {
    return *state_.subscriber;
  }

 private:
  SubscriberState& state_;
};

void check_views(const SubscriberState& state, const char* what) {
  if (state.exports == 0) return;
  raise(PyExc_BufferError, std::string{"an array or a memoryview of a view still exists, and "} + what +
                               " could take its memory away: delete it first");
}

/// Raises what is more than an overrun: that it was demoted, and what no later call mends, since no more
/// messages come from this region.
void check_error(const seqcast::ByteSubscriber& subscriber) {
  const std::error_code error = subscriber.error();
  if (error == Errc::demoted) {
    raise(error,
          to_string(subscriber.location()) +
              ": the publisher has stopped waiting for this subscriber, which was in its way for too long. The "
              "next messages say how many are lost; register_reliable() has it wait again");
  }
  if (error != Errc::corrupt && error != Errc::truncated) return;
  const char* const what =
      error == Errc::corrupt
          ? ": the channel contains what no publisher stores, and nothing more is read from it. "
            "When a publisher has made a new one, reopen() goes on there"
          : ": the channel's file was truncated, and nothing more is read from it. When a "
            "publisher has made a new one, reopen() goes on there";
  raise(error, to_string(subscriber.location()) + what);
}

/// The next message, or the newest, as a Message; null if there is none, or if the publisher lapped each attempt. No
/// message counts as received before there is memory for it.
Message* read(SubscriberState& state, bool newest) {
  seqcast::ByteSubscriber& subscriber = *state.subscriber;
  for (int attempt = 0; attempt < 8; ++attempt) {
    const auto view = newest ? subscriber.latest_view() : subscriber.view();
    if (!view) {
      check_error(subscriber);
      if (subscriber.error()) continue; // an overrun, or a message of an impossible size
      return nullptr;
    }
    const std::size_t size = view->bytes().size();
    Owned bytes{PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size))};
    Message& message = allocate<Message>(module.message);
    Owned made{object_of(message)};
    const std::span to{static_cast<std::byte*>(static_cast<void*>(PyBytes_AsString(bytes.get()))), size};
    const auto copy = [&] { return newest ? subscriber.latest(to) : subscriber.next(to); };
    const auto received = size <= most_with_gil ? copy() : without_gil(copy);
    if (!received) {
      check_error(subscriber);
      continue;
    }
    if (received->message.size() != size) { // another one, after an overrun
      const std::string_view text = received->text();
      PyObject* const shorter = PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
      if (shorter == nullptr) subscriber.seek(received->sequence); // to be read again
      bytes = Owned{shorter};
    }
    message.data = bytes.release();
    message.count = 1;
    message.sequence = received->sequence;
    message.lost = received->lost;
    message.time_ns = time_of(*received);
    message.records = Py_XNewRef(state.records.get());
    made.release();
    return &message;
  }
  return nullptr;
}

/// As read(): as many of the next messages as have one size, `most` at most.
Message* read_many(SubscriberState& state, std::uint64_t most) {
  seqcast::ByteSubscriber& subscriber = *state.subscriber;
  for (int attempt = 0; attempt < 8; ++attempt) {
    const auto view = subscriber.view();
    if (!view) {
      check_error(subscriber);
      if (subscriber.error()) continue;
      return nullptr;
    }
    const std::size_t size = view->bytes().size();
    if (size == 0) return read(state, false);
    const std::uint64_t there = std::min({subscriber.lag(), subscriber.capacity(), most});
    const std::size_t room = size * std::max<std::uint64_t>(there, 1);
    Owned bytes{PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(room))};
    Message& message = allocate<Message>(module.message);
    Owned made{object_of(message)};
    const std::span to{static_cast<std::byte*>(static_cast<void*>(PyBytes_AsString(bytes.get()))), room};
    const auto copy = [&] { return subscriber.next_batch(to, static_cast<std::uint32_t>(size)); };
    const auto received = room <= most_with_gil ? copy() : without_gil(copy);
    if (!received) {
      check_error(subscriber);
      continue;
    }
    if (const std::size_t used = received.count * size; used < room) { // lapped, or one has another size
      PyObject* const shorter =
          PyBytes_FromStringAndSize(PyBytes_AsString(bytes.get()), static_cast<Py_ssize_t>(used));
      if (shorter == nullptr) subscriber.seek(received.sequence); // to be read again
      bytes = Owned{shorter};
    }
    message.data = bytes.release();
    message.count = received.count;
    message.sequence = received.sequence;
    message.lost = received.lost;
    message.time_ns = received.sequence == view->sequence ? time_of(*view) : -1;
    message.records = Py_XNewRef(state.records.get());
    made.release();
    return &message;
  }
  return nullptr;
}

/// The type of the records is the channel's, unless the caller gave one.
void take_schema(SubscriberState& state) {
  if (!state.own_records) state.records = records_of(state.subscriber->schema());
}

/// Notes a change of the publisher's. Whether messages may come all the same, from another region.
bool goes_on(SubscriberState& state) {
  if (state.wait_result != WaitResult::superseded || !state.follow) return false;
  ++state.generation; // the old region may be gone
  take_schema(state);
  return state.subscriber->state() != seqcast::ChannelState::superseded;
}

/// Waits for at most `timeout`; false if reading again is useless, and then wait_result says why.
bool wait(SubscriberState& state, std::chrono::nanoseconds timeout) {
  if (state.follow) check_views(state, "a wait that follows another channel");
  state.wait_result = without_gil([&] { return state.subscriber->wait_for(timeout, state.stop.get_token()); });
  check(PyErr_CheckSignals());
  if (state.closed) state.wait_result = WaitResult::stopped;
  return state.wait_result == WaitResult::message || state.wait_result == WaitResult::timeout || goes_on(state);
}

/// Null if there is no message in time, or none to be expected; wait_result says why.
template <class Read>
auto wait_and_read(SubscriberState& state, std::chrono::nanoseconds timeout, const Read& read) {
  using std::chrono::steady_clock;
  auto message = read();
  std::optional<steady_clock::time_point> deadline;
  const auto now = [] { return steady_clock::now(); };
  while (!message && timeout > timeout.zero()) {
    std::chrono::nanoseconds rest = signal_interval;
    if (timeout != no_limit) {
      if (!deadline) deadline = now() + timeout;
      rest = std::min(rest, std::chrono::nanoseconds{*deadline - now()});
      if (rest <= rest.zero()) break;
    }
    if (!wait(state, rest)) return decltype(message){};
    message = read();
  }
  state.wait_result = message ? WaitResult::message : WaitResult::timeout;
  return message;
}

/// For an event loop: reads without waiting, and when there is nothing has the descriptor say when there is.
template <class Read>
Message* read_and_arm(SubscriberState& state, const Read& read_next) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    if (Message* const message = read_next(); message != nullptr) {
      state.wait_result = WaitResult::message;
      return message;
    }
    const bool again = wait(state, std::chrono::nanoseconds{0});
    if (!again || state.wait_result == WaitResult::timeout) break;
  }
  if (!state.closed) state.descriptor->arm(*state.subscriber);
  return nullptr;
}

PyObject* or_none(Message* message) {
  return message == nullptr ? none() : object_of(*message);
}

/// What next() and next_many() have in common.
template <class Read>
PyObject* next_by(SubscriberState& state, std::chrono::nanoseconds timeout, const Read& read_next) {
  if (!state.descriptor) return or_none(wait_and_read(state, timeout, read_next));
  if (timeout == timeout.zero()) return or_none(read_and_arm(state, read_next));
  Message* const message = wait_and_read(state, timeout, read_next);
  if (message == nullptr && !state.closed) state.descriptor->arm(*state.subscriber);
  return or_none(message);
}

PyObject* next(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  std::chrono::nanoseconds timeout{0};
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_Size(names);
  if (count + named > 1) raise(PyExc_TypeError, "next() takes one argument at most: timeout");
  if (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GetItem(names, 0), "timeout") != 0)
    raise(PyExc_TypeError, "next() has no argument of that name, only timeout");
  if (count + named == 1) timeout = timeout_of(arguments[0]);
  const InUse state{self};
  return next_by(*state, timeout, [&] { return read(*state, false); });
}

PyObject* next_many(PyObject* self, PyObject* arguments, PyObject* names) {
  static const char* keywords[] = {"most", "timeout", nullptr};
  PyObject *number = nullptr, *seconds = nullptr;
  if (PyArg_ParseTupleAndKeywords(arguments, names, "O|O:next_many", const_cast<char**>(keywords), &number,
                                  &seconds) == 0)
    throw PythonError{};
  const auto most = number_of(number, "most", UINT64_MAX);
  if (!most || *most == 0) raise(PyExc_ValueError, "most is a number of messages, 1 or more");
  const auto timeout = seconds == nullptr ? std::chrono::nanoseconds{0} : timeout_of(seconds);
  const InUse state{self};
  return next_by(*state, timeout, [&] { return read_many(*state, *most); });
}

PyObject* iterate(PyObject* self) {
  const InUse state{self};
  Message* const message = wait_and_read(*state, no_limit, [&] { return read(*state, false); });
  return message == nullptr ? nullptr : object_of(*message); // the end, without an error
}

PyObject* iterator(PyObject* self) {
  return Py_NewRef(self);
}

PyObject* async_iterator(PyObject* self) {
  const Owned asynchronous{PyImport_ImportModule("seqcast._asyncio")};
  return PyObject_CallMethod(asynchronous.get(), "Messages", "O", self);
}

PyObject* latest(PyObject* self, PyObject*) {
  const InUse state{self};
  return or_none(read(*state, true));
}

PyObject* view(PyObject* self, PyObject* arguments, PyObject* names) {
  static const char* keywords[] = {"timeout", "latest", nullptr};
  PyObject* seconds = nullptr;
  int newest = 0;
  if (PyArg_ParseTupleAndKeywords(arguments, names, "|O$p:view", const_cast<char**>(keywords), &seconds,
                                  &newest) == 0)
    throw PythonError{};
  const std::chrono::nanoseconds timeout =
      seconds == nullptr ? std::chrono::nanoseconds{0} : timeout_of(seconds);
  const InUse state{self};
  seqcast::ByteSubscriber& subscriber = state.subscriber();
  const auto found = wait_and_read(*state, timeout, [&]() -> std::optional<seqcast::ByteView> {
    for (int attempt = 0; attempt < 8; ++attempt) {
      if (auto one = newest != 0 ? subscriber.latest_view() : subscriber.view()) return one;
      check_error(subscriber);
      if (!subscriber.error()) break;
    }
    return std::nullopt;
  });
  if (!found) return none();
  auto kept = std::make_unique<seqcast::ByteView>(*found);
  View& made = allocate<View>(module.view);
  made.subscriber = &as<Subscriber>(Py_NewRef(self));
  made.view = kept.release();
  made.generation = state->generation;
  return object_of(made);
}

PyObject* seek(PyObject* self, PyObject* sequence) {
  const auto wanted = number_of(sequence, "sequence", UINT64_MAX);
  if (!wanted) raise(PyExc_TypeError, "seek() takes a sequence");
  const InUse state{self};
  ++state->generation; // views end, since validate() moves on to them
  return sequence_of(state.subscriber().seek(*wanted));
}

PyObject* reopen(PyObject* self, PyObject*) {
  const InUse state{self};
  check_views(*state, "reopen()");
  ++state->generation;
  const bool moved = without_gil([&] { return state.subscriber().reopen(); });
  if (moved) take_schema(*state);
  return PyBool_FromLong(moved ? 1 : 0);
}

PyObject* register_reliable(PyObject* self, PyObject*) {
  const InUse state{self};
  without_gil([&] {
    state.subscriber().register_reliable();
    return true;
  });
  return none();
}

PyObject* fileno(PyObject* self, PyObject*) {
  const InUse state{self};
  if (!state->descriptor) {
    auto made = std::make_unique<seqcast::PollDescriptor>();
    made->arm(state.subscriber());
    state->descriptor = std::move(made);
  }
  return PyLong_FromLong(state->descriptor->native_handle());
}

/// Of _asyncio: has close() call an object, or with None no longer. The descriptor stays open until then.
PyObject* on_close(PyObject* self, PyObject* callback) {
  SubscriberState& state = state_of(self);
  if (callback == Py_None) {
    state.on_close = Owned{};
    finish_close(state);
    return none();
  }
  const InUse used{self};
  if (state.on_close)
    raise(PyExc_RuntimeError, "another task is waiting for this Subscriber: open one for each task");
  state.on_close = new_reference(callback);
  return none();
}

PyObject* close(PyObject* self, PyObject*) {
  SubscriberState& state = state_of(self);
  state.closed = true;
  if (state.forks == module.forks) {
    if (state.busy) state.stop.request_stop();
    if (state.on_close) {
      const Owned callback = new_reference(state.on_close.get());
      const Owned result{PyObject_CallNoArgs(callback.get())};
    }
  } else { // what was waiting ended with the fork
    state.busy = false;
    state.on_close = Owned{};
  }
  finish_close(state);
  return none();
}

PyObject* enter(PyObject* self, PyObject*) {
  const InUse state{self};
  return Py_NewRef(self);
}
PyObject* exit(PyObject* self, PyObject* const*, Py_ssize_t) {
  return close(self, nullptr);
}

PyObject* reduce(PyObject* self, PyObject*) {
  const InUse state{self};
  const Owned pickles{PyImport_ImportModule("seqcast._pickles")};
  const Owned restore{PyObject_GetAttrString(pickles.get(), "subscriber")};
  return Py_BuildValue("O(OOK)", restore.get(), state->channel.get(), state->options.get(),
                       static_cast<unsigned long long>(state.subscriber().cursor()));
}

/// Refuses a dtype with fields where the channel says that its messages are laid out otherwise.
void check_layout(const seqcast::ByteSubscriber& subscriber, const Layout& layout) {
  const seqcast::Schema schema = subscriber.schema();
  if (schema.format().empty() || layout.schema.empty()) return;
  const seqcast::Schema wanted{layout.schema};
  if (wanted.format() == schema.format()) return;
  raise(make_error_code(Errc::wrong_identity), "cannot subscribe to " + to_string(subscriber.location()) +
                                                   ": its messages are " + std::string{schema.text()} +
                                                   ", and the dtype is " + std::string{wanted.text()} +
                                                   "; leave out the dtype to take the channel's");
}

PyObject* new_subscriber(PyTypeObject* type, PyObject* arguments, PyObject* names) {
  static const char* keywords[] = {"channel", "start",    "resume",      "strategy",           "open_timeout",
                                   "follow",  "reliable", "lock_memory", "survive_truncation", "dtype",
                                   nullptr};
  PyObject* channel = nullptr;
  PyObject *start = nullptr, *resume = nullptr, *strategy = nullptr, *open_timeout = nullptr, *dtype = Py_None;
  int follow = 0, reliable = 0, lock_memory = 0, survive_truncation = 0;
  if (PyArg_ParseTupleAndKeywords(arguments, names, "O|$OOOOppppO:Subscriber", const_cast<char**>(keywords),
                                  &channel, &start, &resume, &strategy, &open_timeout, &follow, &reliable,
                                  &lock_memory, &survive_truncation, &dtype) == 0)
    throw PythonError{};
  const seqcast::Location location = location_of(channel);
  seqcast::SubscriberOptions options;
  if (start != nullptr) {
    constexpr std::array all{seqcast::StartPosition::newest, seqcast::StartPosition::oldest};
    options.start = all[word_of(start, "start", {"newest", "oldest"})];
  }
  if (resume != nullptr) {
    constexpr std::array all{seqcast::ResumePosition::half, seqcast::ResumePosition::newest,
                             seqcast::ResumePosition::oldest};
    options.resume = all[word_of(resume, "resume", {"half", "newest", "oldest"})];
  }
  if (strategy != nullptr) {
    constexpr std::array all{seqcast::WaitStrategy::spin_then_sleep, seqcast::WaitStrategy::sleep,
                             seqcast::WaitStrategy::yield, seqcast::WaitStrategy::spin};
    options.strategy = all[word_of(strategy, "strategy", {"spin_then_sleep", "sleep", "yield", "spin"})];
  }
  const auto timeout = open_timeout == nullptr ? std::chrono::nanoseconds{0} : timeout_of(open_timeout);
  options.follow = follow != 0;
  options.reliable = reliable != 0;
  options.lock_memory = lock_memory != 0;
  options.survive_truncation = survive_truncation != 0;

  auto state = std::make_unique<SubscriberState>();
  using std::chrono::steady_clock;
  const auto begin = steady_clock::now();
  seqcast::Error error;
  do { // in slices, so that signals are handled
    options.open_timeout = signal_interval;
    if (timeout != no_limit) {
      const std::chrono::nanoseconds rest = timeout - (steady_clock::now() - begin);
      options.open_timeout = std::clamp(rest, std::chrono::nanoseconds{0}, options.open_timeout);
    }
    state->subscriber = without_gil([&] { return seqcast::ByteSubscriber::open(location, options, error); });
    check(PyErr_CheckSignals());
  } while (error == Errc::no_channel && options.open_timeout == signal_interval);
  if (!state->subscriber) raise(error.code(), error.message());

  state->follow = options.follow;
  state->forks = module.forks;
  state->name = name_of(location);
  state->channel = new_reference(state->name.get());
  if (location.kind() == seqcast::Location::Kind::file) {
    const Owned path{PyImport_ImportModule("os.path")};
    state->channel = Owned{PyObject_CallMethod(path.get(), "abspath", "O", state->name.get())};
  }
  state->options = Owned{names == nullptr ? PyDict_New() : PyDict_Copy(names)};
  if (PyDict_GetItemString(state->options.get(), "channel") != nullptr)
    check(PyDict_DelItemString(state->options.get(), "channel"));
  if (dtype != Py_None) {
    Layout layout = layout_of(dtype, Py_None);
    check_layout(*state->subscriber, layout);
    state->records = std::move(layout.records);
    state->own_records = true;
  }
  take_schema(*state);
  auto& made = allocate<Subscriber>(type);
  made.state = state.release();
  return object_of(made);
}

void free_subscriber(PyObject* self) {
  SubscriberState* const state = as<Subscriber>(self).state;
  if (state != nullptr) {
    state->closed = true;
    state->on_close = Owned{};
    finish_close(*state); // nothing refers to it, so nothing uses it
    delete state;
  }
  free_object(self);
}

PyObject* represent(PyObject* self) {
  const SubscriberState& state = state_of(self);
  return PyUnicode_FromFormat("<seqcast.Subscriber %R%s>", state.name.get(), state.closed ? " closed" : "");
}

PyObject* lag(PyObject* self, void*) {
  return sequence_of(InUse{self}.subscriber().lag());
}
PyObject* cursor(PyObject* self, void*) {
  return sequence_of(InUse{self}.subscriber().cursor());
}
PyObject* reliable(PyObject* self, void*) {
  return PyBool_FromLong(InUse{self}.subscriber().reliable() ? 1 : 0);
}
PyObject* capacity(PyObject* self, void*) {
  return sequence_of(InUse{self}.subscriber().capacity());
}
PyObject* max_message_size(PyObject* self, void*) {
  return sequence_of(InUse{self}.subscriber().max_message_size());
}
PyObject* timestamps(PyObject* self, void*) {
  return PyBool_FromLong(InUse{self}.subscriber().timestamps() ? 1 : 0);
}
PyObject* channel_state(PyObject* self, void*) {
  return PyUnicode_FromString(to_string(InUse{self}.subscriber().state()));
}
PyObject* wakeup(PyObject* self, void*) {
  constexpr std::array words{"bell", "every_message", "polling"};
  return PyUnicode_FromString(words[static_cast<std::size_t>(InUse{self}.subscriber().wakeup())]);
}
PyObject* wait_result(PyObject* self, void*) {
  return PyUnicode_FromString(to_string(state_of(self).wait_result));
}
PyObject* location(PyObject* self, void*) {
  return Py_NewRef(state_of(self).name.get());
}
PyObject* dtype(PyObject* self, void*) {
  return dtype_of(state_of(self).records.get());
}
PyObject* schema(PyObject* self, void*) {
  const seqcast::Schema schema = InUse{self}.subscriber().schema();
  return schema.empty() ? none() : text_of(schema.text()).release();
}
PyObject* closed(PyObject* self, void*) {
  return PyBool_FromLong(state_of(self).closed ? 1 : 0);
}

// A view.

/// The subscriber of a view that has not ended, for this thread alone.
InUse subscriber_of(const View& view) {
  SubscriberState& state = *view.subscriber->state;
  if (state.closed || view.generation != state.generation)
    raise(PyExc_ValueError, "this view has ended, with a seek(), reopen() or close() of its Subscriber");
  return InUse{object_of(*view.subscriber)};
}

int lend(PyObject* self, Py_buffer* buffer, int flags) {
  const View& view = as<View>(self);
  buffer->obj = nullptr;
  const InUse state = subscriber_of(view);
  const auto bytes = view.view->bytes();
  check(PyBuffer_FillInfo(buffer, self, const_cast<std::byte*>(bytes.data()),
                          static_cast<Py_ssize_t>(bytes.size()), 1, flags));
  ++state->exports;
  return 0;
}

void take_back(PyObject* self, Py_buffer*) {
  SubscriberState& state = *as<View>(self).subscriber->state;
  --state.exports;
  finish_close(state);
}

PyObject* validate(PyObject* self, PyObject*) {
  const View& view = as<View>(self);
  const InUse state = subscriber_of(view);
  return PyBool_FromLong(view.view->validate() ? 1 : 0);
}

void free_view(PyObject* self) {
  delete as<View>(self).view;
  if (as<View>(self).subscriber != nullptr) Py_DECREF(object_of(*as<View>(self).subscriber));
  free_object(self);
}

PyObject* view_data(PyObject* self, void*) {
  return PyMemoryView_FromObject(self);
}
PyObject* view_array(PyObject* self, void*) {
  return array_of(self, as<View>(self).subscriber->state->records.get());
}
PyObject* view_sequence(PyObject* self, void*) {
  return sequence_of(as<View>(self).view->sequence);
}
PyObject* view_lost(PyObject* self, void*) {
  return sequence_of(as<View>(self).view->lost);
}
PyObject* view_published_at(PyObject* self, void*) {
  return seconds_of(time_of(*as<View>(self).view));
}

constexpr const char* subscriber_doc =
    R"(Subscriber(channel, *, start='newest', resume='half', strategy='spin_then_sleep', open_timeout=0, follow=False, reliable=False, lock_memory=False, survive_truncation=False, dtype=None)
--

Receives the messages of a channel.

    for message in seqcast.Subscriber("ticker"):       # until the channel is closed
        print(message.sequence, message.lost, message.data)
    async for message in seqcast.Subscriber("ticker"):
        ...

channel is a name in shared memory ("ticker"), or a file: a path object, or a str with a slash ("./test.dat").

start               "newest": what is published from now on; "oldest": what is still there first
resume              where next() goes on after it was lapped: "half" a ring behind, "newest", "oldest"
strategy            what a wait does: "spin_then_sleep", "sleep", "yield" or "spin"
open_timeout        seconds to wait for a channel that is not there yet; None for no limit
follow              go on with the channel that takes this one's place
reliable            lose nothing that is published from now on: the publisher, one with max_blocking_time, waits for it.
                    If that takes too long, one call raises seqcast.DemotedError, and later ones go on, with losses
lock_memory         keep the channel in memory (mlock)
survive_truncation  a truncated file is an error, and not the end of the process
dtype               numpy's dtype of a record, for Message.array, where the channel does not describe its messages

One thread at a time uses a Subscriber. It can be inherited by fork, and pickled: the copy opens the channel anew and
goes on after the same message. (The copy of a reliable one by fork is demoted.) Errors: OSError, most often seqcast.NoChannelError.)";

PyMethodDef methods[] = {
    {"next", method<next>(), METH_FASTCALL | METH_KEYWORDS,
     "next($self, /, timeout=0)\n--\n\n"
     "The next message in order, with the number lost before it; None if none comes within `timeout` seconds "
     "(None: no\n"
     "limit), or if none is to be expected, and wait_result says why."},
    {"next_many", method<next_many>(), METH_VARARGS | METH_KEYWORDS,
     "next_many($self, /, most, timeout=0)\n--\n\n"
     "As many of the next messages as there are and as have one size, `most` at most, in one Message: much "
     "faster than one\n"
     "by one. Its array has a record for each, its sequence and lost are those of the first, and count says "
     "how many. None\n"
     "as next() gives it."},
    {"latest", method<latest>(), METH_NOARGS,
     "latest($self, /)\n--\n\n"
     "The newest message, received before or not; next() goes on after it. None if there is none."},
    {"view", method<view>(), METH_VARARGS | METH_KEYWORDS,
     "view($self, /, timeout=0, *, latest=False)\n--\n\n"
     "The next message (or the newest) in place, without a copy: a View, or None as next() gives it. It counts "
     "as received once\n"
     "View.validate() gives True."},
    {"seek", method<seek>(), METH_O,
     "seek($self, sequence, /)\n--\n\n"
     "Has next() go on with that message, or the oldest that is still there; gives the sequence it asks for."},
    {"reopen", method<reopen>(), METH_NOARGS,
     "reopen($self, /)\n--\n\n"
     "Goes on in the channel that has taken this one's place, from its oldest message; False if there is "
     "none."},
    {"register_reliable", method<register_reliable>(), METH_NOARGS,
     "register_reliable($self, /)\n--\n\n"
     "Has the publisher wait for this subscriber, again after DemotedError: nothing is lost of what is "
     "published "
     "from now\n"
     "on. Errors: OSError; it goes on with losses then."},
    {"fileno", method<fileno>(), METH_NOARGS,
     "fileno($self, /)\n--\n\n"
     "A descriptor for select, poll, epoll and selectors. It is readable when there is something to read; then "
     "call\n"
     "next() until it gives None. A helper thread sleeps for it."},
    {"close", method<close>(), METH_NOARGS,
     "close($self, /)\n--\n\n"
     "Ends it; a wait in another thread gives None. What refers to a view's memory may still be read. May be "
     "called "
     "again."},
    {"_on_close", method<on_close>(), METH_O, nullptr},
    {"__enter__", method<enter>(), METH_NOARGS, nullptr},
    {"__exit__", method<exit>(), METH_FASTCALL, nullptr},
    {"__reduce__", method<reduce>(), METH_NOARGS, nullptr},
    {},
};
PyGetSetDef attributes[] = {
    {"lag", guarded<lag>, nullptr, "Messages complete and not yet read, including those overwritten already.",
     nullptr},
    {"cursor", guarded<cursor>, nullptr, "The last sequence received; next() goes on after it.", nullptr},
    {"reliable", guarded<reliable>, nullptr,
     "Whether the publisher waits for it, unless a call raises DemotedError: see Subscriber(reliable=True).",
     nullptr},
    {"capacity", guarded<capacity>, nullptr, "Slots.", nullptr},
    {"max_message_size", guarded<max_message_size>, nullptr, "Bytes of the longest message.", nullptr},
    {"timestamps", guarded<timestamps>, nullptr, "Whether messages carry their time.", nullptr},
    {"state", guarded<channel_state>, nullptr,
     "'live', 'no publisher', 'closed' or 'superseded'. Asks the system.", nullptr},
    {"wakeup", guarded<wakeup>, nullptr, "How a wait is woken: 'bell', 'every_message' or 'polling'.", nullptr},
    {"wait_result", guarded<wait_result>, nullptr,
     "Why the last next() or iteration ended: 'message', 'timeout', 'closed', 'no publisher' (it died), "
     "'superseded'\n"
     "(removed or replaced) or 'stopped' (close()).",
     nullptr},
    {"location", guarded<location>, nullptr, "The channel, as Subscriber() takes it.", nullptr},
    {"schema", guarded<schema>, nullptr,
     "What the channel says about its messages, as Publisher() takes it, or None.", nullptr},
    {"dtype", guarded<dtype>, nullptr, "numpy's dtype of the messages, or None.", nullptr},
    {"closed", guarded<closed>, nullptr, "Whether close() was called.", nullptr},
    {},
};
PyType_Slot slots[] = {
    {Py_tp_doc, slot(subscriber_doc)},
    {Py_tp_new, slot(guarded<new_subscriber>)},
    {Py_tp_dealloc, slot(free_subscriber)},
    {Py_tp_repr, slot(guarded<represent>)},
    {Py_tp_iter, slot(guarded<iterator>)},
    {Py_tp_iternext, slot(guarded<iterate>)},
    {Py_am_aiter, slot(guarded<async_iterator>)},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {},
};
PyType_Spec spec{"seqcast.Subscriber", sizeof(Subscriber), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
                 slots};

PyMethodDef view_methods[] = {
    {"validate", method<validate>(), METH_NOARGS,
     "validate($self, /)\n--\n\n"
     "Whether all that was read of the message so far was this message, which then counts as received. If not, "
     "what\n"
     "was read is worthless. To be called after the last use: the publisher may overwrite the message at any "
     "time."},
    {},
};
PyGetSetDef view_attributes[] = {
    {"data", guarded<view_data>, nullptr, "A read-only memoryview of the message, in place.", nullptr},
    {"array", guarded<view_array>, nullptr,
     "A read-only numpy array of the message, in place: see Message.array.", nullptr},
    {"sequence", guarded<view_sequence>, nullptr, "As Message.sequence.", nullptr},
    {"lost", guarded<view_lost>, nullptr, "As Message.lost.", nullptr},
    {"published_at", guarded<view_published_at>, nullptr, "As Message.published_at.", nullptr},
    {},
};
PyType_Slot view_slots[] = {
    {Py_tp_doc,
     slot("A message in place, without a copy. What is read of it is worth nothing before validate() gives "
          "True.\n\nIts memory may be read for as long as an array or memoryview refers to it, also after "
          "the\nSubscriber is closed; what it holds then is another matter.")},
    {Py_tp_dealloc, slot(free_view)},
    {Py_tp_methods, view_methods},
    {Py_tp_getset, view_attributes},
    {Py_bf_getbuffer, slot(guarded<lend>)},
    {Py_bf_releasebuffer, slot(take_back)},
    {},
};
PyType_Spec view_spec{"seqcast.View", sizeof(View), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                      view_slots};

} // namespace

PyObject* wait_any(PyObject*, PyObject* arguments, PyObject* names) {
  static const char* keywords[] = {"subscribers", "timeout", nullptr};
  PyObject *subscribers = nullptr, *seconds = Py_None;
  if (PyArg_ParseTupleAndKeywords(arguments, names, "O|O:wait_any", const_cast<char**>(keywords), &subscribers,
                                  &seconds) == 0)
    throw PythonError{};
  const auto timeout = timeout_of(seconds);
  const Owned list{PySequence_List(subscribers)};
  const Py_ssize_t count = PyList_Size(list.get());
  std::vector<std::unique_ptr<InUse>> in_use;
  std::vector<seqcast::AnySubscriber*> all;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* const one = PyList_GetItem(list.get(), i);
    if (Py_TYPE(one) != module.subscriber) raise(PyExc_TypeError, "wait_any() takes a list of Subscribers");
    in_use.push_back(std::make_unique<InUse>(one));
    if (in_use.back()->operator->()->follow)
      check_views(**in_use.back(), "a wait that follows another channel");
    all.push_back(&in_use.back()->subscriber());
  }
  using std::chrono::steady_clock;
  const auto begin = steady_clock::now();
  for (;;) {
    std::chrono::nanoseconds rest = signal_interval;
    if (timeout != no_limit)
      rest = std::clamp(timeout - (steady_clock::now() - begin), std::chrono::nanoseconds{0}, rest);
    const auto result = without_gil([&] { return seqcast::wait_any(all, rest); });
    check(PyErr_CheckSignals());
    for (Py_ssize_t i = 0; i < count; ++i) {
      SubscriberState& state = **in_use[static_cast<std::size_t>(i)];
      if (state.closed) return none();
      if (result.subscriber != all[static_cast<std::size_t>(i)]) continue;
      state.wait_result = result.reason;
      static_cast<void>(goes_on(state));
      return Py_NewRef(PyList_GetItem(list.get(), i));
    }
    if (rest < signal_interval) return none();
  }
}

void add_subscriber_types(PyObject* to) {
  module.subscriber = add_type(to, spec);
  module.view = add_type(to, view_spec);
}

} // namespace python
