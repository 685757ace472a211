// SPDX-License-Identifier: BSL-1.0
//
// The README's publisher, in Go.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log"

	"consumer/seqcast"
)

type quote struct{ Bid, Ask float64 }

func main() {
	quotes, err := seqcast.OpenPublisher("quotes", 16, 8)
	if err != nil {
		log.Fatal(err)
	}
	defer quotes.Close()
	for {
		var price float64
		if _, err := fmt.Scan(&price); err != nil {
			return
		}
		var message bytes.Buffer
		binary.Write(&message, binary.LittleEndian, quote{price - 0.5, price + 0.5})
		if _, err := quotes.Publish(message.Bytes()); err != nil {
			log.Print(err)
		}
	}
}
