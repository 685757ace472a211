# SPDX-License-Identifier: BSL-1.0
"""What messages are: schemas and numpy's dtypes. numpy is imported when it is needed, and never otherwise."""


class Records:
    """The type of a channel's records: what numpy.dtype() makes a dtype of, and that dtype once it is asked for."""

    __slots__ = ("_dtype", "_made")

    def __init__(self, dtype):
        self._dtype = dtype
        self._made = False

    def dtype(self):
        if not self._made:
            import numpy

            self._dtype = numpy.dtype(self._dtype)
            self._made = True
        return self._dtype


def layout_of(dtype, schema):
    """What a channel needs of a dtype and a schema: a schema's text (maybe empty), the type of records or None, and of
    a dtype without fields, which no schema describes, the bytes of one record and its alignment. Such a record may be
    an array: then it is the message. Otherwise a message has any number of them."""
    if dtype is None:
        return schema or "", None, 0, 0, False
    import numpy

    dtype = numpy.dtype(dtype)
    if dtype.hasobject:
        raise TypeError(f"{dtype} holds references to objects, which mean nothing in another process")
    if dtype.itemsize == 0:
        raise TypeError(f"{dtype} has no bytes")
    if dtype.names is None:
        return schema or "", Records(dtype), dtype.itemsize, dtype.alignment, dtype.subdtype is not None
    if schema is not None and not schema.replace("_", "").replace(".", "").replace("-", "").replace("/", "").isalnum():
        raise ValueError(f"{schema!r} has fields, and so has the dtype: leave one out, or give the schema's name alone")
    text = memoryview(numpy.empty((), dtype)).format
    return text + (f":{schema}:" if schema else ""), Records(dtype), 0, 0, False


def array(buffer, records):
    """The bytes as a numpy array, without a copy."""
    import numpy

    return numpy.frombuffer(buffer, numpy.uint8 if records is None else records.dtype())
