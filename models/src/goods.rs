//! What is sold, as far as a model needs it, and the judge of Tygar 1998, section 4.

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// What was described.
    Good,
    /// Something else.
    Garbage,
}

/// Goods encrypted under the merchant's key. Two are equal exactly if their checksums are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sealed {
    /// As the merchant made it.
    Of(Content),
    /// Changed afterwards: no key opens it to anything but garbage.
    Altered,
}

/// A key handed over as the one that opens the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The one that the goods were encrypted under.
    Right,
    /// Another.
    Wrong,
}

impl Sealed {
    /// Everything that a liar could show as the goods he got.
    pub const ALL: [Self; 3] = [Self::Of(Content::Good), Self::Of(Content::Garbage), Self::Altered];

    /// Its number, to stand for its checksum.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Of(Content::Good) => 1,
            Self::Of(Content::Garbage) => 2,
            Self::Altered => 3,
        }
    }

    /// What has a number; what no merchant made, where nothing has.
    #[must_use]
    pub fn of_number(number: u8) -> Self {
        Self::ALL.into_iter().find(|file| file.number() == number).unwrap_or(Self::Altered)
    }

    /// What a key makes of it.
    #[must_use]
    pub fn open(self, key: Key) -> Content {
        match (self, key) {
            (Self::Of(content), Key::Right) => content,
            _ => Content::Garbage,
        }
    }
}

impl Key {
    /// Its number, to stand for its bytes.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Right => 1,
            Self::Wrong => 2,
        }
    }

    /// What has a number.
    #[must_use]
    pub fn of_number(number: u8) -> Self {
        if number == Self::Right.number() { Self::Right } else { Self::Wrong }
    }
}

/// What a judge finds that was delivered: `signed` is the checksum that both sides signed, `key`
/// the one on record, `shown` the file that somebody brings. A file of another checksum proves
/// nothing.
#[must_use]
pub fn judge(signed: Sealed, key: Key, shown: Sealed) -> Option<Content> {
    (shown == signed).then(|| shown.open(key))
}

/// What a party can get from [`judge`]: by the one file he has, if he is honest, by any file that
/// he can make, if he is not.
#[must_use]
pub fn provable(signed: Sealed, key: Key, honest_file: Option<Sealed>) -> Vec<Content> {
    let files = match &honest_file {
        Some(file) => std::slice::from_ref(file),
        None => &Sealed::ALL,
    };
    files.iter().filter_map(|file| judge(signed, key, *file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_signed_file_proves_anything() {
        let good = Sealed::Of(Content::Good);
        assert_eq!(judge(good, Key::Right, good), Some(Content::Good));
        assert_eq!(judge(good, Key::Wrong, good), Some(Content::Garbage));
        assert_eq!(judge(good, Key::Right, Sealed::Altered), None);
        assert_eq!(provable(good, Key::Right, None), [Content::Good]);
        assert_eq!(provable(good, Key::Right, Some(Sealed::Altered)), []);
    }
}
