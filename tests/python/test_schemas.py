# SPDX-License-Identifier: BSL-1.0
"""Schemas: numpy's dtypes become descriptions in the channel, and descriptions become dtypes."""
import select
import subprocess

import pytest
import seqcast

numpy = pytest.importorskip("numpy")

QUOTE = numpy.dtype([("bid", "f8"), ("ask", "f8")])
NESTED = numpy.dtype(
    [("id", "u2"), ("flag", "?"), ("name", "S5"), ("m", "f4", (2, 3)),
     ("inner", [("a", "i1"), ("b", ">i8"), ("q", QUOTE, (2,))])],
    align=True,
)


@pytest.mark.parametrize("dtype", [QUOTE, NESTED])
def test_a_dtype_describes_the_channel_and_comes_back(channel, dtype):
    values = numpy.frombuffer(bytes(i & 1 for i in range(dtype.itemsize)), dtype)
    with seqcast.Publisher(channel, dtype=dtype, schema="acme.Thing") as publisher:
        assert publisher.dtype == dtype and publisher.max_message_size == dtype.itemsize
        subscriber = seqcast.Subscriber(channel)
        assert subscriber.schema.startswith(("acme.Thing{", "T{")) and subscriber.schema == publisher.schema
        assert subscriber.dtype.itemsize == dtype.itemsize and subscriber.dtype.names == dtype.names
        assert {n: f[:2] for n, f in subscriber.dtype.fields.items()} == {n: f[:2] for n, f in dtype.fields.items()}
        publisher.publish(values)
        message = subscriber.next()
        assert message.array.shape == (1,) and message.array.tobytes() == values.tobytes()
        assert not message.array.flags.writeable and not message.array.flags.owndata
        for name in dtype.names:
            assert message.array[name].tobytes() == values[name].tobytes()
        with pytest.raises((ValueError, OSError), match="bytes"):
            publisher.publish(b"x" * (dtype.itemsize - 1))


def test_a_view_shows_records_in_place(channel):
    with seqcast.Publisher(channel, schema="acme.Quote{bid:f64,ask:f64}") as publisher:
        with seqcast.Subscriber(channel) as subscriber:
            with publisher.loan() as buffer:
                numpy.frombuffer(buffer, publisher.dtype)[:] = (1.5, 2.5)
            view = subscriber.view()
            array = view.array
            assert array["ask"][0] == 2.5 and not array.flags.owndata
            bid = float(array["bid"][0])
            assert view.validate() and bid == 1.5
            assert publisher.schema == subscriber.schema == "acme.Quote{bid:f64,ask:f64}"
            assert seqcast.inspect(channel)["schema"] == publisher.schema


def test_layouts_that_differ_are_refused_with_both(channel):
    with seqcast.Publisher(channel, schema="acme.Quote{bid:f64,ask:f64}"):
        with pytest.raises(seqcast.IdentityError, match="bid:f64.*ask:f32") as raised:
            seqcast.Subscriber(channel, dtype=[("bid", "f8"), ("ask", "f4")])
        assert raised.value.code == "wrong_identity"
        assert seqcast.Subscriber(channel, dtype=QUOTE).dtype == QUOTE
    for wrong in ({}, {"schema": "acme.Other"}, {"dtype": [("bid", "f8"), ("asked", "f8")]}):
        with pytest.raises(seqcast.IdentityError):
            seqcast.Publisher(channel, **wrong)
    seqcast.Publisher(channel, schema="acme.Quote", dtype=QUOTE).close()


def test_a_channel_with_fields_takes_its_records_alone(channel):
    with seqcast.Publisher(channel, schema="acme.Quote", dtype=QUOTE) as publisher:
        record = numpy.zeros(1, QUOTE)
        for pieces in ((b"",), (b"", b""), (bytes(15),), (bytes(17),), (bytes(32),), (record, b"x"), (b"12345678",)):
            with pytest.raises(ValueError, match="each of this channel's schema 16: publish whole records"):
                publisher.publish(*pieces)
        for size in (0, 15, 17):
            with pytest.raises(ValueError, match=f"has {size} bytes"):
                publisher.loan(size)
        loan = publisher.loan()
        with pytest.raises(ValueError, match="has 8 bytes"):
            with loan:
                loan.size = 8
        assert publisher.head == 0
        assert publisher.publish(record) == 1
        assert publisher.publish(bytes(8), bytes(8)) == 2
        with publisher.loan(16):
            pass
        assert publisher.head == 3


def test_the_tool_and_python_agree(channel, tool):
    with seqcast.Publisher(channel, schema="acme.Quote{bid:f64,ask:f64}") as publisher:
        publisher.publish(numpy.array((1.5, 2.5), QUOTE))
        assert "acme.Quote" in subprocess.run([tool, "info", channel], capture_output=True, text=True, check=True).stdout


def test_what_cannot_be_described_says_why(channel):
    for dtype, error in ((object, TypeError), ([("x", "O")], TypeError), ("S0", TypeError), ("nonsense", TypeError),
                         ([("t", "U4")], (seqcast.Error, ValueError))):
        with pytest.raises(error):
            seqcast.Publisher(channel, dtype=dtype)
    with pytest.raises(ValueError, match="leave one out"):
        seqcast.Publisher(channel, dtype=QUOTE, schema="acme.Quote{bid:f64}")
    with pytest.raises(seqcast.Error, match="schema"):
        seqcast.Publisher(channel, schema="acme.Quote{bid:f65}")


