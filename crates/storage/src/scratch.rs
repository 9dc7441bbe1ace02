//! Room on disk for what memory is not to be spent on: pages of state that is needed much later, such as messages that
//! are due in days.
//!
//! Nothing in it outlives the process, and nothing needs to: a start has the state of snapshot and journal. So nothing is
//! synced, and the file's name goes as soon as it is made.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::checksum::crc32c;
use crate::error::{Result, StorageError};
use crate::media::{Medium, SCRATCH_NAME, ScratchFile};

/// What room is given out in. A page takes a whole number of units.
const UNIT_BYTES: usize = 512;
/// The largest page, in units.
const PAGE_UNITS_MAX: usize = 8;

/// The scratch file of a shard. There is none on the medium before the first page.
pub struct Scratch {
    medium: Arc<dyn Medium>,
    room: Mutex<Room>,
    /// Whether the medium refused the last page: said once, not for every page.
    is_refused: AtomicBool,
    /// The first page that could not be read back.
    lost: Mutex<Option<StorageError>>,
}

#[derive(Default)]
struct Room {
    file: Option<Arc<dyn ScratchFile>>,
    /// Where the file ends, in units.
    end: u32,
    pages: usize,
    /// Where there is room, by how many units are free there, less one. Pages are of few sizes: pieces are not joined.
    free: [Vec<u32>; PAGE_UNITS_MAX],
}

/// A page in the scratch file. Its room is free again when nobody has it any more.
pub struct ScratchPage {
    scratch: Arc<Scratch>,
    file: Arc<dyn ScratchFile>,
    unit: u32,
    length: u16,
    crc: u32,
}

impl Scratch {
    /// The most bytes of a page.
    pub const PAGE_BYTES_MAX: usize = PAGE_UNITS_MAX * UNIT_BYTES;

    /// Room on a medium.
    pub fn new(medium: Arc<dyn Medium>) -> Arc<Self> {
        Arc::new(Self {
            medium,
            room: Mutex::default(),
            is_refused: AtomicBool::new(false),
            lost: Mutex::default(),
        })
    }

    /// Writes a page out. None if it is larger than pages are or the medium does not take it: then it stays in memory.
    /// Blocks for as long as a write to the page cache takes.
    pub fn put(self: &Arc<Self>, bytes: &[u8]) -> Option<Arc<ScratchPage>> {
        if !(1..=Self::PAGE_BYTES_MAX).contains(&bytes.len()) {
            return None;
        }
        let written = self.write(bytes);
        let was_refused = self.is_refused.swap(written.is_err(), Ordering::Relaxed);
        if let Err(error) = &written
            && !was_refused
        {
            tracing::warn!(%error, "what could wait on disk stays in memory");
        }
        written.ok().map(Arc::new)
    }

    fn write(self: &Arc<Self>, bytes: &[u8]) -> Result<ScratchPage> {
        let units = bytes.len().div_ceil(UNIT_BYTES);
        let (file, unit) = self.room.lock().take(units, self.medium.as_ref())?;
        let page = ScratchPage {
            scratch: Arc::clone(self),
            file,
            unit,
            length: bytes.len() as u16,
            crc: crc32c(&[bytes]),
        };
        page.file.write_at(page.position(), bytes)?;
        Ok(page)
    }

    /// What is wrong if a page could not be read back: then what was built on it is not whole, and only another start
    /// makes it so.
    pub fn take_loss(&self) -> Option<StorageError> {
        self.lost.lock().take()
    }
}

impl Room {
    fn take(&mut self, units: usize, medium: &dyn Medium) -> Result<(Arc<dyn ScratchFile>, u32)> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(self.file.insert(medium.create_scratch_file()?)),
        };
        let unit = match self.free[units - 1].pop() {
            Some(unit) => unit,
            None => {
                let unit = self.end;
                let full = || {
                    StorageError::io("extend", SCRATCH_NAME)(std::io::ErrorKind::StorageFull.into())
                };
                self.end = unit.checked_add(units as u32).ok_or_else(full)?;
                unit
            }
        };
        self.pages += 1;
        Ok((file, unit))
    }

    fn give_back(&mut self, unit: u32, units: usize) {
        self.free[units - 1].push(unit);
        self.pages -= 1;
        if self.pages == 0 {
            // The file goes with its last reader, and its room with it.
            *self = Self::default();
        }
    }
}

impl ScratchPage {
    /// How many bytes it has.
    pub fn length(&self) -> usize {
        usize::from(self.length)
    }

    /// Its bytes. Blocks while they are read. None if they are lost, and the state that they are a part of with them:
    /// [`Scratch::take_loss`] says what happened.
    pub fn read(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; self.length()];
        let read = self.file.read_at(self.position(), &mut bytes);
        let read = read.and_then(|()| match crc32c(&[&bytes]) == self.crc {
            true => Ok(bytes),
            false => Err(self.lost()),
        });
        match read {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.scratch.lost.lock().get_or_insert(error);
                None
            }
        }
    }

    /// That its bytes are not there any more.
    pub(crate) fn lost(&self) -> StorageError {
        let what = "a page is not what was written";
        StorageError::corrupt(SCRATCH_NAME, self.position(), what)
    }

    fn position(&self) -> u64 {
        u64::from(self.unit) * UNIT_BYTES as u64
    }
}

impl Drop for ScratchPage {
    fn drop(&mut self) {
        let units = self.length().div_ceil(UNIT_BYTES);
        self.scratch.room.lock().give_back(self.unit, units);
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

impl fmt::Debug for ScratchPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ScratchPage({} bytes at {})",
            self.length,
            self.position()
        )
    }
}
