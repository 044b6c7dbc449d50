//! What a judge says of evidence, in words for people and as JSON for programs.

use auction::evidence::Ruling;
use serde::Serialize;

use crate::output::columns;
use crate::terms::printable;

/// A ruling as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct RulingView {
    file: String,
    /// Why the file proves nothing; null where it was judged.
    bad: Option<String>,
    about: Vec<(&'static str, String)>,
    convicted: Vec<ConvictionView>,
    proved: Vec<String>,
    not_proved: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ConvictionView {
    /// `bidder`, `accumulator 2`, `settlement server` or `seller`.
    who: String,
    key: String,
    deed: String,
}

impl RulingView {
    /// What was said of a file.
    pub(crate) fn of(file: String, ruling: &Ruling) -> Self {
        let convicted = ruling.convicted.iter().map(|conviction| ConvictionView {
            who: conviction.role.to_string(),
            key: conviction.key.to_string(),
            deed: conviction.deed.clone(),
        });
        let printed = |(name, value): &(&'static str, String)| (*name, printable(value));
        Self {
            file,
            bad: None,
            about: ruling.about.iter().map(printed).collect(),
            convicted: convicted.collect(),
            proved: ruling.proved.clone(),
            not_proved: ruling.open.clone(),
        }
    }

    /// A file that proves nothing.
    pub(crate) fn bad(file: String, why: String) -> Self {
        Self { bad: Some(why), ..Self::of(file, &Ruling::default()) }
    }

    /// Whether nothing is proved against anybody, by a file that is one.
    pub(crate) fn is_clear(&self) -> bool {
        self.bad.is_none() && self.convicted.is_empty()
    }

    /// The ruling in words.
    pub(crate) fn in_words(&self) -> String {
        let head = match (&self.bad, self.convicted.as_slice()) {
            (Some(why), _) => format!("Bad evidence: {}", printable(why)),
            (None, []) => "Nothing is proved against anybody.".to_owned(),
            (None, convicted) => {
                let who: Vec<&str> = convicted.iter().map(|one| one.who.as_str()).collect();
                format!("Convicted: {}.", who.join(", "))
            }
        };
        let mut rows = vec![("File", self.file.clone())];
        rows.extend(self.about.iter().cloned());
        for one in &self.convicted {
            rows.push(("Convicted", format!("{} {} has {}", one.who, one.key, one.deed)));
        }
        rows.extend(self.proved.iter().map(|words| ("Proved", words.clone())));
        rows.extend(self.not_proved.iter().map(|words| ("Not proved", words.clone())));
        format!("{head}\n{}", columns(&rows))
    }
}
