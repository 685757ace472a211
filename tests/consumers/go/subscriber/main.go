// SPDX-License-Identifier: BSL-1.0
//
// The README's subscriber, in Go.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"time"

	"consumer/seqcast"
)

type quote struct{ Bid, Ask float64 }

func main() {
	quotes, err := seqcast.OpenSubscriber("quotes", time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	defer quotes.Close()
	buffer := make([]byte, 16)
	for {
		received, err := quotes.Next(buffer)
		var failure *seqcast.Error
		if errors.As(err, &failure) {
			if failure.Code == seqcast.Overrun {
				continue
			}
			if failure.Code != seqcast.Closed {
				log.Print(failure)
			}
			return
		}
		var message quote
		if received.Size != len(buffer) || binary.Read(bytes.NewReader(buffer), binary.LittleEndian, &message) != nil {
			log.Fatal("a message of another size")
		}
		fmt.Printf("bid %v, %d lost\n", message.Bid, received.Lost)
	}
}
