//! Marks on axes: round numbers, few enough to read.

/// The round step (1, 2 or 5 times a power of ten) that divides `span` into at most `most` parts.
pub(crate) fn round_step(span: f64, most: usize) -> f64 {
    let rough = span / most.max(1) as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf(rough.log10().floor());
    // A little slack, so that rounding does not turn 0.2 into 0.5.
    [1.0, 2.0, 5.0].map(|m| m * power).into_iter().find(|step| *step >= rough * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// Marks on a time axis from 0 to `seconds`, with labels.
pub(crate) fn times(seconds: f64, most: usize) -> Vec<(f64, String)> {
    let step = round_step(seconds, most);
    let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    let n = if seconds.is_finite() && seconds > 0.0 { (seconds / step + 1e-9).floor() as usize } else { 0 };
    (0..=n).map(|i| i as f64 * step).map(|t| (t, format!("{t:.decimals$}"))).collect()
}

/// Round frequencies between `low_hz` and `high_hz`, with labels: 500, 1k, 2k, 5k, ...
pub(crate) fn frequencies(low_hz: f64, high_hz: f64) -> Vec<(f64, String)> {
    let mut ticks = Vec::new();
    for power in 0..7 {
        for m in [1.0, 2.0, 5.0] {
            let hz = m * 10_f64.powi(power);
            if (low_hz..=high_hz).contains(&hz) {
                ticks.push((hz, if hz >= 1000.0 { format!("{}k", hz / 1000.0) } else { hz.to_string() }));
            }
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: Vec<(f64, String)>) -> Vec<String> {
        ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn times_are_round() {
        assert_eq!(labels(times(5.0, 6)), ["0", "1", "2", "3", "4", "5"]);
        assert_eq!(labels(times(1.0, 6)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(times(90.0, 6)), ["0", "20", "40", "60", "80"]);
        assert_eq!(labels(times(0.0, 6)), ["0"]);
        assert_eq!(labels(times(f64::NAN, 6)), ["0"]);
    }

    #[test]
    fn frequencies_are_round() {
        assert_eq!(labels(frequencies(300.0, 11_025.0)), ["500", "1k", "2k", "5k", "10k"]);
        assert!(frequencies(f64::NAN, 5.0).is_empty());
    }
}
