//! What stands on a stream: four bytes of length, little endian, as many bytes, and the end.
//!
//! The reader refuses a length above its limit before it allocates, and takes memory only as
//! bytes really come.

use auction::wire::{self, WireError};
use quinn::{ReadError, RecvStream, SendStream, StoppedError, WriteError};
use serde::Serialize;

use crate::counters::Traffic;

/// Why a peer's frame was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The announced length is above the limit.
    #[error("frame too long: got {announced} bytes announced, expected at most {limit}")]
    TooLong {
        /// What the peer announced.
        announced: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The stream ended early.
    #[error("frame cut short: got {got} bytes, expected {expected}")]
    Truncated {
        /// Bytes received, length included.
        got: usize,
        /// Bytes expected, length included.
        expected: usize,
    },
    /// The stream goes on after the frame.
    #[error("bytes after the frame: got more than the {announced} bytes announced")]
    Trailing {
        /// What the peer announced.
        announced: usize,
    },
}

/// The frame of `value`, whose encoding may have `limit` bytes.
pub(crate) fn seal<T: Serialize>(value: &T, limit: usize) -> Result<Vec<u8>, WireError> {
    let body = wire::encode(value)?;
    let too_long = WireError::TooLong { got: body.len(), limit };
    if body.len() > limit {
        return Err(too_long);
    }
    let length = u32::try_from(body.len()).map_err(|_| too_long)?;
    Ok([&length.to_le_bytes(), body.as_slice()].concat())
}

/// Writes a whole frame, without the end of the stream.
///
/// That the peer stops the stream is listened for beside: a write that waits for room in the
/// connection is not told, and since of a stopped stream nothing is read, it would wait for ever.
pub(crate) async fn write(stream: &mut SendStream, frame: &[u8]) -> Result<(), WriteError> {
    let stopped = stream.stopped();
    tokio::select! {
        biased;
        written = stream.write_all(frame) => written,
        stopped = stopped => Err(match stopped {
            Ok(Some(code)) => WriteError::Stopped(code),
            // Everything was written and acknowledged, or reset on this side.
            Ok(None) => WriteError::ClosedStream,
            Err(StoppedError::ConnectionLost(error)) => WriteError::ConnectionLost(error),
            Err(StoppedError::ZeroRttRejected) => WriteError::ZeroRttRejected,
        }),
    }
}

/// Why no frame could be read.
#[derive(Debug)]
pub(crate) enum ReadFault {
    /// The frame is bad.
    Frame(FrameError),
    /// The stream or its connection ended otherwise than at the end of a frame.
    Stream(ReadError),
    /// There is no room for it now.
    NoRoom,
}

/// Reads the body of the one frame on `stream`, at most `limit` bytes. As soon as its length is
/// known `room` is asked for room, and what it gives comes with the body.
pub(crate) async fn read<R>(
    stream: &mut RecvStream,
    limit: usize,
    traffic: &Traffic,
    room: impl Fn(usize) -> Option<R>,
) -> Result<(Vec<u8>, Option<R>), ReadFault> {
    let mut assembler = Assembler::new(limit);
    let mut taken = None;
    while let Some(chunk) = stream.read_chunk(CHUNK_BYTES, true).await.map_err(ReadFault::Stream)? {
        traffic.add_received(chunk.bytes.len());
        assembler.push(&chunk.bytes).map_err(ReadFault::Frame)?;
        if let Some(announced) = assembler.announced.filter(|_| taken.is_none()) {
            taken = Some(room(announced).ok_or(ReadFault::NoRoom)?);
        }
    }
    Ok((assembler.finish().map_err(ReadFault::Frame)?, taken))
}

const HEADER_BYTES: usize = 4;
const CHUNK_BYTES: usize = 64 << 10;

/// The frame so far.
struct Assembler {
    limit: usize,
    header: Vec<u8>,
    announced: Option<usize>,
    body: Vec<u8>,
}

impl Assembler {
    fn new(limit: usize) -> Self {
        Self { limit, header: Vec::with_capacity(HEADER_BYTES), announced: None, body: Vec::new() }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), FrameError> {
        let missing = (HEADER_BYTES - self.header.len()).min(chunk.len());
        let (header, body) = chunk.split_at(missing);
        self.header.extend_from_slice(header);
        let Ok(length) = <[u8; HEADER_BYTES]>::try_from(self.header.as_slice()) else {
            return Ok(());
        };
        // A length that does not fit the address space is above any limit.
        let announced = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if announced > self.limit {
            return Err(FrameError::TooLong { announced, limit: self.limit });
        }
        self.announced = Some(announced);
        if body.len() > announced - self.body.len() {
            return Err(FrameError::Trailing { announced });
        }
        self.body.extend_from_slice(body);
        Ok(())
    }

    fn finish(self) -> Result<Vec<u8>, FrameError> {
        let got = self.header.len() + self.body.len();
        let expected = HEADER_BYTES + self.announced.unwrap_or(0);
        if got < expected {
            return Err(FrameError::Truncated { got, expected });
        }
        Ok(self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble<'a>(
        limit: usize,
        chunks: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<u8>, FrameError> {
        let mut assembler = Assembler::new(limit);
        for chunk in chunks {
            assembler.push(chunk)?;
        }
        assembler.finish()
    }

    #[test]
    fn a_frame_survives_every_cutting() {
        let value = vec![7u8; 90];
        let frame = seal(&value, 98).unwrap();
        for size in 1..=frame.len() {
            let body = assemble(98, frame.chunks(size)).unwrap();
            assert_eq!(wire::decode::<Vec<u8>>(&body, 98).unwrap(), value);
        }
        assert_eq!(assemble(0, [[0; 4].as_slice()]), Ok(vec![]));
    }

    #[test]
    fn an_announced_length_allocates_nothing() {
        let mut assembler = Assembler::new(1 << 30);
        assembler.push(&(1u32 << 30).to_le_bytes()).unwrap();
        assembler.push(&[0; 100]).unwrap();
        assert!(assembler.body.capacity() <= 200);

        let mut assembler = Assembler::new(1000);
        let refused = FrameError::TooLong { announced: 1001, limit: 1000 };
        assert_eq!(assembler.push(&1001u32.to_le_bytes()), Err(refused));
        assert_eq!(assembler.body.capacity(), 0);
    }

    #[test]
    fn short_and_trailing_frames_are_refused() {
        let frame = seal(&[1u8, 2, 3], 3).unwrap();
        for end in 0..frame.len() {
            let expected = if end < HEADER_BYTES { HEADER_BYTES } else { frame.len() };
            let refused = FrameError::Truncated { got: end, expected };
            assert_eq!(assemble(3, [&frame[..end]]), Err(refused));
        }
        let refused = FrameError::Trailing { announced: 3 };
        assert_eq!(assemble(3, [frame.as_slice(), &[0]]), Err(refused));
    }

    #[test]
    fn too_long_a_value_is_not_sealed() {
        assert!(seal(&[0u8; 5], 5).is_ok());
        assert_eq!(seal(&[0u8; 5], 4), Err(WireError::TooLong { got: 5, limit: 4 }));
    }
}
