// SPDX-License-Identifier: BSL-1.0
//
// recording: the types RecordingFile, RecordingCursor and RecordedMessage, for seqcast._recordings. Compiled
// where recordings are built.
//
// Invariants
//   1. One thread at a time uses a cursor; a call from another one is refused.
#include "python.hpp"

#include "recording.hpp"

#include <vector>

namespace python {

namespace {

namespace recording = seqcast::recording;

struct RecordingFile {
  PyObject_HEAD recording::Recording* file;
};

struct CursorState {
  recording::Cursor cursor;
  std::vector<Owned> channels{}; // by id; what a message has as its channel
  std::vector<Owned> records{};  // by id; may be empty
  bool busy = false;
};

struct RecordingCursor {
  PyObject_HEAD CursorState* state;
};

/// A Message, and what only a recording has.
struct RecordedMessage {
  Message message;
  PyObject* channel;
  std::int64_t received_ns;
  std::uint64_t epoch;
  bool timed;
};

PyTypeObject* cursor_type = nullptr;
PyTypeObject* message_type = nullptr;

std::int64_t ns_of(recording::Time time) noexcept {
  return time.time_since_epoch().count();
}

PyObject* seconds_since_1970(std::int64_t ns) {
  return PyFloat_FromDouble(static_cast<double>(ns) / 1e9);
}

PyObject* open_file(PyTypeObject* type, PyObject* arguments, PyObject*) {
  PyObject* path = nullptr;
  if (PyArg_ParseTuple(arguments, "O&", PyUnicode_FSConverter, &path) == 0) throw PythonError{};
  const Owned encoded{path};
  const std::string name{PyBytes_AsString(path)};
  auto file = without_gil([&] { return std::make_unique<recording::Recording>(name); });
  RecordingFile& made = allocate<RecordingFile>(type);
  made.file = file.release();
  return object_of(made);
}

void free_file(PyObject* self) {
  delete as<RecordingFile>(self).file;
  free_object(self);
}

PyObject* time_or_none(const std::optional<recording::Time>& time) {
  return time ? seconds_since_1970(ns_of(*time)) : none();
}

PyObject* describe(PyObject* self, PyObject*) {
  const recording::Recording& file = *as<RecordingFile>(self).file;
  const Owned start{time_or_none(file.start())};
  const Owned end{time_or_none(file.end())};
  const Owned problem = text_of(file.problem());
  const Owned program = text_of(file.program());
  const Owned compression = text_of(file.compression());
  return Py_BuildValue("{sK sO sO sO sO sO sO sK}",                                  //
                       "messages", static_cast<unsigned long long>(file.messages()), //
                       "start", start.get(),                                         //
                       "end", end.get(),                                             //
                       "complete", file.complete() ? Py_True : Py_False,             //
                       "problem", problem.get(),                                     //
                       "compression", compression.get(),                             //
                       "program", program.get(),                                     //
                       "size", static_cast<unsigned long long>(file.size()));
}

PyObject* list_channels(PyObject* self, PyObject*) {
  const recording::Recording& file = *as<RecordingFile>(self).file;
  Owned list{PyList_New(0)};
  for (const recording::RecordedChannel& channel : file.channels()) {
    const recording::Account account = file.account(channel.id);
    const bool raw = channel.encoding == recording::Encoding::raw;
    const Owned name = name_of(channel.location);
    const Owned schema = text_of(channel.schema.text());
    const Owned records = raw ? records_of(channel.schema) : Owned{};
    const Owned found{Py_BuildValue("{sI sO sO sO ss sK sI sI sO sK sK sK sK}",                    //
                                    "id", static_cast<unsigned int>(channel.id),                   //
                                    "name", name.get(),                                            //
                                    "schema", channel.schema.empty() ? Py_None : schema.get(),     //
                                    "records", records ? records.get() : Py_None,                  //
                                    "encoding", raw ? "raw" : "json",                              //
                                    "capacity", static_cast<unsigned long long>(channel.capacity), //
                                    "max_message_size", channel.max_message_size,                  //
                                    "message_alignment", channel.message_alignment,                //
                                    "timestamps", channel.timestamps ? Py_True : Py_False,         //
                                    "before", static_cast<unsigned long long>(account.before),     //
                                    "recorded", static_cast<unsigned long long>(account.recorded), //
                                    "lost", static_cast<unsigned long long>(account.lost),         //
                                    "head", static_cast<unsigned long long>(account.head))};
    check(PyList_Append(list.get(), found.get()));
  }
  return list.release();
}

std::optional<recording::Time> time_of(PyObject* ns) {
  if (ns == Py_None) return std::nullopt;
  const long long value = PyLong_AsLongLong(ns);
  if (value == -1 && PyErr_Occurred() != nullptr) throw PythonError{};
  return recording::Time{std::chrono::nanoseconds{value}};
}

/// read(channels, wanted, start, end): objects that have an id and records; the ids that are wanted, or None;
/// and nanoseconds, or None.
PyObject* read(PyObject* self, PyObject* arguments) {
  PyObject *channels = nullptr, *wanted = nullptr, *start = nullptr, *end = nullptr;
  if (PyArg_ParseTuple(arguments, "OOOO", &channels, &wanted, &start, &end) == 0) throw PythonError{};
  recording::Filter filter{{}, time_of(start), time_of(end)};
  const Py_ssize_t count = wanted == Py_None ? 0 : PyList_Size(wanted);
  if (count < 0) throw PythonError{};
  for (Py_ssize_t i = 0; i < count; ++i) {
    const auto id = number_of(PyList_GetItem(wanted, i), "id", 65535);
    filter.channels.push_back(static_cast<std::uint16_t>(id.value_or(0)));
  }
  auto state =
      std::make_unique<CursorState>(CursorState{as<RecordingFile>(self).file->read(std::move(filter))});
  const Py_ssize_t size = PySequence_Size(channels);
  if (size < 0) throw PythonError{};
  for (Py_ssize_t i = 0; i < size; ++i) {
    Owned channel{PySequence_GetItem(channels, i)};
    const Owned id{PyObject_GetAttrString(channel.get(), "id")};
    Owned records{PyObject_GetAttrString(channel.get(), "_records")};
    const auto place = static_cast<std::size_t>(number_of(id.get(), "id", 65535).value_or(0));
    if (place >= state->channels.size()) {
      state->channels.resize(place + 1);
      state->records.resize(place + 1);
    }
    state->channels[place] = std::move(channel);
    if (records.get() != Py_None) state->records[place] = std::move(records);
  }
  RecordingCursor& made = allocate<RecordingCursor>(cursor_type);
  made.state = state.release();
  return object_of(made);
}

void free_cursor(PyObject* self) {
  delete as<RecordingCursor>(self).state;
  free_object(self);
}

PyObject* iterator(PyObject* self) {
  return Py_NewRef(self);
}

/// For as long as a thread uses a cursor.
class Use {
 public:
  explicit Use(CursorState& state) : state_{state} {
    if (state.busy)
      raise(PyExc_RuntimeError, "another thread is reading by this iterator: make one in each thread");
    state.busy = true;
  }
  Use(const Use&) = delete;
  ~Use() {
    state_.busy = false;
  }

