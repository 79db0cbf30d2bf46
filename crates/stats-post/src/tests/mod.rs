// SPDX-License-Identifier: Apache-2.0
//! A sidecar that is killed, or whose spool's disk is full, at each of its steps.

mod killed;
