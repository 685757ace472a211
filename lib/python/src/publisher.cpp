// SPDX-License-Identifier: BSL-1.0
//
// publisher: the types Publisher and Loan.
//
// Invariants
//   1. Threads may share a Publisher: while a call has given the GIL away `busy` is set, and others wait.
//   2. A wait for reliable subscribers handles signals every 50 ms, and gives the GIL away in between. It is made
//      here, and the library's own takes no time: that would handle none.
//   3. While a loan is open, or anything refers to its memory, nothing else is published and nothing is closed: so
//      nobody writes to a message that subscribers read already.
#include "python.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace python {

namespace {

struct ChannelPublisher : seqcast::BytePublisher {
  using BytePublisher::BytePublisher;
  using BytePublisher::can_skip;
  using BytePublisher::has_room;
  using BytePublisher::has_room_for_jump;
};

struct PublisherState {
  std::optional<ChannelPublisher> publisher;
  std::optional<std::chrono::nanoseconds> max_blocking_time; // none: it waits for nobody
  std::mutex
      mutex; // for `busy`, which is written with the GIL held, too; nobody takes the GIL while holding it
  std::condition_variable idle;
  bool busy = false;           // whether a call has given the GIL away
  Py_ssize_t loans = 0;        // open ones, and what still refers to the memory of one
  std::size_t record_size = 0; // bytes of one record of a dtype that is no schema; 0 without one
  bool described = false;      // whether the schema has fields: then each message has the channel's size
  unsigned forks = 0;
  std::string schema; // its text, or empty
  Owned records;
  Owned name;
};

struct Publisher {
  PyObject_HEAD PublisherState* state;
};

struct Loan {
  PyObject_HEAD Publisher* publisher;
  PyObject* view;          // the memoryview that was given out; null before and after
  seqcast::ByteLoan* loan; // null before and after
  std::uint64_t sequence;  // 0 before it was published
  std::size_t size;        // bytes to publish
  Py_ssize_t exports;      // what refers to the memory
  bool used;
};

void set_busy(PublisherState& state, bool busy) {
  const std::lock_guard guard{state.mutex};
  state.busy = busy;
  if (!busy) state.idle.notify_all();
}

/// The state of an open publisher that no other thread uses.
PublisherState& open(PyObject* self) {
  PublisherState& state = *as<Publisher>(self).state;
  check_process(state.forks, "Publisher");
  while (state.busy) {
    without_gil([&] {
      std::unique_lock lock{state.mutex};
      state.idle.wait(lock, [&] { return !state.busy; });
      return true;
    });
  }
  if (!state.publisher) raise(PyExc_ValueError, "this Publisher is closed");
  return state;
}

void check_loans(const PublisherState& state) {
  if (state.loans == 0) return;
  raise(PyExc_BufferError,
        "a loan of this Publisher is open, or an array or memoryview made of its buffer still exists: leave "
        "its with "
        "block and delete them first");
}

void check_size(const PublisherState& state, std::size_t size) {
  const std::size_t most = state.publisher->max_message_size();
  if (state.described && size != most) {
    raise(PyExc_ValueError, "the message has " + std::to_string(size) +
                                " bytes, and each of this channel's schema " + std::to_string(most) +
                                ": publish whole records, one by one. Nothing was published");
  }
  if (size > most) {
    raise(std::make_error_code(std::errc::message_size),
          "the message has " + std::to_string(size) + " bytes, and this channel takes at most " +
              std::to_string(most) +
              ": open the Publisher with a larger max_message_size. Nothing was published");
  }
  if (state.record_size == 0 || (size > 0 && size % state.record_size == 0)) return;
  raise(PyExc_ValueError,
        "the message has " + std::to_string(size) + " bytes, and one record of this channel's dtype " +
            std::to_string(state.record_size) + ": publish whole records. Nothing was published");
}

bool has_room(PublisherState& state) {
  return state.publisher->has_room();
}
bool has_room_for_jump(PublisherState& state) {
  return state.publisher->has_room_for_jump();
}

/// Waits until nobody is in the way of the next message, or for max_blocking_time: who is still in the way then
/// is demoted when it is published. Errors: throws PythonError where a signal's handler raises an exception.
PublisherState& wait_for_room(PyObject* self, bool (*is_there)(PublisherState&) = has_room) {
  using std::chrono::steady_clock;
  PublisherState* state = &open(self);
  if (is_there(*state)) return *state;
  const auto most = *state->max_blocking_time;
  std::optional<steady_clock::time_point> deadline;
  if (most != no_limit) deadline = steady_clock::now() + most;
  for (;;) {
    set_busy(*state, true);
    const bool ready = without_gil([&] {
      const auto end = steady_clock::now() + signal_interval;
      std::chrono::nanoseconds pause = std::chrono::microseconds{20};
      for (;;) {
        const auto now = steady_clock::now();
        if (is_there(*state) || (deadline && now >= *deadline)) return true;
        if (now >= end) return false;
        std::this_thread::sleep_for(std::min(pause, deadline ? *deadline - now : pause));
        pause = std::min<std::chrono::nanoseconds>(2 * pause, std::chrono::milliseconds{1});
      }
    });
    set_busy(*state, false);
    if (ready) return *state;
    check(PyErr_CheckSignals()); // a handler may use this Publisher
    state = &open(self);
    check_loans(*state);
  }
}

/// Gives the GIL away for a message of that size if it is worth while, and keeps other threads out.
template <class Publish>
PyObject* publish_with(PublisherState& state, std::size_t size, const Publish& publish) {
  if (size <= most_with_gil) return sequence_of(publish());
  set_busy(state, true);
  const std::uint64_t sequence = without_gil(publish); // does not throw: the size was checked
  set_busy(state, false);
  return sequence_of(sequence);
}

/// Publishes one message; `ready` says whether, when nothing else is to be checked.
template <class Ready>
PyObject* publish_if(PyObject* self, PyObject* const* pieces, Py_ssize_t count, const Ready& ready) {
  if (count == 0) raise(PyExc_TypeError, "publish() takes one or more objects with bytes: publish(b'text')");
  if (count == 1) {
    const Buffer buffer{pieces[0]};
    PublisherState& state = open(self);
    check_loans(state);
    const seqcast::BytesRef bytes = buffer.bytes();
    check_size(state, bytes.size());
    if (!ready(state)) return none();
    return publish_with(state, bytes.size(), [&] { return state.publisher->publish(bytes); });
  }
  std::vector<Buffer> buffers;
  std::vector<seqcast::BytesRef> bytes;
  buffers.reserve(static_cast<std::size_t>(count));
  bytes.reserve(static_cast<std::size_t>(count));
  std::size_t size = 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    const std::size_t more = bytes.emplace_back(buffers.emplace_back(pieces[i]).bytes()).size();
    size = more > SIZE_MAX - size ? SIZE_MAX : size + more; // a piece may come many times
  }
  PublisherState& state = open(self); // now, since what lends a buffer may run any code
  check_loans(state);
  check_size(state, size);
  if (!ready(state)) return none();
  return publish_with(state, size,
                      [&] { return state.publisher->publish(std::span<const seqcast::BytesRef>{bytes}); });
}

