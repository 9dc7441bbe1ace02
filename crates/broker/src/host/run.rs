//! Messages that are published one after the other and routed alike, in one batch: what a batch costs to make, to
//! check, to route, to write and to sort is paid once for all of them.

use bytes::BytesMut;
use forebay_record::{BatchBuilder, Error as RecordError, RecordHeader, Records};

use super::Publication;
use crate::limits::{RUN_BYTES_MAX, RUN_MESSAGES_MAX};

/// The sizes of the bodies of a [`Publication`]'s messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodySizes {
    first: u32,
    following: Vec<u32>,
}

impl BodySizes {
    /// Of one message; a body is never as large as this can say.
    pub fn of(body: &[u8]) -> Self {
        Self {
            first: size_of(body),
            following: Vec::new(),
        }
    }

    /// How many messages there are: one at least.
    pub fn count(&self) -> usize {
        1 + self.following.len()
    }

    /// Of all together.
    pub fn total(&self) -> u64 {
        self.each().map(u64::from).sum()
    }

    fn each(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.first).chain(self.following.iter().copied())
    }

    /// How many messages in a row have which size.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (u64, u32)> {
        let mut each = self.each().peekable();
        std::iter::from_fn(move || {
            let size = each.next()?;
            let mut count = 1;
            while each.next_if_eq(&size).is_some() {
                count += 1;
            }
            Some((count, size))
        })
    }
}

fn size_of(body: &[u8]) -> u32 {
    u32::try_from(body.len()).unwrap_or(u32::MAX)
}

/// Messages that gather for one [`Publication`].
#[derive(Debug)]
pub struct Run {
    builder: BatchBuilder,
    bodies: BodySizes,
}

impl Run {
    /// Begins with a message. `record_bytes` is what its record will take, about.
    ///
    /// # Errors
    /// If it is too large.
    pub fn begin(
        record_bytes: usize,
        timestamp_ms: i64,
        body: &[u8],
        headers: &[RecordHeader<'_>],
    ) -> Result<Self, RecordError> {
        let mut builder = BatchBuilder::with_capacity(record_bytes);
        builder.add(timestamp_ms.max(0), None, Some(body), headers)?;
        Ok(Self {
            builder,
            bodies: BodySizes::of(body),
        })
    }

    /// Whether another body should be added. Who wants one message of a batch reads all those before it, so a run
    /// is no longer than that costs little.
    pub fn has_room(&self, body: &[u8]) -> bool {
        self.bodies.count() < RUN_MESSAGES_MAX
            && self.builder.estimated_bytes().saturating_add(body.len()) <= RUN_BYTES_MAX
    }

    /// Adds a message. Returns what its record takes.
    ///
    /// # Errors
    /// If it is too large. The run is as before then.
    pub fn add(
        &mut self,
        timestamp_ms: i64,
        body: &[u8],
        headers: &[RecordHeader<'_>],
    ) -> Result<usize, RecordError> {
        let before = self.bytes();
        self.builder
            .add(timestamp_ms.max(0), None, Some(body), headers)?;
        self.bodies.following.push(size_of(body));
        Ok(self.bytes() - before)
    }

    /// Bytes of the batch so far.
    pub fn bytes(&self) -> usize {
        self.builder.estimated_bytes()
    }

    /// The batch, and what the bodies in it take.
    pub fn finish(self) -> (BytesMut, BodySizes) {
        // Records that were taken make a batch; if they should not, it is refused as one that is malformed.
        let batch = self.builder.build().unwrap_or_default().try_into_mut();
        let batch = batch.unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        (batch, self.bodies)
    }
}

impl Publication {
    /// How many messages it is.
    pub fn count(&self) -> usize {
        self.bodies.count()
    }

    /// The same messages, each for itself.
    pub(crate) fn apart(&self) -> Result<Vec<Self>, RecordError> {
        let batch = forebay_record::Batch::only(&self.batch)?;
        let mut all = Vec::with_capacity(self.count());
        for record in Records::new(batch.payload(), self.count()) {
            let record = record?;
            let headers: Vec<_> = record.headers.flatten().collect();
            let at_ms = batch.header().timestamp_of(&record);
            let mut builder = BatchBuilder::new();
            builder.add(at_ms, record.key, record.value, &headers)?;
            all.push(Self {
                envelope: self.envelope.clone(),
                batch: BytesMut::from(&builder.build()?[..]),
                bodies: BodySizes::of(record.value.unwrap_or_default()),
                ..*self
            });
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Envelope, Queueing, unchanged};

    fn run(bodies: &[&str]) -> Publication {
        let header = [RecordHeader::new("n", b"1")];
        let mut bodies = bodies.iter().map(|body| body.as_bytes());
        let first = bodies.next().unwrap();
        let mut run = Run::begin(0, 1_000, first, &header).unwrap();
        for (at, body) in bodies.enumerate() {
            run.add(1_001 + at as i64, body, &header).unwrap();
        }
        let (batch, bodies) = run.finish();
        Publication {
            envelope: Envelope::default(),
            batch,
            bodies,
            priority: 3,
            ttl_ms: Some(5),
            for_topics: unchanged,
            queueing: Queueing::default(),
        }
    }

    #[test]
    fn sizes_are_told_in_runs() {
        let sizes = run(&["a", "b", "", "", "ccc", "d"]).bodies;
        assert_eq!((sizes.count(), sizes.total()), (6, 6));
        let runs: Vec<_> = sizes.runs().collect();
        assert_eq!(runs, [(2, 1), (2, 0), (1, 3), (1, 1)]);
    }

    #[test]
    fn each_for_itself_is_what_it_would_have_been_alone() {
        let all = run(&["a", "bb", ""]);
        assert_eq!(all.count(), 3);
        let apart = all.apart().unwrap();
        assert_eq!(apart.len(), 3);
        for (at, (one, body)) in apart.iter().zip(["a", "bb", ""]).enumerate() {
            let header = [RecordHeader::new("n", b"1")];
            let alone = Run::begin(0, 1_000 + at as i64, body.as_bytes(), &header);
            let (batch, bodies) = alone.unwrap().finish();
            assert_eq!((&one.batch, &one.bodies), (&batch, &bodies));
            assert_eq!((one.priority, one.ttl_ms), (3, Some(5)));
        }
    }

    #[test]
    fn a_run_ends_when_it_is_long_in_bytes_or_in_messages() {
        let mut run = Run::begin(0, 0, b"x", &[]).unwrap();
        assert!(!run.has_room(&vec![0; RUN_BYTES_MAX]));
        while run.has_room(b"x") {
            run.add(0, b"x", &[]).unwrap();
        }
        assert_eq!(run.finish().1.count(), RUN_MESSAGES_MAX);
    }
}
