//! The bytes of a text: held, or mapped.
//!
//! A large file is not copied: its bytes are the page cache's own, mapped into memory. That halves the time it takes to
//! read a dump, and memory that the system can take back at any time is no memory podreach needs. The price is that a file
//! which is shortened while it is mapped takes the bytes away: see [`end_when_a_file_shrinks`].

use std::fs::File;
use std::ops::Deref;

use memmap2::Mmap;

/// Files smaller than this are copied, which costs little: docs/performance.md, "What reading shape A costs".
const SMALLEST_MAPPED: u64 = 16 << 20;

/// The bytes of a text.
#[derive(Debug)]
pub struct Bytes(Place);

#[derive(Debug)]
enum Place {
    Held(Vec<u8>),
    Mapped(Mmap),
}

impl Bytes {
    /// Maps a file; `None` if it is to be read instead: it is not large, or no regular file, or cannot be mapped.
    pub(super) fn map(file: &File) -> Option<Self> {
        let metadata = file.metadata().ok()?;
        (metadata.is_file() && metadata.len() >= SMALLEST_MAPPED)
            .then(|| map(file))?
            .map(Place::Mapped)
            .map(Self)
    }
}

#[expect(
    unsafe_code,
    reason = "nothing can keep another process from changing a mapped file. Manifests are written by tools that have \
              finished, or that replace the file; where one is shortened while it is read the process ends, and where \
              one is rewritten in place any reader would see a mixture"
)]
fn map(file: &File) -> Option<Mmap> {
    // SAFETY: sound as long as nobody changes the file while it is mapped; see the reason above.
    unsafe { Mmap::map(file) }.ok()
}

/// From now on the process ends with an exit status of 2 and a message, and not by a signal, when a large file is shortened
/// while it is read. For programs that have nothing to clean up: signals belong to a process, so the library does not ask
/// for them on its own.
#[cfg(unix)]
#[expect(
    unsafe_code,
    reason = "the system says that a mapping has lost its file by a signal, and takes what to do about it from C only"
)]
pub fn end_when_a_file_shrinks() {
    extern "C" fn end(_: libc::c_int) {
        const MESSAGE: &[u8] = b"error: a file was shortened while it was read\n";
        // SAFETY: `write` and `_exit` may be called in a signal handler, and the message is a constant.
        unsafe {
            libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len());
            libc::_exit(2);
        }
    }
    // SAFETY: the handler has the signature that is asked for, and does nothing that handlers may not do.
    unsafe { libc::signal(libc::SIGBUS, end as extern "C" fn(libc::c_int) as libc::sighandler_t) };
}

/// See the other one: only Unix sends such signals.
#[cfg(not(unix))]
pub const fn end_when_a_file_shrinks() {}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Place::Held(bytes))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Place::Held(bytes) => bytes,
            Place::Mapped(bytes) => bytes,
        }
    }
}
