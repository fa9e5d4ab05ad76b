//! The stretch of sound that sources write into, and curves over time.

/// One mono stretch of sound under construction.
pub(crate) struct Track {
    pub(crate) samples: Vec<f32>,
    pub(crate) rate_hz: f32,
}

impl Track {
    pub(crate) fn new(n_samples: usize, rate_hz: u32) -> Self {
        Self { samples: vec![0.0; n_samples], rate_hz: rate_hz as f32 }
    }

    pub(crate) fn seconds(&self) -> f32 {
        self.samples.len() as f32 / self.rate_hz
    }

    /// The samples from `start_s` on, `seconds` long or as many as are left.
    pub(crate) fn place(&mut self, start_s: f32, seconds: f32) -> &mut [f32] {
        let n = self.samples.len();
        let start = ((start_s * self.rate_hz) as usize).min(n);
        let end = (start + (seconds * self.rate_hz) as usize).min(n);
        &mut self.samples[start..end]
    }
}

/// A curve through evenly spaced `points`, at `position` 0 to 1, with no corners.
pub(crate) fn along(points: &[f32], position: f32) -> f32 {
    let last = points.len() - 1;
    let x = position.clamp(0.0, 1.0) * last as f32;
    let i = (x as usize).min(last.saturating_sub(1));
    if last == 0 {
        return points[0];
    }
    points[i] + (points[i + 1] - points[i]) * smooth(x - i as f32)
}

/// From 0 to 1 with flat ends.
pub(crate) fn smooth(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// Rises over `attack_s`, falls over the last `release_s` of `seconds`.
pub(crate) fn swell(t_s: f32, seconds: f32, attack_s: f32, release_s: f32) -> f32 {
    smooth(t_s / attack_s.max(1e-4)) * smooth((seconds - t_s) / release_s.max(1e-4))
}

/// Root mean square; 0 of nothing.
pub(crate) fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|x| x * x).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}

/// The largest magnitude.
pub(crate) fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |most, x| most.max(x.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_pass_through_their_points() {
        let points = [1.0, 3.0, 2.0];
        assert_eq!([along(&points, 0.0), along(&points, 0.5), along(&points, 1.0)], points);
        assert_eq!(along(&points, 0.25), 2.0);
        assert_eq!(along(&[7.0], 0.3), 7.0);
        assert_eq!((along(&points, -1.0), along(&points, 9.0)), (1.0, 2.0));
    }

    #[test]
    fn places_end_with_the_track() {
        let mut track = Track::new(1000, 1000);
        assert_eq!(track.place(0.5, 0.25).len(), 250);
        assert_eq!(track.place(0.9, 0.25).len(), 100);
        assert_eq!(track.place(2.0, 1.0).len(), 0);
    }
}
