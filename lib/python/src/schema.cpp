// SPDX-License-Identifier: BSL-1.0
#include "python.hpp"

namespace python {

namespace {

/// What numpy.dtype() makes the dtype of a field of.
Owned spec_of(const seqcast::Field& field);

Owned spec_of_structure(const seqcast::Field& structure) {
  Owned names{PyList_New(0)}, formats{PyList_New(0)}, offsets{PyList_New(0)};
  for (const seqcast::Field& field : structure.fields) {
    check(PyList_Append(names.get(), text_of(field.name).get()));
    check(PyList_Append(formats.get(), spec_of(field).get()));
    check(PyList_Append(offsets.get(), Owned{PyLong_FromUnsignedLong(field.offset)}.get()));
  }
  return Owned{Py_BuildValue("{sOsOsOsI}", "names", names.get(), "formats", formats.get(), "offsets",
                             offsets.get(), "itemsize", static_cast<unsigned int>(structure.size))};
}

Owned spec_of_one(const seqcast::Field& field) {
  using seqcast::FieldType;
  const auto number = [&](char kind) {
    constexpr bool little = std::endian::native == std::endian::little;
    const char* const order = little != field.foreign_order ? "<" : ">";
    return Owned{PyUnicode_FromFormat("%s%c%u", order, kind, static_cast<unsigned int>(field.size))};
  };
  switch (field.type) {
    case FieldType::i8:
    case FieldType::i16:
    case FieldType::i32:
    case FieldType::i64:
      return number('i');
    case FieldType::u8:
    case FieldType::u16:
    case FieldType::u32:
    case FieldType::u64:
      return number('u');
    case FieldType::f16:
    case FieldType::f32:
    case FieldType::f64:
      return number('f');
    case FieldType::boolean:
      return text_of("?");
    case FieldType::character:
      return text_of("S1");
    case FieldType::text:
      return Owned{PyUnicode_FromFormat("S%u", static_cast<unsigned int>(field.size))};
    case FieldType::structure:
      return spec_of_structure(field);
  }
  raise(PyExc_ValueError, "the channel's schema has a field of a type that this seqcast does not know");
}

Owned spec_of(const seqcast::Field& field) {
  Owned one = spec_of_one(field);
  if (field.shape.empty()) return one;
  Owned shape{PyTuple_New(static_cast<Py_ssize_t>(field.shape.size()))};
  for (std::size_t i = 0; i < field.shape.size(); ++i)
    check(PyTuple_SetItem(shape.get(), static_cast<Py_ssize_t>(i),
                          Owned{PyLong_FromUnsignedLong(field.shape[i])}.release()));
  return Owned{PyTuple_Pack(2, one.get(), shape.get())};
}

} // namespace

Owned records_of(const seqcast::Schema& schema) {
  if (schema.root().size == 0) return {};
  return Owned{PyObject_CallFunctionObjArgs(module.records, spec_of(schema.root()).get(), nullptr)};
}

Layout layout_of(PyObject* dtype, PyObject* schema) {
  const Owned found{PyObject_CallFunctionObjArgs(module.layout_of, dtype, schema, nullptr)};
  PyObject *text = nullptr, *records = nullptr;
  Py_ssize_t size = 0, alignment = 0;
  int whole = 0;
  if (PyArg_ParseTuple(found.get(), "UOnnp", &text, &records, &size, &alignment, &whole) == 0)
    throw PythonError{};
  Layout layout;
  layout.schema = text_of(text);
  if (records != Py_None) layout.records = new_reference(records);
  layout.record_size = static_cast<std::size_t>(size);
  layout.alignment = static_cast<std::uint32_t>(alignment);
  layout.whole = whole != 0;
  return layout;
}

PyObject* dtype_of(PyObject* records) {
  return records == nullptr ? none() : PyObject_CallMethod(records, "dtype", nullptr);
}

} // namespace python