def test_a_plain_dtype_gives_arrays_of_any_length(channel):
    with seqcast.Publisher(channel, dtype="f4") as publisher, seqcast.Subscriber(channel, dtype="f4") as subscriber:
        assert publisher.schema is None and publisher.dtype == "f4" and publisher.max_message_size == 1024
        for count in (1, 7, 256):
            publisher.publish(numpy.arange(count, dtype="f4"))
            assert subscriber.next().array.tolist() == list(range(count))
        with pytest.raises(ValueError, match="whole records"):
            publisher.publish(b"123")
    with seqcast.Publisher(channel, dtype=("u1", (480, 640)), replace=True) as publisher:
        assert publisher.max_message_size == 480 * 640
        publisher.publish(numpy.full((480, 640), 7, "u1"))
        subscriber = seqcast.Subscriber(channel, start="oldest", dtype=("u1", (480, 640)))
        assert subscriber.latest().array.shape == (1, 480, 640)


def test_without_a_dtype_arrays_are_bytes_and_follow_takes_the_new_schema(channel):
    first = seqcast.Publisher(channel)
    with seqcast.Subscriber(channel, follow=True) as subscriber:
        assert subscriber.dtype is None and subscriber.schema is None
        first.publish(b"\1\2")
        assert subscriber.next().array.tolist() == [1, 2]
        first.close()
        assert subscriber.next(timeout=10) is None
        with seqcast.Publisher(channel, dtype=QUOTE, replace=True) as second:
            second.publish(numpy.array((1.5, 2.5), QUOTE))
            assert subscriber.next(timeout=100).array["ask"].tolist() == [2.5]


def test_many_records_in_one_call(channel):
    with seqcast.Publisher(channel, schema="acme.Quote", dtype=QUOTE, capacity=64) as publisher:
        subscriber = seqcast.Subscriber(channel)
        quotes = numpy.zeros(40, QUOTE)
        quotes["bid"] = range(40)
        assert subscriber.next_many(10) is None
        assert publisher.publish_many(quotes) == 40
        first = subscriber.next_many(10)
        assert (first.count, first.sequence, first.lost) == (10, 1, 0) and first.published_at is None
        assert first.array["bid"].tolist() == list(range(10)) and first.data == quotes[:10].tobytes()
        rest = subscriber.next_many(1000, timeout=10)
        assert (rest.count, rest.sequence) == (30, 11) and rest.array["bid"].tolist() == list(range(10, 40))
        assert subscriber.next_many(1) is None and subscriber.next_many(most=1, timeout=0) is None
        publisher.publish(quotes[:1])
        assert subscriber.next().count == 1
        assert publisher.publish_many(quotes[:0]) == 41
        assert publisher.publish_many(quotes.tobytes()) == 81  # bytes are records as well
        assert publisher.publish_many(quotes) == 121
        late = subscriber.next_many(1000)  # lapped
        assert late.sequence == 42 + late.lost and late.sequence + late.count == 122 and late.lost > 0
        for messages, error, text in (
            (quotes.tobytes()[:-1], ValueError, "639 bytes are no whole number of records of 16"),
            (numpy.array(7.0), TypeError, "takes an array"),
            (7, TypeError, "bytes-like"),
            (quotes[::2], (ValueError, BufferError), "contiguous"),
        ):
            with pytest.raises(error, match=text):
                publisher.publish_many(messages)
        with pytest.raises(ValueError, match="most is a number"):
            subscriber.next_many(0)
        with publisher.loan():
            with pytest.raises(BufferError, match="a loan"):
                publisher.publish_many(quotes)
        assert publisher.head == 122


def test_many_messages_without_a_schema_are_the_items_of_an_array(channel):
    with seqcast.Publisher(channel, dtype="f4", max_message_size=100, timestamps=True) as publisher:
        subscriber = seqcast.Subscriber(channel, dtype="f4")
        rows = numpy.arange(12, dtype="f4").reshape(4, 3)
        publisher.publish_many(rows)
        publisher.publish(rows[0, :2])
        found = subscriber.next_many(10)  # ends before the message of another size
        assert found.count == 4 and found.array.reshape(4, 3).tolist() == rows.tolist() and found.published_at > 0
        found = subscriber.next_many(10)
        assert found.count == 1 and found.array.tolist() == [0, 1]
        assert publisher.publish_many(rows[0]) == 8 and subscriber.next().array.tolist() == [0]
        with pytest.raises(OSError, match="108 bytes"):
            publisher.publish_many(numpy.zeros((2, 27), "f4"))
        with pytest.raises(ValueError, match="whole records"):
            publisher.publish_many(numpy.zeros((2, 3), "u1"))
    with seqcast.Publisher(channel, replace=True, max_message_size=1 << 20) as publisher:
        subscriber = seqcast.Subscriber(channel)
        with pytest.raises(TypeError, match="takes an array"):
            publisher.publish_many(b"one message")
        large = numpy.arange(3 << 17, dtype="i8").reshape(3, -1)  # without the GIL
        publisher.publish_many(large)
        found = subscriber.next_many(10)
        assert found.count == 3 and found.data == large.tobytes()
        publisher.publish(b"")
        publisher.publish(b"")
        assert [subscriber.next_many(9).count, subscriber.next_many(9).data] == [1, b""]


def test_many_messages_and_a_descriptor(channel):
    with seqcast.Publisher(channel, dtype=QUOTE) as publisher, seqcast.Subscriber(channel) as subscriber:
        ready = select.poll()
        ready.register(subscriber.fileno(), select.POLLIN)
        for count in (1, 5):
            publisher.publish_many(numpy.zeros(count, QUOTE))
            assert ready.poll(60_000)
            assert subscriber.next_many(100).count == count
            assert subscriber.next_many(100) is None  # arms it again
            assert not ready.poll(0)
