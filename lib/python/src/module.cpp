// SPDX-License-Identifier: BSL-1.0
//
// module: seqcast._seqcast, and its functions. The package's face is seqcast/__init__.py.
#include "python.hpp"

namespace python {

namespace {

PyObject* remove(PyObject*, PyObject* arguments, PyObject* names) {
  static const char* keywords[] = {"channel", "even_if_alive", nullptr};
  PyObject* channel = nullptr;
  int even_if_alive = 0;
  if (PyArg_ParseTupleAndKeywords(arguments, names, "O|$p:remove", const_cast<char**>(keywords), &channel,
                                  &even_if_alive) == 0)
    throw PythonError{};
  const seqcast::Location location = location_of(channel);
  const auto removed = [&] { return seqcast::remove_channel(location, {.even_if_alive = even_if_alive != 0}); };
  return PyBool_FromLong(without_gil(removed) ? 1 : 0);
}

PyObject* channels(PyObject*, PyObject* arguments, PyObject* names) {
  static const char* keywords[] = {"folder", nullptr};
  PyObject* folder = Py_None;
  if (PyArg_ParseTupleAndKeywords(arguments, names, "|O:channels", const_cast<char**>(keywords), &folder) == 0)
    throw PythonError{};
  std::optional<seqcast::Location> where;
  if (folder != Py_None) where = location_of(folder);
  const auto found = without_gil([&] {
    return where ? seqcast::channels_in_folder(where->name()) : seqcast::channels_in_shared_memory();
  });
  Owned list{PyList_New(0)};
  for (const seqcast::Location& one : found) check(PyList_Append(list.get(), name_of(one).get()));
  return list.release();
}

/// A list of dicts.
Owned reliable_subscribers_of(const seqcast::Inspector& inspector) {
  Owned list{PyList_New(0)};
  for (const seqcast::ReliableSubscription& one : inspector.reliable_subscribers()) {
    const Owned found{Py_BuildValue("{sK sK sK ss}",                                         //
                                    "process", static_cast<unsigned long long>(one.process), //
                                    "cursor", static_cast<unsigned long long>(one.cursor),   //
                                    "lag", static_cast<unsigned long long>(one.lag),         //
                                    "state", to_string(one.state))};
    check(PyList_Append(list.get(), found.get()));
  }
  return list;
}

PyObject* inspect(PyObject*, PyObject* channel) {
  const seqcast::Location location = location_of(channel);
  const auto inspector = without_gil([&] { return std::make_unique<const seqcast::Inspector>(location); });
  const seqcast::ChannelIdentity& identity = inspector->identity();
  const seqcast::ChannelStatus status = inspector->status();
  const Owned schema = text_of(inspector->schema().text());
  const Owned published_at{
      seconds_of(status.published_at ? status.published_at->time_since_epoch().count() : -1)};
  const Owned reliable_subscribers = reliable_subscribers_of(*inspector);
  return Py_BuildValue("{sK sO sK sI sI sO sO sO sO ss sO sK sK sK sK sO sO}",                            //
                       "id", static_cast<unsigned long long>(identity.id),                                //
                       "mirror", identity.mirror ? Py_True : Py_False,                                    //
                       "capacity", static_cast<unsigned long long>(identity.capacity),                    //
                       "max_message_size", static_cast<unsigned int>(identity.max_message_size),          //
                       "message_alignment", static_cast<unsigned int>(identity.message_alignment),        //
                       "timestamps", identity.timestamps ? Py_True : Py_False,                            //
                       "copy_behind", identity.copy_behind ? Py_True : Py_False,                          //
                       "gaps", identity.gaps ? Py_True : Py_False,                                        //
                       "schema", schema.get(),                                                            //
                       "state", to_string(status.state),                                                  //
                       "publisher_alive", status.publisher_alive ? Py_True : Py_False,                    //
                       "publisher_process", static_cast<unsigned long long>(status.publisher_process),    //
                       "epoch", static_cast<unsigned long long>(status.epoch ? status.epoch->number : 0), //
                       "head", static_cast<unsigned long long>(status.head),                              //
                       "oldest", static_cast<unsigned long long>(status.oldest),                          //
                       "published_at", published_at.get(),                                                //
                       "reliable_subscribers", reliable_subscribers.get());
}

PyObject* count_fork(PyObject*, PyObject*) {
  ++module.forks;
  return none();
}

PyMethodDef after_fork{"_after_fork", method<count_fork>(), METH_NOARGS, nullptr};

PyMethodDef functions[] = {
    {"remove", method<remove>(), METH_VARARGS | METH_KEYWORDS,
     "remove($module, /, channel, *, even_if_alive=False)\n--\n\n"
     "Removes a channel and its bell; False if there is none. Subscribers that have it open keep what they "
     "have.\n"
     "Errors: OSError, PublisherAliveError unless even_if_alive."},
    {"channels", method<channels>(), METH_VARARGS | METH_KEYWORDS,
     "channels($module, /, folder=None)\n--\n\n"
     "The channels in shared memory, or in a folder: a list of what Subscriber() takes."},
    {"inspect", method<inspect>(), METH_O,
     "inspect($module, channel, /)\n--\n\n"
     "What a channel is and what has become of it, as a dict. The publisher does not notice."},
    {"wait_any", method<wait_any>(), METH_VARARGS | METH_KEYWORDS,
     "wait_any($module, /, subscribers, timeout=None)\n--\n\n"
     "Waits on several Subscribers in one thread, and gives the one that has something to read, or whose "
     "publisher has\n"
     "closed or died (wait_result says which); None after `timeout` seconds."},
    {},
};

PyObject* attribute(const char* from, const char* name) {
  const Owned other{PyImport_ImportModule(from)};
  return Owned{PyObject_GetAttrString(other.get(), name)}.release();
}

int fill(PyObject* self) {
  // The types are this process's, not an interpreter's.
  if (PyInterpreterState_GetID(PyInterpreterState_Get()) != 0)
    raise(PyExc_ImportError,
          "seqcast runs in the main interpreter only; in a sub-interpreter use a process instead");
  module.make_error = attribute("seqcast._errors", "make");
  module.make_array = attribute("seqcast._schemas", "array");
  module.layout_of = attribute("seqcast._schemas", "layout_of");
  module.records = attribute("seqcast._schemas", "Records");
  add_message_type(self);
  add_publisher_types(self);
  add_subscriber_types(self);
#ifdef SEQCAST_HAS_MCAP
  add_recording_types(self);
#endif
  const Owned child{PyCFunction_NewEx(&after_fork, nullptr, nullptr)};
  const Owned keywords{Py_BuildValue("{sO}", "after_in_child", child.get())};
  const Owned nothing{PyTuple_New(0)};
  const Owned at_fork{attribute("os", "register_at_fork")};
  const Owned registered{PyObject_Call(at_fork.get(), nothing.get(), keywords.get())};
  return 0;
}

PyModuleDef_Slot module_slots[] = {{Py_mod_exec, slot(guarded<fill>)}, {}};
PyModuleDef definition{PyModuleDef_HEAD_INIT,
                       "seqcast._seqcast",
                       "See seqcast.",
                       0,
                       functions,
                       module_slots,
                       nullptr,
                       nullptr,
                       nullptr};

} // namespace

} // namespace python

PyMODINIT_FUNC PyInit__seqcast() {
  return PyModuleDef_Init(&python::definition);
}
