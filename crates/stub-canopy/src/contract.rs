// SPDX-License-Identifier: Apache-2.0
//! The contract as data: which fields each body has, and of which form.
//!
//! Written apart from any client, so that a client's mistake is not also ours.

mod check;
mod shapes;

pub(crate) use check::{Ids, check};

use crate::route::Endpoint;

/// What a field holds.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// A text.
    Text,
    /// A UUID; any text unless the script is strict.
    Id,
    /// `true` or `false`.
    Boolean,
    /// A whole number from 0.
    Count,
    /// A number of seconds, whole or not, from 0.
    Seconds,
    /// A time as in RFC 3339.
    Time,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// Anything.
    Any,
    /// An object of any fields.
    Bag,
    /// An object of these fields.
    Object(&'static [Field]),
    /// An object whose every member is one of these fields, whatever its name.
    Map(&'static [Field]),
    /// A list of texts.
    Texts,
    /// A list of objects of these fields.
    Objects(&'static [Field]),
    /// A list of objects of these fields, or of bare texts, as it was before.
    ObjectsOrTexts(&'static [Field]),
}

/// Must a field be there?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    /// It may be absent or null.
    Optional,
}

/// One field of a body.
#[derive(Debug, Clone, Copy)]
struct Field {
    name: &'static str,
    form: Form,
    need: Need,
}

const fn required(name: &'static str, form: Form) -> Field {
    Field { name, form, need: Need::Required }
}

const fn optional(name: &'static str, form: Form) -> Field {
    Field { name, form, need: Need::Optional }
}

/// The fields of an endpoint's body.
fn fields(endpoint: Endpoint) -> &'static [Field] {
    match endpoint {
        Endpoint::RestoreCapabilities => shapes::RESTORE_CAPABILITIES,
        Endpoint::RestoreCredentials => shapes::RESTORE_CREDENTIALS,
        Endpoint::RestoreVerification => shapes::RESTORE_VERIFICATION,
        Endpoint::BackupCapabilities => shapes::BACKUP_CAPABILITIES,
        Endpoint::BackupCredentials => shapes::BACKUP_CREDENTIALS,
        Endpoint::BackupProgress => shapes::BACKUP_PROGRESS,
        Endpoint::BackupReport => shapes::BACKUP_REPORT,
        Endpoint::CanopyStats => shapes::CANOPY_STATS,
        Endpoint::CanopyProgress => shapes::CANOPY_PROGRESS,
        Endpoint::Servers | Endpoint::RestoreWorklist | Endpoint::BackupTarget => &[],
    }
}
