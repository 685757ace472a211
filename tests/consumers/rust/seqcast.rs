// SPDX-License-Identifier: BSL-1.0
//
// seqcast: a safe wrapper of what the two programs here use of seqcast.h. Values of a type are messages; a
// Publisher or a Subscriber may move to another thread, and is used by one at a time: Send, and not Sync.
#![allow(dead_code)]

use std::{ffi::c_void, mem::size_of, os::raw::c_int, ptr};

mod c {
    use super::*;

    #[repr(C)]
    pub struct Text {
        pub data: *const u8,
        pub size: usize,
    }
    #[repr(C)]
    pub struct Location {
        pub kind: u32,
        pub reserved: u32,
        pub name: Text,
    }
    #[repr(C)]
    pub struct Error {
        pub struct_size: usize,
        pub text: *mut u8,
        pub text_capacity: usize,
        pub text_size: usize,
    }
    // Options that are left out here are not there: the library takes a shorter struct.
    #[repr(C)]
    pub struct PublisherOptions {
        pub struct_size: usize,
        pub capacity: u64,
        pub max_message_size: u32,
        pub message_alignment: u32,
        pub schema: Text,
        pub timestamps: u32,
        pub copy_behind: u32,
        pub wakeup: u32,
        pub bell_mode: u32,
        pub mode: u32,
        pub lock_memory: u32,
        pub replace: u32,
        pub remove_on_close: u32,
    }
    #[repr(C)]
    pub struct SubscriberOptions {
        pub struct_size: usize,
        pub start: u32,
        pub resume: u32,
        pub strategy: u32,
        pub follow: u32,
        pub open_timeout_ns: i64,
    }
    #[repr(C)]
    pub struct Message {
        pub struct_size: usize,
        pub data: *const c_void,
        pub size: usize,
        pub sequence: u64,
        pub lost: u64,
        pub published_at_ns: u64,
    }

    extern "C" {
        pub fn seqcast_publisher_open(
            version: u32, at: *const Location, options: *const PublisherOptions, opened: *mut *mut c_void,
            error: *mut Error,
        ) -> c_int;
        pub fn seqcast_publisher_close(publisher: *mut c_void);
        pub fn seqcast_publish(publisher: *mut c_void, data: *const c_void, size: usize, sequence: *mut u64) -> c_int;
        pub fn seqcast_subscriber_open(
            version: u32, at: *const Location, options: *const SubscriberOptions, opened: *mut *mut c_void,
            error: *mut Error,
        ) -> c_int;
        pub fn seqcast_subscriber_close(subscriber: *mut c_void);
        pub fn seqcast_next_for_into(
            subscriber: *mut c_void, buffer: *mut c_void, capacity: usize, timeout_ns: i64, stop: *const c_void,
            message: *mut Message,
        ) -> c_int;
    }
}

const VERSION: u32 = 1000; // SEQCAST_VERSION of the header that the declarations above were taken from
pub const CLOSED: i32 = 103;
pub const OVERRUN: i32 = 16;

/// Types whose values are bytes that mean the same in another process.
///
/// # Safety
/// `repr(C)` without padding, without pointers, and every pattern of bits is a value.
pub unsafe trait Message: Copy + Default {}

/// A code of seqcast.h, and its explanation, which is empty for what is no failure of opening.
#[derive(Debug)]
pub struct Error {
    pub code: i32,
    pub text: String,
}

fn open<F: FnOnce(*const c::Location, *mut *mut c_void, *mut c::Error) -> c_int>(
    name: &str, call: F,
) -> Result<*mut c_void, Error> {
    let at = c::Location { kind: 2, reserved: 0, name: c::Text { data: name.as_ptr(), size: name.len() } };
    let mut text = vec![0u8; 4096];
    let mut error =
        c::Error { struct_size: size_of::<c::Error>(), text: text.as_mut_ptr(), text_capacity: 4096, text_size: 0 };
    let mut opened = ptr::null_mut();
    match call(&at, &mut opened, &mut error) {
        0 => Ok(opened),
        code => {
            text.truncate(error.text_size.min(4095));
            Err(Error { code, text: String::from_utf8_lossy(&text).into_owned() })
        }
    }
}

