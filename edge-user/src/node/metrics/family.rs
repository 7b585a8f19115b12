//! A metric family: its name, help text and samples.

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

/// A sample's labels.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// A family in the making.
pub(super) struct Family {
    family: MetricFamily,
    kind: MetricType,
    samples: Vec<Metric>,
}

impl Family {
    /// Numbers that only grow.
    pub(super) fn counter(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::COUNTER)
    }

    /// Numbers that go up and down.
    pub(super) fn gauge(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::GAUGE)
    }

    fn new(name: &str, help: &str, kind: MetricType) -> Self {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        Self { family, kind, samples: Vec::new() }
    }

    /// One more sample.
    pub(super) fn sample(mut self, labels: Labels<'_>, value: f64) -> Self {
        self.add(labels, value);
        self
    }

    /// One more sample of a number of things.
    pub(super) fn count(mut self, labels: Labels<'_>, value: u64) -> Self {
        self.add(labels, float(value));
        self
    }

    /// One more sample.
    pub(super) fn add(&mut self, labels: Labels<'_>, value: f64) {
        let labels = labels.iter().map(|(name, value)| {
            let mut label = LabelPair::default();
            label.set_name((*name).to_owned());
            label.set_value((*value).to_owned());
            label
        });
        let mut metric = Metric::from_label(labels.collect());
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.samples.push(metric);
    }

    /// The family.
    pub(super) fn done(mut self) -> MetricFamily {
        self.family.set_metric(self.samples);
        self.family
    }
}

/// A count as samples have it: exact up to 2⁵³, which a million a second take 285 years for.
#[expect(clippy::cast_precision_loss, reason = "samples are floats")]
pub(super) const fn float(n: u64) -> f64 {
    n as f64
}

/// A family of one histogram: upper bounds in order, and how many things each has that are above
/// the bound before.
pub(super) fn histogram(
    name: &str,
    help: &str,
    counts: impl Iterator<Item = (f64, u64)>,
) -> MetricFamily {
    let mut histogram = Histogram::default();
    let (mut count, mut sum, mut buckets) = (0, 0.0, Vec::new());
    for (bound, n) in counts {
        count += n;
        sum += bound * float(n);
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(count);
        buckets.push(bucket);
    }
    histogram.set_sample_count(count);
    histogram.set_sample_sum(sum);
    histogram.set_bucket(buckets);
    let mut metric = Metric::default();
    metric.set_histogram(histogram);
    let mut family = Family::new(name, help, MetricType::HISTOGRAM);
    family.samples.push(metric);
    family.done()
}
