// SPDX-License-Identifier: Apache-2.0
//! Bodies that are read before anything is sent: small ones, empty ones in frames, multi-deletes.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::HeaderMap;
use hyper::body::Incoming;

use crate::body::{
    self, Activity, CallerChain, Fault, FaultSlot, Outgoing, Pipeline, Plan, SMALL_BODY, Stage,
    Watch,
};
use crate::forward::faulty;
use crate::gate::Admitted;
use crate::headers;
use crate::multi_delete;
use crate::policy::Permit;
use crate::proxy::Proxy;
use crate::s3_error::S3Error;
use crate::stage;
use crate::traffic::Traffic;

/// A multi-delete names up to 1,000 keys of up to 1,024 bytes, which XML may make six times longer.
const MULTI_DELETE: u64 = 8 * 1024 * 1024;

impl Proxy {
    pub(crate) async fn prepare_body(
        &self,
        plan: Plan,
        inbound: Incoming,
        caller: CallerChain,
        admitted: &Admitted,
        permit: Permit,
        headers: &mut HeaderMap,
    ) -> Result<Outgoing, S3Error> {
        let literal = plan.literal(&admitted.payload);
        if permit == Permit::IfKeysInBody {
            return self.read_multi_delete(&plan, inbound, &caller, headers).await;
        }
        if !self.is_held(&plan) {
            return Ok(Outgoing::Stream { plan, literal, inbound: Some(inbound), caller });
        }
        match plan {
            Plan::Plain { .. } | Plan::Verbatim { .. } => {
                let bytes = self.read(stage::verbatim(&plan), inbound, SMALL_BODY).await?;
                Ok(Outgoing::Held { bytes, literal })
            }
            Plan::Decode { .. } | Plan::Reframe { .. } | Plan::Resign { .. } => {
                self.read_decoded(&plan, inbound, &caller, SMALL_BODY, headers, literal).await
            }
        }
    }

    /// Small bodies are held, so that they can be sent again; so is an empty one in frames, which
    /// would be complete upstream before its frames are proven.
    fn is_held(&self, plan: &Plan) -> bool {
        match plan {
            Plan::Plain { length: Some(length) } => *length <= SMALL_BODY,
            Plan::Verbatim { length: Some(length), .. } => *length <= SMALL_BODY,
            Plan::Plain { length: None } | Plan::Verbatim { length: None, .. } => false,
            Plan::Decode { decoded, .. } => *decoded <= SMALL_BODY,
            Plan::Reframe { .. } | Plan::Resign { .. } => false,
        }
    }

    /// Takes the frames off a body that is held; over TLS it stays unsigned, as a large one would.
    async fn read_decoded(
        &self,
        plan: &Plan,
        inbound: Incoming,
        caller: &CallerChain,
        limit: u64,
        headers: &mut HeaderMap,
        literal: String,
    ) -> Result<Outgoing, S3Error> {
        let bytes = self.read(stage::decoded(plan, caller), inbound, limit).await?;
        headers::strip_framing(headers);
        Ok(Outgoing::Held { bytes, literal })
    }

    /// Reads the keys of a multi-delete and checks each; what was checked is what is sent.
    async fn read_multi_delete(
        &self,
        plan: &Plan,
        inbound: Incoming,
        caller: &CallerChain,
        headers: &mut HeaderMap,
    ) -> Result<Outgoing, S3Error> {
        let stage = match plan {
            Plan::Plain { .. } => Stage::Plain,
            _ => stage::decoded(plan, caller),
        };
        let bytes = self.read(stage, inbound, MULTI_DELETE).await?;
        headers::strip_framing(headers);
        for key in multi_delete::keys(&bytes)? {
            self.policy.check_key(key.as_bytes())?;
        }
        let literal = hex::encode(digest(&SHA256, &bytes));
        Ok(Outgoing::Held { bytes, literal })
    }

    /// Reads a body through a stage, with all that the stage checks.
    async fn read(&self, stage: Stage, inbound: Incoming, limit: u64) -> Result<Bytes, S3Error> {
        let watch = Watch {
            // What is read here is counted when it is sent.
            traffic: Arc::new(Traffic::default()),
            activity: Arc::new(Activity::start()),
            fault: FaultSlot::default(),
        };
        let (pipeline, _rest) = Pipeline::new(inbound, stage, watch.clone());
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let read = tokio::select! {
            read = body::collect(pipeline, limit) => read,
            () = watch.activity.idle(self.limits.idle) => {
                return Err(faulty(&Fault::Silent));
            }
        };
        match read {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => {
                Err(S3Error::bad("EntityTooLarge", "the body is larger than this request allows")
                    .closing())
            }
            Err(error) => match watch.fault.take() {
                Some(fault) => Err(faulty(&fault)),
                None => Err(S3Error::bad("IncompleteBody", error.to_string()).closing()),
            },
        }
    }
}