PyObject* publish(PyObject* self, PyObject* const* pieces, Py_ssize_t count) {
  return publish_if(self, pieces, count, [&](PublisherState& state) {
    if (!has_room(state)) wait_for_room(self);
    return true;
  });
}

PyObject* try_publish(PyObject* self, PyObject* const* pieces, Py_ssize_t count) {
  return publish_if(self, pieces, count, has_room);
}

/// Bytes of each of the messages that are the items of an array's first dimension; of a described channel, of its records.
std::size_t size_of_each(const PublisherState& state, const Buffer& messages) {
  const Py_buffer& array = messages.description();
  const bool typed = state.described || state.record_size > 0;
  if (array.ndim == 0 || (!typed && array.ndim == 1 && array.itemsize == 1)) {
    raise(PyExc_TypeError,
          "publish_many() takes an array, of which each item is a message: publish() takes a single one");
  }
  if (state.described) return state.publisher->max_message_size();
  return static_cast<std::size_t>(array.len) / static_cast<std::size_t>(array.shape[0]);
}

PyObject* publish_many(PyObject* self, PyObject* messages) {
  const Buffer buffer{messages, PyBUF_ND};
  PublisherState& state = open(self);
  check_loans(state);
  const seqcast::BytesRef bytes = buffer.bytes();
  if (bytes.size() == 0) return sequence_of(state.publisher->head());
  const std::size_t size = size_of_each(state, buffer);
  if (bytes.size() % size != 0) {
    raise(PyExc_ValueError, std::to_string(bytes.size()) + " bytes are no whole number of records of " +
                                std::to_string(size) + " bytes. Nothing was published");
  }
  check_size(state, size);
  if (!state.max_blocking_time)
    return publish_with(state, bytes.size(), [&] { return state.publisher->publish_batch(bytes, size); });
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    wait_for_room(self).publisher->publish(std::span{bytes.data() + at, size});
  }
  return sequence_of(state.publisher->head());
}

