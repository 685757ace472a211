// SPDX-License-Identifier: BSL-1.0
//
// message: the type Message, a copy that nothing changes later.
#include "python.hpp"

namespace python {

namespace {

void free_message(PyObject* self) {
  Py_XDECREF(as<Message>(self).data);
  Py_XDECREF(as<Message>(self).records);
  free_object(self);
}

PyObject* data(PyObject* self, void*) {
  return Py_NewRef(as<Message>(self).data);
}
PyObject* array(PyObject* self, void*) {
  return array_of(as<Message>(self).data, as<Message>(self).records);
}
PyObject* sequence(PyObject* self, void*) {
  return sequence_of(as<Message>(self).sequence);
}
PyObject* lost(PyObject* self, void*) {
  return sequence_of(as<Message>(self).lost);
}
PyObject* count(PyObject* self, void*) {
  return sequence_of(as<Message>(self).count);
}
PyObject* published_at(PyObject* self, void*) {
  return seconds_of(as<Message>(self).time_ns);
}
PyObject* represent(PyObject* self) {
  const Message& message = as<Message>(self);
  return PyUnicode_FromFormat("<seqcast.Message %llu: %zd bytes, %llu lost>", message.sequence,
                              PyBytes_Size(message.data), message.lost);
}

PyGetSetDef attributes[] = {
    {"data", guarded<data>, nullptr, "The message: bytes.", nullptr},
    {"array", guarded<array>, nullptr,
     "The message as a read-only numpy array of records of the channel's dtype, without a copy; of uint8 if it "
     "has\n"
     "none.",
     nullptr},
    {"sequence", guarded<sequence>, nullptr, "1 for a channel's first message, then one more for each.",
     nullptr},
    {"lost", guarded<lost>, nullptr, "Messages missed since the one before: overwritten before they were read.",
     nullptr},
    {"count", guarded<count>, nullptr,
     "How many messages there are in data, one behind the other: 1, but for next_many(). The rest is said of "
     "the first.",
     nullptr},
    {"published_at", guarded<published_at>, nullptr,
     "Seconds of time.monotonic(); None if the channel carries no timestamps.", nullptr},
    {},
};
PyType_Slot slots[] = {
    {Py_tp_doc, slot("A message, whole, as one publish() sent it. Nothing changes it later.")},
    {Py_tp_dealloc, slot(free_message)},
    {Py_tp_repr, slot(guarded<represent>)},
    {Py_tp_getset, attributes},
    {},
};
PyType_Spec spec{"seqcast.Message", sizeof(Message), 0,
                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

} // namespace

void add_message_type(PyObject* to) {
  module.message = add_type(to, spec);
}

} // namespace python
