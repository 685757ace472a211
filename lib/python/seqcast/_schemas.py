# SPDX-License-Identifier: BSL-1.0
"""What messages are: numpy's dtypes. numpy is imported when it is needed, and never otherwise."""


def layout_of(dtype, schema):
    """What a channel needs of a dtype and a schema: name of the schema, dtype or None, bytes and alignment."""
    if dtype is None:
        return schema or "", None, 0, 0
    import numpy

    dtype = numpy.dtype(dtype)
    if dtype.hasobject:
        raise TypeError(f"{dtype} holds references to objects, which mean nothing in another process")
    if dtype.itemsize == 0:
        raise TypeError(f"{dtype} has no bytes")
    return schema or "", dtype, dtype.itemsize, dtype.alignment


def array(buffer, dtype):
    """The bytes as a numpy array, without a copy."""
    import numpy

    return numpy.frombuffer(buffer, numpy.uint8 if dtype is None else dtype)
