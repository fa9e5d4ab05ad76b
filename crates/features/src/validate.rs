//! Whether a configuration can work, before anything is built from it.

use crate::config::{FrontEndConfig, Kind, MelConfig, Output, Quietest, Window};
use crate::error::{Error, Result};

impl FrontEndConfig {
    /// Half the sample rate, in Hz.
    pub fn nyquist_hz(&self) -> f64 {
        f64::from(self.sample_rate_hz) / 2.0
    }

    /// Whether a front end can be built from this; the first field that is wrong is named.
    ///
    /// Bands without a bin are found while the bands are built, by [`FrontEnd::new`](crate::FrontEnd::new).
    pub fn validate(&self) -> Result<()> {
        check("sample_rate_hz", self.sample_rate_hz > 0, "at least 1", self.sample_rate_hz)?;
        let even = self.n_fft >= 2 && self.n_fft.is_multiple_of(2);
        check("n_fft", even && self.n_fft <= MAX_N_FFT, format!("an even number from 2 to {MAX_N_FFT}"), self.n_fft)?;
        check("hop", self.hop > 0, "at least 1", self.hop)?;
        // Below, a window is all zeros.
        let shortest = if self.window == Window::SymmetricHann { 3 } else { 2 };
        let fits = (shortest..=self.n_fft).contains(&self.frame_len());
        check("n_window", fits, format!("{shortest} to n_fft = {}", self.n_fft), self.frame_len())?;
        let share = (0.0..=1.0).contains(&self.pre_emphasis);
        check("pre_emphasis", share, "a number from 0 to 1", self.pre_emphasis)?;
        match &self.kind {
            Kind::Waveform => Ok(()),
            Kind::LogMel(log_mel) => {
                self.validate_mel(&log_mel.mel)?;
                validate_output(log_mel.output)
            }
            Kind::Pcen(pcen) => {
                self.validate_mel(&pcen.mel)?;
                check("pcen.input_scale", positive(pcen.input_scale), POSITIVE, pcen.input_scale)?;
                check("pcen.gain", not_negative(pcen.gain), NOT_NEGATIVE, pcen.gain)?;
                check("pcen.bias", not_negative(pcen.bias), NOT_NEGATIVE, pcen.bias)?;
                check("pcen.power", not_negative(pcen.power), NOT_NEGATIVE, pcen.power)?;
                check("pcen.time_constant_s", positive(pcen.time_constant_s), POSITIVE, pcen.time_constant_s)?;
                check("pcen.eps", positive(pcen.eps), POSITIVE, pcen.eps)
            }
            Kind::Stft(stft) => {
                self.validate_range("f_min_hz", "f_max_hz", stft.f_min_hz, stft.f_max_hz)?;
                validate_output(stft.output)
            }
            Kind::Mfcc(mfcc) => {
                self.validate_mel(&mfcc.mel)?;
                let n_mels = mfcc.mel.n_mels;
                let fits = (1..=n_mels).contains(&mfcc.n_mfcc);
                check("n_mfcc", fits, format!("1 to mel.n_mels = {n_mels}"), mfcc.n_mfcc)?;
                validate_output(mfcc.output)
            }
        }
    }

    fn validate_mel(&self, mel: &MelConfig) -> Result<()> {
        let n_bins = self.n_fft / 2 + 1;
        let fits = (1..=n_bins).contains(&mel.n_mels);
        check("mel.n_mels", fits, format!("1 to the {n_bins} bins of n_fft = {}", self.n_fft), mel.n_mels)?;
        self.validate_range("mel.f_min_hz", "mel.f_max_hz", mel.f_min_hz, mel.f_max_hz)
    }

    fn validate_range(&self, f_min: &'static str, f_max: &'static str, low: f64, high: Option<f64>) -> Result<()> {
        check(f_min, not_negative(low), NOT_NEGATIVE, low)?;
        let nyquist = self.nyquist_hz();
        let top = high.unwrap_or(nyquist);
        let expected = format!("at most {nyquist} Hz, half of sample_rate_hz = {}", self.sample_rate_hz);
        check(f_max, top <= nyquist, expected, top)?;
        check(f_max, top > low, format!("more than {f_min} = {low} Hz"), top)
    }
}

/// The largest transform: two minutes at 8 kHz, and squares of sums of accepted samples stay finite in f32.
const MAX_N_FFT: usize = 1 << 20;
const POSITIVE: &str = "a number above 0";
/// Of an f32: what a logarithm is of.
const NORMAL: &str = "a number of at least 1.2e-38";
const NOT_NEGATIVE: &str = "a number of at least 0";

fn positive(x: f64) -> bool {
    x.is_finite() && x > 0.0
}

fn not_negative(x: f64) -> bool {
    x.is_finite() && x >= 0.0
}

fn validate_output(output: Output) -> Result<()> {
    match output {
        Output::Db { top_db: Some(top_db), .. } => {
            check("output.top_db", not_negative(f64::from(top_db)), NOT_NEGATIVE, top_db)
        }
        Output::Ln(Quietest::Offset(offset)) => {
            check("output.ln.offset", offset.is_normal() && offset > 0.0, NORMAL, offset)
        }
        Output::Ln(Quietest::Floor(floor)) => check("output.ln.floor", floor.is_normal() && floor > 0.0, NORMAL, floor),
        _ => Ok(()),
    }
}

fn check(field: &'static str, holds: bool, expected: impl Into<String>, got: impl ToString) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::Config { field, expected: expected.into(), got: got.to_string() }) }
}
