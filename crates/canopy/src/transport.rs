// SPDX-License-Identifier: Apache-2.0
//! Which way a call goes.
//!
//! The tailnet is preferred while its host answers a probe. A call that could not even connect there
//! goes by the public host at once, for nothing was sent. One that broke later goes there too if a
//! second arrival does no harm; otherwise the caller, who knows what it means, decides.

mod connected;
mod probe;
mod way;

use reqwest::Url;
use zeroize::Zeroizing;

use crate::args::Ways;
use crate::request::{Bound, Call, Repeat};
use crate::{Config, Error, Reached};
use probe::Probe;
use way::{Failure, Side, Way};

/// What an answer's body is read into.
pub(crate) type Body = Zeroizing<Vec<u8>>;

/// The ways that are open.
#[derive(Debug)]
pub(crate) enum Transport {
    One(Box<Way>),
    Both(Box<Both>),
}

/// The tailnet, and the public host while that does not answer.
#[derive(Debug)]
pub(crate) struct Both {
    public: Way,
    tailnet: Way,
    probe: Probe,
}

impl Transport {
    pub(crate) fn open(config: Config) -> Result<Self, Error> {
        let open = |side, url: &Url| Way::open(side, url.clone(), &config);
        Ok(match &config.ways {
            Ways::Public(url) => Self::One(Box::new(open(Side::Public, url)?)),
            Ways::Tailnet(url) => Self::One(Box::new(open(Side::Tailnet, url)?)),
            Ways::Both { public, tailnet } => Self::Both(Box::new(Both {
                public: open(Side::Public, public)?,
                tailnet: open(Side::Tailnet, tailnet)?,
                probe: Probe::default(),
            })),
        })
    }

    /// The URLs of the ways.
    pub(crate) fn origin(&self) -> String {
        match self {
            Self::One(way) => way.base().to_string(),
            Self::Both(both) => format!("{}, {}", both.tailnet.base(), both.public.base()),
        }
    }

    /// The body of a success.
    pub(crate) async fn send(&self, call: &Call, bound: Bound) -> Result<Body, Error> {
        let sent = match self {
            Self::One(way) => way.send(call, bound).await,
            Self::Both(both) => both.send(call, bound).await,
        };
        sent.map_err(|failure| failure.error.with_reached(failure.reached))
    }
}

impl Both {
    async fn send(&self, call: &Call, bound: Bound) -> Result<Body, Failure> {
        if !self.probe.is_alive(&self.tailnet).await {
            return self.public.send(call, bound).await;
        }
        let failure = match self.tailnet.send(call, bound).await {
            Ok(body) => return Ok(body),
            Err(failure) => failure,
        };
        match failure.reached {
            Reached::Answered => return Err(failure),
            Reached::Never => self.probe.mark_dead(&self.tailnet).await,
            Reached::Perhaps => self.probe.mark_doubtful().await,
        }
        if failure.reached == Reached::Perhaps && call.repeat == Repeat::Counted {
            return Err(failure);
        }
        tracing::warn!(error = %failure.error, "the tailnet broke off; the call goes by the public host");
        self.public.send(call, bound).await
    }
}
