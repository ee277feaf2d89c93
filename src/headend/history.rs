//! The course of a value, from the store to whoever draws it. The rule: nobody's reading waits for it.

use super::Headend;
use crate::store::{Query, Series};

impl Headend {
    /// What was read of one object over a time; in words why not.
    pub async fn history(&self, query: Query) -> Result<Series, String> {
        let series = self.inner.store.history(query).await;
        series.map_err(|error| error.to_string())
    }
}
