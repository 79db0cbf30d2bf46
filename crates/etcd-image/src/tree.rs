// SPDX-License-Identifier: Apache-2.0
//! Walks a bucket's tree: all entries, in the order of their keys.

use std::ops::ControlFlow;

use crate::entry::{Entry, Value};
use crate::error::Error;
use crate::page::{Element, Page};
use crate::pages::{Pages, Seen};

/// More levels than a database of any size has.
const DEEPEST: usize = 32;

/// Where a bucket's entries are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Root {
    /// In the tree that starts at a page.
    Page(u64),
    /// In `len` bytes from `at` on, in a leaf of page `number`.
    Inline { number: u64, at: u64, len: u64 },
}

/// What a visitor says of an entry: whether to go on.
pub(crate) type Visited = Result<ControlFlow<()>, Error>;

struct Branch {
    page: Page,
    next: u16,
    floor: u64,
}

/// Keys ascend through the whole tree, and none lies before the branch that leads to it.
#[derive(Default)]
struct Order {
    last: Vec<u8>,
    branch: Vec<u8>,
}

/// Hands each entry of a bucket to `visit`. Entries that are buckets themselves are told by the
/// flag.
pub(crate) fn walk(
    pages: &mut Pages<'_>,
    seen: &mut Seen,
    root: Root,
    mut visit: impl FnMut(&Entry<'_>, bool) -> Visited,
) -> Result<(), Error> {
    let mut path: Vec<Branch> = Vec::new();
    let mut order = Order::default();
    let mut page = match root {
        Root::Page(id) => pages.load(id, seen, Vec::new())?,
        Root::Inline { number, at, len } => pages.load_inline(number, at, len, Vec::new())?,
    };
    loop {
        // A leaf's buffer serves the next leaf; a branch keeps its own.
        let spare = if page.header.is_leaf {
            if visit_leaf(pages, &page, &mut order, &mut visit)?.is_break() {
                return Ok(());
            }
            page.held
        } else {
            if path.len() == DEEPEST {
                return Err(page.corrupt("the tree is deeper than any"));
            }
            path.push(Branch { floor: page.floor(), page, next: 0 });
            Vec::new()
        };
        let Some(child) = next_child(&mut path, &mut order)? else { return Ok(()) };
        page = pages.load(child, seen, spare)?;
    }
}

fn next_child(path: &mut Vec<Branch>, order: &mut Order) -> Result<Option<u64>, Error> {
    while path.last().is_some_and(|branch| branch.next == branch.page.header.count) {
        path.pop();
    }
    let Some(branch) = path.last_mut() else { return Ok(None) };
    let element = branch.page.element(branch.next, branch.floor)?;
    branch.next += 1;
    branch.floor = element.end();
    let key = &branch.page.held[element.key as usize..element.end() as usize];
    order.branch(key, &branch.page)?;
    Ok(Some(element.child))
}

fn visit_leaf(
    pages: &Pages<'_>,
    page: &Page,
    order: &mut Order,
    visit: &mut impl FnMut(&Entry<'_>, bool) -> Visited,
) -> Visited {
    let mut floor = page.floor();
    for index in 0..page.header.count {
        let element = page.element(index, floor)?;
        floor = element.end();
        order.leaf(pages, page, &element)?;
        let at_hand = page.held.len().min(element.end() as usize);
        let value = Value {
            len: element.value_len.into(),
            at_hand: page.held.get(element.value() as usize..at_hand).unwrap_or_default(),
            source: pages.source(),
            at: page.at + element.value(),
        };
        let entry = Entry { page: page.number, key: &order.last, value };
        if visit(&entry, element.is_bucket)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

impl Order {
    fn branch(&mut self, key: &[u8], page: &Page) -> Result<(), Error> {
        // As no key is empty, an empty last one is none.
        if (!self.last.is_empty() && key <= &self.last[..]) || key < &self.branch[..] {
            return Err(page.corrupt("its keys are not in order"));
        }
        self.branch.clear();
        self.branch.extend_from_slice(key);
        Ok(())
    }

    /// Leaves the element's key in `last`.
    fn leaf(&mut self, pages: &Pages<'_>, page: &Page, element: &Element) -> Result<(), Error> {
        let before = std::mem::take(&mut self.last);
        let (from, to) = (element.key as usize, element.value() as usize);
        let in_order = match page.held.get(from..to) {
            Some(key) => self.take(before, key),
            None => {
                let mut key = vec![0; element.key_len as usize];
                pages.source().read_exact_at(&mut key, page.at + element.key)?;
                self.take(before, &key)
            }
        };
        if in_order { Ok(()) } else { Err(page.corrupt("its keys are not in order")) }
    }

    fn take(&mut self, mut before: Vec<u8>, key: &[u8]) -> bool {
        let in_order = (before.is_empty() || key > &before[..]) && key >= &self.branch[..];
        before.clear();
        before.extend_from_slice(key);
        self.last = before;
        in_order
    }
}
