// SPDX-License-Identifier: Apache-2.0
//! A restore that is killed, or whose disk fills up, at each of its steps.

mod bed;
mod full;
mod killed;
