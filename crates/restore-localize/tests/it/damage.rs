// SPDX-License-Identifier: Apache-2.0
//! Bytes that are not a whole snapshot: refused for what they are, whatever etcd's tool would make of
//! them; the volume holds nothing of them.

use std::collections::BTreeSet;

use snapshot::Digest;
use snapshot::Encoding::{Age, Zstd};
use stock::{Folder, Keys, Sample, flipped};

use crate::PLACE;
use crate::bed::{OF_3_5, Pod, small};

const PAGE: usize = 4096;
const TRAILER: usize = 32;
const META: u16 = 4;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;

/// The pages of a bolt file, as far as a test must know them.
struct Pages<'a>(&'a [u8]);

impl Pages<'_> {
    fn number<const N: usize>(&self, at: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&self.0[at..at + N]);
        u64::from_le_bytes(bytes)
    }

    fn form(&self, page: usize) -> u16 {
        self.number::<2>(page * PAGE + 8) as u16
    }

    /// Where an element of a page is.
    fn elements(&self, page: usize) -> impl Iterator<Item = usize> {
        let (at, count) = (page * PAGE, self.number::<2>(page * PAGE + 10) as usize);
        (0..count).map(move |number| at + 16 + number * 16)
    }

    /// All pages that can be reached from the root.
    fn reached(&self) -> BTreeSet<usize> {
        let newest = [0, 1].into_iter().max_by_key(|page| self.number::<8>(page * PAGE + 64));
        let root = self.number::<8>(newest.unwrap() * PAGE + 32) as usize;
        let (mut reached, mut pages) = (BTreeSet::from([0, 1]), vec![root]);
        while let Some(page) = pages.pop() {
            reached.extend(page..=page + self.number::<4>(page * PAGE + 12) as usize);
            pages.extend(self.elements(page).filter_map(|at| self.below(page, at)));
        }
        reached
    }

    /// The page that an element leads to.
    fn below(&self, page: usize, at: usize) -> Option<usize> {
        if self.form(page) == BRANCH {
            return Some(self.number::<8>(at + 8) as usize);
        }
        let is_bucket = self.number::<4>(at) == 1;
        let value = at + (self.number::<4>(at + 4) + self.number::<4>(at + 8)) as usize;
        let root = is_bucket.then(|| self.number::<8>(value) as usize);
        // A small bucket lies in its own entry.
        root.filter(|root| *root != 0)
    }
}

/// A place in every region of a snapshot.
fn regions(file: &[u8]) -> Vec<(&'static str, usize)> {
    let (pages, count) = (Pages(file), file.len() / PAGE);
    let reached = pages.reached();
    let first = |form| (2..count).find(|page| reached.contains(page) && pages.form(*page) == form);
    let free = (2..count).find(|page| !reached.contains(page)).unwrap();
    assert_eq!([pages.form(0), pages.form(1)], [META; 2]);
    let inside = |page: usize| page * PAGE + 24;
    vec![
        ("the first meta page", inside(0)),
        ("the second meta page", inside(1)),
        ("a branch", inside(first(BRANCH).unwrap())),
        ("a leaf", inside(first(LEAF).unwrap())),
        ("a free page", inside(free)),
        ("the trailer", file.len() - 1),
    ]
}

/// The same image with the trailer that it deserves.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len() - TRAILER);
    let sum = Digest::of(&file).0;
    file.extend(sum);
    file
}

/// Tools that would fail in other ways, or hide that there is anything wrong.
fn tools(pod: &Pod) -> [std::path::PathBuf; 3] {
    let used = pod.file("used");
    let note = format!("touch '{}'\n", used.display());
    [
        pod.tool.clone(),
        pod.fake("broken", &format!("{note}echo 'the tool is broken' >&2; exit 3")),
        pod.fake("endless", &format!("{note}exec sleep 600")),
    ]
}

#[test]
fn a_flipped_bit_is_found_by_its_hash_wherever_it_is() {
    let Some(pod) = Pod::new() else { return };
    for (region, at) in regions(&stock::small()) {
        for tool in tools(&pod) {
            let (folder, sample) = small();
            folder.write(&sample.data_key(), flipped(sample.stored(), at));
            let ended = pod.of(&folder).arg("--tool").arg(&tool).end();
            ended.assert(65, &[&sample.data_key(), "the digest of its stored bytes"]);
            pod.assert_untouched(region);
        }
    }
    assert!(!pod.file("used").exists(), "no tool was given damaged bytes");
}

#[test]
fn a_flipped_bit_in_another_form_is_found_too() {
    let Some(pod) = Pod::new() else { return };
    let keys = Keys::random();
    for form in [&[Zstd][..], &[Zstd, Age]] {
        let sample = Sample::etcd(PLACE, 1).encoded(form, Some(&keys));
        let length = sample.stored().len();
        // Behind an age header, in which a flipped bit can make the key fit no more.
        for at in [1000, length / 2, length - 1] {
            let folder = Folder::with(&[&sample]);
            folder.write(&sample.data_key(), flipped(sample.stored(), at));
            let run = pod.restore(&folder).arg("--identity-file").arg(keys.identity_file());
            run.end().assert(65, &[]);
            pod.assert_untouched(&format!("{form:?} at {at}"));
        }
    }
}

