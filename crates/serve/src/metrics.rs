//! What was done so far, as Prometheus reads it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper ends of the classes of durations, in seconds.
const BUCKETS_S: [f64; 8] = [0.01, 0.05, 0.2, 1.0, 5.0, 20.0, 60.0, 300.0];

/// Counters of the server.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(String, String, u16), u64>>,
    durations: Mutex<BTreeMap<String, Durations>>,
    pub(crate) in_flight: AtomicI64,
    pub(crate) connections: AtomicI64,
    pub(crate) uploaded_bytes: AtomicU64,
    pub(crate) recordings: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) windows: AtomicU64,
    pub(crate) sound_ms: AtomicU64,
    pub(crate) live: AtomicI64,
    pub(crate) reviews: AtomicU64,
}

#[derive(Default)]
struct Durations {
    counts: [u64; BUCKETS_S.len()],
    n: u64,
    sum_s: f64,
}

/// Adds one for as long as it is kept.
pub(crate) struct Gauge<'a>(&'a AtomicI64);

impl<'a> Gauge<'a> {
    pub(crate) fn of(value: &'a AtomicI64) -> Self {
        value.fetch_add(1, Relaxed);
        Self(value)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    /// A request was answered; `route` is the pattern of its path.
    pub(crate) fn answered(&self, route: &str, method: &str, status: u16, took: Duration) {
        let key = (route.to_owned(), method.to_owned(), status);
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
        let mut durations = self.durations.lock().unwrap_or_else(PoisonError::into_inner);
        let of_route = durations.entry(route.to_owned()).or_default();
        let seconds = took.as_secs_f64();
        of_route.n += 1;
        of_route.sum_s += seconds;
        for (count, bound) in of_route.counts.iter_mut().zip(BUCKETS_S) {
            *count += u64::from(seconds <= bound);
        }
    }

    /// The text of `GET /metrics`; `models` is the number of models.
    pub(crate) fn text(&self, models: usize, uptime_s: f64) -> String {
        let mut text = String::new();
        let mut one = |name: &str, kind: &str, help: &str, value: f64| {
            text += &format!("# HELP barkbird_{name} {help}\n# TYPE barkbird_{name} {kind}\nbarkbird_{name} {value}\n");
        };
        let counter = |value: &AtomicU64| value.load(Relaxed) as f64;
        let gauge = |value: &AtomicI64| value.load(Relaxed) as f64;
        one("uptime_seconds", "gauge", "Seconds since the start.", uptime_s);
        one("models", "gauge", "Models that can be asked.", models as f64);
        one("connections", "gauge", "Open connections.", gauge(&self.connections));
        one("requests_in_flight", "gauge", "Requests that are being answered.", gauge(&self.in_flight));
        one("live_sessions", "gauge", "Live sessions.", gauge(&self.live));
        one("uploaded_bytes_total", "counter", "Bytes of recordings received.", counter(&self.uploaded_bytes));
        one("recordings_total", "counter", "Recordings classified.", counter(&self.recordings));
        one("recordings_failed_total", "counter", "Recordings that could not be used.", counter(&self.failed));
        one("windows_total", "counter", "Windows classified.", counter(&self.windows));
        one("sound_seconds_total", "counter", "Seconds of sound classified.", counter(&self.sound_ms) / 1000.0);
        one("reviews_total", "counter", "Answers of reviewers written.", counter(&self.reviews));
        text.push_str("# HELP barkbird_requests_total Requests answered.\n# TYPE barkbird_requests_total counter\n");
        for ((route, method, status), n) in &*self.requests.lock().unwrap_or_else(PoisonError::into_inner) {
            let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
            text += &format!("barkbird_requests_total{{{labels}}} {n}\n");
        }
        text.push_str("# HELP barkbird_request_seconds Time to the beginning of an answer.\n# TYPE barkbird_request_seconds histogram\n");
        for (route, of) in &*self.durations.lock().unwrap_or_else(PoisonError::into_inner) {
            for (count, bound) in of.counts.iter().zip(BUCKETS_S) {
                text += &format!("barkbird_request_seconds_bucket{{route=\"{route}\",le=\"{bound}\"}} {count}\n");
            }
            let (n, sum_s) = (of.n, of.sum_s);
            text += &format!("barkbird_request_seconds_bucket{{route=\"{route}\",le=\"+Inf\"}} {n}\n");
            text += &format!("barkbird_request_seconds_sum{{route=\"{route}\"}} {sum_s}\n");
            text += &format!("barkbird_request_seconds_count{{route=\"{route}\"}} {n}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_classes_of_durations() {
        let metrics = Metrics::default();
        metrics.answered("/api/models", "GET", 200, Duration::from_millis(30));
        metrics.answered("/api/models", "GET", 200, Duration::from_secs(2));
        let in_flight = Gauge::of(&metrics.in_flight);
        let text = metrics.text(2, 1.5);
        for line in [
            "barkbird_models 2",
            "barkbird_requests_in_flight 1",
            "barkbird_requests_total{route=\"/api/models\",method=\"GET\",status=\"200\"} 2",
            "barkbird_request_seconds_bucket{route=\"/api/models\",le=\"0.05\"} 1",
            "barkbird_request_seconds_bucket{route=\"/api/models\",le=\"5\"} 2",
            "barkbird_request_seconds_count{route=\"/api/models\"} 2",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}: {text}");
        }
        drop(in_flight);
        assert!(metrics.text(2, 1.5).contains("barkbird_requests_in_flight 0\n"));
    }
}
