//! A figure, its target, and whether it is met.

use std::borrow::Cow;

use serde::Serialize;

/// Cores of others' from which on a figure is marked.
const NOTICEABLE: f64 = 0.15;

/// What a figure is measured in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Amount {
    /// Seconds of computation, told in units of T.
    Computation(f64),
    /// Milliseconds by the clock.
    Millis(f64),
    /// Seconds by the clock.
    Seconds(f64),
    /// So many of these.
    Count(f64, &'static str),
    /// Not measured in this run, and why.
    Missing(&'static str, &'static str),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

/// One measured figure.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) amount: Amount,
    pub(crate) target: Option<Target>,
    /// What others need, and who says so.
    pub(crate) peer: Option<&'static str>,
    /// What belongs to the figure and is no number.
    pub(crate) note: Option<String>,
    /// What keeps it from its target, where it misses it.
    pub(crate) bound: Option<Cow<'static, str>>,
    /// Rounds after closing, where it has some.
    pub(crate) rounds: Option<u32>,
    /// Cores that other programs had meanwhile.
    pub(crate) others: f64,
}

impl Figure {
    /// A figure without a target.
    pub(crate) fn new(name: impl Into<String>, amount: Amount) -> Self {
        Self {
            name: name.into(),
            amount,
            target: None,
            peer: None,
            note: None,
            bound: None,
            rounds: None,
            others: 0.0,
        }
    }

    pub(crate) fn at_most(self, most: f64) -> Self {
        Self { target: Some(Target::AtMost(most)), ..self }
    }

    pub(crate) fn at_least(self, least: f64) -> Self {
        Self { target: Some(Target::AtLeast(least)), ..self }
    }

    pub(crate) fn peer(self, peer: &'static str) -> Self {
        Self { peer: Some(peer), ..self }
    }

    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    pub(crate) fn bound(self, bound: impl Into<Cow<'static, str>>) -> Self {
        Self { bound: Some(bound.into()), ..self }
    }

    /// Its number in its unit, when `t` seconds are one T.
    pub(crate) fn value(&self, t: f64) -> Option<f64> {
        match self.amount {
            Amount::Computation(seconds) => Some(seconds / t),
            Amount::Millis(number) | Amount::Seconds(number) | Amount::Count(number, _) => {
                Some(number)
            }
            Amount::Missing(..) => None,
        }
    }

    pub(crate) fn unit(&self) -> &'static str {
        match self.amount {
            Amount::Computation(_) => "T",
            Amount::Millis(_) => "ms",
            Amount::Seconds(_) => "s",
            Amount::Count(_, unit) | Amount::Missing(unit, _) => unit,
        }
    }

    /// Whether other programs can have made it worse: what is counted is no time.
    pub(crate) fn is_disturbed(&self) -> bool {
        let timed = match self.amount {
            Amount::Computation(_) | Amount::Millis(_) | Amount::Seconds(_) => true,
            Amount::Count(_, unit) => unit.ends_with("/s"),
            Amount::Missing(..) => false,
        };
        timed && self.others > NOTICEABLE
    }

    /// How far it is beyond its target, as a share of that; nothing where it is met or not known.
    pub(crate) fn missed_by(&self, t: f64) -> Option<f64> {
        let value = self.value(t)?;
        let beyond = match self.target? {
            Target::AtMost(most) => value / most - 1.0,
            Target::AtLeast(least) => 1.0 - value / least,
        };
        (beyond > 0.0).then_some(beyond)
    }

    /// Whether it is met, where that is known.
    pub(crate) fn met(&self, t: f64) -> Option<bool> {
        self.target?;
        self.value(t)?;
        Some(self.missed_by(t).is_none())
    }
}

/// The report for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Json<'a> {
    t_us: f64,
    figures: Vec<JsonFigure<'a>>,
}

#[derive(Debug, Serialize)]
struct JsonFigure<'a> {
    name: &'a str,
    value: Option<f64>,
    unit: &'static str,
    target: Option<f64>,
    met: Option<bool>,
    peer: Option<&'static str>,
}

impl<'a> Json<'a> {
    pub(crate) fn new(figures: &'a [Figure], t: f64) -> Self {
        let figure = |figure: &'a Figure| JsonFigure {
            name: &figure.name,
            value: figure.value(t),
            unit: figure.unit(),
            target: figure.target.map(|target| match target {
                Target::AtMost(number) | Target::AtLeast(number) => number,
            }),
            met: figure.met(t),
            peer: figure.peer,
        };
        Self { t_us: t * 1e6, figures: figures.iter().map(figure).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_up_to_and_with_its_number() {
        let most = |seconds| Figure::new("a", Amount::Computation(seconds)).at_most(2.0);
        assert_eq!(most(4.0).met(2.0), Some(true));
        assert_eq!(most(5.0).met(2.0), Some(false));
        assert_eq!(most(5.0).missed_by(2.0), Some(0.25));
        let least = |count| Figure::new("a", Amount::Count(count, "bids/s")).at_least(100.0);
        assert_eq!(least(100.0).met(1.0), Some(true));
        assert_eq!(least(75.0).missed_by(1.0), Some(0.25));
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let missing = Figure::new("a", Amount::Missing("s", "long")).at_most(2.0);
        assert_eq!((missing.met(1.0), missing.missed_by(1.0)), (None, None));
        let json = serde_json::to_value(Json::new(&[missing], 1e-6)).unwrap();
        let expected = serde_json::json!({"t_us": 1.0, "figures": [
            {"name": "a", "value": null, "unit": "s", "target": 2.0, "met": null, "peer": null},
        ]});
        assert_eq!(json, expected);
    }
}
