//! The packets of one track. Of an MPEG stream that goes on behind the number of frames in its header, they keep the
//! sound that the header would cut off.

use std::collections::VecDeque;

use symphonia::core::errors::Error as Failure;
use symphonia::core::formats::FormatReader;
use symphonia::core::packet::Packet;
use symphonia::core::units::Duration;

/// A reader of a container.
pub(crate) type Reader<'a> = Box<dyn FormatReader + 'a>;

/// Packets that an encoder's padding reaches over, at most: its tag has 12 bits for the samples, a packet has 576 or more.
const PADDED_PACKETS: usize = 8;

/// Packets in order, a few of them read ahead.
pub(crate) struct Packets<'a> {
    reader: Reader<'a>,
    track_id: u32,
    /// Whether a number of frames in the header is checked against the packets.
    checks_end: bool,
    ahead: VecDeque<Packet>,
    /// What the reader gave in place of one more packet.
    end: Option<std::result::Result<(), Failure>>,
    goes_on: bool,
}

impl<'a> Packets<'a> {
    pub(crate) fn new(reader: Reader<'a>, track_id: u32, checks_end: bool) -> Self {
        Packets { reader, track_id, checks_end, ahead: VecDeque::new(), end: None, goes_on: false }
    }

    /// Whether the stream has more than its header counts.
    pub(crate) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// The next packet of the track.
    pub(crate) fn next(&mut self) -> std::result::Result<Option<Packet>, Failure> {
        let n_ahead = if self.checks_end { PADDED_PACKETS } else { 0 };
        while self.end.is_none() && self.ahead.len() <= n_ahead {
            match self.reader.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track_id => self.ahead.push_back(packet),
                Ok(Some(_)) => {}
                Ok(None) => self.end = Some(Ok(())),
                Err(failure) => self.end = Some(Err(failure)),
            }
        }
        let Some(mut packet) = self.ahead.pop_front() else {
            return match self.end.take().unwrap_or(Ok(())) {
                Ok(()) => Ok(None),
                Err(failure) => Err(failure),
            };
        };
        // Padding is in the last packets only: where earlier ones lose samples, the header counts too few.
        let is_early = self.goes_on || self.ahead.len() >= PADDED_PACKETS;
        if self.checks_end && is_early && packet.trim_end.get() > 0 {
            self.goes_on = true;
            packet.dur = packet.dur.saturating_add(packet.trim_end);
            packet.trim_end = Duration::ZERO;
        }
        Ok(Some(packet))
    }
}