PyObject* skip(PyObject* self, PyObject* number) {
  if (number == Py_None) raise(PyExc_TypeError, "skip() takes the number of the sequences to leave out");
  const std::uint64_t count = *number_of(number, "count", UINT64_MAX);
  PublisherState& state = open(self);
  check_loans(state);
  ChannelPublisher& publisher = *state.publisher;
  if (!publisher.gaps()) {
    raise(PyExc_ValueError,
          "this channel has no gaps: open its first Publisher with gaps=True. Nothing was skipped");
  }
  if (!publisher.can_skip(count)) {
    raise(PyExc_ValueError, std::to_string(count) + " sequences after " + std::to_string(publisher.head()) +
                                " end above 2**60. Nothing was skipped");
  }
  const std::uint64_t capacity = publisher.capacity();
  if (!state.max_blocking_time) {
    const std::uint64_t slots = std::min(count, capacity);
    return publish_with(state, slots * seqcast::detail::cache_line,
                        [&] { return state.publisher->skip(count); });
  }
  if (count >= capacity) return sequence_of(wait_for_room(self, has_room_for_jump).publisher->skip(count));
  for (std::uint64_t i = 0; i < count; ++i) wait_for_room(self).publisher->skip(1);
  return sequence_of(open(self).publisher->head());
}

PyObject* loan(PyObject* self, PyObject* arguments, PyObject* names) {
  static const char* keywords[] = {"size", nullptr};
  PyObject* size = Py_None;
  if (PyArg_ParseTupleAndKeywords(arguments, names, "|O:loan", const_cast<char**>(keywords), &size) == 0)
    throw PythonError{};
  const PublisherState& state = open(self);
  const std::size_t most = state.publisher->max_message_size();
  const auto wanted = number_of(size, "size", UINT64_MAX);
  if (wanted && (*wanted > most || state.described)) check_size(state, *wanted);
  auto& made = allocate<Loan>(module.loan);
  made.publisher = &as<Publisher>(Py_NewRef(self));
  made.size = wanted.value_or(most);
  return object_of(made);
}

PyObject* enter_loan(PyObject* self, PyObject*) {
  Loan& loan = as<Loan>(self);
  if (loan.used) raise(PyExc_ValueError, "a loan is used once: call loan() again for the next message");
  PublisherState& state = open(object_of(*loan.publisher));
  check_loans(state);
  loan.loan = new seqcast::ByteLoan{state.publisher->loan()};
  loan.view = PyMemoryView_FromObject(self);
  if (loan.view == nullptr) {
    delete std::exchange(loan.loan, nullptr);
    throw PythonError{};
  }
  loan.used = true;
  ++state.loans;
  return Py_NewRef(loan.view);
}

/// Takes the memory back, as far as nothing else refers to it.
void release_view(Loan& loan) {
  const Owned view{std::exchange(loan.view, nullptr)};
  Owned result;
  if (PyObject* const released = PyObject_CallMethod(view.get(), "release", nullptr); released != nullptr) {
    result = Owned{released};
  } else {
    PyErr_Clear(); // an array refers to it; what is said about that is said by exit_loan()
  }
}

PyObject* exit_loan(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  Loan& loan = as<Loan>(self);
  if (loan.loan == nullptr) raise(PyExc_ValueError, "this loan is not open");
  PublisherState& state = *loan.publisher->state;
  release_view(loan);
  const std::unique_ptr<seqcast::ByteLoan> committed{std::exchange(loan.loan, nullptr)};
  --state.loans;
  if (count > 0 && arguments[0] != Py_None) return none(); // an exception ends the block: nothing is published
  if (loan.exports > 0) {
    raise(
        PyExc_BufferError,
        "an array or a memoryview made of the loan's buffer still exists, and could change the message later. "
        "Nothing was published. Delete it inside the with block, or use a temporary: "
        "np.copyto(np.frombuffer(buffer, dtype), values)");
  }
  open(object_of(*loan.publisher));
  check_size(state, loan.size);
  wait_for_room(object_of(*loan.publisher));
  loan.sequence = std::move(*committed).commit(loan.size);
  return none();
}

