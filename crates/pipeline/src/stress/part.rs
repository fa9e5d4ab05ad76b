//! The part of a recording that a manifest's row names, while a condition changes it.

use super::Changed;
use super::sound;
use crate::error::Result;
use audio_io::{Decoded, Padding, Placement, Row, Windowing, frame_range, resample, windows};
use std::borrow::Cow;

/// A part of a recording, with all its channels.
pub(super) struct Part {
    decoded: Decoded,
    row: Row,
    start_s: f64,
}

impl Part {
    /// The part that a row names.
    ///
    /// # Errors
    /// A row that is not within the recording.
    pub(super) fn of(decoded: &Decoded, row: &Row) -> Result<Self> {
        let (first, last) = frame_range(decoded, row.start_s, row.end_s)?;
        let cut = Decoded {
            rate_hz: decoded.rate_hz,
            channels: decoded.channels.iter().map(|samples| samples[first..last].to_vec()).collect(),
            format: decoded.format.clone(),
            codec: decoded.codec.clone(),
            bits: decoded.bits,
            declared_frames: None,
            damage: decoded.damage.clone(),
            notes: decoded.notes.clone(),
            stopped: false,
        };
        let start_s = first as f64 / f64::from(decoded.rate_hz);
        Ok(Self { decoded: cut, row: Row { start_s: None, end_s: None, ..row.clone() }, start_s })
    }

    /// Brings all channels to a lower rate; a rate that is that low already stays.
    pub(super) fn resample(&mut self, to_hz: u32) -> Result<()> {
        let from_hz = self.decoded.rate_hz;
        if to_hz >= from_hz {
            return Ok(());
        }
        for samples in &mut self.decoded.channels {
            *samples = resample(samples, from_hz, to_hz)?;
        }
        self.decoded.rate_hz = to_hz;
        Ok(())
    }

    /// Changes each channel that the row is of, given its rate; lengths must stay.
    pub(super) fn for_each(&mut self, change: impl Fn(&mut Vec<f32>, u32)) {
        let (rate_hz, only) = (self.decoded.rate_hz, self.row.channel.map(usize::from));
        for (nth, samples) in self.decoded.channels.iter_mut().enumerate() {
            if only.is_none_or(|only| only == nth) {
                change(samples, rate_hz);
            }
        }
    }

    /// Adds pink noise, the same in all channels, so that the mix of the channels has the signal-to-noise ratio.
    pub(super) fn add_noise(&mut self, snr_db: f32, seed: u64) {
        let noise = sound::noise(&self.mix(), self.decoded.rate_hz, snr_db, seed);
        self.for_each(|samples, _| samples.iter_mut().zip(&noise).for_each(|(sample, noise)| *sample += noise));
    }

    /// Leaves the seconds in which the mix of the channels has the greatest energy.
    pub(super) fn cut_to_loudest(&mut self, seconds: f64) {
        let rate_hz = self.decoded.rate_hz;
        let windowing = Windowing { placement: Placement::Loudest, seconds, padding: Padding::Silence };
        let Some(window) = windows(&self.mix(), rate_hz, &windowing).into_iter().next() else { return };
        let first = (window.start_s * f64::from(rate_hz)).round() as usize;
        for samples in &mut self.decoded.channels {
            *samples = samples[first..first + window.n_real].to_vec();
        }
        self.start_s += window.start_s;
    }

    /// The channel that the row names, or the mean of all.
    fn mix(&self) -> Cow<'_, [f32]> {
        let channels = &self.decoded.channels;
        match (self.row.channel.and_then(|channel| channels.get(usize::from(channel))), channels.as_slice()) {
            (Some(only), _) => Cow::Borrowed(only),
            (None, [only]) => Cow::Borrowed(only),
            (None, all) => {
                let mean = |i: usize| all.iter().map(|samples| samples[i]).sum::<f32>() / all.len() as f32;
                (0..self.decoded.n_frames()).map(mean).collect()
            }
        }
    }

    pub(super) fn finish(self) -> Changed<'static> {
        Changed { decoded: Cow::Owned(self.decoded), row: self.row, start_s: self.start_s }
    }
}