/// Publishes values of type T, which a C++ `Subscriber<T>` of the same layout receives.
pub struct Publisher<T: Message> {
    handle: *mut c_void,
    message: std::marker::PhantomData<T>,
}
// The library allows another thread to use a handle after a handover.
unsafe impl<T: Message> Send for Publisher<T> {}

impl<T: Message> Publisher<T> {
    /// Publishes into shared memory, and removes the channel at the end.
    pub fn open(name: &str) -> Result<Self, Error> {
        let options = c::PublisherOptions {
            struct_size: size_of::<c::PublisherOptions>(),
            max_message_size: size_of::<T>() as u32,
            message_alignment: std::mem::align_of::<T>() as u32,
            remove_on_close: 1,
            ..unsafe { std::mem::zeroed() }
        };
        let handle = open(name, |at, to, error| unsafe { c::seqcast_publisher_open(VERSION, at, &options, to, error) })?;
        Ok(Publisher { handle, message: std::marker::PhantomData })
    }
    /// Publishes one message and gives its sequence.
    pub fn publish(&mut self, message: &T) -> u64 {
        let (mut sequence, data) = (0, message as *const T as *const c_void);
        let code = unsafe { c::seqcast_publish(self.handle, data, size_of::<T>(), &mut sequence) };
        assert_eq!(code, 0); // it has the right size
        sequence
    }
}
impl<T: Message> Drop for Publisher<T> {
    fn drop(&mut self) {
        unsafe { c::seqcast_publisher_close(self.handle) }
    }
}

/// A message, and how many were lost before it.
pub struct Received<T> {
    pub message: T,
    pub sequence: u64,
    pub lost: u64,
}

/// Receives values of type T.
pub struct Subscriber<T: Message> {
    handle: *mut c_void,
    message: std::marker::PhantomData<T>,
}
unsafe impl<T: Message> Send for Subscriber<T> {}

impl<T: Message> Subscriber<T> {
    /// Begins with what is still there; waits for the channel.
    pub fn open(name: &str, open_timeout: std::time::Duration) -> Result<Self, Error> {
        let options = c::SubscriberOptions {
            struct_size: size_of::<c::SubscriberOptions>(),
            start: 1,
            open_timeout_ns: open_timeout.as_nanos().min(i64::MAX as u128) as i64,
            ..unsafe { std::mem::zeroed() }
        };
        let handle = open(name, |at, to, error| unsafe { c::seqcast_subscriber_open(VERSION, at, &options, to, error) })?;
        Ok(Subscriber { handle, message: std::marker::PhantomData })
    }
    /// Waits for the next message. The code says why there is none; after OVERRUN call again.
    pub fn next(&mut self) -> Result<Received<T>, Error> {
        let mut message = T::default();
        let mut received: c::Message = unsafe { std::mem::zeroed() };
        received.struct_size = size_of::<c::Message>();
        let to = &mut message as *mut T as *mut c_void;
        let code = unsafe {
            c::seqcast_next_for_into(self.handle, to, size_of::<T>(), -1, ptr::null(), &mut received)
        };
        let code = if code == 0 && received.size != size_of::<T>() { 18 } else { code }; // SEQCAST_WRONG_SIZE
        match code {
            0 => Ok(Received { message, sequence: received.sequence, lost: received.lost }),
            code => Err(Error { code, text: String::new() }),
        }
    }
}
impl<T: Message> Drop for Subscriber<T> {
    fn drop(&mut self) {
        unsafe { c::seqcast_subscriber_close(self.handle) }
    }
}

/// What the README's two programs send.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Quote {
    pub bid: f64,
    pub ask: f64,
}
unsafe impl Message for Quote {}
