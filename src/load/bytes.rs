//! The bytes of a text: held, or mapped.
//!
//! A large file is not copied: its bytes are the page cache's own, mapped into memory. That halves the time it takes to
//! read a dump, and memory that the system can take back at any time is no memory podreach needs.

use std::fs::File;
use std::ops::Deref;

use memmap2::Mmap;

/// Files smaller than this are copied: setting up a mapping costs more than that.
const SMALLEST_MAPPED: u64 = 1 << 20;

/// The bytes of a text.
#[derive(Debug)]
pub struct Bytes(Place);

#[derive(Debug)]
enum Place {
    Held(Vec<u8>),
    Mapped(Mmap),
}

impl Bytes {
    /// Maps a file; `None` if it is to be read instead: it is small, or no regular file, or cannot be mapped.
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
