// SPDX-License-Identifier: BSL-1.0
#include "python.hpp"

#include <array>
#include <cmath>
#include <new>
#include <stdexcept>

namespace python {

namespace {

const char* name_of(seqcast::Errc code) noexcept {
  using seqcast::Errc;
  switch (code) {
    case Errc::no_channel:
      return "no_channel";
    case Errc::invalid_location:
      return "invalid_location";
    case Errc::invalid_options:
      return "invalid_options";
    case Errc::not_a_regular_file:
      return "not_a_regular_file";
    case Errc::not_a_channel:
      return "not_a_channel";
    case Errc::wrong_byte_order:
      return "wrong_byte_order";
    case Errc::wrong_version:
      return "wrong_version";
    case Errc::wrong_geometry:
      return "wrong_geometry";
    case Errc::unknown_feature:
      return "unknown_feature";
    case Errc::wrong_identity:
      return "wrong_identity";
    case Errc::damaged:
      return "damaged";
    case Errc::publisher_alive:
      return "publisher_alive";
    case Errc::lock_obstructed:
      return "lock_obstructed";
    case Errc::other_owner:
      return "other_owner";
    case Errc::build_mismatch:
      return "build_mismatch";
    case Errc::overrun:
      return "overrun";
    case Errc::corrupt:
      return "corrupt";
    case Errc::wrong_size:
      return "wrong_size";
    case Errc::buffer_too_small:
      return "buffer_too_small";
    case Errc::truncated:
      return "truncated";
    case Errc::not_reliable:
      return "not_reliable";
    case Errc::no_entry:
      return "no_entry";
    case Errc::demoted:
      return "demoted";
  }
  return "unknown";
}

} // namespace

void set_error(std::error_code code, const char* text) noexcept {
  const bool own = code.category() == seqcast::error_category();
  const char* const name = own ? name_of(static_cast<seqcast::Errc>(code.value())) : "";
  // Names of files are bytes; what is no UTF-8 in them is escaped.
  PyObject* const decoded = PyUnicode_DecodeUTF8(
      text, static_cast<Py_ssize_t>(std::char_traits<char>::length(text)), "backslashreplace");
  if (decoded == nullptr) return;
  PyObject* const error = PyObject_CallFunction(module.make_error, "siN", name, code.value(), decoded);
  if (error == nullptr) return; // set by whatever failed
  PyErr_SetObject(PyExceptionInstance_Class(error), error);
  Py_DECREF(error);
}

void raise(std::error_code code, const std::string& text) {
  set_error(code, text.c_str());
  throw PythonError{};
}

void raise(PyObject* type, const std::string& text) {
  PyErr_SetString(type, text.c_str());
  throw PythonError{};
}

void set_error_of_exception() noexcept {
  try {
    throw;
  } catch (const PythonError&) {
    if (PyErr_Occurred() == nullptr) PyErr_NoMemory(); // where CPython had no memory for its error
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::system_error& failure) {
    set_error(failure.code(), failure.what());
  } catch (const std::exception& failure) {
    PyErr_SetString(PyExc_RuntimeError, failure.what());
  } catch (...) {
    PyErr_SetString(PyExc_SystemError, "seqcast: an unknown C++ exception");
  }
}

seqcast::Location location_of(PyObject* channel) {
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(channel, &encoded) == 0) throw PythonError{};
  const Owned bytes{encoded};
  char* text = nullptr;
  Py_ssize_t size = 0;
  check(PyBytes_AsStringAndSize(encoded, &text, &size));
  std::string name{text, static_cast<std::size_t>(size)};
  const bool bare = PyUnicode_Check(channel) != 0 && name.find('/') == std::string::npos;
  return bare ? seqcast::shared_memory(std::move(name)) : seqcast::file(std::move(name));
}

Owned name_of(const seqcast::Location& location) {
  std::string name = location.name();
  const bool file = location.kind() == seqcast::Location::Kind::file;
  if (file && name.find('/') == std::string::npos) name = "./" + name;
  return Owned{PyUnicode_DecodeFSDefaultAndSize(name.data(), static_cast<Py_ssize_t>(name.size()))};
}

std::chrono::nanoseconds timeout_of(PyObject* seconds, const char* expected) {
  if (seconds == Py_None) return no_limit;
  const double value = PyFloat_AsDouble(seconds);
  if (value == -1.0 && PyErr_Occurred() != nullptr) throw PythonError{};
  if (!(value >= 0)) raise(PyExc_ValueError, expected);
  constexpr double most = 9e9; // 285 years
  if (value >= most) return no_limit;
  return std::chrono::nanoseconds{static_cast<std::int64_t>(std::ceil(value * 1e9))};
}

std::string text_of(PyObject* text) {
  Py_ssize_t size = 0;
  const char* const bytes = PyUnicode_AsUTF8AndSize(text, &size);
  if (bytes == nullptr) throw PythonError{};
  return {bytes, static_cast<std::size_t>(size)};
}

Owned text_of(std::string_view text) {
  return Owned{PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace")};
}

std::size_t word_of(PyObject* word, const char* option, std::initializer_list<const char*> words) {
  if (PyUnicode_Check(word) != 0) {
    std::size_t index = 0;
    for (const char* const known : words) {
      if (PyUnicode_CompareWithASCIIString(word, known) == 0) return index;
      ++index;
    }
  }
  std::string all;
  for (const char* const known : words) all += (all.empty() ? "'" : ", '") + std::string{known} + "'";
  raise(PyExc_ValueError, std::string{option} + " is one of " + all);
}

std::optional<std::uint64_t> number_of(PyObject* number, const char* option, std::uint64_t most) {
  if (number == Py_None) return std::nullopt;
  const Owned integer{PyNumber_Index(number)};
  const std::uint64_t value = PyLong_AsUnsignedLongLong(integer.get());
  if (PyErr_Occurred() == nullptr && value <= most) return value;
  PyErr_Clear();
  raise(PyExc_ValueError, std::string{option} + " is a number from 0 to " + std::to_string(most));
}

std::optional<bool> flag_of(PyObject* flag) {
  if (flag == Py_None) return std::nullopt;
  const int value = PyObject_IsTrue(flag);
  check(value);
  return value != 0;
}

void check_process(unsigned forks, const char* what) {
  if (forks == module.forks) return;
  raise(PyExc_RuntimeError,
        std::string{"this "} + what +
            " belongs to the parent process, which opened it before it forked; nothing that is "
            "published here would reach anybody. Open one after the fork, in one process");
}

PyTypeObject* add_type(PyObject* to, PyType_Spec& spec) {
  Owned type{PyType_FromModuleAndSpec(to, &spec, nullptr)};
  auto* const result = static_cast<PyTypeObject*>(static_cast<void*>(type.get()));
  check(PyModule_AddType(to, result));
  return static_cast<PyTypeObject*>(static_cast<void*>(type.release()));
}

PyObject* sequence_of(std::uint64_t number) {
  return PyLong_FromUnsignedLongLong(number);
}

std::int64_t time_of(const seqcast::Delivery& delivery) noexcept {
  return delivery.published_at ? delivery.published_at->time_since_epoch().count() : -1;
}

PyObject* seconds_of(std::int64_t time_ns) {
  return time_ns < 0 ? none() : PyFloat_FromDouble(static_cast<double>(time_ns) / 1e9);
}

PyObject* array_of(PyObject* buffer, PyObject* records) {
  return PyObject_CallFunctionObjArgs(module.make_array, buffer, records == nullptr ? Py_None : records,
                                      nullptr);
}

} // namespace python
