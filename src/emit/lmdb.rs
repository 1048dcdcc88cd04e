//! LMDB databases, as Postfix (`lmdb:`) reads them: one file, written whole.
//!
//! The format is that of LMDB 0.9 (data version 1) on a 64-bit little-endian machine: two meta pages, then a B+ tree
//! of leaf pages in the order of the keys, branch pages above them, and overflow pages for long values. LMDB reads
//! the page size from the file, so that it need not be that of the machine which reads. Postfix locks the file
//! itself and needs no lock file beside it.

const PAGE: usize = 4096;
const PAGE_HEADER: usize = 16;
const NODE_HEADER: usize = 8;
/// A node that is larger than this keeps its value on overflow pages: two nodes have to fit into a page.
const LARGEST_NODE: usize = (((PAGE - PAGE_HEADER) / 2) & !1) - 2;
const LONGEST_KEY: usize = 511;

const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const OVERFLOW: u16 = 0x04;
const META: u16 = 0x08;
/// A flag of a node: its value is the number of its first overflow page.
const BIG: u16 = 0x01;
/// A flag of the list of free pages: its keys are numbers.
const INTEGER_KEY: u16 = 0x08;

const NO_PAGE: u64 = u64::MAX;
const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
/// What LMDB maps at least: Postfix's own default.
const LEAST_MAP: u64 = 16 << 20;

/// A key of more than 511 octets, or a value of more than 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// A page that a branch page will point to, and its first key.
struct Child {
    page: u64,
    first: Vec<u8>,
}

#[derive(Default)]
struct Tree {
    /// Everything after the meta pages.
    pages: Vec<u8>,
    branches: u64,
    leaves: u64,
    overflows: u64,
    entries: u64,
}

/// The database of these rows, which come sorted by key (shorter before longer) and have no key twice.
pub fn database<'r>(rows: impl Iterator<Item = (&'r [u8], &'r [u8])>) -> Result<Vec<u8>, TooLarge> {
    let mut tree = Tree::default();
    let mut level = tree.leaves(rows)?;
    let mut depth = u16::from(!level.is_empty());
    while level.len() > 1 {
        level = tree.branches(&level);
        depth += 1;
    }
    let root = level.first().map_or(NO_PAGE, |child| child.page);
    let mut file = Vec::with_capacity(2 * PAGE + tree.pages.len());
    for number in 0..2 {
        file.extend(tree.meta(number, depth, root));
    }
    file.extend(&tree.pages);
    Ok(file)
}

impl Tree {
    fn next_page(&self) -> u64 {
        2 + (self.pages.len() / PAGE) as u64
    }

