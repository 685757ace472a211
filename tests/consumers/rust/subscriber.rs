// SPDX-License-Identifier: BSL-1.0
//
// The README's subscriber, in Rust.
mod seqcast;
use seqcast::{Quote, Subscriber, CLOSED, OVERRUN};
use std::time::Duration;

fn main() {
    let quotes = Subscriber::<Quote>::open("quotes", Duration::from_secs(60));
    let mut quotes = quotes.unwrap_or_else(|error| panic!("{}", error.text));
    loop {
        match quotes.next() {
            Ok(quote) => println!("bid {}, {} lost", quote.message.bid, quote.lost),
            Err(error) if error.code == OVERRUN => continue,
            Err(error) if error.code == CLOSED => return,
            Err(error) => panic!("code {}", error.code),
        }
    }
}
