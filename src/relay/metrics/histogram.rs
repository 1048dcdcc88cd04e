//! A histogram of atomics: observing takes no lock, as it does in the crate's own.

use std::fmt::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Clones count in the same place.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The largest value of each bucket but the last, which has none.
    bounds: Vec<u64>,
    counts: Vec<AtomicU64>,
    sum: AtomicU64,
    /// How many of what is counted make one in the text: microseconds of a second.
    unit: f64,
}

impl Histogram {
    /// Of durations: 50 µs to 6 days, each bucket twice to three times the one before.
    pub(super) fn seconds() -> Histogram {
        let decades = (0..12).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)));
        let micros = decades.filter(|&micros| (50..=500_000_000_000).contains(&micros));
        Histogram::new(micros.collect(), 1e6)
    }

    /// Of counts: 1 to 1024.
    pub(super) fn sizes() -> Histogram {
        Histogram::new((0..=10).map(|power| 1 << power).collect(), 1.0)
    }

    fn new(bounds: Vec<u64>, unit: f64) -> Histogram {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram(Arc::new(Inner { bounds, counts, sum: AtomicU64::new(0), unit }))
    }

    pub fn observe(&self, took: Duration) {
        self.count(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn count(&self, value: u64) {
        let bucket = self.0.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.0.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.0.sum.fetch_add(value, Ordering::Relaxed);
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats only")]
impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), Error> {
        let Inner { bounds, counts, sum, unit } = &*self.0;
        let ends = bounds.iter().map(|bound| *bound as f64 / unit).chain([f64::INFINITY]);
        let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = ends.zip(counts).collect();
        let all = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(sum.load(Ordering::Relaxed) as f64 / unit, all, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
