//! From single measurements to tables and a picture.

mod chart;
mod markdown;
mod svg;

use std::collections::BTreeMap;

use crate::measure::Metrics;
use crate::peers::Peer;
use crate::scenario::Scenario;

/// What was measured, and on what.
#[derive(Debug)]
pub struct Report {
    /// When, by the machine's clock.
    pub date: String,
    /// On what processor and system.
    pub machine: String,
    /// How the run was asked for.
    pub command: String,
    /// Anything that a reader must know to judge the figures.
    pub notes: Vec<String>,
    /// Each peer, with its version or why it is missing.
    pub peers: Vec<(Peer, Result<String, String>)>,
    /// The scenarios, in order.
    pub scenarios: Vec<Scenario>,
    /// The rounds of each scenario and peer.
    pub rounds: BTreeMap<(&'static str, &'static str), Rounds>,
}

/// The rounds of one scenario and one peer.
#[derive(Debug, Default)]
pub struct Rounds {
    /// Those that ran.
    pub measured: Vec<Metrics>,
    /// Why the others did not.
    pub failures: Vec<String>,
}

/// The middle of several rounds, and how far they lie apart.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The distance between the lowest and the highest, as a share of the median; one round
    /// alone tells nothing of it.
    pub range: Option<f64>,
}

impl Spread {
    /// That of some values, if there are any.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (first, last) = (values.first()?, values.last()?);
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        let range = (values.len() > 1 && median > 0.0).then(|| (last - first) / median);
        Some(Self { median, range })
    }
}

/// The median, and in brackets how far the values lie apart, in per cent.
impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&figure(self.median))?;
        match self.range {
            Some(range) => write!(f, " ({:.0}%)", range * 100.0),
            None => Ok(()),
        }
    }
}

impl Report {
    /// The median and the spread of a metric.
    pub fn spread(&self, scenario: &str, peer: &str, metric: &str) -> Option<Spread> {
        let (_, rounds) = self
            .rounds
            .iter()
            .find(|((s, p), _)| *s == scenario && *p == peer)?;
        let values = rounds.measured.iter();
        Spread::of(values.filter_map(|metrics| metrics.get(metric).copied()))
    }

    /// The median of a metric.
    pub fn median(&self, scenario: &str, peer: &str, metric: &str) -> Option<f64> {
        self.spread(scenario, peer, metric)
            .map(|spread| spread.median)
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        markdown::render(self)
    }

    /// As a picture.
    pub fn svg(&self) -> String {
        chart::render(self)
    }
}

/// A number with about three digits.
fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 1e6 => format!("{:.1}M", value / 1e6),
        v if v >= 100_000.0 => format!("{:.0}k", value / 1e3),
        v if v >= 10_000.0 => format!("{:.1}k", value / 1e3),
        v if v >= 1000.0 => format!("{:.2}k", value / 1e3),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