int lend(PyObject* self, Py_buffer* view, int flags) {
  Loan& loan = as<Loan>(self);
  view->obj = nullptr;
  if (loan.loan == nullptr) raise(PyExc_BufferError, "a loan has a buffer inside its with block only");
  const auto bytes = loan.loan->bytes();
  check(PyBuffer_FillInfo(view, self, bytes.data(), static_cast<Py_ssize_t>(loan.size), 0, flags));
  ++loan.exports;
  ++loan.publisher->state->loans;
  return 0;
}

void take_back(PyObject* self, Py_buffer*) {
  Loan& loan = as<Loan>(self);
  --loan.exports;
  --loan.publisher->state->loans;
}

int visit_loan(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as<Loan>(self).view); // which refers to the loan
  Py_VISIT(object_of(*as<Loan>(self).publisher));
  return 0;
}

int clear_loan(PyObject* self) {
  Py_CLEAR(as<Loan>(self).view);
  return 0;
}

void free_loan(PyObject* self) {
  Loan& loan = as<Loan>(self);
  PyObject_GC_UnTrack(self);
  if (loan.loan != nullptr) --loan.publisher->state->loans; // its with block never ended
  delete loan.loan;
  clear_loan(self);
  Py_DECREF(object_of(*loan.publisher));
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyObject* loan_size(PyObject* self, void*) {
  return PyLong_FromSize_t(as<Loan>(self).size);
}

int set_loan_size(PyObject* self, PyObject* value, void*) {
  Loan& loan = as<Loan>(self);
  if (value == nullptr) raise(PyExc_AttributeError, "size cannot be deleted");
  const auto size = number_of(value, "size", UINT64_MAX);
  if (!size || *size > loan.size)
    raise(PyExc_ValueError,
          "the size of a loan can only shrink: it has " + std::to_string(loan.size) + " bytes");
  loan.size = static_cast<std::size_t>(*size);
  return 0;
}

PyObject* loan_sequence(PyObject* self, void*) {
  const std::uint64_t sequence = as<Loan>(self).sequence;
  return sequence == 0 ? none() : sequence_of(sequence);
}

PyObject* new_publisher(PyTypeObject* type, PyObject* arguments, PyObject* names) {
  static const char* keywords[] = {"channel",
                                   "capacity",
                                   "max_message_size",
                                   "message_alignment",
                                   "dtype",
                                   "schema",
                                   "timestamps",
                                   "copy_behind",
                                   "gaps",
                                   "wakeup",
                                   "max_blocking_time",
                                   "bell_mode",
                                   "lock_memory",
                                   "mode",
                                   "replace",
                                   "remove_on_close",
                                   "allow_other_owner",
                                   nullptr};
  PyObject* channel = nullptr;
  PyObject *capacity = Py_None, *size = Py_None, *alignment = Py_None, *dtype = Py_None, *schema = Py_None,
           *timestamps = Py_None, *copy_behind = Py_None, *gaps = Py_None, *wakeup = Py_None,
           *max_blocking_time = Py_None, *bell_mode = Py_None, *mode = Py_None;
  int lock_memory = 0, replace = 0, remove_on_close = 0, allow_other_owner = 0;
  if (PyArg_ParseTupleAndKeywords(
          arguments, names, "O|$OOOOOOOOOOOpOppp:Publisher", const_cast<char**>(keywords), &channel, &capacity,
          &size, &alignment, &dtype, &schema, &timestamps, &copy_behind, &gaps, &wakeup, &max_blocking_time,
          &bell_mode, &lock_memory, &mode, &replace, &remove_on_close, &allow_other_owner) == 0)
    throw PythonError{};
  const seqcast::Location location = location_of(channel);
  Layout layout = layout_of(dtype, schema);

  constexpr std::uint64_t most_uint32 = UINT32_MAX;
  const auto narrow = [](std::optional<std::uint64_t> number) -> std::optional<std::uint32_t> {
    if (!number) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
  };
  seqcast::PublisherOptions options;
  options.capacity = number_of(capacity, "capacity", UINT64_MAX);
  options.max_message_size = narrow(number_of(size, "max_message_size", most_uint32));
  options.message_alignment = narrow(number_of(alignment, "message_alignment", most_uint32));
  if (layout.whole && !options.max_message_size)
    options.max_message_size =
        static_cast<std::uint32_t>(std::min<std::size_t>(layout.record_size, most_uint32));
  if (layout.alignment > 0 && !options.message_alignment) options.message_alignment = layout.alignment;
  options.schema = layout.schema;
  options.timestamps = flag_of(timestamps);
  options.copy_behind = flag_of(copy_behind);
  options.gaps = flag_of(gaps);
  if (wakeup != Py_None) {
    constexpr std::array wakeups{seqcast::Wakeup::bell, seqcast::Wakeup::every_message,
                                 seqcast::Wakeup::polling};
    options.wakeup = wakeups[word_of(wakeup, "wakeup", {"bell", "every_message", "polling"})];
  }
  std::optional<std::chrono::nanoseconds> blocking_time;
  if (max_blocking_time != Py_None) {
    blocking_time = timeout_of(max_blocking_time,
                               "max_blocking_time is a number of seconds from 0 on; math.inf for no limit");
    options.max_blocking_time = std::chrono::nanoseconds{0};
  }
  options.bell_mode = narrow(number_of(bell_mode, "bell_mode", 0777));
  options.lock_memory = lock_memory != 0;
  if (const auto bits = number_of(mode, "mode", 0777)) options.mode = static_cast<std::uint32_t>(*bits);
  options.replace = replace != 0;
  options.remove_on_close = remove_on_close != 0;
  options.allow_other_owner = allow_other_owner != 0;

  auto state = std::make_unique<PublisherState>();
  state->max_blocking_time = blocking_time;
  without_gil([&] { return static_cast<bool>(&state->publisher.emplace(location, options)); });
  state->record_size = layout.record_size;
  state->records = std::move(layout.records);
  if (!layout.schema.empty()) {
    const seqcast::Schema described{layout.schema};
    state->schema = described.text();
    state->described = described.root().size > 0;
    if (!state->records) state->records = records_of(described);
  }
  state->forks = module.forks;
  state->name = name_of(location);
  auto& made = allocate<Publisher>(type);
  made.state = state.release();
  return object_of(made);
}

void free_publisher(PyObject* self) {
  delete as<Publisher>(self).state;
  free_object(self);
}

PyObject* close_publisher(PyObject* self, PyObject*) {
  PublisherState& state = *as<Publisher>(self).state;
  if (!state.publisher) return none();
  if (state.forks == module.forks) { // a child only lets go of what it inherited
    open(self);
    check_loans(state);
  }
  state.publisher.reset();
  return none();
}

PyObject* enter_publisher(PyObject* self, PyObject*) {
  open(self);
  return Py_NewRef(self);
}
PyObject* exit_publisher(PyObject* self, PyObject* const*, Py_ssize_t) {
  return close_publisher(self, nullptr);
}

PyObject* head(PyObject* self, void*) {
  return sequence_of(open(self).publisher->head());
}
PyObject* capacity(PyObject* self, void*) {
  return sequence_of(open(self).publisher->capacity());
}
PyObject* max_message_size(PyObject* self, void*) {
  return sequence_of(open(self).publisher->max_message_size());
}
PyObject* timestamps(PyObject* self, void*) {
  return PyBool_FromLong(open(self).publisher->timestamps() ? 1 : 0);
}
PyObject* epoch(PyObject* self, void*) {
  return sequence_of(open(self).publisher->epoch().number);
}
PyObject* reliable_subscribers(PyObject* self, void*) {
  return PyLong_FromSize_t(open(self).publisher->reliable_subscribers());
}
PyObject* publisher_state(PyObject* self, void*) {
  return PyUnicode_FromString(to_string(open(self).publisher->state()));
}
PyObject* location(PyObject* self, void*) {
  return Py_NewRef(as<Publisher>(self).state->name.get());
}
PyObject* dtype(PyObject* self, void*) {
  return dtype_of(as<Publisher>(self).state->records.get());
}
PyObject* schema(PyObject* self, void*) {
  const std::string& schema = as<Publisher>(self).state->schema;
  return schema.empty() ? none() : text_of(schema).release();
}
PyObject* closed(PyObject* self, void*) {
  return PyBool_FromLong(as<Publisher>(self).state->publisher ? 0 : 1);
}
PyObject* repr_publisher(PyObject* self) {
  const PublisherState& state = *as<Publisher>(self).state;
  return PyUnicode_FromFormat("<seqcast.Publisher %R%s>", state.name.get(), state.publisher ? "" : " closed");
}

PyObject* refuse_pickle(PyObject*, PyObject*) {
  raise(PyExc_TypeError,
        "a Publisher cannot be pickled: a channel has one. Open it in the process that publishes, and give the "
        "others "
        "a Subscriber or the channel's name");
}

constexpr const char* publisher_doc =
    R"(Publisher(channel, *, capacity=None, max_message_size=None, message_alignment=None, dtype=None, schema=None, timestamps=None, copy_behind=None, gaps=None, wakeup=None, max_blocking_time=None, bell_mode=None, lock_memory=False, mode=0o600, replace=False, remove_on_close=False, allow_other_owner=False)
--

Publishes messages on a channel; creates it, or takes it over from a publisher that ended or died.

channel is a name in shared memory ("ticker"), or a file: a path object, or a str with a slash ("./test.dat").
What is left None is taken from the channel that is there, or from the defaults where there is none.

capacity            slots, a power of two: how many messages a subscriber may fall behind [what fits into 1 MiB]
max_message_size    bytes of the longest message [1024, or one record of the dtype]
message_alignment   bytes, a power of two [1, or the dtype's]
schema              what a message is: "acme.Quote{bid:f64,ask:f64}", or a name; stored in the channel
dtype               numpy's dtype of a record; one with fields makes a schema, to which `schema` may add a name
timestamps          whether messages carry their time [no]
copy_behind         whether large messages may be copied while they are written [no]
gaps                whether sequences may be left out, by skip() [no]
wakeup              how sleeping subscribers are woken: "bell", "every_message" or "polling" ["bell"]
max_blocking_time   seconds for which a message waits for reliable subscribers that are in its way, which are demoted
                    then; math.inf for no limit [it waits for nobody]
bell_mode, mode     permissions of the bell and of the channel
lock_memory         keep the channel in memory (mlock)
replace             put a new channel in the place of one of another size or schema
remove_on_close     remove the channel at close()
allow_other_owner   publish into another user's channel

Threads may share a Publisher. A process that inherits one by fork cannot use it. Errors: OSError, most often
seqcast.PublisherAliveError or seqcast.IdentityError.)";

PyMethodDef publisher_methods[] = {
    {"publish", method<publish>(), METH_FASTCALL,
     "publish($self, /, *pieces)\n--\n\n"
     "Publishes one message and gives its sequence. Waits for no subscriber but reliable ones, and for these "
     "at "
     "most\n"
     "max_blocking_time.\n\n"
     "A piece is anything that lends contiguous bytes: bytes, bytearray, memoryview, array, numpy arrays,\n"
     "pickle.PickleBuffer. Several pieces become one message, in their order, without being joined first.\n"
     "Errors: OSError (EMSGSIZE) if it is longer than max_message_size, ValueError if it is not one record of "
     "the\n"
     "channel's schema, or not whole values of its dtype; nothing is published then."},
    {"try_publish", method<try_publish>(), METH_FASTCALL,
     "try_publish($self, /, *pieces)\n--\n\n"
     "publish(), or None if that would wait for a reliable subscriber: then nothing is published."},
    {"publish_many", method<publish_many>(), METH_O,
     "publish_many($self, messages, /)\n--\n\n"
     "Publishes each item of an array as a message, and gives the last one's sequence: much faster than one by "
     "one.\n\n"
     "The array lends contiguous bytes; its items are those of the first dimension, and in a channel with a "
     "schema its\n"
     "records, however they lie. Errors: as for publish() of one item; then none was published. With "
     "max_blocking_time each is\n"
     "published as soon as there is room, and what a signal raises meanwhile leaves the first ones published."},
    {"skip", method<skip>(), METH_O,
     "skip($self, count, /)\n--\n\n"
     "Leaves out the next sequences, for messages that exist but never came here, and gives the last one.\n\n"
     "Subscribers count them as lost. From the capacity on all messages before them are discarded. Waits for "
     "reliable\n"
     "subscribers as publish() does. Errors: ValueError if the channel has no gaps, or if the last one would "
     "be above\n"
     "2**60; nothing is skipped then."},
    {"loan", method<loan>(), METH_VARARGS | METH_KEYWORDS,
     "loan($self, /, size=None)\n--\n\n"
     "The next message in place, for a with block: its buffer is where subscribers will read it.\n\n"
     "    with publisher.loan(size) as buffer:\n        buffer[:5] = b'hello'\n\n"
     "The message is published at the end of the block; an exception drops it. Without a size there is room "
     "for the\n"
     "longest message, and loan.size can be made smaller inside the block. The buffer's content is unspecified "
     "at\n"
     "first. Arrays and memoryviews made of it have to be gone at the end: BufferError otherwise, and nothing "
     "is\n"
     "published."},
    {"close", method<close_publisher>(), METH_NOARGS,
     "close($self, /)\n--\n\nCloses the channel: iterations of its subscribers end. May be called again."},
    {"__enter__", method<enter_publisher>(), METH_NOARGS, nullptr},
    {"__exit__", method<exit_publisher>(), METH_FASTCALL, nullptr},
    {"__reduce__", method<refuse_pickle>(), METH_NOARGS, nullptr},
    {},
};
PyGetSetDef publisher_attributes[] = {
    {"head", guarded<head>, nullptr, "Sequence of the last message of the channel; 0 if there is none.",
     nullptr},
    {"epoch", guarded<epoch>, nullptr, "Publishers that have opened the channel so far, this one included.",
     nullptr},
    {"reliable_subscribers", guarded<reliable_subscribers>, nullptr,
     "Reliable subscribers that it waits for; one that has died counts until it is in the way.", nullptr},
    {"capacity", guarded<capacity>, nullptr, "Slots.", nullptr},
    {"max_message_size", guarded<max_message_size>, nullptr, "Bytes of the longest message.", nullptr},
    {"timestamps", guarded<timestamps>, nullptr, "Whether messages carry their time.", nullptr},
    {"state", guarded<publisher_state>, nullptr,
     "'live', or 'superseded' when the channel was removed or replaced: new subscribers do not find it.",
     nullptr},
    {"location", guarded<location>, nullptr, "The channel, as Subscriber() takes it.", nullptr},
    {"schema", guarded<schema>, nullptr, "The schema's text, as Publisher() takes it, or None.", nullptr},
    {"dtype", guarded<dtype>, nullptr, "numpy's dtype of a record, or None.", nullptr},
    {"closed", guarded<closed>, nullptr, "Whether close() was called.", nullptr},
    {},
};
PyType_Slot publisher_slots[] = {
    {Py_tp_doc, slot(publisher_doc)},
    {Py_tp_new, slot(guarded<new_publisher>)},
    {Py_tp_dealloc, slot(free_publisher)},
    {Py_tp_repr, slot(guarded<repr_publisher>)},
    {Py_tp_methods, publisher_methods},
    {Py_tp_getset, publisher_attributes},
    {},
};
PyType_Spec publisher_spec{"seqcast.Publisher", sizeof(Publisher), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, publisher_slots};

PyMethodDef loan_methods[] = {
    {"__enter__", method<enter_loan>(), METH_NOARGS, nullptr},
    {"__exit__", method<exit_loan>(), METH_FASTCALL, nullptr},
    {},
};
PyGetSetDef loan_attributes[] = {
    {"size", guarded<loan_size>, guarded<set_loan_size>, "Bytes to publish; may be made smaller.", nullptr},
    {"sequence", guarded<loan_sequence>, nullptr, "Of the message, once it is published; None before.",
     nullptr},
    {},
};
PyType_Slot loan_slots[] = {
    {Py_tp_doc, slot("The next message in place, for a with block: see Publisher.loan().")},
    {Py_tp_dealloc, slot(free_loan)},
    {Py_tp_traverse, slot(visit_loan)},
    {Py_tp_clear, slot(clear_loan)},
    {Py_tp_methods, loan_methods},
    {Py_tp_getset, loan_attributes},
    {Py_bf_getbuffer, slot(guarded<lend>)},
    {Py_bf_releasebuffer, slot(take_back)},
    {},
};
PyType_Spec loan_spec{
    "seqcast.Loan", sizeof(Loan), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_GC,
    loan_slots};

} // namespace

void add_publisher_types(PyObject* to) {
  module.publisher = add_type(to, publisher_spec);
  module.loan = add_type(to, loan_spec);
}

} // namespace python
