//! Bindings whose pattern fits the message's key. Keys and patterns are words between dots; in a pattern `*`
//! stands for one word, and `#` for any number of them, also none.
//!
//! Patterns with the same beginning share it in a tree of words. A message's key walks down all the
//! branches that fit at the same time, a word at a time, so a pattern with many `#` does not cost more
//! than one that has as many nodes: nothing is tried twice.

use bytes::Bytes;
use hashbrown::{Equivalent, HashMap};
use indexmap::IndexSet;

use super::targets::{HashBuilder, Targets};
use super::{Binding, Destination, Destinations, Message};

const SEPARATOR: u8 = b'.';
const ONE_WORD: &[u8] = b"*";
const ANY_WORDS: &[u8] = b"#";

type NodeId = u32;
const ROOT: NodeId = 0;

/// The tree of all patterns.
#[derive(Clone, Debug)]
pub(super) struct Topic<D> {
    nodes: Vec<Node<D>>,
    /// Nodes that are not in use.
    free: Vec<NodeId>,
    /// The branches of all nodes for words, those with a meaning of their own excepted.
    branches: HashMap<Branch, NodeId>,
}

/// What patterns have come to here.
#[derive(Clone, Debug)]
struct Node<D> {
    /// Where patterns go that end here.
    targets: Targets<D>,
    one_word: Option<NodeId>,
    any_words: Option<NodeId>,
    /// How many words have a branch here.
    words: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Branch {
    from: NodeId,
    word: Bytes,
}

/// A branch to look for.
#[derive(Hash)]
struct BranchRef<'a> {
    from: NodeId,
    word: &'a [u8],
}

impl Equivalent<Branch> for BranchRef<'_> {
    fn equivalent(&self, branch: &Branch) -> bool {
        self.from == branch.from && self.word == branch.word
    }
}

/// Where a message has come to in the tree; kept for the room that it takes.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursors {
    /// Nodes that the words so far lead to. No two ways lead to the same one: a node has one parent.
    here: Vec<NodeId>,
    /// The same for one word more.
    next: Vec<NodeId>,
    /// Nodes behind a `#`: any further word leads to them again, so they stay.
    staying: IndexSet<NodeId, HashBuilder>,
    /// How many nodes messages have come to.
    #[cfg(test)]
    pub(super) visited: usize,
}

impl<D: Destination> Topic<D> {
    pub(super) fn bind(&mut self, binding: &Binding<D>) {
        let mut at = ROOT;
        for word in words(&binding.key) {
            at = match self.branch(at, word) {
                Some(next) => next,
                None => self.grow(at, &binding.key.slice_ref(word)),
            };
        }
        self.node_mut(at).targets.add(binding.destination);
    }

    pub(super) fn unbind(&mut self, binding: &Binding<D>) {
        let mut path = Vec::new();
        let mut at = ROOT;
        for word in words(&binding.key) {
            let Some(next) = self.branch(at, word) else {
                return;
            };
            path.push((at, word));
            at = next;
        }
        self.node_mut(at).targets.remove(binding.destination);
        // What nothing else needs goes, from the tip on.
        while let Some((from, word)) = path.pop() {
            if !self.node(at).is_bare() {
                break;
            }
            self.cut(from, word, at);
            at = from;
        }
    }

    pub(super) fn route(&self, message: &impl Message, to: &mut Destinations<D>) {
        for key in message.routing_keys() {
            self.route_key(key, to);
        }
    }

    fn route_key(&self, key: &[u8], to: &mut Destinations<D>) {
        let mut cursors = std::mem::take(&mut to.cursors);
        cursors.here.clear();
        cursors.staying.clear();
        cursors.here.push(ROOT);
        self.stay(ROOT, &mut cursors.staying);
        for word in words(key) {
            cursors.next.clear();
            #[cfg(test)]
            {
                cursors.visited += cursors.here.len() + cursors.staying.len();
            }
            for at in cursors.here.iter().chain(&cursors.staying) {
                let branch = BranchRef { from: *at, word };
                cursors.next.extend(self.branches.get(&branch));
                cursors.next.extend(self.node(*at).one_word);
            }
            for at in &cursors.next {
                self.stay(*at, &mut cursors.staying);
            }
            std::mem::swap(&mut cursors.here, &mut cursors.next);
        }
        for at in cursors.here.iter().chain(&cursors.staying) {
            self.node(*at).targets.add_to(to);
        }
        to.cursors = cursors;
    }

    /// From where patterns go on with `#`, the key is behind it without another word.
    fn stay(&self, mut at: NodeId, staying: &mut IndexSet<NodeId, HashBuilder>) {
        while let Some(behind) = self.node(at).any_words {
            if !staying.insert(behind) {
                return;
            }
            at = behind;
        }
    }

    fn node(&self, id: NodeId) -> &Node<D> {
        &self.nodes[id as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node<D> {
        &mut self.nodes[id as usize]
    }

    /// Where a word of a pattern leads.
    fn branch(&self, from: NodeId, word: &[u8]) -> Option<NodeId> {
        match word {
            ONE_WORD => self.node(from).one_word,
            ANY_WORDS => self.node(from).any_words,
            _ => self.branches.get(&BranchRef { from, word }).copied(),
        }
    }

    fn grow(&mut self, from: NodeId, word: &Bytes) -> NodeId {
        let id = self.free.pop().unwrap_or_else(|| {
            let id = NodeId::try_from(self.nodes.len()).expect("nodes fit in memory");
            self.nodes.push(Node::default());
            id
        });
        match &word[..] {
            ONE_WORD => self.node_mut(from).one_word = Some(id),
            ANY_WORDS => self.node_mut(from).any_words = Some(id),
            _ => {
                let word = word.clone();
                self.branches.insert(Branch { from, word }, id);
                self.node_mut(from).words += 1;
            }
        }
        id
    }

    fn cut(&mut self, from: NodeId, word: &[u8], id: NodeId) {
        match word {
            ONE_WORD => self.node_mut(from).one_word = None,
            ANY_WORDS => self.node_mut(from).any_words = None,
            _ => {
                self.branches.remove(&BranchRef { from, word });
                self.node_mut(from).words -= 1;
            }
        }
        *self.node_mut(id) = Node::default();
        self.free.push(id);
    }
}

impl<D: Destination> Node<D> {
    /// Whether no pattern ends here or goes on from here.
    fn is_bare(&self) -> bool {
        let goes_on = self.words > 0 || self.one_word.is_some() || self.any_words.is_some();
        self.targets.is_empty() && !goes_on
    }
}

impl<D> Default for Node<D> {
    fn default() -> Self {
        Self {
            targets: Targets::default(),
            one_word: None,
            any_words: None,
            words: 0,
        }
    }
}

impl<D> Default for Topic<D> {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            free: Vec::new(),
            branches: HashMap::default(),
        }
    }
}

/// The words of a key; an empty key has none, as RabbitMQ has it.
fn words(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    let words = (!key.is_empty()).then(|| key.split(|octet| *octet == SEPARATOR));
    words.into_iter().flatten()
}

#[cfg(test)]
impl<D> Topic<D> {
    /// How much is in the tree: nodes in use, and branches.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.nodes.len() - self.free.len(), self.branches.len())
    }
}
