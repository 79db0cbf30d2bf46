// SPDX-License-Identifier: Apache-2.0
//! Bodies on their way through: what is promised of each form, and the bytes that moved.
//!
//! Nothing here holds a whole body. A pipeline holds at most one slice of hyper's read buffer, or
//! one 64 KiB chunk where chunks are signed again.

mod activity;
mod held;
mod passing;
mod pipeline;
mod plan;
mod resign;
mod small;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

pub(crate) use activity::Activity;
pub(crate) use held::Held;
pub(crate) use passing::Passing;
pub(crate) use pipeline::{Fault, FaultSlot, Pipeline, Stage, Watch};
pub(crate) use plan::{CallerChain, Outgoing, Plan, Request, Trust, plan};
pub(crate) use resign::Resigner;
pub(crate) use small::{Drained, SMALL_BODY, collect, drain};

/// Any failure of a body; hyper wraps it.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The one body type of both directions.
pub(crate) type BoxedBody = UnsyncBoxBody<Bytes, BoxError>;

/// The size of the chunks we write, as minio-go's.
pub(crate) const CHUNK: u64 = 64 * 1024;
