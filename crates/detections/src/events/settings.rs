//! How windows become events.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The maximum false-rejection rate of windows that become events. An event is lost only where all windows over it are rejected,
/// so it may be above the usual 0.05 of a window by itself. docs/tables.md has the figures that it was chosen by.
pub const EVENT_ALPHA: f64 = 0.15;

/// How windows become events; the defaults suit windows that do not overlap, and lose nothing above the threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventSettings {
    /// The score that an event has to reach somewhere, above 0 and at most 1.
    pub threshold: f32,
    /// The same by class; comes before [`threshold`](Self::threshold).
    pub thresholds: BTreeMap<String, f32>,
    /// The share of its threshold below which an event ends (hysteresis), above 0 and at most 1.
    pub low: f32,
    /// Length of the moving average over slots of time, an odd number of slots; 1 for none.
    pub smooth: usize,
    /// Events of one class that are at most this far apart are one event, in seconds.
    pub max_gap_s: f64,
    /// Shorter events are dropped, in seconds.
    pub min_s: f64,
    /// An event that becomes this long ends there, and the next begins; in seconds, none for events of any length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_s: Option<f64>,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            thresholds: BTreeMap::new(),
            low: 0.8,
            smooth: 1,
            max_gap_s: 0.0,
            min_s: 0.0,
            max_s: None,
        }
    }
}

impl EventSettings {
    /// Checks every value, and that `thresholds` names classes of the model.
    ///
    /// # Errors
    /// A value out of its range, or a class that the model does not have; the error names the key, what was expected and what
    /// it is.
    pub fn validate(&self, classes: &[String]) -> Result<()> {
        let fail = |key: &str, expected: &str, got: &dyn std::fmt::Display| {
            Err(Error::Setting { key: key.to_owned(), expected: expected.to_owned(), got: got.to_string() })
        };
        let share = |value: f32| value > 0.0 && value <= 1.0;
        const SHARE: &str = "a number above 0 and at most 1";
        if !share(self.threshold) {
            return fail("threshold", SHARE, &self.threshold);
        }
        for (class, &value) in &self.thresholds {
            if !classes.contains(class) {
                return fail("thresholds", &format!("one of the classes {}", classes.join(", ")), class);
            }
            if !share(value) {
                return fail(&format!("thresholds.{class}"), SHARE, &value);
            }
        }
        if !share(self.low) {
            return fail("low", SHARE, &self.low);
        }
        if self.smooth.is_multiple_of(2) {
            return fail("smooth", "an odd number of slots", &self.smooth);
        }
        for (key, value) in [("max_gap_s", self.max_gap_s), ("min_s", self.min_s)] {
            if crate::time::milliseconds(value).is_none() {
                return fail(key, "a number of seconds, 0 or more", &value);
            }
        }
        if let Some(value) = self.max_s.filter(|value| crate::time::milliseconds(*value).is_none_or(|ms| ms == 0)) {
            return fail("max_s", "a number of seconds above 0", &value);
        }
        Ok(())
    }

    /// The threshold of a class.
    pub fn threshold_of(&self, class: &str) -> f32 {
        self.thresholds.get(class).copied().unwrap_or(self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_out_of_its_range_is_named() {
        let classes = ["bird".to_owned(), "dog".to_owned()];
        let of = |change: &dyn Fn(&mut EventSettings)| {
            let mut settings = EventSettings::default();
            change(&mut settings);
            settings.validate(&classes).map_err(|error| error.to_string())
        };
        assert_eq!(of(&|_| ()), Ok(()));
        let expect = |change: &dyn Fn(&mut EventSettings), message: &str| {
            assert_eq!(of(change), Err(format!("events: {message}")));
        };
        const SHARE: &str = "expected a number above 0 and at most 1, got";
        expect(&|s| s.threshold = 1.5, &format!("threshold: {SHARE} 1.5"));
        expect(&|s| s.low = f32::NAN, &format!("low: {SHARE} NaN"));
        expect(&|s| s.smooth = 4, "smooth: expected an odd number of slots, got 4");
        expect(&|s| s.min_s = -1.0, "min_s: expected a number of seconds, 0 or more, got -1");
        expect(&|s| s.max_s = Some(0.0), "max_s: expected a number of seconds above 0, got 0");
        expect(&|s| s.max_gap_s = f64::INFINITY, "max_gap_s: expected a number of seconds, 0 or more, got inf");
        let cat = |s: &mut EventSettings| _ = s.thresholds.insert("cat".into(), 0.5);
        expect(&cat, "thresholds: expected one of the classes bird, dog, got cat");
        let dog = |s: &mut EventSettings| _ = s.thresholds.insert("dog".into(), 0.0);
        expect(&dog, &format!("thresholds.dog: {SHARE} 0"));
    }

    #[test]
    fn unknown_keys_are_errors_and_missing_ones_have_defaults() {
        let settings: EventSettings = serde_json::from_str(r#"{"thresholds": {"dog": 0.75}}"#).unwrap();
        assert_eq!((settings.threshold_of("dog"), settings.threshold_of("bird")), (0.75, 0.5));
        assert!(serde_json::from_str::<EventSettings>(r#"{"treshold": 0.5}"#).is_err()); // spelling: as written
    }
}