#[test]
fn a_flipped_bit_in_a_bare_file_is_found_by_its_trailer() {
    let Some(pod) = Pod::new() else { return };
    for (region, at) in regions(&stock::small()) {
        for tool in tools(&pod) {
            let bare = pod.file("bare.db");
            std::fs::write(&bare, flipped(&stock::small(), at)).unwrap();
            let run = pod.step().arg("--from").arg(format!("file://{}", bare.display()));
            let ended = run.arg("--tool").arg(&tool).end();
            ended.assert(65, &["bare.db", "damaged", "its trailer says SHA-256"]);
            pod.assert_untouched(region);
        }
    }
    assert!(!pod.file("used").exists(), "no tool was given damaged bytes");
}

/// Where a cut can come: between pages, just behind a page and as many bytes as a trailer has, before the
/// last byte, and so early that nothing is left.
fn cuts() -> Vec<Vec<u8>> {
    let whole = stock::small();
    let lengths = [PAGE * 6, PAGE * 6 + TRAILER, whole.len() - 1, TRAILER, 1, 0];
    lengths.into_iter().map(|length| whole[..length].to_vec()).collect()
}

#[test]
fn a_cut_object_is_refused() {
    let Some(pod) = Pod::new() else { return };
    for cut in cuts() {
        let what = format!("{} bytes", cut.len());
        let (folder, sample) = small();
        folder.write(&sample.data_key(), &cut);
        let shorter = pod.restore(&folder).end();
        shorter.assert(65, &[&sample.data_key(), "its manifest says"]);
        pod.assert_untouched(&what);
        // Cut before it was uploaded: its manifest is of the same bytes.
        let sample = Sample::new(PLACE, 1).content(cut.clone());
        let told = pod.restore(&Folder::with(&[&sample])).end();
        told.assert(65, &[&sample.id().to_string()]);
        pod.assert_untouched(&what);
        let bare = pod.file("bare.db");
        std::fs::write(&bare, cut).unwrap();
        pod.restore_bare(&bare).end().assert(65, &["bare.db"]);
        pod.assert_untouched(&what);
    }
}

#[test]
fn data_of_another_snapshot_is_refused() {
    let Some(pod) = Pod::new() else { return };
    let [one, two] = [Sample::etcd(PLACE, 2), Sample::etcd_of(PLACE, 1, OF_3_5.to_vec())];
    assert_eq!(one.stored().len(), two.stored().len(), "their lengths do not tell them apart");
    let folder = Folder::with(&[&one, &two]);
    folder.write(&one.data_key(), two.stored());
    folder.write(&two.data_key(), one.stored());
    for sample in [one, two] {
        let run = pod.restore(&folder).args(["--snapshot", &sample.id().to_string()]);
        run.end().assert(65, &[&sample.data_key(), "the digest of its stored bytes"]);
        pod.assert_untouched("swapped");
    }
}

#[test]
fn a_manifest_that_says_something_else_of_its_own_data_is_not_believed() {
    let Some(pod) = Pod::new() else { return };
    let sample = Sample::etcd(PLACE, 1).saying(|facts| facts.live_keys += 1);
    let ended = pod.restore(&Folder::with(&[&sample])).end();
    ended.assert(65, &["live keys", "its manifest says"]);
    pod.assert_untouched("another number of keys");
}

#[test]
fn another_kind_of_file_is_named() {
    let Some(pod) = Pod::new() else { return };
    // Of a length that a snapshot could have, and of one that it could not.
    for length in [4096 + TRAILER, 5000] {
        for (head, name) in [(&b"\x1f\x8b\x08\0"[..], "a gzip file"), (b"PK\x03\x04", "a zip file")]
        {
            let mut content = head.to_vec();
            content.resize(length, b'x');
            let sample = Sample::new(PLACE, 1).content(content.clone());
            pod.restore(&Folder::with(&[&sample])).end().assert(65, &[name]);
            let bare = pod.file("bare.db");
            std::fs::write(&bare, content).unwrap();
            pod.restore_bare(&bare).end().assert(65, &["bare.db", name]);
            pod.assert_untouched(name);
        }
    }
}

/// The trailer is right, and so is every digest: only who reads the database finds it out. It does not
/// wait for a tool that never ends, and a tool that fails is not what is blamed.
#[test]
fn a_database_that_contradicts_itself_is_refused_whatever_the_tool_does() {
    let Some(pod) = Pod::new() else { return };
    let pages = stock::small();
    for (region, at) in
        regions(&pages).into_iter().filter(|it| ["a branch", "a leaf"].contains(&it.0))
    {
        // Where a branch leads to, or how long a leaf's key is.
        let broken = sealed(flipped(&pages, at));
        for tool in tools(&pod) {
            let sample = Sample::new(PLACE, 1).content(broken.clone());
            let ended = pod.of(&Folder::with(&[&sample])).arg("--tool").arg(&tool).end();
            ended.assert(65, &["the snapshot's database is corrupt at page"]);
            pod.assert_untouched(region);
        }
    }
}
