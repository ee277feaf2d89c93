//! A meter that opens the link and refuses the association may hold another's. The rule: DISC alone, as those who may have
//! left one open, each once; the public client shows without a secret whether it helped.

use super::lock::Public;
use super::{DISC, Outcome, PATIENCE_DISC, Prober, Step, ladder, outcome};
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use tokio::time::Instant;

impl Prober<'_> {
    /// After a refusal that names no secret.
    pub(super) async fn free(&mut self) {
        let mut public = self.ask_public().await;
        if !self.meter.transport.is_hdlc() {
            return;
        }
        let holders = self.holders();
        for (client, server, why) in holders {
            if public == Public::LetIn {
                return;
            }
            self.trying(why.clone());
            let started = Instant::now();
            let heard = self.let_go(client, server).await;
            let (outcome, words) = match heard {
                Some(heard) => outcome(&heard),
                None => return,
            };
            let words = words.replace("wants no link now", "no link of this client was open");
            self.step(Step {
                step: "free",
                outcome: match outcome {
                    // There was none to end: an answer like any other.
                    Outcome::Refused => Outcome::Ok,
                    other => other,
                },
                took: started.elapsed(),
                words: format!("{why}: {words}"),
                asked: Some((client, server)),
            });
            if public == Public::Refused {
                public = self.ask_public().await;
            }
        }
    }

    /// Who worked here before, then whoever hears it.
    fn holders(&self) -> Vec<(ClientAddress, ServerAddress, String)> {
        let mut found = Vec::new();
        let known = self.kept.known_good.as_ref();
        if let Some(good) = known.filter(|good| good.client != self.meter.client) {
            let why = format!("DISC as client {}, which worked here before", good.client);
            found.push((good.client, good.server, why));
        }
        for size in [2, 4] {
            if let Ok(server) = ServerAddress::calling(self.meter.server.upper(), size) {
                let why = format!("DISC to CALLING, in {}", ladder::octets(server));
                found.push((self.meter.client, server, why));
            }
        }
        found
    }

    /// On a connection of its own; `None` where none opens.
    async fn let_go(
        &mut self,
        client: ClientAddress,
        server: ServerAddress,
    ) -> Option<std::io::Result<super::Heard>> {
        if !self.reopen().await {
            return None;
        }
        let line = self.line.as_mut()?;
        let heard = line.ask(client, server, DISC, PATIENCE_DISC).await;
        if let Some(line) = self.line.take() {
            line.close().await;
        }
        Some(heard)
    }
}
