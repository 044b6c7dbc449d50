//! A list that is nearly always of one: most chains are a single request with a single reply. One
//! alone stands where the list does; more have an allocation of their own.

use std::fmt;
use std::ops::Deref;

/// Things in order, read as a slice.
#[derive(Clone, PartialEq, Eq)]
pub struct Few<T>(Kept<T>);

/// Each list has one form: `Many` never holds exactly one.
#[derive(Clone, PartialEq, Eq)]
enum Kept<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Few<T> {
    /// One thing.
    #[must_use]
    pub fn one(thing: T) -> Self {
        Self(Kept::One(thing))
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Kept::One(thing) => std::slice::from_ref(thing),
            Kept::Many(things) => things,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        let mut things = things.into_iter();
        let Some(first) = things.next() else { return Self(Kept::Many(Vec::new())) };
        let Some(second) = things.next() else { return Self::one(first) };
        let mut many = Vec::with_capacity(2 + things.size_hint().0);
        many.extend([first, second]);
        many.extend(things);
        Self(Kept::Many(many))
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(mut things: Vec<T>) -> Self {
        match things.pop() {
            Some(thing) if things.is_empty() => Self::one(thing),
            Some(last) => {
                things.push(last);
                Self(Kept::Many(things))
            }
            None => Self(Kept::Many(things)),
        }
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_list_that_it_was_made_of() {
        for length in 0..5u32 {
            let things: Vec<u32> = (7..7 + length).collect();
            let few: Few<u32> = things.iter().copied().collect();
            assert_eq!(*few, *things);
            assert_eq!(few, Few::from(things.clone()), "one form for {length}");
            assert!(few.into_iter().eq(&things));
        }
    }
}
