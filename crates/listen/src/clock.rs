//! When sound was: the clock of the machine, beside that of the sound card.

use audio_io::LocalTime;
use std::time::{SystemTime, UNIX_EPOCH};

/// How often the two clocks are compared, in milliseconds of sound.
const COMPARED_MS: u64 = 60_000;

/// Differences that are left alone, in milliseconds.
const LEFT_MS: i64 = 200;

/// The clock of a sound card is wrong by no more than this share; sound that comes faster is no recording of now.
const MOST_DRIFT: f64 = 1e-3;

/// Gives the time of each millisecond of sound.
///
/// The first sample is now. Later the clock of the machine counts: sound that was lost, or a sound card that is too slow or too
/// fast, must not make times wrong that are told a week later. What arrives late because the machine was busy says nothing; of each
/// minute the promptest block counts.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    began_ms: i64,
    utc_offset_min: i16,
    /// The least lateness of a block since the last comparison, in milliseconds.
    promptest_ms: i64,
    compared_ms: u64,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Clock {
    /// Sound begins now, in the time zone of this machine.
    pub(crate) fn start() -> Self {
        let utc_offset_min = chrono::Local::now().offset().local_minus_utc() / 60;
        Self::at(now_ms(), i16::try_from(utc_offset_min).unwrap_or(0))
    }

    fn at(began_ms: i64, utc_offset_min: i16) -> Self {
        Self { began_ms, utc_offset_min, promptest_ms: i64::MAX, compared_ms: 0 }
    }

    /// Sound up to `sound_ms` has arrived.
    pub(crate) fn arrived(&mut self, sound_ms: u64, now_ms: i64) {
        let expected_ms = self.began_ms.saturating_add_unsigned(sound_ms);
        self.promptest_ms = self.promptest_ms.min(now_ms.saturating_sub(expected_ms));
        if sound_ms - self.compared_ms < COMPARED_MS {
            return;
        }
        let late_ms = std::mem::replace(&mut self.promptest_ms, i64::MAX);
        self.compared_ms = sound_ms;
        let is_recorded_now = late_ms > -LEFT_MS - (sound_ms as f64 * MOST_DRIFT) as i64;
        if late_ms.abs() > LEFT_MS && is_recorded_now {
            self.began_ms += late_ms;
        }
    }

    /// The time of a millisecond of sound.
    pub(crate) fn time(&self, sound_ms: u64) -> LocalTime {
        local(self.began_ms.saturating_add_unsigned(sound_ms), self.utc_offset_min)
    }

    /// Now.
    pub(crate) fn now(&self) -> LocalTime {
        local(now_ms(), self.utc_offset_min)
    }
}

fn local(unix_ms: i64, utc_offset_min: i16) -> LocalTime {
    let local_ms = unix_ms.saturating_add(i64::from(utc_offset_min) * 60_000);
    let time = LocalTime::from_unix_s(0).plus_ms(u64::try_from(local_ms).unwrap_or(0));
    time.with_offset(utc_offset_min).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN_MS: i64 = 1_780_000_000_000;

    /// How wrong the clock is after `minutes` of sound in blocks of a tenth of a second, whose lateness is given, in milliseconds.
    fn after(minutes: u64, late_ms: impl Fn(u64) -> i64) -> i64 {
        let mut clock = Clock::at(BEGAN_MS, 0);
        let blocks = minutes * 600;
        for block in 1..=blocks {
            let sound_ms = block * 100;
            clock.arrived(sound_ms, BEGAN_MS + sound_ms as i64 + late_ms(sound_ms));
        }
        clock.began_ms - BEGAN_MS
    }

    #[test]
    fn what_is_late_for_a_while_moves_nothing_and_lost_sound_does() {
        assert_eq!(after(10, |_| 50), 0);
        assert_eq!(after(10, |ms| if (120_000..150_000).contains(&ms) { 5_000 } else { 10 }), 0);
        assert_eq!(after(10, |ms| if ms > 120_000 { 30_000 } else { 0 }), 30_000);
    }

    #[test]
    fn a_sound_card_drifts_and_a_file_does_not_count() {
        // 50 ppm slow, and fast: a day of sound is more than 4 s off.
        for sign in [1, -1] {
            let late_ms = |ms: u64| sign * (ms as f64 * 50e-6) as i64;
            let left = after(1440, late_ms) - late_ms(1440 * 60_000);
            assert!(left.abs() <= LEFT_MS + 10, "{left}");
        }
        assert_eq!(after(60, |ms| -(ms as i64) / 2), 0);
    }

    #[test]
    fn times_are_local_and_know_their_offset() {
        let clock = Clock::at(BEGAN_MS, 120);
        assert_eq!(clock.time(1_500).to_string(), "2026-05-28T22:26:41.500+02:00");
        assert_eq!(Clock::at(BEGAN_MS, 0).time(0).to_string(), "2026-05-28T20:26:40Z");
    }
}
