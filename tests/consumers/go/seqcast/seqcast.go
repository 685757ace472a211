// SPDX-License-Identifier: BSL-1.0

// Package seqcast wraps what the two programs here use of seqcast.h. A Publisher or a Subscriber is used by one
// goroutine at a time. A wait takes a thread for as long as it lasts.
package seqcast

// #cgo pkg-config: seqcast
// #include <seqcast/seqcast.h>
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"time"
	"unsafe"
)

// Error is a code of seqcast.h, with its explanation.
type Error struct {
	Code int
	Text string
}

func (e *Error) Error() string { return e.Text }

// What Next returns as a code when there is no message to come.
const (
	Closed  = int(C.SEQCAST_CLOSED)
	Overrun = int(C.SEQCAST_OVERRUN)
)

// in C's memory, so that no pointer to Go's is stored in it.
type place struct {
	where *C.seqcast_location
	error *C.seqcast_error
}

func newPlace(name string) place {
	const room = 4096
	p := place{(*C.seqcast_location)(C.calloc(1, C.sizeof_seqcast_location)),
		(*C.seqcast_error)(C.calloc(1, C.sizeof_seqcast_error))}
	p.where.kind = C.SEQCAST_SHARED_MEMORY
	p.where.name.data = C.CString(name)
	p.where.name.size = C.size_t(len(name))
	p.error.struct_size = C.sizeof_seqcast_error
	p.error.text = (*C.char)(C.malloc(room))
	p.error.text_capacity = room
	return p
}

func (p place) free() {
	C.free(unsafe.Pointer(p.where.name.data))
	C.free(unsafe.Pointer(p.where))
	C.free(unsafe.Pointer(p.error.text))
	C.free(unsafe.Pointer(p.error))
}

func (p place) failure(code C.int) error {
	return &Error{int(code), C.GoString(p.error.text)}
}

// Publisher publishes messages of one size.
type Publisher struct{ handle *C.seqcast_publisher }

// Publish into shared memory; Close removes the channel.
func OpenPublisher(name string, messageSize, alignment int) (*Publisher, error) {
	p := newPlace(name)
	defer p.free()
	options := C.seqcast_publisher_options{struct_size: C.sizeof_seqcast_publisher_options, remove_on_close: 1}
	options.max_message_size = C.uint32_t(messageSize)
	options.message_alignment = C.uint32_t(alignment)
	publisher := &Publisher{}
	if code := C.seqcast_publisher_open(C.SEQCAST_VERSION, p.where, &options, &publisher.handle, p.error); code != 0 {
		return nil, p.failure(code)
	}
	return publisher, nil
}

// Publish publishes one message and gives its sequence.
func (p *Publisher) Publish(message []byte) (uint64, error) {
	var sequence C.uint64_t
	var data unsafe.Pointer
	if len(message) > 0 {
		data = unsafe.Pointer(&message[0])
	}
	if code := C.seqcast_publish(p.handle, data, C.size_t(len(message)), &sequence); code != 0 {
		return 0, &Error{int(code), fmt.Sprintf("not published: code %d", code)}
	}
	return uint64(sequence), nil
}

// Close closes the channel.
func (p *Publisher) Close() {
	C.seqcast_publisher_close(p.handle)
	p.handle = nil
}

// Received is what comes with a message.
type Received struct {
	Size     int
	Sequence uint64
	Lost     uint64
}

// Subscriber receives messages.
type Subscriber struct{ handle *C.seqcast_subscriber }

// OpenSubscriber begins with what is still there; it waits for the channel.
func OpenSubscriber(name string, timeout time.Duration) (*Subscriber, error) {
	p := newPlace(name)
	defer p.free()
	options := C.seqcast_subscriber_options{struct_size: C.sizeof_seqcast_subscriber_options}
	options.start = C.SEQCAST_START_OLDEST
	options.open_timeout_ns = C.int64_t(timeout.Nanoseconds())
	subscriber := &Subscriber{}
	if code := C.seqcast_subscriber_open(C.SEQCAST_VERSION, p.where, &options, &subscriber.handle, p.error); code != 0 {
		return nil, p.failure(code)
	}
	return subscriber, nil
}

// Next waits for the next message, which goes into buffer. After Overrun call again.
func (s *Subscriber) Next(buffer []byte) (Received, error) {
	message := C.seqcast_message{struct_size: C.sizeof_seqcast_message}
	code := C.seqcast_next_for(s.handle, C.SEQCAST_FOREVER, nil, &message)
	if code != 0 {
		return Received{}, &Error{int(code), fmt.Sprintf("no message: code %d", code)}
	}
	copy(buffer, unsafe.Slice((*byte)(message.data), message.size))
	return Received{int(message.size), uint64(message.sequence), uint64(message.lost)}, nil
}

// Close ends the subscription.
func (s *Subscriber) Close() {
	C.seqcast_subscriber_close(s.handle)
	s.handle = nil
}