    fn leaves<'r>(&mut self, rows: impl Iterator<Item = (&'r [u8], &'r [u8])>) -> Result<Vec<Child>, TooLarge> {
        let mut level = Vec::new();
        let mut page = Page::new(LEAF);
        for (key, value) in rows {
            if key.len() > LONGEST_KEY {
                return Err(TooLarge);
            }
            let length = u32::try_from(value.len()).map_err(|_| TooLarge)?;
            let node = if NODE_HEADER + key.len() + value.len() > LARGEST_NODE {
                let first = self.overflow(value);
                node(length, BIG, key, &first.to_le_bytes())
            } else {
                node(length, 0, key, value)
            };
            if !page.has_room(&node) {
                level.push(self.close(std::mem::replace(&mut page, Page::new(LEAF))));
            }
            page.push(key, &node);
            self.entries += 1;
        }
        if !page.nodes.is_empty() {
            level.push(self.close(page));
        }
        self.leaves = level.len() as u64;
        Ok(level)
    }

    fn overflow(&mut self, value: &[u8]) -> u64 {
        let first = self.next_page();
        let count = (PAGE_HEADER + value.len()).div_ceil(PAGE);
        let start = self.pages.len();
        self.pages.extend(first.to_le_bytes());
        self.pages.extend(0u16.to_le_bytes());
        self.pages.extend(OVERFLOW.to_le_bytes());
        self.pages.extend((count as u32).to_le_bytes());
        self.pages.extend(value);
        self.pages.resize(start + count * PAGE, 0);
        self.overflows += count as u64;
        first
    }

    /// The pages above these: the first key of each page is left out, since it is below all that is looked for.
    fn branches(&mut self, below: &[Child]) -> Vec<Child> {
        let mut level = Vec::new();
        let mut page = Page::new(BRANCH);
        for child in below {
            let mut node = branch_node(child, page.nodes.is_empty());
            if !page.has_room(&node) {
                level.push(self.close(std::mem::replace(&mut page, Page::new(BRANCH))));
                node = branch_node(child, true);
            }
            page.push(&child.first, &node);
        }
        level.push(self.close(page));
        self.branches += level.len() as u64;
        level
    }

    fn close(&mut self, page: Page) -> Child {
        let number = self.next_page();
        let (bytes, first) = page.finish(number);
        self.pages.extend(bytes);
        Child { page: number, first }
    }

    fn meta(&self, number: u64, depth: u16, root: u64) -> Vec<u8> {
        let last = self.next_page() - 1;
        let size = (last + 1) * PAGE as u64;
        let mut page = Vec::with_capacity(PAGE);
        page.extend(number.to_le_bytes());
        page.extend(0u16.to_le_bytes());
        page.extend(META.to_le_bytes());
        page.extend(0u32.to_le_bytes());
        page.extend(MAGIC.to_le_bytes());
        page.extend(VERSION.to_le_bytes());
        page.extend(0u64.to_le_bytes());
        page.extend(size.max(LEAST_MAP).to_le_bytes());
        // The list of free pages: it is empty; the page size stands in its place for padding.
        page.extend((PAGE as u32).to_le_bytes());
        page.extend(INTEGER_KEY.to_le_bytes());
        page.extend(0u16.to_le_bytes());
        page.extend([0u64, 0, 0, 0, NO_PAGE].iter().flat_map(|n| n.to_le_bytes()));
        // The tree.
        page.extend(0u32.to_le_bytes());
        page.extend(0u16.to_le_bytes());
        page.extend(depth.to_le_bytes());
        let counts = [self.branches, self.leaves, self.overflows, self.entries, root];
        page.extend(counts.iter().flat_map(|n| n.to_le_bytes()));
        page.extend(last.to_le_bytes());
        // The newer of the two meta pages counts: the second.
        page.extend(number.to_le_bytes());
        page.resize(PAGE, 0);
        page
    }
}

/// A page while it is filled.
struct Page {
    flags: u16,
    nodes: Vec<Vec<u8>>,
    first: Vec<u8>,
    used: usize,
}

impl Page {
    fn new(flags: u16) -> Page {
        Page { flags, nodes: Vec::new(), first: Vec::new(), used: PAGE_HEADER }
    }

    fn has_room(&self, node: &[u8]) -> bool {
        self.used + 2 + node.len() <= PAGE
    }

    fn push(&mut self, key: &[u8], node: &[u8]) {
        if self.nodes.is_empty() {
            self.first = key.to_vec();
        }
        self.used += 2 + node.len();
        self.nodes.push(node.to_vec());
    }

    /// The offsets of the nodes from the front, the nodes from the back.
    fn finish(self, number: u64) -> (Vec<u8>, Vec<u8>) {
        let lower = PAGE_HEADER + 2 * self.nodes.len();
        let upper = PAGE - self.nodes.iter().map(Vec::len).sum::<usize>();
        let mut page = Vec::with_capacity(PAGE);
        page.extend(number.to_le_bytes());
        page.extend(0u16.to_le_bytes());
        page.extend(self.flags.to_le_bytes());
        page.extend((lower as u16).to_le_bytes());
        page.extend((upper as u16).to_le_bytes());
        let mut at = PAGE;
        for node in &self.nodes {
            at -= node.len();
            page.extend((at as u16).to_le_bytes());
        }
        page.resize(upper, 0);
        for node in self.nodes.iter().rev() {
            page.extend(node);
        }
        (page, self.first)
    }
}

/// A node has an even length.
fn node(low: u32, flags: u16, key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut node = Vec::with_capacity(NODE_HEADER + key.len() + value.len() + 1);
    node.extend(low.to_le_bytes());
    node.extend(flags.to_le_bytes());
    node.extend((key.len() as u16).to_le_bytes());
    node.extend(key);
    node.extend(value);
    if node.len() % 2 == 1 {
        node.push(0);
    }
    node
}

/// The number of the page stands where a leaf has the length of the value and its flags.
fn branch_node(child: &Child, is_first: bool) -> Vec<u8> {
    let key = if is_first { &[][..] } else { &child.first[..] };
    node((child.page & 0xffff_ffff) as u32, (child.page >> 32) as u16, key, &[])
}
