//! A few things by the object they are about. The rule: no more memory than they need, since every meter has some of these.

use super::Obis;

/// Sorted by the object's code; grows by one, since objects come once and stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByObject<V>(Vec<(Obis, V)>);

impl<V> Default for ByObject<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> ByObject<V> {
    fn place(&self, obis: Obis) -> Result<usize, usize> {
        self.0.binary_search_by_key(&obis, |(known, _)| *known)
    }

    pub fn get(&self, obis: Obis) -> Option<&V> {
        let place = self.place(obis).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    pub fn insert(&mut self, obis: Obis, value: V) {
        match self.place(obis) {
            Ok(place) => {
                if let Some((_, known)) = self.0.get_mut(place) {
                    *known = value;
                }
            }
            Err(place) => {
                self.0.reserve_exact(1);
                self.0.insert(place, (obis, value));
            }
        }
    }

    pub fn remove(&mut self, obis: Obis) {
        if let Ok(place) = self.place(obis) {
            self.0.remove(place);
        }
    }

    pub fn retain(&mut self, kept: impl Fn(Obis, &V) -> bool) {
        self.0.retain(|(obis, value)| kept(*obis, value));
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_an_object_whatever_the_order() {
        let obis = |c| Obis::new(1, 1, c, 7, 0, 255);
        let mut by = ByObject::default();
        for (c, value) in [(32, 'a'), (1, 'b'), (52, 'c'), (32, 'd')] {
            by.insert(obis(c), value);
        }
        assert_eq!(
            (by.len(), by.get(obis(32)), by.get(obis(9))),
            (3, Some(&'d'), None)
        );
        by.remove(obis(1));
        by.remove(obis(1));
        by.retain(|object, value| object != obis(52) && *value != 'b');
        assert_eq!((by.len(), by.get(obis(32))), (1, Some(&'d')));
    }
}