 private:
  CursorState& state_;
};

PyObject* next(PyObject* self) {
  CursorState& state = *as<RecordingCursor>(self).state;
  const Use use{state};
  const auto read_next = [&] { return state.cursor.next(); };
  const auto entry = state.cursor.reads_file() ? without_gil(read_next) : read_next();
  if (!entry) return nullptr; // the end, without an error
  const std::size_t id = entry->channel;
  RecordedMessage& made = allocate<RecordedMessage>(message_type);
  Owned owner{object_of(made)};
  made.message.sequence = entry->sequence;
  made.message.lost = entry->lost;
  made.message.count = 1;
  made.message.time_ns = entry->published_at ? ns_of(*entry->published_at) : -1;
  made.timed = entry->published_at.has_value();
  made.received_ns = ns_of(entry->received_at);
  made.epoch = entry->epoch.number;
  made.channel = Py_XNewRef(id < state.channels.size() ? state.channels[id].get() : nullptr);
  made.message.records = Py_XNewRef(id < state.records.size() ? state.records[id].get() : nullptr);
  const auto* const bytes = static_cast<const char*>(static_cast<const void*>(entry->message.data()));
  made.message.data = PyBytes_FromStringAndSize(bytes, static_cast<Py_ssize_t>(entry->message.size()));
  if (made.message.data == nullptr) throw PythonError{};
  return owner.release();
}

void free_message(PyObject* self) {
  const RecordedMessage& message = as<RecordedMessage>(self);
  Py_XDECREF(message.message.data);
  Py_XDECREF(message.message.records);
  Py_XDECREF(message.channel);
  free_object(self);
}

PyObject* data(PyObject* self, void*) {
  return Py_NewRef(as<RecordedMessage>(self).message.data);
}
PyObject* array(PyObject* self, void*) {
  const Message& message = as<RecordedMessage>(self).message;
  return array_of(message.data, message.records);
}
PyObject* sequence(PyObject* self, void*) {
  return sequence_of(as<RecordedMessage>(self).message.sequence);
}
PyObject* lost(PyObject* self, void*) {
  return sequence_of(as<RecordedMessage>(self).message.lost);
}
PyObject* epoch(PyObject* self, void*) {
  return sequence_of(as<RecordedMessage>(self).epoch);
}
PyObject* channel(PyObject* self, void*) {
  PyObject* const channel = as<RecordedMessage>(self).channel;
  return channel == nullptr ? none() : Py_NewRef(channel);
}
PyObject* published_at(PyObject* self, void*) {
  const RecordedMessage& message = as<RecordedMessage>(self);
  return message.timed ? seconds_since_1970(message.message.time_ns) : none();
}
PyObject* published_at_ns(PyObject* self, void*) {
  const RecordedMessage& message = as<RecordedMessage>(self);
  return message.timed ? PyLong_FromLongLong(message.message.time_ns) : none();
}
PyObject* received_at(PyObject* self, void*) {
  return seconds_since_1970(as<RecordedMessage>(self).received_ns);
}
PyObject* received_at_ns(PyObject* self, void*) {
  return PyLong_FromLongLong(as<RecordedMessage>(self).received_ns);
}
PyObject* represent(PyObject* self) {
  const Message& message = as<RecordedMessage>(self).message;
  return PyUnicode_FromFormat("<seqcast.RecordedMessage %llu: %zd bytes, %llu lost>", message.sequence,
                              PyBytes_Size(message.data), message.lost);
}

PyGetSetDef attributes[] = {
    {"data", guarded<data>, nullptr,
     "The message: bytes, as it was published; of a channel whose encoding is \"json\", the text in the file.",
     nullptr},
    {"array", guarded<array>, nullptr,
     "The message as a read-only numpy array of records of the channel's dtype, without a copy; of uint8 if it "
     "has\n"
     "none.",
     nullptr},
    {"sequence", guarded<sequence>, nullptr, "As the publisher numbered it.", nullptr},
    {"lost", guarded<lost>, nullptr,
     "Messages of this channel between the one before in the file and this one; for the first one since "
     "channel.before.",
     nullptr},
    {"epoch", guarded<epoch>, nullptr, "Which of the channel's publishers it came from, counted from 1.",
     nullptr},
    {"channel", guarded<channel>, nullptr, "The RecordedChannel.", nullptr},
    {"published_at", guarded<published_at>, nullptr,
     "Seconds of time.time(), unlike a Subscriber's; None if the channel carries no timestamps.", nullptr},
    {"published_at_ns", guarded<published_at_ns>, nullptr, "The same in nanoseconds, exactly.", nullptr},
    {"received_at", guarded<received_at>, nullptr, "When it was recorded, in seconds of time.time().", nullptr},
    {"received_at_ns", guarded<received_at_ns>, nullptr, "The same in nanoseconds, exactly.", nullptr},
    {},
};
PyType_Slot message_slots[] = {
    {Py_tp_doc, slot("A message of a recording.")},
    {Py_tp_dealloc, slot(free_message)},
    {Py_tp_repr, slot(guarded<represent>)},
    {Py_tp_getset, attributes},
    {},
};
PyType_Spec message_spec{"seqcast.RecordedMessage", sizeof(RecordedMessage), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                         message_slots};

PyMethodDef file_methods[] = {
    {"describe", method<describe>(), METH_NOARGS, nullptr},
    {"channels", method<list_channels>(), METH_NOARGS, nullptr},
    {"read", method<read>(), METH_VARARGS, nullptr},
    {},
};
PyType_Slot file_slots[] = {
    {Py_tp_new, slot(guarded<open_file>)},
    {Py_tp_dealloc, slot(free_file)},
    {Py_tp_methods, file_methods},
    {},
};
PyType_Spec file_spec{"seqcast._seqcast.RecordingFile", sizeof(RecordingFile), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, file_slots};

PyType_Slot cursor_slots[] = {
    {Py_tp_dealloc, slot(free_cursor)},
    {Py_tp_iter, slot(guarded<iterator>)},
    {Py_tp_iternext, slot(guarded<next>)},
    {},
};
PyType_Spec cursor_spec{"seqcast._seqcast.RecordingCursor", sizeof(RecordingCursor), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                        cursor_slots};

} // namespace

void add_recording_types(PyObject* to) {
  add_type(to, file_spec);
  cursor_type = add_type(to, cursor_spec);
  message_type = add_type(to, message_spec);
}

} // namespace python
