//! The canonical record and record batch: codecs, checksums, compression. No IO.
