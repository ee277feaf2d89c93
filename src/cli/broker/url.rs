//! A broker's address as typed. The rule: it may hold a password, so nothing prints it; the password goes where secrets go.

use crate::cli::saved::Error;
use crate::store::BrokerDefinition;

#[derive(Clone)]
pub struct Url(String);

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Url(…)")
    }
}

impl std::str::FromStr for Url {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl Url {
    pub(super) fn apply(&self, broker: &mut BrokerDefinition) -> Result<(), Error> {
        Ok(broker.set_url(&self.0)?)
    }

    /// What to say about a login in it: what is secret of it is in the hidden type by now, but was seen on its way.
    pub(super) fn hint(&self, broker: &BrokerDefinition) -> Option<&'static str> {
        let login = self.0.rsplit_once('@').map_or("", |(login, _)| login);
        let login = login.split_once("://").map_or(login, |(_, login)| login);
        let secret = login.contains(':') || broker.dialect.is_thingsboard() && !login.is_empty();
        secret.then_some(
            "the login of the url is saved where nothing shows its secret; but it stands in the shell's history, and every \
             user of this machine could read it just now. Better: mqtt://HOST[:PORT] --user NAME --password-env VAR, or \
             --token-env VAR",
        )
    }
}
