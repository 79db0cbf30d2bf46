// SPDX-License-Identifier: Apache-2.0
//! Replays the fuzz target's seeds. A file's name says what must come of it:
//! `ok-FORM.WHAT` or `bad-FORM.ERROR.WHAT`.
//!
//! A form that begins with `unchecked-` is read without checking its signatures; the signed bodies
//! of the others continue AWS's chunked example.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sigv4::{Check, Framing};

use crate::example::example_chain;
use crate::invariants::hold;
use crate::reading::{check, read_whole, reader};

struct Seed {
    name: String,
    body: Vec<u8>,
}

fn seeds() -> Vec<Seed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/chunk_reader");
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| Seed {
            name: entry.file_name().into_string().unwrap(),
            body: fs::read(entry.path()).unwrap(),
        })
        .collect()
}

fn framing(form: &str) -> Framing {
    match form {
        "signed" => Framing::Signed,
        "signed-trailer" => Framing::SignedTrailer,
        "unsigned-trailer" => Framing::UnsignedTrailer,
        other => panic!("no form is named {other}"),
    }
}

fn verdict(seed: &Seed, form: &str) -> Result<(), String> {
    let check = match form.starts_with("unchecked-") {
        true => Check::Skip,
        false => check(&example_chain()),
    };
    let framing = framing(form.trim_start_matches("unchecked-"));
    read_whole(reader(framing, check), &seed.body).verdict.map_err(|error| {
        let text = format!("{error:?}");
        text.split(|char: char| !char.is_ascii_alphanumeric()).next().unwrap().to_owned()
    })
}

#[test]
fn each_seed_comes_out_as_its_name_says() {
    let mut forms = BTreeSet::new();
    for seed in seeds() {
        let parts: Vec<&str> = seed.name.split('.').collect();
        let (kind, form) = parts[0].split_once('-').unwrap();
        let expected = match (kind, parts.len()) {
            ("ok", 2) => Ok(()),
            ("bad", 3) => Err(parts[1].to_owned()),
            _ => panic!("{} is not named as seeds are", seed.name),
        };
        assert_eq!(verdict(&seed, form), expected, "{}", seed.name);
        forms.insert(format!("{kind} {form}"));
    }
    for form in ["signed", "signed-trailer", "unsigned-trailer"] {
        for kind in ["ok", "bad"] {
            assert!(forms.contains(&format!("{kind} {form}")), "no seed is {kind}-{form}");
        }
    }
}

#[test]
fn the_seeds_hold_what_the_fuzz_target_asks() {
    let chain = example_chain();
    for seed in seeds() {
        for size in [1, 2, 64] {
            let accepted = hold(&seed.body, &[size], &chain);
            assert!(accepted > 0 || seed.name.starts_with("bad-"), "{}", seed.name);
        }
    }
}
