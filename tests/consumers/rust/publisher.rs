// SPDX-License-Identifier: BSL-1.0
//
// The README's publisher, in Rust.
mod seqcast;
use seqcast::{Publisher, Quote};
use std::io::BufRead;

fn main() {
    let mut quotes = Publisher::open("quotes").unwrap_or_else(|error| panic!("{}", error.text));
    for line in std::io::stdin().lock().lines() {
        let price: f64 = line.unwrap().trim().parse().unwrap();
        quotes.publish(&Quote { bid: price - 0.5, ask: price + 0.5 });
    }
}
